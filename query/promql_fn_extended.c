/* promql_fn_extended.c - rate, increase and delta of anchored and smoothed ranges: between values
 * at the very borders of the range, with samples from beyond them. Source: Prometheus 3.x,
 * promql/functions.go, extendedRate. */
#include "model/native_histogram_sum.h"
#include "query/promql_fn.h"
#include "query/promql_notes.h"

uint32_t promql_anchor(const int64_t *times_ms, uint32_t count, int64_t after_ms)
{
    uint32_t first = 0;
    while (first + 1 < count && times_ms[first + 1] <= after_ms)
        first++;
    return first;
}

/* The samples that matter: from the anchor to the first at or behind the end of the range. */
struct reach {
    uint32_t first, last;
    bool is_empty, interpolates;
};

static struct reach reach_of(enum promql_extension extension, const struct promql_window *w,
                             const int64_t *times_ms, uint32_t count)
{
    struct reach r = {.interpolates = extension == EXTEND_SMOOTHED, .last = count - 1};
    r.first = promql_anchor(times_ms, count, w->after_ms);
    /* The last sample is never taken as anchor: a second one is behind it, or nothing is. */
    if (r.first == count - 1 && count > 1)
        r.first = count - 2;
    if (r.interpolates)
        for (r.last = 0; r.last + 1 < count && times_ms[r.last] < w->end_ms;)
            r.last++;
    r.is_empty =
        times_ms[r.last] <= w->after_ms || (r.interpolates && times_ms[r.first] > w->end_ms);
    return r;
}

static double between(const struct promql_floats *f, uint32_t left, int64_t at_ms, bool counts)
{
    double a = f->values[left], b = f->values[left + 1];
    if (counts && b < a)
        a = 0;
    return a + (b - a) * (double)(at_ms - f->times_ms[left]) /
                   (double)(f->times_ms[left + 1] - f->times_ms[left]);
}

/* The values at both borders. */
static double left_border(const struct promql_window *w, const struct reach *r, bool counts)
{
    const struct promql_floats *f = &w->floats;
    bool is_between = r->interpolates && f->times_ms[r->first] < w->after_ms;
    return is_between ? between(f, r->first, w->after_ms, counts) : f->values[r->first];
}

static double right_border(const struct promql_window *w, const struct reach *r, bool counts)
{
    const struct promql_floats *f = &w->floats;
    bool is_between = r->interpolates && r->last > 0 && f->times_ms[r->last] > w->end_ms;
    return is_between ? between(f, r->last - 1, w->end_ms, counts) : f->values[r->last];
}

uint32_t promql_extended_samples(enum promql_extension extension, const struct promql_window *w,
                                 int64_t *times_ms, double *values)
{
    const struct promql_floats *f = &w->floats;
    struct reach r = reach_of(extension, w, f->times_ms, f->count);
    uint32_t count = 0;
    if (r.is_empty)
        return 0;
    times_ms[count] = w->after_ms;
    values[count++] = left_border(w, &r, false);
    for (uint32_t i = r.first; i <= r.last; i++) {
        if (f->times_ms[i] <= w->after_ms || f->times_ms[i] >= w->end_ms)
            continue;
        times_ms[count] = f->times_ms[i];
        values[count++] = f->values[i];
    }
    times_ms[count] = w->end_ms;
    values[count++] = right_border(w, &r, false);
    return count;
}

enum status promql_fn_extended_floats(struct promql_fn_call *call, const struct promql_window *w,
                                      double *out)
{
    const struct promql_floats *f = &w->floats;
    enum promql_function_id id = call->node->call.function->id;
    struct reach r = reach_of(call->ranges.extension, w, f->times_ms, f->count);
    bool counts = id != FN_DELTA;
    if (r.is_empty)
        return ST_OK;
    double left = left_border(w, &r, counts), right = right_border(w, &r, counts);
    double growth = right - left, before = left;
    for (uint32_t i = r.first; counts && i <= r.last; i++) {
        if (f->times_ms[i] <= w->after_ms || f->times_ms[i] >= w->end_ms)
            continue;
        if (f->values[i] < before)
            growth += before;
        before = f->values[i];
    }
    if (counts && right < before)
        growth += before;
    *out = id == FN_RATE ? growth / ((double)call->ranges.range_ms / 1000) : growth;
    return ST_OK;
}

/* ---- histograms ---- */

struct extended {
    struct promql_fn_call *call;
    const struct promql_window *window;
    struct reach reach;
    bool counts, is_mixed;
    bool added_apart, subtracted_apart; /* histograms whose custom bounds had to be reconciled */
};

static void note_metric(const struct extended *x, const char *text)
{
    promql_note_name(x->call->run->notes, ANNOTATION_WARNING, x->call->at, text, x->call->metric);
}

static bool is_uniform(struct extended *x)
{
    const struct native_histogram *const *h = x->window->histograms.items;
    for (uint32_t i = x->reach.first; i <= x->reach.last; i++) {
        if (native_histogram_is_custom(h[i]) != native_histogram_is_custom(h[x->reach.first]))
            x->is_mixed = true;
        if (x->counts && h[i]->hint == RESET_GAUGE)
            note_metric(x, "this native histogram metric is not a counter:");
    }
    return !x->is_mixed;
}

