/* graph_nodes.c - what a node served and made, how healthy that is, and under which names and
 * versions it is known. */
#include "query/graph_build.h"
#include "query/node_words.h"
#include <stdlib.h>

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for the nodes of the graph");
}

const char *health_name(enum health h)
{
    static const char *const names[] = {"idle", "healthy", "degraded", "failing"};
    return names[h];
}

/* --- sums --- */

static bool add_sums(struct node_sums *to, const struct cell *c, const struct histogram *latency)
{
    to->requests += c->weight;
    to->errors += c->errors;
    return histogram_merge(&to->latency, latency);
}

static bool add_edge(struct graph *g, const struct graph_edge *edge)
{
    struct node_state *client = &g->states[edge->client], *server = &g->states[edge->server];
    client->calls = server->serves = true;
    client->shown = server->shown = true;
    return add_sums(&server->served, edge->total, &edge->total->server) &&
           add_sums(&client->made, edge->total, &edge->total->client);
}

static const struct node_sums *sums_of(const struct node_state *state)
{
    return state->serves || !state->calls ? &state->served : &state->made;
}

const struct node_sums *graph_node_sums(const struct graph *g, uint32_t node)
{
    return sums_of(&g->states[node]);
}

/* --- health --- */

/* Served and made in the range before, by node. */
static enum status sum_before(const struct graph *g, struct node_state *states, struct err *e)
{
    const struct edge_result *r = &g->before.result;
    for (uint32_t i = 0; i < r->series_count; i++) {
        if (!r->series[i].len)
            continue;
        struct row_key key = row_sums_key(&g->before, i);
        if (key.client >= g->state_count || key.server >= g->state_count)
            continue; /* a node of the range before only */
        const struct cell *c = &r->series[i].points[0].cell;
        if (!add_sums(&states[key.server].served, c, &c->server) ||
            !add_sums(&states[key.client].made, c, &c->client))
            return no_memory(e);
    }
    return ST_OK;
}

static double p95_of(const struct node_sums *sums)
{
    return histogram_quantile_ns(&sums->latency, 0.95);
}

enum health graph_health_by_errors(const struct graph_settings *settings, uint64_t requests,
                                   uint64_t errors)
{
    if (reply_count(requests) < settings->health_min_requests)
        return HEALTH_IDLE;
    double ratio = reply_ratio(errors, requests);
    if (ratio >= settings->failing_error_ratio)
        return HEALTH_FAILING;
    return ratio >= settings->degraded_error_ratio ? HEALTH_DEGRADED : HEALTH_HEALTHY;
}

static enum health judge(const struct graph_settings *settings, const struct node_sums *now,
                         const struct node_sums *before)
{
    enum health health = graph_health_by_errors(settings, now->requests, now->errors);
    if (health != HEALTH_HEALTHY)
        return health;
    /* An idle range before has no p95 worth comparing with. */
    bool comparable = before && before->latency.weight &&
                      reply_count(before->requests) >= settings->health_min_requests;
    return comparable && p95_of(now) > settings->degraded_p95_factor * p95_of(before)
               ? HEALTH_DEGRADED
               : HEALTH_HEALTHY;
}

static void judge_all(struct graph *g, const struct graph_ask *ask, const struct node_state *before)
{
    for (size_t i = 0; i < g->state_count; i++) {
        struct node_state *now = &g->states[i];
        bool served = sums_of(now) == &now->served;
        now->health =
            judge(ask->settings, sums_of(now), served ? &before[i].served : &before[i].made);
    }
}

static void states_free(struct node_state *states, size_t count)
{
    for (size_t i = 0; states && i < count; i++) {
        histogram_deinit(&states[i].served.latency);
        histogram_deinit(&states[i].made.latency);
    }
    mem_free(states);
}

static enum status query_before(struct graph *g, const struct graph_ask *ask, struct err *e)
{
    uint64_t length_s = g->end_s - g->start_s;
    struct row_query q = {.view = ask->view,
                          .budget = ask->budget,
                          .nodes = &g->nodes,
                          .words = g->words,
                          .start_s = g->start_s > length_s ? g->start_s - length_s : 0,
                          .end_s = g->start_s,
                          .joint = ask->group == GROUP_WORKLOAD || ask->group == GROUP_VERSION,
                          .sections = SECTION_COUNTS | SECTION_CLIENT | SECTION_SERVER,
                          .dims = DIM_CLIENT | DIM_SERVER,
                          .picture = ask->picture,
                          .filter = ask->rows};
    return row_query_run(&q, &g->before, e);
}

static enum status find_health(struct graph *g, const struct graph_ask *ask, struct err *e)
{
    if (g->start_s)
        TRY(query_before(g, ask, e));
    struct node_state *before = mem_calloc(g->state_count + 1, sizeof(*before));
    if (!before)
        return no_memory(e);
    enum status status = g->start_s ? sum_before(g, before, e) : ST_OK;
    if (status == ST_OK)
        judge_all(g, ask, before);
    states_free(before, g->state_count);
    return status;
}

