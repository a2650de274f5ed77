/* bench_series_store.c - the series store without network and decoding: what a sample costs to
 * apply, what a million series weigh, how fast one of them is found, how long a restart takes.
 * Usage: bench_series_store [quick]: 100,000 series instead of a million. One JSON line a result.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "model/series_hash.h"
#include "storage/series_store.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_SERIES = 2000, LABELS = 8 };

static const int64_t start_ms = 1700000000000;

struct rig {
    struct store *store;
    struct account *account;
    struct series_store *series;
    char directory[64];
    uint64_t sequence;
};

static void must(bool ok, const char *what, const struct err *e)
{
    if (ok)
        return;
    fprintf(stderr, "bench_series_store: %s: %s\n", what, e->msg);
    exit(1);
}

static void rig_open(struct rig *r, bool start)
{
    struct err e = {0};
    struct store_config config = {str_from_c(r->directory), {0}};
    uint64_t position;
    must(store_open(&config, &r->store, &e) == ST_OK, "open", &e);
    r->account = account_new();
    struct series_store_config series = {.store = r->store, .account = r->account};
    must(series_store_open(&series, &r->series, &position, &e) == ST_OK, "open", &e);
    if (start)
        must(series_store_start(r->series, &e) == ST_OK, "start", &e);
}

static void rig_close(struct rig *r)
{
    series_store_stop(r->series);
    series_store_close(r->series);
    store_close(r->store);
    account_free(r->account);
}

static struct str text_of(struct arena *arena, const char *format, unsigned n)
{
    char text[64];
    snprintf(text, sizeof(text), format, n);
    return arena_dup_str(arena, str_from_c(text));
}

/* Pods do not come in the order of their names. */
static unsigned pod_of(unsigned n)
{
    enum { PRIME = 387427, PODS = 1000000 };
    return (unsigned)((uint64_t)n * PRIME % PODS);
}

/* As an instrumented mesh has them: one label of its own, the others shared by few to many. */
static struct label_set labels_of(struct arena *arena, unsigned n)
{
    struct label *l = arena_alloc(arena, LABELS * sizeof(*l));
    l[0] = (struct label){LABEL_METRIC_NAME, text_of(arena, "http_requests_%u_total", n % 50)};
    l[1] = (struct label){STR("cluster"), STR("production-eu-west-1")};
    l[2] = (struct label){STR("code"), text_of(arena, "%u", 200 + n % 7)};
    l[3] = (struct label){STR("instance"), text_of(arena, "10.%u.0.17:9090", n / 500)};
    l[4] = (struct label){STR("job"), text_of(arena, "service-%u", n / 5000)};
    l[5] = (struct label){STR("method"), n % 2 ? STR("GET") : STR("POST")};
    l[6] = (struct label){STR("pod"), text_of(arena, "backend-6c7d9f5b8-%07u", pod_of(n))};
    l[7] = (struct label){STR("zone"), text_of(arena, "zone-%u", n % 3)};
    return (struct label_set){l, LABELS};
}

