/* promql_histogram.h - PromQL on histograms, native and classic: quantiles, fractions, moments,
 * trims, rates and sums. Notes and their texts are Prometheus'. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_HISTOGRAM_H
#define WEFT_QUERY_PROMQL_HISTOGRAM_H

#include "model/native_histogram_sum.h"
#include "query/annotations.h"

/* Who asks: results live in `arena`, notes point at `at`. */
struct histogram_ask {
    struct arena *arena;
    struct annotations *notes;
    const struct promql_span *at; /* of the argument, as Prometheus points at it */
    struct str metric;            /* for the notes; empty: none is named */
    int64_t time_ms;              /* of the step, where a note tells it */
    bool is_again;                /* these buckets were asked before: what was mended is told */
};

/* A note with ` for metric name "..."` behind the text when one is known. */
void histogram_note(const struct histogram_ask *ask, enum annotation_level level, const char *text);

/* Results of the calls below are NULL without an error when the notes say why there is none. */

/* histogram_quantile of a native histogram. q outside 0 to 1 gives -Inf or +Inf (the caller notes
 * "quantile value should be between 0 and 1"). NaN observations are noted. */
double native_quantile(const struct histogram_ask *ask, const struct native_histogram *h, double q);
/* histogram_fraction of a native histogram. */
double native_fraction(const struct histogram_ask *ask, const struct native_histogram *h,
                       double lower, double upper);
/* histogram_stdvar; histogram_stddev is its root. */
double native_variance(const struct native_histogram *h);
/* histogram_avg. */
double native_average(const struct native_histogram *h);

/* A bucket of a classic histogram: `count` observations up to `upper`. */
struct classic_bucket {
    double upper; /* of the label le; +Inf for the last */
    double count; /* cumulative */
};
/* histogram_quantile of a classic histogram; sorts and repairs `buckets` in place. Notes a repair
 * that monotonicity needed. */
double classic_quantile(const struct histogram_ask *ask, struct classic_bucket *buckets,
                        size_t count, double q);
/* histogram_fraction of a classic histogram; sorts and repairs likewise, notes nothing. */
double classic_fraction(struct classic_bucket *buckets, size_t count, double lower, double upper);

/* h </ bound keeps what was observed below, h >/ bound what was above. ST_NO_MEMORY. */
enum status native_trim_above(const struct native_histogram *h, double bound, struct arena *arena,
                              struct native_histogram **out); /* h </ bound */
enum status native_trim_below(const struct native_histogram *h, double bound, struct arena *arena,
                              struct native_histogram **out); /* h >/ bound */

/* a + b and a - b of PromQL. *out NULL: incompatible schemas, noted as "incompatible bucket layout
 * encountered for binary operator". `ask->at` is the operation. ST_NO_MEMORY. */
enum status native_binary_add(const struct histogram_ask *ask, const struct native_histogram *a,
                              const struct native_histogram *b, struct native_histogram **out);
enum status native_binary_sub(const struct histogram_ask *ask, const struct native_histogram *a,
                              const struct native_histogram *b, struct native_histogram **out);

/* The growth over a window of at least one histogram, none of them NULL, without extrapolation: of
 * a counter (rate, increase) resets are added up, of a gauge (delta) it is last - first. *out NULL:
 * exponential and custom buckets are mixed, noted. The caller multiplies with its factor; for the
 * clamp at zero it compares points[0]->count with (*out)->count. ST_NO_MEMORY. */
enum status native_window_growth(const struct histogram_ask *ask,
                                 const struct native_histogram *const *points, size_t count,
                                 bool is_counter, struct native_histogram **out);
/* irate (is_counter) and idelta before division by the interval; likewise. */
enum status native_instant_growth(const struct histogram_ask *ask,
                                  const struct native_histogram *before,
                                  const struct native_histogram *last, bool is_counter,
                                  struct native_histogram **out);

/* sum and avg over series, sum_over_time and avg_over_time over a window: histograms one by one.
 * Start with {.sum = {.arena = a}, .is_average = ...}. */
struct histogram_total {
    struct native_sum sum;
    double count; /* of histograms added */
    bool is_average;
    bool is_mean;  /* sum holds the mean so far: a plain sum would overflow */
    bool is_mixed; /* exponential and custom buckets met: there is no result */
};
/* ST_NO_MEMORY. */
enum status histogram_total_add(struct histogram_total *t, const struct native_histogram *h);
/* "vector contains a mix of histograms with exponential and custom buckets schemas ...": whoever
 * adds notes it, with the metric that does not fit. */
void histogram_note_mixed(const struct histogram_ask *ask);
/* Notes conflicting counter resets and reconciled bounds; *out NULL when mixed or when nothing was
 * added. ST_NO_MEMORY. */
enum status histogram_total_take(const struct histogram_total *t, const struct histogram_ask *ask,
                                 struct native_histogram **out);

#endif
