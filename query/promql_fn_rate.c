/* promql_fn_rate.c - rate, increase and delta of floats: growth within the samples, extrapolated to
 * the borders of the range. Source: Prometheus 3.x, promql/functions.go, extrapolatedRate. */
#include "query/promql_fn.h"
#include "query/promql_notes.h"

#include <math.h>

bool promql_is_start_reset(int64_t before_start_ms, int64_t before_ms, int64_t start_ms,
                           int64_t time_ms)
{
    /* Not told, after the sample, or "unknown" as OpenTelemetry says it. */
    if (start_ms == 0 || start_ms >= time_ms || start_ms < before_ms)
        return false;
    if (start_ms > before_ms)
        return true;
    /* It begins where its predecessor was taken: a reset for deltas, whose predecessor has a start
     * of its own, but not for a counter of unknown start. */
    return before_start_ms != 0 && before_start_ms < before_ms;
}

static bool is_overlap(int64_t before_start_ms, int64_t before_ms, int64_t start_ms)
{
    return start_ms != 0 && start_ms < before_ms && start_ms != before_start_ms;
}

/* What the times of a window say about extrapolation; seconds. */
struct promql_rate_step {
    double interval;         /* from the first to the last sample */
    double to_start, to_end; /* from them to where growth is assumed */
    double factor;           /* of the growth */
};

static bool is_counter(const struct promql_fn_call *call)
{
    return call->node->call.function->id != FN_DELTA;
}

static double with_unit(const struct promql_fn_call *call, double factor)
{
    bool is_rate = call->node->call.function->id == FN_RATE;
    return is_rate ? factor / ((double)call->ranges.range_ms / 1000) : factor;
}

/* The border of the range when a sample could be expected there, else half a gap further: growth
 * began or ended somewhere in between. */
static struct promql_rate_step extrapolation(const struct promql_fn_call *call, int64_t first_ms,
                                             int64_t last_ms, uint32_t count, int64_t after_ms,
                                             int64_t end_ms)
{
    struct promql_rate_step s = {
        .interval = (double)(last_ms - first_ms) / 1000,
        .to_start = (double)(first_ms - after_ms) / 1000,
        .to_end = (double)(end_ms - last_ms) / 1000,
    };
    double gap = count > 1 ? s.interval / (count - 1) : 0;
    if (s.to_start >= gap * 1.1)
        s.to_start = gap / 2;
    if (s.to_end >= gap * 1.1)
        s.to_end = gap / 2;
    s.factor = with_unit(call, (s.interval + s.to_start + s.to_end) / s.interval);
    return s;
}

/* A counter was not below zero: growth does not reach back beyond the point where it would have
 * been. */
static double factor_from_zero(const struct promql_fn_call *call, const struct promql_rate_step *s,
                               double first, double growth)
{
    double to_zero = s->interval * (first / growth);
    if (!(to_zero < s->to_start))
        return s->factor;
    return with_unit(call, (s->interval + to_zero + s->to_end) / s->interval);
}

static enum status plan_make(struct promql_fn_call *call, struct promql_rate_plan *plan,
                             struct err *e)
{
    const struct promql_ranges *r = &call->ranges;
    uint32_t steps = call->run->grid.count;
    if (!plan->steps)
        plan->steps = arena_calloc(call->run->arena, steps, sizeof(*plan->steps));
    if (!plan->steps)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < steps; i++) {
        struct promql_window w = promql_ranges_window(r, i);
        if (w.floats.count > 1)
            plan->steps[i] =
                extrapolation(call, w.floats.times_ms[0], w.floats.times_ms[w.floats.count - 1],
                              promql_floats_total(&w.floats), w.after_ms, w.end_ms);
    }
    plan->generation = r->float_bounds.generation;
    return ST_OK;
}

static bool falls(const double *values, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (values[i] < values[i - 1])
            return true;
    return false;
}

static double growth_of(const double *values, uint32_t count, bool has_resets)
{
    double growth = values[count - 1] - values[0];
    for (uint32_t i = 1; has_resets && i < count; i++)
        if (values[i] < values[i - 1])
            growth += values[i - 1];
    return growth;
}

enum status promql_fn_rate_row(struct promql_fn_call *call, struct promql_rate_plan *plan,
                               double *out, struct err *e)
{
    const struct promql_ranges *r = &call->ranges;
    const struct promql_bounds *b = &r->float_bounds;
    bool counts = is_counter(call);
    bool has_resets = counts && !r->is_rising && falls(r->floats.values, r->floats.count);
    if (plan->generation != b->generation || !plan->steps)
        TRY(plan_make(call, plan, e));
    for (uint32_t i = 0; i < call->run->grid.count; i++) {
        const struct promql_rate_step *s = &plan->steps[i];
        const double *v = r->floats.values + b->low[i];
        uint32_t count = b->high[i] - b->low[i];
        if (count < 2) {
            out[i] = value_absent();
            continue;
        }
        if (has_resets)
            TRY(query_budget_work(call->run->budget, count, e));
        double growth = growth_of(v, count, has_resets), factor = s->factor;
        /* Most counters are far from zero: told without a division, with room for rounding. */
        if (counts && growth > 0 && v[0] >= 0 &&
            s->interval * v[0] <= s->to_start * growth * 1.000001)
            factor = factor_from_zero(call, s, v[0], growth);
        out[i] = growth * factor;
    }
    return ST_OK;
}