static struct batch *batch_of(struct rig *r, unsigned first, unsigned count, unsigned samples,
                              int64_t time_ms)
{
    struct batch *b = batch_new();
    struct metric_batch *m = arena_calloc(&b->arena, 1, sizeof(*m));
    m->series = arena_calloc(&b->arena, count, sizeof(*m->series));
    m->series_count = count;
    for (unsigned i = 0; i < count; i++) {
        struct metric_series *s = &m->series[i];
        s->labels = labels_of(&b->arena, first + i);
        s->hash = series_hash(s->labels, store_seed(r->store));
        s->samples = arena_calloc(&b->arena, samples, sizeof(*s->samples));
        s->sample_count = s->item_count = samples;
        for (unsigned k = 0; k < samples; k++) {
            s->samples[k].time_ms = time_ms + (int64_t)k * 1000;
            s->samples[k].value = first + i + k;
        }
    }
    b->received = m->sample_count = count * samples;
    b->metrics = m;
    b->signal = BATCH_METRICS;
    b->encoding = ENCODING_REMOTE_WRITE_1;
    b->sender = STR("127.0.0.1:1");
    b->sequence = ++r->sequence;
    b->arrival_ns = (uint64_t)time_ms * NS_PER_MS;
    return b;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static double resident_mb(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* Applies one round of all series on this thread; the batches are made before the clock runs. */
static double apply_round(struct rig *r, unsigned series, unsigned samples, int64_t time_ms)
{
    uint64_t spent = 0;
    for (unsigned at = 0; at < series; at += BATCH_SERIES) {
        struct batch *b =
            batch_of(r, at, MIN(series - at, (unsigned)BATCH_SERIES), samples, time_ms);
        uint64_t begin = cpu_ns();
        series_store_batch(r->series, b);
        spent += cpu_ns() - begin;
    }
    return (double)spent / ((double)series * samples);
}

static void bench_append(struct rig *r, unsigned series)
{
    double base_mb = resident_mb();
    double fresh = apply_round(r, series, 1, start_ms);
    double known = apply_round(r, series, 1, start_ms + 15000);
    double heavy = resident_mb() - base_mb;
    double many = apply_round(r, BATCH_SERIES * 5, 40, start_ms + 60000);
    struct series_stats stats;
    series_store_stats(r->series, &stats);
    printf("{\"bench\": \"series_append\", \"series\": %u, \"new_ns\": %.0f, \"one_ns\": %.0f, "
           "\"forty_ns\": %.1f, \"resident_mb\": %.0f, \"counted_mb\": %.0f}\n",
           series, fresh, known, many, heavy, (double)stats.memory_bytes / 1e6);
}

static void bench_select(struct rig *r, unsigned series)
{
    enum { ROUNDS = 200 };
    struct err e = {0};
    struct label_matcher m[2];
    char pod[64];
    uint64_t begin = clock_mono_ns(), lost = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct series_view *v;
        struct arena arena = {0};
        struct series_list list = {0};
        unsigned n = i * 4999 % series;
        struct str metric = text_of(&arena, "http_requests_%u_total", n % 50);
        snprintf(pod, sizeof(pod), "backend-6c7d9f5b8-%07u", pod_of(n));
        label_matcher_init(&m[0], MATCH_EQ, LABEL_METRIC_NAME, metric, &e);
        label_matcher_init(&m[1], MATCH_EQ, STR("pod"), str_from_c(pod), &e);
        struct series_request q = {.matchers = m,
                                   .matcher_count = 2,
                                   .start_ms = start_ms - 300000,
                                   .end_ms = start_ms + 15000,
                                   .arena = &arena};
        must(series_view_take(r->series, &v, &e) == ST_OK, "view", &e);
        must(series_view_select(v, &q, &list, &lost, &e) == ST_OK && list.count == 1, "select", &e);
        series_view_unref(v);
        arena_deinit(&arena);
    }
    printf("{\"bench\": \"series_select_one\", \"series\": %u, \"us\": %.1f}\n", series,
           (double)(clock_mono_ns() - begin) / 1e3 / ROUNDS);
}

static void time_match(struct rig *r, const char *what, enum match_op op, const char *name,
                       const char *value)
{
    struct err e = {0};
    struct label_matcher m;
    struct series_view *v;
    struct arena arena = {0};
    struct series_list list = {0};
    uint64_t lost = 0;
    must(label_matcher_init(&m, op, str_from_c(name), str_from_c(value), &e) == ST_OK, what, &e);
    struct series_request q = {.matchers = &m,
                               .matcher_count = 1,
                               .start_ms = start_ms - 300000,
                               .end_ms = start_ms + 60000,
                               .arena = &arena,
                               .names_only = true};
    must(series_view_take(r->series, &v, &e) == ST_OK, "view", &e);
    uint64_t begin = clock_mono_ns();
    must(series_view_select(v, &q, &list, &lost, &e) == ST_OK, "select", &e);
    printf("{\"bench\": \"series_match\", \"what\": \"%s\", \"found\": %u, \"ms\": %.3f}\n", what,
           list.count, (double)(clock_mono_ns() - begin) / 1e6);
    series_view_unref(v);
    label_matcher_deinit(&m);
    arena_deinit(&arena);
}

static const struct {
    const char *what, *pattern;
} expressions[] = {
    {"prefix", "backend-6c7d9f5b8-00000[0-4].*"},
    {"short text behind anything", ".*99.7"},
    {"text inside", ".*8-00123.*"},
    {"one of three texts inside", ".*-[0-9]*(0012|0013|0014)."},
    {"text in either case", "(?i).*BACKEND.*00123."},
    {"no text, classes alone", "[a-z]+.[0-9a-f]+.[0-9]*[0-1]+7"},
    {"anything", ".+"},
};

static void time_values(struct rig *r, const char *what)
{
    struct err e = {0};
    struct series_view *v;
    struct arena arena = {0};
    struct str *values;
    uint32_t count;
    bool truncated;
    struct series_request q = {NULL, 0, start_ms - 300000, start_ms + 60000, &arena, 0, true};
    must(series_view_take(r->series, &v, &e) == ST_OK, "view", &e);
    uint64_t begin = clock_mono_ns();
    must(series_view_labels(v, &q, STR("pod"), 0, &values, &count, &truncated, &e) == ST_OK,
         "values", &e);
    printf("{\"bench\": \"series_values\", \"what\": \"%s\", \"found\": %u, \"ms\": %.3f}\n", what,
           count, (double)(clock_mono_ns() - begin) / 1e6);
    series_view_unref(v);
    arena_deinit(&arena);
}

static void bench_restart(struct rig *r, unsigned series)
{
    struct err e = {0};
    uint64_t begin = clock_mono_ns();
    must(series_store_start(r->series, &e) == ST_OK, "start", &e);
    must(series_store_checkpoint(r->series, &e) == ST_OK, "checkpoint", &e);
    double save_ms = (double)(clock_mono_ns() - begin) / 1e6;
    struct series_stats stats;
    series_store_stats(r->series, &stats);
    rig_close(r);
    begin = clock_mono_ns();
    rig_open(r, false);
    printf("{\"bench\": \"series_restart\", \"series\": %u, \"checkpoint_ms\": %.0f, \"open_ms\": "
           "%.0f, \"part_bytes_a_sample\": %.2f}\n",
           series, save_ms, (double)(clock_mono_ns() - begin) / 1e6,
           (double)stats.part_bytes / (double)stats.samples_parts);
}

/* --- the mesh workload of the issue: 200 edges, 18 classic series each, 4 h at 15 s --- */

enum { EDGES = 200, BOUNDS = 16, EDGE_SERIES = BOUNDS + 2, STEPS = 960 };

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % limit;
}

