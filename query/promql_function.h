/* promql_function.h - names and signatures of PromQL's functions; what they do is in promql_fn_*.c.
 * Source: Prometheus 3.x, promql/parser/functions.go. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_FUNCTION_H
#define WEFT_QUERY_PROMQL_FUNCTION_H

#include "base/str.h"

enum promql_type { TYPE_NONE, TYPE_SCALAR, TYPE_STRING, TYPE_VECTOR, TYPE_MATRIX };

/* In alphabetical order of the names; the table is indexed by it. */
enum promql_function_id {
    FN_ABS,
    FN_ABSENT,
    FN_ABSENT_OVER_TIME,
    FN_ACOS,
    FN_ACOSH,
    FN_ASIN,
    FN_ASINH,
    FN_ATAN,
    FN_ATANH,
    FN_AVG_OVER_TIME,
    FN_CEIL,
    FN_CHANGES,
    FN_CLAMP,
    FN_CLAMP_MAX,
    FN_CLAMP_MIN,
    FN_COS,
    FN_COSH,
    FN_COUNT_OVER_TIME,
    FN_DAY_OF_MONTH,
    FN_DAY_OF_WEEK,
    FN_DAY_OF_YEAR,
    FN_DAYS_IN_MONTH,
    FN_DEG,
    FN_DELTA,
    FN_DERIV,
    FN_DOUBLE_EXPONENTIAL_SMOOTHING,
    FN_END,
    FN_EXP,
    FN_FIRST_OVER_TIME,
    FN_FLOOR,
    FN_HISTOGRAM_AVG,
    FN_HISTOGRAM_COUNT,
    FN_HISTOGRAM_FRACTION,
    FN_HISTOGRAM_QUANTILE,
    FN_HISTOGRAM_QUANTILES,
    FN_HISTOGRAM_STDDEV,
    FN_HISTOGRAM_STDVAR,
    FN_HISTOGRAM_SUM,
    FN_HOUR,
    FN_IDELTA,
    FN_INCREASE,
    FN_INFO,
    FN_IRATE,
    FN_LABEL_JOIN,
    FN_LABEL_REPLACE,
    FN_LAST_OVER_TIME,
    FN_LN,
    FN_LOG10,
    FN_LOG2,
    FN_MAD_OVER_TIME,
    FN_MAX_OF,
    FN_MAX_OVER_TIME,
    FN_MIN_OF,
    FN_MIN_OVER_TIME,
    FN_MINUTE,
    FN_MONTH,
    FN_PI,
    FN_PREDICT_LINEAR,
    FN_PRESENT_OVER_TIME,
    FN_QUANTILE_OVER_TIME,
    FN_RAD,
    FN_RANGE,
    FN_RATE,
    FN_RESETS,
    FN_ROUND,
    FN_SCALAR,
    FN_SGN,
    FN_SIN,
    FN_SINH,
    FN_SORT,
    FN_SORT_BY_LABEL,
    FN_SORT_BY_LABEL_DESC,
    FN_SORT_DESC,
    FN_SQRT,
    FN_START,
    FN_START_TIMESTAMP,
    FN_STDDEV_OVER_TIME,
    FN_STDVAR_OVER_TIME,
    FN_STEP,
    FN_SUM_OVER_TIME,
    FN_TAN,
    FN_TANH,
    FN_TIME,
    FN_TIMESTAMP,
    FN_TS_OF_FIRST_OVER_TIME,
    FN_TS_OF_LAST_OVER_TIME,
    FN_TS_OF_MAX_OVER_TIME,
    FN_TS_OF_MIN_OVER_TIME,
    FN_VECTOR,
    FN_YEAR,
    FN_COUNT,
};

enum { PROMQL_ARGS_MAX = 5 };

struct promql_function {
    const char *name;
    enum promql_function_id id;
    enum promql_type result;
    enum promql_type args[PROMQL_ARGS_MAX]; /* the last one repeats when variadic */
    uint8_t arg_count; /* as Prometheus counts: with `variadic` the last may be left out */
    int8_t variadic;   /* 0: exactly arg_count; else at least arg_count - 1, and with n > 0 at most
                          n more than those, with -1 any number more */
};

/* NULL when there is none. Names are case-sensitive. */
const struct promql_function *promql_function_find(struct str name);
const struct promql_function *promql_function_of(enum promql_function_id id);

#endif
