/* promql_function.c - the table of PromQL's functions. */
#include "query/promql_function.h"

#include <stdlib.h>

static const struct promql_function functions[FN_COUNT] = {
    [FN_ABS] = {"abs", FN_ABS, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_ABSENT] = {"absent", FN_ABSENT, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_ABSENT_OVER_TIME] =
        {"absent_over_time", FN_ABSENT_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_ACOS] = {"acos", FN_ACOS, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_ACOSH] = {"acosh", FN_ACOSH, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_ASIN] = {"asin", FN_ASIN, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_ASINH] = {"asinh", FN_ASINH, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_ATAN] = {"atan", FN_ATAN, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_ATANH] = {"atanh", FN_ATANH, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_AVG_OVER_TIME] = {"avg_over_time", FN_AVG_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_CEIL] = {"ceil", FN_CEIL, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_CHANGES] = {"changes", FN_CHANGES, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_CLAMP] = {"clamp", FN_CLAMP, TYPE_VECTOR, {TYPE_VECTOR, TYPE_SCALAR, TYPE_SCALAR}, 3, 0},
    [FN_CLAMP_MAX] = {"clamp_max", FN_CLAMP_MAX, TYPE_VECTOR, {TYPE_VECTOR, TYPE_SCALAR}, 2, 0},
    [FN_CLAMP_MIN] = {"clamp_min", FN_CLAMP_MIN, TYPE_VECTOR, {TYPE_VECTOR, TYPE_SCALAR}, 2, 0},
    [FN_COS] = {"cos", FN_COS, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_COSH] = {"cosh", FN_COSH, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_COUNT_OVER_TIME] =
        {"count_over_time", FN_COUNT_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_DAY_OF_MONTH] = {"day_of_month", FN_DAY_OF_MONTH, TYPE_VECTOR, {TYPE_VECTOR}, 1, 1},
    [FN_DAY_OF_WEEK] = {"day_of_week", FN_DAY_OF_WEEK, TYPE_VECTOR, {TYPE_VECTOR}, 1, 1},
    [FN_DAY_OF_YEAR] = {"day_of_year", FN_DAY_OF_YEAR, TYPE_VECTOR, {TYPE_VECTOR}, 1, 1},
    [FN_DAYS_IN_MONTH] = {"days_in_month", FN_DAYS_IN_MONTH, TYPE_VECTOR, {TYPE_VECTOR}, 1, 1},
    [FN_DEG] = {"deg", FN_DEG, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_DELTA] = {"delta", FN_DELTA, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_DERIV] = {"deriv", FN_DERIV, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_DOUBLE_EXPONENTIAL_SMOOTHING] = {"double_exponential_smoothing",
                                         FN_DOUBLE_EXPONENTIAL_SMOOTHING,
                                         TYPE_VECTOR,
                                         {TYPE_MATRIX, TYPE_SCALAR, TYPE_SCALAR},
                                         3,
                                         0},
    [FN_END] = {"end", FN_END, TYPE_SCALAR, {0}, 0, 0},
    [FN_EXP] = {"exp", FN_EXP, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_FIRST_OVER_TIME] =
        {"first_over_time", FN_FIRST_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_FLOOR] = {"floor", FN_FLOOR, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_HISTOGRAM_AVG] = {"histogram_avg", FN_HISTOGRAM_AVG, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_HISTOGRAM_COUNT] =
        {"histogram_count", FN_HISTOGRAM_COUNT, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_HISTOGRAM_FRACTION] = {"histogram_fraction",
                               FN_HISTOGRAM_FRACTION,
                               TYPE_VECTOR,
                               {TYPE_SCALAR, TYPE_SCALAR, TYPE_VECTOR},
                               3,
                               0},
    [FN_HISTOGRAM_QUANTILE] = {"histogram_quantile",
                               FN_HISTOGRAM_QUANTILE,
                               TYPE_VECTOR,
                               {TYPE_SCALAR, TYPE_VECTOR},
                               2,
                               0},
    [FN_HISTOGRAM_QUANTILES] = {"histogram_quantiles",
                                FN_HISTOGRAM_QUANTILES,
                                TYPE_VECTOR,
                                {TYPE_VECTOR, TYPE_STRING, TYPE_SCALAR, TYPE_SCALAR},
                                4,
                                9},
    [FN_HISTOGRAM_STDDEV] =
        {"histogram_stddev", FN_HISTOGRAM_STDDEV, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_HISTOGRAM_STDVAR] =
        {"histogram_stdvar", FN_HISTOGRAM_STDVAR, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_HISTOGRAM_SUM] = {"histogram_sum", FN_HISTOGRAM_SUM, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_HOUR] = {"hour", FN_HOUR, TYPE_VECTOR, {TYPE_VECTOR}, 1, 1},
    [FN_IDELTA] = {"idelta", FN_IDELTA, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_INCREASE] = {"increase", FN_INCREASE, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_INFO] = {"info", FN_INFO, TYPE_VECTOR, {TYPE_VECTOR, TYPE_VECTOR}, 2, 1},
    [FN_IRATE] = {"irate", FN_IRATE, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_LABEL_JOIN] = {"label_join",
                       FN_LABEL_JOIN,
                       TYPE_VECTOR,
                       {TYPE_VECTOR, TYPE_STRING, TYPE_STRING, TYPE_STRING},
                       4,
                       -1},
    [FN_LABEL_REPLACE] = {"label_replace",
                          FN_LABEL_REPLACE,
                          TYPE_VECTOR,
                          {TYPE_VECTOR, TYPE_STRING, TYPE_STRING, TYPE_STRING, TYPE_STRING},
                          5,
                          0},
    [FN_LAST_OVER_TIME] = {"last_over_time", FN_LAST_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_LN] = {"ln", FN_LN, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_LOG10] = {"log10", FN_LOG10, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_LOG2] = {"log2", FN_LOG2, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_MAD_OVER_TIME] = {"mad_over_time", FN_MAD_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_MAX_OF] = {"max_of", FN_MAX_OF, TYPE_SCALAR, {TYPE_SCALAR, TYPE_SCALAR}, 2, 0},
    [FN_MAX_OVER_TIME] = {"max_over_time", FN_MAX_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_MIN_OF] = {"min_of", FN_MIN_OF, TYPE_SCALAR, {TYPE_SCALAR, TYPE_SCALAR}, 2, 0},
    [FN_MIN_OVER_TIME] = {"min_over_time", FN_MIN_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_MINUTE] = {"minute", FN_MINUTE, TYPE_VECTOR, {TYPE_VECTOR}, 1, 1},
    [FN_MONTH] = {"month", FN_MONTH, TYPE_VECTOR, {TYPE_VECTOR}, 1, 1},
    [FN_PI] = {"pi", FN_PI, TYPE_SCALAR, {0}, 0, 0},
    [FN_PREDICT_LINEAR] =
        {"predict_linear", FN_PREDICT_LINEAR, TYPE_VECTOR, {TYPE_MATRIX, TYPE_SCALAR}, 2, 0},
    [FN_PRESENT_OVER_TIME] =
        {"present_over_time", FN_PRESENT_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_QUANTILE_OVER_TIME] = {"quantile_over_time",
                               FN_QUANTILE_OVER_TIME,
                               TYPE_VECTOR,
                               {TYPE_SCALAR, TYPE_MATRIX},
                               2,
                               0},
    [FN_RAD] = {"rad", FN_RAD, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_RANGE] = {"range", FN_RANGE, TYPE_SCALAR, {0}, 0, 0},
    [FN_RATE] = {"rate", FN_RATE, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_RESETS] = {"resets", FN_RESETS, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_ROUND] = {"round", FN_ROUND, TYPE_VECTOR, {TYPE_VECTOR, TYPE_SCALAR}, 2, 1},
    [FN_SCALAR] = {"scalar", FN_SCALAR, TYPE_SCALAR, {TYPE_VECTOR}, 1, 0},
    [FN_SGN] = {"sgn", FN_SGN, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_SIN] = {"sin", FN_SIN, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_SINH] = {"sinh", FN_SINH, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_SORT] = {"sort", FN_SORT, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_SORT_BY_LABEL] =
        {"sort_by_label", FN_SORT_BY_LABEL, TYPE_VECTOR, {TYPE_VECTOR, TYPE_STRING}, 2, -1},
    [FN_SORT_BY_LABEL_DESC] = {"sort_by_label_desc",
                               FN_SORT_BY_LABEL_DESC,
                               TYPE_VECTOR,
                               {TYPE_VECTOR, TYPE_STRING},
                               2,
                               -1},
    [FN_SORT_DESC] = {"sort_desc", FN_SORT_DESC, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_SQRT] = {"sqrt", FN_SQRT, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_START] = {"start", FN_START, TYPE_SCALAR, {0}, 0, 0},
    [FN_START_TIMESTAMP] =
        {"start_timestamp", FN_START_TIMESTAMP, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_STDDEV_OVER_TIME] =
        {"stddev_over_time", FN_STDDEV_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_STDVAR_OVER_TIME] =
        {"stdvar_over_time", FN_STDVAR_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_STEP] = {"step", FN_STEP, TYPE_SCALAR, {0}, 0, 0},
    [FN_SUM_OVER_TIME] = {"sum_over_time", FN_SUM_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_TAN] = {"tan", FN_TAN, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_TANH] = {"tanh", FN_TANH, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_TIME] = {"time", FN_TIME, TYPE_SCALAR, {0}, 0, 0},
    [FN_TIMESTAMP] = {"timestamp", FN_TIMESTAMP, TYPE_VECTOR, {TYPE_VECTOR}, 1, 0},
    [FN_TS_OF_FIRST_OVER_TIME] =
        {"ts_of_first_over_time", FN_TS_OF_FIRST_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_TS_OF_LAST_OVER_TIME] =
        {"ts_of_last_over_time", FN_TS_OF_LAST_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_TS_OF_MAX_OVER_TIME] =
        {"ts_of_max_over_time", FN_TS_OF_MAX_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_TS_OF_MIN_OVER_TIME] =
        {"ts_of_min_over_time", FN_TS_OF_MIN_OVER_TIME, TYPE_VECTOR, {TYPE_MATRIX}, 1, 0},
    [FN_VECTOR] = {"vector", FN_VECTOR, TYPE_VECTOR, {TYPE_SCALAR}, 1, 0},
    [FN_YEAR] = {"year", FN_YEAR, TYPE_VECTOR, {TYPE_VECTOR}, 1, 1},
};

static int name_cmp(const void *key, const void *item)
{
    const struct str *name = key;
    const struct promql_function *f = item;
    return str_cmp(*name, str_from_c(f->name));
}

const struct promql_function *promql_function_find(struct str name)
{
    return bsearch(&name, functions, FN_COUNT, sizeof(functions[0]), name_cmp);
}

const struct promql_function *promql_function_of(enum promql_function_id id)
{
    return &functions[id];
}
