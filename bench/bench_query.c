/* bench_query.c - the calls of the own API over a day of a mesh of 200 edges with 20 joint keys
 * each, a tenth of them with a canary, kept in parts of three hours: CPU time from parameters to
 * JSON. One JSON line a case. */
#include "query/route.h"

#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    EDGES = 200,
    SERVERS = 40,
    KEYS = 20,
    HOURS = 24,
    PART_HOURS = 3,
    PARTS = HOURS / PART_HOURS,
    TILE_STEP_S = 60,
    ROUNDS = 9
};
#define DAY_END_S UINT64_C(1700006400) /* a whole hour */

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_query: %s\n", what);
    exit(1);
}

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* --- a day --- */

static void name_of(char *out, size_t cap, unsigned server)
{
    snprintf(out, cap, "service-%u", server);
}

/* About log-normal: the sum of four uniform numbers as the exponent. */
static uint64_t latency_ns(void)
{
    static uint64_t state = 88172645463325252u;
    double exponent = 0;
    for (int i = 0; i < 4; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        exponent += (double)(state >> 11) / 9007199254740992.0 - 0.5;
    }
    return (uint64_t)(4e6 * exp(exponent * 0.87));
}

static void add_latencies(struct cell *cell, unsigned requests)
{
    for (unsigned i = 0; i < requests; i++) {
        uint64_t server = latency_ns(), transit = latency_ns() / 10;
        must(histogram_add(&cell->server, server, WEIGHT_ONE) &&
                 histogram_add(&cell->client, server + transit, WEIGHT_ONE) &&
                 histogram_add(&cell->transit, transit, WEIGHT_ONE),
             "no memory");
    }
    cell->observed += requests;
    cell->weight += requests * WEIGHT_ONE;
    cell->attempts += requests * WEIGHT_ONE;
}

static void add_row(struct cell_set *cells, const struct cell_row *row, uint64_t time_s)
{
    uint32_t id = cell_set_row(cells, row);
    must(id != UINT32_MAX, "no memory");
    struct cell *cell = cell_set_cell(cells, id, time_s);
    must(cell != NULL, "no memory");
    add_latencies(cell, row->is_total ? 40 : 8);
    if (row->is_total) {
        must(cell_tally_add(&cell->codes, cell_set_name(cells, STR("200")), 40 * WEIGHT_ONE),
             "no memory");
        cell->evidence |= EVIDENCE_CLIENT_SPAN | EVIDENCE_SERVER_SPAN;
    }
}

static void add_edge(struct cell_set *cells, unsigned edge, uint64_t time_s)
{
    char client[32], server[32], operation[32];
    name_of(client, sizeof(client), edge / 5);
    name_of(server, sizeof(server), (edge * 7 + 1) % SERVERS);
    struct cell_row row = {.client = {.space = STR("mesh"), .name = str_from_c(client)},
                           .server = {.space = STR("mesh"), .name = str_from_c(server)},
                           .protocol = PROTOCOL_HTTP,
                           .views = VIEW_BOTH,
                           .is_total = true};
    add_row(cells, &row, time_s);
    row.is_total = false;
    row.client_variant.version = STR("v1");
    for (unsigned key = 0; key < KEYS; key++) {
        snprintf(operation, sizeof(operation), "GET /operation/%u", key / 2);
        row.operation = str_from_c(operation);
        row.server_variant.version =
            edge % 10 == 0 && key & 1 ? STR("v2") : STR("v1"); /* a canary */
        row.code = STR("200");
        add_row(cells, &row, time_s);
    }
}

static struct edge_part *make_part(uint64_t start_s, uint64_t end_s)
{
    struct cell_set *cells = cell_set_new(1);
    struct buf bytes = {0};
    struct edge_part *part;
    struct err e = {0};
    for (uint64_t t = start_s; t < end_s; t += TILE_STEP_S * 5)
        for (unsigned edge = 0; edge < EDGES; edge++)
            add_edge(cells, edge, t + edge % 5 * TILE_STEP_S);
    must(edge_part_encode(cells, true, &bytes, &e) == ST_OK, e.msg);
    must(edge_part_open_memory(&bytes, &part, &e) == ST_OK, e.msg);
    cell_set_free(cells);
    return part;
}

