/* api_edge.c - GET /api/mesh/edge: one edge as in the graph, and how it went over time. */
#include "query/api.h"
#include "query/ask_params.h"
#include "query/graph_json.h"

enum { POINTS_AIMED = 60 };

/* Without step=: one that gives at most about POINTS_AIMED points. */
static uint32_t step_for(const struct time_range *range)
{
    static const uint32_t steps[] = {15, 60, 300, 900, 3600, 6 * 3600, 86400};
    uint64_t length_s = range->end_s - range->start_s;
    for (size_t i = 0; i < LEN(steps); i++)
        if (length_s / steps[i] <= POINTS_AIMED)
            return steps[i];
    return steps[LEN(steps) - 1];
}

static enum status read_ends(struct request *r, struct graph_ask *ask, struct err *e)
{
    TRY(params_all(&r->params, "client", &ask->wanted.clients, e));
    TRY(params_all(&r->params, "server", &ask->wanted.servers, e));
    if (!ask->wanted.clients.len || !ask->wanted.servers.len)
        return err_set(e, ST_INVALID, "parameter '%s' is missing: the id of a node must be given",
                       ask->wanted.clients.len ? "server" : "client");
    ask->rows.client_flags = NODE_CLIENT;
    ask->rows.server_flags = NODE_SERVER;
    return ST_OK;
}

static void write_point(struct json_writer *w, const struct graph *g, const struct edge_point *p,
                        bool client_side)
{
    const struct cell *c = &p->cell;
    const struct histogram *h = client_side ? &c->client : &c->server;
    json_object_begin(w);
    JSON_U64(w, "time", p->time_s);
    JSON_U64(w, "requests", reply_count(c->weight));
    JSON_U64(w, "errors", reply_count(c->errors));
    JSON_U64(w, "attempts", reply_count(c->attempts));
    json_key(w, "p50");
    reply_quantile(w, h, 0.5);
    json_key(w, "p95");
    reply_quantile(w, h, 0.95);
    json_key(w, "p99");
    reply_quantile(w, h, 0.99);
    graph_json_tallies(w, "flags", &c->flags, g->totals.result.names);
    json_object_end(w);
}

static void write_edge(struct json_writer *w, const struct graph *g, const struct graph_edge *edge)
{
    bool client_side =
        edge->total->client.weight > 0; /* what the caller got, when somebody saw it */
    json_object_begin(w);
    graph_json_range(w, g);
    graph_json_edge_members(w, g, edge);
    JSON_STR(w, "points_side", client_side ? STR("client") : STR("server"));
    json_key(w, "points");
    json_array_begin(w);
    for (size_t i = 0; i < edge->points.len; i++)
        write_point(w, g, &edge->points.points[i], client_side);
    json_array_end(w);
    reply_warnings(w, &g->warnings);
    json_object_end(w);
}

static enum status answer(struct graph *g, const struct graph_ask *ask, int protocol,
                          uint32_t asked_step_s, struct http_response *out, struct err *e)
{
    const struct graph_edge *edge =
        graph_find_edge(g, ask->wanted.clients.items[0], ask->wanted.servers.items[0]);
    if (!edge || (protocol != PROTOCOL_ANY && protocol != (int)edge->protocol))
        return err_set(e, ST_NOT_FOUND, "there is no such edge in this range");
    ask_warn_step(asked_step_s, g->step_s, &g->warnings);
    reply_json_begin(out);
    struct json_writer w = json_writer_of(&out->body);
    write_edge(&w, g, edge);
    return ST_OK;
}

enum status api_edge(struct request *r, struct http_response *out, struct err *e)
{
    struct graph_ask ask;
    struct graph *g = NULL;
    int protocol;
    uint32_t step_s;
    TRY(ask_graph(r, &ask, e));
    TRY(read_ends(r, &ask, e));
    TRY(ask_protocol(&r->params, &protocol, e));
    TRY(ask_step(&r->params, &step_s, e));
    ask.step_s = step_s ? step_s : step_for(&ask.range);
    ask.with_versions = true;
    enum status status = graph_build(&ask, r->arena, &g, e);
    if (status == ST_OK)
        status = answer(g, &ask, protocol, step_s, out, e);
    graph_free(g);
    return status;
}
