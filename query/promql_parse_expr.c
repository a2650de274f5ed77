/* promql_parse_expr.c - expressions: operators by precedence (Pratt), calls, aggregations. */
#include "query/promql_number.h"
#include "query/promql_parser.h"
#include "query/promql_quote.h"
#include "query/promql_words.h"

enum { PRECEDENCE_LOWEST = 1, PRECEDENCE_PRODUCT = 5, PRECEDENCE_POWER = 6 };

static unsigned precedence_of(const struct promql_token *t)
{
    static const unsigned char of_op[] = {
        [OP_OR] = 1,
        [OP_AND] = 2,
        [OP_UNLESS] = 2,
        [OP_EQ] = 3,
        [OP_NE] = 3,
        [OP_GT] = 3,
        [OP_LT] = 3,
        [OP_GE] = 3,
        [OP_LE] = 3,
        [OP_TRIM_BELOW] = 3,
        [OP_TRIM_ABOVE] = 3,
        [OP_ADD] = 4,
        [OP_SUB] = 4,
        [OP_MUL] = PRECEDENCE_PRODUCT,
        [OP_DIV] = PRECEDENCE_PRODUCT,
        [OP_MOD] = PRECEDENCE_PRODUCT,
        [OP_ATAN2] = PRECEDENCE_PRODUCT,
        [OP_POW] = PRECEDENCE_POWER,
    };
    return t->kind == TOK_OPERATOR ? of_op[t->op] : 0;
}

static enum status parse_expr(struct promql_parser *p, unsigned precedence,
                              struct promql_node **out);

static bool begins_expression(const struct promql_token *t)
{
    switch (t->kind) {
    case TOK_NUMBER:
    case TOK_DURATION:
    case TOK_STRING:
    case TOK_LEFT_PAREN:
    case TOK_LEFT_BRACE:
        return true;
    case TOK_OPERATOR:
        return t->op == OP_ADD || t->op == OP_SUB || promql_op_is_set(t->op);
    default:
        return promql_token_is_metric(t);
    }
}

struct arg_link {
    struct arg_link *older;
    struct promql_node *node;
};

static enum status collect_args(struct promql_parser *p, const struct arg_link *newest,
                                struct promql_node ***args, uint32_t *count)
{
    *count = 0;
    for (const struct arg_link *at = newest; at; at = at->older)
        ++*count;
    *args = arena_calloc(p->arena, *count, sizeof(**args));
    if (!*args)
        return promql_parser_no_memory(p);
    uint32_t i = *count;
    for (const struct arg_link *at = newest; at; at = at->older)
        (*args)[--i] = at->node;
    return ST_OK;
}

/* "(a, b)": p->token is or should be the parenthesis. */
static enum status parse_args(struct promql_parser *p, struct promql_node ***args, uint32_t *count)
{
    struct arg_link *newest = NULL;
    bool did;
    TRY(promql_parser_expect(p, TOK_LEFT_PAREN));
    TRY(promql_parser_accept(p, TOK_RIGHT_PAREN, &did));
    while (!did) {
        struct arg_link *link = arena_alloc(p->arena, sizeof(*link));
        if (!link)
            return promql_parser_no_memory(p);
        TRY(parse_expr(p, PRECEDENCE_LOWEST, &link->node));
        link->older = newest;
        newest = link;
        TRY(promql_parser_accept(p, TOK_RIGHT_PAREN, &did));
        if (did)
            break;
        struct promql_token comma = p->token;
        TRY(promql_parser_expect(p, TOK_COMMA));
        TRY(promql_parser_peek(p));
        if (!begins_expression(&p->token))
            return promql_fail(p->text, comma.span.start, p->e,
                               "trailing commas not allowed in function call args");
    }
    return collect_args(p, newest, args, count);
}

/* `name` was taken, '(' is next. */
static enum status parse_call(struct promql_parser *p, struct promql_token name,
                              struct promql_node **out)
{
    TRY(promql_node_new(p, PROMQL_CALL, name.span, out));
    struct promql_node *node = *out;
    TRY(parse_args(p, &node->call.args, &node->call.arg_count));
    node->span.end = p->last_end;
    node->call.function = promql_function_find(name.text);
    if (!node->call.function) {
        char quoted[120];
        return promql_fail(p->text, name.span.start, p->e, "unknown function with name %s",
                           promql_quote_c(name.text, quoted, sizeof(quoted)));
    }
    for (uint32_t i = 0; i < node->call.arg_count; i++)
        TRY(promql_node_adopt(p, node, node->call.args[i]));
    return ST_OK;
}

static enum status parse_grouping(struct promql_parser *p, struct promql_node *node, bool *did)
{
    TRY(promql_parser_peek(p));
    *did = p->token.kind == TOK_BY || p->token.kind == TOK_WITHOUT;
    if (!*did)
        return ST_OK;
    node->aggregate.without = p->token.kind == TOK_WITHOUT;
    promql_parser_take(p);
    return promql_parse_labels(p, &node->aggregate.labels, &node->aggregate.label_count);
}

