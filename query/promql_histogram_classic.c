/* promql_histogram_classic.c - quantiles and fractions of classic histograms, whose buckets are
 * series of their own and so may disagree. */
#include "query/promql_histogram.h"
#include "query/promql_quote.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Relative difference of neighbours that floating point may have made. */
#define SMALL_DELTA 1e-12

static int by_upper(const void *a, const void *b)
{
    double x = ((const struct classic_bucket *)a)->upper;
    double y = ((const struct classic_bucket *)b)->upper;
    return (x > y) - (x < y);
}

/* Buckets of one bound, written in two ways, are one. */
static size_t coalesce(struct classic_bucket *buckets, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && buckets[kept - 1].upper == buckets[i].upper)
            buckets[kept - 1].count += buckets[i].count;
        else
            buckets[kept++] = buckets[i];
    }
    return kept;
}

/* Sorts and joins; 0 without a last bucket of +Inf, which holds the total. */
static size_t arrange(struct classic_bucket *buckets, size_t count)
{
    if (count == 0)
        return 0;
    qsort(buckets, count, sizeof(*buckets), by_upper);
    if (buckets[count - 1].upper != INFINITY)
        return 0;
    return coalesce(buckets, count);
}

static bool is_almost(double a, double b)
{
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < SMALL_DELTA * DBL_MIN;
    return difference / MIN(sum, DBL_MAX) < SMALL_DELTA;
}

/* Raises counts to their predecessors', and tells where that was more than rounding. */
static struct annotation_mended make_monotonic(struct classic_bucket *buckets, size_t count)
{
    struct annotation_mended m = {.low = INFINITY, .high = -INFINITY};
    double before = buckets[0].count;
    for (size_t i = 1; i < count; i++) {
        double now = buckets[i].count;
        bool is_small = is_almost(before, now);
        if (is_small || now < before) {
            buckets[i].count = before;
            if (is_small)
                continue;
            m.low = MIN(m.low, buckets[i].upper);
            m.high = MAX(m.high, buckets[i].upper);
            m.most = MAX(m.most, before - now);
            m.samples = 1;
        } else {
            before = now;
        }
    }
    return m;
}

static void note_mended(const struct histogram_ask *ask, struct annotation_mended m)
{
    struct buf text = {0};
    m.from_ms = m.to_ms = ask->time_ms;
    buf_append_str(&text,
                   STR("input to histogram_quantile needed to be fixed for monotonicity (see "
                       "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                       "#histogram_quantile)"));
    if (ask->metric.len > 0) {
        buf_append_str(&text, STR(" for metric name "));
        promql_quote(ask->metric, &text);
    }
    annotations_add_mended(ask->notes, ask->at, &m, buf_str(&text));
    buf_deinit(&text);
}

static double quantile_of(const struct classic_bucket *buckets, size_t count, double q)
{
    double total = buckets[count - 1].count, rank = q * total;
    if (total == 0)
        return NAN;
    size_t at = 0;
    while (at < count - 1 && !(buckets[at].count >= rank))
        at++;
    if (at == count - 1)
        return buckets[count - 2].upper;
    if (at == 0 && buckets[0].upper <= 0)
        return buckets[0].upper;
    double start = at ? buckets[at - 1].upper : 0, below = at ? buckets[at - 1].count : 0;
    return start + (buckets[at].upper - start) * ((rank - below) / (buckets[at].count - below));
}

double classic_quantile(const struct histogram_ask *ask, struct classic_bucket *buckets,
                        size_t count, double q)
{
    if (isnan(q))
        return NAN;
    if (q < 0 || q > 1)
        return q < 0 ? -INFINITY : INFINITY;
    count = arrange(buckets, count);
    if (count == 0)
        return NAN;
    struct annotation_mended mended = make_monotonic(buckets, count);
    if (mended.samples && !ask->is_again)
        note_mended(ask, mended);
    return count < 2 ? NAN : quantile_of(buckets, count, q);
}

/* How many observations lie below v. */
static double rank_of_value(const struct classic_bucket *buckets, size_t count, double v)
{
    double below = 0;
    for (size_t i = 0; i < count; i++) {
        double lower = i ? buckets[i - 1].upper : -INFINITY, upper = buckets[i].upper;
        if (i == 0 && upper > 0)
            lower = MIN(v, 0);
        if (lower >= v)
            return below;
        /* Buckets of infinite width cannot be cut: what they hold is left out on either side. */
        if (upper > v && isinf(lower))
            return buckets[i].count;
        if (upper > v)
            return below + (buckets[i].count - below) * (v - lower) / (upper - lower);
        below = buckets[i].count;
    }
    return below;
}

/* NaN, of counts that are none, stays. */
static double at_most(double rank, double total)
{
    return rank > total ? total : rank;
}

double classic_fraction(struct classic_bucket *buckets, size_t count, double lower, double upper)
{
    count = arrange(buckets, count);
    if (count == 0 || buckets[count - 1].count == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    double total = buckets[count - 1].count;
    double below_lower = at_most(rank_of_value(buckets, count, lower), total);
    double below_upper = at_most(rank_of_value(buckets, count, upper), total);
    return (below_upper - below_lower) / total;
}
