/* bench_journal.c - what a durable acknowledgement costs: CPU and latency a request and a MiB, and
 * how fast a replay is. One JSON line a case. The directory is $TMPDIR or /tmp: point it at the
 * disk to be measured. */
#include "base/clock.h"
#include "base/mem.h"
#include "storage/journal.h"
#include <ftw.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_journal: %s failed\n", what);
    exit(1);
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* CPU time of the journal thread: all but the generator's. */
static uint64_t cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The q-quantile of sorted ns, in ms. */
static double ms_at(const uint64_t *sorted, unsigned count, double q)
{
    unsigned rank = (unsigned)(q * count);
    return (double)sorted[MIN(rank, count - 1)] / 1e6;
}

/* --- the directory --- */

static char directory[256];

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static void directory_make(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof(directory), "%s/weft-bench-XXXXXX", parent ? parent : "/tmp");
    must(mkdtemp(directory) != NULL, "mkdtemp");
}

static void directory_remove(void)
{
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- the load --- */

struct load {
    const char *name;
    enum ack_mode ack;
    size_t body_bytes;
    unsigned in_flight;  /* at most */
    unsigned per_second; /* 0 = as fast as it goes */
    unsigned count;
};

struct request {
    uint64_t sent_ns, took_ns;
    sem_t *slots;
};

static void take_batch(struct batch *b, void *user)
{
    (void)user;
    batch_free(b);
}

static void take_tick(uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns, void *user)
{
    (void)sequence, (void)wall_ns, (void)clock_ns, (void)user;
}

static void take_flush(uint64_t sequence, uint64_t clock_ns, void *user)
{
    (void)sequence, (void)clock_ns, (void)user;
}

static const struct journal_sink sink = {take_batch, take_tick, take_flush, NULL};

static void answered(void *user, enum status status, const struct err *e)
{
    (void)e;
    struct request *r = user;
    must(status == ST_OK, "append");
    r->took_ns = clock_mono_ns() - r->sent_ns;
    sem_post(r->slots);
}

static struct journal *journal_new(enum ack_mode ack)
{
    struct journal *j = NULL;
    struct err e = {0};
    struct journal_config config = {str_from_c(directory), ack, 8ull * GIB, 0};
    must(journal_open(&config, &j, &e) == ST_OK, e.msg);
    return j;
}

/* A body as ingest hands it over: owned, already in memory. */
static struct batch *batch_make(const char *body, size_t bytes)
{
    struct batch *b = batch_new();
    char *copy = mem_alloc(bytes);
    must(b && copy, "memory");
    memcpy(copy, body, bytes);
    b->body = (struct str){copy, bytes};
    b->sender = STR("127.0.0.1:4242");
    b->user_agent = STR("OTel-OTLP-Exporter-Envoy");
    b->signal = BATCH_SPANS;
    b->encoding = ENCODING_PROTOBUF;
    b->arrival_ns = clock_wall_ns();
    return b;
}

static void sleep_until(uint64_t mono_ns)
{
    struct timespec t = {(time_t)(mono_ns / NS_PER_S), (long)(mono_ns % NS_PER_S)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void send_all(struct journal *j, const struct load *l, const char *body,
                     struct request *requests, sem_t *slots)
{
    uint64_t start = clock_mono_ns();
    for (unsigned i = 0; i < l->count; i++) {
        struct batch *b = batch_make(body, l->body_bytes);
        if (l->per_second)
            sleep_until(start + i * (NS_PER_S / l->per_second));
        sem_wait(slots);
        requests[i] = (struct request){clock_mono_ns(), 0, slots};
        must(journal_append(j, b, answered, &requests[i], NULL) == ST_OK, "append");
    }
    for (unsigned i = 0; i < l->in_flight; i++)
        sem_wait(slots);
}

static void run(const struct load *l)
{
    char *body = mem_alloc(l->body_bytes);
    struct request *requests = mem_calloc(l->count, sizeof(*requests));
    uint64_t *took = mem_calloc(l->count, sizeof(*took));
    sem_t slots;
    must(body && requests && took, "memory");
    for (size_t i = 0; i < l->body_bytes; i++)
        body[i] = (char)(i * 31 % 251);
    sem_init(&slots, 0, l->in_flight);
    directory_make();
    struct journal *j = journal_new(l->ack);
    must(journal_start(j, &sink, NULL) == ST_OK, "start");

    uint64_t wall = clock_mono_ns(), cpu = cpu_ns();
    send_all(j, l, body, requests, &slots);
    wall = clock_mono_ns() - wall;
    cpu = cpu_ns() - cpu;

    struct journal_stats stats;
    journal_stats(j, 0, &stats);
    for (unsigned i = 0; i < l->count; i++)
        took[i] = requests[i].took_ns;
    qsort(took, l->count, sizeof(*took), by_size);
    double mib = (double)stats.appended_bytes / MIB;
    printf("{\"bench\":\"journal\",\"case\":\"%s\",\"body_bytes\":%zu,\"in_flight\":%u,\"requests_"
           "per_s\":%.0f,"
           "\"mib_per_s\":%.0f,\"cpu_us_per_request\":%.2f,\"cpu_us_per_mib\":%.0f,\"records_per_"
           "group\":%.1f,"
           "\"ack_p50_ms\":%.3f,\"ack_p99_ms\":%.3f,\"ack_max_ms\":%.3f}\n",
           l->name, l->body_bytes, l->in_flight, l->count / ((double)wall / 1e9),
           mib / ((double)wall / 1e9), (double)cpu / 1e3 / l->count, (double)cpu / 1e3 / mib,
           (double)l->count / (double)stats.groups, ms_at(took, l->count, 0.5),
           ms_at(took, l->count, 0.99), ms_at(took, l->count, 1));
    fflush(stdout);
    journal_stop(j, true);
    journal_close(j);
    directory_remove();
    sem_destroy(&slots);
    mem_free(took);
    mem_free(requests);
    mem_free(body);
}

/* --- replay --- */

static void replay(size_t body_bytes)
{
    enum { TOTAL = 256 * MIB };
    struct load l = {"", ACK_KERNEL, body_bytes, 1000, 0, (unsigned)(TOTAL / body_bytes)};
    char *body = mem_calloc(1, body_bytes);
    struct request *requests = mem_calloc(l.count, sizeof(*requests));
    sem_t slots;
    must(body && requests, "memory");
    sem_init(&slots, 0, l.in_flight);
    directory_make();
    struct journal *j = journal_new(l.ack);
    must(journal_start(j, &sink, NULL) == ST_OK, "start");
    send_all(j, &l, body, requests, &slots);
    journal_stop(j, false);
    journal_close(j);

    uint64_t opened = clock_mono_ns(), last;
    j = journal_new(l.ack);
    uint64_t start = clock_mono_ns();
    must(journal_replay(j, 1, &sink, &last, NULL) == ST_OK && last == l.count, "replay");
    uint64_t end = clock_mono_ns();
    printf("{\"bench\":\"journal\",\"case\":\"replay 256 "
           "MiB\",\"body_bytes\":%zu,\"open_ms\":%.1f,\"replay_ms\":%.1f}\n",
           body_bytes, (double)(start - opened) / 1e6, (double)(end - start) / 1e6);
    journal_close(j);
    directory_remove();
    sem_destroy(&slots);
    mem_free(requests);
    mem_free(body);
}

int main(void)
{
    enum { SPAN = 758 }; /* an Envoy-like span on the wire */
    static const struct load loads[] = {
        {"disk, 5 spans, 64 connections", ACK_DISK, 5 * SPAN, 64, 0, 200000},
        {"disk, 512 spans, 4 connections", ACK_DISK, 512 * SPAN, 4, 0, 4000},
        {"disk, 5 spans, 200 a second", ACK_DISK, 5 * SPAN, 64, 200, 1000},
        {"disk, 5 spans, 5000 a second", ACK_DISK, 5 * SPAN, 64, 5000, 20000},
        {"disk, 512 spans, 500 a second", ACK_DISK, 512 * SPAN, 64, 500, 2000},
        {"kernel, 5 spans, 64 connections", ACK_KERNEL, 5 * SPAN, 64, 0, 200000},
        {"memory, 5 spans, 64 connections", ACK_MEMORY, 5 * SPAN, 64, 0, 200000},
    };
    for (size_t i = 0; i < LEN(loads); i++)
        run(&loads[i]);
    replay(5 * SPAN);
    replay(512 * SPAN);
    return 0;
}
