/* graph_json.c - writes nodes and edges straight from their cells. */
#include "query/graph_json.h"
#include <math.h>
#include <stdlib.h>

void graph_json_range(struct json_writer *w, const struct graph *g)
{
    JSON_U64(w, "start", g->start_s);
    JSON_U64(w, "end", g->end_s);
    JSON_U64(w, "resolution", g->resolution_s);
    if (g->step_s)
        JSON_U64(w, "step", g->step_s);
}

void graph_json_identity(struct json_writer *w, const struct node *n)
{
    JSON_STR(w, "id", n->id);
    JSON_STR(w, "name", n->name);
    JSON_STR(w, "namespace", n->space);
    JSON_STR(w, "cluster", n->cluster);
    JSON_STR(w, "kind", str_from_c(entity_kind_name(n->kind)));
}

void graph_json_counts(struct json_writer *w, uint64_t requests, uint64_t errors)
{
    JSON_U64(w, "requests", reply_count(requests));
    JSON_U64(w, "errors", reply_count(errors));
    JSON_DOUBLE(w, "error_ratio", reply_ratio(errors, requests));
}

static void write_rate(struct json_writer *w, const struct graph *g, uint64_t requests)
{
    double seconds = (double)(g->end_s - g->start_s);
    JSON_DOUBLE(w, "rate", seconds > 0 ? (double)requests / (double)WEIGHT_ONE / seconds : 0);
}

void graph_json_words(struct json_writer *w, const char *key, const struct str_list *list)
{
    json_key(w, key);
    json_array_begin(w);
    for (size_t i = 0; i < list->len; i++)
        json_str(w, list->items[i]);
    json_array_end(w);
}

void graph_json_node(struct json_writer *w, const struct graph *g, uint32_t node)
{
    json_object_begin(w);
    graph_json_node_members(w, g, node);
    json_object_end(w);
}

void graph_json_node_members(struct json_writer *w, const struct graph *g, uint32_t node)
{
    const struct node_sums *sums = graph_node_sums(g, node);
    graph_json_identity(w, node_table_at(&g->nodes, node));
    graph_json_counts(w, sums->requests, sums->errors);
    write_rate(w, g, sums->requests);
    json_key(w, "latency");
    reply_latency(w, &sums->latency);
    graph_json_words(w, "versions", &g->versions_of[node]);
    JSON_STR(w, "health", str_from_c(health_name(g->states[node].health)));
    graph_json_words(w, "aliases", &g->aliases_of[node]);
}

/* --- edges --- */

/* 95 % of a sum of independent weighted requests; never below what was seen. */
static void write_interval(struct json_writer *w, const struct cell *c)
{
    json_key(w, "interval");
    if (!c->variance) {
        json_null(w);
        return;
    }
    double estimate = (double)c->weight / (double)WEIGHT_ONE;
    double half = 1.96 * sqrt((double)c->variance) / (double)WEIGHT_ONE;
    json_array_begin(w);
    json_double(w, fmax((double)c->observed, floor(estimate - half)));
    json_double(w, ceil(estimate + half));
    json_array_end(w);
}

struct named_tally {
    struct str name;
    uint64_t weight;
};

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct named_tally *)a)->name, ((const struct named_tally *)b)->name);
}

enum { TALLIES_SHOWN = 256 }; /* codes and flags are short lists: the collector bounds them */

void graph_json_tallies(struct json_writer *w, const char *key, const struct cell_tallies *tallies,
                        const struct intern *names)
{
    struct named_tally sorted[TALLIES_SHOWN];
    size_t len = MIN(tallies->len, (size_t)TALLIES_SHOWN);
    for (size_t i = 0; i < len; i++)
        sorted[i] = (struct named_tally){intern_get(names, tallies->items[i].name),
                                         tallies->items[i].weight};
    qsort(sorted, len, sizeof(*sorted), by_name);
    json_key(w, key);
    json_object_begin(w);
    for (size_t i = 0; i < len; i++) {
        json_key_str(w, sorted[i].name);
        json_u64(w, reply_count(sorted[i].weight));
    }
    json_object_end(w);
}

static void write_tallies(struct json_writer *w, const struct graph *g, const struct cell *c)
{
    const struct intern *names = g->totals.result.names;
    graph_json_tallies(w, "codes", &c->codes, names);
    graph_json_tallies(w, "grpc_codes", &c->grpc_codes, names);
    graph_json_tallies(w, "flags", &c->flags, names);
}

static void write_latency(struct json_writer *w, const char *key, const struct histogram *h)
{
    json_key(w, key);
    reply_latency(w, h);
}

