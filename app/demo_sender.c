/* demo_sender.c - the simulated sidecars' exporters. */
#include "app/demo_sender.h"

#include "base/clock.h"
#include "base/vec.h"
#include "net/grpc_client.h"

#include <poll.h>
#include <stdio.h>

/* Envoy's tracing.opentelemetry.min_flush_spans and flush_interval_ms. */
enum {
    FLUSH_SPANS = 5,
    VERSIONS = 2,
    POD_COUNT = DEMO_SERVICE_COUNT * VERSIONS * 2,
    POLL_MS_MAX = 20
};
#define FLUSH_NS     (5 * NS_PER_S)
#define RECONNECT_NS NS_PER_S

static const char EXPORT[] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/* One exporter: a proxy, or the application beside it. */
struct pod {
    struct grpc_client *client; /* NULL: not connected */
    uint64_t connect_after_ns;
    struct demo_span spans[FLUSH_SPANS];
    unsigned count;
    uint64_t oldest_ns;
};

struct demo_sender {
    char addr[256];
    struct pod pods[POD_COUNT];
    VEC(struct demo_span) heap; /* by end_ns, smallest first */
    struct demo_sender_stats stats;
};

/* What a call's answer needs to know. */
struct export
{
    struct demo_sender *sender;
    unsigned spans;
};

enum status demo_sender_new(const char *addr, struct demo_sender **out, struct err *e)
{
    struct grpc_client *probe;
    TRY(grpc_client_open(addr, &probe, e));
    grpc_client_close(probe);
    struct demo_sender *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ST_NO_MEMORY, "out of memory");
    snprintf(s->addr, sizeof(s->addr), "%s", addr);
    *out = s;
    return ST_OK;
}

void demo_sender_free(struct demo_sender *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < POD_COUNT; i++)
        grpc_client_close(s->pods[i].client);
    vec_deinit(&s->heap);
    mem_free(s);
}

struct demo_sender_stats demo_sender_stats(const struct demo_sender *s)
{
    return s->stats;
}

/* --- spans that have not ended yet: a binary heap --- */

static void swap(struct demo_span *a, struct demo_span *b)
{
    struct demo_span t = *a;
    *a = *b;
    *b = t;
}

bool demo_sender_add(struct demo_sender *s, const struct demo_span *span)
{
    if (!vec_push(&s->heap, *span))
        return false;
    struct demo_span *items = s->heap.items;
    for (size_t i = s->heap.len - 1; i > 0 && items[i].end_ns < items[(i - 1) / 2].end_ns;
         i = (i - 1) / 2)
        swap(&items[i], &items[(i - 1) / 2]);
    return true;
}

static struct demo_span heap_pop(struct demo_sender *s)
{
    struct demo_span *items = s->heap.items, first = items[0];
    items[0] = items[--s->heap.len];
    for (size_t i = 0;;) {
        size_t least = i, left = 2 * i + 1;
        for (size_t child = left; child < MIN(left + 2, s->heap.len); child++)
            if (items[child].end_ns < items[least].end_ns)
                least = child;
        if (least == i)
            return first;
        swap(&items[i], &items[least]);
        i = least;
    }
}

/* --- exporters --- */

static void on_answer(void *user, int grpc_status)
{
    struct export *x = user;
    if (grpc_status == 0)
        x->sender->stats.acknowledged += x->spans;
    else
        x->sender->stats.failed += x->spans;
    mem_free(x);
}

static bool connected(struct demo_sender *s, struct pod *p, uint64_t now_ns)
{
    if (p->client || now_ns < p->connect_after_ns)
        return p->client != NULL;
    struct err e;
    p->connect_after_ns = now_ns + RECONNECT_NS;
    return grpc_client_open(s->addr, &p->client, &e) == ST_OK;
}

/* As Envoy: what cannot be sent is lost, and counted. */
static void flush_pod(struct demo_sender *s, struct pod *p, uint64_t now_ns)
{
    struct buf body = {0};
    struct err e;
    struct export *x = mem_alloc(sizeof(*x));
    demo_encode(&body, p->spans, p->count);
    s->stats.sent += p->count;
    bool ok = x && !body.failed && connected(s, p, now_ns);
    if (ok) {
        *x = (struct export){s, p->count};
        ok = grpc_client_call(p->client, EXPORT, buf_str(&body), on_answer, x, &e) == ST_OK;
    }
    if (!ok) {
        s->stats.failed += p->count;
        mem_free(x);
    }
    p->count = 0;
    buf_deinit(&body);
}

static void report(struct demo_sender *s, const struct demo_span *span, uint64_t now_ns)
{
    size_t at = (size_t)span->owner * VERSIONS * 2 + (span->owner_version - 1) * 2;
    struct pod *p = &s->pods[at + (span->reporter == DEMO_APPLICATION)];
    if (p->count == 0)
        p->oldest_ns = now_ns;
    p->spans[p->count++] = *span;
    if (p->count == FLUSH_SPANS)
        flush_pod(s, p, now_ns);
}

static void move_bytes(struct demo_sender *s, int timeout_ms)
{
    struct pollfd fds[POD_COUNT];
    struct pod *owners[POD_COUNT];
    nfds_t count = 0;
    struct err e;
    for (size_t i = 0; i < POD_COUNT; i++) {
        struct pod *p = &s->pods[i];
        if (p->client && grpc_client_run(p->client, &e) != ST_OK) {
            grpc_client_close(p->client);
            p->client = NULL;
        }
        if (!p->client)
            continue;
        owners[count] = p;
        short events = grpc_client_wants_write(p->client) ? POLLIN | POLLOUT : POLLIN;
        fds[count++] = (struct pollfd){.fd = grpc_client_fd(p->client), .events = events};
    }
    if (poll(fds, count, timeout_ms) <= 0)
        return;
    for (nfds_t i = 0; i < count; i++)
        if (fds[i].revents && grpc_client_run(owners[i]->client, &e) != ST_OK) {
            grpc_client_close(owners[i]->client);
            owners[i]->client = NULL;
        }
}

void demo_sender_run(struct demo_sender *s, uint64_t now_ns, uint64_t wake_ns)
{
    while (s->heap.len && s->heap.items[0].end_ns <= now_ns) {
        struct demo_span span = heap_pop(s);
        report(s, &span, now_ns);
    }
    for (size_t i = 0; i < POD_COUNT; i++)
        if (s->pods[i].count && now_ns - s->pods[i].oldest_ns >= FLUSH_NS)
            flush_pod(s, &s->pods[i], now_ns);
    if (s->heap.len)
        wake_ns = MIN(wake_ns, s->heap.items[0].end_ns);
    uint64_t wait_ms = wake_ns > now_ns ? (wake_ns - now_ns) / NS_PER_MS : 0;
    move_bytes(s, (int)MIN(wait_ms, (uint64_t)POLL_MS_MAX));
}

void demo_sender_drain(struct demo_sender *s, uint64_t deadline_ns)
{
    uint64_t now = clock_wall_ns();
    while (s->heap.len) {
        struct demo_span span = heap_pop(s);
        report(s, &span, now);
    }
    for (size_t i = 0; i < POD_COUNT; i++)
        if (s->pods[i].count)
            flush_pod(s, &s->pods[i], now);
    while (s->stats.acknowledged + s->stats.failed < s->stats.sent && clock_wall_ns() < deadline_ns)
        move_bytes(s, POLL_MS_MAX);
}
