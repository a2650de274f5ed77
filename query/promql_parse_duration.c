/* promql_parse_duration.c - lengths of time: literals, and arithmetic with step() and range(). */
#include "query/promql_number.h"
#include "query/promql_parser.h"
#include "query/promql_quote.h"

#include <float.h>
#include <math.h>

enum { PRECEDENCE_SUM = 1, PRECEDENCE_PRODUCT, PRECEDENCE_POWER };

static const char *const wanted = "number, duration, step(), or range()";

static enum status unexpected(struct promql_parser *p, enum promql_duration_place place)
{
    switch (place) {
    case DURATION_OFFSET:
        return promql_parser_unexpected(p, "offset", wanted);
    case DURATION_STEP:
        return promql_parser_unexpected(p, "subquery selector",
                                        "number, duration, step(), range(), or \"]\"");
    case DURATION_RANGE:
        break;
    }
    return promql_parser_unexpected(p, "subquery or range selector", wanted);
}

static enum status fail_number(struct promql_parser *p, enum promql_number_fault fault)
{
    char quoted[120];
    promql_quote_c(str_sub(p->token.text, 0, 100), quoted, sizeof(quoted));
    return promql_fail(p->text, p->token.span.start, p->e,
                       "error parsing number: strconv.ParseFloat: parsing %s: %s", quoted,
                       fault == NUMBER_RANGE ? "value out of range" : "invalid syntax");
}

static enum status fail_duration(struct promql_parser *p, enum promql_number_fault fault,
                                 struct str unit)
{
    char quoted[120], unit_quoted[40];
    promql_quote_c(str_sub(p->token.text, 0, 100), quoted, sizeof(quoted));
    promql_quote_c(str_sub(unit, 0, 20), unit_quoted, sizeof(unit_quoted));
    if (fault == NUMBER_RANGE)
        return promql_fail(p->text, p->token.span.start, p->e, "duration out of range");
    if (fault == NUMBER_UNIT)
        return promql_fail(p->text, p->token.span.start, p->e, "unknown unit %s in duration %s",
                           unit_quoted, quoted);
    return promql_fail(p->text, p->token.span.start, p->e, "not a valid duration string: %s",
                       quoted);
}

enum status promql_parse_number(struct promql_parser *p, struct promql_node **out)
{
    enum promql_number_fault fault;
    int64_t ms;
    struct str unit;
    TRY(promql_node_new(p, PROMQL_NUMBER, p->token.span, out));
    (*out)->type = TYPE_SCALAR;
    if (p->token.kind == TOK_DURATION) {
        fault = promql_duration_read(p->token.text, &ms, &unit);
        if (fault != NUMBER_OK)
            return fail_duration(p, fault, unit);
        (*out)->number.value = (double)ms / 1000;
        (*out)->number.is_duration = true;
    } else {
        fault = promql_number_read(p->token.text, &(*out)->number.value);
        if (fault != NUMBER_OK)
            return fail_number(p, fault);
    }
    promql_parser_take(p);
    return ST_OK;
}

static enum status check_bounds(struct promql_parser *p, const struct promql_node *n)
{
    /* Prometheus counts nanoseconds in 64 bits; NaN is out as well. */
    if (n->kind == PROMQL_NUMBER && !(fabs(n->number.value) <= 0x1p63 / 1e9))
        return promql_fail(p->text, n->span.start, p->e, "duration out of range");
    return ST_OK;
}

static enum status parse_expr(struct promql_parser *p, enum promql_duration_place place,
                              unsigned precedence, struct promql_node **out);

static enum status expect(struct promql_parser *p, enum promql_duration_place place,
                          enum promql_token_kind kind)
{
    bool did;
    TRY(promql_parser_accept(p, kind, &did));
    return did ? ST_OK : unexpected(p, place);
}

