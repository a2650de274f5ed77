/* promql_parse_postfix.c - what stands behind an operand: ranges, offset, @, anchored, smoothed. */
#include "query/promql_number.h"
#include "query/promql_parser.h"

#include <math.h>

/* The selector of an instant or range selector, else NULL. */
static struct promql_node *selector_of(struct promql_node *node)
{
    if (node->kind == PROMQL_SELECTOR)
        return node;
    return node->kind == PROMQL_RANGE ? node->range.selector : NULL;
}

static struct promql_when *when_of(struct promql_node *node)
{
    struct promql_node *selector = selector_of(node);
    if (selector)
        return &selector->selector.when;
    return node->kind == PROMQL_SUBQUERY ? &node->subquery.when : NULL;
}

static enum status make_range(struct promql_parser *p, struct promql_token open,
                              struct promql_duration range, struct promql_node **node)
{
    struct promql_node *selector = *node, *out;
    const char *why = NULL;
    if (selector->kind != PROMQL_SELECTOR)
        why = "ranges only allowed for vector selectors";
    else if (selector->selector.when.offset.ms != 0)
        why = "no offset modifiers allowed before range";
    else if (selector->selector.when.at != AT_NONE)
        why = "no @ modifiers allowed before range";
    if (why)
        return promql_fail(p->text, open.span.start, p->e, "%s", why);
    struct promql_span span = {selector->span.start, p->last_end};
    TRY(promql_node_new(p, PROMQL_RANGE, span, &out));
    out->range.selector = selector;
    out->range.range = range;
    *node = out;
    return promql_node_adopt(p, out, selector);
}

static enum status make_subquery(struct promql_parser *p, struct promql_duration range,
                                 struct promql_node **node)
{
    struct promql_node *out;
    bool did;
    struct promql_span span = {(*node)->span.start, 0};
    TRY(promql_node_new(p, PROMQL_SUBQUERY, span, &out));
    out->subquery.expr = *node;
    out->subquery.range = range;
    TRY(promql_parser_accept(p, TOK_RIGHT_BRACKET, &did));
    if (!did) {
        TRY(promql_parse_duration(p, DURATION_STEP, &out->subquery.step));
        out->subquery.has_step = true;
        TRY(promql_parser_accept(p, TOK_RIGHT_BRACKET, &did));
        if (!did)
            return promql_parser_unexpected(p, "subquery selector", "\"]\"");
    }
    out->span.end = p->last_end;
    TRY(promql_node_adopt(p, out, *node));
    *node = out;
    return ST_OK;
}

/* p->token is '['. */
static enum status parse_brackets(struct promql_parser *p, struct promql_node **node)
{
    struct promql_token open = p->token;
    struct promql_duration range;
    bool did;
    promql_parser_take(p);
    TRY(promql_parse_duration(p, DURATION_RANGE, &range));
    TRY(promql_parser_accept(p, TOK_RIGHT_BRACKET, &did));
    if (did)
        return make_range(p, open, range, node);
    TRY(promql_parser_accept(p, TOK_COLON, &did));
    if (!did)
        return promql_parser_unexpected(p, "subquery or range", "\":\" or \"]\"");
    return make_subquery(p, range, node);
}

static enum status parse_offset(struct promql_parser *p, struct promql_node *node)
{
    struct promql_duration offset;
    struct promql_when *when = when_of(node);
    promql_parser_take(p);
    TRY(promql_parse_duration(p, DURATION_OFFSET, &offset));
    if (!when)
        return promql_fail(p->text, node->span.start, p->e,
                           "offset modifier must be preceded by an instant vector selector or "
                           "range vector selector or a subquery");
    if (when->has_offset)
        return promql_fail(p->text, node->span.start, p->e, "offset may not be set multiple times");
    when->offset = offset;
    when->has_offset = offset.ms != 0 || offset.expr;
    node->span.end = p->last_end;
    return ST_OK;
}

