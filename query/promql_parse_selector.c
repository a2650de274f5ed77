/* promql_parse_selector.c - selectors: name and matchers, lists of labels. */
#include "query/promql_parser.h"
#include "query/promql_quote.h"
#include "query/promql_words.h"

bool promql_token_is_metric(const struct promql_token *t)
{
    switch (t->kind) {
    case TOK_IDENTIFIER:
    case TOK_METRIC_IDENTIFIER:
    case TOK_AGGREGATION:
    case TOK_BY:
    case TOK_WITHOUT:
    case TOK_OFFSET:
    case TOK_ANCHORED:
    case TOK_SMOOTHED:
    case TOK_START:
    case TOK_END:
    case TOK_STEP:
    case TOK_RANGE:
    case TOK_MIN_OF:
    case TOK_MAX_OF:
    case TOK_FILL:
    case TOK_FILL_LEFT:
    case TOK_FILL_RIGHT:
        return true;
    case TOK_OPERATOR:
        return promql_op_is_set(t->op);
    default:
        return false;
    }
}

static enum status add_matcher(struct promql_parser *p, enum match_op op, struct str name,
                               struct str value, uint32_t at)
{
    struct promql_matcher_link *link = arena_alloc(p->arena, sizeof(*link));
    struct err why;
    if (!link)
        return promql_parser_no_memory(p);
    if (++p->nodes > PROMQL_NODES_MAX)
        return promql_fail(p->text, at, p->e, "expression has more than %d nodes",
                           PROMQL_NODES_MAX);
    enum status status = label_matcher_init(&link->matcher, op, name, value, &why);
    if (status == ST_NO_MEMORY)
        return promql_parser_no_memory(p);
    if (status != ST_OK)
        return promql_fail(p->text, at, p->e, "%s", why.msg);
    link->older = p->matchers;
    p->matchers = link;
    p->regex_bytes += link->matcher.regex ? regex_bytes(link->matcher.regex) : 0;
    if (p->regex_bytes > PROMQL_REGEX_BYTES_MAX)
        return promql_fail(p->text, at, p->e, "regular expressions take more than %d MiB",
                           PROMQL_REGEX_BYTES_MAX / MIB);
    return ST_OK;
}

static bool match_op_of(const struct promql_token *t, enum match_op *op)
{
    switch (t->kind) {
    case TOK_ASSIGN:
        *op = MATCH_EQ;
        return true;
    case TOK_RE_MATCH:
        *op = MATCH_RE;
        return true;
    case TOK_RE_DIFFER:
        *op = MATCH_NRE;
        return true;
    case TOK_OPERATOR:
        *op = MATCH_NE;
        return t->op == OP_NE;
    default:
        return false;
    }
}

static enum status unquote(struct promql_parser *p, struct str literal, struct str *out)
{
    return promql_unquote(literal, p->arena, out) ? ST_OK : promql_parser_no_memory(p);
}

/* name="value", "name"="value" or "metric"; the first token is p->token. */
static enum status parse_matcher(struct promql_parser *p)
{
    struct promql_token first = p->token;
    struct str name = first.text, value;
    enum match_op op;
    if (first.kind != TOK_IDENTIFIER && first.kind != TOK_STRING)
        return promql_parser_unexpected(p, "label matching", "identifier or \"}\"");
    if (first.kind == TOK_STRING)
        TRY(unquote(p, first.text, &name));
    promql_parser_take(p);
    TRY(promql_parser_peek(p));
    if (!match_op_of(&p->token, &op)) {
        if (first.kind == TOK_STRING)
            return add_matcher(p, MATCH_EQ, LABEL_METRIC_NAME, name, first.span.start);
        return promql_parser_unexpected(p, "label matching", "label matching operator");
    }
    promql_parser_take(p);
    TRY(promql_parser_peek(p));
    if (p->token.kind != TOK_STRING)
        return promql_parser_unexpected(p, "label matching", "string");
    TRY(unquote(p, p->token.text, &value));
    promql_parser_take(p);
    return add_matcher(p, op, name, value, first.span.start);
}

/* Behind '{', up to and with '}'. */
static enum status parse_matchers(struct promql_parser *p)
{
    for (bool is_first = true, did;; is_first = false) {
        TRY(promql_parser_accept(p, TOK_RIGHT_BRACE, &did));
        if (did)
            return ST_OK;
        if (!is_first) {
            if (p->token.kind != TOK_COMMA)
                return promql_parser_unexpected(p, "label matching", "\",\" or \"}\"");
            promql_parser_take(p);
            TRY(promql_parser_accept(p, TOK_RIGHT_BRACE, &did));
            if (did)
                return ST_OK;
        }
        TRY(parse_matcher(p));
    }
}

