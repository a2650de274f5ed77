/* promql_check.c - types of a tree, and the rules that need no data. Order and wording of the
 * complaints: Prometheus 3.x, promql/parser/parse.go checkAST. */
#include "query/promql_parser.h"
#include "query/promql_quote.h"
#include "query/promql_words.h"

#include <stdio.h>

struct checker {
    struct str text;
    struct err *e;
};

static enum status check(const struct checker *c, struct promql_node *n);
static bool is_constant(const struct promql_node *node);

static bool is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

/* Where the operator between two operands is. */
static uint32_t op_start(const struct checker *c, const struct promql_node *n)
{
    uint32_t at = n->binary.lhs->span.end;
    while (at < c->text.len && is_space(c->text.ptr[at]))
        at++;
    return at;
}

static bool is_type(enum promql_type t, enum promql_type a, enum promql_type b)
{
    return t == a || t == b;
}

static enum status expect_type(const struct checker *c, struct promql_node *n,
                               enum promql_type want, const char *context)
{
    TRY(check(c, n));
    if (n->type == want)
        return ST_OK;
    return promql_fail(c->text, n->span.start, c->e, "expected type %s in %s, got %s",
                       promql_type_word(want), context, promql_type_word(n->type));
}

static enum status check_aggregate(const struct checker *c, struct promql_node *n)
{
    TRY(expect_type(c, n->aggregate.expr, TYPE_VECTOR, "aggregation expression"));
    if (!n->aggregate.param)
        return ST_OK;
    enum promql_type want = n->aggregate.op == AGG_COUNT_VALUES ? TYPE_STRING : TYPE_SCALAR;
    return expect_type(c, n->aggregate.param, want, "aggregation parameter");
}

static enum status check_include(const struct checker *c, const struct promql_node *n)
{
    const struct promql_matching *m = n->binary.matching;
    for (uint32_t i = 0; m->on && i < m->label_count; i++)
        for (uint32_t j = 0; j < m->include_count; j++)
            if (str_eq(m->labels[i], m->include[j])) {
                char quoted[100];
                return promql_fail(c->text, op_start(c, n), c->e,
                                   "label %s must not occur in ON and GROUP clause at once",
                                   promql_quote_c(m->labels[i], quoted, sizeof(quoted)));
            }
    return ST_OK;
}

static enum status check_matching(const struct checker *c, struct promql_node *n)
{
    struct promql_matching *m = n->binary.matching;
    const char *op = promql_op_word(n->binary.op);
    uint32_t at = n->span.start;
    bool are_vectors = n->type == TYPE_VECTOR && n->binary.lhs->type == TYPE_VECTOR &&
                       n->binary.rhs->type == TYPE_VECTOR;
    bool fills = m->fills_left || m->fills_right;
    if (!are_vectors && m->label_count > 0)
        return promql_fail(c->text, at, c->e,
                           "vector matching only allowed between instant vectors");
    if (!are_vectors && fills)
        return promql_fail(c->text, at, c->e,
                           "filling in missing series only allowed between instant vectors");
    if (!are_vectors) {
        n->binary.matching = NULL;
        return ST_OK;
    }
    if (!promql_op_is_set(n->binary.op))
        return ST_OK;
    if (m->card == CARD_ONE_TO_MANY || m->card == CARD_MANY_TO_ONE)
        return promql_fail(c->text, at, c->e, "no grouping allowed for \"%s\" operation", op);
    if (fills)
        return promql_fail(c->text, at, c->e,
                           "filling in missing series not allowed for set operators");
    return ST_OK;
}

/* The lhs has its type. */
static enum status check_link(const struct checker *c, struct promql_node *n)
{
    struct promql_node *lhs = n->binary.lhs, *rhs = n->binary.rhs;
    bool is_set = promql_op_is_set(n->binary.op), compares = promql_op_is_comparison(n->binary.op);
    TRY(check(c, rhs));
    n->is_constant = is_constant(n);
    bool are_scalars = lhs->type == TYPE_SCALAR && rhs->type == TYPE_SCALAR;
    n->type = are_scalars ? TYPE_SCALAR : TYPE_VECTOR;
    if (n->binary.returns_bool && !compares)
        return promql_fail(c->text, op_start(c, n), c->e,
                           "bool modifier can only be used on comparison operators");
    if (compares && !n->binary.returns_bool && are_scalars)
        return promql_fail(c->text, op_start(c, n), c->e,
                           "comparisons between scalars must use BOOL modifier");
    if (is_set && n->binary.matching->card == CARD_ONE_TO_ONE)
        n->binary.matching->card = CARD_MANY_TO_MANY;
    TRY(check_include(c, n));
    const struct promql_node *bad = !is_type(lhs->type, TYPE_SCALAR, TYPE_VECTOR)   ? lhs
                                    : !is_type(rhs->type, TYPE_SCALAR, TYPE_VECTOR) ? rhs
                                                                                    : NULL;
    if (bad)
        return promql_fail(c->text, bad->span.start, c->e,
                           "binary expression must contain only scalar and instant vector types");
    TRY(check_matching(c, n));
    if (is_set && (lhs->type == TYPE_SCALAR || rhs->type == TYPE_SCALAR))
        return promql_fail(c->text, n->span.start, c->e,
                           "set operator \"%s\" not allowed in binary scalar expression",
                           promql_op_word(n->binary.op));
    return ST_OK;
}

