/* prom_sources.c - lists the sources of series, and joins what they say about names. */
#include "query/prom_sources.h"
#include "query/stored_series.h"
#include <stdlib.h>

enum status prom_sources_open(const struct query_config *config, struct live_view *live,
                              struct prom_sources *out, struct err *e)
{
    bool has_edges = live && live->store;
    *out = (struct prom_sources){
        .derived = {.live = has_edges ? live : NULL, .settings = config->derived}};
    if (config->series) {
        TRY(series_view_take(config->series, &out->view, e));
        out->items[out->count++] = stored_series_source(out->view);
    }
    if (has_edges)
        out->items[out->count++] = derived_series_source(&out->derived);
    return ST_OK;
}

void prom_sources_close(struct prom_sources *s)
{
    if (s->view)
        series_view_unref(s->view);
    derived_series_close(&s->derived);
    *s = (struct prom_sources){0};
}

struct series_sources prom_sources_list(const struct prom_sources *s)
{
    return (struct series_sources){.items = s->items, .count = s->count};
}

/* --- requests, one a selector --- */

static size_t request_count(const struct prom_names_request *ask)
{
    return ask->selectors && ask->selectors->len ? ask->selectors->len : 1;
}

static struct series_request request_of(const struct prom_names_request *ask, size_t i)
{
    struct series_request request = {
        .start_ms = ask->start_ms, .end_ms = ask->end_ms, .arena = ask->arena, .names_only = true};
    if (ask->selectors && ask->selectors->len) {
        request.matchers = ask->selectors->items[i]->selector.matchers;
        request.matcher_count = ask->selectors->items[i]->selector.matcher_count;
    }
    return request;
}

/* --- series --- */

static int by_labels(const void *a, const void *b)
{
    return label_set_cmp(((const struct series_data *)a)->labels,
                         ((const struct series_data *)b)->labels);
}

static void sort_series(struct series_list *list)
{
    uint32_t kept = 0;
    if (list->count)
        qsort(list->items, list->count, sizeof(*list->items), by_labels);
    for (uint32_t i = 0; i < list->count; i++)
        if (!kept || !label_set_eq(list->items[kept - 1].labels, list->items[i].labels))
            list->items[kept++] = list->items[i];
    list->count = kept;
}

enum status prom_sources_series(const struct prom_sources *s, const struct prom_names_request *ask,
                                struct series_list *out, struct err *e)
{
    struct series_sources list = prom_sources_list(s);
    for (size_t i = 0; i < request_count(ask); i++) {
        struct series_request request = request_of(ask, i);
        TRY(series_sources_select(&list, &request, out, ask->budget, ask->notes, e));
    }
    sort_series(out);
    return ST_OK;
}

/* --- labels --- */

/* Names as they come, doubles and all. */
struct gathering {
    struct arena *arena;
    struct str *items;
    size_t count, cap;
};

static enum status grow(struct gathering *g, size_t more, struct err *e)
{
    if (g->cap - g->count >= more)
        return ST_OK;
    size_t cap = MAX(g->cap * 2, g->count + more);
    struct str *items = arena_calloc(g->arena, cap, sizeof(*items));
    if (!items)
        return err_set(e, ST_NO_MEMORY, "no memory for the labels");
    if (g->count)
        memcpy(items, g->items, g->count * sizeof(*items));
    g->items = items;
    g->cap = cap;
    return ST_OK;
}

static enum status add_set(struct gathering *g, struct label_set labels, struct str label,
                           struct err *e)
{
    TRY(grow(g, labels.count, e));
    for (uint32_t i = 0; i < labels.count; i++) {
        if (!label.len)
            g->items[g->count++] = labels.items[i].name;
        else if (str_eq(labels.items[i].name, label))
            g->items[g->count++] = labels.items[i].value;
    }
    return ST_OK;
}

static enum status gather_stored(const struct prom_sources *s, const struct series_request *request,
                                 struct str label, struct gathering *g, struct err *e)
{
    struct str *names;
    uint32_t count;
    bool truncated;
    if (!s->view)
        return ST_OK;
    TRY(series_view_labels(s->view, request, label, 0, &names, &count, &truncated, e));
    TRY(grow(g, count, e));
    if (count)
        memcpy(g->items + g->count, names, count * sizeof(*names));
    g->count += count;
    return ST_OK;
}

/* The index answers for stored series; the others are few and made on the way. */
static enum status gather_others(const struct prom_sources *s, const struct prom_names_request *ask,
                                 const struct series_request *request, struct str label,
                                 struct gathering *g, struct err *e)
{
    size_t first = s->view ? 1 : 0;
    struct series_sources others = {.items = s->items + first, .count = s->count - first};
    struct series_list list = {0};
    TRY(series_sources_select(&others, request, &list, ask->budget, ask->notes, e));
    for (uint32_t i = 0; i < list.count; i++)
        TRY(add_set(g, list.items[i].labels, label, e));
    return ST_OK;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static uint32_t sort_names(struct str *items, size_t count)
{
    uint32_t kept = 0;
    if (count)
        qsort(items, count, sizeof(*items), by_text);
    for (size_t i = 0; i < count; i++)
        if (!kept || !str_eq(items[kept - 1], items[i]))
            items[kept++] = items[i];
    return kept;
}

enum status prom_sources_labels(const struct prom_sources *s, const struct prom_names_request *ask,
                                struct str label, struct prom_names *out, struct err *e)
{
    struct gathering g = {.arena = ask->arena};
    for (size_t i = 0; i < request_count(ask); i++) {
        struct series_request request = request_of(ask, i);
        TRY(query_budget_check(ask->budget, e));
        TRY(gather_stored(s, &request, label, &g, e));
        TRY(gather_others(s, ask, &request, label, &g, e));
    }
    *out = (struct prom_names){.items = g.items, .count = sort_names(g.items, g.count)};
    return ST_OK;
}
