/* native_histogram.h - a histogram sample of Prometheus: base-2 exponential buckets of schema -4 to
 * 8, or custom bounds (schema -53, "NHCB"), float counts. Source: Prometheus, "Native histograms"
 * specification. Bucket i of a positive side at schema n covers (2^(2^-n*(i-1)), 2^(2^-n*i)];
 * negative ones mirror it; the zero bucket is [-zero_threshold, zero_threshold]. With custom bounds
 * bucket i (from 0) covers (bounds[i-1], bounds[i]], the last one ends at +Inf.
 * weft's own latencies are model/histogram.h; this is the form in which series hold them. */
#ifndef WEFT_MODEL_NATIVE_HISTOGRAM_H
#define WEFT_MODEL_NATIVE_HISTOGRAM_H

#include "base/arena.h"
#include "base/err.h"

enum { NATIVE_SCHEMA_MIN = -4, NATIVE_SCHEMA_MAX = 8, NATIVE_SCHEMA_CUSTOM = -53 };

/* Stored and on the wire (remote write's ResetHint): never renumber. */
enum counter_reset_hint { RESET_UNKNOWN = 0, RESET_YES = 1, RESET_NO = 2, RESET_GAUGE = 3 };

struct native_bucket {
    int32_t index;
    double count; /* absolute, not a delta to its neighbour */
};

struct native_buckets {
    struct native_bucket *items; /* ascending by index, distinct; borrowed */
    uint32_t count;
};

/* Plain data; arrays belong to whoever made them (an arena). Immutable once shared. */
struct native_histogram {
    double count, sum, zero_count, zero_threshold;
    struct native_buckets positive, negative; /* empty buckets are left out when it is compact */
    const double *bounds;                     /* schema -53: ascending, without +Inf; borrowed */
    uint32_t bound_count;
    int8_t schema;
    uint8_t hint; /* enum counter_reset_hint */
};

static inline bool native_histogram_is_custom(const struct native_histogram *h)
{
    return h->schema == NATIVE_SCHEMA_CUSTOM;
}

/* A staleness marker among histograms: its sum is the stale NaN (model/stale.h). */
bool native_histogram_is_stale(const struct native_histogram *h);

/* A copy whose arrays, bounds too, live in `arena`; NULL when memory is short. Any thread. */
struct native_histogram *native_histogram_copy(const struct native_histogram *h,
                                               struct arena *arena) NODISCARD;
/* Leaves empty buckets out, in place: only before it is shared. */
void native_histogram_compact(struct native_histogram *h);
/* A copy of which every count and the sum are multiplied (divided). Division by zero leaves no
 * bucket. A negative factor makes a gauge of it. The bounds are shared with `h`. NULL: no memory.
 */
struct native_histogram *native_histogram_scale(const struct native_histogram *h, double factor,
                                                struct arena *arena) NODISCARD;
struct native_histogram *native_histogram_divide(const struct native_histogram *h, double by,
                                                 struct arena *arena) NODISCARD;
/* Pairs neighbours until the schema is `schema`, in place; nothing when it is that low already or
 * has custom bounds. */
void native_histogram_reduce(struct native_histogram *h, int8_t schema);

/* The same but for empty buckets and the hint; NaN equals NaN. == and != of PromQL, changes(). */
bool native_histogram_equal(const struct native_histogram *a, const struct native_histogram *b);
/* Did the counter start anew between `before` and `h`? The hint of `h` decides when it knows, else:
 * a count fell, a bucket vanished, the zero bucket shrank, the schema rose, exponential buckets
 * became custom ones or the reverse. Different custom bounds are compared at those in common. */
bool native_histogram_is_reset(const struct native_histogram *h,
                               const struct native_histogram *before);
/* Upper bound of a positive bucket, exact where a double can be: powers of two, 0 or +Inf beyond
 * the range of doubles. The lower bound is that of index - 1. */
double native_exponential_bound(int32_t index, int8_t schema);
/* The index at a lower schema: ceil(index / 2^steps). */
int32_t native_index_reduce(int32_t index, unsigned steps);

/* `threshold` of a zero bucket, widened until it cuts no bucket that counts something. */
double native_zero_fit(const struct native_histogram *h, double threshold);
/* How many buckets, from the first of a side, lie within a zero bucket of that width. */
uint32_t native_zero_covers(const struct native_buckets *side, int8_t schema, double threshold);

struct native_range {
    double lower, upper, count;
    int8_t side;               /* -1, 0 (zero bucket), 1 */
    bool has_lower, has_upper; /* the bound itself belongs to it */
};
/* Buckets in order of value: negative from far to near, the zero bucket when it counts something,
 * positive. Bounds end at the zero bucket; the first of custom ones is open to -Inf. */
uint32_t native_histogram_range_count(const struct native_histogram *h);
/* `at` is below native_histogram_range_count(). */
struct native_range native_histogram_range(const struct native_histogram *h, uint32_t at);

#endif