static enum status check_binary(const struct checker *c, struct promql_node *node)
{
    TRY(check(c, node->binary.first->binary.lhs));
    for (struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node))
        TRY(check_link(c, n));
    return ST_OK;
}

static enum status check_arg_count(const struct checker *c, const struct promql_node *n)
{
    const struct promql_function *f = n->call.function;
    int got = (int)n->call.arg_count, least = f->arg_count - (f->variadic != 0);
    int most = least + (f->variadic > 0 ? f->variadic : 0), want = 0;
    const char *bound = NULL;
    if (got < least)
        bound = f->variadic ? "at least " : "", want = least;
    else if (f->variadic >= 0 && got > most)
        bound = f->variadic ? "at most " : "", want = most;
    if (!bound)
        return ST_OK;
    return promql_fail(c->text, n->span.start, c->e,
                       "expected %s%d argument(s) in call to \"%s\", got %d", bound, want, f->name,
                       got);
}

static enum promql_type type_of(const struct promql_node *n);

static enum promql_type type_of_chain(const struct promql_node *node)
{
    bool are_scalars = type_of(node->binary.first->binary.lhs) == TYPE_SCALAR;
    for (const struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node))
        are_scalars &= type_of(n->binary.rhs) == TYPE_SCALAR;
    return are_scalars ? TYPE_SCALAR : TYPE_VECTOR;
}

/* What a node gives when it is right, before it is checked. */
static enum promql_type type_of(const struct promql_node *n)
{
    switch (n->kind) {
    case PROMQL_NUMBER:
        return TYPE_SCALAR;
    case PROMQL_STRING_LITERAL:
        return TYPE_STRING;
    case PROMQL_RANGE:
    case PROMQL_SUBQUERY:
        return TYPE_MATRIX;
    case PROMQL_UNARY:
        return type_of(n->unary.expr);
    case PROMQL_PAREN:
        return type_of(n->paren);
    case PROMQL_BINARY:
        return type_of_chain(n);
    case PROMQL_CALL:
        return n->call.function->result;
    case PROMQL_SELECTOR:
    case PROMQL_AGGREGATE:
        break;
    }
    return TYPE_VECTOR;
}

/* The second argument of info() is braces alone. */
static enum status check_info(const struct checker *c, const struct promql_node *n)
{
    const struct promql_node *arg = n->call.args[1];
    if (type_of(arg) != TYPE_VECTOR)
        return promql_fail(c->text, n->span.start, c->e,
                           "expected type instant vector in call to function \"info\", got %s",
                           promql_type_word(type_of(arg)));
    if (arg->kind != PROMQL_SELECTOR)
        return promql_fail(c->text, arg->span.start, c->e, "expected label selectors only");
    if (arg->selector.metric.len > 0)
        return promql_fail(c->text, arg->span.start, c->e,
                           "expected label selectors only, got vector selector instead");
    return ST_OK;
}

static enum status check_call(const struct checker *c, struct promql_node *n)
{
    const struct promql_function *f = n->call.function;
    TRY(check_arg_count(c, n));
    n->type = f->result;
    bool is_info = f->id == FN_INFO && n->call.arg_count > 1;
    if (is_info)
        TRY(check_info(c, n));
    for (uint32_t i = 0; i < n->call.arg_count; i++) {
        struct promql_node *arg = n->call.args[i];
        enum promql_type want = f->args[MIN(i, (uint32_t)f->arg_count - 1)];
        if (is_info && i == 1) {
            arg->type = TYPE_VECTOR;
            continue;
        }
        TRY(check(c, arg));
        if (arg->type != want)
            return promql_fail(c->text, arg->span.start, c->e,
                               "expected type %s in call to function \"%s\", got %s",
                               promql_type_word(want), f->name, promql_type_word(arg->type));
    }
    return ST_OK;
}

static enum status check_unary(const struct checker *c, struct promql_node *n)
{
    TRY(check(c, n->unary.expr));
    n->type = n->unary.expr->type;
    if (is_type(n->type, TYPE_SCALAR, TYPE_VECTOR))
        return ST_OK;
    return promql_fail(c->text, n->span.start, c->e,
                       "unary expression only allowed on expressions of type scalar or instant "
                       "vector, got \"%s\"",
                       promql_type_word(n->type));
}

