/* api_services.c - GET /api/mesh/services and /api/mesh/services/{id}: the list of who there is,
 * and all about one. */
#include "query/api.h"
#include "query/ask_params.h"
#include "query/graph_json.h"
#include <stdlib.h>

static bool is_there(const struct node_state *state)
{
    return state->serves || state->calls || state->last_seen_ns;
}

/* --- the list --- */

static void write_seen(struct json_writer *w, const struct node_state *state)
{
    json_key(w, "first_seen");
    reply_time(w, state->first_seen_ns);
    json_key(w, "last_seen");
    reply_time(w, state->last_seen_ns);
}

static void write_service(struct json_writer *w, const struct graph *g, uint32_t node)
{
    const struct node_sums *sums = graph_node_sums(g, node);
    json_object_begin(w);
    graph_json_identity(w, node_table_at(&g->nodes, node));
    graph_json_words(w, "versions", &g->versions_of[node]);
    write_seen(w, &g->states[node]);
    graph_json_counts(w, sums->requests, sums->errors);
    json_key(w, "p95");
    reply_quantile(w, &sums->latency, 0.95);
    JSON_STR(w, "health", str_from_c(health_name(g->states[node].health)));
    json_object_end(w);
}

static void write_list(struct json_writer *w, const struct graph *g)
{
    json_object_begin(w);
    graph_json_range(w, g);
    json_key(w, "services");
    json_array_begin(w);
    for (size_t i = 0; i < g->state_count; i++)
        if (is_there(&g->states[g->order[i]]))
            write_service(w, g, g->order[i]);
    json_array_end(w);
    reply_warnings(w, &g->warnings);
    json_object_end(w);
}

enum status api_services(struct request *r, struct http_response *out, struct err *e)
{
    struct graph_ask ask;
    struct graph *g = NULL;
    TRY(ask_graph(r, &ask, e));
    ask.with_health = ask.with_registry = true;
    enum status status = graph_build(&ask, r->arena, &g, e);
    if (status == ST_OK) {
        reply_json_begin(out);
        struct json_writer w = json_writer_of(&out->body);
        write_list(&w, g);
    }
    graph_free(g);
    return status;
}

/* --- one service --- */

static int by_name_then_latest(const void *a, const void *b)
{
    const struct registry_item *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    if (order)
        return order;
    return x->last_seen_ns > y->last_seen_ns ? -1 : x->last_seen_ns < y->last_seen_ns;
}

typedef VEC(struct registry_item) item_list;

/* Instances of every service of the registry that is, or joins, the node. */
static enum status gather_instances(struct graph *g, uint32_t node, item_list *out, struct err *e)
{
    const struct registry *registry = g->nodes.registry;
    for (uint32_t i = 0; i < registry_count(registry); i++) {
        const struct registry_service *s = registry_at(registry, i);
        if (node_table_add(&g->nodes, &s->entity, &(struct variant){0}) != node)
            continue;
        for (uint32_t k = 0; k < s->instances.len; k++)
            if (!vec_push(out, s->instances.items[k]))
                return err_set(e, ST_NO_MEMORY, "no memory for the instances of a service");
    }
    if (out->len)
        qsort(out->items, out->len, sizeof(*out->items), by_name_then_latest);
    return ST_OK;
}

static void write_instances(struct json_writer *w, const item_list *instances)
{
    json_key(w, "instances");
    json_array_begin(w);
    for (size_t i = 0; i < instances->len; i++) {
        const struct registry_item *item = &instances->items[i];
        if (i && str_eq(item[-1].name, item->name))
            continue;
        json_object_begin(w);
        JSON_STR(w, "id", item->name);
        json_key(w, "last_seen");
        reply_time(w, item->last_seen_ns);
        json_object_end(w);
    }
    json_array_end(w);
}

struct operation {
    struct str name;
    const struct cell *cell;
};

static int busiest_first(const void *a, const void *b)
{
    const struct operation *x = a, *y = b;
    if (x->cell->weight != y->cell->weight)
        return x->cell->weight > y->cell->weight ? -1 : 1;
    return str_cmp(x->name, y->name);
}

