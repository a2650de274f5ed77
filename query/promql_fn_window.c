/* promql_fn_window.c - runs a function over the windows of each series of a range vector. */
#include "query/promql_fn.h"
#include "query/promql_notes.h"

struct windows {
    struct promql_fn_call call;
    promql_fn_window fn;
    struct promql_rate_plan plan;
    double *values;
    const struct native_histogram **histograms;
    struct str noted; /* metric that was noted as no counter */
};

static bool is_extrapolated(enum promql_function_id id)
{
    return id == FN_RATE || id == FN_INCREASE || id == FN_DELTA;
}

static promql_fn_window window_of(enum promql_function_id id)
{
    promql_fn_window fn = promql_fn_counter(id);
    if (!fn)
        fn = promql_fn_over_time(id);
    return fn ? fn : promql_fn_trend(id);
}

/* What the function looks at in a window. Where no value falls, the least is the first, the
 * greatest the last, and no counter began anew. */
static enum series_need need_of(enum promql_function_id id)
{
    switch (id) {
    case FN_RATE:
    case FN_INCREASE:
    case FN_DELTA:
    case FN_RESETS:
    case FN_COUNT_OVER_TIME:
    case FN_FIRST_OVER_TIME:
    case FN_TS_OF_FIRST_OVER_TIME:
    case FN_MAX_OVER_TIME:
    case FN_MIN_OVER_TIME:
        return NEED_ENDS;
    case FN_LAST_OVER_TIME:
    case FN_TS_OF_LAST_OVER_TIME:
    case FN_PRESENT_OVER_TIME:
        return NEED_LAST;
    case FN_IRATE:
    case FN_IDELTA:
        return NEED_LAST_TWO;
    default:
        return NEED_ALL;
    }
}

enum status promql_fn_check_extension(const struct promql_node *node,
                                      const struct promql_ranges *ranges, struct err *e)
{
    enum promql_function_id id = node->call.function->id;
    bool is_anchored = ranges->extension == EXTEND_ANCHORED;
    if (ranges->extension == EXTEND_NONE || is_extrapolated(id) ||
        (is_anchored && (id == FN_RESETS || id == FN_CHANGES)))
        return ST_OK;
    return err_set(e, ST_QUERY, "%s modifier can only be used with: %s - not with %s",
                   is_anchored ? "anchored" : "smoothed",
                   is_anchored ? "changes, delta, increase, rate, resets" : "delta, increase, rate",
                   node->call.function->name);
}

static bool sounds_like_counter(struct str metric)
{
    return str_ends_with(metric, STR("_total")) || str_ends_with(metric, STR("_sum")) ||
           str_ends_with(metric, STR("_count")) || str_ends_with(metric, STR("_bucket"));
}

static void note_counter(struct windows *w)
{
    enum promql_function_id id = w->call.node->call.function->id;
    struct str metric = w->call.metric;
    if ((id != FN_RATE && id != FN_INCREASE) || metric.len == 0 || str_eq(metric, w->noted) ||
        sounds_like_counter(metric))
        return;
    w->noted = metric;
    promql_note_name(w->call.run->notes, ANNOTATION_INFO, w->call.at,
                     "metric might not be a counter, name does not end in "
                     "_total/_sum/_count/_bucket:",
                     metric);
}

static enum status fill_row(struct windows *w, struct promql_row *row, struct err *e)
{
    uint32_t steps = w->call.run->grid.count;
    for (uint32_t i = 0; i < steps; i++) {
        struct promql_window window = promql_ranges_window(&w->call.ranges, i);
        uint64_t samples = (uint64_t)window.floats.count + window.histograms.count;
        TRY(query_budget_work(w->call.run->budget, samples, e));
        struct promql_point p = {value_absent(), NULL};
        if (window.floats.count || window.histograms.count)
            TRY(w->fn(&w->call, &window, i, &p, e));
        memcpy(&w->values[i], &p.value, sizeof(double));
        w->histograms[i] = p.histogram;
        if (p.histogram)
            row->histograms = w->histograms;
    }
    return ST_OK;
}

