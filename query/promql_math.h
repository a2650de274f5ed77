/* promql_math.h - sums, means, variances and quantiles as Prometheus computes them. Private to
 * query/. */
#ifndef WEFT_QUERY_PROMQL_MATH_H
#define WEFT_QUERY_PROMQL_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Go's Max and Min: NaN when either is, unless the other decides by being infinite. */
static inline double promql_max(double a, double b)
{
    if (a == INFINITY || b == INFINITY)
        return INFINITY;
    return isnan(a) || isnan(b) ? NAN : fmax(a, b);
}

static inline double promql_min(double a, double b)
{
    if (a == -INFINITY || b == -INFINITY)
        return -INFINITY;
    return isnan(a) || isnan(b) ? NAN : fmin(a, b);
}

/* Neumaier's sum: `rest` gathers what the additions rounded away; the result is sum + rest. */
static inline void promql_sum_add(double v, double *sum, double *rest)
{
    double t = *sum + v;
    double lost = fabs(*sum) >= fabs(v) ? (*sum - t) + v : (v - t) + *sum;
    *rest = isinf(t) ? 0 : *rest + lost;
    *sum = t;
}

static inline double promql_sum_take(double sum, double rest)
{
    return isinf(sum) ? sum : sum + rest;
}

/* A mean that sums as long as the sum is finite, and goes on from mean to mean after that. */
struct promql_mean {
    double value, rest; /* of the sum, or of the mean */
    double count;
    bool is_mean;
};

static inline void promql_mean_add(struct promql_mean *m, double v)
{
    double sum = m->value, rest = m->rest;
    m->count++;
    if (m->count == 1) {
        m->value = v;
        return;
    }
    if (!m->is_mean) {
        promql_sum_add(v, &sum, &rest);
        if (!isinf(sum)) {
            m->value = sum;
            m->rest = rest;
            return;
        }
        m->is_mean = true;
        m->value /= m->count - 1;
        m->rest /= m->count - 1;
    }
    double q = (m->count - 1) / m->count;
    m->value *= q;
    m->rest *= q;
    promql_sum_add(v / m->count, &m->value, &m->rest);
}

static inline double promql_mean_take(const struct promql_mean *m)
{
    return m->is_mean ? m->value + m->rest : m->value / m->count + m->rest / m->count;
}

/* Welford's variance with compensated sums. */
struct promql_variance {
    double count, mean, mean_rest, squares, squares_rest;
};

static inline void promql_variance_add(struct promql_variance *x, double v)
{
    x->count++;
    double delta = v - (x->mean + x->mean_rest);
    promql_sum_add(delta / x->count, &x->mean, &x->mean_rest);
    promql_sum_add(delta * (v - (x->mean + x->mean_rest)), &x->squares, &x->squares_rest);
}

static inline double promql_variance_take(const struct promql_variance *x)
{
    return (x->squares + x->squares_rest) / x->count;
}

/* Sorts `values` (NaN first) and interpolates between the two nearest ranks. NaN without values or
 * for q = NaN, -Inf for q < 0, +Inf for q > 1. */
double promql_quantile(double q, double *values, size_t count);

#endif
