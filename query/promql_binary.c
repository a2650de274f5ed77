/* promql_binary.c - operators with a vector on one side and a scalar on the other, and unary minus.
 */
#include "query/promql_match.h"
#include "query/promql_op.h"

struct against_scalar {
    struct promql_combine combine;
    const struct promql_sink *out;
    struct promql_row scalar; /* without labels */
    struct promql_row result; /* room for one row */
    const struct native_histogram **histograms;
    bool scalar_is_left;
};

static enum status against_scalar(void *self, const struct promql_row *row, struct err *e)
{
    struct against_scalar *s = self;
    const struct promql_node *node = s->combine.node;
    struct promql_row *r = &s->result;
    r->labels = row->labels;
    r->drop_name =
        row->drop_name || promql_op_changes_meaning(node->binary.op) || node->binary.returns_bool;
    r->histograms = row->histograms ? s->histograms : NULL;
    TRY(s->scalar_is_left ? promql_combine_rows(&s->combine, &s->scalar, row, r, NULL, e)
                          : promql_combine_rows(&s->combine, row, &s->scalar, r, NULL, e));
    if (promql_row_points(r, s->combine.run->grid.count) == 0)
        return ST_OK;
    return s->out->put(s->out->self, r, e);
}

static enum status scalar_rows(struct promql_run *run, const struct promql_node *node,
                               const struct promql_sink *out, struct err *e)
{
    bool is_left = node->binary.lhs->type == TYPE_SCALAR;
    uint32_t steps = run->grid.count;
    struct against_scalar s = {
        .combine = {run, node, out->arena, is_left},
        .out = out,
        .scalar_is_left = is_left,
        .result.values = promql_values_new(run->arena, steps),
        .histograms = arena_calloc(run->arena, steps, sizeof(struct native_histogram *)),
    };
    if (!s.result.values || !s.histograms)
        return promql_no_memory(e);
    TRY(promql_run_scalar(run, is_left ? node->binary.lhs : node->binary.rhs, &s.scalar.values, e));
    return promql_run_rows(run, is_left ? node->binary.rhs : node->binary.lhs,
                           &(struct promql_sink){against_scalar, &s, out->arena}, e);
}

static enum status link_rows(struct promql_run *run, const struct promql_node *node,
                             const struct promql_sink *out, struct err *e)
{
    if (node->binary.lhs->type == TYPE_SCALAR || node->binary.rhs->type == TYPE_SCALAR)
        return scalar_rows(run, node, out, e);
    switch (node->binary.op) {
    case OP_AND:
    case OP_OR:
    case OP_UNLESS:
        return promql_set_rows(run, node, out, e);
    default:
        return promql_match_rows(run, node, out, e);
    }
}

/* Links of the node's chain that are below the rows at hand. */
static uint32_t links_ready(const struct promql_run *run, const struct promql_node *node)
{
    const struct promql_node *ready = run->ready ? run->ready->node : NULL;
    return ready && ready->binary.first == node->binary.first ? ready->binary.links : 0;
}

static enum status piece_rows(struct promql_run *run, const struct promql_node *node,
                              struct promql_ready *ready, struct err *e)
{
    struct promql_ready next = {.node = node};
    TRY(promql_run_keep(run, node, &next.rows, e));
    promql_run_drop(run, &ready->rows);
    *ready = next;
    run->ready = ready;
    return ST_OK;
}

/* A long chain is run from below, so many links at a time, each with the rows of those before. */
enum status promql_binary_rows(struct promql_run *run, const struct promql_node *node,
                               const struct promql_sink *out, struct err *e)
{
    struct promql_run inner = *run;
    struct promql_ready ready = {0};
    inner.tells_resets = false;
    uint32_t done = links_ready(run, node);
    for (const struct promql_node *n = node->binary.first;
         node->binary.links - done > PROMQL_LINKS_DEEP && n != node; n = n->binary.up) {
        if (n->binary.links % PROMQL_LINKS_DEEP > 0 || n->binary.links <= done)
            continue;
        if (n->type == TYPE_VECTOR)
            TRY(piece_rows(&inner, n, &ready, e));
    }
    enum status status = link_rows(&inner, node, out, e);
    promql_run_drop(run, &ready.rows);
    return status;
}

struct negation {
    struct promql_run *run;
    const struct promql_sink *out;
    double *values;
    const struct native_histogram **histograms;
};

static enum status negate(void *self, const struct promql_row *row, struct err *e)
{
    struct negation *n = self;
    struct promql_row r = {row->labels, n->values, row->histograms ? n->histograms : NULL, true};
    for (uint32_t i = 0; i < n->run->grid.count; i++) {
        n->values[i] = value_is_absent(row->values[i]) ? value_absent() : -row->values[i];
        if (!row->histograms)
            continue;
        const struct native_histogram *h = row->histograms[i];
        n->histograms[i] = h ? native_histogram_scale(h, -1, n->out->arena) : NULL;
        if (h && !n->histograms[i])
            return promql_no_memory(e);
    }
    return n->out->put(n->out->self, &r, e);
}

enum status promql_unary_rows(struct promql_run *run, const struct promql_node *node,
                              const struct promql_sink *out, struct err *e)
{
    if (node->unary.op == OP_ADD)
        return promql_run_rows(run, node->unary.expr, out, e);
    struct negation n = {
        run, out, promql_values_new(run->arena, run->grid.count),
        arena_calloc(run->arena, run->grid.count, sizeof(struct native_histogram *))};
    if (!n.values || !n.histograms)
        return promql_no_memory(e);
    return promql_run_rows(run, node->unary.expr, &(struct promql_sink){negate, &n, out->arena}, e);
}
