/* derived_exemplars.c - exemplars of edge cells as Prometheus tells them. */
#include "query/derived_exemplars.h"

#include "query/derived_ask.h"
#include "query/row_query.h"
#include <stdio.h>

/* Steps into which the range is cut: each keeps its own slowest. */
enum { STEPS = 60, TILE_S = 15, TRACE_HEX = 33 };

struct exemplar_run {
    const struct derived_ask *ask;
    enum derived_rows rows;
    struct node_table nodes;
    struct row_sums sums;
    struct series_exemplars *items; /* arena */
    uint32_t count;
};

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for exemplars");
}

/* The labels of family f for a row, with the name of its buckets unless it is native; false when it
 * is not wanted. */
static enum status labels_of(struct exemplar_run *run, const struct derived_family *f,
                             const struct row_key *key, bool *wanted, struct label_set *out,
                             struct err *e)
{
    struct arena *arena = run->ask->request->arena;
    struct derived_row row = {.client = node_table_at(&run->nodes, key->client),
                              .server = node_table_at(&run->nodes, key->server),
                              .protocol = (enum protocol)key->protocol};
    struct label *labels = arena_calloc(arena, DERIVED_LABELS_MAX + 1, sizeof(*labels));
    char name[128];
    bool native = run->ask->native[f - derived_families];
    int len = snprintf(name, sizeof(name), "%s%s", f->name, native ? "" : "_bucket");
    if (!labels)
        return no_memory(e);
    uint32_t count = derived_labels(f, &row, labels);
    *wanted = count > 0 && derived_ask_accepts(run->ask, labels, count);
    if (!*wanted)
        return ST_OK;
    struct str text = arena_dup_str(arena, (struct str){name, (size_t)len});
    if (!text.ptr)
        return no_memory(e);
    labels[count++] = (struct label){LABEL_METRIC_NAME, text};
    return label_set_sort(labels, count, out, e);
}

static enum status trace_label(struct arena *arena, struct trace_id trace, struct label_set *out,
                               struct err *e)
{
    struct label *label = arena_calloc(arena, 1, sizeof(*label));
    char hex[TRACE_HEX];
    if (!label)
        return no_memory(e);
    *label = (struct label){STR("trace_id"),
                            arena_dup_str(arena, str_from_c(trace_id_to_hex(trace, hex)))};
    *out = (struct label_set){label, 1};
    return label->value.ptr ? ST_OK : no_memory(e);
}

static enum status add_exemplars(struct exemplar_run *run, const struct edge_series *series,
                                 struct label_set labels, struct err *e)
{
    const struct series_request *r = run->ask->request;
    struct series_exemplars *to = &run->items[run->count];
    *to = (struct series_exemplars){.labels = labels};
    to->items = arena_calloc(r->arena, series->len * CELL_EXEMPLARS, sizeof(*to->items));
    if (!to->items)
        return no_memory(e);
    for (size_t i = 0; i < series->len; i++) {
        const struct cell *c = &series->points[i].cell;
        for (uint32_t k = 0; k < c->exemplar_count; k++) {
            struct metric_exemplar x = {.value = (double)c->exemplars[k].latency_ns / 1e9,
                                        .time_ms = (int64_t)(c->exemplars[k].time_ns / NS_PER_MS)};
            if (x.time_ms < r->start_ms || x.time_ms > r->end_ms)
                continue;
            TRY(trace_label(r->arena, c->exemplars[k].trace, &x.labels, e));
            uint32_t at = to->count++;
            for (; at > 0 && to->items[at - 1].time_ms > x.time_ms; at--)
                to->items[at] = to->items[at - 1];
            to->items[at] = x;
        }
    }
    run->count += to->count > 0;
    return ST_OK;
}

static bool has_exemplars(const struct exemplar_run *run, const struct derived_family *f)
{
    return run->ask->parts[f - derived_families] && f->rows == run->rows &&
           f->shape == SHAPE_LATENCY;
}

/* For so many more. */
static enum status make_room(struct exemplar_run *run, uint32_t more, struct err *e)
{
    struct series_exemplars *items =
        arena_calloc(run->ask->request->arena, (size_t)run->count + more + 1, sizeof(*items));
    if (!items)
        return no_memory(e);
    if (run->count)
        memcpy(items, run->items, run->count * sizeof(*items));
    run->items = items;
    return ST_OK;
}

static enum status collect(struct exemplar_run *run, struct err *e)
{
    const struct edge_result *r = &run->sums.result;
    TRY(make_room(run, r->series_count * (uint32_t)derived_family_count, e));
    for (size_t f = 0; f < derived_family_count; f++) {
        if (!has_exemplars(run, &derived_families[f]))
            continue;
        for (uint32_t i = 0; i < r->series_count; i++) {
            struct row_key key = row_sums_key(&run->sums, i);
            struct label_set labels;
            bool wanted;
            TRY(labels_of(run, &derived_families[f], &key, &wanted, &labels, e));
            if (wanted)
                TRY(add_exemplars(run, &r->series[i], labels, e));
        }
    }
    return ST_OK;
}

static enum status run_query(struct exemplar_run *run, const struct edge_view *view, struct err *e)
{
    static const unsigned dims[] = {
        [ROWS_GRAPH] = DIM_CLIENT | DIM_SERVER, [ROWS_EDGES] = DIM_PAIR, /* cells keep traces by
                                                                            pair, not by version */
    };
    const struct series_request *r = run->ask->request;
    uint64_t start_s = (uint64_t)MAX(r->start_ms, INT64_C(0)) / 1000;
    uint64_t end_s = (uint64_t)MAX(r->end_ms, INT64_C(0)) / 1000 + TILE_S;
    struct row_query q = {
        .view = view,
        .nodes = &run->nodes,
        .start_s = start_s,
        .end_s = end_s,
        .step_s = (uint32_t)MIN(MAX((end_s - start_s) / STEPS, (uint64_t)TILE_S),
                                (uint64_t)UINT32_MAX / 2),
        .sections = SECTION_COUNTS | SECTION_EXEMPLARS,
        .dims = dims[run->rows],
        .picture = VIEW_MESH,
    };
    TRY(row_query_run(&q, &run->sums, e));
    return collect(run, e);
}

/* One kind of rows after the other. */
static enum status run_all(struct exemplar_run *run, const struct edge_view *view, struct err *e)
{
    static const enum derived_rows kinds[] = {ROWS_GRAPH, ROWS_EDGES};
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < LEN(kinds); i++) {
        if (!derived_ask_sections(run->ask, kinds[i]))
            continue;
        run->rows = kinds[i];
        status = run_query(run, view, e);
        row_sums_deinit(&run->sums);
        run->sums = (struct row_sums){0};
    }
    return status;
}

enum status derived_exemplars(const struct derived_series *d, const struct series_request *request,
                              struct series_exemplars **out, uint32_t *count, struct err *e)
{
    static const struct node_wanted all = {0};
    struct derived_ask ask;
    struct exemplar_run run = {.ask = &ask};
    const struct edge_view *view;
    bool wanted;
    *out = NULL;
    *count = 0;
    TRY(derived_ask_make(&d->settings, request, &ask, &wanted, e));
    if (!wanted)
        return ST_OK;
    TRY(live_view_get(d->live, &view, e));
    enum status status =
        node_table_init(&run.nodes, view->registry, GROUP_SERVICE, &all, request->arena, e);
    if (status == ST_OK)
        status = run_all(&run, view, e);
    edge_view_unref(view);
    node_table_deinit(&run.nodes);
    *out = run.items;
    *count = run.count;
    return status;
}
