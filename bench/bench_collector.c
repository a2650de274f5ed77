/* bench_collector.c - CPU time and memory of what spans mean: observing, applying, closing,
 * viewing. Envoy-like traces of ten spans with 16 attributes, 512 spans a batch, in shuffled
 * windows of 64 traces. One JSON line a case. */
#include "collector/collector.h"
#include "collector/image.h"
#include "collector/live.h"
#include "collector/pipeline.h"
#include "storage/edge_part.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 512, TRACE_SPANS = 10, WINDOW = 64, SERVICES = 20, ATTRS = 16 };

struct trace_mill {
    uint64_t random, next_trace;
    uint32_t order[WINDOW * TRACE_SPANS], at; /* of the window */
    uint64_t first_trace;
    struct resource resources[SERVICES];
    struct attr resource_attrs[SERVICES][4];
    char names[SERVICES][32];
};

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ (x >> 33);
}

static struct attr text_attr(const char *key, struct str text)
{
    return (struct attr){.key = str_from_c(key), .text = text, .type = VALUE_STRING};
}

static void mill_init(struct trace_mill *m)
{
    *m = (struct trace_mill){.random = 1, .at = WINDOW * TRACE_SPANS};
    for (int i = 0; i < SERVICES; i++) {
        snprintf(m->names[i], sizeof(m->names[i]), "svc%02d.shop", i);
        m->resource_attrs[i][0] = text_attr("service.name", str_from_c(m->names[i]));
        m->resource_attrs[i][1] = text_attr("telemetry.sdk.language", STR("cpp"));
        m->resource_attrs[i][2] = text_attr("telemetry.sdk.name", STR("envoy"));
        m->resource_attrs[i][3] = text_attr("telemetry.sdk.version", STR("1.40.0"));
        m->resources[i] = (struct resource){m->resource_attrs[i], 4};
    }
}

static struct str format(struct arena *a, const char *fmt, unsigned x, unsigned y)
{
    char line[200];
    int len = snprintf(line, sizeof(line), fmt, x, y);
    return arena_dup_str(a, (struct str){line, (size_t)len});
}

/* Span `index` of a trace: the client and the server half of hop index / 2, from service to
 * service. */
static void make_span(struct trace_mill *m, struct arena *a, uint64_t trace, unsigned index,
                      uint64_t now_ns, struct span *out)
{
    static const struct scope scope = {{"envoy", 5}, {"", 0}};
    uint64_t h = mix(trace);
    unsigned hop = index / 2, client = (unsigned)((h + hop) % SERVICES),
             server = (unsigned)((h + hop + 1) % SERVICES);
    bool is_client = index % 2 == 0;
    unsigned owner = is_client ? client : server;
    uint64_t duration = 100000 + mix(trace * 16 + hop) % 20000000 + (is_client ? 400000 : 0);
    struct attr *at = arena_alloc(a, ATTRS * sizeof(*at));
    at[0] = text_attr(
        "node_id",
        format(a, "sidecar~10.1.%u.7~svc%02u-v1-7d9f4c5b6-x2k41.shop~shop.svc.cluster.local", owner,
               owner));
    at[1] =
        text_attr("guid:x-request-id", format(a, "748b11af-4bed-95ce-%04x-7c04ba%06x",
                                              (unsigned)h & 0xffff, (unsigned)trace & 0xffffff));
    at[2] = text_attr("http.url", format(a, "http://svc%02u.shop.svc.cluster.local:8080/items/%u",
                                         server, (unsigned)h % 100000));
    at[3] = text_attr("http.method", STR("GET"));
    at[4] = text_attr("downstream_cluster", STR("-"));
    at[5] = text_attr("user_agent", STR("cart-v1/1.0"));
    at[6] = text_attr("http.protocol", STR("HTTP/1.1"));
    at[7] = text_attr("peer.address", STR("10.1.0.12"));
    at[8] = text_attr("request_size", STR("0"));
    at[9] = text_attr("response_size", STR("900"));
    at[10] = text_attr("component", STR("proxy"));
    struct str cluster = is_client
                             ? format(a, "outbound|8080||svc%02u.shop.svc.cluster.local", server, 0)
                             : STR("inbound|8080||");
    at[11] = text_attr("upstream_cluster", cluster);
    at[12] = text_attr("upstream_cluster.name", cluster);
    at[13] = text_attr("http.status_code", h % 50 == 0 ? STR("500") : STR("200"));
    at[14] = text_attr("response_flags", STR("-"));
    at[15] = text_attr("istio.canonical_revision", STR("v1"));
    *out = (struct span){
        .trace = {mix(trace + 7), mix(trace)},
        .id = mix(trace * 32 + index) | 1,
        .parent = index ? mix(trace * 32 + index - 1) | 1 : 0,
        .start_ns = now_ns - duration,
        .end_ns = now_ns,
        .name = format(a, "svc%02u.shop.svc.cluster.local:8080/*", server, 0),
        .resource = &m->resources[owner],
        .scope = &scope,
        .attrs = at,
        .attr_count = ATTRS,
        .kind = is_client ? SPAN_CLIENT : SPAN_SERVER,
    };
}

