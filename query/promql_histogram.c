/* promql_histogram.c - quantiles, fractions and moments of native histograms. */
#include "query/promql_histogram.h"
#include "query/promql_quote.h"

#include <math.h>

void histogram_note(const struct histogram_ask *ask, enum annotation_level level, const char *text)
{
    struct buf all = {0};
    buf_append_str(&all, str_from_c(text));
    if (ask->metric.len > 0) {
        buf_append_str(&all, STR(" for metric name "));
        promql_quote(ask->metric, &all);
    }
    annotations_add(ask->notes, level, ask->at, "%.*s", STR_ARG(all));
    buf_deinit(&all);
}

/* The zero bucket of a histogram with buckets on one side only ends at zero. */
static void cut_zero_bucket(const struct native_histogram *h, struct native_range *r)
{
    if (r->side != 0)
        return;
    if (h->negative.count == 0 && h->positive.count > 0)
        r->lower = 0;
    else if (h->positive.count == 0 && h->negative.count > 0)
        r->upper = 0;
}

/* Custom buckets and the zero bucket spread linearly, others as their borders do. */
static bool is_linear(const struct native_histogram *h, const struct native_range *r)
{
    return native_histogram_is_custom(h) || r->side == 0;
}

/* Bucket at which the counts, taken from one end, reach `rank`; *count is their sum then. An empty
 * histogram gives the zero bucket. */
static struct native_range range_of_rank(const struct native_histogram *h, double rank,
                                         bool from_top, double *count)
{
    struct native_range range = {-h->zero_threshold, h->zero_threshold, 0, 0, true, true};
    uint32_t ranges = native_histogram_range_count(h);
    *count = 0;
    for (uint32_t i = 0; i < ranges; i++) {
        struct native_range next = native_histogram_range(h, from_top ? ranges - 1 - i : i);
        if (next.count == 0)
            continue;
        range = next;
        *count += range.count;
        if (*count >= rank)
            break;
    }
    /* Sums of many floats may exceed the total by their last digits. */
    *count = MIN(*count, h->count);
    return range;
}

static double value_within(const struct native_histogram *h, const struct native_range *r,
                           double fraction)
{
    if (is_linear(h, r))
        return r->lower + (r->upper - r->lower) * fraction;
    double log_lower = log2(fabs(r->lower)), log_upper = log2(fabs(r->upper));
    if (r->side > 0)
        return exp2(log_lower + (log_upper - log_lower) * fraction);
    return -exp2(log_upper + (log_lower - log_upper) * (1 - fraction));
}

double native_quantile(const struct histogram_ask *ask, const struct native_histogram *h, double q)
{
    if (q < 0 || q > 1)
        return q < 0 ? -INFINITY : INFINITY;
    if (h->count == 0 || isnan(q))
        return NAN;
    /* Observations of NaN are in no bucket and sort to the top: the rank counts from below then. */
    bool has_nan = isnan(h->sum), from_top = !has_nan && q >= 0.5;
    double rank = (from_top ? 1 - q : q) * h->count, count;
    struct native_range range = range_of_rank(h, rank, from_top, &count);
    cut_zero_bucket(h, &range);
    if (native_histogram_is_custom(h) && isinf(range.lower)) {
        if (range.upper <= 0)
            return range.upper;
        range.lower = 0;
    } else if (native_histogram_is_custom(h) && isinf(range.upper)) {
        return range.lower;
    }
    if (has_nan && count < rank) {
        histogram_note(ask, ANNOTATION_INFO,
                       "input to histogram_quantile has NaN observations, result is NaN");
        return NAN;
    }
    if (has_nan)
        histogram_note(ask, ANNOTATION_INFO,
                       "input to histogram_quantile has NaN observations, result is skewed higher");
    if (count < rank)
        return from_top ? range.lower : range.upper;
    double within = from_top ? count - rank : rank - (count - range.count);
    return value_within(h, &range, within / range.count);
}

/* Observations of the bucket below v, which lies inside. */
static double count_below(const struct native_histogram *h, const struct native_range *r, double v)
{
    /* A bucket of infinite width cannot be cut: what it holds is left out on either side. */
    if (isinf(r->lower))
        return r->count;
    if (is_linear(h, r))
        return r->count * (v - r->lower) / (r->upper - r->lower);
    double log_lower = log2(fabs(r->lower)), log_upper = log2(fabs(r->upper));
    double log_v = log2(fabs(v));
    double fraction = r->side > 0 ? (log_v - log_lower) / (log_upper - log_lower)
                                  : 1 - (log_v - log_upper) / (log_lower - log_upper);
    return r->count * fraction;
}

/* How many observations lie below v: all of them behind the last bucket, also those that a
 * histogram counts without having a bucket for them, unless they are NaN. */
static double rank_of_value(const struct native_histogram *h, double v)
{
    double rank = 0;
    uint32_t ranges = native_histogram_range_count(h);
    for (uint32_t i = 0; i < ranges; i++) {
        struct native_range range = native_histogram_range(h, i);
        cut_zero_bucket(h, &range);
        if (native_histogram_is_custom(h) && isinf(range.lower) && range.upper > 0)
            range.lower = MIN(v, 0);
        if (range.lower >= v)
            return rank;
        if (range.upper > v)
            return rank + count_below(h, &range, v);
        rank += range.count;
    }
    return isnan(h->sum) ? rank : h->count;
}

double native_fraction(const struct histogram_ask *ask, const struct native_histogram *h,
                       double lower, double upper)
{
    if (h->count == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    if (isnan(h->sum))
        histogram_note(ask, ANNOTATION_INFO,
                       "input to histogram_fraction has NaN observations, which are excluded from "
                       "all fractions");
    double below_lower = MIN(rank_of_value(h, lower), h->count);
    double below_upper = MIN(rank_of_value(h, upper), h->count);
    return (below_upper - below_lower) / h->count;
}

/* All observations of a bucket are taken to be here. */
static double middle(const struct native_histogram *h, const struct native_range *r)
{
    if (native_histogram_is_custom(h))
        return (r->lower + r->upper) / 2;
    return r->side == 0 ? 0 : r->side * sqrt(r->lower * r->upper);
}

double native_variance(const struct native_histogram *h)
{
    double mean = h->sum / h->count, variance = 0, rest = 0;
    uint32_t ranges = native_histogram_range_count(h);
    for (uint32_t i = 0; i < ranges; i++) {
        struct native_range range = native_histogram_range(h, i);
        if (range.count == 0)
            continue;
        double distance = middle(h, &range) - mean;
        double term = range.count * distance * distance - rest, sum = variance + term;
        rest = isinf(sum) ? 0 : (sum - variance) - term;
        variance = sum;
    }
    return variance / h->count;
}

double native_average(const struct native_histogram *h)
{
    return h->sum / h->count;
}
