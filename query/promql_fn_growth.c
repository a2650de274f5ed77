/* promql_fn_growth.c - what a histogram counter grew by over a window, resets and start timestamps
 * seen to. Source: Prometheus 3.x, promql/functions.go, histogramRate. */
#include "model/native_histogram_sum.h"
#include "query/promql_fn.h"
#include "query/promql_histogram.h"
#include "query/promql_notes.h"

static bool has_start_reset(struct promql_fn_call *call, const struct promql_histograms *h,
                            uint32_t i)
{
    if (!h->starts_ms)
        return false;
    int64_t before = h->times_ms[i - 1];
    if (h->starts_ms[i] != 0 && h->starts_ms[i] < before && h->starts_ms[i] != h->starts_ms[i - 1])
        promql_note_overlap(call->run->notes, call->at, call->metric);
    return promql_is_start_reset(h->starts_ms[i - 1], before, h->starts_ms[i], h->times_ms[i]);
}

/* Where only start timestamps tell of a reset, the histogram is taken with the hint that says so.
 */
static enum status mark_resets(struct promql_fn_call *call, const struct promql_histograms *h,
                               const struct native_histogram *const **out, struct err *e)
{
    const struct native_histogram **marked = arena_calloc(call->arena, h->count, sizeof(*marked));
    if (!marked)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < h->count; i++) {
        marked[i] = h->items[i];
        if (i == 0 || !has_start_reset(call, h, i) || h->items[i]->hint == RESET_YES)
            continue;
        struct native_histogram *copy = arena_alloc(call->arena, sizeof(*copy));
        if (!copy)
            return promql_no_memory(e);
        *copy = *h->items[i];
        copy->hint = RESET_YES;
        marked[i] = copy;
    }
    *out = marked;
    return ST_OK;
}

static enum status add_first(struct promql_fn_call *call, const struct native_histogram *first,
                             struct native_histogram **growth, struct err *e)
{
    struct native_sum sum = {.arena = call->arena};
    if (native_sum_add(&sum, *growth, 1) == ST_NO_MEMORY ||
        native_sum_add(&sum, first, 1) == ST_NO_MEMORY)
        return promql_no_memory(e);
    *growth = native_sum_take(&sum);
    if (!*growth)
        return promql_no_memory(e);
    (*growth)->hint = RESET_GAUGE;
    return ST_OK;
}

enum status promql_fn_rate_histograms(struct promql_fn_call *call, const struct promql_window *w,
                                      bool from_zero, struct native_histogram **out, struct err *e)
{
    const struct promql_histograms *h = &w->histograms;
    const struct native_histogram *const *points = h->items;
    struct histogram_ask ask = {
        .arena = call->arena, .notes = call->run->notes, .at = call->at, .metric = call->metric};
    bool counts = call->node->call.function->id != FN_DELTA;
    *out = NULL;
    if (h->count == 1) {
        *out = native_histogram_copy(points[0], call->arena);
        return *out ? ST_OK : promql_no_memory(e);
    }
    if (counts && h->starts_ms)
        TRY(mark_resets(call, h, &points, e));
    if (native_window_growth(&ask, points, h->count, counts, out) != ST_OK)
        return promql_no_memory(e);
    return *out && from_zero ? add_first(call, points[0], out, e) : ST_OK;
}
