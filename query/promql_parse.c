/* promql_parse.c - entry of the parser: tokens at hand, new nodes, complaints, cleaning up. */
#include "query/promql_parse.h"
#include "query/promql_parser.h"

#include <stdio.h>

enum status promql_parser_peek(struct promql_parser *p)
{
    if (!p->has_token)
        TRY(promql_lex(&p->lexer, &p->token, p->e));
    p->has_token = true;
    return ST_OK;
}

void promql_parser_take(struct promql_parser *p)
{
    p->last_end = p->token.span.end;
    p->has_token = false;
}

enum status promql_parser_accept(struct promql_parser *p, enum promql_token_kind kind, bool *did)
{
    TRY(promql_parser_peek(p));
    *did = p->token.kind == kind;
    if (*did)
        promql_parser_take(p);
    return ST_OK;
}

enum status promql_parser_expect(struct promql_parser *p, enum promql_token_kind kind)
{
    bool did;
    TRY(promql_parser_accept(p, kind, &did));
    return did ? ST_OK : promql_parser_stuck(p);
}

enum status promql_parser_unexpected(struct promql_parser *p, const char *context,
                                     const char *expected)
{
    char shown[160];
    return promql_fail(p->text, p->token.span.start, p->e, "unexpected %s%s%s%s%s",
                       promql_token_show(&p->token, shown, sizeof(shown)), *context ? " in " : "",
                       context, *expected ? ", expected " : "", expected);
}

enum status promql_parser_stuck(struct promql_parser *p)
{
    return promql_parser_unexpected(p, p->aggregations > 0 ? "aggregation" : "", "");
}

enum status promql_parser_no_memory(struct promql_parser *p)
{
    return err_set(p->e, ST_NO_MEMORY, "no memory to parse an expression");
}

enum status promql_node_new(struct promql_parser *p, enum promql_kind kind, struct promql_span span,
                            struct promql_node **out)
{
    if (++p->nodes > PROMQL_NODES_MAX)
        return promql_fail(p->text, span.start, p->e, "expression has more than %d nodes",
                           PROMQL_NODES_MAX);
    *out = arena_calloc(p->arena, 1, sizeof(**out));
    if (!*out)
        return promql_parser_no_memory(p);
    (*out)->kind = kind;
    (*out)->span = span;
    (*out)->height = 1;
    return ST_OK;
}

static enum status too_deep(struct promql_parser *p, uint32_t at)
{
    return promql_fail(p->text, at, p->e, "expression has more than %d levels", PROMQL_DEPTH_MAX);
}

enum status promql_node_adopt(struct promql_parser *p, struct promql_node *node,
                              const struct promql_node *child)
{
    if (child && child->height >= node->height)
        node->height = child->height + 1;
    return node->height > PROMQL_DEPTH_MAX ? too_deep(p, node->span.start) : ST_OK;
}

/* What stands at a link is reached over PROMQL_LINKS_DEEP others at most. */
enum status promql_node_link(struct promql_parser *p, struct promql_node *node)
{
    struct promql_node *lhs = node->binary.lhs;
    bool goes_on = lhs->kind == PROMQL_BINARY;
    node->binary.first = goes_on ? lhs->binary.first : node;
    node->binary.links = goes_on ? lhs->binary.links + 1 : 1;
    if (goes_on)
        lhs->binary.up = node;
    TRY(promql_node_adopt(p, node, node->binary.rhs));
    if (node->binary.links <= PROMQL_LINKS_DEEP)
        return promql_node_adopt(p, node, lhs);
    node->height = MAX(lhs->height, node->height - 1 + PROMQL_LINKS_DEEP);
    return node->height > PROMQL_DEPTH_MAX ? too_deep(p, node->span.start) : ST_OK;
}

enum status promql_parser_enter(struct promql_parser *p)
{
    return ++p->depth > PROMQL_DEPTH_MAX ? too_deep(p, p->last_end) : ST_OK;
}

void promql_parser_leave(struct promql_parser *p)
{
    p->depth--;
}

static enum status parse_all(struct promql_parser *p, struct promql_node **out)
{
    TRY(promql_parser_peek(p));
    if (p->token.kind == TOK_EOF)
        return promql_fail(p->text, 0, p->e, "no expression found in input");
    TRY(promql_parse_expression(p, out));
    TRY(promql_parser_expect(p, TOK_EOF));
    return promql_check(p->text, *out, p->e);
}

static enum status parse_selector(struct promql_parser *p, struct promql_node **out)
{
    TRY(promql_parser_peek(p));
    if (p->token.kind != TOK_LEFT_BRACE && !promql_token_is_metric(&p->token))
        return promql_parser_stuck(p);
    TRY(promql_parse_vector(p, out));
    TRY(promql_parser_expect(p, TOK_EOF));
    (*out)->type = TYPE_VECTOR;
    return ST_OK;
}

typedef enum status parse_fn(struct promql_parser *p, struct promql_node **out);

static enum status run(parse_fn *parse, struct str text, struct arena *arena,
                       struct promql_node **out, struct err *e)
{
    if (text.len == 0)
        text = STR("");
    struct promql_parser p = {.text = text, .arena = arena, .e = e, .lexer = {.text = text}};
    *out = NULL;
    if (text.len > PROMQL_TEXT_MAX)
        return err_set(e, ST_INVALID, "an expression of %zu bytes is longer than %d", text.len,
                       PROMQL_TEXT_MAX);
    enum status status = parse(&p, out);
    if (status == ST_OK)
        return ST_OK;
    *out = NULL;
    for (struct promql_matcher_link *at = p.matchers; at; at = at->older)
        label_matcher_deinit(&at->matcher);
    return status;
}

enum status promql_parse(struct str text, struct arena *arena, struct promql_node **out,
                         struct err *e)
{
    return run(parse_all, text, arena, out, e);
}

enum status promql_parse_selector(struct str text, struct arena *arena, struct promql_node **out,
                                  struct err *e)
{
    return run(parse_selector, text, arena, out, e);
}

bool promql_selector_is_wide(const struct promql_selector *s)
{
    for (uint32_t i = 0; i < s->matcher_count; i++)
        if (!label_matcher_accepts(&s->matchers[i], STR("")))
            return false;
    return true;
}

void promql_free(struct promql_node *node)
{
    if (!node)
        return;
    switch (node->kind) {
    case PROMQL_NUMBER:
    case PROMQL_STRING_LITERAL:
        break;
    case PROMQL_SELECTOR:
        for (uint32_t i = 0; i < node->selector.matcher_count; i++)
            label_matcher_deinit(&node->selector.matchers[i]);
        break;
    case PROMQL_RANGE:
        promql_free(node->range.selector);
        break;
    case PROMQL_SUBQUERY:
        promql_free(node->subquery.expr);
        break;
    case PROMQL_UNARY:
        promql_free(node->unary.expr);
        break;
    case PROMQL_BINARY:
        promql_free(node->binary.first->binary.lhs);
        for (struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node))
            promql_free(n->binary.rhs);
        break;
    case PROMQL_AGGREGATE:
        promql_free(node->aggregate.expr);
        promql_free(node->aggregate.param);
        break;
    case PROMQL_CALL:
        for (uint32_t i = 0; i < node->call.arg_count; i++)
            promql_free(node->call.args[i]);
        break;
    case PROMQL_PAREN:
        promql_free(node->paren);
        break;
    }
}
