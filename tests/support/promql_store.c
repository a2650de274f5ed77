/* promql_store.c - keeps the series of a script, selects among them. */
#include "tests/support/promql_store.h"
#include "tests/support/promql_notation.h"

#include <math.h>
#include <stdlib.h>

enum { CLASSIC_BOUNDS_MAX = 64, CLASSIC_STEPS_MAX = 64 };

/* A later line with the same series replaces the earlier one. */
static struct series_data *slot(struct promql_store *s, struct label_set labels)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (label_set_eq(s->series[i].labels, labels))
            return &s->series[i];
    if (s->count == STORE_SERIES_MAX)
        abort();
    return &s->series[s->count++];
}

/* Series with the same times share the array, as those that arrive together do. */
static const int64_t *shared_times(const struct promql_store *s, const int64_t *times,
                                   uint32_t count)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->series[i].sample_count == count && count &&
            memcmp(s->series[i].times_ms, times, count * sizeof(*times)) == 0)
            return s->series[i].times_ms;
    return times;
}

static void keep(struct promql_store *s, struct label_set labels, const struct script_points *p,
                 int64_t step_ms, const int64_t *starts, size_t start_count)
{
    int64_t *times = script_need(&s->arena, p->count, sizeof(*times));
    int64_t *start = script_need(&s->arena, p->count, sizeof(*start));
    double *values = script_need(&s->arena, p->count, sizeof(*values));
    const struct native_histogram **histograms =
        script_need(&s->arena, p->count, sizeof(*histograms));
    uint32_t n = 0;
    bool any_histogram = false;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].is_none)
            continue;
        times[n] = (int64_t)i * step_ms;
        start[n] = i < start_count && starts[i] != INT64_MIN ? times[n] + starts[i] : 0;
        memcpy(&values[n], &p->items[i].value, sizeof(double));
        histograms[n] = p->items[i].histogram;
        any_histogram |= histograms[n] != NULL;
        n++;
    }
    const int64_t *shared = shared_times(s, times, n);
    *slot(s, labels) = (struct series_data){.labels = labels,
                                            .sample_count = n,
                                            .times_ms = shared,
                                            .values = values,
                                            .histograms = any_histogram ? histograms : NULL,
                                            .starts_ms = start_count ? start : NULL};
}

/* ---- classic histograms as native ones with custom buckets ---- */

struct classic {
    struct label_set labels; /* without le, name without suffix */
    struct classic_point {
        double bounds[CLASSIC_BOUNDS_MAX], counts[CLASSIC_BOUNDS_MAX], sum, count;
        uint32_t bound_count;
        bool is_set, has_count;
    } * points; /* one per step */
    size_t count;
};

static const struct str suffixes[] = {{"_bucket", 7}, {"_sum", 4}, {"_count", 6}};

static struct classic *classic_of(struct arena *arena, struct classic *all, size_t *count,
                                  struct label_set labels, size_t suffix)
{
    struct label *copy = script_need(arena, labels.count, sizeof(*copy));
    uint32_t n = 0;
    for (uint32_t i = 0; i < labels.count; i++) {
        copy[n] = labels.items[i];
        if (str_eq(copy[n].name, LABEL_METRIC_NAME))
            copy[n].value = str_sub(copy[n].value, 0, copy[n].value.len - suffixes[suffix].len);
        n += !str_eq(copy[n].name, STR("le"));
    }
    struct label_set key = {copy, n};
    for (size_t i = 0; i < *count; i++)
        if (label_set_eq(all[i].labels, key))
            return &all[i];
    all[*count] = (struct classic){
        .labels = key,
        .points = script_need(arena, CLASSIC_STEPS_MAX, sizeof(struct classic_point))};
    return &all[(*count)++];
}

static void classic_add(struct classic *c, size_t suffix, double le,
                        const struct script_points *points)
{
    c->count = MAX(c->count, MIN(points->count, (size_t)CLASSIC_STEPS_MAX));
    for (size_t i = 0; i < points->count && i < CLASSIC_STEPS_MAX; i++) {
        struct classic_point *p = &c->points[i];
        double v = points->items[i].value;
        if (points->items[i].is_none)
            continue;
        p->is_set = true;
        if (suffix == 1)
            p->sum = v;
        if (suffix == 2) {
            p->count = v;
            p->has_count = true;
        }
        uint32_t at = 0;
        while (suffix == 0 && at < p->bound_count && p->bounds[at] < le)
            at++;
        if (suffix != 0 || (at < p->bound_count && p->bounds[at] == le))
            continue;
        memmove(&p->bounds[at + 1], &p->bounds[at], (p->bound_count - at) * sizeof(double));
        memmove(&p->counts[at + 1], &p->counts[at], (p->bound_count - at) * sizeof(double));
        p->bounds[at] = le;
        p->counts[at] = v;
        p->bound_count++;
    }
}