static void next_window(struct trace_mill *m)
{
    m->at = 0;
    m->first_trace = m->next_trace;
    m->next_trace += WINDOW;
    for (uint32_t i = 0; i < WINDOW * TRACE_SPANS; i++)
        m->order[i] = i;
    for (uint32_t i = WINDOW * TRACE_SPANS; i > 1; i--) {
        m->random = m->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint32_t other = (uint32_t)(m->random >> 33) % i, moving = m->order[i - 1];
        m->order[i - 1] = m->order[other];
        m->order[other] = moving;
    }
}

static int by_sender(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return (x->resource > y->resource) - (x->resource < y->resource);
}

static struct batch *make_batch(struct trace_mill *m, uint64_t sequence, uint64_t clock_ns)
{
    struct batch *b = batch_new();
    b->spans = arena_alloc(&b->arena, BATCH * sizeof(*b->spans));
    b->span_count = b->received = BATCH;
    b->sequence = sequence;
    b->clock_ns = clock_ns;
    b->arrival_ns = UINT64_C(1700000000) * NS_PER_S + clock_ns;
    for (uint32_t i = 0; i < BATCH; i++) {
        if (m->at == WINDOW * TRACE_SPANS)
            next_window(m);
        uint32_t pick = m->order[m->at++];
        make_span(m, &b->arena, m->first_trace + pick / TRACE_SPANS, pick % TRACE_SPANS,
                  b->arrival_ns, &b->spans[i]);
    }
    /* One ResourceSpans a sender, as whoever batches makes them. */
    qsort(b->spans, BATCH, sizeof(*b->spans), by_sender);
    return b;
}

struct times {
    double prepare_ns, apply_ns;
    uint64_t spans;
};

