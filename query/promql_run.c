/* promql_run.c - runs a node by its kind, keeps rows, repeats what is the same at every step. */
#include "query/promql_run.h"
#include "query/promql_op.h"

enum status promql_no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory to evaluate the query");
}

struct arena promql_room(const struct promql_run *run)
{
    struct arena room = {.limit_bytes = run->arena->limit_bytes};
    arena_share_budget(&room, run->arena);
    return room;
}

enum status promql_room_end(struct promql_run *run, struct arena *room, enum status status,
                            struct err *e)
{
    size_t limit = room->limit_bytes;
    run->arena->is_refused |= room->is_refused;
    if (status == ST_NO_MEMORY && !room->is_refused && limit && room->used_bytes > limit / 2)
        status = err_set(e, ST_QUERY, "the query needs more memory than the %zu MiB it may use",
                         limit / MIB);
    arena_deinit(room);
    return status;
}

const struct promql_node *promql_unwrap(const struct promql_node *node)
{
    while (node->kind == PROMQL_PAREN)
        node = node->paren;
    return node;
}

struct str promql_run_text(const struct promql_node *node)
{
    return promql_unwrap(node)->text;
}

/* Times further out are all the same to a query; ranges and lookbacks do not overflow near them. */
static int64_t within_reach(int64_t at_ms)
{
    const int64_t farthest_ms = INT64_C(1) << 61;
    return MAX(-farthest_ms, MIN(farthest_ms, at_ms));
}

int64_t promql_when_at(const struct promql_run *run, const struct promql_when *when, int64_t at_ms)
{
    switch (when->at) {
    case AT_TIME:
        at_ms = when->at_ms;
        break;
    case AT_START:
        at_ms = run->query->start_ms;
        break;
    case AT_END:
        at_ms = run->query->end_ms;
        break;
    case AT_NONE:
        break;
    }
    return within_reach(at_ms) - within_reach(when->offset.ms);
}

struct series_windows promql_windows(const struct promql_run *run, const struct promql_when *when,
                                     enum series_need need, int64_t range_ms)
{
    const struct promql_grid *g = &run->grid;
    int64_t first = promql_when_at(run, when, g->start_ms);
    int64_t last = promql_when_at(run, when, promql_grid_end(g));
    /* Who counts samples wants them all. */
    struct series_windows w = {run->step_samples ? NEED_ALL : need, g->count, first, g->step_ms,
                               range_ms};
    if (last == first) /* one step, or @ */
        w.count = 1;
    else if (last - first != promql_grid_end(g) - g->start_ms) /* beyond reach */
        w = (struct series_windows){0};
    return w;
}

static enum status run_scalar_row(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e)
{
    struct promql_row row = {0};
    TRY(promql_run_scalar(run, node, &row.values, e));
    return out->put(out->self, &row, e);
}

static enum status run_vector(struct promql_run *run, const struct promql_node *node,
                              const struct promql_sink *out, struct err *e)
{
    switch (node->kind) {
    case PROMQL_SELECTOR:
        return promql_selector_rows(run, node, out, e);
    case PROMQL_UNARY:
        return promql_unary_rows(run, node, out, e);
    case PROMQL_BINARY:
        return promql_binary_rows(run, node, out, e);
    case PROMQL_AGGREGATE:
        return promql_aggregate_rows(run, node, out, e);
    case PROMQL_CALL:
        return promql_call_rows(run, node, out, e);
    case PROMQL_PAREN:
        return promql_run_rows(run, node->paren, out, e);
    default:
        return err_set(e, ST_INTERNAL, "a vector was expected");
    }
}

/* Repeats the only step of each row over all steps. */
struct repeater {
    const struct promql_sink *out;
    uint32_t steps;
    double *values;
    const struct native_histogram **histograms;
};

static enum status repeat(void *self, const struct promql_row *row, struct err *e)
{
    struct repeater *r = self;
    struct promql_row all = {row->labels, r->values, NULL, row->drop_name};
    const struct native_histogram *h = promql_row_histogram(row, 0);
    for (uint32_t i = 0; i < r->steps; i++)
        memcpy(&r->values[i], row->values, sizeof(double));
    for (uint32_t i = 0; h && i < r->steps; i++)
        r->histograms[i] = h;
    if (h)
        all.histograms = r->histograms;
    return r->out->put(r->out->self, &all, e);
}

static enum status run_constant(struct promql_run *run, const struct promql_node *node,
                                const struct promql_sink *out, struct err *e)
{
    uint32_t steps = run->grid.count;
    struct promql_run once = *run;
    struct repeater r = {out, steps, arena_calloc(run->arena, steps, sizeof(double)),
                         arena_calloc(run->arena, steps, sizeof(struct native_histogram *))};
    if (!r.values || !r.histograms)
        return promql_no_memory(e);
    uint64_t samples = 0;
    once.grid.count = 1;
    once.step_samples = run->step_samples ? &samples : NULL;
    TRY(run_vector(&once, node, &(struct promql_sink){repeat, &r, out->arena}, e));
    for (uint32_t i = 0; run->step_samples && i < steps; i++)
        run->step_samples[i] += samples;
    return ST_OK;
}

