/* bench_edges.c - a day of a mesh in the store: bytes it takes, and how long its questions take.
 * 200 edges to 40 servers, 20 joint keys each, 2,100 requests/s, log-normal latencies; checkpoints
 * of 4 minutes, merged by the store's own writer. Usage: bench_edges [quick] [size] [HH:MM]: 2
 * hours instead of 24; no questions; the time of day (UTC) at which the data ends. The clock goes
 * with the data, so that the bytes depend on nothing else. One JSON line a result. */
#include "base/clock.h"
#include "base/mem.h"
#include "bench/edge_checkpoint.h"
#include "storage/edge_merge.h"
#include "storage/edge_part_file.h"
#include "storage/store_parts.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    EDGES = 200,
    SERVERS = 40,
    KEYS = 20,
    RATE = 2100,
    CHECKPOINT_S = 240,
    POOL = 1 << 16,
    VARIANTS = 16, /* tiles of a joint row that are drawn; the rest repeats them */
    ROUNDS = 7,
    MINUTE_S = 60,
    HOUR_MINUTES = 60,
    END_MINUTE =
        20 * HOUR_MINUTES + 28, /* of the day, unless told otherwise: about the most bytes */
};
#define DAY_S UINT64_C(1763942400) /* a midnight */

struct options {
    double hours;
    bool size_only;
    unsigned end_minute; /* of the day */
};

static struct options options_read(int argc, char **argv)
{
    struct options o = {.hours = 24, .end_minute = END_MINUTE};
    for (int i = 1; i < argc; i++) {
        unsigned hour, minute;
        if (strcmp(argv[i], "quick") == 0) {
            o.hours = 2;
        } else if (strcmp(argv[i], "size") == 0) {
            o.size_only = true;
        } else if (sscanf(argv[i], "%2u:%2u", &hour, &minute) == 2 && hour < 24 && minute < 60) {
            o.end_minute = hour * HOUR_MINUTES + minute;
        } else {
            fprintf(stderr, "usage: bench_edges [quick] [size] [HH:MM]\n");
            exit(2);
        }
    }
    return o;
}

