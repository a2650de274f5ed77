/* graph_view.c - sums rows into edges and joins what belongs together: protocols and codes.
 */
#include "query/graph_view.h"
#include "query/graph_build.h"
#include <stdlib.h>

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for the graph");
}

/* Deployments and versions are known to joint rows only. */
static bool needs_joint(enum group group)
{
    return group == GROUP_WORKLOAD || group == GROUP_VERSION;
}

/* --- sums --- */

struct row_query graph_query_of(struct graph *g, const struct graph_ask *ask)
{
    return (struct row_query){.view = ask->view,
                              .budget = ask->budget,
                              .nodes = &g->nodes,
                              .words = g->words,
                              .start_s = g->start_s,
                              .end_s = g->end_s,
                              .picture = ask->picture,
                              .filter = ask->rows};
}

void graph_warn_view(const struct edge_view *view, struct warnings *w)
{
    if (!view->is_closed_only)
        return;
    warnings_add(w, "requests that are still open are left out, they have too many times or names");
    w->truncated = true;
}

void graph_note_result(struct graph *g, const struct edge_result *r)
{
    g->start_s = r->start_s;
    g->end_s = r->end_s;
    g->resolution_s = r->resolution_s;
    if (r->lost_blocks) {
        warnings_add(&g->warnings, "%llu damaged blocks are left out",
                     (unsigned long long)r->lost_blocks);
        g->warnings.truncated = true;
    }
}

static enum status sum_totals(struct graph *g, const struct graph_ask *ask, struct err *e)
{
    struct row_query q = graph_query_of(g, ask);
    q.joint = needs_joint(ask->group);
    q.dims = q.joint ? DIM_PAIR | DIM_CODE : DIM_PAIR;
    q.sections = SECTION_ALL;
    q.step_s = ask->step_s;
    uint32_t joint_resolution_s = g->resolution_s;
    TRY(row_query_run(&q, &g->totals, e));
    graph_note_result(g, &g->totals.result);
    g->resolution_s = MAX(g->resolution_s, joint_resolution_s);
    g->step_s = g->totals.result.step_s;
    if (ask->with_versions &&
        (g->joint.result.start_s != g->start_s || g->joint.result.end_s != g->end_s))
        warnings_add(&g->warnings, "versions cover %llu to %llu, as finely as they are kept",
                     (unsigned long long)g->joint.result.start_s,
                     (unsigned long long)g->joint.result.end_s);
    return ST_OK;
}

/* --- edges --- */

/* A joint row carries its code as a name, not as a tally: "200", "0", "grpc:14". */
static bool add_code(struct edge_series *series, struct intern *names, struct str code)
{
    struct str prefix = STR("grpc:");
    bool is_grpc = str_starts_with(code, prefix);
    uint32_t name = intern_add(names, is_grpc ? str_sub(code, prefix.len, code.len) : code);
    if (name == INTERN_NONE)
        return false;
    for (size_t i = 0; i < series->len; i++) {
        struct cell *c = &series->points[i].cell;
        if (!cell_tally_add(is_grpc ? &c->grpc_codes : &c->codes, name, c->weight))
            return false;
    }
    return true;
}

static struct graph_edge *edge_of(struct graph *g, struct map64 *pairs, const struct row_key *key)
{
    bool added;
    uint64_t *index = map64_put(pairs, row_pair(key->client, key->server), &added);
    if (!index)
        return NULL;
    if (added) {
        struct graph_edge edge = {.client = key->client, .server = key->server};
        if (!vec_push(&g->edges, edge))
            return NULL;
        *index = g->edges.len - 1;
    }
    return &g->edges.items[*index];
}

static enum status collect_edges(struct graph *g, struct map64 *pairs, struct err *e)
{
    struct edge_result *r = &g->totals.result;
    for (uint32_t i = 0; i < r->series_count; i++) {
        struct edge_series *series = &r->series[i];
        if (!series->len)
            continue;
        struct row_key key = row_sums_key(&g->totals, i);
        struct str code = intern_get(g->words, key.code);
        struct graph_edge *edge = edge_of(g, pairs, &key);
        if (!edge || (code.len && !add_code(series, r->names, code)) ||
            !edge_series_join(&edge->points, series))
            return no_memory(e);
        edge->protocol = MAX(edge->protocol, (enum protocol)key.protocol);
    }
    return ST_OK;
}

static bool sum_points(struct graph_edge *edge)
{
    if (edge->points.len == 1) {
        edge->total = &edge->points.points[0].cell;
        return true;
    }
    edge->total = mem_calloc(1, sizeof(*edge->total));
    bool ok = edge->total != NULL;
    for (size_t i = 0; ok && i < edge->points.len; i++)
        ok = cell_merge(edge->total, &edge->points.points[i].cell, NULL, NULL);
    return ok;
}

