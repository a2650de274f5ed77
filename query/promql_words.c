/* promql_words.c - how operators, aggregations and types are written. */
#include "query/promql_words.h"

const char *promql_op_word(enum promql_op op)
{
    static const char *const texts[] = {
        [OP_ADD] = "+",         [OP_SUB] = "-",         [OP_MUL] = "*",   [OP_DIV] = "/",
        [OP_MOD] = "%",         [OP_POW] = "^",         [OP_EQ] = "==",   [OP_ATAN2] = "atan2",
        [OP_NE] = "!=",         [OP_GT] = ">",          [OP_LT] = "<",    [OP_GE] = ">=",
        [OP_LE] = "<=",         [OP_TRIM_BELOW] = "</", [OP_AND] = "and", [OP_TRIM_ABOVE] = ">/",
        [OP_UNLESS] = "unless", [OP_OR] = "or",
    };
    return texts[op];
}

bool promql_op_is_comparison(enum promql_op op)
{
    return op >= OP_EQ && op <= OP_LE;
}

bool promql_op_is_set(enum promql_op op)
{
    return op >= OP_AND;
}

const char *promql_aggregation_word(enum promql_aggregation op)
{
    static const char *const texts[] = {
        [AGG_SUM] = "sum",           [AGG_AVG] = "avg",
        [AGG_MIN] = "min",           [AGG_MAX] = "max",
        [AGG_GROUP] = "group",       [AGG_COUNT] = "count",
        [AGG_STDDEV] = "stddev",     [AGG_STDVAR] = "stdvar",
        [AGG_TOPK] = "topk",         [AGG_BOTTOMK] = "bottomk",
        [AGG_QUANTILE] = "quantile", [AGG_COUNT_VALUES] = "count_values",
        [AGG_LIMITK] = "limitk",     [AGG_LIMIT_RATIO] = "limit_ratio",
    };
    return texts[op];
}

bool promql_aggregation_has_param(enum promql_aggregation op)
{
    return op >= AGG_TOPK;
}

const char *promql_type_word(enum promql_type type)
{
    static const char *const texts[] = {"none", "scalar", "string", "instant vector",
                                        "range vector"};
    return texts[type];
}

const char *promql_type_name(enum promql_type type)
{
    static const char *const texts[] = {"none", "scalar", "string", "vector", "matrix"};
    return texts[type];
}