static enum status put_ready(const struct promql_ready *ready, const struct promql_sink *out,
                             struct err *e)
{
    for (uint32_t i = 0; i < ready->rows.count; i++)
        TRY(out->put(out->self, &ready->rows.items[i], e));
    return ST_OK;
}

enum status promql_run_rows(struct promql_run *run, const struct promql_node *node,
                            const struct promql_sink *out, struct err *e)
{
    TRY(query_budget_check(run->budget, e));
    if (run->ready && run->ready->node == node)
        return put_ready(run->ready, out, e);
    if (node->type == TYPE_SCALAR)
        return run_scalar_row(run, node, out, e);
    if (run->grid.count > 1 && node->is_constant)
        return run_constant(run, node, out, e);
    return run_vector(run, node, out, e);
}

struct keeper {
    struct promql_run *run;
    struct promql_rows *rows;
};

/* A row takes room for all steps, however few of them have a value: at least a quarter counts. A
 * histogram counts as many samples as would fill its memory. */
static uint64_t weight_of(const struct promql_row *row, uint32_t steps)
{
    uint64_t weight = MAX(promql_row_points(row, steps), steps / 4);
    for (uint32_t i = 0; row->histograms && i < steps; i++)
        weight += promql_histogram_weight(row->histograms[i]);
    return weight;
}

enum status promql_run_push(struct promql_run *run, struct promql_rows *rows,
                            const struct promql_row *row, struct err *e)
{
    uint64_t weight = weight_of(row, run->grid.count);
    TRY(query_budget_take(run->budget, weight, e));
    rows->weight += weight;
    return promql_rows_push(rows, run->arena, row) ? ST_OK : promql_no_memory(e);
}

static enum status keep(void *self, const struct promql_row *row, struct err *e)
{
    struct keeper *k = self;
    uint32_t steps = k->run->grid.count;
    struct promql_row copy = *row;
    copy.values = arena_calloc(k->run->arena, steps, sizeof(double));
    if (!copy.values)
        return promql_no_memory(e);
    memcpy(copy.values, row->values, steps * sizeof(double));
    if (row->histograms) {
        copy.histograms = arena_calloc(k->run->arena, steps, sizeof(*copy.histograms));
        if (!copy.histograms)
            return promql_no_memory(e);
        memcpy(copy.histograms, row->histograms, steps * sizeof(*copy.histograms));
    }
    return promql_run_push(k->run, k->rows, &copy, e);
}

enum status promql_run_keep(struct promql_run *run, const struct promql_node *node,
                            struct promql_rows *out, struct err *e)
{
    struct keeper k = {run, out};
    return promql_run_rows(run, node, &(struct promql_sink){keep, &k, run->arena}, e);
}

void promql_run_drop(struct promql_run *run, struct promql_rows *rows)
{
    query_budget_give(run->budget, rows->weight);
    *rows = (struct promql_rows){0};
}

static enum status scalar_constant(struct promql_run *run, double v, double **out, struct err *e)
{
    *out = arena_calloc(run->arena, run->grid.count, sizeof(double));
    if (!*out)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < run->grid.count; i++)
        (*out)[i] = v;
    return ST_OK;
}

/* A number needs no array of its own: there may be many in a chain. */
static enum status scalar_link(struct promql_run *run, const struct promql_node *node,
                               double *values, struct err *e)
{
    const struct promql_node *rhs = node->binary.rhs;
    bool is_number = rhs->kind == PROMQL_NUMBER;
    double *rights = NULL;
    if (!is_number)
        TRY(promql_run_scalar(run, rhs, &rights, e));
    for (uint32_t i = 0; i < run->grid.count; i++) {
        double right = is_number ? rhs->number.value : rights[i];
        values[i] = promql_op_scalar(node->binary.op, values[i], right);
    }
    return ST_OK;
}

static enum status scalar_binary(struct promql_run *run, const struct promql_node *node,
                                 double **out, struct err *e)
{
    TRY(promql_run_scalar(run, node->binary.first->binary.lhs, out, e));
    for (const struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node)) {
        TRY(query_budget_check(run->budget, e));
        TRY(scalar_link(run, n, *out, e));
    }
    return ST_OK;
}

enum status promql_run_scalar(struct promql_run *run, const struct promql_node *node, double **out,
                              struct err *e)
{
    node = promql_unwrap(node);
    switch (node->kind) {
    case PROMQL_NUMBER:
        return scalar_constant(run, node->number.value, out, e);
    case PROMQL_UNARY:
        TRY(promql_run_scalar(run, node->unary.expr, out, e));
        for (uint32_t i = 0; node->unary.op == OP_SUB && i < run->grid.count; i++)
            (*out)[i] = -(*out)[i];
        return ST_OK;
    case PROMQL_BINARY:
        return scalar_binary(run, node, out, e);
    case PROMQL_CALL:
        return promql_call_scalar(run, node, out, e);
    default:
        return err_set(e, ST_INTERNAL, "a scalar was expected");
    }
}