static enum status set_args(struct promql_parser *p, struct promql_node *node,
                            struct promql_node **args, uint32_t count)
{
    bool has_param = promql_aggregation_has_param(node->aggregate.op);
    uint32_t wanted = has_param ? 2 : 1;
    if (count == 0)
        return promql_fail(p->text, node->span.start, p->e,
                           "no arguments for aggregate expression provided");
    if (count != wanted)
        return promql_fail(p->text, node->span.start, p->e,
                           "wrong number of arguments for aggregate expression provided, "
                           "expected %u, got %u",
                           wanted, count);
    node->aggregate.param = has_param ? args[0] : NULL;
    node->aggregate.expr = args[wanted - 1];
    TRY(promql_node_adopt(p, node, node->aggregate.param));
    return promql_node_adopt(p, node, node->aggregate.expr);
}

/* `op` was taken; by, without or '(' is next. */
static enum status parse_aggregation(struct promql_parser *p, struct promql_token op,
                                     struct promql_node **out)
{
    TRY(promql_node_new(p, PROMQL_AGGREGATE, op.span, out));
    struct promql_node *node = *out, **args;
    uint32_t count;
    bool did;
    node->aggregate.op = op.aggregation;
    p->aggregations++;
    TRY(parse_grouping(p, node, &did));
    TRY(parse_args(p, &args, &count));
    if (!did)
        TRY(parse_grouping(p, node, &did));
    p->aggregations--;
    node->span.end = p->last_end;
    return set_args(p, node, args, count);
}

static enum status parse_string(struct promql_parser *p, struct promql_node **out)
{
    TRY(promql_node_new(p, PROMQL_STRING_LITERAL, p->token.span, out));
    if (!promql_unquote(p->token.text, p->arena, &(*out)->text))
        return promql_parser_no_memory(p);
    promql_parser_take(p);
    return ST_OK;
}

static enum status parse_paren(struct promql_parser *p, struct promql_node **out)
{
    TRY(promql_node_new(p, PROMQL_PAREN, p->token.span, out));
    promql_parser_take(p);
    TRY(parse_expr(p, PRECEDENCE_LOWEST, &(*out)->paren));
    TRY(promql_parser_expect(p, TOK_RIGHT_PAREN));
    (*out)->span.end = p->last_end;
    return promql_node_adopt(p, *out, (*out)->paren);
}

/* A word is an aggregation or a function when a parenthesis (or by, without) follows, else a
 * metric. That needs a second token, so the first is put back for the selector. */
static enum status parse_name(struct promql_parser *p, struct promql_node **out)
{
    struct promql_token name = p->token;
    struct promql_lexer behind = p->lexer;
    promql_parser_take(p);
    TRY(promql_parser_peek(p));
    enum promql_token_kind next = p->token.kind;
    if (name.kind == TOK_AGGREGATION &&
        (next == TOK_LEFT_PAREN || next == TOK_BY || next == TOK_WITHOUT))
        return parse_aggregation(p, name, out);
    bool may_call = name.kind == TOK_IDENTIFIER || name.kind >= TOK_START;
    if (may_call && next == TOK_LEFT_PAREN)
        return parse_call(p, name, out);
    p->lexer = behind;
    p->token = name;
    return promql_parse_vector(p, out);
}

static enum status parse_operand(struct promql_parser *p, struct promql_node **out)
{
    switch (p->token.kind) {
    case TOK_NUMBER:
    case TOK_DURATION:
        TRY(promql_parse_number(p, out));
        break;
    case TOK_STRING:
        TRY(parse_string(p, out));
        break;
    case TOK_LEFT_PAREN:
        TRY(parse_paren(p, out));
        break;
    case TOK_LEFT_BRACE:
        TRY(promql_parse_vector(p, out));
        break;
    default:
        if (!promql_token_is_metric(&p->token))
            return promql_parser_stuck(p);
        TRY(parse_name(p, out));
        break;
    }
    return promql_parse_postfix(p, out);
}

/* A sign binds as '*' does and goes into a number. */
static enum status parse_unary(struct promql_parser *p, struct promql_node **out)
{
    struct promql_token sign = p->token;
    struct promql_node *operand;
    promql_parser_take(p);
    TRY(parse_expr(p, PRECEDENCE_POWER, &operand));
    if (operand->kind == PROMQL_NUMBER) {
        if (sign.op == OP_SUB)
            operand->number.value = -operand->number.value;
        operand->span.start = sign.span.start;
        *out = operand;
        return ST_OK;
    }
    struct promql_span span = {sign.span.start, operand->span.end};
    TRY(promql_node_new(p, PROMQL_UNARY, span, out));
    (*out)->unary.op = sign.op;
    (*out)->unary.expr = operand;
    return promql_node_adopt(p, *out, operand);
}

