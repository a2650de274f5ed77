/* promql_window.c - walks the series of a range selector, finds the window of each step once for
 * all series that share their times. */
#include "query/promql_window.h"
#include "query/promql_aggr.h"
#include "query/promql_fn.h"
#include "query/promql_labels.h"
#include "query/promql_pick.h"
#include "query/promql_subquery.h"

#include <stdlib.h>

static bool bounds_init(struct promql_bounds *b, struct arena *arena, uint32_t steps)
{
    b->low = arena_calloc(arena, steps, sizeof(*b->low));
    b->high = arena_calloc(arena, steps, sizeof(*b->high));
    return b->low && b->high;
}

static int64_t window_end(const struct promql_ranges *r, uint32_t step)
{
    return promql_when_at(r->run, r->when, promql_grid_at(&r->run->grid, step));
}

/* How far samples are taken beyond the range on the left and on the right. */
static int64_t beyond_left(const struct promql_ranges *r)
{
    return r->extension != EXTEND_NONE ? r->run->query->lookback_ms : 0;
}

static int64_t beyond_right(const struct promql_ranges *r)
{
    return r->extension == EXTEND_SMOOTHED ? r->run->query->lookback_ms : 0;
}

static enum status select_range(struct promql_ranges *r, const struct promql_node *node,
                                enum series_need need, struct err *e)
{
    const struct promql_selector *selector = &node->range.selector->selector;
    r->when = &selector->when;
    r->range_ms = node->range.range.ms;
    r->extension = selector->extension;
    int64_t first = window_end(r, 0), last = window_end(r, r->run->grid.count - 1);
    struct series_windows windows =
        promql_windows(r->run, r->when, r->extension == EXTEND_NONE ? need : NEED_ALL, r->range_ms);
    TRY(promql_series_select(r->run, selector, first - r->range_ms - beyond_left(r),
                             last + beyond_right(r), &windows, &r->list, e));
    return r->run->order ? promql_order_series(r->run->order, &r->list, r->run->arena, e) : ST_OK;
}

enum status promql_ranges_open(struct promql_run *run, const struct promql_node *arg,
                               enum series_need need, struct arena *arena,
                               struct promql_ranges *out, struct err *e)
{
    uint32_t steps = run->grid.count;
    *out = (struct promql_ranges){.run = run, .node = promql_unwrap(arg), .arena = arena};
    if (!bounds_init(&out->float_bounds, run->arena, steps) ||
        !bounds_init(&out->histogram_bounds, run->arena, steps))
        return promql_no_memory(e);
    if (out->node->kind == PROMQL_RANGE)
        return select_range(out, out->node, need, e);
    out->when = &out->node->subquery.when;
    out->range_ms = out->node->subquery.range.ms;
    return promql_subquery_run(run, out->node, &out->list, &out->rows, e);
}

void promql_ranges_close(struct promql_ranges *r)
{
    if (r->node->kind == PROMQL_RANGE)
        promql_series_drop(r->run, &r->list);
    promql_run_drop(r->run, &r->rows);
}

static void bounds_find(const struct promql_ranges *r, const int64_t *times, uint32_t count,
                        struct promql_bounds *b)
{
    if (b->times_ms == times && b->count == count)
        return;
    uint32_t low = 0, high = 0;
    int64_t left = r->range_ms + beyond_left(r), right = beyond_right(r);
    for (uint32_t i = 0; i < r->run->grid.count; i++) {
        int64_t end = window_end(r, i);
        while (low < count && times[low] <= end - left)
            low++;
        high = MAX(high, low);
        while (high < count && times[high] <= end + right)
            high++;
        b->low[i] = low;
        b->high[i] = high;
    }
    b->times_ms = times;
    b->count = count;
    b->generation++;
}

static bool scratch_reserve(struct promql_scratch *s, struct arena *arena, uint32_t count)
{
    if (count <= s->cap)
        return true;
    uint32_t cap = MAX(count, s->cap * 2);
    s->times_ms = arena_calloc(arena, cap, sizeof(*s->times_ms));
    s->starts_ms = arena_calloc(arena, cap, sizeof(*s->starts_ms));
    s->histogram_times_ms = arena_calloc(arena, cap, sizeof(*s->histogram_times_ms));
    s->histogram_starts_ms = arena_calloc(arena, cap, sizeof(*s->histogram_starts_ms));
    s->ordinals = arena_calloc(arena, cap, sizeof(*s->ordinals));
    s->histogram_ordinals = arena_calloc(arena, cap, sizeof(*s->histogram_ordinals));
    s->values = arena_calloc(arena, cap, sizeof(*s->values));
    s->histograms = arena_calloc(arena, cap, sizeof(*s->histograms));
    s->cap = cap;
    return s->times_ms && s->starts_ms && s->histogram_times_ms && s->histogram_starts_ms &&
           s->ordinals && s->histogram_ordinals && s->values && s->histograms;
}