static enum status check_subquery(const struct checker *c, struct promql_node *n)
{
    n->type = TYPE_MATRIX;
    TRY(check(c, n->subquery.expr));
    if (n->subquery.expr->type == TYPE_VECTOR)
        return ST_OK;
    return promql_fail(c->text, n->span.start, c->e,
                       "subquery is only allowed on instant vector, got %s instead",
                       promql_type_name(n->subquery.expr->type));
}

/* The name written before the braces is the last matcher. */
static enum status check_name_once(const struct checker *c, const struct promql_node *n)
{
    const struct promql_selector *s = &n->selector;
    for (uint32_t i = 0; i + 1 < s->matcher_count; i++)
        if (str_eq(s->matchers[i].name, LABEL_METRIC_NAME)) {
            char outside[70], inside[70];
            return promql_fail(c->text, n->span.start, c->e,
                               "metric name must not be set twice: %s or %s",
                               promql_quote_c(s->metric, outside, sizeof(outside)),
                               promql_quote_c(s->matchers[i].value, inside, sizeof(inside)));
        }
    return ST_OK;
}

static enum status check_selector(const struct checker *c, struct promql_node *n)
{
    const struct promql_selector *s = &n->selector;
    n->type = TYPE_VECTOR;
    if (s->metric.len > 0)
        return check_name_once(c, n);
    if (!promql_selector_is_wide(s))
        return ST_OK;
    return promql_fail(c->text, n->span.start, c->e,
                       "vector selector must contain at least one non-empty matcher");
}

/* Its result depends on the time of the step even when its arguments do not. */
static bool depends_on_step(enum promql_function_id id)
{
    switch (id) {
    case FN_DAYS_IN_MONTH:
    case FN_DAY_OF_MONTH:
    case FN_DAY_OF_WEEK:
    case FN_DAY_OF_YEAR:
    case FN_HOUR:
    case FN_MINUTE:
    case FN_MONTH:
    case FN_YEAR:
    case FN_PREDICT_LINEAR:
    case FN_TIME:
    case FN_TIMESTAMP:
        return true;
    default:
        return false;
    }
}

static bool call_is_constant(const struct promql_node *node)
{
    if (depends_on_step(node->call.function->id))
        return false;
    for (uint32_t i = 0; i < node->call.arg_count; i++)
        if (!node->call.args[i]->is_constant)
            return false;
    return true;
}

/* Of the parts' own answers. */
static bool is_constant(const struct promql_node *node)
{
    switch (node->kind) {
    case PROMQL_NUMBER:
    case PROMQL_STRING_LITERAL:
        return true;
    case PROMQL_SELECTOR:
        return node->selector.when.at != AT_NONE;
    case PROMQL_RANGE:
        return node->range.selector->is_constant;
    case PROMQL_SUBQUERY:
        return node->subquery.when.at != AT_NONE;
    case PROMQL_UNARY:
        return node->unary.expr->is_constant;
    case PROMQL_BINARY:
        return node->binary.lhs->is_constant && node->binary.rhs->is_constant;
    case PROMQL_AGGREGATE:
        return node->aggregate.expr->is_constant &&
               (!node->aggregate.param || node->aggregate.param->is_constant);
    case PROMQL_CALL:
        return call_is_constant(node);
    case PROMQL_PAREN:
        return node->paren->is_constant;
    }
    return false;
}

static enum status check_kind(const struct checker *c, struct promql_node *n)
{
    switch (n->kind) {
    case PROMQL_NUMBER:
        n->type = TYPE_SCALAR;
        return ST_OK;
    case PROMQL_STRING_LITERAL:
        n->type = TYPE_STRING;
        return ST_OK;
    case PROMQL_SELECTOR:
        return check_selector(c, n);
    case PROMQL_RANGE:
        n->type = TYPE_MATRIX;
        return check(c, n->range.selector);
    case PROMQL_SUBQUERY:
        return check_subquery(c, n);
    case PROMQL_UNARY:
        return check_unary(c, n);
    case PROMQL_BINARY:
        return check_binary(c, n);
    case PROMQL_AGGREGATE:
        n->type = TYPE_VECTOR;
        return check_aggregate(c, n);
    case PROMQL_CALL:
        return check_call(c, n);
    case PROMQL_PAREN:
        TRY(check(c, n->paren));
        n->type = n->paren->type;
        return ST_OK;
    }
    return ST_OK;
}

static enum status check(const struct checker *c, struct promql_node *n)
{
    TRY(check_kind(c, n));
    n->is_constant = is_constant(n);
    return ST_OK;
}

enum status promql_check(struct str text, struct promql_node *root, struct err *e)
{
    struct checker c = {text, e};
    return check(&c, root);
}