/* All samples count from one start, which lies before every window: it says nothing new. */
static bool starts_are_plain(const struct promql_ranges *r)
{
    const struct promql_floats *f = &r->floats;
    if (!f->starts_ms || f->count == 0)
        return true;
    int64_t start = f->starts_ms[0];
    if (memcmp(f->starts_ms, f->starts_ms + 1, (f->count - 1) * sizeof(start)) != 0)
        return false;
    struct promql_window first = promql_ranges_window(r, 0);
    return start == 0 || (start < f->times_ms[0] && start <= first.after_ms);
}

static bool is_plain(const struct windows *w)
{
    const struct promql_ranges *r = &w->call.ranges;
    return is_extrapolated(w->call.node->call.function->id) && r->histograms.count == 0 &&
           r->extension == EXTEND_NONE && starts_are_plain(r);
}

static bool has_float(const double *values, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        if (!value_is_absent(values[i]))
            return true;
    return false;
}

static enum status run_series(struct windows *w, const struct promql_sink *out, struct err *e)
{
    enum promql_function_id id = w->call.node->call.function->id;
    bool keeps_name = id == FN_LAST_OVER_TIME || id == FN_FIRST_OVER_TIME;
    struct promql_row row = {w->call.ranges.labels, w->values, NULL,
                             keeps_name ? w->call.ranges.drop_name : true};
    w->call.metric = label_set_metric(row.labels);
    TRY(is_plain(w) ? promql_fn_rate_row(&w->call, &w->plan, w->values, e) : fill_row(w, &row, e));
    bool any = has_float(w->values, w->call.run->grid.count);
    if (any)
        note_counter(w);
    return any || row.histograms ? out->put(out->self, &row, e) : ST_OK;
}

/* quantile_over_time(s, m), predict_linear(m, s), double_exponential_smoothing(m, s, s). */
static enum status run_params(struct promql_run *run, struct windows *w, struct err *e)
{
    const struct promql_node *node = w->call.node;
    size_t params = 0;
    for (uint32_t i = 0; i < node->call.arg_count; i++) {
        double *values;
        if (node->call.args[i]->type != TYPE_SCALAR || params == LEN(w->call.params))
            continue;
        TRY(promql_run_scalar(run, node->call.args[i], &values, e));
        w->call.params[params++] = values;
    }
    return ST_OK;
}

static const struct promql_node *range_arg(const struct promql_node *node)
{
    for (uint32_t i = 0; i < node->call.arg_count; i++)
        if (node->call.args[i]->type == TYPE_MATRIX)
            return promql_unwrap(node->call.args[i]);
    return NULL;
}

enum status promql_fn_window_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e)
{
    const struct promql_node *arg = range_arg(node);
    struct windows w = {
        .call = {.run = run, .node = node, .arena = out->arena},
        .fn = window_of(node->call.function->id),
        .values = arena_calloc(run->arena, run->grid.count, sizeof(double)),
        .histograms = arena_calloc(run->arena, run->grid.count, sizeof(struct native_histogram *)),
    };
    enum status s;
    if (!arg || !w.fn)
        return err_set(e, ST_INTERNAL, "%s() is not known", node->call.function->name);
    if (!w.values || !w.histograms)
        return promql_no_memory(e);
    /* Prometheus forgets where a subquery stands once it has run. */
    struct promql_span nowhere = {0, arg->span.end};
    w.call.at = arg->kind == PROMQL_SUBQUERY ? &nowhere : &arg->span;
    TRY(run_params(run, &w, e));
    TRY(promql_ranges_open(run, arg, need_of(node->call.function->id), out->arena, &w.call.ranges,
                           e));
    TRY(promql_fn_check_extension(node, &w.call.ranges, e));
    while (promql_ranges_next(&w.call.ranges, &s, e))
        TRY(run_series(&w, out, e));
    promql_ranges_close(&w.call.ranges);
    return s;
}
