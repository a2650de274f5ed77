/* bench_derived.c - 30 days of a mesh in a data directory, for run.py to ask: 40 edges of 4
 * requests a second in tiles of 15 s, and, with `raw`, the same latencies as the 18 classic series
 * of each edge that an application would have sent. Joint rows are as coarse as their age leaves
 * them. Usage: bench_derived DIRECTORY [raw]. One JSON line a result. */
#include "base/clock.h"
#include "bench/edge_checkpoint.h"
#include "model/series_hash.h"
#include "storage/series_store.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DAYS = 30,
    EDGES = 40,
    VARIANTS = 64,         /* cells of a tile that are drawn; the rest repeats them */
    REQUESTS = 60,         /* a tile */
    CHECKPOINT_S = 21600,  /* so much in a part, before they are merged */
    MINUTES_S = 7 * 86400, /* joint rows keep minutes so long, then five minutes */
    SAMPLES = 40,          /* of each raw series in a batch */
    BOUNDS = 15,
    SERIES = BOUNDS + 3, /* sum, count, failures */
};

static void must(bool ok)
{
    edge_checkpoint_need(ok ? ST_OK : ST_NO_MEMORY, &(struct err){.msg = "no memory"});
}

static double seconds_since(uint64_t start_ns)
{
    return (double)(clock_mono_ns() - start_ns) / 1e9;
}