/* A number with or without a sign; false: it is none. */
static enum status parse_time(struct promql_parser *p, double *seconds, bool *did)
{
    bool is_sign =
        p->token.kind == TOK_OPERATOR && (p->token.op == OP_ADD || p->token.op == OP_SUB);
    bool is_negative = is_sign && p->token.op == OP_SUB;
    if (is_sign) {
        promql_parser_take(p);
        TRY(promql_parser_peek(p));
    }
    *did = p->token.kind == TOK_NUMBER || p->token.kind == TOK_DURATION;
    if (!*did)
        return is_sign ? promql_parser_unexpected(p, "@", "timestamp") : ST_OK;
    struct promql_node *number;
    TRY(promql_parse_number(p, &number));
    *seconds = is_negative ? -number->number.value : number->number.value;
    return ST_OK;
}

static int64_t time_to_ms(double seconds)
{
    double ms = round(seconds * 1000);
    return ms >= 0x1p63 ? INT64_MAX : ms < -0x1p63 ? INT64_MIN : (int64_t)ms;
}

/* "start()" or "end()"; any other token is unexpected. */
static enum status parse_bound(struct promql_parser *p, enum promql_at_kind *at)
{
    bool did = p->token.kind == TOK_START || p->token.kind == TOK_END;
    *at = p->token.kind == TOK_START ? AT_START : AT_END;
    if (did) {
        promql_parser_take(p);
        TRY(promql_parser_accept(p, TOK_LEFT_PAREN, &did));
    }
    if (did)
        TRY(promql_parser_accept(p, TOK_RIGHT_PAREN, &did));
    return did ? ST_OK : promql_parser_unexpected(p, "@", "timestamp");
}

static enum status parse_at(struct promql_parser *p, struct promql_node *node)
{
    struct promql_when *when = when_of(node);
    enum promql_at_kind at = AT_TIME;
    double seconds = 0;
    bool is_time;
    promql_parser_take(p);
    TRY(promql_parser_peek(p));
    TRY(parse_time(p, &seconds, &is_time));
    if (!is_time)
        TRY(parse_bound(p, &at));
    if (!isfinite(seconds))
        return promql_fail(p->text, node->span.start, p->e,
                           "timestamp out of bounds for @ modifier: %s",
                           isnan(seconds) ? "NaN"
                           : seconds > 0  ? "+Inf"
                                          : "-Inf");
    if (fabs(seconds) >= 0x1p63)
        return promql_fail(p->text, node->span.start, p->e,
                           "timestamp out of bounds for @ modifier: %f", seconds);
    if (!when)
        return promql_fail(p->text, node->span.start, p->e,
                           "@ modifier must be preceded by an instant vector selector or range "
                           "vector selector or a subquery");
    if (when->at != AT_NONE)
        return promql_fail(p->text, node->span.start, p->e,
                           "@ <timestamp> may not be set multiple times");
    when->at = at;
    when->at_ms = time_to_ms(seconds);
    node->span.end = p->last_end;
    return ST_OK;
}

static enum status parse_extension(struct promql_parser *p, struct promql_node *node)
{
    bool is_anchored = p->token.kind == TOK_ANCHORED;
    const char *name = is_anchored ? "anchored" : "smoothed";
    enum promql_extension extension = is_anchored ? EXTEND_ANCHORED : EXTEND_SMOOTHED;
    struct promql_node *selector = selector_of(node);
    promql_parser_take(p);
    if (!selector)
        return promql_fail(p->text, node->span.start, p->e,
                           node->kind == PROMQL_SUBQUERY
                               ? "%s modifier is not supported for subqueries"
                               : "%s modifier not implemented",
                           name);
    if (selector->selector.extension != EXTEND_NONE && selector->selector.extension != extension)
        return promql_fail(p->text, node->span.start, p->e,
                           "anchored and smoothed modifiers cannot be used together");
    selector->selector.extension = extension;
    return ST_OK;
}

enum status promql_parse_postfix(struct promql_parser *p, struct promql_node **node)
{
    for (;;) {
        TRY(promql_parser_peek(p));
        switch (p->token.kind) {
        case TOK_LEFT_BRACKET:
            TRY(parse_brackets(p, node));
            break;
        case TOK_OFFSET:
            TRY(parse_offset(p, *node));
            break;
        case TOK_AT:
            TRY(parse_at(p, *node));
            break;
        case TOK_ANCHORED:
        case TOK_SMOOTHED:
            TRY(parse_extension(p, *node));
            break;
        default:
            return ST_OK;
        }
    }
}
