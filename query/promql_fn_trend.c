/* promql_fn_trend.c - deriv, predict_linear, double_exponential_smoothing: where floats are
 * heading.
 */
#include "query/promql_fn.h"
#include "query/promql_math.h"
#include "query/promql_notes.h"

struct line {
    double slope, at; /* per second; value at the time asked for */
};

struct sums {
    double x, x_rest, y, y_rest, xy, xy_rest, xx, xx_rest;
};

/* Least squares. Samples that are all equal make a level line without any rounding. */
static struct line fit(const struct promql_floats *f, int64_t at_ms)
{
    struct sums s = {0};
    bool is_level = true;
    double n = f->count;
    for (uint32_t i = 0; i < f->count; i++) {
        double x = (double)(f->times_ms[i] - at_ms) / 1000, y = f->values[i];
        is_level &= i == 0 || y == f->values[0];
        promql_sum_add(x, &s.x, &s.x_rest);
        promql_sum_add(y, &s.y, &s.y_rest);
        promql_sum_add(x * y, &s.xy, &s.xy_rest);
        promql_sum_add(x * x, &s.xx, &s.xx_rest);
    }
    if (is_level && isinf(f->values[0]))
        return (struct line){NAN, NAN};
    if (is_level)
        return (struct line){0, f->values[0]};
    double x = s.x + s.x_rest, y = s.y + s.y_rest, xy = s.xy + s.xy_rest, xx = s.xx + s.xx_rest;
    double slope = (xy - x * y / n) / (xx - x * x / n);
    return (struct line){slope, y / n - slope * x / n};
}

/* Two floats are needed; a window that mixes them with histograms is noted. */
static bool has_two(struct promql_fn_call *call, const struct promql_window *w)
{
    if (w->floats.count && w->histograms.count)
        promql_note_ignored_in_range(call->run->notes, call->at, call->metric);
    return w->floats.count >= 2;
}

static enum status deriv(struct promql_fn_call *call, const struct promql_window *w, uint32_t step,
                         struct promql_point *out, struct err *e)
{
    (void)step;
    (void)e;
    if (has_two(call, w))
        out->value = fit(&w->floats, w->floats.times_ms[0]).slope;
    return ST_OK;
}

static enum status predict_linear(struct promql_fn_call *call, const struct promql_window *w,
                                  uint32_t step, struct promql_point *out, struct err *e)
{
    (void)e;
    if (!has_two(call, w))
        return ST_OK;
    struct line line = fit(&w->floats, w->at_ms);
    out->value = line.slope * call->params[0][step] + line.at;
    return ST_OK;
}

/* NaN passes, and makes the result NaN. */
static enum status check_factor(const char *what, const char *name, double factor, struct err *e)
{
    if (isinf(factor))
        return err_set(e, ST_QUERY, "invalid %s factor. Expected: 0 < %s < 1, got: %cInf", what,
                       name, factor > 0 ? '+' : '-');
    if (factor <= 0 || factor >= 1)
        return err_set(e, ST_QUERY, "invalid %s factor. Expected: 0 < %s < 1, got: %f", what, name,
                       factor);
    return ST_OK;
}

static enum status smooth(struct promql_fn_call *call, const struct promql_window *w, uint32_t step,
                          struct promql_point *out, struct err *e)
{
    double factor = call->params[0][step], trend_factor = call->params[1][step];
    const struct promql_floats *f = &w->floats;
    TRY(check_factor("smoothing", "sf", factor, e));
    TRY(check_factor("trend", "tf", trend_factor, e));
    if (!has_two(call, w))
        return ST_OK;
    double before = 0, smoothed = f->values[0], trend = f->values[1] - f->values[0];
    for (uint32_t i = 1; i < f->count; i++) {
        if (i > 1)
            trend = trend_factor * (smoothed - before) + (1 - trend_factor) * trend;
        double next = factor * f->values[i] + (1 - factor) * (smoothed + trend);
        before = smoothed;
        smoothed = next;
    }
    out->value = smoothed;
    return ST_OK;
}

promql_fn_window promql_fn_trend(enum promql_function_id id)
{
    switch (id) {
    case FN_DERIV:
        return deriv;
    case FN_PREDICT_LINEAR:
        return predict_linear;
    case FN_DOUBLE_EXPONENTIAL_SMOOTHING:
        return smooth;
    default:
        return NULL;
    }
}
