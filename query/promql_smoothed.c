/* promql_smoothed.c - `selector smoothed`: values between the samples around a step. Source:
 * Prometheus 3.x, promql/engine.go, smoothSeries. */
#include "model/native_histogram_sum.h"
#include "query/promql_notes.h"
#include "query/promql_pick.h"

struct smoothing {
    struct promql_run *run;
    const struct promql_node *node;
    const struct series_data *series;
    struct arena *arena; /* of histograms */
    /* Samples [first, end) lie within the lookback before and behind the step at hand. */
    uint32_t first, end, float_count, histogram_count;
};

static const struct native_histogram *histogram_at(const struct smoothing *s, uint32_t i)
{
    return s->series->histograms ? s->series->histograms[i] : NULL;
}

static void count_sample(struct smoothing *s, uint32_t i, bool comes)
{
    uint32_t *count = histogram_at(s, i) ? &s->histogram_count : &s->float_count;
    if (!promql_sample_is_stale(s->series, i))
        *count += comes ? 1u : UINT32_MAX; /* or one less */
}

/* Steps come in order of time, or are all at one. */
static void move_window(struct smoothing *s, int64_t at_ms)
{
    const struct series_data *d = s->series;
    int64_t lookback = s->run->query->lookback_ms;
    while (s->end < d->sample_count && d->times_ms[s->end] <= at_ms + lookback)
        count_sample(s, s->end++, true);
    while (s->first < s->end && d->times_ms[s->first] <= at_ms - lookback)
        count_sample(s, s->first++, false);
}

/* The newest sample at or before the step that is no stale marker; `pick` may be one. */
static uint32_t sample_before(const struct smoothing *s, uint32_t pick)
{
    if (pick == PROMQL_NO_SAMPLE)
        return pick;
    for (uint32_t i = pick + 1; i-- > s->first;)
        if (!promql_sample_is_stale(s->series, i))
            return i;
    return PROMQL_NO_SAMPLE;
}

static uint32_t sample_behind(const struct smoothing *s, uint32_t pick)
{
    for (uint32_t i = pick + 1; i < s->end; i++)
        if (!promql_sample_is_stale(s->series, i))
            return i;
    return PROMQL_NO_SAMPLE;
}

static void note_metric(const struct smoothing *s, const char *text)
{
    promql_note_name(s->run->notes, ANNOTATION_WARNING, &s->node->span, text,
                     label_set_metric(s->series->labels));
}

/* As a + (b - a) * part, which leaves a bucket that did not change as it is; counters start from
 * zero at a reset. */
static enum status mix(struct smoothing *s, const struct native_histogram *a,
                       const struct native_histogram *b, double part, struct promql_point *out,
                       struct err *e)
{
    struct native_sum sum = {.arena = s->arena};
    bool counts = a->hint != RESET_GAUGE || b->hint != RESET_GAUGE;
    if (native_histogram_is_custom(a) != native_histogram_is_custom(b)) {
        note_metric(s, "vector contains a mix of histograms with exponential and custom buckets "
                       "schemas for metric name");
        return ST_OK;
    }
    bool is_reset = counts && native_histogram_is_reset(b, a);
    enum status status = native_sum_add(&sum, b, 1);
    if (status == ST_OK && !is_reset)
        status = native_sum_add(&sum, a, -1);
    native_sum_scale(&sum, part);
    if (status == ST_OK && !is_reset)
        status = native_sum_add(&sum, a, 1);
    out->histogram = status == ST_OK ? native_sum_take(&sum) : NULL;
    if (!out->histogram)
        return promql_no_memory(e);
    if (sum.is_reconciled) {
        promql_note_reconciled(s->run->notes, &s->node->span, "subtraction");
        promql_note_reconciled(s->run->notes, &s->node->span, "addition");
    }
    return ST_OK;
}

/* Behind the last sample it stays, and says nothing of resets any more. */
static enum status carry(struct smoothing *s, uint32_t before, struct promql_point *out,
                         struct err *e)
{
    const struct native_histogram *h = histogram_at(s, before);
    if (!h) {
        out->value = s->series->values[before];
        return ST_OK;
    }
    struct native_histogram *copy = arena_alloc(s->arena, sizeof(*copy));
    if (!copy)
        return promql_no_memory(e);
    *copy = *h;
    copy->hint = RESET_UNKNOWN;
    out->histogram = copy;
    return ST_OK;
}

static enum status value_at(struct smoothing *s, uint32_t pick, int64_t at_ms,
                            struct promql_point *out, struct err *e)
{
    const struct series_data *d = s->series;
    uint32_t before = sample_before(s, pick);
    if (before == PROMQL_NO_SAMPLE)
        return ST_OK;
    const struct native_histogram *a = histogram_at(s, before);
    if (d->times_ms[before] == at_ms) {
        out->histogram = a;
        if (!a)
            out->value = d->values[before];
        return ST_OK;
    }
    uint32_t behind = sample_behind(s, pick);
    if (behind == PROMQL_NO_SAMPLE)
        return carry(s, before, out, e);
    double passed = (double)(at_ms - d->times_ms[before]);
    double all = (double)(d->times_ms[behind] - d->times_ms[before]);
    if (a)
        return mix(s, a, histogram_at(s, behind), passed / all, out, e);
    out->value = d->values[before] + (d->values[behind] - d->values[before]) * passed / all;
    return ST_OK;
}

static enum status smooth(struct smoothing *s, const uint32_t *picks, double *values,
                          const struct native_histogram **histograms, struct err *e)
{
    s->first = s->end = s->float_count = s->histogram_count = 0;
    for (uint32_t i = 0; i < s->run->grid.count; i++) {
        const struct promql_when *when = &s->node->selector.when;
        int64_t at = promql_when_at(s->run, when, promql_grid_at(&s->run->grid, i));
        struct promql_point point = {value_absent(), NULL};
        move_window(s, at);
        if (s->float_count && s->histogram_count)
            note_metric(s, "encountered a mix of histograms and floats for metric name");
        else
            TRY(value_at(s, picks[i], at, &point, e));
        memcpy(&values[i], &point.value, sizeof(double));
        histograms[i] = point.histogram;
    }
    return ST_OK;
}

enum status promql_smoothed_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e)
{
    uint32_t steps = run->grid.count;
    struct smoothing s = {.run = run, .node = node, .arena = out->arena};
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
        TRY(smooth(&s, p.picks, row.values, histograms, e));
        if (promql_row_points(&row, steps))
            TRY(out->put(out->self, &row, e));
    }
    promql_picker_close(&p);
    return status;
}