static enum status add(struct extended *x, struct native_sum *sum, const struct native_histogram *h,
                       double weight, struct err *e)
{
    sum->is_reconciled = false;
    enum status s = native_sum_add(sum, h, weight);
    x->is_mixed |= s == ST_INVALID;
    if (sum->is_reconciled)
        *(weight < 0 ? &x->subtracted_apart : &x->added_apart) = true;
    return s == ST_NO_MEMORY ? promql_no_memory(e) : ST_OK;
}

/* Adds the value at `at_ms`, between sample `left` and the next. As a + (b - a) * part, which
 * leaves a bucket that did not change as it is. */
static enum status add_between(struct extended *x, struct native_sum *sum, uint32_t left,
                               int64_t at_ms, struct err *e)
{
    const struct promql_histograms *h = &x->window->histograms;
    const struct native_histogram *a = h->items[left], *b = h->items[left + 1];
    double part =
        (double)(at_ms - h->times_ms[left]) / (double)(h->times_ms[left + 1] - h->times_ms[left]);
    if (x->counts && native_histogram_is_reset(b, a))
        return add(x, sum, b, part, e);
    TRY(add(x, sum, b, 1, e));
    TRY(add(x, sum, a, -1, e));
    native_sum_scale(sum, part);
    return add(x, sum, a, 1, e);
}

static enum status value_at(struct extended *x, bool is_left, struct native_histogram **out,
                            struct err *e)
{
    const struct promql_histograms *h = &x->window->histograms;
    struct native_sum sum = {.arena = x->call->arena};
    uint32_t at = is_left ? x->reach.first : x->reach.last;
    int64_t border = is_left ? x->window->after_ms : x->window->end_ms;
    bool is_beyond = is_left ? h->times_ms[at] < border : at > 0 && h->times_ms[at] > border;
    if (x->reach.interpolates && is_beyond)
        TRY(add_between(x, &sum, is_left ? at : at - 1, border, e));
    else
        TRY(add(x, &sum, h->items[at], 1, e));
    *out = native_sum_take(&sum);
    if (!*out)
        return promql_no_memory(e);
    (*out)->hint = h->items[at]->hint;
    return ST_OK;
}

/* What resets between the borders took away. */
static enum status add_resets(struct extended *x, struct native_sum *sum,
                              const struct native_histogram *left,
                              const struct native_histogram *right, struct err *e)
{
    const struct promql_histograms *h = &x->window->histograms;
    const struct native_histogram *before = left;
    uint32_t i = x->reach.first + 1;
    /* A left border between a sample and the reset behind it has taken that reset into account. */
    if (x->reach.interpolates && h->times_ms[x->reach.first] < x->window->after_ms &&
        native_histogram_is_reset(h->items[i], h->items[i - 1]))
        before = h->items[i++];
    if (i > x->reach.last)
        return ST_OK;
    for (; i < x->reach.last; i++) {
        if (native_histogram_is_reset(h->items[i], before))
            TRY(add(x, sum, before, 1, e));
        before = h->items[i];
    }
    return native_histogram_is_reset(right, before) ? add(x, sum, before, 1, e) : ST_OK;
}

static enum status growth_between(struct extended *x, struct promql_point *out, struct err *e)
{
    struct native_sum sum = {.arena = x->call->arena};
    struct native_histogram *left, *right, *growth;
    TRY(value_at(x, true, &left, e));
    TRY(value_at(x, false, &right, e));
    if (!x->counts && (left->hint != RESET_GAUGE || right->hint != RESET_GAUGE))
        note_metric(x, "this native histogram metric is not a gauge:");
    TRY(add(x, &sum, right, 1, e));
    TRY(add(x, &sum, left, -1, e));
    if (x->counts)
        TRY(add_resets(x, &sum, left, right, e));
    if (x->is_mixed)
        return ST_OK;
    if (x->call->node->call.function->id == FN_RATE)
        native_sum_scale(&sum, 1 / ((double)x->call->ranges.range_ms / 1000));
    growth = native_sum_take(&sum);
    if (!growth)
        return promql_no_memory(e);
    growth->hint = RESET_GAUGE;
    out->histogram = growth;
    return ST_OK;
}

enum status promql_fn_extended_histograms(struct promql_fn_call *call,
                                          const struct promql_window *w, struct promql_point *out,
                                          struct err *e)
{
    struct extended x = {
        .call = call,
        .window = w,
        .counts = call->node->call.function->id != FN_DELTA,
        .reach = reach_of(call->ranges.extension, w, w->histograms.times_ms, w->histograms.count)};
    if (x.reach.is_empty)
        return ST_OK;
    if (is_uniform(&x))
        TRY(growth_between(&x, out, e));
    if (x.is_mixed)
        note_metric(&x, "vector contains a mix of histograms with exponential and custom buckets "
                        "schemas for metric name");
    if (x.subtracted_apart)
        promql_note_reconciled(call->run->notes, call->at, "subtraction");
    if (x.added_apart)
        promql_note_reconciled(call->run->notes, call->at, "addition");
    return ST_OK;
}
