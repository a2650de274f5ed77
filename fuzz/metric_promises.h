/* metric_promises.h - decodes a body of metrics and aborts when a series breaks a promise. */
#ifndef WEFT_FUZZ_METRIC_PROMISES_H
#define WEFT_FUZZ_METRIC_PROMISES_H

#include "base/mem.h"
#include "codec/otlp_metric.h"
#include "codec/remote_write.h"
#include "model/metric_batch.h"
#include "model/series_hash.h"

#include <stdlib.h>

#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Sorted, distinct, not empty, UTF-8. */
static void promise_labels(struct label_set labels)
{
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct label *l = &labels.items[i];
        PROMISE(l->name.len > 0 && l->value.len > 0);
        PROMISE(str_is_utf8(l->name) && str_is_utf8(l->value));
        PROMISE(i == 0 || str_cmp(l[-1].name, l->name) < 0);
    }
}

/* A float count may be NaN, as in Prometheus. */
static void promise_buckets(struct native_buckets b)
{
    for (uint32_t i = 0; i < b.count; i++)
        PROMISE(!(b.items[i].count < 0) && (i == 0 || b.items[i - 1].index < b.items[i].index));
}

static void promise_series(const struct metric_series *s)
{
    promise_labels(s->labels);
    PROMISE(label_set_metric(s->labels).len > 0 && s->hash == series_hash(s->labels, 1));
    for (uint32_t i = 0; i < s->sample_count; i++) {
        const struct native_histogram *h = s->samples[i].histogram;
        if (!h)
            continue;
        promise_buckets(h->positive);
        promise_buckets(h->negative);
        for (uint32_t k = 1; k < h->bound_count; k++)
            PROMISE(h->bounds[k - 1] < h->bounds[k]);
    }
    for (uint32_t i = 0; i < s->exemplar_count; i++)
        promise_labels(s->exemplars[i].labels);
}

static void promise_batch(const struct batch *b)
{
    const struct metric_batch *m = b->metrics;
    uint64_t items = batch_rejected_total(b), samples = 0;
    PROMISE(m);
    for (uint32_t i = 0; i < m->series_count; i++) {
        promise_series(&m->series[i]);
        items += m->series[i].item_count;
        samples += m->series[i].sample_count;
    }
    PROMISE(items == b->received && samples == (uint64_t)m->sample_count + m->histogram_count);
    for (uint32_t i = 0; i < m->metadata_count; i++)
        PROMISE(str_is_utf8(m->metadata[i].metric) && str_is_utf8(m->metadata[i].help) &&
                str_is_utf8(m->metadata[i].unit));
}

/* Decodes `body`; with fail_at >= 0 that allocation fails. */
static void promise_body(struct str body, enum batch_encoding encoding,
                         enum metric_translation translation, long fail_at)
{
    struct limits limits = {.samples = 500, .attributes = 20, .depth = 5};
    struct otlp_metric_rules otlp = {.limits = &limits, .seed = 1, .translation = translation};
    struct remote_write_rules write = {.limits = &limits, .seed = 1};
    struct batch b = {.plain = body, .encoding = encoding, .signal = BATCH_METRICS};
    struct err e;
    b.arena.limit_bytes = 4 * MIB;
    mem_fail_after(fail_at);
    enum status status = batch_account_signal(&b) == SIGNAL_SAMPLES
                             ? remote_write_decode(&b, &write, &e)
                             : otlp_metric_decode(&b, &otlp, &e);
    bool failed = mem_did_fail();
    mem_fail_after(-1);
    PROMISE(status == ST_OK || status == ST_INVALID || status == ST_TOO_BIG ||
            (failed && status == ST_NO_MEMORY));
    PROMISE(status == ST_OK || (b.received == 0 && !b.metrics));
    if (status == ST_OK)
        promise_batch(&b);
    arena_deinit(&b.arena);
}

static void metric_promises_check(struct str body, enum batch_encoding encoding)
{
    promise_body(body, encoding, TRANSLATE_UNDERSCORES, -1);
    promise_body(body, encoding, TRANSLATE_NOTHING, (long)(body.len % 31));
}

#endif