static struct label_set mesh_labels(struct arena *arena, unsigned edge, unsigned series)
{
    static const char *const names[] = {"_bucket", "_sum", "_count"};
    unsigned kind = series < BOUNDS ? 0 : series - BOUNDS + 1;
    struct label *l = arena_calloc(arena, 4, sizeof(*l));
    char name[64];
    snprintf(name, sizeof(name), "request_duration_seconds%s", names[kind]);
    l[0] = (struct label){LABEL_METRIC_NAME, arena_dup_str(arena, str_from_c(name))};
    l[1] = (struct label){STR("destination"), text_of(arena, "service-%u", edge % 40)};
    l[kind ? 2 : 3] = (struct label){STR("source"), text_of(arena, "service-%u", edge / 5)};
    if (kind)
        return (struct label_set){l, 3};
    l[2] = (struct label){STR("le"),
                          series + 1 == BOUNDS ? STR("+Inf") : text_of(arena, "%u", 1u << series)};
    return (struct label_set){l, 4};
}

/* Each edge's cumulative counts; about 30 requests an edge and step. */
static void mesh_advance(double values[EDGES][EDGE_SERIES])
{
    for (unsigned e = 0; e < EDGES; e++) {
        uint64_t requests = 20 + random_below(20 + e % 7);
        for (uint64_t i = 0; i < requests; i++) {
            unsigned bucket = 4 + (unsigned)(random_below(4) + random_below(4));
            for (unsigned b = bucket; b < BOUNDS; b++)
                values[e][b]++;
            values[e][BOUNDS] += (double)(1u << bucket) * 0.75;
            values[e][BOUNDS + 1]++;
        }
    }
}

static struct batch *mesh_batch(struct rig *r, double values[EDGES][EDGE_SERIES], int64_t time_ms)
{
    struct batch *b = batch_new();
    struct metric_batch *m = arena_calloc(&b->arena, 1, sizeof(*m));
    m->series = arena_calloc(&b->arena, EDGES * EDGE_SERIES, sizeof(*m->series));
    for (unsigned i = 0; i < EDGES * EDGE_SERIES; i++) {
        struct metric_series *s = &m->series[m->series_count++];
        s->labels = mesh_labels(&b->arena, i / EDGE_SERIES, i % EDGE_SERIES);
        s->hash = series_hash(s->labels, store_seed(r->store));
        s->samples = arena_calloc(&b->arena, 1, sizeof(*s->samples));
        s->samples[0].time_ms = time_ms;
        s->samples[0].value = values[i / EDGE_SERIES][i % EDGE_SERIES];
        s->sample_count = s->item_count = 1;
    }
    b->received = m->series_count;
    b->metrics = m;
    b->encoding = ENCODING_REMOTE_WRITE_1;
    b->sender = STR("127.0.0.1:1");
    b->sequence = ++r->sequence;
    b->arrival_ns = (uint64_t)time_ms * NS_PER_MS;
    return b;
}

