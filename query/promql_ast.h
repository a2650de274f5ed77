/* promql_ast.h - a PromQL expression as a tree; made by promql_parse, typed by promql_check, run by
 * promql_eval, written back by promql_print. All of it lives in one arena. Grammar and types:
 * Prometheus 3.x, promql/parser. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_AST_H
#define WEFT_QUERY_PROMQL_AST_H

#include "model/label_matcher.h"
#include "query/annotations.h"
#include "query/promql_function.h"

enum promql_kind {
    PROMQL_NUMBER,
    PROMQL_STRING_LITERAL,
    PROMQL_SELECTOR, /* instant vector selector */
    PROMQL_RANGE,    /* selector[5m] */
    PROMQL_SUBQUERY,
    PROMQL_UNARY,
    PROMQL_BINARY,
    PROMQL_AGGREGATE,
    PROMQL_CALL,
    PROMQL_PAREN,
};

enum promql_op {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_POW,
    OP_ATAN2,
    OP_EQ,
    OP_NE,
    OP_GT,
    OP_LT,
    OP_GE,
    OP_LE,
    OP_TRIM_BELOW, /* </ : keeps observations below */
    OP_TRIM_ABOVE, /* >/ */
    OP_AND,
    OP_OR,
    OP_UNLESS,
};

enum promql_aggregation {
    AGG_SUM,
    AGG_AVG,
    AGG_MIN,
    AGG_MAX,
    AGG_GROUP,
    AGG_COUNT,
    AGG_STDDEV,
    AGG_STDVAR,
    AGG_TOPK,
    AGG_BOTTOMK,
    AGG_QUANTILE,
    AGG_COUNT_VALUES,
    AGG_LIMITK,
    AGG_LIMIT_RATIO,
};

/* A length of time in the text: a literal, or (experimental) an expression of literals, step(),
 * range() that promql_resolve() replaces by its value before anything is evaluated. */
struct promql_duration {
    int64_t ms;
    struct promql_node *expr; /* NULL: ms is the value */
};

enum promql_at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

/* offset and @ of a selector or subquery. */
struct promql_when {
    enum promql_at_kind at;
    int64_t at_ms; /* AT_TIME */
    struct promql_duration offset;
    bool has_offset;
};

enum promql_extension { EXTEND_NONE, EXTEND_ANCHORED, EXTEND_SMOOTHED };

struct promql_selector {
    struct str metric; /* written before the braces; a name quoted inside is only a matcher */
    struct label_matcher
        *matchers; /* __name__ = metric included; regexes are ended by promql_free */
    uint32_t matcher_count;
    struct promql_when when;
    enum promql_extension extension;
};

enum promql_card { CARD_ONE_TO_ONE, CARD_MANY_TO_ONE, CARD_ONE_TO_MANY, CARD_MANY_TO_MANY };

/* on, ignoring, group_left, group_right, fill of a binary operation between vectors. */
struct promql_matching {
    enum promql_card card; /* CARD_MANY_TO_MANY for and, or, unless */
    bool on;               /* labels are those of on(); else of ignoring() (may be none) */
    struct str *labels;
    uint32_t label_count;
    struct str *include; /* of group_left(...) */
    uint32_t include_count;
    bool fills_left, fills_right;
    double fill_left, fill_right;
};

struct promql_node {
    enum promql_kind kind;
    enum promql_type type; /* set by the check */
    struct promql_span span;
    bool is_constant; /* the same at every step, so that one tells all; set by the check */
    uint32_t height;  /* levels of nodes, this one included: at most PROMQL_DEPTH_MAX */
    union {
        struct {
            double value;
            bool is_duration; /* written as one: "5m" */
        } number;
        struct str text; /* unescaped */
        struct promql_selector selector;
        struct {
            struct promql_node *selector; /* PROMQL_SELECTOR; its `when` holds the modifiers */
            struct promql_duration range;
        } range;
        struct {
            struct promql_node *expr;
            struct promql_duration range, step;
            bool has_step; /* else the global evaluation interval, 1 minute */
            struct promql_when when;
        } subquery;
        struct {
            struct promql_node *expr;
            enum promql_op op; /* OP_ADD, OP_SUB */
        } unary;
        struct {
            struct promql_node *lhs, *rhs;
            /* "a + b - c": an operation that is the lhs of another is a link of its chain, which is
             * walked from `first` to `up` and so on without recursion. */
            struct promql_node *first, *up;
            uint32_t links; /* from first to this one */
            enum promql_op op;
            bool returns_bool;
            struct promql_matching
                *matching; /* never NULL when both sides are vectors, else NULL */
        } binary;
        struct {
            struct promql_node *expr, *param; /* param: NULL when the operator takes none */
            struct str *labels;
            uint32_t label_count;
            enum promql_aggregation op;
            bool without;
        } aggregate;
        struct {
            const struct promql_function *function;
            struct promql_node **args;
            uint32_t arg_count;
        } call;
        struct promql_node *paren;
    };
};

/* The link of a chain above `at`; NULL above `last`. The lowest is last->binary.first. */
static inline struct promql_node *promql_link_above(const struct promql_node *at,
                                                    const struct promql_node *last)
{
    return at == last ? NULL : at->binary.up;
}

#endif