/* --- versions and aliases --- */

static enum status list_versions(const struct graph *g, struct node_words *words, struct err *e)
{
    for (size_t i = 0; i < g->versions.len; i++) {
        const struct version_row *row = &g->versions.items[i];
        const struct graph_edge *edge = &g->edges.items[row->edge];
        if (!node_words_add(words, edge->client, intern_get(g->words, row->client_version)) ||
            !node_words_add(words, edge->server, intern_get(g->words, row->server_version)))
            return no_memory(e);
    }
    return ST_OK;
}

static bool add_items(struct node_words *words, uint32_t node, const struct registry_items *items)
{
    for (uint32_t i = 0; i < items->len; i++)
        if (!node_words_add(words, node, items->items[i].name))
            return false;
    return true;
}

static bool add_aliases(const struct graph *g, struct node_words *words, uint32_t node,
                        const struct registry_items *aliases)
{
    for (uint32_t i = 0; i < aliases->len; i++) {
        struct str alias = aliases->items[i].name;
        bool is_name = str_eq(alias, node_table_at(&g->nodes, node)->name);
        if (!is_name && !node_words_add(words, node, alias))
            return false;
    }
    return true;
}

static void note_seen(struct node_state *state, const struct registry_service *service)
{
    bool first = !state->first_seen_ns || service->first_seen_ns < state->first_seen_ns;
    if (first)
        state->first_seen_ns = service->first_seen_ns;
    state->last_seen_ns = MAX(state->last_seen_ns, service->last_seen_ns);
}

/* Several services of the registry may join one node. */
static enum status read_registry(struct graph *g, const struct graph_ask *ask,
                                 struct node_words *versions, struct node_words *aliases,
                                 struct err *e)
{
    const struct registry *registry = ask->view->registry;
    for (uint32_t i = 0; i < registry_count(registry); i++) {
        const struct registry_service *service = registry_at(registry, i);
        if (!ask->with_registry && !service->aliases.len)
            continue;
        uint32_t node = node_table_add(&g->nodes, &service->entity, &(struct variant){0});
        if (node == NODE_NONE)
            return no_memory(e);
        if (node >= g->state_count)
            continue;
        note_seen(&g->states[node], service);
        if (!add_aliases(g, aliases, node, &service->aliases) ||
            (ask->with_registry && !add_items(versions, node, &service->versions)))
            return no_memory(e);
    }
    return ST_OK;
}

/* --- the whole --- */

static int by_id(const void *a, const void *b, void *user)
{
    const struct node_table *nodes = user;
    return str_cmp(node_table_at(nodes, *(const uint32_t *)a)->id,
                   node_table_at(nodes, *(const uint32_t *)b)->id);
}

static enum status sort_nodes(struct graph *g, struct err *e)
{
    g->order = arena_alloc(g->arena, (g->state_count + 1) * sizeof(*g->order));
    if (!g->order)
        return no_memory(e);
    for (uint32_t i = 0; i < g->state_count; i++)
        g->order[i] = i;
    qsort_r(g->order, g->state_count, sizeof(*g->order), by_id, &g->nodes);
    return ST_OK;
}

/* Nodes also for services that were silent in the range. */
static enum status add_registry(struct graph *g, const struct registry *registry, struct err *e)
{
    for (uint32_t i = 0; i < registry_count(registry); i++)
        if (node_table_add(&g->nodes, &registry_at(registry, i)->entity, &(struct variant){0}) ==
            NODE_NONE)
            return no_memory(e);
    return ST_OK;
}

static enum status fill_names(struct graph *g, const struct graph_ask *ask, struct err *e)
{
    struct node_words versions = {0}, aliases = {0};
    enum status status = list_versions(g, &versions, e);
    if (status == ST_OK && ask->group == GROUP_SERVICE)
        status = read_registry(g, ask, &versions, &aliases, e);
    if (status == ST_OK)
        status = node_words_deal(&versions, g->arena, g->state_count, &g->versions_of, e);
    if (status == ST_OK)
        status = node_words_deal(&aliases, g->arena, g->state_count, &g->aliases_of, e);
    node_words_deinit(&versions);
    node_words_deinit(&aliases);
    return status;
}

enum status graph_nodes_fill(struct graph *g, const struct graph_ask *ask, struct err *e)
{
    if (ask->with_registry)
        TRY(add_registry(g, ask->view->registry, e));
    g->state_count = g->nodes.nodes.len;
    g->states = mem_calloc(g->state_count + 1, sizeof(*g->states));
    if (!g->states)
        return no_memory(e);
    for (size_t i = 0; i < g->edges.len; i++)
        if (!add_edge(g, &g->edges.items[i]))
            return no_memory(e);
    TRY(sort_nodes(g, e));
    if (ask->with_health)
        TRY(find_health(g, ask, e));
    return fill_names(g, ask, e);
}

void graph_nodes_free(struct graph *g)
{
    states_free(g->states, g->state_count);
    g->states = NULL;
}