static void mesh_select(struct rig *r, const char *when)
{
    struct err e = {0};
    struct label_matcher m;
    uint64_t best = UINT64_MAX, lost = 0;
    must(label_matcher_init(&m, MATCH_EQ, LABEL_METRIC_NAME, STR("request_duration_seconds_bucket"),
                            &e) == ST_OK,
         "matcher", &e);
    for (int round = 0; round < 5; round++) {
        struct series_view *v;
        struct arena arena = {0};
        struct series_list list = {0};
        struct series_request q = {.matchers = &m,
                                   .matcher_count = 1,
                                   .start_ms = start_ms - 300000,
                                   .end_ms = INT64_MAX,
                                   .arena = &arena};
        uint64_t begin = cpu_ns();
        must(series_view_take(r->series, &v, &e) == ST_OK, "view", &e);
        must(series_view_select(v, &q, &list, &lost, &e) == ST_OK, "select", &e);
        best = MIN(best, cpu_ns() - begin);
        must(list.count == EDGES * BOUNDS && list.items[0].sample_count == STEPS, "answer", &e);
        series_view_unref(v);
        arena_deinit(&arena);
    }
    printf("{\"bench\": \"series_mesh_select\", \"when\": \"%s\", \"samples\": %u, \"ms\": "
           "%.2f}\n",
           when, EDGES * BOUNDS * STEPS, (double)best / 1e6);
    label_matcher_deinit(&m);
}

static uint64_t file_bytes;

static int sum_and_remove(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)where;
    file_bytes += type == FTW_F ? (uint64_t)info->st_size : 0;
    return remove(path);
}

static void bench_mesh(void)
{
    static double values[EDGES][EDGE_SERIES];
    struct rig r = {.directory = "/tmp/weft-bench-XXXXXX"};
    struct err e = {0};
    if (!mkdtemp(r.directory))
        return;
    rig_open(&r, true);
    for (unsigned step = 0; step < STEPS; step++) {
        mesh_advance(values);
        series_store_batch(r.series, mesh_batch(&r, values, start_ms + (int64_t)step * 15000));
        if (step % 40 == 39)
            must(series_store_checkpoint(r.series, &e) == ST_OK, "checkpoint", &e);
    }
    mesh_select(&r, "parts of ten minutes");
    must(series_store_compact(r.series, &e) == ST_OK, "compact", &e);
    mesh_select(&r, "compacted");
    rig_close(&r);
    file_bytes = 0;
    nftw(r.directory, sum_and_remove, 16, FTW_DEPTH | FTW_PHYS);
    printf("{\"bench\": \"series_mesh_size\", \"bytes_a_sample_all_files\": %.3f}\n",
           (double)file_bytes / (EDGES * EDGE_SERIES * STEPS));
}

int main(int argc, char **argv)
{
    unsigned series = argc > 1 && strcmp(argv[1], "quick") == 0 ? 100000 : 1000000;
    struct rig r = {.directory = "/tmp/weft-bench-XXXXXX"};
    if (!mkdtemp(r.directory))
        return 1;
    bench_mesh();
    rig_open(&r, false);
    bench_append(&r, series);
    bench_select(&r, series);
    time_match(&r, "literal alternation", MATCH_RE, "pod",
               "backend-6c7d9f5b8-0000001|backend-6c7d9f5b8-0000002");
    for (unsigned i = 0; i < LEN(expressions); i++)
        time_match(&r, expressions[i].what, MATCH_RE, "pod", expressions[i].pattern);
    time_values(&r, "values of a label, first time");
    time_values(&r, "values of a label");
    time_match(&r, expressions[0].what, MATCH_RE, "pod", expressions[0].pattern);
    time_match(&r, "a fiftieth", MATCH_EQ, "__name__", "http_requests_7_total");
    time_match(&r, "not one of two", MATCH_NE, "method", "GET");
    bench_restart(&r, series);
    rig_close(&r);
    nftw(r.directory, sum_and_remove, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
