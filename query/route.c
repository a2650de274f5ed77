/* route.c - the one table of paths, and the strict reading of a path. */
#include "query/route.h"
#include "query/ui_assets.h"

#define RANGE_PARAMS                                                                               \
    {"start", false}, {"end", false},                                                              \
    {                                                                                              \
        "last", false                                                                              \
    }

static const struct param_spec no_params[] = {{NULL, false}};
static const struct param_spec graph_params[] = {
    RANGE_PARAMS,     {"group", false},    {"namespace", true},     {"focus", false},
    {"depth", false}, {"protocol", false}, {"min_requests", false}, {"view", false},
    {NULL, false}};
static const struct param_spec edge_params[] = {
    RANGE_PARAMS,    {"client", false}, {"server", false}, {"protocol", false},
    {"step", false}, {"group", false},  {"view", false},   {NULL, false}};
static const struct param_spec services_params[] = {RANGE_PARAMS, {NULL, false}};
static const struct param_spec percentiles_params[] = {
    RANGE_PARAMS,         {"server", true},    {"client", true},    {"version", false},
    {"operation", false}, {"protocol", false}, {"namespace", true}, {"side", false},
    {"q", false},         {"step", false},     {"by", false},       {"view", false},
    {NULL, false}};

enum { PROM = ROUTE_PROM | ROUTE_READY };

static const struct route routes[] = {
    {"/api/mesh/graph", ROUTE_VIEW, api_graph, graph_params},
    {"/api/mesh/edge", ROUTE_VIEW, api_edge, edge_params},
    {"/api/mesh/services", ROUTE_VIEW, api_services, services_params},
    {"/api/mesh/services/", ROUTE_VIEW | ROUTE_PREFIX, api_service, services_params},
    {"/api/mesh/percentiles", ROUTE_VIEW, api_percentiles, percentiles_params},
    {"/api/mesh/status", ROUTE_READY, api_status, no_params},
    {"/metrics", ROUTE_LAX, api_metrics, no_params},
    {"/-/healthy", ROUTE_LOOP | ROUTE_LAX, api_healthy, no_params},
    {"/-/ready", ROUTE_LOOP | ROUTE_LAX, api_ready, no_params},
    {"/-/reload", ROUTE_POST, api_reload, no_params},
    {"/-/flush", ROUTE_POST | ROUTE_ADMIN, api_flush, no_params},
    {"/-/compact", ROUTE_POST | ROUTE_ADMIN, api_compact, no_params},
    {"/api/v1/query", PROM | ROUTE_LONG, prom_query, no_params},
    {"/api/v1/query_range", PROM | ROUTE_LONG, prom_query_range, no_params},
    {"/api/v1/query_exemplars", PROM | ROUTE_LONG, prom_query_exemplars, no_params},
    {"/api/v1/series", PROM | ROUTE_LONG, prom_series, no_params},
    {"/api/v1/labels", PROM | ROUTE_LONG, prom_labels, no_params},
    {"/api/v1/label/", PROM | ROUTE_LONG | ROUTE_PREFIX, prom_label_values, no_params},
    {"/api/v1/metadata", PROM, prom_metadata, no_params},
    {"/api/v1/format_query", PROM, prom_format_query, no_params},
    {"/api/v1/parse_query", PROM, prom_parse_query, no_params},
    {"/api/v1/rules", PROM, prom_rules, no_params},
    {"/api/v1/alerts", PROM, prom_alerts, no_params},
    {"/api/v1/alertmanagers", PROM, prom_alertmanagers, no_params},
    {"/api/v1/targets", PROM, prom_targets, no_params},
    {"/api/v1/targets/metadata", PROM, prom_targets_metadata, no_params},
    {"/api/v1/scrape_pools", PROM, prom_scrape_pools, no_params},
    {"/api/v1/status/buildinfo", PROM, prom_buildinfo, no_params},
    {"/api/v1/status/runtimeinfo", PROM, prom_runtimeinfo, no_params},
    {"/api/v1/status/config", PROM, prom_config, no_params},
    {"/api/v1/status/flags", PROM, prom_flags, no_params},
    {"/api/v1/status/tsdb", PROM, prom_tsdb, no_params},
    {"/api/v1/status/walreplay", ROUTE_PROM, prom_walreplay, no_params},
    {"/api/v1/admin/tsdb/delete_series", PROM | ROUTE_LONG | ROUTE_POST, prom_delete_series,
     no_params},
    {"/api/v1/admin/tsdb/snapshot", PROM | ROUTE_LONG | ROUTE_POST, prom_snapshot, no_params},
    {"/api/v1/admin/tsdb/clean_tombstones", PROM | ROUTE_LONG | ROUTE_POST, prom_clean_tombstones,
     no_params},
    {"/federate", PROM | ROUTE_LONG, prom_federate, no_params},
};
/* The UI keeps its state in the query, so its files take any. */
static const struct route ui_route = {"/", ROUTE_LOOP | ROUTE_LAX, api_ui, no_params};

static bool has_dot_dot(struct str path)
{
    struct str segment;
    bool more = true;
    while (more) {
        more = str_cut(path, '/', &segment, &path);
        if (str_eq(segment, STR("..")))
            return true;
    }
    return false;
}

enum status route_decode_path(struct str raw, struct arena *arena, struct str *path, struct err *e)
{
    if (!params_decode(raw, false, arena, path))
        return err_set(e, ST_INVALID,
                       "the path has a bad percent escape: two hex digits must follow %%");
    if (raw.len && !path->ptr)
        return err_set(e, ST_NO_MEMORY, "no memory for the path");
    if ((path->len && memchr(path->ptr, 0, path->len)) || has_dot_dot(*path))
        return err_set(e, ST_INVALID,
                       "the path has a NUL byte or a '..' segment: neither is allowed");
    return ST_OK;
}

const struct route *route_find(struct str path, struct str *id)
{
    *id = (struct str){0};
    for (size_t i = 0; i < LEN(routes); i++) {
        struct str own = str_from_c(routes[i].path);
        if (str_eq(path, own) && !(routes[i].flags & ROUTE_PREFIX))
            return &routes[i];
        if (routes[i].flags & ROUTE_PREFIX && path.len > own.len && str_starts_with(path, own)) {
            *id = str_sub(path, own.len, path.len);
            return &routes[i];
        }
    }
    return ui_asset_find(path) ? &ui_route : NULL;
}

bool route_is_long(struct str raw)
{
    struct arena arena = {0};
    struct str path, id;
    struct err e;
    const struct route *route =
        route_decode_path(raw, &arena, &path, &e) == ST_OK ? route_find(path, &id) : NULL;
    arena_deinit(&arena);
    return route && route->flags & ROUTE_LONG;
}

bool route_is_prom(struct str path)
{
    return str_starts_with(path, STR("/api/v1/")) || str_eq(path, STR("/federate"));
}

const char *route_allow(const struct route *route)
{
    if (route->flags & ROUTE_PROM)
        return route->flags & ROUTE_POST ? "POST, PUT, OPTIONS" : "GET, HEAD, POST, OPTIONS";
    return route->flags & ROUTE_POST ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
}

bool route_takes(const struct route *route, struct str method)
{
    bool prom = route->flags & ROUTE_PROM;
    if (str_eq(method, STR("POST")))
        return prom || route->flags & ROUTE_POST;
    if (route->flags & ROUTE_POST)
        return prom && str_eq(method, STR("PUT"));
    return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));
}