static uint64_t next_random(void)
{
    static uint64_t state = 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* --- what is drawn once --- */

struct variant_cell {
    struct cell cell;
    double raw[SERIES]; /* what the classic series grow by */
};

static struct variant_cell variants[VARIANTS];
static const double bounds[BOUNDS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,     0.25,
                                      0.5,   1,      2.5,   5,    10,    30,   INFINITY};

static uint64_t latency_ns(void)
{
    const double scale = 1.0 / (double)(UINT64_C(1) << 53);
    double u = ((double)(next_random() >> 11) + 0.5) * scale;
    double v = (double)(next_random() >> 11) * scale;
    return (uint64_t)(3e7 * exp(0.8 * sqrt(-2 * log(u)) * cos(6.283185307179586 * v)));
}

static void add_request(struct variant_cell *v)
{
    struct cell *c = &v->cell;
    uint64_t server_ns = latency_ns(), transit_ns = latency_ns() / 20;
    double seconds = (double)server_ns / 1e9;
    bool failed = next_random() % 50 == 0;
    c->observed++;
    c->weight += WEIGHT_ONE;
    c->attempts += WEIGHT_ONE;
    c->errors += failed ? WEIGHT_ONE : 0;
    c->request_bytes += 300 + next_random() % 500;
    c->request_sized += WEIGHT_ONE;
    must(histogram_add(&c->client, server_ns + transit_ns, WEIGHT_ONE) &&
         histogram_add(&c->server, server_ns, WEIGHT_ONE) &&
         histogram_add(&c->transit, transit_ns, WEIGHT_ONE));
    for (int i = 0; i < BOUNDS; i++)
        v->raw[i] += seconds <= bounds[i];
    v->raw[BOUNDS] += round(seconds * 1e6) / 1e6;
    v->raw[BOUNDS + 1]++;
    v->raw[BOUNDS + 2] += failed;
}

static void draw_variants(void)
{
    for (unsigned v = 0; v < VARIANTS; v++)
        for (unsigned i = 0; i < REQUESTS; i++)
            add_request(&variants[v]);
}

static void edge_names(unsigned edge, char client[24], char server[24])
{
    snprintf(client, 24, "service-%u", edge / 5);
    snprintf(server, 24, "service-%u", edge);
}

/* --- edges --- */

static uint32_t row_id(struct cell_set *set, unsigned edge, bool is_total)
{
    char client[24], server[24];
    edge_names(edge, client, server);
    struct cell_row row = {.client = {.space = STR("shop"), .name = str_from_c(client)},
                           .server = {.space = STR("shop"), .name = str_from_c(server)},
                           .protocol = PROTOCOL_HTTP,
                           .views = VIEW_BOTH,
                           .is_total = is_total};
    if (!is_total) {
        row.server_variant.version = STR("v1");
        row.operation = STR("GET /things");
        row.code = STR("200");
    }
    uint32_t id = cell_set_row(set, &row);
    must(id != UINT32_MAX);
    return id;
}

static void add_cell(struct cell_set *set, uint32_t row, uint64_t tile_s, const struct cell *from)
{
    struct cell *c = cell_set_cell(set, row, tile_s);
    must(c && cell_merge(c, from, NULL, NULL));
}

static void fill_edge(struct cell_set *set, unsigned edge, uint64_t from_s, uint64_t to_s,
                      uint64_t end_s)
{
    uint32_t total = row_id(set, edge, true), joint = row_id(set, edge, false);
    uint64_t joint_s = end_s - from_s > MINUTES_S ? 300 : 60;
    for (uint64_t tile_s = from_s; tile_s < to_s; tile_s += TILE_SECONDS) {
        const struct cell *drawn = &variants[next_random() % VARIANTS].cell;
        add_cell(set, total, tile_s, drawn);
        if (tile_s % joint_s == 0)
            add_cell(set, joint, tile_s, drawn);
    }
}

static void build_edges(struct store *s, uint64_t start_s, uint64_t end_s)
{
    uint64_t begin_ns = clock_mono_ns();
    struct cell_set *set = cell_set_new(1);
    struct store_stats stats;
    struct err e;
    must(set != NULL);
    for (uint64_t at = start_s; at < end_s; at += CHECKPOINT_S) {
        cell_set_clear(set);
        for (unsigned edge = 0; edge < EDGES; edge++)
            fill_edge(set, edge, at, MIN(at + CHECKPOINT_S, end_s), end_s);
        edge_checkpoint_write(s, set, 1 + (at - start_s) / CHECKPOINT_S);
    }
    cell_set_free(set);
    edge_checkpoint_need(store_compact(s, &e), &e);
    store_stats(s, &stats);
    printf("{\"bench\":\"derived\",\"case\":\"edges built\",\"seconds\":%.1f,\"mb\":%.1f,"
           "\"files\":%lu}\n",
           seconds_since(begin_ns), (double)stats.edge_bytes / 1e6, stats.edge_files);
    fflush(stdout);
}

/* --- the same as an application's own histograms --- */

static double totals[EDGES][SERIES];

static struct label_set raw_labels(struct arena *arena, unsigned edge, unsigned series)
{
    static const char *const suffixes[] = {"_sum", "_count", "_failed_total"};
    char client[24], server[24], name[64], le[16];
    struct label *l = arena_alloc(arena, 4 * sizeof(*l));
    must(l != NULL);
    edge_names(edge, client, server);
    snprintf(name, sizeof(name), "raw_request_seconds%s",
             series < BOUNDS ? "_bucket" : suffixes[series - BOUNDS]);
    snprintf(le, sizeof(le), series == BOUNDS - 1 ? "+Inf" : "%g", bounds[series % BOUNDS]);
    l[0] = (struct label){LABEL_METRIC_NAME, arena_dup_str(arena, str_from_c(name))};
    l[1] = (struct label){STR("client"), arena_dup_str(arena, str_from_c(client))};
    l[2] = (struct label){STR("le"), arena_dup_str(arena, str_from_c(le))};
    l[3] = (struct label){STR("server"), arena_dup_str(arena, str_from_c(server))};
    if (series < BOUNDS)
        return (struct label_set){l, 4};
    l[2] = l[3];
    return (struct label_set){l, 3};
}

static void raw_edge(struct metric_series *all, struct arena *arena, unsigned edge, uint64_t seed,
                     int64_t time_ms)
{
    for (unsigned i = 0; i < SERIES; i++) {
        struct metric_series *s = &all[i];
        s->labels = raw_labels(arena, edge, i);
        s->hash = series_hash(s->labels, seed);
        s->samples = arena_calloc(arena, SAMPLES, sizeof(*s->samples));
        s->sample_count = s->item_count = SAMPLES;
        must(s->samples != NULL);
    }
    for (unsigned k = 0; k < SAMPLES; k++) {
        const double *grown = variants[next_random() % VARIANTS].raw;
        for (unsigned i = 0; i < SERIES; i++) {
            totals[edge][i] = round((totals[edge][i] + grown[i]) * 1e6) / 1e6;
            all[i].samples[k].time_ms = time_ms + (int64_t)k * TILE_SECONDS * 1000;
            all[i].samples[k].value = totals[edge][i];
        }
    }
}

static struct batch *raw_batch(uint64_t seed, int64_t time_ms)
{
    static uint64_t sequence;
    struct batch *b = batch_new();
    must(b != NULL);
    struct metric_batch *m = arena_calloc(&b->arena, 1, sizeof(*m));
    must(m != NULL);
    m->series_count = EDGES * SERIES;
    m->series = arena_calloc(&b->arena, m->series_count, sizeof(*m->series));
    must(m->series != NULL);
    for (unsigned edge = 0; edge < EDGES; edge++)
        raw_edge(m->series + (size_t)edge * SERIES, &b->arena, edge, seed, time_ms);
    b->received = m->sample_count = EDGES * SERIES * SAMPLES;
    b->metrics = m;
    b->signal = BATCH_METRICS;
    b->encoding = ENCODING_REMOTE_WRITE_1;
    b->sender = STR("127.0.0.1:1");
    b->sequence = ++sequence;
    b->arrival_ns = (uint64_t)time_ms * NS_PER_MS;
    return b;
}

static void build_raw(struct store *s, uint64_t start_s, uint64_t end_s)
{
    uint64_t begin_ns = clock_mono_ns(), position;
    struct series_store_config config = {.store = s, .account = account_new()};
    struct series_store *series;
    struct series_stats stats;
    struct err e;
    edge_checkpoint_need(series_store_open(&config, &series, &position, &e), &e);
    edge_checkpoint_need(series_store_start(series, &e), &e);
    for (uint64_t at = start_s; at < end_s; at += SAMPLES * TILE_SECONDS) {
        series_store_batch(series, raw_batch(store_seed(s), (int64_t)at * 1000));
        if (at % CHECKPOINT_S == 0)
            edge_checkpoint_need(series_store_checkpoint(series, &e), &e);
    }
    edge_checkpoint_need(series_store_compact(series, &e), &e);
    series_store_stats(series, &stats);
    printf("{\"bench\":\"derived\",\"case\":\"raw built\",\"seconds\":%.1f,\"mb\":%.1f,"
           "\"samples\":%lu,\"files\":%lu}\n",
           seconds_since(begin_ns), (double)stats.part_bytes / 1e6, stats.samples_parts,
           stats.part_files);
    series_store_stop(series);
    series_store_close(series);
    account_free(config.account);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench_derived DIRECTORY [raw]\n");
        return 2;
    }
    struct store_config config = {.directory = str_from_c(argv[1]),
                                  .retention = retention_default()};
    struct store *s;
    struct err e;
    uint64_t end_s = clock_wall_ns() / NS_PER_S / 3600 * 3600, start_s = end_s - DAYS * 86400;
    draw_variants();
    edge_checkpoint_need(store_open(&config, &s, &e), &e);
    build_edges(s, start_s, end_s);
    if (argc > 2)
        build_raw(s, start_s, end_s);
    store_close(s);
    printf("{\"bench\":\"derived\",\"case\":\"range\",\"start_s\":%lu,\"end_s\":%lu}\n", start_s,
           end_s);
    return 0;
}
