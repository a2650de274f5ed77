/* bench_metrics.c - remote write bodies to series: nanoseconds a sample at 40 samples a series,
 * and a series at one sample, each with 8 labels. One JSON line a result. */
#include "base/clock.h"
#include "base/mem.h"
#include "codec/remote_write.h"
#include "codec/remote_write_encode.h"
#include "codec/unpack.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 15, SAMPLES = 8000, LABELS = 8 };

/* A body of SAMPLES samples. */
static struct str make_body(enum batch_encoding version, uint32_t samples_each)
{
    struct write_encoder w;
    struct buf body = {0};
    struct sample samples[64];
    write_encoder_init(&w, version, 1);
    for (uint32_t s = 0; s < SAMPLES / samples_each; s++) {
        char instance[32], path[32];
        snprintf(instance, sizeof(instance), "10.0.%u.%u:9090", s / 250, s % 250);
        snprintf(path, sizeof(path), "/api/v1/things/%u", s % 17);
        const struct label labels[LABELS] = {
            {STR("__name__"), STR("http_server_request_duration_seconds_bucket")},
            {STR("code"), STR("200")},
            {STR("instance"), str_from_c(instance)},
            {STR("job"), STR("shop/checkout")},
            {STR("le"), STR("0.025")},
            {STR("method"), STR("GET")},
            {STR("namespace"), STR("production")},
            {STR("path"), str_from_c(path)},
        };
        for (uint32_t i = 0; i < samples_each; i++)
            samples[i] = (struct sample){.time_ms = 1700000000000 + 15000 * (int64_t)i,
                                         .value = (double)(s * 100 + i)};
        struct metric_series series = {
            .labels = {labels, LABELS}, .samples = samples, .sample_count = samples_each};
        write_encoder_series(&w, &series, NULL);
    }
    if (!write_encoder_finish(&w, &body))
        exit(1);
    write_encoder_deinit(&w);
    size_t len;
    char *bytes = buf_take(&body, &len);
    return (struct str){bytes, len};
}

static uint64_t decode_ns(struct str body, enum batch_encoding version)
{
    struct limits limits = limits_default();
    struct remote_write_rules rules = {.limits = &limits, .seed = 42};
    struct err e;
    struct batch *b = batch_new();
    b->encoding = version;
    if (unpack(COMPRESSION_SNAPPY_BLOCK, body, 64 * MIB, &b->plain, &e) != ST_OK)
        exit(1);
    uint64_t began = clock_mono_ns();
    if (remote_write_decode(b, &rules, &e) != ST_OK) {
        fprintf(stderr, "%s\n", e.msg);
        exit(1);
    }
    uint64_t ns = clock_mono_ns() - began;
    if (b->metrics->sample_count != SAMPLES)
        exit(1);
    batch_free(b);
    return ns;
}

static int cmp_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void run(const char *name, enum batch_encoding version, uint32_t samples_each)
{
    struct str body = make_body(version, samples_each);
    uint64_t ns[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        ns[i] = decode_ns(body, version);
    qsort(ns, ROUNDS, sizeof(*ns), cmp_u64);
    uint64_t median_ns = ns[ROUNDS / 2];
    double median = (double)median_ns, series = (double)SAMPLES / samples_each;
    printf("{\"bench\":\"%s\",\"ns_a_sample\":%.1f,\"ns_a_series\":%.1f}\n", name, median / SAMPLES,
           median / series);
    mem_free((void *)(uintptr_t)body.ptr);
}

int main(void)
{
    /* Freed memory stays, as in a server that has been busy for a while. */
    mallopt(M_MMAP_THRESHOLD, GIB);
    mallopt(M_TRIM_THRESHOLD, GIB);
    run("remote_write_1_40", ENCODING_REMOTE_WRITE_1, 40);
    run("remote_write_1_1", ENCODING_REMOTE_WRITE_1, 1);
    run("remote_write_2_40", ENCODING_REMOTE_WRITE_2, 40);
    run("remote_write_2_1", ENCODING_REMOTE_WRITE_2, 1);
    return 0;
}
