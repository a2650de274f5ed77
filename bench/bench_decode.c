/* bench_decode.c - CPU time of the span decoder: batches of 512 and of 5 Envoy-like spans, with and
 * without the look at UTF-8. One JSON line a case. */
#include "codec/otlp_trace.h"

#include "tests/support/otlp_build.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15 };

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ns a span for decoding `body` over and over, the arena used again as the allocator would. */
static double time_round(struct str body, const struct otlp_trace_rules *rules, unsigned spans,
                         unsigned repeats)
{
    struct batch b = {.plain = body, .encoding = ENCODING_PROTOBUF};
    double start = cpu_ns();
    for (unsigned i = 0; i < repeats; i++) {
        struct err e;
        b.span_count = b.received = 0;
        arena_reset(&b.arena);
        if (otlp_trace_decode(&b, rules, &e) != ST_OK || b.span_count != spans) {
            fprintf(stderr, "bench_decode: %s\n", e.msg);
            exit(1);
        }
    }
    double ns = cpu_ns() - start;
    arena_deinit(&b.arena);
    return ns / repeats / spans;
}

static void run(unsigned spans, bool check_text)
{
    struct limits limits = {.spans = 1000000, .attributes = 256, .depth = 32};
    struct otlp_trace_rules rules = {.limits = &limits, .keep_bad_text = !check_text};
    struct buf body = {0};
    double ns[ROUNDS];
    otlp_build_envoy(&body, spans, 42);
    for (int i = 0; i < ROUNDS; i++)
        ns[i] = time_round(buf_str(&body), &rules, spans, 40000 / spans);
    qsort(ns, ROUNDS, sizeof(ns[0]), by_size);
    printf("{\"bench\":\"decode\",\"spans\":%u,\"utf8\":%s,\"span_bytes\":%zu,\"ns_per_span\":%.1f,"
           "\"best\":%.1f}\n",
           spans, check_text ? "true" : "false", body.len / spans, ns[ROUNDS / 2], ns[0]);
    buf_deinit(&body);
}

int main(void)
{
    run(512, false);
    run(512, true);
    run(5, false);
    run(5, true);
    return 0;
}