static double growth_with_starts(struct promql_fn_call *call, const struct promql_floats *f)
{
    double growth = f->values[f->count - 1] - f->values[0];
    for (uint32_t i = 1; is_counter(call) && i < f->count; i++) {
        int64_t before = f->times_ms[i - 1];
        bool is_reset = f->values[i] < f->values[i - 1];
        if (f->starts_ms) {
            int64_t before_start = f->starts_ms[i - 1], start = f->starts_ms[i];
            if (is_overlap(before_start, before, start))
                promql_note_overlap(call->run->notes, call->at, call->metric);
            is_reset |= promql_is_start_reset(before_start, before, start, f->times_ms[i]);
        }
        if (is_reset)
            growth += f->values[i - 1];
    }
    return growth;
}

/* When the first sample's counter began inside the range, it was zero then: nothing is assumed
 * before that, and one sample is enough. */
static bool began_inside(const struct promql_fn_call *call, const struct promql_window *w,
                         const int64_t *starts_ms, int64_t first_ms)
{
    return is_counter(call) && starts_ms && starts_ms[0] != 0 && starts_ms[0] > w->after_ms &&
           starts_ms[0] < first_ms;
}

static double factor_from_start(const struct promql_fn_call *call, const struct promql_window *w,
                                int64_t start_ms, int64_t first_ms, int64_t last_ms, uint32_t count)
{
    double interval = (double)(last_ms - start_ms) / 1000;
    double gap = count > 1 ? (double)(last_ms - first_ms) / 1000 / (count - 1) : 0;
    double to_end = (double)(w->end_ms - last_ms) / 1000;
    if (to_end >= gap * 1.1)
        to_end = gap / 2;
    return with_unit(call, interval != 0 ? (interval + to_end) / interval : 1);
}

static void rate_floats(struct promql_fn_call *call, const struct promql_window *w, double *out)
{
    const struct promql_floats *f = &w->floats;
    int64_t first = f->times_ms[0], last = f->times_ms[f->count - 1];
    bool began = began_inside(call, w, f->starts_ms, first);
    if (f->count < 2 && !began)
        return;
    double growth = growth_with_starts(call, f);
    if (began) {
        growth += f->values[0];
        *out = growth *
               factor_from_start(call, w, f->starts_ms[0], first, last, promql_floats_total(f));
        return;
    }
    struct promql_rate_step s =
        extrapolation(call, first, last, promql_floats_total(f), w->after_ms, w->end_ms);
    if (is_counter(call) && growth > 0 && f->values[0] >= 0)
        s.factor = factor_from_zero(call, &s, f->values[0], growth);
    *out = growth * s.factor;
}

static enum status rate_histograms(struct promql_fn_call *call, const struct promql_window *w,
                                   struct promql_point *out, struct err *e)
{
    const struct promql_histograms *h = &w->histograms;
    int64_t first = h->times_ms[0], last = h->times_ms[h->count - 1];
    bool began = began_inside(call, w, h->starts_ms, first);
    struct native_histogram *growth;
    double factor;
    if (h->count < 2 && !began)
        return ST_OK;
    TRY(promql_fn_rate_histograms(call, w, began, &growth, e));
    if (!growth)
        return ST_OK;
    if (began) {
        factor =
            factor_from_start(call, w, h->starts_ms[0], first, last, promql_histograms_total(h));
    } else {
        struct promql_rate_step s =
            extrapolation(call, first, last, promql_histograms_total(h), w->after_ms, w->end_ms);
        factor = s.factor;
        if (is_counter(call) && growth->count > 0 && h->items[0]->count >= 0)
            factor = factor_from_zero(call, &s, h->items[0]->count, growth->count);
    }
    out->histogram = native_histogram_scale(growth, factor, call->arena);
    return out->histogram ? ST_OK : promql_no_memory(e);
}

enum status promql_fn_rate(struct promql_fn_call *call, const struct promql_window *w,
                           uint32_t step, struct promql_point *out, struct err *e)
{
    (void)step;
    if (w->floats.count && w->histograms.count) {
        promql_note_mixed(call->run->notes, call->at, call->metric);
        return ST_OK;
    }
    if (call->ranges.extension != EXTEND_NONE)
        return w->floats.count ? promql_fn_extended_floats(call, w, &out->value)
                               : promql_fn_extended_histograms(call, w, out, e);
    if (w->histograms.count)
        return rate_histograms(call, w, out, e);
    rate_floats(call, w, &out->value);
    return ST_OK;
}