/* --- questions --- */

static size_t ask(const struct edge_view *view, const char *path, const char *query,
                  struct arena *arena)
{
    struct query_config config = {.graph = graph_settings_default()};
    struct request r = {.config = &config,
                        .graph = config.graph,
                        .arena = arena,
                        .view = view,
                        .now_ns = DAY_END_S * NS_PER_S};
    struct http_response out = {0};
    struct err e = {0};
    const struct route *route = route_find(str_from_c(path), &r.id);
    must(params_parse(str_from_c(query), route->params, arena, r.now_ns, &r.params, &e) == ST_OK,
         e.msg);
    must(route->handler(&r, &out, &e) == ST_OK, e.msg);
    size_t bytes = out.body.len;
    buf_deinit(&out.body);
    arena_reset(arena);
    return bytes;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void time_call(const struct edge_view *view, const char *name, const char *path,
                      const char *query)
{
    struct arena arena = {0};
    double ms[ROUNDS];
    size_t bytes = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double start = cpu_ns();
        bytes = ask(view, path, query, &arena);
        ms[i] = (cpu_ns() - start) / 1e6;
    }
    qsort(ms, ROUNDS, sizeof(ms[0]), by_size);
    printf("{\"bench\":\"query\",\"case\":\"%s\",\"parts\":%zu,\"edges\":%d,\"ms\":%.2f,\"best\":%."
           "2f,\"bytes\":%zu}\n",
           name, view->part_count, EDGES, ms[ROUNDS / 2], ms[0], bytes);
    fflush(stdout);
    arena_deinit(&arena);
}

static void time_all(const struct edge_view *view)
{
    time_call(view, "graph, 24 h", "/api/mesh/graph", "last=24h");
    time_call(view, "graph by version, 24 h", "/api/mesh/graph", "last=24h&group=version");
    time_call(view, "graph, 15 min", "/api/mesh/graph", "last=15m");
    time_call(view, "services, 24 h", "/api/mesh/services", "last=24h");
    time_call(view, "edge, 24 h", "/api/mesh/edge",
              "last=24h&client=mesh/service-0&server=mesh/service-1");
    time_call(view, "percentiles of 40 servers, 24 h by 5 min", "/api/mesh/percentiles",
              "last=24h&by=server&step=300");
    time_call(view, "percentiles of 40 servers, 24 h by 60 s", "/api/mesh/percentiles",
              "last=24h&by=server&step=60");
    time_call(view, "percentiles of 200 edges, 24 h by 5 min", "/api/mesh/percentiles",
              "last=24h&step=300");
}

int main(void)
{
    struct edge_part *parts[PARTS];
    struct registry *registry = registry_new(1, 1000);
    must(registry != NULL, "no memory");
    for (unsigned i = 0; i < SERVERS; i++) {
        char name[32];
        name_of(name, sizeof(name), i);
        registry_note(registry, &(struct entity){.space = STR("mesh"), .name = str_from_c(name)},
                      &(struct variant){0}, STR(""), DAY_END_S * NS_PER_S);
    }
    for (unsigned i = 0; i < PARTS; i++) {
        uint64_t end_s = DAY_END_S - (PARTS - i - 1) * PART_HOURS * 3600;
        parts[i] = make_part(end_s - PART_HOURS * 3600, end_s);
    }
    struct edge_view view = {.parts = parts, .part_count = PARTS, .registry = registry};
    time_all(&view);
    for (unsigned i = 0; i < PARTS; i++)
        edge_part_unref(parts[i]);
    registry_free(registry);
    return 0;
}
