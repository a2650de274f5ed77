/* otlp_points.h - requests of OTLP metrics in JSON, and the series that they become as text. */
#ifndef WEFT_TESTS_UNIT_CODEC_OTLP_POINTS_H
#define WEFT_TESTS_UNIT_CODEC_OTLP_POINTS_H

#include "codec/otlp_metric.h"

#include "base/buf.h"
#include "base/mem.h"
#include "model/metric_batch.h"
#include "model/stale.h"

#include <criterion/criterion.h>

/* Milliseconds since 1970, and the same in JSON. */
enum { START = 5, TIME = 1000 };
#define TIMES "\"startTimeUnixNano\":\"5000000\",\"timeUnixNano\":\"1000000000\""

static const struct limits limits = {.samples = 1000, .attributes = 4, .depth = 5};

static inline struct batch *batch_of(struct str body, enum batch_encoding encoding)
{
    struct batch *b = batch_new();
    if (!b)
        return NULL;
    char *bytes = mem_alloc(body.len + 1);
    if (!bytes) {
        batch_free(b);
        return NULL;
    }
    memcpy(bytes, body.ptr, body.len);
    b->body = b->plain = (struct str){bytes, body.len};
    b->sender = STR("10.0.0.1:4242");
    b->signal = BATCH_METRICS;
    b->encoding = encoding;
    return b;
}

static inline struct batch *decode_how(struct str body, enum batch_encoding encoding,
                                       enum metric_translation how, enum status want, struct err *e)
{
    struct otlp_metric_rules rules = {.limits = &limits, .seed = 1, .translation = how};
    struct batch *b = batch_of(body, encoding);
    *e = (struct err){0};
    enum status got = otlp_metric_decode(b, &rules, e);
    cr_assert(got == want, "status %s: %s", status_name(got), e->msg);
    return b;
}

/* One request of one scope: JSON of the resource's attributes, of the scope, of the metrics. */
static inline struct batch *decode_json(const char *resource, const char *scope,
                                        const char *metrics)
{
    struct buf json = {0};
    struct err e;
    buf_printf(&json,
               "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[%s]},"
               "\"scopeMetrics\":[{\"scope\":{%s},\"metrics\":[%s]}]}]}",
               resource, scope, metrics);
    struct batch *b = decode_how(buf_str(&json), ENCODING_JSON, TRANSLATE_UNDERSCORES, ST_OK, &e);
    buf_deinit(&json);
    return b;
}

#define ATTR(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define SHOP             ATTR("service.name", "cart") "," ATTR("service.instance.id", "i1")

static inline void print_labels(struct buf *out, struct label_set labels)
{
    for (uint32_t i = 0; i < labels.count; i++)
        buf_printf(out, "%s%.*s=%.*s", i > 0 ? " " : "", STR_ARG(labels.items[i].name),
                   STR_ARG(labels.items[i].value));
}

/* "labels value@time", one series a line, in their order; a stale value is "stale". */
static inline void print_series(struct buf *out, const struct metric_series *s)
{
    print_labels(out, s->labels);
    for (uint32_t i = 0; i < s->sample_count; i++) {
        if (value_is_stale(s->samples[i].value))
            buf_printf(out, " stale");
        else if (s->samples[i].histogram)
            buf_printf(out, " histogram:%g", s->samples[i].histogram->count);
        else
            buf_printf(out, " %g", s->samples[i].value);
    }
    buf_printf(out, s->is_delta ? " delta\n" : "\n");
}

static inline void expect_series(const struct batch *b, const char *name, const char *want)
{
    struct buf got = {0};
    for (uint32_t i = 0; i < b->metrics->series_count; i++)
        print_series(&got, &b->metrics->series[i]);
    buf_append_u8(&got, 0);
    cr_expect(strcmp(got.ptr, want) == 0, "%s: got\n%s", name, got.ptr);
    buf_deinit(&got);
}

#define NUMBER(value) "\"dataPoints\":[{" TIMES "," value "}]"
#define ONE           "{\"name\":\"a\",\"gauge\":{" NUMBER("\"asInt\":1") "}}"
#define ONE_WITH(attributes)                                                                       \
    "{\"name\":\"a\",\"gauge\":{" NUMBER("\"asInt\":1,\"attributes\":[" attributes "]") "}}"

#endif