/* step(), range(), min_of(a, b), max_of(a, b): p->token is the name. */
static enum status parse_call(struct promql_parser *p, enum promql_duration_place place,
                              enum promql_function_id id, struct promql_node **out)
{
    const struct promql_function *f = promql_function_of(id);
    TRY(promql_node_new(p, PROMQL_CALL, p->token.span, out));
    struct promql_node *node = *out;
    node->call.function = f;
    node->call.args = arena_calloc(p->arena, 2, sizeof(*node->call.args));
    if (!node->call.args)
        return promql_parser_no_memory(p);
    promql_parser_take(p);
    TRY(expect(p, place, TOK_LEFT_PAREN));
    for (uint32_t i = 0; i < f->arg_count; i++) {
        if (i > 0)
            TRY(expect(p, place, TOK_COMMA));
        TRY(parse_expr(p, place, PRECEDENCE_SUM, &node->call.args[i]));
        TRY(promql_node_adopt(p, node, node->call.args[i]));
        node->call.arg_count++;
    }
    TRY(expect(p, place, TOK_RIGHT_PAREN));
    node->span.end = p->last_end;
    return ST_OK;
}

/* A number stays a number, and what has parentheses gets no second ones. */
static enum status parse_paren(struct promql_parser *p, enum promql_duration_place place,
                               struct promql_node **out)
{
    struct promql_token open = p->token;
    struct promql_node *inner;
    promql_parser_take(p);
    TRY(parse_expr(p, place, PRECEDENCE_SUM, &inner));
    TRY(expect(p, place, TOK_RIGHT_PAREN));
    *out = inner;
    if (inner->kind == PROMQL_NUMBER || inner->kind == PROMQL_PAREN)
        return ST_OK;
    struct promql_span span = {open.span.start, p->last_end};
    TRY(promql_node_new(p, PROMQL_PAREN, span, out));
    (*out)->paren = inner;
    return promql_node_adopt(p, *out, inner);
}

static enum status parse_operand(struct promql_parser *p, enum promql_duration_place place,
                                 struct promql_node **out)
{
    TRY(promql_parser_peek(p));
    switch (p->token.kind) {
    case TOK_NUMBER:
    case TOK_DURATION:
        TRY(promql_parse_number(p, out));
        return check_bounds(p, *out);
    case TOK_STEP:
        return parse_call(p, place, FN_STEP, out);
    case TOK_RANGE:
        return parse_call(p, place, FN_RANGE, out);
    case TOK_LEFT_PAREN:
        return parse_paren(p, place, out);
    case TOK_MIN_OF:
        return parse_call(p, place, FN_MIN_OF, out);
    case TOK_MAX_OF:
        return parse_call(p, place, FN_MAX_OF, out);
    default:
        return unexpected(p, place);
    }
}

static bool is_sign(const struct promql_token *t)
{
    return t->kind == TOK_OPERATOR && (t->op == OP_ADD || t->op == OP_SUB);
}

/* A sign takes into a number; a plus before anything else says nothing. */
static enum status apply_sign(struct promql_parser *p, struct promql_token sign,
                              struct promql_node *operand, struct promql_node **out)
{
    *out = operand;
    if (operand->kind == PROMQL_NUMBER) {
        if (sign.op == OP_SUB)
            operand->number.value = -operand->number.value;
        operand->span.start = sign.span.start;
        return ST_OK;
    }
    if (sign.op == OP_ADD)
        return ST_OK;
    struct promql_span span = {sign.span.start, operand->span.end};
    TRY(promql_node_new(p, PROMQL_UNARY, span, out));
    (*out)->unary.op = OP_SUB;
    (*out)->unary.expr = operand;
    return promql_node_adopt(p, *out, operand);
}

/* A sign binds as '*' does. */
static enum status parse_signed(struct promql_parser *p, enum promql_duration_place place,
                                struct promql_node **out)
{
    TRY(promql_parser_peek(p));
    if (!is_sign(&p->token))
        return parse_operand(p, place, out);
    struct promql_token sign = p->token;
    struct promql_node *operand;
    promql_parser_take(p);
    TRY(parse_expr(p, place, PRECEDENCE_POWER, &operand));
    return apply_sign(p, sign, operand, out);
}

static unsigned precedence_of(const struct promql_token *t)
{
    if (t->kind != TOK_OPERATOR)
        return 0;
    switch (t->op) {
    case OP_ADD:
    case OP_SUB:
        return PRECEDENCE_SUM;
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
        return PRECEDENCE_PRODUCT;
    case OP_POW:
        return PRECEDENCE_POWER;
    default:
        return 0;
    }
}

