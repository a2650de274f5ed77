/* native_histogram_wire.h - native histograms from and to the forms in which they travel: spans
 * with counts or deltas (remote write), dense exponential buckets (OTLP). Incoming ones are judged
 * here. Source: Prometheus, "Native histograms" and remote write specifications. */
#ifndef WEFT_MODEL_NATIVE_HISTOGRAM_WIRE_H
#define WEFT_MODEL_NATIVE_HISTOGRAM_WIRE_H

#include "model/native_histogram.h"

/* Most buckets of one side that are taken. */
enum { NATIVE_BUCKETS_MAX = 16384 };

/* offset: gap to the bucket behind the span before; of the first one its index. */
struct native_span {
    int32_t offset;
    uint32_t length;
};

/* One side: the buckets as differences to their predecessor (integer histograms; the first is
 * absolute), or as counts (float histograms). */
struct native_span_buckets {
    const struct native_span *spans; /* borrowed */
    uint32_t span_count;
    const int64_t *deltas; /* borrowed; NULL for a float histogram */
    const double *counts;  /* borrowed; NULL for an integer histogram */
    uint32_t bucket_count;
};

/* What remote write says of one histogram; everything is borrowed. */
struct native_wire {
    bool is_float;
    double count, sum, zero_threshold, zero_count; /* integer ones: whole numbers below 2^53, or
                                                      rounded */
    int32_t schema;
    struct native_span_buckets positive, negative;
    const double *bounds; /* custom values, schema -53 only */
    uint32_t bound_count;
    uint32_t hint; /* ResetHint */
};

/* Judges and converts; arrays, bounds too, are copied to `arena`. Schemas above 8 (up to 52) are
 * reduced to 8. ST_INVALID names the fault (count and buckets disagree, negative counts, spans and
 * buckets disagree, bounds not ascending, ...), ST_NO_MEMORY. A stale marker (by its sum) is taken
 * without a look at the rest. */
enum status native_histogram_from_wire(const struct native_wire *wire, struct arena *arena,
                                       struct native_histogram *out, struct err *e);

/* Dense buckets of an OTLP exponential histogram: buckets[i] counts index offset + i. */
struct native_dense {
    int32_t offset;
    const uint64_t *counts; /* borrowed */
    uint32_t count;
};

/* An OTLP ExponentialHistogramDataPoint. */
struct native_otlp {
    int32_t scale;
    uint64_t count, zero_count;
    double sum; /* 0 when it is not told */
    double zero_threshold;
    struct native_dense positive, negative;
};

/* Scale above 8 is brought down to 8; below -4 ST_INVALID. A zero_threshold of 0 becomes 1e-128,
 * Prometheus' default. ST_INVALID: count and buckets disagree, too many buckets. ST_NO_MEMORY. The
 * hint is RESET_UNKNOWN. */
enum status native_histogram_from_otlp(const struct native_otlp *point, struct arena *arena,
                                       struct native_histogram *out, struct err *e);

/* An OTLP explicit-bucket histogram (or a classic one) as NHCB: counts[i] of bound i, one more
 * count than bounds. A last bound of +Inf is left out. ST_INVALID: bounds not ascending or NaN,
 * count mismatch. */
enum status native_histogram_from_bounds(const double *bounds, uint32_t bound_count,
                                         const uint64_t *counts, double sum, struct arena *arena,
                                         struct native_histogram *out, struct err *e);

/* A side as spans and counts, for remote write out; gaps of up to two buckets are filled with empty
 * ones, as Prometheus does. Arrays live in `arena`. ST_NO_MEMORY. */
struct native_spans {
    struct native_span *spans;
    double *counts;
    uint32_t span_count, bucket_count;
};
enum status native_buckets_to_spans(const struct native_buckets *buckets, struct arena *arena,
                                    struct native_spans *out);

#endif
