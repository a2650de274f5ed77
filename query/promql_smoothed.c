/* promql_smoothed.c - `selector smoothed`: values between the samples around a step. */
#include "model/native_histogram_sum.h"
#include "query/promql_notes.h"
#include "query/promql_pick.h"

struct smoothing {
    struct promql_run *run;
    const struct promql_node *node;
    const struct series_data *series;
    struct arena *arena; /* of histograms */
};

/* The first sample behind at_ms that is no stale marker, within the lookback. */
static uint32_t sample_behind(const struct smoothing *s, uint32_t pick, int64_t at_ms)
{
    const struct series_data *d = s->series;
    for (uint32_t i = pick + 1; i < d->sample_count; i++)
        if (d->times_ms[i] > at_ms + s->run->query->lookback_ms)
            break;
        else if (!promql_sample_is_stale(d, i))
            return i;
    return PROMQL_NO_SAMPLE;
}

static enum status mix(struct smoothing *s, const struct native_histogram *a,
                       const struct native_histogram *b, double part, struct promql_point *out,
                       struct err *e)
{
    struct native_sum sum = {.arena = s->arena};
    enum status status = native_sum_add(&sum, a, 1 - part);
    if (status == ST_OK)
        status = native_sum_add(&sum, b, part);
    if (status == ST_INVALID) {
        struct str metric = label_set_metric(s->series->labels);
        promql_note_name(s->run->notes, ANNOTATION_WARNING, &s->node->span,
                         "vector contains a mix of histograms with exponential and custom buckets "
                         "schemas for metric name",
                         metric);
        return ST_OK;
    }
    struct native_histogram *h = status == ST_OK ? native_sum_take(&sum) : NULL;
    out->histogram = h;
    return h ? ST_OK : promql_no_memory(e);
}

static enum status value_at(struct smoothing *s, uint32_t pick, int64_t at_ms,
                            struct promql_point *out, struct err *e)
{
    const struct series_data *d = s->series;
    const struct native_histogram *a = d->histograms ? d->histograms[pick] : NULL, *b;
    uint32_t behind = sample_behind(s, pick, at_ms);
    if (d->times_ms[pick] == at_ms || behind == PROMQL_NO_SAMPLE) {
        out->histogram = a;
        if (!a)
            out->value = d->values[pick];
        return ST_OK;
    }
    b = d->histograms ? d->histograms[behind] : NULL;
    double part =
        (double)(at_ms - d->times_ms[pick]) / (double)(d->times_ms[behind] - d->times_ms[pick]);
    if (a && b)
        return mix(s, a, b, part, out, e);
    if (!a && !b)
        out->value = d->values[pick] + (d->values[behind] - d->values[pick]) * part;
    return ST_OK;
}

enum status promql_smoothed_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e)
{
    uint32_t steps = run->grid.count;
    struct smoothing s = {run, node, NULL, out->arena};
    struct promql_row row = {.values = arena_calloc(run->arena, steps, sizeof(double))};
    const struct native_histogram **histograms =
        arena_calloc(run->arena, steps, sizeof(*histograms));
    struct promql_picker p;
    enum status status;
    if (!row.values || !histograms)
        return promql_no_memory(e);
    TRY(promql_picker_open(run, &node->selector, out->arena, &p, e));
    while ((s.series = promql_picker_next(&p, &status, e))) {
        row.labels = s.series->labels;
        row.histograms = s.series->histograms ? histograms : NULL;
        for (uint32_t i = 0; i < steps; i++) {
            int64_t at = promql_when_at(run, &node->selector.when, promql_grid_at(&run->grid, i));
            struct promql_point point = {value_absent(), NULL};
            if (p.picks[i] != PROMQL_NO_SAMPLE && !promql_sample_is_stale(s.series, p.picks[i]))
                TRY(value_at(&s, p.picks[i], at, &point, e));
            memcpy(&row.values[i], &point.value, sizeof(double));
            histograms[i] = point.histogram;
        }
        if (promql_row_points(&row, steps))
            TRY(out->put(out->self, &row, e));
    }
    promql_picker_close(&p);
    return status;
}
