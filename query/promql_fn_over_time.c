/* promql_fn_over_time.c - the family NAME_over_time: one value out of the samples of a window. */
#include "query/promql_fn.h"
#include "query/promql_histogram.h"
#include "query/promql_math.h"
#include "query/promql_notes.h"

static enum status total_histograms(struct promql_fn_call *call, const struct promql_histograms *h,
                                    bool is_average, struct promql_point *out, struct err *e)
{
    struct histogram_ask ask = {
        .arena = call->arena, .notes = call->run->notes, .at = call->at, .metric = call->metric};
    struct histogram_total total = {.sum.arena = call->arena, .is_average = is_average};
    struct native_histogram *taken;
    for (uint32_t i = 0; i < h->count; i++)
        if (histogram_total_add(&total, h->items[i]) != ST_OK)
            return promql_no_memory(e);
    if (total.is_mixed) {
        histogram_note_mixed(&ask);
        return ST_OK;
    }
    if (histogram_total_take(&total, &ask, &taken) != ST_OK)
        return promql_no_memory(e);
    out->histogram = taken;
    return ST_OK;
}

static bool is_mixed(struct promql_fn_call *call, const struct promql_window *w)
{
    if (!w->floats.count || !w->histograms.count)
        return false;
    promql_note_mixed(call->run->notes, call->at, call->metric);
    return true;
}

static enum status sum(struct promql_fn_call *call, const struct promql_window *w, uint32_t step,
                       struct promql_point *out, struct err *e)
{
    double total = 0, rest = 0;
    (void)step;
    if (is_mixed(call, w))
        return ST_OK;
    if (w->histograms.count)
        return total_histograms(call, &w->histograms, false, out, e);
    for (uint32_t i = 0; i < w->floats.count; i++)
        promql_sum_add(w->floats.values[i], &total, &rest);
    out->value = promql_sum_take(total, rest);
    return ST_OK;
}

static enum status avg(struct promql_fn_call *call, const struct promql_window *w, uint32_t step,
                       struct promql_point *out, struct err *e)
{
    struct promql_mean mean = {0};
    (void)step;
    if (is_mixed(call, w))
        return ST_OK;
    if (w->histograms.count)
        return total_histograms(call, &w->histograms, true, out, e);
    for (uint32_t i = 0; i < w->floats.count; i++)
        promql_mean_add(&mean, w->floats.values[i]);
    out->value = promql_mean_take(&mean);
    return ST_OK;
}

/* Does v take the place of the best so far? The later of equals does only where its time counts. */
static bool is_better(enum promql_function_id id, double v, double best)
{
    switch (id) {
    case FN_MAX_OVER_TIME:
        return v > best || isnan(best);
    case FN_MIN_OVER_TIME:
        return v < best || isnan(best);
    case FN_TS_OF_MAX_OVER_TIME:
        return v >= best || isnan(best);
    default:
        return v <= best || isnan(best);
    }
}

static void note_ignored(struct promql_fn_call *call, const struct promql_window *w)
{
    if (w->histograms.count)
        promql_note_ignored_in_range(call->run->notes, call->at, call->metric);
}

static enum status extreme(struct promql_fn_call *call, const struct promql_window *w,
                           uint32_t step, struct promql_point *out, struct err *e)
{
    const struct promql_floats *f = &w->floats;
    enum promql_function_id id = call->node->call.function->id;
    uint32_t best = 0;
    (void)step;
    (void)e;
    if (f->count == 0)
        return ST_OK;
    note_ignored(call, w);
    for (uint32_t i = 0; i < f->count; i++)
        if (is_better(id, f->values[i], f->values[best]))
            best = i;
    out->value = id == FN_MAX_OVER_TIME || id == FN_MIN_OVER_TIME
                     ? f->values[best]
                     : (double)f->times_ms[best] / 1000;
    return ST_OK;
}

static enum status count(struct promql_fn_call *call, const struct promql_window *w, uint32_t step,
                         struct promql_point *out, struct err *e)
{
    (void)step;
    (void)e;
    out->value =
        call->node->call.function->id == FN_PRESENT_OVER_TIME
            ? 1
            : (double)promql_floats_total(&w->floats) + promql_histograms_total(&w->histograms);
    return ST_OK;
}