static uint64_t state = 1;
static double pool[POOL]; /* standard log-normal factors, so that a draw costs nothing */

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void fill_pool(void)
{
    const double sigma = 0.5, scale = 1.0 / (double)(UINT64_C(1) << 53);
    for (size_t i = 0; i < POOL; i++) {
        double u = ((double)(next_random() >> 11) + 0.5) * scale;
        double v = (double)(next_random() >> 11) * scale;
        pool[i] = exp(sigma * sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
    }
}

static uint32_t row_id(struct cell_set *set, unsigned edge, int key)
{
    char client[24], server[24], version[8], operation[32];
    snprintf(client, sizeof(client), "service-%u", edge / 5);
    snprintf(server, sizeof(server), "service-%u", edge % SERVERS);
    snprintf(version, sizeof(version), "v%d", key % 2 + 1);
    snprintf(operation, sizeof(operation), "GET /api/v1/things/%d", key / 4);
    struct cell_row row = {.client = {.space = STR("shop"), .name = str_from_c(client)},
                           .server = {.space = STR("shop"), .name = str_from_c(server)},
                           .protocol = PROTOCOL_HTTP,
                           .views = VIEW_BOTH,
                           .is_total = key < 0};
    if (key >= 0) {
        row.server_variant.version = str_from_c(version);
        row.operation = str_from_c(operation);
        row.code = key / 2 % 2 ? STR("503") : STR("200");
    }
    return cell_set_row(set, &row);
}

static bool add_request(struct cell *c, unsigned edge)
{
    uint64_t server_ns = (uint64_t)(pool[next_random() % POOL] * (double)(2000000 + edge * 200000));
    uint64_t transit_ns = (uint64_t)(pool[next_random() % POOL] * 400000);
    c->observed++;
    c->weight += WEIGHT_ONE;
    c->attempts += WEIGHT_ONE;
    c->request_bytes += 300 + next_random() % 500;
    c->request_sized += WEIGHT_ONE;
    return histogram_add(&c->client, server_ns + transit_ns, WEIGHT_ONE) &&
           histogram_add(&c->server, server_ns, WEIGHT_ONE) &&
           histogram_add(&c->transit, transit_ns, WEIGHT_ONE);
}

static void total_extras(struct cell_set *set, struct cell *c, uint64_t tile_s)
{
    uint32_t ok = cell_set_name(set, STR("200")), bad = cell_set_name(set, STR("503"));
    c->evidence = EVIDENCE_CLIENT_SPAN | EVIDENCE_SERVER_SPAN;
    if (!cell_tally_add(&c->codes, ok, c->weight) || !cell_tally_add(&c->codes, bad, WEIGHT_ONE))
        abort();
    for (unsigned i = 0; i < 4; i++) {
        struct exemplar x = {.trace = {next_random(), next_random()},
                             .time_ns = tile_s * NS_PER_S + next_random() % (15 * NS_PER_S),
                             .latency_ns = c->client.max_ns - i,
                             .error = i > 1};
        cell_offer_exemplar(c, &x);
    }
}

static struct cell variants[EDGES][KEYS][VARIANTS];

static void draw_variants(void)
{
    double each = (double)RATE * TILE_SECONDS / EDGES / KEYS;
    for (size_t v = 0; v < (size_t)EDGES * KEYS * VARIANTS; v++) {
        unsigned n = (unsigned)each + (next_random() % 1000 < (unsigned)(fmod(each, 1) * 1000));
        for (unsigned i = 0; i < n; i++)
            if (!add_request(&variants[0][0][0] + v, (unsigned)(v / VARIANTS / KEYS)))
                abort();
    }
}

static void fill_tile(struct cell_set *set, unsigned edge, uint64_t tile_s)
{
    struct cell total = {0};
    for (int key = 0; key < KEYS; key++) {
        struct cell *c = cell_set_cell(set, row_id(set, edge, key), tile_s);
        const struct cell *drawn = &variants[edge][key][next_random() % VARIANTS];
        if (!cell_merge(c, drawn, NULL, NULL) || !cell_merge(&total, drawn, NULL, NULL))
            abort();
    }
    struct cell *c = cell_set_cell(set, row_id(set, edge, -1), tile_s);
    if (!cell_merge(c, &total, NULL, NULL))
        abort();
    total_extras(set, c, tile_s);
    cell_deinit(&total);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms_since(uint64_t start_ns)
{
    return (double)(clock_mono_ns() - start_ns) / 1e6;
}

/* Until the writer has nothing more to merge: its next checkpoint is minutes away. */
static void settle(struct store *s)
{
    store_maintain(s);
    for (size_t chosen = 1; chosen > 0;) {
        struct stored_part *parts;
        size_t count;
        struct err e;
        edge_checkpoint_need(store_parts_snapshot(s, UINT64_MAX, &parts, &count, &e), &e);
        edge_merge_choose(parts, count, clock_wall_ns(), false, store_retention(s), &chosen);
        stored_parts_free(parts, count);
        if (chosen > 0)
            usleep(1000);
    }
}

static void build(struct store *s, uint64_t start_s, uint64_t end_s)
{
    struct cell_set *set = cell_set_new(1);
    double encode_ms = 0;
    uint64_t start_ns = clock_mono_ns(), head_bytes = 0;
    for (uint64_t at = start_s; at < end_s; at += CHECKPOINT_S) {
        cell_set_clear(set);
        for (uint64_t tile_s = at; tile_s < at + CHECKPOINT_S; tile_s += TILE_SECONDS)
            for (unsigned edge = 0; edge < EDGES; edge++)
                fill_tile(set, edge, tile_s);
        clock_set_ns((at + CHECKPOINT_S) * NS_PER_S, 0);
        edge_checkpoint_write(s, set, at);
        settle(s);
    }
    struct buf head = {0};
    struct cell_set *two = cell_set_new(1); /* as the collector publishes it */
    for (unsigned edge = 0; edge < EDGES; edge++)
        for (uint64_t i = 0; i < 2; i++)
            fill_tile(two, edge, end_s + i * TILE_SECONDS);
    uint64_t encode_ns = clock_mono_ns();
    struct err e;
    edge_checkpoint_need(edge_part_encode(two, false, &head, &e), &e);
    encode_ms = ms_since(encode_ns);
    head_bytes = head.len;
    buf_deinit(&head);
    cell_set_free(two);
    cell_set_free(set);
    printf("{\"bench\":\"edges_build\",\"hours\":%g,\"seconds\":%.1f,\"head_encode_ms\":%.2f,"
           "\"head_bytes\":%lu}\n",
           (double)(end_s - start_s) / 3600, ms_since(start_ns) / 1000, encode_ms, head_bytes);
}

/* --- questions --- */

static uint32_t by_edge(const struct cell_row *row, void *user)
{
    (void)user;
    return (uint32_t)(atoi(row->client.name.ptr + 8) * 5 + atoi(row->server.name.ptr + 8) % 5);
}

static uint32_t by_server(const struct cell_row *row, void *user)
{
    (void)user;
    return (uint32_t)atoi(row->server.name.ptr + 8);
}

static uint32_t by_operation(const struct cell_row *row, void *user)
{
    (void)user;
    if (atoi(row->server.name.ptr + 8) != 7)
        return UINT32_MAX;
    return (uint32_t)atoi(row->operation.ptr + 19);
}

static const double asked[] = {0.5, 0.9, 0.99};

static enum status quantiles(uint32_t group, uint64_t time_s, uint64_t weight, const double *ns,
                             void *user, struct err *e)
{
    double *sum = user;
    (void)group, (void)time_s, (void)weight, (void)e;
    for (size_t i = 0; i < LEN(asked); i++)
        *sum += ns[i];
    return ST_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ask(struct store *s, const char *name, const struct edge_query *q)
{
    double ms[ROUNDS], checksum = 0;
    size_t points = 0;
    struct err e;
    for (int round = 0; round < ROUNDS; round++) {
        const struct edge_view *view;
        struct edge_result result;
        struct edge_query query = *q;
        double start_ms = cpu_ms();
        query.user = &checksum;
        edge_checkpoint_need(edge_store_view(s, UINT64_MAX, &view, &e), &e);
        edge_checkpoint_need(edge_query_run(view, &query, &result, &e), &e);
        points = 0;
        for (uint32_t g = 0; g < result.series_count; g++)
            points += result.series[g].len;
        ms[round] = cpu_ms() - start_ms;
        edge_result_deinit(&result);
        edge_view_unref(view);
    }
    qsort(ms, ROUNDS, sizeof(*ms), by_value);
    printf("{\"bench\":\"edges_query\",\"query\":\"%s\",\"median_ms\":%.2f,\"min_ms\":%.2f,"
           "\"points_kept\":%zu}\n",
           name, ms[ROUNDS / 2], ms[0], points);
}

static void ask_all(struct store *s, uint64_t start_s, uint64_t end_s)
{
    const struct edge_query graph = {.start_s = start_s + 15,
                                     .end_s = end_s - 45,
                                     .sections = SECTION_ALL,
                                     .group = by_edge,
                                     .max_points = 1000000};
    struct edge_query q = graph;
    ask(s, "whole graph", &q);
    q.group = by_server;
    q.sections = SECTION_SERVER;
    q.without_sums = true;
    q.quantiles = quantiles;
    q.q = asked;
    q.q_count = LEN(asked);
    q.step_s = 300;
    ask(s, "percentiles of 40 servers, 5 min", &q);
    q.step_s = 60;
    ask(s, "percentiles of 40 servers, 60 s", &q);
    q.quantiles = NULL; /* kept: small enough again */
    q.group = by_operation;
    q.joint = true;
    q.step_s = 0;
    ask(s, "operations of one server", &q);
    q.step_s = 300;
    ask(s, "operations of one server, 5 min", &q);
}

static void print_size(struct store *s, const char *when, const struct options *o)
{
    struct store_stats stats;
    store_stats(s, &stats);
    printf("{\"bench\":\"edges_size\",\"when\":\"%s\",\"end\":\"%02u:%02u\",\"files\":%lu,"
           "\"mb\":%.1f,\"mb_a_day\":%.1f,\"merges\":%lu}\n",
           when, o->end_minute / HOUR_MINUTES, o->end_minute % HOUR_MINUTES, stats.edge_files,
           (double)stats.edge_bytes / 1e6, (double)stats.edge_bytes / 1e6 * 24 / o->hours,
           stats.merges);
    fflush(stdout);
}

/* Where the bytes are: tier, kind, and the sections from presence to exemplars. */
static void print_sections(struct store *s, const char *when)
{
    const struct edge_view *view;
    struct err e;
    double mb[TIER_COUNT][2][STORED_SECTIONS] = {0};
    edge_checkpoint_need(edge_store_view(s, UINT64_MAX, &view, &e), &e);
    for (size_t i = 0; i < view->part_count; i++)
        for (uint32_t b = 0; b < view->parts[i]->block_count; b++)
            for (unsigned x = 0; x < STORED_SECTIONS; x++) {
                const struct block_entry *entry = &view->parts[i]->blocks[b];
                mb[entry->tier][entry->joint][x] += entry->bytes[x] / 1e6;
            }
    edge_view_unref(view);
    for (unsigned t = 0; t < TIER_COUNT; t++)
        for (unsigned joint = 0; joint < 2; joint++) {
            const double *m = mb[t][joint];
            printf("{\"bench\":\"edges_bytes\",\"when\":\"%s\",\"tier_s\":%u,\"joint\":%u,"
                   "\"presence\":%.2f,\"counts\":%.2f,\"client\":%.2f,\"server\":%.2f,"
                   "\"transit\":%.2f,\"tallies\":%.2f,\"exemplars\":%.2f}\n",
                   when, tier_seconds(t), joint, m[0], m[1], m[2], m[3], m[4], m[5], m[6]);
        }
}

int main(int argc, char **argv)
{
    struct options o = options_read(argc, argv);
    char folder[] = "/tmp/weft-bench-XXXXXX", command[64];
    struct store_config config = {.directory = str_from_c(mkdtemp(folder)),
                                  .retention = retention_default()};
    struct store *s;
    struct err e;
    uint64_t end_s = DAY_S + o.end_minute * MINUTE_S;
    uint64_t start_s = end_s - (uint64_t)(o.hours * 3600);
    fill_pool();
    draw_variants();
    edge_checkpoint_need(store_open(&config, &s, &e), &e);
    build(s, start_s, end_s);
    print_size(s, "as built", &o);
    print_sections(s, "as built");
    if (!o.size_only)
        ask_all(s, start_s, end_s);
    uint64_t compact_ns = clock_mono_ns();
    edge_checkpoint_need(store_compact(s, &e), &e);
    printf("{\"bench\":\"edges_compact\",\"seconds\":%.1f}\n", ms_since(compact_ns) / 1000);
    edge_store_publish(s, &(struct edge_head){.checkpointed = end_s});
    print_size(s, "compacted", &o);
    print_sections(s, "compacted");
    if (!o.size_only)
        ask_all(s, start_s, end_s);
    store_close(s);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command) == 0 ? 0 : 1;
}
