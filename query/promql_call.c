/* promql_call.c - which function runs how; functions that give scalars. */
#include "query/promql_fn.h"
#include "query/promql_math.h"

static promql_fn_rows rows_of(enum promql_function_id id)
{
    static const promql_fn_rows table[FN_COUNT] = {
        [FN_ABSENT] = promql_fn_absent_rows,
        [FN_ABSENT_OVER_TIME] = promql_fn_absent_over_time_rows,
        [FN_CLAMP] = promql_fn_clamp_rows,
        [FN_CLAMP_MAX] = promql_fn_clamp_rows,
        [FN_CLAMP_MIN] = promql_fn_clamp_rows,
        [FN_DAY_OF_MONTH] = promql_fn_date_rows,
        [FN_DAY_OF_WEEK] = promql_fn_date_rows,
        [FN_DAY_OF_YEAR] = promql_fn_date_rows,
        [FN_DAYS_IN_MONTH] = promql_fn_date_rows,
        [FN_HISTOGRAM_AVG] = promql_fn_histogram_rows,
        [FN_HISTOGRAM_COUNT] = promql_fn_histogram_rows,
        [FN_HISTOGRAM_FRACTION] = promql_fn_bucket_rows,
        [FN_HISTOGRAM_QUANTILE] = promql_fn_bucket_rows,
        [FN_HISTOGRAM_QUANTILES] = promql_fn_bucket_rows,
        [FN_HISTOGRAM_STDDEV] = promql_fn_histogram_rows,
        [FN_HISTOGRAM_STDVAR] = promql_fn_histogram_rows,
        [FN_HISTOGRAM_SUM] = promql_fn_histogram_rows,
        [FN_HOUR] = promql_fn_date_rows,
        [FN_INFO] = promql_fn_info_rows,
        [FN_LABEL_JOIN] = promql_fn_label_join_rows,
        [FN_LABEL_REPLACE] = promql_fn_label_replace_rows,
        [FN_MINUTE] = promql_fn_date_rows,
        [FN_MONTH] = promql_fn_date_rows,
        [FN_ROUND] = promql_fn_round_rows,
        [FN_SORT] = promql_fn_sort_rows,
        [FN_SORT_BY_LABEL] = promql_fn_sort_rows,
        [FN_SORT_BY_LABEL_DESC] = promql_fn_sort_rows,
        [FN_SORT_DESC] = promql_fn_sort_rows,
        [FN_START_TIMESTAMP] = promql_fn_timestamp_rows,
        [FN_TIMESTAMP] = promql_fn_timestamp_rows,
        [FN_VECTOR] = promql_fn_vector_rows,
        [FN_YEAR] = promql_fn_date_rows,
    };
    return table[id];
}

enum status promql_call_rows(struct promql_run *run, const struct promql_node *node,
                             const struct promql_sink *out, struct err *e)
{
    enum promql_function_id id = node->call.function->id;
    promql_fn_rows rows = rows_of(id);
    if (rows)
        return rows(run, node, out, e);
    if (promql_fn_math(id))
        return promql_fn_math_rows(run, node, out, e);
    return promql_fn_window_rows(run, node, out, e);
}

/* scalar(v): the only float of a step, else NaN. */
struct single {
    double *values;
    bool *seen; /* a slot a step: there was a float */
    uint32_t steps;
};

static enum status single_put(void *self, const struct promql_row *row, struct err *e)
{
    struct single *s = self;
    (void)e;
    for (uint32_t i = 0; i < s->steps; i++) {
        if (value_is_absent(row->values[i]))
            continue;
        s->values[i] = s->seen[i] ? NAN : row->values[i];
        s->seen[i] = true;
    }
    return ST_OK;
}

static enum status run_scalar_of(struct promql_run *run, const struct promql_node *arg,
                                 double *values, struct err *e)
{
    struct single s = {values, arena_calloc(run->arena, run->grid.count, sizeof(bool)),
                       run->grid.count};
    if (!s.seen)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < s.steps; i++)
        values[i] = NAN;
    return promql_run_rows(run, arg, &(struct promql_sink){single_put, &s, run->arena}, e);
}

static enum status run_extreme(struct promql_run *run, const struct promql_node *node,
                               double *values, struct err *e)
{
    double *a, *b;
    TRY(promql_run_scalar(run, node->call.args[0], &a, e));
    TRY(promql_run_scalar(run, node->call.args[1], &b, e));
    bool is_max = node->call.function->id == FN_MAX_OF;
    for (uint32_t i = 0; i < run->grid.count; i++)
        values[i] = is_max ? promql_max(a[i], b[i]) : promql_min(a[i], b[i]);
    return ST_OK;
}

static double of_query(const struct promql_run *run, enum promql_function_id id, uint32_t step)
{
    const struct promql_query *q = run->query;
    switch (id) {
    case FN_TIME:
        return (double)promql_grid_at(&run->grid, step) / 1000;
    case FN_START:
        return (double)q->start_ms / 1000;
    case FN_END:
        return (double)q->end_ms / 1000;
    case FN_RANGE:
        return (double)(q->end_ms - q->start_ms) / 1000;
    case FN_STEP:
        return q->start_ms == q->end_ms ? 0 : (double)q->step_ms / 1000; /* one step has no next */
    default:
        return M_PI;
    }
}

enum status promql_call_scalar(struct promql_run *run, const struct promql_node *node, double **out,
                               struct err *e)
{
    enum promql_function_id id = node->call.function->id;
    *out = arena_calloc(run->arena, run->grid.count, sizeof(**out));
    if (!*out)
        return promql_no_memory(e);
    if (id == FN_SCALAR)
        return run_scalar_of(run, node->call.args[0], *out, e);
    if (id == FN_MAX_OF || id == FN_MIN_OF)
        return run_extreme(run, node, *out, e);
    for (uint32_t i = 0; i < run->grid.count; i++)
        (*out)[i] = of_query(run, id, i);
    return ST_OK;
}