/* first_over_time, last_over_time and their times. */
static enum status border(struct promql_fn_call *call, const struct promql_window *w, uint32_t step,
                          struct promql_point *out, struct err *e)
{
    const struct promql_floats *f = &w->floats;
    const struct promql_histograms *h = &w->histograms;
    enum promql_function_id id = call->node->call.function->id;
    bool is_first = id == FN_FIRST_OVER_TIME || id == FN_TS_OF_FIRST_OVER_TIME;
    uint32_t x = is_first || !f->count ? 0 : f->count - 1;
    uint32_t y = is_first || !h->count ? 0 : h->count - 1;
    (void)step;
    (void)e;
    bool is_float = !h->count || (f->count && (f->times_ms[x] < h->times_ms[y]) == is_first);
    if (id == FN_TS_OF_FIRST_OVER_TIME || id == FN_TS_OF_LAST_OVER_TIME)
        out->value = (double)(is_float ? f->times_ms[x] : h->times_ms[y]) / 1000;
    else if (is_float)
        out->value = f->values[x];
    else
        out->histogram = h->items[y];
    return ST_OK;
}

static enum status variance(struct promql_fn_call *call, const struct promql_window *w,
                            uint32_t step, struct promql_point *out, struct err *e)
{
    struct promql_variance x = {0};
    (void)step;
    (void)e;
    if (w->floats.count == 0)
        return ST_OK;
    note_ignored(call, w);
    for (uint32_t i = 0; i < w->floats.count; i++)
        promql_variance_add(&x, w->floats.values[i]);
    out->value = promql_variance_take(&x);
    if (call->node->call.function->id == FN_STDDEV_OVER_TIME)
        out->value = sqrt(out->value);
    return ST_OK;
}

/* A copy that may be sorted, until the next window. */
static double *values_of(struct promql_fn_call *call, const struct promql_floats *f)
{
    if (f->count > call->scratch_cap) {
        uint32_t cap = MAX(f->count, call->scratch_cap * 2);
        call->scratch = arena_calloc(call->run->arena, cap, sizeof(double));
        call->scratch_cap = call->scratch ? cap : 0;
    }
    if (call->scratch)
        memcpy(call->scratch, f->values, f->count * sizeof(double));
    return call->scratch;
}

static enum status quantile(struct promql_fn_call *call, const struct promql_window *w,
                            uint32_t step, struct promql_point *out, struct err *e)
{
    double q = call->params[0][step];
    if (w->floats.count == 0)
        return ST_OK;
    const struct promql_span *at = &call->node->call.args[0]->span; /* of both, as Prometheus */
    promql_note_quantile(call->run->notes, at, q);
    if (w->histograms.count > 0)
        promql_note_ignored_in_range(call->run->notes, at, call->metric);
    double *values = values_of(call, &w->floats);
    if (!values)
        return promql_no_memory(e);
    out->value = promql_quantile(q, values, w->floats.count);
    return ST_OK;
}

/* The median of the distances to the median. */
static enum status mad(struct promql_fn_call *call, const struct promql_window *w, uint32_t step,
                       struct promql_point *out, struct err *e)
{
    uint32_t n = w->floats.count;
    (void)step;
    if (n == 0)
        return ST_OK;
    note_ignored(call, w);
    double *values = values_of(call, &w->floats);
    if (!values)
        return promql_no_memory(e);
    double median = promql_quantile(0.5, values, n);
    bool any_nan = false;
    for (uint32_t i = 0; i < n; i++) {
        any_nan |= isnan(values[i]);
        values[i] = fabs(values[i] - median);
    }
    out->value = any_nan ? NAN : promql_quantile(0.5, values, n);
    return ST_OK;
}

promql_fn_window promql_fn_over_time(enum promql_function_id id)
{
    static const promql_fn_window table[FN_COUNT] = {
        [FN_AVG_OVER_TIME] = avg,
        [FN_COUNT_OVER_TIME] = count,
        [FN_FIRST_OVER_TIME] = border,
        [FN_LAST_OVER_TIME] = border,
        [FN_MAD_OVER_TIME] = mad,
        [FN_MAX_OVER_TIME] = extreme,
        [FN_MIN_OVER_TIME] = extreme,
        [FN_PRESENT_OVER_TIME] = count,
        [FN_QUANTILE_OVER_TIME] = quantile,
        [FN_STDDEV_OVER_TIME] = variance,
        [FN_STDVAR_OVER_TIME] = variance,
        [FN_SUM_OVER_TIME] = sum,
        [FN_TS_OF_FIRST_OVER_TIME] = border,
        [FN_TS_OF_LAST_OVER_TIME] = border,
        [FN_TS_OF_MAX_OVER_TIME] = extreme,
        [FN_TS_OF_MIN_OVER_TIME] = extreme,
    };
    return table[id];
}
