/* series_source.c - asks every source and joins what several know of one series. */
#include "query/series_source.h"
#include "query/promql_labels.h"

/* What two sources say of one series, in order of time; the first wins where both have a sample. */
struct join {
    const struct series_data *a, *b;
    int64_t *times, *starts;
    double *values;
    const struct native_histogram **histograms;
    uint32_t count;
};

static void join_put(struct join *j, const struct series_data *from, uint32_t i)
{
    uint32_t at = j->count++;
    j->times[at] = from->times_ms[i];
    memcpy(&j->values[at], &from->values[i], sizeof(double));
    if (j->histograms)
        j->histograms[at] = from->histograms ? from->histograms[i] : NULL;
    if (j->starts)
        j->starts[at] = from->starts_ms ? from->starts_ms[i] : 0;
}

static void join_fill(struct join *j)
{
    uint32_t x = 0, y = 0;
    while (x < j->a->sample_count || y < j->b->sample_count) {
        if (y == j->b->sample_count ||
            (x < j->a->sample_count && j->a->times_ms[x] <= j->b->times_ms[y])) {
            if (y < j->b->sample_count && j->a->times_ms[x] == j->b->times_ms[y])
                y++;
            join_put(j, j->a, x++);
        } else {
            join_put(j, j->b, y++);
        }
    }
}

static enum status join_series(struct series_data *into, const struct series_data *from,
                               struct arena *arena, struct err *e)
{
    size_t all = (size_t)into->sample_count + from->sample_count;
    struct join j = {into, from, NULL, NULL, NULL, NULL, 0};
    j.times = arena_calloc(arena, all, sizeof(*j.times));
    j.values = arena_calloc(arena, all, sizeof(*j.values));
    bool has_histograms = into->histograms || from->histograms;
    bool has_starts = into->starts_ms || from->starts_ms;
    if (has_histograms)
        j.histograms = arena_calloc(arena, all, sizeof(*j.histograms));
    if (has_starts)
        j.starts = arena_calloc(arena, all, sizeof(*j.starts));
    if (!j.times || !j.values || (has_histograms && !j.histograms) || (has_starts && !j.starts))
        return err_set(e, ST_NO_MEMORY, "no memory to join series of two sources");
    join_fill(&j);
    *into = (struct series_data){.labels = into->labels,
                                 .sample_count = j.count,
                                 .times_ms = j.times,
                                 .values = j.values,
                                 .histograms = j.histograms,
                                 .starts_ms = j.starts};
    return ST_OK;
}

static bool is_partial(const struct series_data *s)
{
    return s->ordinals || s->later;
}

/* *partial: of two series to be joined one lacks samples, so that nobody can tell how many there
 * are of both, or has them later. */
static enum status join_equal(struct series_list *list, uint32_t from, struct arena *arena,
                              bool *partial, struct err *e)
{
    struct promql_table seen = {.arena = arena};
    for (uint32_t i = from; i < list->count; i++) {
        bool added;
        uint32_t at = promql_table_put(&seen, list->items[i].labels, &added);
        if (at == PROMQL_TABLE_NONE)
            return err_set(e, ST_NO_MEMORY, "no memory to join series of several sources");
        *partial |= !added && (is_partial(&list->items[i]) || is_partial(&list->items[from + at]));
        if (added)
            list->items[from + at] = list->items[i];
        else if (!*partial)
            TRY(join_series(&list->items[from + at], &list->items[i], arena, e));
    }
    list->count = from + seen.count;
    return ST_OK;
}

static enum status select_all(const struct series_sources *sources,
                              const struct series_request *request, struct series_list *out,
                              size_t *answered, struct query_budget *budget,
                              struct annotations *notes, struct err *e)
{
    *answered = 0;
    for (size_t i = 0; i < sources->count; i++) {
        const struct series_source *s = &sources->items[i];
        uint32_t before = out->count;
        TRY(s->select(s->self, request, out, budget, notes, e));
        *answered += out->count > before;
        TRY(query_budget_check(budget, e));
    }
    return ST_OK;
}

enum status series_sources_select(const struct series_sources *sources,
                                  const struct series_request *request, struct series_list *out,
                                  struct query_budget *budget, struct annotations *notes,
                                  struct err *e)
{
    uint32_t from = out->count;
    size_t answered;
    bool partial = false;
    TRY(select_all(sources, request, out, &answered, budget, notes, e));
    if (answered > 1)
        TRY(join_equal(out, from, request->arena, &partial, e));
    if (!partial)
        return ST_OK;
    struct series_request whole = *request;
    whole.windows = (struct series_windows){0};
    whole.takes_later = false;
    out->count = from;
    return series_sources_select(sources, &whole, out, budget, notes, e);
}
