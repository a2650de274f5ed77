/* promql_series.c - series of a selector, and their values at the steps of an instant selector. */
#include "query/promql_aggr.h"
#include "query/promql_op.h"
#include "query/promql_pick.h"

/* What Prometheus' chunks tell of a histogram counter and the wire does not: that it did not begin
 * anew since the sample before. Known once, a window that holds the sample need not look again.
 * That it did begin anew they tell only where counts and sums alone are read; else "unknown" makes
 * everyone compare, and aggregations do not complain of a conflict. */
static enum status find_resets(const struct promql_run *run, struct series_data *s, struct err *e)
{
    const struct native_histogram **told = arena_calloc(run->arena, s->sample_count, sizeof(*told));
    struct native_histogram *copies = arena_calloc(run->arena, s->sample_count, sizeof(*copies));
    if (!told || !copies)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < s->sample_count; i++) {
        const struct native_histogram *h = s->histograms[i];
        const struct native_histogram *before = i ? s->histograms[i - 1] : NULL;
        told[i] = h;
        if (!h || !before || h->hint != RESET_UNKNOWN || before->hint == RESET_GAUGE ||
            promql_sample_is_stale(s, i) || promql_sample_is_stale(s, i - 1))
            continue;
        bool is_reset = native_histogram_is_reset(h, before);
        if (is_reset && !run->tells_resets)
            continue;
        copies[i] = *h;
        copies[i].hint = is_reset ? RESET_YES : RESET_NO;
        told[i] = &copies[i];
    }
    s->histograms = told;
    return ST_OK;
}

/* What the samples count in the budget. */
static uint64_t weight_of(const struct series_list *list)
{
    uint64_t weight = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct series_data *s = &list->items[i];
        weight += s->later ? s->later->weight : s->sample_count;
        for (uint32_t k = 0; s->histograms && k < s->sample_count; k++)
            weight += promql_histogram_weight(s->histograms[k]);
    }
    return weight;
}

enum status promql_series_select(struct promql_run *run, const struct promql_selector *selector,
                                 int64_t after_ms, int64_t end_ms,
                                 const struct series_windows *windows, struct series_list *out,
                                 struct err *e)
{
    struct query_budget *b = run->budget;
    struct series_request request = {
        .matchers = selector->matchers,
        .matcher_count = selector->matcher_count,
        .start_ms = after_ms + 1,
        .end_ms = end_ms,
        .arena = run->arena,
        .samples_max = b->samples_max
                           ? MAX(b->samples_max - MIN(b->samples_used, b->samples_max), (uint64_t)1)
                           : 0,
        .takes_later = true,
        .windows = *windows,
    };
    TRY(series_sources_select(run->sources, &request, out, b, run->notes, e));
    uint64_t weight = weight_of(out);
    b->samples_read += weight;
    TRY(query_budget_take(b, weight, e));
    for (uint32_t i = 0; i < out->count; i++)
        if (out->items[i].histograms)
            TRY(find_resets(run, &out->items[i], e));
    return ST_OK;
}

void promql_series_drop(struct promql_run *run, const struct series_list *list)
{
    query_budget_give(run->budget, weight_of(list));
}

const struct series_data *promql_series_made(const struct series_data *s, struct arena *arena,
                                             struct series_data *made)
{
    if (!s->later)
        return s;
    *made = *s;
    made->histograms = s->later->make(s->later, arena);
    return made->histograms ? made : NULL;
}

enum status promql_picker_open(struct promql_run *run, const struct promql_selector *selector,
                               struct arena *arena, struct promql_picker *out, struct err *e)
{
    int64_t lookback = run->query->lookback_ms;
    int64_t first = promql_when_at(run, &selector->when, run->grid.start_ms);
    int64_t last = promql_when_at(run, &selector->when, promql_grid_end(&run->grid));
    bool is_smoothed = selector->extension == EXTEND_SMOOTHED;
    *out = (struct promql_picker){.run = run, .selector = selector, .arena = arena};
    out->picks = arena_calloc(run->arena, run->grid.count, sizeof(*out->picks));
    if (!out->picks)
        return promql_no_memory(e);
    struct series_windows windows =
        promql_windows(run, &selector->when, is_smoothed ? NEED_ALL : NEED_LAST, lookback);
    TRY(promql_series_select(run, selector, first - lookback, is_smoothed ? last + lookback : last,
                             &windows, &out->list, e));
    return run->order ? promql_order_series(run->order, &out->list, run->arena, e) : ST_OK;
}

