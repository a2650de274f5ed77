/* promql_subquery.c - one grid at multiples of the subquery's step serves all steps of the query.
 */
#include "query/promql_subquery.h"

/* Most steps of one subquery: what 100,000 h at one a minute have. */
enum { SUBQUERY_STEPS_MAX = 6000000 };

static enum status inner_grid(const struct promql_run *run, const struct promql_node *node,
                              struct promql_grid *out, struct err *e)
{
    const struct promql_when *when = &node->subquery.when;
    int64_t step = node->subquery.has_step ? node->subquery.step.ms : run->query->subquery_step_ms;
    step = MAX(step, INT64_C(1));
    int64_t after = promql_when_at(run, when, run->grid.start_ms) - node->subquery.range.ms;
    int64_t end = promql_when_at(run, when, promql_grid_end(&run->grid));
    int64_t start = after / step * step;
    if (start <= after)
        start += step;
    *out = (struct promql_grid){start, step, 0};
    if (start > end)
        return ST_OK;
    if ((end - start) / step >= SUBQUERY_STEPS_MAX)
        return err_set(e, ST_QUERY, "a subquery has more than %d steps", SUBQUERY_STEPS_MAX);
    out->count = (uint32_t)((end - start) / step) + 1;
    return ST_OK;
}

/* A step may see a sample again, or pass one over: what it says of resets holds no more. */
static enum status forget_hints(struct promql_run *run, struct promql_row *row, uint32_t steps,
                                struct err *e)
{
    for (uint32_t i = 0; row->histograms && i < steps; i++) {
        const struct native_histogram *h = row->histograms[i];
        if (!h || h->hint == RESET_UNKNOWN || h->hint == RESET_GAUGE)
            continue;
        struct native_histogram *copy = arena_alloc(run->arena, sizeof(*copy));
        if (!copy)
            return promql_no_memory(e);
        *copy = *h;
        copy->hint = RESET_UNKNOWN;
        row->histograms[i] = copy;
    }
    return ST_OK;
}

enum status promql_subquery_run(struct promql_run *run, const struct promql_node *node,
                                struct series_list *out, struct promql_rows *rows, struct err *e)
{
    struct promql_run inner = *run;
    inner.step_samples = NULL; /* the windows over its points are counted */
    TRY(inner_grid(run, node, &inner.grid, e));
    if (inner.grid.count == 0)
        return ST_OK;
    TRY(promql_run_keep(&inner, node->subquery.expr, rows, e));
    int64_t *times = arena_calloc(run->arena, inner.grid.count, sizeof(*times));
    out->items = arena_calloc(run->arena, rows->count, sizeof(*out->items));
    if (!times || !out->items)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < inner.grid.count; i++)
        times[i] = promql_grid_at(&inner.grid, i);
    for (uint32_t i = 0; i < rows->count; i++) {
        struct promql_row *row = &rows->items[i];
        TRY(forget_hints(run, row, inner.grid.count, e));
        out->items[out->count++] = (struct series_data){.labels = row->labels,
                                                        .sample_count = inner.grid.count,
                                                        .times_ms = times,
                                                        .values = row->values,
                                                        .histograms = row->histograms};
    }
    out->cap = out->count;
    return ST_OK;
}