/* Moves the matchers read since `older` into an array, in their order. */
static enum status collect_matchers(struct promql_parser *p, struct promql_selector *s,
                                    const struct promql_matcher_link *older)
{
    uint32_t count = 0;
    for (const struct promql_matcher_link *at = p->matchers; at != older; at = at->older)
        count++;
    s->matchers = arena_calloc(p->arena, count, sizeof(*s->matchers));
    if (!s->matchers)
        return promql_parser_no_memory(p);
    s->matcher_count = count;
    for (const struct promql_matcher_link *at = p->matchers; at != older; at = at->older)
        s->matchers[--count] = at->matcher;
    return ST_OK;
}

enum status promql_parse_vector(struct promql_parser *p, struct promql_node **out)
{
    struct promql_token first = p->token;
    const struct promql_matcher_link *older = p->matchers;
    bool has_braces;
    TRY(promql_node_new(p, PROMQL_SELECTOR, first.span, out));
    struct promql_node *node = *out;
    if (first.kind != TOK_LEFT_BRACE) {
        node->selector.metric = first.text;
        promql_parser_take(p);
    }
    TRY(promql_parser_accept(p, TOK_LEFT_BRACE, &has_braces));
    if (has_braces) {
        TRY(parse_matchers(p));
        node->span.end = p->last_end;
    }
    /* The name comes last, which the check relies on. */
    if (node->selector.metric.len > 0)
        TRY(add_matcher(p, MATCH_EQ, LABEL_METRIC_NAME, node->selector.metric, first.span.start));
    return collect_matchers(p, &node->selector, older);
}

/* Prometheus' list of keywords leaves out `without`. */
static bool is_label(const struct promql_token *t)
{
    if (t->kind == TOK_WITHOUT)
        return false;
    return t->kind == TOK_STRING || t->kind == TOK_IDENTIFIER || t->kind == TOK_METRIC_IDENTIFIER ||
           t->kind >= TOK_AGGREGATION ||
           (t->kind == TOK_OPERATOR && (promql_op_is_set(t->op) || t->op == OP_ATAN2));
}

struct label_link {
    struct label_link *older;
    struct str name;
};

static enum status parse_label(struct promql_parser *p, struct label_link **newest)
{
    struct promql_token t = p->token;
    if (!is_label(&t))
        return promql_parser_unexpected(p, "grouping opts", "label");
    struct label_link *link = arena_alloc(p->arena, sizeof(*link));
    if (!link)
        return promql_parser_no_memory(p);
    *link = (struct label_link){*newest, t.text};
    *newest = link;
    promql_parser_take(p);
    if (t.kind == TOK_STRING)
        TRY(unquote(p, t.text, &link->name));
    if (link->name.len == 0 || !str_is_utf8(link->name)) {
        char quoted[100];
        return promql_fail(p->text, t.span.start, p->e, "invalid label name for grouping: %s",
                           promql_quote_c(link->name, quoted, sizeof(quoted)));
    }
    return ST_OK;
}

static enum status collect_labels(struct promql_parser *p, const struct label_link *newest,
                                  struct str **labels, uint32_t *count)
{
    *count = 0;
    for (const struct label_link *at = newest; at; at = at->older)
        ++*count;
    *labels = arena_calloc(p->arena, *count, sizeof(**labels));
    if (!*labels)
        return promql_parser_no_memory(p);
    uint32_t i = *count;
    for (const struct label_link *at = newest; at; at = at->older)
        (*labels)[--i] = at->name;
    return ST_OK;
}

enum status promql_parse_labels(struct promql_parser *p, struct str **labels, uint32_t *count)
{
    struct label_link *newest = NULL;
    bool did;
    TRY(promql_parser_accept(p, TOK_LEFT_PAREN, &did));
    if (!did)
        return promql_parser_unexpected(p, "grouping opts", "\"(\"");
    TRY(promql_parser_accept(p, TOK_RIGHT_PAREN, &did));
    while (!did) {
        TRY(parse_label(p, &newest));
        TRY(promql_parser_accept(p, TOK_RIGHT_PAREN, &did));
        if (did)
            break;
        TRY(promql_parser_accept(p, TOK_COMMA, &did));
        if (!did)
            return promql_parser_unexpected(p, "grouping opts", "\",\" or \")\"");
        TRY(promql_parser_accept(p, TOK_RIGHT_PAREN, &did));
    }
    return collect_labels(p, newest, labels, count);
}
