/* derived_buckets.c - bounds among exponential buckets; a bucket that a bound cuts is shared out as
 * its logarithm, which is how PromQL reads native histograms too. */
#include "query/derived_buckets.h"

#include "base/number_text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Bounds this near to a border mean the border: a decimal text is rarely all of it. */
#define NEAR_BORDER 1e-9

/* 1.005 s times 1000 is 1004.9999999999999: twelve digits are more than anybody writes. */
static double in_milliseconds(double seconds)
{
    char text[40];
    snprintf(text, sizeof(text), "%.12g", seconds * 1000);
    return strtod(text, NULL);
}

static bool bound_text(double seconds, bool milliseconds, struct arena *arena, struct str *out)
{
    struct buf text = {0};
    number_append_shortest(&text, milliseconds ? in_milliseconds(seconds) : seconds);
    *out = text.failed ? (struct str){0} : arena_dup_str(arena, buf_str(&text));
    buf_deinit(&text);
    return out->len > 0;
}

bool derived_bound_make(double seconds, bool milliseconds, struct arena *arena,
                        struct derived_bound *out)
{
    *out = (struct derived_bound){
        .seconds = seconds, .text = STR("+Inf"), .index = HISTOGRAM_INDEX_MAX + 1};
    if (isinf(seconds))
        return true;
    double place = log2(seconds) * (1 << HISTOGRAM_SCALE), below = floor(place);
    out->share = place - below;
    if (out->share < NEAR_BORDER || out->share > 1 - NEAR_BORDER) {
        below = round(place);
        out->share = 0;
    }
    out->index = (int32_t)fmin(fmax(below, HISTOGRAM_INDEX_MIN), HISTOGRAM_INDEX_MAX + 1);
    return bound_text(seconds, milliseconds, arena, &out->text);
}

bool derived_bound_is_exact(const struct derived_bound *b)
{
    return b->share == 0;
}

void derived_bounds_count(const struct histogram *h, const struct derived_bound *bounds,
                          size_t count, struct bound_count *to)
{
    uint64_t whole = h->zero;
    uint32_t at = 0;
    for (size_t i = 0; i < count; i++) {
        while (at < h->bucket_count && h->buckets[at].index < bounds[i].index)
            whole += h->buckets[at++].weight;
        to[i].below += whole;
        if (at < h->bucket_count && h->buckets[at].index == bounds[i].index)
            to[i].cut += h->buckets[at].weight;
    }
}
