/* sample_guess.h - what the sum of a classic histogram should be, from its buckets: most of what a
 * sum does is known from them, so that only the rest is stored. Private to storage/sample_* and
 * storage/series_*. */
#ifndef WEFT_STORAGE_SAMPLE_GUESS_H
#define WEFT_STORAGE_SAMPLE_GUESS_H

#include "base/err.h"
#include "base/vec.h"

/* The cumulative buckets of one family, by ascending bound. All-zero: there is none. */
struct sample_family {
    VEC(int64_t) counts; /* by bucket, then sample */
    VEC(double) bounds;
    uint32_t samples; /* of each bucket */
};

/* Frees what the family owns; it is empty again. */
void sample_family_deinit(struct sample_family *f);
/* Forgets the buckets. */
void sample_family_reset(struct sample_family *f);
/* Adds the next bucket; all have equally many samples. False when memory is short. */
bool sample_family_add(struct sample_family *f, double bound, const int64_t *counts,
                       uint32_t samples) NODISCARD;
/* The sums, times 10^decimals, if each observation lay in the middle of its bucket. Integers only:
 * the same on every machine. */
void sample_family_guess(const struct sample_family *f, double power_of_ten, int64_t *out);

#endif