static struct str edge_id(struct graph *g, const struct graph_edge *edge)
{
    struct buf *scratch = &g->nodes.scratch;
    buf_reset(scratch);
    buf_append_str(scratch, node_table_at(&g->nodes, edge->client)->id);
    buf_append(scratch, ">", 1);
    buf_append_str(scratch, node_table_at(&g->nodes, edge->server)->id);
    buf_append(scratch, ">", 1);
    buf_append_str(scratch, str_from_c(protocol_name(edge->protocol)));
    return scratch->failed ? (struct str){0} : arena_dup_str(g->arena, buf_str(scratch));
}

static int by_id(const void *a, const void *b)
{
    return str_cmp(((const struct graph_edge *)a)->id, ((const struct graph_edge *)b)->id);
}

/* Sorted edges with ids and totals; `pairs` tells their new places. */
static enum status finish_edges(struct graph *g, const struct graph_settings *settings,
                                struct map64 *pairs, struct err *e)
{
    for (size_t i = 0; i < g->edges.len; i++) {
        struct graph_edge *edge = &g->edges.items[i];
        edge->id = edge_id(g, edge);
        edge->shown = true;
        if (!edge->id.ptr || !sum_points(edge))
            return no_memory(e);
        edge->health = graph_health_by_errors(settings, edge->total->weight, edge->total->errors);
    }
    if (g->edges.len)
        qsort(g->edges.items, g->edges.len, sizeof(*g->edges.items), by_id);
    for (size_t i = 0; i < g->edges.len; i++)
        *map64_find(pairs, row_pair(g->edges.items[i].client, g->edges.items[i].server)) = i;
    return ST_OK;
}

/* --- the whole --- */

static enum status build_edges(struct graph *g, const struct graph_ask *ask, struct map64 *pairs,
                               struct err *e)
{
    if (ask->with_versions)
        TRY(graph_versions_sum(g, ask, e));
    TRY(sum_totals(g, ask, e));
    TRY(collect_edges(g, pairs, e));
    TRY(finish_edges(g, ask->settings, pairs, e));
    return ask->with_versions ? graph_versions_fill(g, ask, pairs, e) : ST_OK;
}

static enum status build(struct graph *g, const struct graph_ask *ask, struct err *e)
{
    TRY(node_table_init(&g->nodes, ask->view->registry, ask->group, &ask->wanted, g->arena, e));
    g->words = intern_new(0);
    if (!g->words)
        return no_memory(e);
    if (needs_joint(ask->group))
        warnings_add(&g->warnings,
                     "flags, evidence and exemplars are kept by service: group=service has them");
    struct map64 pairs = {0};
    enum status status = build_edges(g, ask, &pairs, e);
    map64_deinit(&pairs);
    return status == ST_OK ? graph_nodes_fill(g, ask, e) : status;
}

enum status graph_build(const struct graph_ask *ask, struct arena *arena, struct graph **out,
                        struct err *e)
{
    struct graph *g = *out = mem_calloc(1, sizeof(*g));
    if (!g)
        return no_memory(e);
    g->arena = arena;
    g->start_s = ask->range.start_s;
    g->end_s = ask->range.end_s;
    g->complete_until_ns = ask->view->complete_until_ns;
    graph_warn_view(ask->view, &g->warnings);
    return build(g, ask, e);
}

static void edge_deinit(struct graph_edge *edge)
{
    bool borrowed = edge->points.len == 1;
    if (edge->total && !borrowed) {
        cell_deinit(edge->total);
        mem_free(edge->total);
    }
    for (size_t i = 0; i < edge->points.len; i++)
        cell_deinit(&edge->points.points[i].cell);
    mem_free(edge->points.points);
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->edges.len; i++)
        edge_deinit(&g->edges.items[i]);
    vec_deinit(&g->edges);
    vec_deinit(&g->versions);
    graph_nodes_free(g);
    row_sums_deinit(&g->totals);
    row_sums_deinit(&g->joint);
    row_sums_deinit(&g->latencies);
    row_sums_deinit(&g->before);
    node_table_deinit(&g->nodes);
    intern_free(g->words);
    mem_free(g);
}

struct graph_edge *graph_find_edge(const struct graph *g, struct str client, struct str server)
{
    uint32_t c = node_table_find(&g->nodes, client), s = node_table_find(&g->nodes, server);
    for (size_t i = 0; i < g->edges.len; i++)
        if (g->edges.items[i].client == c && g->edges.items[i].server == s)
            return &g->edges.items[i];
    return NULL;
}