/* The newest sample of each step within the lookback. One walk serves all series that arrived
 * together. */
static void pick_samples(struct promql_picker *p, const struct series_data *s)
{
    if (p->times_ms == s->times_ms && p->sample_count == s->sample_count)
        return;
    uint32_t next = 0;
    for (uint32_t i = 0; i < p->run->grid.count; i++) {
        int64_t at = promql_when_at(p->run, &p->selector->when, promql_grid_at(&p->run->grid, i));
        while (next < s->sample_count && s->times_ms[next] <= at)
            next++;
        bool is_near = next > 0 && s->times_ms[next - 1] > at - p->run->query->lookback_ms;
        p->picks[i] = is_near ? next - 1 : PROMQL_NO_SAMPLE;
    }
    p->times_ms = s->times_ms;
    p->sample_count = s->sample_count;
}

static void count_picks(const struct promql_picker *p, const struct series_data *s)
{
    uint64_t *samples = p->run->step_samples;
    for (uint32_t i = 0; samples && i < p->run->grid.count; i++) {
        uint32_t k = p->picks[i];
        if (k != PROMQL_NO_SAMPLE && !promql_sample_is_stale(s, k))
            samples[i] += 1 + promql_histogram_weight(s->histograms ? s->histograms[k] : NULL);
    }
}

const struct series_data *promql_picker_next(struct promql_picker *p, enum status *status,
                                             struct err *e)
{
    *status = query_budget_check(p->run->budget, e);
    while (*status == ST_OK && p->at < p->list.count) {
        const struct series_data *s =
            promql_series_made(&p->list.items[p->at++], p->arena, &p->made);
        if (!s) {
            *status = promql_no_memory(e);
            return NULL;
        }
        if (s->sample_count == 0)
            continue;
        pick_samples(p, s);
        count_picks(p, s);
        return s;
    }
    return NULL;
}

bool promql_sample_is_stale(const struct series_data *s, uint32_t i)
{
    const struct native_histogram *h = s->histograms ? s->histograms[i] : NULL;
    return h ? native_histogram_is_stale(h) : value_is_stale(s->values[i]);
}

void promql_picker_close(struct promql_picker *p)
{
    promql_series_drop(p->run, &p->list);
}

/* A stale marker is copied as it is: it says "absent" here too. */
static bool pick_floats(const struct promql_picker *p, const struct series_data *s, double *values)
{
    bool any = false;
    for (uint32_t i = 0; i < p->run->grid.count; i++) {
        uint32_t k = p->picks[i];
        if (k == PROMQL_NO_SAMPLE) {
            values[i] = value_absent();
            continue;
        }
        memcpy(&values[i], &s->values[k], sizeof(double));
        any |= !value_is_absent(values[i]);
    }
    return any;
}

static bool pick_mixed(const struct promql_picker *p, const struct series_data *s, double *values,
                       const struct native_histogram **histograms)
{
    bool any = false;
    for (uint32_t i = 0; i < p->run->grid.count; i++) {
        uint32_t k = p->picks[i];
        values[i] = value_absent();
        histograms[i] = NULL;
        if (k == PROMQL_NO_SAMPLE || promql_sample_is_stale(s, k))
            continue;
        if (s->histograms[k])
            histograms[i] = s->histograms[k];
        else
            values[i] = s->values[k];
        any = true;
    }
    return any;
}

enum status promql_selector_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e)
{
    uint32_t steps = run->grid.count;
    const struct series_data *s;
    enum status status;
    struct promql_picker p;
    if (node->selector.extension == EXTEND_SMOOTHED)
        return promql_smoothed_rows(run, node, out, e);
    double *values = arena_calloc(run->arena, steps, sizeof(*values));
    const struct native_histogram **histograms =
        arena_calloc(run->arena, steps, sizeof(*histograms));
    if (!values || !histograms)
        return promql_no_memory(e);
    TRY(promql_picker_open(run, &node->selector, out->arena, &p, e));
    while ((s = promql_picker_next(&p, &status, e))) {
        struct promql_row row = {s->labels, values, s->histograms ? histograms : NULL, false};
        if (s->histograms ? pick_mixed(&p, s, values, histograms) : pick_floats(&p, s, values))
            TRY(out->put(out->self, &row, e));
    }
    promql_picker_close(&p);
    return status;
}