/* Sorts the samples of a series by kind and leaves stale markers out. */
static bool separate(struct promql_ranges *r, const struct series_data *s)
{
    struct promql_scratch *to = &r->scratch;
    uint32_t floats = 0, histograms = 0;
    if (!scratch_reserve(to, r->run->arena, s->sample_count))
        return false;
    for (uint32_t i = 0; i < s->sample_count; i++) {
        int64_t start = s->starts_ms ? s->starts_ms[i] : 0;
        uint32_t ordinal = s->ordinals ? s->ordinals[i] : 0;
        if (promql_sample_is_stale(s, i))
            continue;
        if (s->histograms && s->histograms[i]) {
            to->histogram_times_ms[histograms] = s->times_ms[i];
            to->histogram_starts_ms[histograms] = start;
            to->histogram_ordinals[histograms] = ordinal;
            to->histograms[histograms++] = s->histograms[i];
        } else {
            to->times_ms[floats] = s->times_ms[i];
            to->starts_ms[floats] = start;
            to->ordinals[floats] = ordinal;
            to->values[floats++] = s->values[i];
        }
    }
    r->floats =
        (struct promql_floats){to->times_ms, to->values, s->starts_ms ? to->starts_ms : NULL,
                               s->ordinals ? to->ordinals : NULL, floats};
    r->histograms = (struct promql_histograms){
        to->histogram_times_ms, to->histograms, s->starts_ms ? to->histogram_starts_ms : NULL,
        s->ordinals ? to->histogram_ordinals : NULL, histograms};
    /* The arrays are used again and again: nothing is known of the times in them. */
    r->float_bounds.times_ms = NULL;
    r->histogram_bounds.times_ms = NULL;
    return true;
}

static bool has_stale(const double *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (value_is_stale(values[i]))
            return true;
    return false;
}

/* No value is below the one before it, and none is NaN: what most counters are, told in one pass of
 * blocks that the compiler makes vectors of. */
static bool is_rising(const double *values, uint32_t count)
{
    enum { BLOCK = 8 };
    uint32_t i = 1;
    if (count == 0 || !(values[0] >= values[0]))
        return false;
    for (; i + BLOCK <= count; i += BLOCK) {
        int64_t falls = 0;
        for (uint32_t k = 0; k < BLOCK; k++)
            falls += !(values[i + k] >= values[i + k - 1]);
        if (falls)
            return false;
    }
    for (; i < count; i++)
        if (!(values[i] >= values[i - 1]))
            return false;
    return true;
}

static void count_windows(const struct promql_ranges *r)
{
    uint64_t *samples = r->run->step_samples;
    for (uint32_t i = 0; samples && i < r->run->grid.count; i++) {
        struct promql_window w = promql_ranges_window(r, i);
        samples[i] += w.floats.count + w.histograms.count;
        for (uint32_t k = 0; k < w.histograms.count; k++)
            samples[i] += promql_histogram_weight(w.histograms.items[k]);
    }
}

bool promql_ranges_next(struct promql_ranges *r, enum status *status, struct err *e)
{
    *status = query_budget_check(r->run->budget, e);
    if (*status != ST_OK || r->at == r->list.count)
        return false;
    struct series_data made;
    const struct series_data *s = promql_series_made(&r->list.items[r->at++], r->arena, &made);
    if (!s) {
        *status = promql_no_memory(e);
        return false;
    }
    r->labels = s->labels;
    r->drop_name = r->rows.count && r->rows.items[r->at - 1].drop_name;
    r->floats =
        (struct promql_floats){s->times_ms, s->values, s->starts_ms, s->ordinals, s->sample_count};
    r->histograms = (struct promql_histograms){0};
    r->is_rising = !s->histograms && is_rising(s->values, s->sample_count);
    if (!r->is_rising && (s->histograms || has_stale(s->values, s->sample_count)) &&
        !separate(r, s)) {
        *status = promql_no_memory(e);
        return false;
    }
    bounds_find(r, r->floats.times_ms, r->floats.count, &r->float_bounds);
    bounds_find(r, r->histograms.times_ms, r->histograms.count, &r->histogram_bounds);
    count_windows(r);
    return true;
}