/* `seconds` of pipeline time at `rate` spans a second. */
static struct times run(struct trace_mill *m, struct pipeline *p, uint64_t *clock_ns,
                        double seconds, double rate)
{
    static uint64_t sequence;
    struct times t = {0};
    for (uint64_t end = *clock_ns + (uint64_t)(seconds * 1e9); *clock_ns < end;) {
        *clock_ns += (uint64_t)(BATCH / rate * 1e9);
        struct batch *b = make_batch(m, ++sequence, *clock_ns);
        double begun = cpu_ns();
        if (collector_prepare(b, NULL) != ST_OK)
            exit(1);
        double prepared = cpu_ns();
        pipeline_batch(p, b);
        t.apply_ns += cpu_ns() - prepared;
        t.prepare_ns += prepared - begun;
        t.spans += BATCH;
        batch_free(b);
    }
    return t;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median and the best of many windows: other work on the machine must not decide. */
static void print(const char *what, double rate, double *ns, size_t count, double aim)
{
    qsort(ns, count, sizeof(*ns), by_size);
    printf("{\"bench\":\"collector\",\"case\":\"%s, %.0f "
           "spans/s\",\"ns_per_span\":%.1f,\"best\":%.1f,\"aim\":%.0f}\n",
           what, rate, ns[count / 2], ns[0], aim);
}

static enum status count_bytes(struct str chunk, void *user, struct err *e)
{
    (void)e;
    *(size_t *)user += chunk.len;
    return ST_OK;
}

static void bench_image(const struct pipeline *p, double rate)
{
    enum { ROUNDS = 5 };
    struct account_totals totals = {0};
    size_t bytes = 0;
    double best = 1e18;
    for (int i = 0; i < ROUNDS; i++) {
        bytes = 0;
        double begun = cpu_ns();
        if (image_encode(p, &totals, count_bytes, &bytes, NULL) != ST_OK)
            exit(1);
        best = MIN(best, cpu_ns() - begun);
    }
    printf("{\"bench\":\"collector\",\"case\":\"image, %.0f "
           "spans/s\",\"best_ms\":%.2f,\"bytes\":%zu,\"ns_per_open_span\":%.1f}\n",
           rate, best / 1e6, bytes, best / open_table_spans(&p->table));
}

static void bench_rate(double rate)
{
    struct trace_mill m;
    struct pipeline p;
    struct pipeline_config config = {.seed = 5, .graph = graph_settings_default()};
    uint64_t clock_ns = 1000 * NS_PER_S;
    mill_init(&m);
    if (pipeline_init(&p, &config, NULL) != ST_OK)
        exit(1);
    (void)run(&m, &p, &clock_ns, 35, rate); /* until as much closes as comes */
    enum { WINDOWS = 20 };
    double observe[WINDOWS], apply[WINDOWS];
    for (int i = 0; i < WINDOWS; i++) {
        struct times t = run(&m, &p, &clock_ns, 1, rate);
        observe[i] = t.prepare_ns / (double)t.spans;
        apply[i] = t.apply_ns / (double)t.spans;
    }
    print("observe", rate, observe, WINDOWS, 150);
    print("apply and close", rate, apply, WINDOWS, 150);
    (void)run(&m, &p, &clock_ns, 30, rate); /* until as much is forgotten as closes */
    printf("{\"bench\":\"collector\",\"case\":\"memory, %.0f "
           "spans/s\",\"open_spans\":%u,\"packed_traces\":%u,\"traces\":%u,"
           "\"bytes\":%zu,\"bytes_per_open_span\":%.1f}\n",
           rate, open_table_spans(&p.table), p.table.packed.live, p.table.traces.live,
           pipeline_open_bytes(&p), (double)pipeline_open_bytes(&p) / open_table_spans(&p.table));
    bench_image(&p, rate);
    struct live *live = live_new(&p, 0);
    struct live_view view;
    for (int i = 0; i < 3; i++) {
        double begun = cpu_ns();
        if (live_look(live, NULL, false, &view, NULL) != ST_OK)
            exit(1);
        double looked = cpu_ns();
        struct buf part = {0};
        if (edge_part_encode(view.cells, false, &part, NULL) != ST_OK)
            exit(1);
        double encoded = cpu_ns();
        registry_free(view.registry);
        printf("{\"bench\":\"collector\",\"case\":\"%s view, %.0f "
               "spans/s\",\"ms\":%.2f,\"encode_ms\":%.2f,\"bytes\":%zu,\"cells\":%zu}\n",
               i ? "next" : "first", rate, (looked - begun) / 1e6, (encoded - looked) / 1e6,
               part.len, cell_set_cell_count(view.cells));
        buf_deinit(&part);
        (void)run(&m, &p, &clock_ns, 0.25, rate);
    }
    live_free(live);
    pipeline_deinit(&p);
}

int main(int argc, char **argv)
{
    bench_rate(10000);
    if (argc > 1)
        bench_rate(atof(argv[1]));
    return 0;
}
