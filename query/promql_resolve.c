/* promql_resolve.c - makes a tree ready for one query: computes its duration expressions, and takes
 * away parentheses around arguments, which have no place of their own in notes. */
#include "query/promql_parse.h"

#include <math.h>

struct resolver {
    double range_s, step_s;
    struct err *e;
};

static enum status compute(const struct resolver *r, const struct promql_node *n, double *out);

static enum status compute_call(const struct resolver *r, const struct promql_node *n, double *out)
{
    double a, b;
    if (n->call.function->id == FN_STEP || n->call.function->id == FN_RANGE) {
        *out = n->call.function->id == FN_STEP ? r->step_s : r->range_s;
        return ST_OK;
    }
    TRY(compute(r, n->call.args[0], &a));
    TRY(compute(r, n->call.args[1], &b));
    *out = n->call.function->id == FN_MIN_OF ? MIN(a, b) : MAX(a, b);
    return ST_OK;
}

/* *out is what stands left of the operator, and then the result. */
static enum status compute_link(const struct resolver *r, const struct promql_node *n, double *out)
{
    double a = *out, b;
    TRY(compute(r, n->binary.rhs, &b));
    bool divides = n->binary.op == OP_DIV || n->binary.op == OP_MOD;
    if (divides && b == 0)
        return err_set(r->e, ST_INVALID, "%s by zero",
                       n->binary.op == OP_DIV ? "division" : "modulo");
    switch (n->binary.op) {
    case OP_ADD:
        *out = a + b;
        break;
    case OP_SUB:
        *out = a - b;
        break;
    case OP_MUL:
        *out = a * b;
        break;
    case OP_DIV:
        *out = a / b;
        break;
    case OP_MOD:
        *out = fmod(a, b);
        break;
    default: /* the parser lets through only these and '^' */
        *out = pow(a, b);
        break;
    }
    return ST_OK;
}

static enum status compute_binary(const struct resolver *r, const struct promql_node *node,
                                  double *out)
{
    TRY(compute(r, node->binary.first->binary.lhs, out));
    for (const struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node))
        TRY(compute_link(r, n, out));
    return ST_OK;
}

/* In seconds. */
static enum status compute(const struct resolver *r, const struct promql_node *n, double *out)
{
    switch (n->kind) {
    case PROMQL_NUMBER:
        *out = n->number.value;
        return ST_OK;
    case PROMQL_PAREN:
        return compute(r, n->paren, out);
    case PROMQL_UNARY:
        TRY(compute(r, n->unary.expr, out));
        *out = n->unary.op == OP_SUB ? -*out : *out;
        return ST_OK;
    case PROMQL_BINARY:
        return compute_binary(r, n, out);
    default:
        return compute_call(r, n, out);
    }
}

static enum status resolve_duration(const struct resolver *r, struct promql_duration *d,
                                    bool may_be_negative)
{
    double seconds;
    if (!d->expr)
        return ST_OK;
    const struct promql_node *inner = d->expr->kind == PROMQL_PAREN ? d->expr->paren : d->expr;
    struct promql_span span = inner->span;
    TRY(compute(r, d->expr, &seconds));
    if (!may_be_negative && seconds <= 0)
        return err_set(r->e, ST_INVALID, "%u:%u: duration must be greater than 0", span.start,
                       span.end);
    if (!(fabs(seconds) <= 0x1p63 / 1e9))
        return err_set(r->e, ST_INVALID, "%u:%u: duration is out of range", span.start, span.end);
    /* The bound itself is a millisecond too much. */
    double ms = trunc(seconds * 1000);
    *d = (struct promql_duration){.ms = (int64_t)ms};
    return ST_OK;
}

static enum status resolve(const struct resolver *r, struct promql_node *n);

static enum status resolve_binary(const struct resolver *r, struct promql_node *node)
{
    TRY(resolve(r, node->binary.first->binary.lhs));
    for (struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node))
        TRY(resolve(r, n->binary.rhs));
    return ST_OK;
}

static enum status resolve_arg(const struct resolver *r, struct promql_node **arg)
{
    while ((*arg)->kind == PROMQL_PAREN)
        *arg = (*arg)->paren;
    return resolve(r, *arg);
}

static enum status resolve(const struct resolver *r, struct promql_node *n)
{
    switch (n->kind) {
    case PROMQL_NUMBER:
    case PROMQL_STRING_LITERAL:
        return ST_OK;
    case PROMQL_SELECTOR:
        return resolve_duration(r, &n->selector.when.offset, true);
    case PROMQL_RANGE:
        TRY(resolve_duration(r, &n->range.range, false));
        return resolve(r, n->range.selector);
    case PROMQL_SUBQUERY:
        TRY(resolve_duration(r, &n->subquery.range, false));
        TRY(resolve_duration(r, &n->subquery.step, false));
        TRY(resolve_duration(r, &n->subquery.when.offset, true));
        return resolve(r, n->subquery.expr);
    case PROMQL_UNARY:
        return resolve(r, n->unary.expr);
    case PROMQL_BINARY:
        return resolve_binary(r, n);
    case PROMQL_AGGREGATE:
        if (n->aggregate.param)
            TRY(resolve_arg(r, &n->aggregate.param));
        return resolve_arg(r, &n->aggregate.expr);
    case PROMQL_CALL:
        for (uint32_t i = 0; i < n->call.arg_count; i++)
            TRY(resolve_arg(r, &n->call.args[i]));
        return ST_OK;
    case PROMQL_PAREN:
        return resolve(r, n->paren);
    }
    return ST_OK;
}

enum status promql_resolve(struct promql_node *node, int64_t start_ms, int64_t end_ms,
                           int64_t step_ms, struct err *e)
{
    struct resolver r = {((double)end_ms - (double)start_ms) / 1000, (double)step_ms / 1000, e};
    return resolve(&r, node);
}
