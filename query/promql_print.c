/* promql_print.c - a tree as one line of text. Form: Prometheus 3.x, promql/parser/printer.go. */
#include "query/promql_print.h"
#include "base/mem.h"
#include "query/promql_number.h"
#include "query/promql_quote.h"
#include "query/promql_words.h"

#include <stdlib.h>

static void print_labels(const struct str *labels, uint32_t count, struct buf *out)
{
    buf_append_u8(out, '(');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_str(out, STR(", "));
        promql_quote_label(labels[i], out);
    }
    buf_append_u8(out, ')');
}

static void print_word(const char *word, struct buf *out)
{
    buf_append_str(out, str_from_c(word));
}

static void print_duration(const struct promql_duration *d, struct buf *out)
{
    if (d->expr)
        promql_print(d->expr, out);
    else
        promql_duration_write(d->ms, out);
}

static void print_at(const struct promql_when *when, struct buf *out)
{
    uint64_t size = when->at_ms < 0 ? 0 - (uint64_t)when->at_ms : (uint64_t)when->at_ms;
    switch (when->at) {
    case AT_NONE:
        break;
    case AT_TIME:
        buf_printf(out, " @ %s%llu.%03llu", when->at_ms < 0 ? "-" : "",
                   (unsigned long long)(size / 1000), (unsigned long long)(size % 1000));
        break;
    case AT_START:
        buf_append_str(out, STR(" @ start()"));
        break;
    case AT_END:
        buf_append_str(out, STR(" @ end()"));
        break;
    }
}

static bool is_operation(const struct promql_node *expr)
{
    while (expr && expr->kind == PROMQL_UNARY)
        expr = expr->unary.expr;
    return expr && expr->kind == PROMQL_BINARY;
}

static void print_offset(const struct promql_when *when, struct buf *out)
{
    if (!when->has_offset)
        return;
    /* Without them the operator would be read as one behind the selector. */
    bool needs_parens = is_operation(when->offset.expr);
    buf_append_str(out, needs_parens ? STR(" offset (") : STR(" offset "));
    print_duration(&when->offset, out);
    if (needs_parens)
        buf_append_u8(out, ')');
}

static void print_extension(enum promql_extension extension, struct buf *out)
{
    if (extension != EXTEND_NONE)
        print_word(extension == EXTEND_ANCHORED ? " anchored" : " smoothed", out);
}

static bool is_written_name(const struct promql_selector *s, const struct label_matcher *m)
{
    return s->metric.len > 0 && m->op == MATCH_EQ && str_eq(m->name, LABEL_METRIC_NAME) &&
           str_eq(m->value, s->metric);
}

static int matcher_cmp(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_cmp(*x, *y);
}

/* The matchers stand sorted by their text. */
static void print_matchers(const struct promql_selector *s, struct buf *out)
{
    struct buf text = {0};
    struct str *slices = mem_calloc(s->matcher_count, sizeof(*slices));
    uint32_t count = 0;
    out->failed |= !slices && s->matcher_count > 0;
    for (uint32_t i = 0; slices && i < s->matcher_count; i++) {
        const struct label_matcher *m = &s->matchers[i];
        size_t start = text.len;
        if (is_written_name(s, m))
            continue;
        promql_quote_label(m->name, &text);
        print_word(match_op_text(m->op), &text);
        promql_quote(m->value, &text);
        /* The buffer moves while it grows: only the length is true yet. */
        slices[count++].len = text.len - start;
    }
    const char *at = text.ptr;
    for (uint32_t i = 0; i < count; at += slices[i++].len)
        slices[i].ptr = at;
    out->failed |= text.failed;
    if (count > 0 && !text.failed) {
        qsort(slices, count, sizeof(*slices), matcher_cmp);
        for (uint32_t i = 0; i < count; i++) {
            buf_append_u8(out, i == 0 ? '{' : ',');
            buf_append_str(out, slices[i]);
        }
        buf_append_u8(out, '}');
    }
    mem_free(slices);
    buf_deinit(&text);
}

static void print_name(const struct promql_selector *s, struct buf *out)
{
    buf_append_str(out, s->metric);
    print_matchers(s, out);
}

static void print_selector(const struct promql_selector *s, struct buf *out)
{
    print_name(s, out);
    print_at(&s->when, out);
    print_extension(s->extension, out);
    print_offset(&s->when, out);
}

static void print_range(const struct promql_node *node, struct buf *out)
{
    const struct promql_selector *s = &node->range.selector->selector;
    print_name(s, out);
    buf_append_u8(out, '[');
    print_duration(&node->range.range, out);
    buf_append_u8(out, ']');
    print_extension(s->extension, out);
    print_at(&s->when, out);
    print_offset(&s->when, out);
}

