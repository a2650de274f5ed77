/* bench_series_part.c - series parts of a mesh: bytes a sample, and what writing, reading and
 * merging cost. 200 edges of 18 classic series (15 bounds), 4 h at 15 s, 31 M requests, log-normal
 * latencies with 1 % ten times as long; the same as native histograms of schema 3 and 6; a
 * checkpoint of many series with two samples each. Usage: bench_series_part [quick | active]: a
 * tenth of the series, or only those with two samples. One JSON line a result. */
#include "base/arena.h"
#include "base/fileio.h"
#include "base/mem.h"
#include "storage/series_part.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    EDGES = 200,
    STEPS = 960,
    STEP_MS = 15000,
    REQUESTS = 161, /* of an edge and step, on average */
    BOUNDS = 15,
    CLASSIC = BOUNDS + 3,
    PARTS = 12, /* merged into one */
    ACTIVE = 1000000,
    ROUNDS = 7,
};
static const int64_t START_MS = INT64_C(1700000000000);
static const double bounds[BOUNDS] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                      0.5,   1,     2,     5,    10,   20,   50};

static uint64_t state = 1;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double uniform(void)
{
    return ((double)(next_random() >> 11) + 0.5) / (double)(UINT64_C(1) << 53);
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

static double latency_s(unsigned edge)
{
    double median = 0.004 * (1 + edge % 10);
    return median * exp(0.5 * normal()) * (next_random() % 100 == 0 ? 10 : 1);
}

static unsigned arrivals(void)
{
    double n = REQUESTS + sqrt((double)REQUESTS) * normal();
    return n > 0 ? (unsigned)(n + 0.5) : 0;
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void need(bool ok, const char *what, const struct err *e)
{
    if (ok)
        return;
    fprintf(stderr, "bench_series_part: %s: %s\n", what, e ? e->msg : "");
    exit(1);
}

/* Runs of one kind, in the order of keys. */
struct load {
    struct arena arena;
    struct series_run *runs;
    uint32_t run_count;
    uint64_t samples;
};

static struct load load_new(uint32_t run_count)
{
    struct load l = {.runs = mem_need(run_count * sizeof(struct series_run)),
                     .run_count = run_count};
    return l;
}

static void load_free(struct load *l)
{
    arena_deinit(&l->arena);
    mem_free(l->runs);
}

static void *take(struct load *l, size_t bytes)
{
    void *at = arena_alloc(&l->arena, bytes);
    need(at != NULL, "memory", NULL);
    return memset(at, 0, bytes);
}

static int64_t *make_times(struct load *l)
{
    int64_t *times = take(l, STEPS * sizeof(*times));
    for (unsigned i = 0; i < STEPS; i++)
        times[i] = START_MS + i * STEP_MS;
    return times;
}

static void fill_edge(double *values[CLASSIC], unsigned edge)
{
    double held[CLASSIC] = {0}, sum_us = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        for (unsigned n = arrivals(); n > 0; n--) {
            double s = latency_s(edge);
            unsigned b = 0;
            while (b < BOUNDS && s > bounds[b])
                b++;
            held[b]++;
            sum_us += rint(s * 1e6);
        }
        double all = 0;
        for (unsigned b = 0; b <= BOUNDS; b++)
            values[b][i] = all += held[b];
        values[BOUNDS + 1][i] = sum_us / 1e6;
        values[BOUNDS + 2][i] = all;
    }
}

static struct load make_classic(unsigned edges)
{
    struct load l = load_new(edges * CLASSIC);
    const int64_t *times = make_times(&l);
    for (unsigned edge = 0; edge < edges; edge++) {
        double *values[CLASSIC];
        for (unsigned k = 0; k < CLASSIC; k++) {
            uint32_t id = edge * CLASSIC + k + 1;
            bool bucket = k <= BOUNDS;
            values[k] = take(&l, STEPS * sizeof(double));
            l.runs[id - 1] = (struct series_run){.key = {bucket ? edge * CLASSIC + 1 : id, id,
                                                         !bucket      ? NAN
                                                         : k < BOUNDS ? bounds[k]
                                                                      : INFINITY},
                                                 .sample_count = STEPS,
                                                 .times_ms = times,
                                                 .values = values[k]};
        }
        fill_edge(values, edge);
    }
    l.samples = (uint64_t)l.run_count * STEPS;
    return l;
}

enum { NATIVE_SPAN = 8192 };

static struct native_histogram *snapshot(struct load *l, const double *held, int schema, double sum)
{
    struct native_histogram *h = take(l, sizeof(*h));
    uint32_t filled = 0;
    for (unsigned k = 0; k < NATIVE_SPAN; k++)
        filled += held[k] > 0;
    h->schema = (int8_t)schema;
    h->zero_threshold = 1e-128;
    h->sum = sum;
    h->positive.items = take(l, filled * sizeof(*h->positive.items));
    for (unsigned k = 0; k < NATIVE_SPAN; k++)
        if (held[k] > 0) {
            h->positive.items[h->positive.count++] =
                (struct native_bucket){(int32_t)k - NATIVE_SPAN / 2, held[k]};
            h->count += held[k];
        }
    return h;
}

static struct load make_native(unsigned edges, int schema)
{
    struct load l = load_new(edges);
    const int64_t *times = make_times(&l);
    double *held = mem_need(NATIVE_SPAN * sizeof(*held)), *values = take(&l, STEPS * 8);
    for (unsigned edge = 0; edge < edges; edge++) {
        const struct native_histogram **slots = take(&l, STEPS * sizeof(*slots));
        double sum_us = 0;
        memset(held, 0, NATIVE_SPAN * sizeof(*held));
        for (unsigned i = 0; i < STEPS; i++) {
            for (unsigned n = arrivals(); n > 0; n--) {
                double s = latency_s(edge);
                held[NATIVE_SPAN / 2 + (int)ceil(ldexp(log2(s), schema))]++;
                sum_us += rint(s * 1e6);
            }
            slots[i] = snapshot(&l, held, schema, sum_us / 1e6);
        }
        l.runs[edge] = (struct series_run){.key = {edge + 1, edge + 1, NAN},
                                           .sample_count = STEPS,
                                           .times_ms = times,
                                           .values = values,
                                           .histograms = slots};
    }
    mem_free(held);
    l.samples = (uint64_t)edges * STEPS;
    return l;
}

/* Counters of few samples: a checkpoint of half a minute has two of each. */
static struct load make_active(uint32_t series, uint32_t samples)
{
    struct load l = load_new(series);
    int64_t *times = take(&l, samples * sizeof(*times));
    for (uint32_t k = 0; k < samples; k++)
        times[k] = START_MS + k * STEP_MS;
    for (uint32_t i = 0; i < series; i++) {
        double *values = take(&l, samples * sizeof(*values));
        values[0] = (double)(next_random() % 1000000);
        for (uint32_t k = 1; k < samples; k++)
            values[k] = values[k - 1] + (double)(next_random() % 100);
        l.runs[i] = (struct series_run){.key = {i + 1, i + 1, NAN},
                                        .sample_count = samples,
                                        .times_ms = times,
                                        .values = values};
    }
    l.samples = samples * (uint64_t)series;
    return l;
}

static void write_cut(const struct load *l, const char *path, enum series_effort effort,
                      uint32_t from, uint32_t to)
{
    struct series_part_writer *w;
    struct err e = {0};
    need(series_part_writer_new(path, effort, &w, &e) == ST_OK, "writer", &e);
    for (uint32_t i = 0; i < l->run_count; i++) {
        struct series_run run = l->runs[i];
        run.times_ms += from;
        run.values += from;
        run.histograms = run.histograms ? run.histograms + from : NULL;
        run.sample_count = to - from;
        need(series_part_writer_add(w, &run, &e) == ST_OK, "add", &e);
    }
    need(series_part_writer_finish(w, &e) == ST_OK, "finish", &e);
    series_part_writer_free(w);
}

static struct series_part *open_part(const char *path)
{
    struct series_part *p;
    struct err e = {0};
    need(series_part_open(path, &p, &e) == ST_OK, "open", &e);
    return p;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, unsigned count)
{
    qsort(v, count, sizeof(*v), by_value);
    return v[count / 2];
}

static void report(const char *name, const char *unit, double value)
{
    printf("{\"bench\": \"series_part\", \"name\": \"%s\", \"%s\": %.4f}\n", name, unit, value);
    fflush(stdout);
}

static void bench_write(const struct load *l, const char *path, enum series_effort effort,
                        const char *name, unsigned rounds)
{
    double ms[ROUNDS];
    char text[64];
    uint32_t steps = l->runs[0].sample_count;
    for (unsigned i = 0; i < rounds; i++) {
        double start = cpu_ms();
        write_cut(l, path, effort, 0, steps);
        ms[i] = cpu_ms() - start;
    }
    struct series_part *p = open_part(path);
    snprintf(text, sizeof(text), "%s size", name);
    report(text, "bytes_a_sample", (double)series_part_info(p).bytes / (double)l->samples);
    snprintf(text, sizeof(text), "%s write", name);
    report(text, "ns_a_sample", median(ms, rounds) * 1e6 / (double)l->samples);
    series_part_unref(p);
}

struct tally {
    uint64_t samples;
    double sum;
};

static enum status add_up(const struct series_run *run, void *user, struct err *e)
{
    struct tally *t = user;
    (void)e;
    t->samples += run->sample_count;
    t->sum += run->values[run->sample_count - 1];
    return ST_OK;
}

static void bench_read(const char *path, const struct series_key *keys, uint32_t key_count,
                       bool keep, const char *name)
{
    double ms[ROUNDS];
    char text[64];
    struct series_part *p = open_part(path);
    struct arena arena = {0};
    struct tally t;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t lost = 0;
        struct err e = {0};
        struct series_part_read read = {.keys = keys,
                                        .key_count = key_count,
                                        .start_ms = INT64_MIN,
                                        .end_ms = INT64_MAX,
                                        .arena = keep ? &arena : NULL,
                                        .each = add_up,
                                        .user = &t};
        t = (struct tally){0};
        double start = cpu_ms();
        need(series_part_read(p, &read, &lost, &e) == ST_OK && lost == 0, "read", &e);
        ms[i] = cpu_ms() - start;
        arena_reset(&arena);
    }
    double took = median(ms, ROUNDS);
    snprintf(text, sizeof(text), "%s read", name);
    report(text, "ms", took);
    if (t.samples > 1000)
        report(text, "ns_a_sample", took * 1e6 / (double)t.samples);
    arena_deinit(&arena);
    series_part_unref(p);
}

