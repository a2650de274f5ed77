/* derived_output.c - columns of a track, under names and labels, cut to the range. */
#include "query/derived_output.h"

#include <stdio.h>

struct output {
    const struct derived_ask *ask;
    const struct derived_track *track;
    struct series_list *list;
    size_t from, to;          /* samples in the range */
    const int64_t *times_ms;  /* arena */
    const uint32_t *ordinals; /* arena; NULL: no sample is left out */
};

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for derived series");
}

static bool list_grow(struct series_list *list, struct arena *arena)
{
    if (list->count < list->cap)
        return true;
    uint32_t cap = list->cap ? 2 * list->cap : 64;
    struct series_data *items = arena_calloc(arena, cap, sizeof(*items));
    if (!items)
        return false;
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof(*items));
    list->items = items;
    list->cap = cap;
    return true;
}

/* The track's labels with the metric's name, and `le` when it is a bucket. */
static bool make_labels(const struct output *o, const char *suffix, const struct str *le,
                        struct label_set *out)
{
    struct arena *arena = o->ask->request->arena;
    const struct label_set *base = &o->track->labels;
    char text[128];
    int len = snprintf(text, sizeof(text), "%s%s", o->track->form.family->name, suffix);
    struct label *items = arena_calloc(arena, base->count + 2, sizeof(*items));
    struct str name = arena_dup_str(arena, (struct str){text, (size_t)len});
    if (!items || !name.ptr)
        return false;
    memcpy(items, base->items, base->count * sizeof(*items));
    uint32_t count = base->count;
    items[count++] = (struct label){LABEL_METRIC_NAME, name};
    if (le)
        items[count++] = (struct label){STR("le"), *le};
    return label_set_sort(items, count, out, NULL) == ST_OK;
}

static const double *column(const struct output *o, uint32_t at)
{
    uint32_t width = derived_form_width(&o->track->form);
    double *out = arena_alloc(o->ask->request->arena, (o->to - o->from + 1) * sizeof(*out));
    for (size_t i = o->from; out && i < o->to; i++)
        out[i - o->from] = o->track->values.items[i * width + at];
    return out;
}

/* Histograms, or how they are made. */
static bool add_natives(const struct output *o, struct series_data *data)
{
    struct arena *arena = o->ask->request->arena;
    data->values = arena_calloc(arena, data->sample_count + 1, sizeof(*data->values)); /* unused */
    data->later = derived_natives_later(&o->track->natives, &o->track->form, o->from, o->to, arena);
    if (!data->values || !data->later || o->ask->request->takes_later)
        return data->values && data->later;
    data->histograms = data->later->make(data->later, arena);
    data->later = NULL;
    return data->histograms != NULL;
}

/* Appends one series; `at` is its column, UINT32_MAX: histograms. */
static enum status append(struct output *o, const char *suffix, const struct str *le, uint32_t at,
                          struct err *e)
{
    struct arena *arena = o->ask->request->arena;
    struct series_data data = {.times_ms = o->times_ms,
                               .ordinals = o->ordinals,
                               .sample_count = (uint32_t)(o->to - o->from)};
    if (!make_labels(o, suffix, le, &data.labels) || !list_grow(o->list, arena))
        return no_memory(e);
    bool is_native = at == UINT32_MAX;
    if (o->ask->request->names_only)
        data.sample_count = 0;
    else if (is_native ? !add_natives(o, &data) : !(data.values = column(o, at)))
        return no_memory(e);
    o->list->items[o->list->count++] = data;
    return ST_OK;
}

static enum status append_classic(struct output *o, unsigned parts, struct err *e)
{
    const struct derived_track *t = o->track;
    for (uint32_t i = 0; (parts & PART_BUCKET) && i < t->form.bound_count; i++)
        TRY(append(o, "_bucket", &t->form.bounds[i].text, i, e));
    if (!derived_ask_accepts_le(o->ask, (struct str){0}))
        return ST_OK;
    if (parts & PART_SUM)
        TRY(append(o, "_sum", NULL, t->form.bound_count, e));
    return parts & PART_COUNT ? append(o, "_count", NULL, t->form.bound_count + 1, e) : ST_OK;
}

static enum status append_all(struct output *o, struct err *e)
{
    unsigned parts = o->ask->parts[o->track->form.family - derived_families];
    if (o->track->form.family->shape == SHAPE_LATENCY && !o->track->form.is_native)
        return append_classic(o, parts, e);
    if (!derived_ask_accepts_le(o->ask, (struct str){0}))
        return ST_OK;
    return append(o, "", NULL, o->track->form.is_native ? UINT32_MAX : 0, e);
}

static const void *copy(struct arena *arena, const void *from, size_t count, size_t item_bytes)
{
    void *to = arena_alloc(arena, (count + 1) * item_bytes);
    return to && count ? memcpy(to, from, count * item_bytes) : to;
}

/* Samples in the range, their times copied. */
static enum status cut(struct output *o, struct err *e)
{
    const struct series_request *r = o->ask->request;
    const struct derived_track *t = o->track;
    while (o->from < t->times_ms.len && t->times_ms.items[o->from] < r->start_ms)
        o->from++;
    o->to = t->times_ms.len;
    while (o->to > o->from && t->times_ms.items[o->to - 1] > r->end_ms)
        o->to--;
    size_t count = o->to - o->from;
    bool is_whole = r->windows.need == NEED_ALL;
    o->times_ms = copy(r->arena, t->times_ms.items + o->from, count, sizeof(*o->times_ms));
    if (!is_whole)
        o->ordinals = copy(r->arena, t->ordinals.items + o->from, count, sizeof(*o->ordinals));
    return o->times_ms && (is_whole || o->ordinals) ? ST_OK : no_memory(e);
}

enum status derived_output(const struct derived_ask *ask, struct derived_track *t,
                           struct series_list *out, struct query_budget *budget, struct err *e)
{
    struct output o = {.ask = ask, .track = t, .list = out};
    if (!ask->request->names_only) {
        derived_track_finish(t, ask->request->end_ms, ask->request->arena);
        TRY(cut(&o, e));
        if (o.from == o.to)
            return ST_OK;
    } else if (!t->has_pending) {
        return ST_OK;
    }
    if (t->failed)
        return no_memory(e);
    TRY(query_budget_check(budget, e));
    return append_all(&o, e);
}
