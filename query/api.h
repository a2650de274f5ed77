/* api.h - what a handler gets and must give; one handler a path, the table is in route.c. Private
 * to query/. */
#ifndef WEFT_QUERY_API_H
#define WEFT_QUERY_API_H

#include "query/live_view.h"
#include "query/params.h"
#include "query/query_budget.h"
#include "query/query.h"
#include "query/reply.h"

/* One request on its way; everything is borrowed until the answer. One thread at a time. */
struct request {
    const struct query_config *config;
    struct graph_settings graph; /* as they stood when the request began */
    struct live_view *live;
    struct arena *arena;          /* reset after the answer */
    const atomic_bool *ending;    /* weft ends; NULL: it never does */
    struct query_budget *budget;  /* of the own API's questions; NULL: no limits */
    const struct edge_view *view; /* only for routes that ask for one */
    struct params params;
    struct str path; /* decoded */
    struct str id;   /* what follows a prefix route */
    struct str accept, accept_encoding, if_none_match;
    uint64_t now_ns; /* wall clock */
};

/* Fills *out (all zero before) or returns an error, which becomes the envelope. Pool thread, unless
 * the route says otherwise. */
typedef enum status api_handler(struct request *r, struct http_response *out, struct err *e);

api_handler api_graph, api_edge, api_services, api_service, api_percentiles, api_status,
    api_metrics;
/* Loop thread: these never block. */
api_handler api_healthy, api_ready, api_ui;
api_handler api_reload, api_flush, api_compact;

/* Prometheus' HTTP API (ROUTE_PROM): parameters are of any name, errors in its envelope. */
api_handler prom_query, prom_query_range, prom_query_exemplars;
api_handler prom_series, prom_labels, prom_label_values, prom_metadata;
api_handler prom_format_query, prom_parse_query;
api_handler prom_rules, prom_alerts, prom_alertmanagers, prom_targets, prom_targets_metadata,
    prom_scrape_pools;
api_handler prom_buildinfo, prom_runtimeinfo, prom_config, prom_flags, prom_tsdb, prom_walreplay;
api_handler prom_delete_series, prom_snapshot, prom_clean_tombstones;
api_handler prom_federate;

/* True when weft answers questions; otherwise *reason says what it is doing. Any thread. */
bool api_is_ready(const struct query_config *config, const char **reason);

#endif
