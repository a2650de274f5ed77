/* histogram.h - sparse base-2 exponential histogram of latencies, scale 6, bucket borders in
 * seconds. Bucket i covers (2^(i/64), 2^((i+1)/64)] s; a zero duration has its own exact bucket.
 * Source: OpenTelemetry data model, ExponentialHistogram; Prometheus native histograms use index +
 * 1 at schema 6. A quantile is answered at the harmonic mid-point 2ab/(a+b) of its bucket (clamped
 * to min and max): at most HISTOGRAM_RELATIVE_ERROR away from the exact value. */
#ifndef WEFT_MODEL_HISTOGRAM_H
#define WEFT_MODEL_HISTOGRAM_H

#include "base/err.h"
#include "model/u128.h"

#define HISTOGRAM_SCALE          6
#define HISTOGRAM_RELATIVE_ERROR 0.0054159 /* (b-a)/(b+a) for b/a = 2^(1/64), rounded up */
#define HISTOGRAM_REPORTED_ERROR 0.0055    /* what answers state */
/* Weights are fixed point: one whole request is WEIGHT_ONE. */
#define WEIGHT_SHIFT 16
#define WEIGHT_ONE   (UINT64_C(1) << WEIGHT_SHIFT)

/* Buckets of 1 ns and of UINT64_MAX ns. */
enum { HISTOGRAM_INDEX_MIN = -1914, HISTOGRAM_INDEX_MAX = 2182 };
#define HISTOGRAM_INDEX_COUNT (HISTOGRAM_INDEX_MAX - HISTOGRAM_INDEX_MIN + 1)

struct histogram_bucket {
    int32_t index;
    uint64_t weight; /* 2^-16; never 0 in a normalised histogram */
};

/* All-zero is a valid empty histogram. One thread at a time. */
struct histogram {
    uint64_t weight;                  /* all observations, 2^-16 */
    uint64_t zero;                    /* of them: duration exactly 0 */
    u128 sum;                         /* ns * 2^-16: exact */
    uint64_t min_ns, max_ns;          /* exact; meaningless when weight is 0 */
    struct histogram_bucket *buckets; /* owned, ascending by index */
    uint32_t bucket_count, bucket_cap;
};

/* Frees the buckets; h is empty again. */
void histogram_deinit(struct histogram *h);
/* Empties and keeps the memory. */
void histogram_reset(struct histogram *h);
/* Room for `need` buckets in all. False when memory is short. */
bool histogram_reserve(struct histogram *h, uint32_t need) NODISCARD;
/* Bucket of a duration > 0. Exact for every uint64_t. */
int32_t histogram_index(uint64_t ns);
/* Upper border of a bucket in ns (the lower border of index + 1). */
double histogram_upper_ns(int32_t index);
/* The longest whole duration that lies in the bucket or below: exact, up to HISTOGRAM_INDEX_MAX. */
uint64_t histogram_upper_floor_ns(int32_t index);
/* False when memory is short; the histogram is unchanged then. */
bool histogram_add(struct histogram *h, uint64_t ns, uint64_t weight) NODISCARD;
/* Adds `from` into `to`: exact, commutative, associative. */
bool histogram_merge(struct histogram *to, const struct histogram *from) NODISCARD;
/* Nearest rank ceil(q*n) in ns; q = 0 and 1 give the exact minimum and maximum. 0 when empty. */
double histogram_quantile_ns(const struct histogram *h, double q);
/* Observations as a count (weights rounded to whole requests). */
uint64_t histogram_count(const struct histogram *h);
double histogram_mean_ns(const struct histogram *h);

/* As histogram_merge with ascending buckets of distinct index and no sums: weight, zero, sum, min
 * and max stay. */
bool histogram_merge_buckets(struct histogram *to, const struct histogram_bucket *from,
                             uint32_t count) NODISCARD;

/* The bytes of docs/formats/histogram.md: the same histogram gives the same bytes. */
void histogram_encode(const struct histogram *h, struct buf *out);
/* Adds an encoded histogram straight into *into (a decode without a copy). ST_CORRUPT on damage,
 * ST_NO_MEMORY. */
enum status histogram_decode_add(struct cursor *in, struct histogram *into, struct err *e);
/* Steps over one. */
enum status histogram_skip(struct cursor *in, struct err *e);

#endif
