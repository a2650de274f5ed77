/* promql_print_pretty.c - a tree over several lines: what is longer than a line is split at its
 * operands. Form: Prometheus 3.x, promql/parser/prettier.go. */
#include "query/promql_print.h"
#include "query/promql_words.h"

/* An answer of so many lines as a chain of operators has would else be as wide as it is long. */
enum { LINE_MAX_BYTES = 100, INDENT_MAX = PROMQL_DEPTH_MAX };

static void indent(uint32_t level, struct buf *out)
{
    for (level = MIN(level, (uint32_t)INDENT_MAX); level > 0; level--)
        buf_append_str(out, STR("  "));
}

/* Writes the node as one line and keeps it when it fits. A tree of many levels would be printed
 * once for each: higher ones than a line can hold are split without a try. */
static bool print_on_line(const struct promql_node *node, struct buf *out)
{
    size_t start = out->len;
    if (node->height > LINE_MAX_BYTES ||
        (node->kind == PROMQL_BINARY && node->binary.links > LINE_MAX_BYTES))
        return false;
    promql_print(node, out);
    if (out->len - start <= LINE_MAX_BYTES)
        return true;
    out->len = start;
    return false;
}

static void print(const struct promql_node *node, uint32_t level, struct buf *out);

static void print_args(const struct promql_node *node, uint32_t level, struct buf *out)
{
    for (uint32_t i = 0; i < node->call.arg_count; i++) {
        if (i > 0)
            buf_append_str(out, STR(",\n"));
        print(node->call.args[i], level, out);
    }
}

static void print_aggregate(const struct promql_node *node, uint32_t level, struct buf *out)
{
    promql_print_aggregation(node, out);
    buf_append_str(out, STR("(\n"));
    if (node->aggregate.param) {
        print(node->aggregate.param, level + 1, out);
        buf_append_str(out, STR(",\n"));
    }
    print(node->aggregate.expr, level + 1, out);
}

/* The links below `node` that fit on a line, else the first operand; returns the link above it. */
static const struct promql_node *print_left(const struct promql_node *node, uint32_t *level,
                                            struct buf *out)
{
    const struct promql_node *n = node;
    for (; n != node->binary.first; n = n->binary.lhs) {
        size_t start = out->len;
        indent(++*level, out);
        if (print_on_line(n->binary.lhs, out))
            return n;
        out->len = start;
    }
    print(n->binary.lhs, ++*level, out);
    return n;
}

static void print_binary(const struct promql_node *node, uint32_t level, struct buf *out)
{
    const struct promql_node *n = print_left(node, &level, out);
    for (; n; n = promql_link_above(n, node)) {
        buf_append_u8(out, '\n');
        indent(--level, out);
        promql_print_operator(n, out);
        buf_append_u8(out, '\n');
        print(n->binary.rhs, level + 1, out);
    }
}

static void close_paren(uint32_t level, struct buf *out)
{
    buf_append_u8(out, '\n');
    indent(level, out);
    buf_append_u8(out, ')');
}

/* The sign stands before the first byte of the operand, which begins the line. */
static void print_unary(const struct promql_node *node, uint32_t level, struct buf *out)
{
    struct buf operand = {0};
    print(node->unary.expr, level, &operand);
    indent(level, out);
    buf_append_str(out, str_from_c(promql_op_word(node->unary.op)));
    buf_append_str(out, str_trim(buf_str(&operand)));
    out->failed |= operand.failed;
    buf_deinit(&operand);
}

/* A node that is split begins with its own indentation, but for those whose first operand does. */
static void print_split(const struct promql_node *node, uint32_t level, struct buf *out)
{
    switch (node->kind) {
    case PROMQL_AGGREGATE:
        indent(level, out);
        print_aggregate(node, level, out);
        close_paren(level, out);
        break;
    case PROMQL_CALL:
        indent(level, out);
        buf_printf(out, "%s(\n", node->call.function->name);
        print_args(node, level + 1, out);
        close_paren(level, out);
        break;
    case PROMQL_PAREN:
        indent(level, out);
        buf_append_str(out, STR("(\n"));
        print(node->paren, level + 1, out);
        close_paren(level, out);
        break;
    case PROMQL_BINARY:
        print_binary(node, level, out);
        break;
    case PROMQL_SUBQUERY:
        print(node->subquery.expr, level, out);
        promql_print_subquery(node, out);
        break;
    case PROMQL_UNARY:
        print_unary(node, level, out);
        break;
    default: /* selectors and literals are never split */
        indent(level, out);
        promql_print(node, out);
        break;
    }
}

static void print(const struct promql_node *node, uint32_t level, struct buf *out)
{
    size_t start = out->len;
    bool is_whole = node->kind != PROMQL_UNARY;
    if (is_whole && node->kind != PROMQL_SUBQUERY)
        indent(level, out);
    if (is_whole && print_on_line(node, out))
        return;
    out->len = start;
    print_split(node, level, out);
}

void promql_print_pretty(const struct promql_node *node, struct buf *out)
{
    print(node, 0, out);
}