/* A sum over the requests that told their size, null when none did. */
static void write_size(struct json_writer *w, const char *key, uint64_t bytes, uint64_t sized)
{
    json_key(w, key);
    if (sized)
        json_u64(w, bytes);
    else
        json_null(w);
}

static void write_version(struct json_writer *w, const struct graph *g,
                          const struct version_row *row)
{
    json_object_begin(w);
    JSON_STR(w, "client_version", intern_get(g->words, row->client_version));
    JSON_STR(w, "server_version", intern_get(g->words, row->server_version));
    graph_json_counts(w, row->cell->weight, row->cell->errors);
    write_latency(w, "client_latency", row->client);
    write_latency(w, "server_latency", row->server);
    json_object_end(w);
}

static void write_versions(struct json_writer *w, const struct graph *g,
                           const struct graph_edge *edge)
{
    json_key(w, "versions");
    json_array_begin(w);
    for (size_t i = 0; i < edge->version_count; i++)
        write_version(w, g, &edge->versions[i]);
    json_array_end(w);
}

static void write_evidence(struct json_writer *w, uint32_t bits)
{
    static const char *const names[] = {"client_span", "server_span", "client_log", "server_log",
                                        "metric"};
    json_key(w, "evidence");
    json_array_begin(w);
    for (size_t i = 0; i < LEN(names); i++)
        if (bits >> i & 1)
            json_str(w, str_from_c(names[i]));
    json_array_end(w);
}

static int slowest_first(const void *a, const void *b)
{
    const struct exemplar *x = a, *y = b;
    if (x->latency_ns != y->latency_ns)
        return x->latency_ns > y->latency_ns ? -1 : 1;
    if (x->trace.hi != y->trace.hi)
        return x->trace.hi < y->trace.hi ? -1 : 1;
    return x->trace.lo < y->trace.lo ? -1 : x->trace.lo > y->trace.lo;
}

static void write_exemplars(struct json_writer *w, const struct cell *c)
{
    struct exemplar sorted[CELL_EXEMPLARS];
    size_t len = MIN(c->exemplar_count, (uint32_t)CELL_EXEMPLARS);
    memcpy(sorted, c->exemplars, len * sizeof(*sorted));
    qsort(sorted, len, sizeof(*sorted), slowest_first);
    json_key(w, "exemplars");
    json_array_begin(w);
    for (size_t i = 0; i < len; i++) {
        char hex[33];
        json_object_begin(w);
        JSON_STR(w, "trace_id", str_from_c(trace_id_to_hex(sorted[i].trace, hex)));
        JSON_DOUBLE(w, "time", (double)sorted[i].time_ns / 1e9);
        json_key(w, "latency");
        reply_ms(w, sorted[i].latency_ns);
        JSON_BOOL(w, "error", sorted[i].error);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_latencies(struct json_writer *w, const struct cell *c)
{
    write_latency(w, "client_latency", &c->client);
    write_latency(w, "server_latency", &c->server);
    write_latency(w, "transit_latency", &c->transit);
    JSON_U64(w, "transit_skipped", reply_count(c->transit_skipped));
}

void graph_json_edge_members(struct json_writer *w, const struct graph *g,
                             const struct graph_edge *edge)
{
    const struct cell *c = edge->total;
    JSON_STR(w, "id", edge->id);
    JSON_STR(w, "client", node_table_at(&g->nodes, edge->client)->id);
    JSON_STR(w, "server", node_table_at(&g->nodes, edge->server)->id);
    JSON_STR(w, "protocol", str_from_c(protocol_name(edge->protocol)));
    graph_json_counts(w, c->weight, c->errors);
    write_rate(w, g, c->weight);
    write_interval(w, c);
    JSON_STR(w, "health", str_from_c(health_name(edge->health)));
    JSON_U64(w, "attempts", reply_count(c->attempts));
    JSON_U64(w, "retried", reply_count(c->retried));
    write_tallies(w, g, c);
    write_latencies(w, c);
    write_size(w, "request_bytes", c->request_bytes, c->request_sized);
    write_size(w, "response_bytes", c->response_bytes, c->response_sized);
    JSON_NULL(w, "tcp");
    JSON_NULL(w, "mtls");
    JSON_NULL(w, "principals");
    write_versions(w, g, edge);
    write_evidence(w, c->evidence);
    JSON_U64(w, "denied", reply_count(c->denied));
    write_exemplars(w, c);
}

void graph_json_edge(struct json_writer *w, const struct graph *g, const struct graph_edge *edge)
{
    json_object_begin(w);
    graph_json_edge_members(w, g, edge);
    json_object_end(w);
}