static const struct native_histogram *nhcb(struct arena *arena, struct classic_point *p)
{
    struct native_histogram *h = script_need(arena, 1, sizeof(*h));
    double counts[CLASSIC_BOUNDS_MAX], before = 0;
    if (!p->has_count)
        p->count = p->bound_count ? p->counts[p->bound_count - 1] : 0;
    if (p->bound_count == 0 || !isinf(p->bounds[p->bound_count - 1])) {
        p->bounds[p->bound_count] = INFINITY;
        p->counts[p->bound_count++] = p->count;
    }
    for (uint32_t i = 0; i < p->bound_count; i++) {
        counts[i] = p->counts[i] - before;
        before = p->counts[i];
    }
    *h = (struct native_histogram){.count = p->count,
                                   .sum = p->sum,
                                   .schema = NATIVE_SCHEMA_CUSTOM,
                                   .bounds = p->bounds,
                                   .bound_count = p->bound_count - 1};
    script_buckets(arena, counts, p->bound_count, 0, &h->positive);
    return h;
}

static void add_nhcb(struct promql_store *s, int64_t step_ms, const struct str *lines, size_t count)
{
    struct classic *all = script_need(&s->arena, count, sizeof(*all));
    size_t classics = 0;
    for (size_t i = 0; i < count; i++) {
        struct label_set labels;
        struct script_points points;
        double le = 0;
        if (!script_series(&s->arena, lines[i], &labels, &points))
            continue;
        for (size_t k = 0; k < LEN(suffixes); k++) {
            if (!str_ends_with(label_set_metric(labels), suffixes[k]))
                continue;
            if (k == 0 && (!script_number(label_set_get(labels, STR("le")), &le) || isnan(le)))
                continue;
            classic_add(classic_of(&s->arena, all, &classics, labels, k), k, le, &points);
        }
    }
    for (size_t i = 0; i < classics; i++) {
        struct script_points points = {
            script_need(&s->arena, CLASSIC_STEPS_MAX, sizeof(*points.items)), all[i].count};
        for (size_t k = 0; k < all[i].count; k++)
            points.items[k] =
                all[i].points[k].is_set
                    ? (struct script_point){0, nhcb(&s->arena, &all[i].points[k]), false}
                    : (struct script_point){0, NULL, true};
        keep(s, all[i].labels, &points, step_ms, NULL, 0);
    }
}

bool promql_store_load(struct promql_store *s, int64_t step_ms, bool with_nhcb,
                       const struct str *lines, size_t count)
{
    int64_t *starts = NULL;
    size_t start_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct label_set labels;
        struct script_points points;
        size_t mark = str_search(lines[i], STR("@st "));
        if (mark < lines[i].len) {
            if (!script_starts(&s->arena, str_sub(lines[i], mark + 4, lines[i].len), &starts,
                               &start_count))
                return false;
            continue;
        }
        if (!script_series(&s->arena, lines[i], &labels, &points))
            return false;
        keep(s, labels, &points, step_ms, starts, start_count);
        start_count = 0;
    }
    if (with_nhcb)
        add_nhcb(s, step_ms, lines, count);
    return true;
}

void promql_store_deinit(struct promql_store *s)
{
    arena_deinit(&s->arena);
    s->count = 0;
}

static enum status store_select(void *self, const struct series_request *request,
                                struct series_list *out, struct query_budget *budget,
                                struct annotations *notes, struct err *e)
{
    struct promql_store *s = self;
    (void)budget;
    (void)notes;
    for (uint32_t i = 0; i < s->count; i++) {
        struct series_data d = s->series[i];
        uint32_t from = 0, to = d.sample_count;
        if (!label_matchers_accept(request->matchers, request->matcher_count, d.labels))
            continue;
        while (from < to && d.times_ms[from] < request->start_ms)
            from++;
        while (to > from && d.times_ms[to - 1] > request->end_ms)
            to--;
        if (from == to)
            continue;
        if (out->count == out->cap) {
            uint32_t cap = out->cap ? out->cap * 2 : 64;
            struct series_data *items = arena_calloc(request->arena, cap, sizeof(*items));
            if (!items)
                return err_set(e, ST_NO_MEMORY, "no memory");
            if (out->count)
                memcpy(items, out->items, out->count * sizeof(*items));
            out->items = items;
            out->cap = cap;
        }
        d.sample_count = to - from;
        d.times_ms += from;
        d.values += from;
        d.histograms = d.histograms ? d.histograms + from : NULL;
        d.starts_ms = d.starts_ms ? d.starts_ms + from : NULL;
        out->items[out->count++] = d;
    }
    return ST_OK;
}

struct series_source promql_store_source(struct promql_store *s)
{
    return (struct series_source){store_select, s};
}