void promql_print_subquery(const struct promql_node *node, struct buf *out)
{
    buf_append_u8(out, '[');
    print_duration(&node->subquery.range, out);
    buf_append_u8(out, ':');
    if (node->subquery.has_step)
        print_duration(&node->subquery.step, out);
    buf_append_u8(out, ']');
    print_at(&node->subquery.when, out);
    print_offset(&node->subquery.when, out);
}

static void print_fill(const char *word, double value, struct buf *out)
{
    buf_printf(out, " %s (", word);
    promql_number_write(value, out);
    buf_append_u8(out, ')');
}

static void print_fills(const struct promql_matching *m, struct buf *out)
{
    bool are_same = memcmp(&m->fill_left, &m->fill_right, sizeof(double)) == 0;
    if (m->fills_left && m->fills_right && are_same) {
        print_fill("fill", m->fill_left, out);
        return;
    }
    if (m->fills_left)
        print_fill("fill_left", m->fill_left, out);
    if (m->fills_right)
        print_fill("fill_right", m->fill_right, out);
}

void promql_print_operator(const struct promql_node *node, struct buf *out)
{
    const struct promql_matching *m = node->binary.matching;
    print_word(promql_op_word(node->binary.op), out);
    if (node->binary.returns_bool)
        buf_append_str(out, STR(" bool"));
    if (!m)
        return;
    bool has_group = m->card == CARD_MANY_TO_ONE || m->card == CARD_ONE_TO_MANY;
    if (m->label_count > 0 || m->on || has_group) {
        print_word(m->on ? " on " : " ignoring ", out);
        print_labels(m->labels, m->label_count, out);
    }
    if (has_group) {
        print_word(m->card == CARD_MANY_TO_ONE ? " group_left " : " group_right ", out);
        print_labels(m->include, m->include_count, out);
    }
    print_fills(m, out);
}

static void print_binary(const struct promql_node *node, struct buf *out)
{
    promql_print(node->binary.first->binary.lhs, out);
    for (const struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node)) {
        buf_append_u8(out, ' ');
        promql_print_operator(n, out);
        buf_append_u8(out, ' ');
        promql_print(n->binary.rhs, out);
    }
}

void promql_print_aggregation(const struct promql_node *node, struct buf *out)
{
    print_word(promql_aggregation_word(node->aggregate.op), out);
    if (!node->aggregate.without && node->aggregate.label_count == 0)
        return;
    print_word(node->aggregate.without ? " without " : " by ", out);
    print_labels(node->aggregate.labels, node->aggregate.label_count, out);
    buf_append_u8(out, ' ');
}

static void print_aggregate(const struct promql_node *node, struct buf *out)
{
    promql_print_aggregation(node, out);
    buf_append_u8(out, '(');
    if (node->aggregate.param) {
        promql_print(node->aggregate.param, out);
        buf_append_str(out, STR(", "));
    }
    promql_print(node->aggregate.expr, out);
    buf_append_u8(out, ')');
}

static void print_call(const struct promql_node *node, struct buf *out)
{
    print_word(node->call.function->name, out);
    buf_append_u8(out, '(');
    for (uint32_t i = 0; i < node->call.arg_count; i++) {
        if (i > 0)
            buf_append_str(out, STR(", "));
        promql_print(node->call.args[i], out);
    }
    buf_append_u8(out, ')');
}

static void print_number(const struct promql_node *node, struct buf *out)
{
    double ms = node->number.value * 1000;
    if (node->number.is_duration)
        promql_duration_write((int64_t)(ms < 0 ? ms - 0.5 : ms + 0.5), out);
    else
        promql_number_write(node->number.value, out);
}

void promql_print(const struct promql_node *node, struct buf *out)
{
    switch (node->kind) {
    case PROMQL_NUMBER:
        print_number(node, out);
        break;
    case PROMQL_STRING_LITERAL:
        promql_quote(node->text, out);
        break;
    case PROMQL_SELECTOR:
        print_selector(&node->selector, out);
        break;
    case PROMQL_RANGE:
        print_range(node, out);
        break;
    case PROMQL_SUBQUERY:
        promql_print(node->subquery.expr, out);
        promql_print_subquery(node, out);
        break;
    case PROMQL_UNARY:
        print_word(promql_op_word(node->unary.op), out);
        promql_print(node->unary.expr, out);
        break;
    case PROMQL_BINARY:
        print_binary(node, out);
        break;
    case PROMQL_AGGREGATE:
        print_aggregate(node, out);
        break;
    case PROMQL_CALL:
        print_call(node, out);
        break;
    case PROMQL_PAREN:
        buf_append_u8(out, '(');
        promql_print(node->paren, out);
        buf_append_u8(out, ')');
        break;
    }
}