struct promql_window promql_ranges_window(const struct promql_ranges *r, uint32_t step)
{
    struct promql_window w = {.at_ms = promql_grid_at(&r->run->grid, step)};
    uint32_t f = r->float_bounds.low[step], h = r->histogram_bounds.low[step];
    w.end_ms = window_end(r, step);
    w.after_ms = w.end_ms - r->range_ms;
    w.floats = (struct promql_floats){r->floats.times_ms + f, r->floats.values + f,
                                      r->floats.starts_ms ? r->floats.starts_ms + f : NULL,
                                      r->floats.ordinals ? r->floats.ordinals + f : NULL,
                                      r->float_bounds.high[step] - f};
    if (r->histograms.count)
        w.histograms =
            (struct promql_histograms){r->histograms.times_ms + h, r->histograms.items + h,
                                       r->histograms.starts_ms ? r->histograms.starts_ms + h : NULL,
                                       r->histograms.ordinals ? r->histograms.ordinals + h : NULL,
                                       r->histogram_bounds.high[step] - h};
    return w;
}

static enum status extended_series(const struct promql_ranges *r, const struct promql_window *w,
                                   struct promql_series *out, struct err *e)
{
    uint32_t room = w->floats.count + 2;
    int64_t *times = arena_calloc(r->run->arena, room, sizeof(*times));
    double *values = arena_calloc(r->run->arena, room, sizeof(*values));
    if (!times || !values)
        return promql_no_memory(e);
    uint32_t count = promql_extended_samples(r->extension, w, times, values);
    *out = (struct promql_series){r->labels, times, values, NULL, count};
    return ST_OK;
}

/* Floats and histograms of a window in one order of time, copied. */
static enum status matrix_series(const struct promql_ranges *r, struct promql_series *out,
                                 struct err *e)
{
    struct promql_window w = promql_ranges_window(r, 0);
    if (r->extension != EXTEND_NONE && w.floats.count && !w.histograms.count)
        return extended_series(r, &w, out, e);
    uint32_t f = 0, h = 0, all = w.floats.count + w.histograms.count;
    int64_t *times = arena_calloc(r->run->arena, all, sizeof(*times));
    double *values = arena_calloc(r->run->arena, all, sizeof(*values));
    const struct native_histogram **histograms =
        arena_calloc(r->run->arena, all, sizeof(*histograms));
    if (!times || !values || !histograms)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < all; i++) {
        bool is_float = f < w.floats.count && (h == w.histograms.count ||
                                               w.floats.times_ms[f] < w.histograms.times_ms[h]);
        times[i] = is_float ? w.floats.times_ms[f] : w.histograms.times_ms[h];
        if (is_float)
            values[i] = w.floats.values[f++];
        else
            histograms[i] = w.histograms.items[h++];
    }
    *out = (struct promql_series){r->labels, times, values, h ? histograms : NULL, all};
    return ST_OK;
}

static int series_order(const void *a, const void *b)
{
    const struct promql_series *x = a, *y = b;
    return label_set_cmp(x->labels, y->labels);
}

enum status promql_matrix_result(struct promql_run *run, const struct promql_node *root,
                                 struct promql_result *out, struct err *e)
{
    struct promql_ranges r;
    enum status s;
    TRY(promql_ranges_open(run, root, NEED_ALL, run->arena, &r, e));
    out->series = arena_calloc(run->arena, r.list.count, sizeof(*out->series));
    if (!out->series)
        return promql_no_memory(e);
    while (promql_ranges_next(&r, &s, e)) {
        struct promql_series *to = &out->series[out->series_count];
        TRY(matrix_series(&r, to, e));
        if (r.drop_name)
            to->labels = promql_labels_unnamed(run->arena, to->labels);
        if (!to->labels.items && to->labels.count)
            return promql_no_memory(e);
        out->series_count += to->point_count > 0;
    }
    TRY(s);
    qsort(out->series, out->series_count, sizeof(*out->series), series_order);
    for (uint32_t i = 1; i < out->series_count; i++)
        if (label_set_eq(out->series[i - 1].labels, out->series[i].labels))
            return err_set(e, ST_QUERY, "vector cannot contain metrics with the same labelset");
    promql_ranges_close(&r);
    return ST_OK;
}
