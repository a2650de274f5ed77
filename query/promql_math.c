/* promql_math.c - the quantile of a set of values. */
#include "query/promql_math.h"

#include <stdlib.h>

static int value_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return (isnan(y) != 0) - (isnan(x) != 0);
    return (x > y) - (x < y);
}

double promql_quantile(double q, double *values, size_t count)
{
    if (count == 0 || isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    qsort(values, count, sizeof(*values), value_order);
    double rank = q * ((double)count - 1);
    size_t low = (size_t)floor(rank), high = low + 1 < count ? low + 1 : count - 1;
    double weight = rank - floor(rank);
    return values[low] * (1 - weight) + values[high] * weight;
}