static enum status join(struct promql_parser *p, struct promql_token op, struct promql_node *rhs,
                        struct promql_node **lhs)
{
    bool is_zero = rhs->kind == PROMQL_NUMBER && rhs->number.value == 0;
    if (is_zero && (op.op == OP_DIV || op.op == OP_MOD))
        return promql_fail(p->text, op.span.start, p->e,
                           op.op == OP_DIV ? "division by zero" : "modulo by zero");
    struct promql_node *both;
    struct promql_span span = {(*lhs)->span.start, rhs->span.end};
    TRY(promql_node_new(p, PROMQL_BINARY, span, &both));
    both->binary.op = op.op;
    both->binary.lhs = *lhs;
    both->binary.rhs = rhs;
    TRY(promql_node_link(p, both));
    *lhs = both;
    return ST_OK;
}

/* The operators behind *out that bind at least as tightly. */
static enum status parse_rest(struct promql_parser *p, enum promql_duration_place place,
                              unsigned precedence, struct promql_node **out)
{
    for (;;) {
        TRY(promql_parser_peek(p));
        struct promql_token op = p->token;
        unsigned found = precedence_of(&op);
        if (found == 0 || found < precedence)
            return ST_OK;
        promql_parser_take(p);
        struct promql_node *rhs;
        TRY(parse_expr(p, place, op.op == OP_POW ? found : found + 1, &rhs));
        TRY(join(p, op, rhs, out));
    }
}

static enum status parse_expr(struct promql_parser *p, enum promql_duration_place place,
                              unsigned precedence, struct promql_node **out)
{
    TRY(promql_parser_enter(p));
    TRY(parse_signed(p, place, out));
    TRY(parse_rest(p, place, precedence, out));
    promql_parser_leave(p);
    return ST_OK;
}

/* Behind "offset" stands one operand, with a sign or not: "x offset -2 ^ 2" is (x offset -2) ^ 2.
 * But Prometheus' grammar takes operators behind "(...)" and behind two signs. */
static enum status parse_offset(struct promql_parser *p, struct promql_node **out)
{
    const enum promql_duration_place place = DURATION_OFFSET;
    TRY(promql_parser_peek(p));
    struct promql_token first = p->token;
    if (first.kind == TOK_LEFT_PAREN)
        return parse_expr(p, place, PRECEDENCE_SUM, out);
    if (!is_sign(&first))
        return parse_operand(p, place, out);
    promql_parser_take(p);
    TRY(promql_parser_peek(p));
    bool has_two_signs = is_sign(&p->token);
    struct promql_node *operand;
    if (p->token.kind == TOK_NUMBER || p->token.kind == TOK_DURATION)
        TRY(promql_parse_number(p, &operand));
    else if (has_two_signs)
        TRY(parse_expr(p, place, PRECEDENCE_POWER, &operand));
    else
        TRY(parse_operand(p, place, &operand));
    TRY(apply_sign(p, first, operand, out));
    TRY(check_bounds(p, *out));
    return has_two_signs ? parse_rest(p, place, PRECEDENCE_SUM, out) : ST_OK;
}

/* What is finer than a millisecond is cut off, but not what the seconds only seem to miss: beyond
 * 104 days not each nanosecond is a double, and 25000d1ms was 25000d. */
static int64_t to_ms(double seconds)
{
    double ns = round(seconds * 1e9), ms = round(seconds * 1e3);
    /* 2^63 itself is let through by the bounds. */
    if (ns >= 0x1p63)
        return INT64_MAX / 1000000;
    if (fabs(seconds * 1e3 - ms) <= fabs(ms) * DBL_EPSILON)
        return (int64_t)ms;
    return (int64_t)ns / 1000000;
}

enum status promql_parse_duration(struct promql_parser *p, enum promql_duration_place place,
                                  struct promql_duration *out)
{
    struct promql_node *node;
    if (place == DURATION_OFFSET)
        TRY(parse_offset(p, &node));
    else
        TRY(parse_expr(p, place, PRECEDENCE_SUM, &node));
    *out = (struct promql_duration){.expr = node};
    if (node->kind != PROMQL_NUMBER)
        return ST_OK;
    if (place != DURATION_OFFSET && node->number.value <= 0)
        return promql_fail(p->text, node->span.start, p->e, "duration must be greater than 0");
    *out = (struct promql_duration){.ms = to_ms(node->number.value)};
    return ST_OK;
}
