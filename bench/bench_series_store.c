/* bench_series_store.c - the series store without network and decoding: what a sample costs to
 * apply, what a million series weigh, how fast one of them is found, how long a restart takes.
 * Usage: bench_series_store [quick]: 100,000 series instead of a million. One JSON line a result.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "storage/series_store.h"
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
    l[6] = (struct label){STR("pod"), text_of(arena, "backend-6c7d9f5b8-%07u", n)};
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
        s->hash = label_set_hash(s->labels, store_seed(r->store));
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
        snprintf(pod, sizeof(pod), "backend-6c7d9f5b8-%07u", n);
        label_matcher_init(&m[0], MATCH_EQ, LABEL_METRIC_NAME, metric, &e);
        label_matcher_init(&m[1], MATCH_EQ, STR("pod"), str_from_c(pod), &e);
        struct series_request q = {m, 2, start_ms - 300000, start_ms + 15000, &arena, 0, false};
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
    struct series_request q = {&m, 1, start_ms - 300000, start_ms + 60000, &arena, 0, true};
    must(series_view_take(r->series, &v, &e) == ST_OK, "view", &e);
    uint64_t begin = clock_mono_ns();
    must(series_view_select(v, &q, &list, &lost, &e) == ST_OK, "select", &e);
    printf("{\"bench\": \"series_match\", \"what\": \"%s\", \"found\": %u, \"ms\": %.3f}\n", what,
           list.count, (double)(clock_mono_ns() - begin) / 1e6);
    series_view_unref(v);
    label_matcher_deinit(&m);
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

int main(int argc, char **argv)
{
    unsigned series = argc > 1 && strcmp(argv[1], "quick") == 0 ? 100000 : 1000000;
    struct rig r = {.directory = "/tmp/weft-bench-XXXXXX"};
    if (!mkdtemp(r.directory))
        return 1;
    rig_open(&r, false);
    bench_append(&r, series);
    bench_select(&r, series);
    time_match(&r, "literal alternation", MATCH_RE, "pod",
               "backend-6c7d9f5b8-0000001|backend-6c7d9f5b8-0000002");
    time_match(&r, "prefix, first time", MATCH_RE, "pod", "backend-6c7d9f5b8-00000[0-4].*");
    time_match(&r, "prefix", MATCH_RE, "pod", "backend-6c7d9f5b8-00000[0-4].*");
    time_match(&r, "regex over all values", MATCH_RE, "pod", ".*99.7");
    time_match(&r, "a fiftieth", MATCH_EQ, "__name__", "http_requests_7_total");
    time_match(&r, "not one of two", MATCH_NE, "method", "GET");
    bench_restart(&r, series);
    rig_close(&r);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", r.directory);
    return system(command) != 0;
}
