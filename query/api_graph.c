/* api_graph.c - GET /api/mesh/graph: who calls whom, how often, how well. */
#include "query/api.h"
#include "query/ask_params.h"
#include "query/graph_json.h"

static enum status read_show(const struct request *r, const struct graph_ask *ask,
                             struct graph_show *show, struct err *e)
{
    uint64_t depth;
    *show = (struct graph_show){.by_space = ask->wanted.spaces.len > 0,
                                .max_edges = graph_edges_at_most(r->graph.max_edges)};
    TRY(ask_protocol(&r->params, &show->protocol, e));
    TRY(params_u64(&r->params, "min_requests", 0, UINT64_MAX, 0, &show->min_requests, e));
    TRY(params_u64(&r->params, "depth", 1, 5, 1, &depth, e));
    params_find(&r->params, "focus", &show->focus);
    show->depth = (unsigned)depth;
    return ST_OK;
}

static void write_graph(struct json_writer *w, const struct graph *g, const struct graph_ask *ask)
{
    json_object_begin(w);
    graph_json_range(w, g);
    JSON_STR(w, "group", str_from_c(ask_group_name(ask->group)));
    JSON_STR(w, "view", str_from_c(ask_picture_name(ask->picture)));
    json_key(w, "complete_until");
    reply_time(w, g->complete_until_ns);
    json_key(w, "nodes");
    json_array_begin(w);
    for (uint32_t i = 0; i < g->state_count; i++)
        if (g->states[g->order[i]].shown)
            graph_json_node(w, g, g->order[i]);
    json_array_end(w);
    json_key(w, "edges");
    json_array_begin(w);
    for (size_t i = 0; i < g->edges.len; i++)
        if (g->edges.items[i].shown)
            graph_json_edge(w, g, &g->edges.items[i]);
    json_array_end(w);
    reply_warnings(w, &g->warnings);
    json_object_end(w);
}

enum status api_graph(struct request *r, struct http_response *out, struct err *e)
{
    struct graph_ask ask;
    struct graph_show show;
    struct graph *g = NULL;
    TRY(ask_graph(r, &ask, e));
    ask.with_versions = ask.with_health = true;
    TRY(params_all(&r->params, "namespace", &ask.wanted.spaces, e));
    TRY(read_show(r, &ask, &show, e));
    enum status status = graph_build(&ask, r->arena, &g, e);
    if (status == ST_OK)
        status = graph_select(g, &show, e);
    if (status == ST_OK) {
        ask_warn_spaces(&g->nodes, &g->warnings);
        reply_json_begin(out);
        struct json_writer w = json_writer_of(&out->body);
        write_graph(&w, g, &ask);
    }
    graph_free(g);
    return status;
}