static enum status parse_fill_value(struct promql_parser *p, double *value)
{
    struct promql_node *number;
    TRY(promql_parser_expect(p, TOK_LEFT_PAREN));
    TRY(promql_parser_peek(p));
    bool is_sign =
        p->token.kind == TOK_OPERATOR && (p->token.op == OP_ADD || p->token.op == OP_SUB);
    bool is_negative = is_sign && p->token.op == OP_SUB;
    if (is_sign) {
        promql_parser_take(p);
        TRY(promql_parser_peek(p));
    }
    if (p->token.kind != TOK_NUMBER && p->token.kind != TOK_DURATION)
        return promql_parser_stuck(p);
    TRY(promql_parse_number(p, &number));
    *value = is_negative ? -number->number.value : number->number.value;
    return promql_parser_expect(p, TOK_RIGHT_PAREN);
}

/* fill(v), or fill_left(v) and fill_right(v) in any order. */
static enum status parse_fill(struct promql_parser *p, struct promql_matching *m)
{
    bool did;
    TRY(promql_parser_accept(p, TOK_FILL, &did));
    if (did) {
        TRY(parse_fill_value(p, &m->fill_left));
        m->fill_right = m->fill_left;
        m->fills_left = m->fills_right = true;
        return ST_OK;
    }
    for (;;) {
        TRY(promql_parser_peek(p));
        if (p->token.kind == TOK_FILL_LEFT && !m->fills_left) {
            promql_parser_take(p);
            TRY(parse_fill_value(p, &m->fill_left));
            m->fills_left = true;
        } else if (p->token.kind == TOK_FILL_RIGHT && !m->fills_right) {
            promql_parser_take(p);
            TRY(parse_fill_value(p, &m->fill_right));
            m->fills_right = true;
        } else {
            return ST_OK;
        }
    }
}

/* group_left or group_right with or without labels. */
static enum status parse_group(struct promql_parser *p, struct promql_matching *m)
{
    TRY(promql_parser_peek(p));
    if (p->token.kind != TOK_GROUP_LEFT && p->token.kind != TOK_GROUP_RIGHT)
        return ST_OK;
    m->card = p->token.kind == TOK_GROUP_LEFT ? CARD_MANY_TO_ONE : CARD_ONE_TO_MANY;
    promql_parser_take(p);
    TRY(promql_parser_peek(p));
    if (p->token.kind != TOK_LEFT_PAREN && begins_expression(&p->token))
        return ST_OK;
    return promql_parse_labels(p, &m->include, &m->include_count);
}

static enum status parse_modifiers(struct promql_parser *p, struct promql_node *node)
{
    struct promql_matching *m = node->binary.matching;
    TRY(promql_parser_accept(p, TOK_BOOL, &node->binary.returns_bool));
    TRY(promql_parser_peek(p));
    if (p->token.kind == TOK_ON || p->token.kind == TOK_IGNORING) {
        m->on = p->token.kind == TOK_ON;
        promql_parser_take(p);
        TRY(promql_parse_labels(p, &m->labels, &m->label_count));
        TRY(parse_group(p, m));
    }
    return parse_fill(p, m);
}

/* p->token is the operator behind *lhs. */
static enum status parse_binary(struct promql_parser *p, struct promql_node **lhs)
{
    struct promql_token op = p->token;
    struct promql_node *node;
    unsigned precedence = precedence_of(&op);
    TRY(promql_node_new(p, PROMQL_BINARY, (*lhs)->span, &node));
    node->binary.matching = arena_calloc(p->arena, 1, sizeof(*node->binary.matching));
    if (!node->binary.matching)
        return promql_parser_no_memory(p);
    node->binary.op = op.op;
    node->binary.lhs = *lhs;
    promql_parser_take(p);
    TRY(parse_modifiers(p, node));
    TRY(parse_expr(p, op.op == OP_POW ? precedence : precedence + 1, &node->binary.rhs));
    node->span.end = node->binary.rhs->span.end;
    TRY(promql_node_link(p, node));
    *lhs = node;
    return ST_OK;
}

static enum status parse_expr(struct promql_parser *p, unsigned precedence,
                              struct promql_node **out)
{
    TRY(promql_parser_enter(p));
    TRY(promql_parser_peek(p));
    bool is_sign =
        p->token.kind == TOK_OPERATOR && (p->token.op == OP_ADD || p->token.op == OP_SUB);
    TRY(is_sign ? parse_unary(p, out) : parse_operand(p, out));
    for (;;) {
        TRY(promql_parser_peek(p));
        unsigned found = precedence_of(&p->token);
        if (found == 0 || found < precedence)
            break;
        TRY(parse_binary(p, out));
    }
    promql_parser_leave(p);
    return ST_OK;
}

enum status promql_parse_expression(struct promql_parser *p, struct promql_node **out)
{
    return parse_expr(p, PRECEDENCE_LOWEST, out);
}
