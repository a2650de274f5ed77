/* sample_guess.c - the sum of a classic histogram as its buckets tell it. */
#include "storage/sample_guess.h"

#include <math.h>
#include <string.h>

void sample_family_deinit(struct sample_family *f)
{
    vec_deinit(&f->counts);
    vec_deinit(&f->bounds);
    *f = (struct sample_family){0};
}

void sample_family_reset(struct sample_family *f)
{
    f->counts.len = f->bounds.len = 0;
    f->samples = 0;
}

bool sample_family_add(struct sample_family *f, double bound, const int64_t *counts,
                       uint32_t samples)
{
    if (!vec_reserve(&f->counts, samples) || !vec_push(&f->bounds, bound))
        return false;
    memcpy(f->counts.items + f->counts.len, counts, samples * sizeof(*counts));
    f->counts.len += samples;
    f->samples = samples;
    return true;
}

/* What one observation in bucket b adds to the sum. */
static int64_t weight_of(const struct sample_family *f, size_t b, double power_of_ten)
{
    const double largest = 4503599627370496.0;
    double low = b > 0 ? f->bounds.items[b - 1] : 0, high = f->bounds.items[b];
    double middle = isinf(high) ? low : (low + high) / 2;
    double weight = middle * power_of_ten;
    return fabs(weight) < largest ? llrint(weight) : 0;
}

void sample_family_guess(const struct sample_family *f, double power_of_ten, int64_t *out)
{
    memset(out, 0, f->samples * sizeof(*out));
    for (size_t b = 0; b < f->bounds.len; b++) {
        /* Counts are cumulative: bucket b counts for itself and not for the one above. */
        uint64_t factor = (uint64_t)weight_of(f, b, power_of_ten);
        if (b + 1 < f->bounds.len)
            factor -= (uint64_t)weight_of(f, b + 1, power_of_ten);
        const int64_t *counts = f->counts.items + b * f->samples;
        for (uint32_t i = 0; i < f->samples; i++)
            out[i] = (int64_t)((uint64_t)out[i] + factor * (uint64_t)counts[i]);
    }
}
