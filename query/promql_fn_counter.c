/* promql_fn_counter.c - functions that look from sample to sample: resets, changes, irate, idelta.
 */
#include "query/promql_fn.h"
#include "query/promql_histogram.h"
#include "query/promql_notes.h"

/* Floats and histograms of a window in one order of time. */
struct walk {
    const struct promql_window *window;
    uint32_t floats, histograms; /* next of each */
};

struct event {
    struct promql_point point;
    int64_t time_ms, start_ms; /* 0: not told */
};

static bool walk_next(struct walk *x, struct event *out)
{
    const struct promql_floats *f = &x->window->floats;
    const struct promql_histograms *h = &x->window->histograms;
    if (x->floats == f->count && x->histograms == h->count)
        return false;
    bool is_float = x->histograms == h->count ||
                    (x->floats < f->count && f->times_ms[x->floats] < h->times_ms[x->histograms]);
    if (is_float) {
        uint32_t i = x->floats++;
        *out = (struct event){
            {f->values[i], NULL}, f->times_ms[i], f->starts_ms ? f->starts_ms[i] : 0};
    } else {
        uint32_t i = x->histograms++;
        *out = (struct event){
            {value_absent(), h->items[i]}, h->times_ms[i], h->starts_ms ? h->starts_ms[i] : 0};
    }
    return true;
}

/* An anchored range begins at the last sample at or before its start, of whichever kind; false:
 * nothing came behind that. */
static bool walk_start(struct walk *x, const struct promql_fn_call *call,
                       const struct promql_window *w)
{
    const struct promql_floats *f = &w->floats;
    const struct promql_histograms *h = &w->histograms;
    *x = (struct walk){.window = w};
    if (call->ranges.extension != EXTEND_ANCHORED)
        return true;
    while (x->floats < f->count && f->times_ms[x->floats] <= w->after_ms)
        x->floats++;
    while (x->histograms < h->count && h->times_ms[x->histograms] <= w->after_ms)
        x->histograms++;
    if (x->floats == f->count && x->histograms == h->count)
        return false;
    bool float_is_last =
        x->floats > 0 &&
        (x->histograms == 0 || f->times_ms[x->floats - 1] >= h->times_ms[x->histograms - 1]);
    if (float_is_last)
        x->floats--;
    else if (x->histograms > 0)
        x->histograms--;
    return true;
}

static bool is_reset(const struct event *before, const struct event *now)
{
    if ((before->point.histogram != NULL) != (now->point.histogram != NULL))
        return true;
    if (promql_is_start_reset(before->start_ms, before->time_ms, now->start_ms, now->time_ms))
        return true;
    return now->point.histogram
               ? native_histogram_is_reset(now->point.histogram, before->point.histogram)
               : now->point.value < before->point.value;
}

static bool is_change(const struct event *before, const struct event *now)
{
    const struct native_histogram *a = before->point.histogram, *b = now->point.histogram;
    if (a || b)
        return !a || !b || !native_histogram_equal(a, b);
    double x = before->point.value, y = now->point.value;
    return x != y && (x == x || y == y);
}

static void count_events(const struct promql_fn_call *call, const struct promql_window *w,
                         bool (*counts)(const struct event *before, const struct event *now),
                         double *out)
{
    struct walk x;
    struct event before, now;
    uint32_t count = 0;
    if (!walk_start(&x, call, w) || !walk_next(&x, &before))
        return;
    for (; walk_next(&x, &now); before = now)
        count += counts(&before, &now);
    *out = count;
}

static enum status resets(struct promql_fn_call *call, const struct promql_window *w, uint32_t step,
                          struct promql_point *out, struct err *e)
{
    (void)step;
    (void)e;
    count_events(call, w, is_reset, &out->value);
    return ST_OK;
}

static enum status changes(struct promql_fn_call *call, const struct promql_window *w,
                           uint32_t step, struct promql_point *out, struct err *e)
{
    (void)step;
    (void)e;
    count_events(call, w, is_change, &out->value);
    return ST_OK;
}

static bool last_two(const struct promql_window *w, struct event *before, struct event *last)
{
    const struct promql_floats *f = &w->floats;
    const struct promql_histograms *h = &w->histograms;
    if (f->count + h->count < 2)
        return false;
    struct walk x = {w, f->count - MIN(f->count, 2u), h->count - MIN(h->count, 2u)};
    struct event now;
    walk_next(&x, last);
    while (walk_next(&x, &now)) {
        *before = *last;
        *last = now;
    }
    return true;
}

static enum status instant_histograms(struct promql_fn_call *call, const struct event *before,
                                      const struct event *last, bool is_rate, double seconds,
                                      struct promql_point *out, struct err *e)
{
    struct histogram_ask ask = {
        .arena = call->arena, .notes = call->run->notes, .at = call->at, .metric = call->metric};
    struct native_histogram now = *last->point.histogram, *growth;
    if (is_rate &&
        promql_is_start_reset(before->start_ms, before->time_ms, last->start_ms, last->time_ms))
        now.hint = RESET_YES;
    if (native_instant_growth(&ask, before->point.histogram, &now, is_rate, &growth) != ST_OK)
        return promql_no_memory(e);
    out->histogram = growth;
    if (!growth || !is_rate)
        return ST_OK;
    out->histogram = native_histogram_divide(growth, seconds, call->arena);
    return out->histogram ? ST_OK : promql_no_memory(e);
}

static enum status instant(struct promql_fn_call *call, const struct promql_window *w,
                           uint32_t step, struct promql_point *out, struct err *e)
{
    struct event before, last;
    bool is_rate = call->node->call.function->id == FN_IRATE;
    (void)step;
    if (!last_two(w, &before, &last) || last.time_ms == before.time_ms)
        return ST_OK;
    double seconds = (double)(last.time_ms - before.time_ms) / 1000;
    if ((before.point.histogram != NULL) != (last.point.histogram != NULL)) {
        promql_note_mixed(call->run->notes, call->at, call->metric);
        return ST_OK;
    }
    if (last.point.histogram)
        return instant_histograms(call, &before, &last, is_rate, seconds, out, e);
    double growth = last.point.value;
    if (!is_rate || !is_reset(&before, &last))
        growth -= before.point.value;
    out->value = is_rate ? growth / seconds : growth;
    return ST_OK;
}

promql_fn_window promql_fn_counter(enum promql_function_id id)
{
    switch (id) {
    case FN_RATE:
    case FN_INCREASE:
    case FN_DELTA:
        return promql_fn_rate;
    case FN_IRATE:
    case FN_IDELTA:
        return instant;
    case FN_RESETS:
        return resets;
    case FN_CHANGES:
        return changes;
    default:
        return NULL;
    }
}
