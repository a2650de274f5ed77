/* derived_buckets.h - classic buckets made of exponential ones when they are asked for. Private to
 * query/. */
#ifndef WEFT_QUERY_DERIVED_BUCKETS_H
#define WEFT_QUERY_DERIVED_BUCKETS_H

#include "base/arena.h"
#include "model/histogram.h"

/* One bound, and where it lies among the exponential buckets. */
struct derived_bound {
    double seconds;  /* INFINITY: everything */
    struct str text; /* as `le` says it, in the family's unit; arena or static */
    int32_t index;   /* the bucket that it cuts, HISTOGRAM_INDEX_MAX + 1 for INFINITY */
    double share;    /* of that bucket that lies at or below it; 0 and 1 are exact */
};

/* `seconds` > 0. `milliseconds`: the unit of the text. False when memory is short. */
bool derived_bound_make(double seconds, bool milliseconds, struct arena *arena,
                        struct derived_bound *out) NODISCARD;
/* The bound lies on a border: counts at it are exact. */
bool derived_bound_is_exact(const struct derived_bound *b);

/* Observations at or below a bound: all of `below` and the bound's share of `cut`; 2^-16. */
struct bound_count {
    uint64_t below, cut;
};
/* Adds the observations of h at or below each of the bounds (ascending). */
void derived_bounds_count(const struct histogram *h, const struct derived_bound *bounds,
                          size_t count, struct bound_count *to);

#endif
