/* derived_family.c - the table of derived metrics, and labels out of a row. */
#include "query/derived_family.h"

const struct derived_family derived_families[] = {
    {"traces_service_graph_request_total", "Requests between two services.", SHAPE_REQUESTS,
     ROWS_GRAPH, 0, false, false, NULL},
    {"traces_service_graph_request_failed_total", "Failed requests between two services.",
     SHAPE_ERRORS, ROWS_GRAPH, 0, false, false, NULL},
    {"traces_service_graph_request_server_seconds", "Latency as the server saw it.", SHAPE_LATENCY,
     ROWS_GRAPH, SIDE_SERVER, false, false, NULL},
    {"traces_service_graph_request_client_seconds", "Latency as the client saw it.", SHAPE_LATENCY,
     ROWS_GRAPH, SIDE_CLIENT, false, false, NULL},
    {"traces_service_graph_request_messaging_system_seconds",
     "Time between a message's producer and its consumer.", SHAPE_LATENCY, ROWS_GRAPH, SIDE_TRANSIT,
     false, false, NULL},
    {"traces_service_graph_connection_info", "1 for each pair of services that talk.", SHAPE_INFO,
     ROWS_GRAPH, 0, false, false, NULL},
    {"traces_spanmetrics_calls_total", "Requests by operation.", SHAPE_REQUESTS, ROWS_SPANS, 0,
     false, false, "service"},
    {"traces_spanmetrics_latency", "Latency by operation.", SHAPE_LATENCY, ROWS_SPANS, SIDE_OWN,
     false, false, "service"},
    {"traces_span_metrics_calls_total", "Requests by operation.", SHAPE_REQUESTS, ROWS_SPANS, 0,
     false, false, "service_name"},
    {"traces_span_metrics_duration_milliseconds", "Latency by operation.", SHAPE_LATENCY,
     ROWS_SPANS, SIDE_OWN, true, false, "service_name"},
    {"weft_edge_requests_total", "Requests of an edge, each counted once.", SHAPE_REQUESTS,
     ROWS_EDGES, 0, false, false, NULL},
    {"weft_edge_errors_total", "Failed requests of an edge.", SHAPE_ERRORS, ROWS_EDGES, 0, false,
     false, NULL},
    {"weft_edge_attempts_total", "Attempts of an edge, retries included.", SHAPE_ATTEMPTS,
     ROWS_EDGES, 0, false, false, NULL},
    {"weft_edge_request_bytes_total", "Bytes of requests.", SHAPE_REQUEST_BYTES, ROWS_EDGES, 0,
     false, false, NULL},
    {"weft_edge_response_bytes_total", "Bytes of responses.", SHAPE_RESPONSE_BYTES, ROWS_EDGES, 0,
     false, false, NULL},
    {"weft_request_duration_seconds", "Latency as the server saw it.", SHAPE_LATENCY, ROWS_EDGES,
     SIDE_SERVER, false, true, NULL},
    {"weft_request_client_duration_seconds", "Latency as the client saw it.", SHAPE_LATENCY,
     ROWS_EDGES, SIDE_CLIENT, false, true, NULL},
    {"weft_request_transit_duration_seconds", "Client's latency less the server's.", SHAPE_LATENCY,
     ROWS_EDGES, SIDE_TRANSIT, false, true, NULL},
};
const size_t derived_family_count = LEN(derived_families);

struct label_list {
    struct label *items;
    uint32_t count;
};

static void add(struct label_list *l, struct str name, struct str value)
{
    if (value.len > 0)
        l->items[l->count++] = (struct label){name, value};
}

static bool has_no_spans(const struct node *n)
{
    return n->kind != ENTITY_SERVICE && n->kind != ENTITY_GATEWAY && n->kind != ENTITY_OTHER;
}

/* Tempo's words: which end was only inferred, and from what. */
static struct str connection_type(const struct derived_row *row)
{
    if (row->server->kind == ENTITY_DATABASE)
        return STR("database");
    if (row->server->kind == ENTITY_MESSAGING || row->client->kind == ENTITY_MESSAGING)
        return STR("messaging_system");
    return has_no_spans(row->client) || has_no_spans(row->server) ? STR("virtual_node")
                                                                  : (struct str){0};
}

static void graph_labels(struct label_list *l, const struct derived_row *row)
{
    add(l, STR("client"), row->client->name);
    add(l, STR("client_service_namespace"), row->client->space);
    add(l, STR("server"), row->server->name);
    add(l, STR("server_service_namespace"), row->server->space);
    add(l, STR("connection_type"), connection_type(row));
    if (has_no_spans(row->client))
        add(l, STR("virtual_node"), STR("client"));
    else if (has_no_spans(row->server))
        add(l, STR("virtual_node"), STR("server"));
}

static void span_labels(struct label_list *l, const struct derived_family *f,
                        const struct derived_row *row)
{
    const struct node *service = row->is_server ? row->server : row->client;
    if (has_no_spans(service))
        return;
    add(l, str_from_c(f->service), service->name);
    add(l, STR("service_namespace"), service->space);
    add(l, STR("span_name"), row->operation);
    add(l, STR("span_kind"), row->is_server ? STR("SPAN_KIND_SERVER") : STR("SPAN_KIND_CLIENT"));
    add(l, STR("status_code"), row->is_error ? STR("STATUS_CODE_ERROR") : STR("STATUS_CODE_UNSET"));
}

static void edge_labels(struct label_list *l, const struct derived_row *row)
{
    add(l, STR("client"), row->client->id);
    add(l, STR("client_version"), row->client_version);
    add(l, STR("server"), row->server->id);
    add(l, STR("server_version"), row->server_version);
    add(l, STR("protocol"), str_from_c(protocol_name(row->protocol)));
}

uint32_t derived_labels(const struct derived_family *f, const struct derived_row *row,
                        struct label *out)
{
    struct label_list list = {.items = out};
    bool is_messaging =
        f->rows == ROWS_GRAPH && f->side == SIDE_TRANSIT && f->shape == SHAPE_LATENCY;
    if (is_messaging && !str_eq(connection_type(row), STR("messaging_system")))
        return 0;
    if (f->rows == ROWS_GRAPH)
        graph_labels(&list, row);
    else if (f->rows == ROWS_SPANS)
        span_labels(&list, f, row);
    else
        edge_labels(&list, row);
    return list.count;
}

enum metric_type derived_type(const struct derived_family *f)
{
    if (f->shape == SHAPE_LATENCY)
        return METRIC_HISTOGRAM;
    return f->shape == SHAPE_INFO ? METRIC_GAUGE : METRIC_COUNTER;
}