/* Merges parts of equal lengths of time. */
static void bench_merge(const char *dir, const struct load *l, const char *name)
{
    char path[256], text[64];
    struct series_part *parts[PARTS];
    uint32_t steps = l->runs[0].sample_count;
    double ms[3];
    for (unsigned i = 0; i < PARTS; i++) {
        snprintf(path, sizeof(path), "%s/%u.part", dir, i);
        write_cut(l, path, EFFORT_FAST, i * steps / PARTS, (i + 1) * steps / PARTS);
        parts[i] = open_part(path);
    }
    snprintf(path, sizeof(path), "%s/merged.part", dir);
    for (unsigned i = 0; i < LEN(ms); i++) {
        struct series_merge merge = {
            .parts = parts, .part_count = PARTS, .path = path, .effort = EFFORT_SEALED};
        struct err e = {0};
        uint64_t lost = 0;
        double start = cpu_ms();
        need(series_part_merge(&merge, &lost, &e) == ST_OK && lost == 0, "merge", &e);
        ms[i] = cpu_ms() - start;
    }
    snprintf(text, sizeof(text), "%s merge of %d parts", name, PARTS);
    report(text, "ns_a_sample", median(ms, LEN(ms)) * 1e6 / (double)l->samples);
    for (unsigned i = 0; i < PARTS; i++)
        series_part_unref(parts[i]);
}

