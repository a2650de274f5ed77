/* promql_eval.c - entry of the evaluation: checks the query, runs its root, shapes the answer. */
#include "query/promql_eval.h"
#include "query/promql_labels.h"
#include "query/promql_run.h"
#include "query/promql_window.h"
#include "query/promql_words.h"

static struct promql_grid grid_of(const struct promql_query *q)
{
    if (q->step_ms <= 0 || q->end_ms <= q->start_ms)
        return (struct promql_grid){q->start_ms, 1, 1};
    return (struct promql_grid){q->start_ms, q->step_ms,
                                (uint32_t)((q->end_ms - q->start_ms) / q->step_ms) + 1};
}

static enum status times_new(struct promql_run *run, const int64_t **out, struct err *e)
{
    int64_t *times = arena_calloc(run->arena, run->grid.count, sizeof(*times));
    if (!times)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < run->grid.count; i++)
        times[i] = promql_grid_at(&run->grid, i);
    *out = times;
    return ST_OK;
}

/* Steps without a value are left out; a row with all of them shares `times`. */
static enum status series_of_row(struct promql_run *run, const struct promql_row *row,
                                 const int64_t *times, struct promql_series *out, struct err *e)
{
    uint32_t steps = run->grid.count, points = promql_row_points(row, steps), n = 0;
    *out = (struct promql_series){row->labels, times, row->values, row->histograms, points};
    if (points == steps)
        return ST_OK;
    int64_t *t = arena_calloc(run->arena, points, sizeof(*t));
    double *v = arena_calloc(run->arena, points, sizeof(*v));
    const struct native_histogram **h = NULL;
    if (row->histograms)
        h = arena_calloc(run->arena, points, sizeof(struct native_histogram *));
    if (!t || !v || (row->histograms && !h))
        return promql_no_memory(e);
    for (uint32_t i = 0; i < steps; i++) {
        if (!promql_row_has(row, i))
            continue;
        t[n] = times[i];
        memcpy(&v[n], &row->values[i], sizeof(*v));
        if (h)
            h[n] = row->histograms[i];
        n++;
    }
    *out = (struct promql_series){row->labels, t, v, h, points};
    return ST_OK;
}

static enum status series_of_rows(struct promql_run *run, const struct promql_rows *rows,
                                  struct promql_result *out, struct err *e)
{
    const int64_t *times = NULL;
    TRY(times_new(run, &times, e));
    out->series = arena_calloc(run->arena, rows->count, sizeof(*out->series));
    if (!out->series)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < rows->count; i++) {
        struct promql_series *s = &out->series[out->series_count];
        TRY(series_of_row(run, &rows->items[i], times, s, e));
        out->series_count += s->point_count > 0;
    }
    return ST_OK;
}

/* Names leave at the very end, so that label_replace() and by (__name__) still saw them. */
static enum status drop_names(struct promql_run *run, struct promql_rows *rows, struct err *e)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct promql_row *row = &rows->items[i];
        if (!row->drop_name)
            continue;
        row->labels = promql_labels_unnamed(run->arena, row->labels);
        if (!row->labels.items && row->labels.count)
            return promql_no_memory(e);
    }
    return promql_rows_merge(rows, run->arena, run->grid.count, e);
}

static bool orders_its_result(const struct promql_node *node)
{
    node = promql_unwrap(node);
    if (node->kind == PROMQL_AGGREGATE)
        return node->aggregate.op == AGG_TOPK || node->aggregate.op == AGG_BOTTOMK;
    if (node->kind != PROMQL_CALL)
        return false;
    enum promql_function_id id = node->call.function->id;
    return id == FN_SORT || id == FN_SORT_DESC || id == FN_SORT_BY_LABEL ||
           id == FN_SORT_BY_LABEL_DESC;
}

static enum status eval_vector(struct promql_run *run, const struct promql_node *root,
                               struct promql_result *out, struct err *e)
{
    struct promql_rows rows = {0};
    TRY(promql_run_keep(run, root, &rows, e));
    TRY(drop_names(run, &rows, e));
    if (run->query->step_ms > 0 || !orders_its_result(root))
        promql_rows_sort(&rows);
    return series_of_rows(run, &rows, out, e);
}

static enum status eval_scalar(struct promql_run *run, const struct promql_node *root,
                               struct promql_result *out, struct err *e)
{
    struct promql_row row = {0};
    struct promql_rows rows = {.items = &row, .count = 1};
    TRY(promql_run_scalar(run, root, &row.values, e));
    out->scalar = row.values[0];
    return run->query->step_ms > 0 ? series_of_rows(run, &rows, out, e) : ST_OK;
}

enum status promql_eval(const struct promql_node *root, const struct promql_query *q,
                        const struct series_sources *sources, struct query_budget *budget,
                        struct annotations *notes, struct arena *arena, struct promql_result *out,
                        struct err *e)
{
    struct promql_run run = {.query = q,
                             .sources = sources,
                             .budget = budget,
                             .notes = notes,
                             .arena = arena,
                             .grid = grid_of(q)};
    bool is_range = q->step_ms > 0;
    *out = (struct promql_result){.type = is_range ? TYPE_MATRIX : root->type};
    if (q->counts_samples) {
        run.step_samples = arena_calloc(arena, run.grid.count, sizeof(*run.step_samples));
        if (!run.step_samples)
            return promql_no_memory(e);
        out->step_samples = run.step_samples;
        out->step_count = run.grid.count;
    }
    if (is_range && (root->type == TYPE_MATRIX || root->type == TYPE_STRING))
        return err_set(e, ST_INVALID,
                       "invalid expression type \"%s\" for range query, must be Scalar or instant "
                       "Vector",
                       promql_type_word(root->type));
    TRY(query_budget_check(budget, e));
    switch (root->type) {
    case TYPE_SCALAR:
        return eval_scalar(&run, root, out, e);
    case TYPE_VECTOR:
        return eval_vector(&run, root, out, e);
    case TYPE_MATRIX:
        return promql_matrix_result(&run, root, out, e);
    default:
        out->text = promql_run_text(root);
        return ST_OK;
    }
}