static enum status sum_operations(struct graph *g, const struct graph_ask *ask,
                                  struct row_sums *sums, struct err *e)
{
    struct row_query q = {.view = ask->view,
                          .budget = ask->budget,
                          .nodes = &g->nodes,
                          .words = g->words,
                          .start_s = g->start_s,
                          .end_s = g->end_s,
                          .joint = true,
                          .sections = SECTION_COUNTS | SECTION_SERVER,
                          .dims = DIM_OPERATION,
                          .picture = ask->picture,
                          .filter.server_flags = NODE_SERVER};
    return row_query_run(&q, sums, e);
}

static enum status write_operations(struct json_writer *w, struct graph *g,
                                    const struct row_sums *sums, struct err *e)
{
    size_t count = 0;
    struct operation *sorted =
        arena_calloc(g->arena, sums->result.series_count + 1, sizeof(*sorted));
    if (!sorted)
        return err_set(e, ST_NO_MEMORY, "no memory for the operations of a service");
    for (uint32_t i = 0; i < sums->result.series_count; i++)
        if (sums->result.series[i].len)
            sorted[count++] =
                (struct operation){intern_get(g->words, row_sums_key(sums, i).operation),
                                   &sums->result.series[i].points[0].cell};
    qsort(sorted, count, sizeof(*sorted), busiest_first);
    json_key(w, "operations");
    json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(w);
        JSON_STR(w, "name", sorted[i].name);
        graph_json_counts(w, sorted[i].cell->weight, sorted[i].cell->errors);
        json_key(w, "latency");
        reply_latency(w, &sorted[i].cell->server);
        json_object_end(w);
    }
    json_array_end(w);
    return ST_OK;
}

static void write_edges(struct json_writer *w, const struct graph *g, const char *key,
                        uint32_t node, bool inbound)
{
    json_key(w, key);
    json_array_begin(w);
    for (size_t i = 0; i < g->edges.len; i++) {
        const struct graph_edge *edge = &g->edges.items[i];
        if ((inbound ? edge->server : edge->client) == node)
            graph_json_edge(w, g, edge);
    }
    json_array_end(w);
}

static enum status write_details(struct json_writer *w, struct graph *g,
                                 const struct graph_ask *ask, uint32_t node, struct err *e)
{
    item_list instances = {0};
    struct row_sums sums = {0};
    json_object_begin(w);
    graph_json_range(w, g);
    graph_json_node_members(w, g, node);
    write_seen(w, &g->states[node]);
    enum status status = gather_instances(g, node, &instances, e);
    if (status == ST_OK)
        status = sum_operations(g, ask, &sums, e);
    write_instances(w, &instances);
    if (status == ST_OK)
        status = write_operations(w, g, &sums, e);
    write_edges(w, g, "inbound", node, true);
    write_edges(w, g, "outbound", node, false);
    reply_warnings(w, &g->warnings);
    json_object_end(w);
    row_sums_deinit(&sums);
    vec_deinit(&instances);
    return status;
}

static enum status answer(struct request *r, struct graph *g, const struct graph_ask *ask,
                          struct http_response *out, struct err *e)
{
    uint32_t node = node_table_find(&g->nodes, r->id);
    if (node >= g->state_count || !is_there(&g->states[node]))
        return err_set(e, ST_NOT_FOUND, "no service has the id '%.*s'",
                       (int)MIN(r->id.len, (size_t)80), r->id.ptr);
    reply_json_begin(out);
    struct json_writer w = json_writer_of(&out->body);
    return write_details(&w, g, ask, node, e);
}

enum status api_service(struct request *r, struct http_response *out, struct err *e)
{
    struct graph_ask ask;
    struct graph *g = NULL;
    TRY(ask_graph(r, &ask, e));
    ask.with_versions = ask.with_health = ask.with_registry = true;
    ask.wanted.clients = ask.wanted.servers = (struct str_list){&r->id, 1};
    ask.rows.either_flags = NODE_SERVER;
    enum status status = graph_build(&ask, r->arena, &g, e);
    if (status == ST_OK)
        status = answer(r, g, &ask, out, e);
    graph_free(g);
    return status;
}