static void bench_classic(const char *dir, unsigned edges)
{
    char path[256];
    struct load l = make_classic(edges);
    struct series_key *keys = mem_need(l.run_count * sizeof(*keys));
    uint32_t key_count = 0;
    for (uint32_t i = 0; i < l.run_count; i++)
        if (!isnan(l.runs[i].key.le))
            keys[key_count++] = l.runs[i].key;
    snprintf(path, sizeof(path), "%s/classic.part", dir);
    bench_write(&l, path, EFFORT_FAST, "classic fast", 3);
    bench_write(&l, path, EFFORT_SEALED, "classic", 3);
    bench_read(path, keys, key_count, false, "classic buckets streamed");
    bench_read(path, keys, key_count, true, "classic buckets kept");
    bench_read(path, NULL, 0, false, "classic everything streamed");
    bench_read(path, &l.runs[l.run_count / 2].key, 1, true, "classic one series");
    bench_merge(dir, &l, "classic");
    mem_free(keys);
    load_free(&l);
}

static void bench_native(const char *dir, unsigned edges, int schema)
{
    char path[256], name[32];
    struct load l = make_native(edges, schema);
    snprintf(path, sizeof(path), "%s/native.part", dir);
    snprintf(name, sizeof(name), "native schema %d", schema);
    bench_write(&l, path, EFFORT_SEALED, name, 1);
    bench_read(path, NULL, 0, false, name);
    load_free(&l);
}

static void bench_active(const char *dir, uint32_t series)
{
    char path[256];
    struct load l = make_active(series, 2);
    snprintf(path, sizeof(path), "%s/active.part", dir);
    bench_write(&l, path, EFFORT_FAST, "two samples fast", 3);
    bench_read(path, &l.runs[series / 2].key, 1, true, "two samples one series");
    bench_write(&l, path, EFFORT_SEALED, "two samples", 3);
    bench_read(path, &l.runs[series / 2].key, 1, true, "two samples sealed one series");
    load_free(&l);
    l = make_active(series / 10, 2 * PARTS);
    bench_merge(dir, &l, "two samples");
    load_free(&l);
}

static bool remove_one(const char *name, void *user)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", (const char *)user, name);
    return unlink(path) == 0;
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/weft-bench-XXXXXX";
    bool quick = argc > 1 && strcmp(argv[1], "quick") == 0;
    bool active = argc > 1 && strcmp(argv[1], "active") == 0;
    unsigned edges = quick ? EDGES / 10 : EDGES;
    need(mkdtemp(dir) != NULL, "mkdtemp", NULL);
    if (!active) {
        bench_classic(dir, edges);
        bench_native(dir, edges / 10, 3);
        bench_native(dir, edges / 10, 6);
    }
    bench_active(dir, quick ? ACTIVE / 10 : ACTIVE);
    need(dir_each(dir, remove_one, dir, NULL) == ST_OK && rmdir(dir) == 0, "cleaning up", NULL);
    return 0;
}
