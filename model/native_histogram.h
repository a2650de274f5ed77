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

/* A staleness marker among histograms: its sum is the stale NaN (model/stale.h). */
bool native_histogram_is_stale(const struct native_histogram *h);

#endif
