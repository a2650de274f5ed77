/* derived_exemplars.c - exemplars of edge cells as Prometheus tells them. */
#include "query/derived_exemplars.h"

#include "query/derived_ask.h"
#include "query/row_query.h"
#include <stdio.h>

/* Steps into which the range is cut: each keeps its own slowest. */
enum { STEPS = 60, TILE_S = 15, TRACE_HEX = 33 };

/* Rows that are added up for exemplars. Totals hold them, so neither versions nor operations are
 * told apart. */
struct exemplar_rows {
    enum derived_rows rows;
    unsigned dims;
    bool is_server;    /* ROWS_SPANS: the side whose series they are */
    uint32_t variants; /* of a row: 2 where failed requests have a series of their own */
};

struct exemplar_run {
    const struct derived_ask *ask;
    const struct exemplar_rows *kind;
    struct query_budget *budget;
    struct node_table nodes;
    struct row_sums sums;
    struct series_exemplars *items; /* arena */
    uint32_t count;
};

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for exemplars");
}

static struct derived_row row_of(const struct exemplar_run *run, const struct row_key *key,
                                 bool is_error)
{
    unsigned dims = run->kind->dims;
    return (struct derived_row){
        .client = dims & DIM_CLIENT ? node_table_at(&run->nodes, key->client) : NULL,
        .server = dims & DIM_SERVER ? node_table_at(&run->nodes, key->server) : NULL,
        .protocol = (enum protocol)key->protocol,
        .is_server = run->kind->is_server,
        .is_error = is_error,
    };
}

/* The labels of family f for a row, with the name of its buckets unless it is native; *wanted is
 * false when it has no such series or nobody asks for it. */
static enum status labels_of(struct exemplar_run *run, const struct derived_family *f,
                             const struct row_key *key, bool is_error, bool *wanted,
                             struct label_set *out, struct err *e)
{
    struct arena *arena = run->ask->request->arena;
    struct derived_row row = row_of(run, key, is_error);
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

static bool is_wanted(const struct exemplar_run *run, const struct exemplar *x, int64_t time_ms,
                      bool is_error)
{
    const struct series_request *r = run->ask->request;
    return time_ms >= r->start_ms && time_ms <= r->end_ms &&
           (run->kind->variants == 1 || x->error == is_error);
}

static enum status add_exemplars(struct exemplar_run *run, const struct derived_family *f,
                                 const struct edge_series *series, bool is_error,
                                 struct label_set labels, struct err *e)
{
    const struct series_request *r = run->ask->request;
    const double unit_ns = f->milliseconds ? 1e6 : 1e9;
    struct series_exemplars *to = &run->items[run->count];
    *to = (struct series_exemplars){.labels = labels};
    to->items = arena_calloc(r->arena, series->len * CELL_EXEMPLARS, sizeof(*to->items));
    if (!to->items)
        return no_memory(e);
    for (size_t i = 0; i < series->len; i++) {
        const struct cell *c = &series->points[i].cell;
        for (uint32_t k = 0; k < c->exemplar_count; k++) {
            struct metric_exemplar x = {.value = (double)c->exemplars[k].latency_ns / unit_ns,
                                        .time_ms = (int64_t)(c->exemplars[k].time_ns / NS_PER_MS)};
            if (!is_wanted(run, &c->exemplars[k], x.time_ms, is_error))
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
    return run->ask->parts[f - derived_families] && f->rows == run->kind->rows &&
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

static enum status collect_family(struct exemplar_run *run, const struct derived_family *f,
                                  struct err *e)
{
    const struct edge_result *r = &run->sums.result;
    for (uint32_t i = 0; i < r->series_count; i++) {
        struct row_key key = row_sums_key(&run->sums, i);
        TRY(query_budget_work(run->budget, r->series[i].len, e));
        for (uint32_t v = 0; v < run->kind->variants; v++) {
            struct label_set labels;
            bool wanted, is_error = v == 1;
            TRY(labels_of(run, f, &key, is_error, &wanted, &labels, e));
            if (wanted)
                TRY(add_exemplars(run, f, &r->series[i], is_error, labels, e));
        }
    }
    return ST_OK;
}

static enum status collect(struct exemplar_run *run, struct err *e)
{
    uint32_t families = 0;
    for (size_t f = 0; f < derived_family_count; f++)
        families += has_exemplars(run, &derived_families[f]);
    TRY(make_room(run, families * run->kind->variants * run->sums.result.series_count, e));
    for (size_t f = 0; f < derived_family_count; f++)
        if (has_exemplars(run, &derived_families[f]))
            TRY(collect_family(run, &derived_families[f], e));
    return ST_OK;
}

static enum status run_query(struct exemplar_run *run, const struct edge_view *view, struct err *e)
{
    const struct series_request *r = run->ask->request;
    uint64_t start_s = (uint64_t)MAX(r->start_ms, INT64_C(0)) / 1000;
    uint64_t end_s = (uint64_t)MAX(r->end_ms, INT64_C(0)) / 1000 + TILE_S;
    struct row_query q = {
        .view = view,
        .budget = run->budget,
        .nodes = &run->nodes,
        .start_s = start_s,
        .end_s = end_s,
        .step_s = (uint32_t)MIN(MAX((end_s - start_s) / STEPS, (uint64_t)TILE_S),
                                (uint64_t)UINT32_MAX / 2),
        .sections = SECTION_COUNTS | SECTION_EXEMPLARS,
        .dims = run->kind->dims,
        .picture = VIEW_MESH,
    };
    TRY(row_query_run(&q, &run->sums, e));
    return collect(run, e);
}

/* One kind of rows after the other. */
static enum status run_all(struct exemplar_run *run, const struct edge_view *view, struct err *e)
{
    static const struct exemplar_rows kinds[] = {
        {.rows = ROWS_GRAPH, .dims = DIM_CLIENT | DIM_SERVER, .variants = 1},
        {.rows = ROWS_SPANS, .dims = DIM_SERVER, .is_server = true, .variants = 2},
        {.rows = ROWS_SPANS, .dims = DIM_CLIENT, .is_server = false, .variants = 2},
        {.rows = ROWS_EDGES, .dims = DIM_PAIR, .variants = 1},
    };
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < LEN(kinds); i++) {
        if (!derived_ask_sections(run->ask, kinds[i].rows))
            continue;
        run->kind = &kinds[i];
        status = run_query(run, view, e);
        row_sums_deinit(&run->sums);
        run->sums = (struct row_sums){0};
    }
    return status;
}

enum status derived_exemplars(const struct derived_series *d, const struct series_request *request,
                              struct query_budget *budget, struct series_exemplars **out,
                              uint32_t *count, struct err *e)
{
    static const struct node_wanted all = {0};
    struct derived_ask ask;
    struct exemplar_run run = {.ask = &ask, .budget = budget};
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
