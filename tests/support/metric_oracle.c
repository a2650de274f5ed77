/* metric_oracle.c - a body of metrics, and the same after protobuf-c has read and written it: both
 * must become the same series. */
#include "tests/support/metric_oracle.h"

#include "codec/otlp_metric.h"
#include "codec/remote_write.h"
#include "model/metric_batch.h"
#include "otlp_metrics_service.pb-c.h"
#include "remote_write_v2.pb-c.h"

#include <stdio.h>

/* ---- what is a message ---- */

static const struct pb_kind array_kind, list_kind;
static const struct pb_kind value_kind = {{[5] = &array_kind, [6] = &list_kind}, 1u << 5 | 1u << 6};
static const struct pb_kind pair_kind = {{[2] = &value_kind}, 1u << 2};
static const struct pb_kind array_kind = {{[1] = &value_kind}};
static const struct pb_kind list_kind = {{[1] = &pair_kind}};
static const struct pb_kind exemplar_kind = {{[7] = &pair_kind}};
static const struct pb_kind plain_kind = {{NULL}};
static const struct pb_kind number_kind = {{[5] = &exemplar_kind, [7] = &pair_kind}};
static const struct pb_kind bucketed_kind = {{[8] = &exemplar_kind, [9] = &pair_kind}};
static const struct pb_kind exponential_point_kind = {
    {[1] = &pair_kind, [8] = &plain_kind, [9] = &plain_kind, [11] = &exemplar_kind},
    1u << 8 | 1u << 9};
static const struct pb_kind summary_point_kind = {{[6] = &plain_kind, [7] = &pair_kind}};
static const struct pb_kind gauge_kind = {{[1] = &number_kind}};
static const struct pb_kind sum_kind = {{[1] = &number_kind}};
static const struct pb_kind histogram_kind = {{[1] = &bucketed_kind}};
static const struct pb_kind exponential_kind = {{[1] = &exponential_point_kind}};
static const struct pb_kind summary_kind = {{[1] = &summary_point_kind}};
static const struct pb_kind metric_kind = {{[5] = &gauge_kind,
                                            [7] = &sum_kind,
                                            [9] = &histogram_kind,
                                            [10] = &exponential_kind,
                                            [11] = &summary_kind},
                                           1u << 5 | 1u << 7 | 1u << 9 | 1u << 10 | 1u << 11};
static const struct pb_kind scope_kind = {{[3] = &pair_kind}};
static const struct pb_kind scope_metrics_kind = {{[1] = &scope_kind, [2] = &metric_kind}, 1u << 1};
static const struct pb_kind resource_kind = {{[1] = &pair_kind}};
static const struct pb_kind resource_metrics_kind = {
    {[1] = &resource_kind, [2] = &scope_metrics_kind}, 1u << 1};
static const struct pb_kind otlp_kind = {{[1] = &resource_metrics_kind}};

static const struct pb_kind span_list_kind = {{[8] = &plain_kind, [11] = &plain_kind}};
static const struct pb_kind write_exemplar_kind = {{[1] = &plain_kind}};
static const struct pb_kind series_1_kind = {
    {[1] = &plain_kind, [2] = &plain_kind, [3] = &write_exemplar_kind, [4] = &span_list_kind}};
static const struct pb_kind write_1_kind = {{[1] = &series_1_kind, [3] = &plain_kind}};
static const struct pb_kind series_2_kind = {
    {[2] = &plain_kind, [3] = &span_list_kind, [4] = &plain_kind, [5] = &plain_kind}, 1u << 5};
static const struct pb_kind write_2_kind = {{[5] = &series_2_kind}};

/* protobuf-c takes any wire type for a bool. */
static bool is_odd_bool(const struct pb_kind *kind, uint32_t tag)
{
    bool is_bool = (kind == &value_kind && tag >> 3 == 2) || (kind == &sum_kind && tag >> 3 == 3);
    return is_bool && (tag & 7) != PROTOBUF_C_WIRE_TYPE_VARINT;
}

static bool is_value(const struct pb_kind *kind)
{
    return kind == &pair_kind || kind == &value_kind;
}

struct format {
    const struct pb_kind *kind;
    const ProtobufCMessageDescriptor *descriptor;
};

static struct format format_of(enum batch_encoding encoding)
{
    switch (encoding) {
    case ENCODING_REMOTE_WRITE_1:
        return (struct format){&write_1_kind, &prw__write_request__descriptor};
    case ENCODING_REMOTE_WRITE_2:
        return (struct format){&write_2_kind, &prw__request_v2__descriptor};
    default:
        return (struct format){&otlp_kind, &otlp__export_metrics_service_request__descriptor};
    }
}

/* ---- comparing batches ---- */

struct compare {
    char *why;
    size_t cap;
    uint32_t series;
};

static bool differ(struct compare *c, const char *what)
{
    snprintf(c->why, c->cap, "series %u: %s", c->series, what);
    return false;
}

/* protobuf-c does not write -0.0: to it that is a 0. */
static bool same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0 || (a == 0 && b == 0);
}

static bool same_buckets(struct native_buckets a, struct native_buckets b)
{
    if (a.count != b.count)
        return false;
    for (uint32_t i = 0; i < a.count; i++)
        if (a.items[i].index != b.items[i].index || a.items[i].count != b.items[i].count)
            return false;
    return true;
}

static bool same_histogram(const struct native_histogram *a, const struct native_histogram *b)
{
    if (!a || !b)
        return a == b;
    if (!same_double(a->count, b->count) || !same_double(a->sum, b->sum) ||
        !same_double(a->zero_count, b->zero_count) ||
        !same_double(a->zero_threshold, b->zero_threshold) || a->schema != b->schema ||
        a->hint != b->hint || a->bound_count != b->bound_count)
        return false;
    for (uint32_t i = 0; i < a->bound_count; i++)
        if (!same_double(a->bounds[i], b->bounds[i]))
            return false;
    return same_buckets(a->positive, b->positive) && same_buckets(a->negative, b->negative);
}

/* The next sample from *at on that is (not) a histogram, or NULL. */
static const struct sample *next_of(const struct metric_series *s, uint32_t *at, bool histogram)
{
    for (; *at < s->sample_count; ++*at)
        if ((s->samples[*at].histogram != NULL) == histogram)
            return &s->samples[(*at)++];
    return NULL;
}

/* Kind by kind: protobuf-c writes floats before histograms, in whatever order they came. */
static bool same_kind(struct compare *c, const struct metric_series *a,
                      const struct metric_series *b, bool histogram)
{
    uint32_t at = 0, at_other = 0;
    for (;;) {
        const struct sample *x = next_of(a, &at, histogram), *y = next_of(b, &at_other, histogram);
        if (!x || !y)
            return x == y || differ(c, "another number of samples");
        if (x->time_ms != y->time_ms || x->start_ms != y->start_ms ||
            !same_double(x->value, y->value))
            return differ(c, "a sample differs");
        if (!same_histogram(x->histogram, y->histogram))
            return differ(c, "a histogram differs");
    }
}

static bool same_exemplars(struct compare *c, const struct metric_series *a,
                           const struct metric_series *b)
{
    if (a->exemplar_count != b->exemplar_count)
        return differ(c, "another number of exemplars");
    for (uint32_t i = 0; i < a->exemplar_count; i++) {
        const struct metric_exemplar *x = &a->exemplars[i], *y = &b->exemplars[i];
        if (x->time_ms != y->time_ms || !same_double(x->value, y->value) ||
            !label_set_eq(x->labels, y->labels))
            return differ(c, "an exemplar differs");
    }
    return true;
}

static bool same_metadata(struct compare *c, const struct metric_batch *a,
                          const struct metric_batch *b)
{
    if (a->metadata_count != b->metadata_count)
        return differ(c, "another number of metadata");
    for (uint32_t i = 0; i < a->metadata_count; i++) {
        const struct metric_metadata *x = &a->metadata[i], *y = &b->metadata[i];
        if (x->type != y->type || !str_eq(x->metric, y->metric) || !str_eq(x->help, y->help) ||
            !str_eq(x->unit, y->unit))
            return differ(c, "metadata differs");
    }
    return true;
}

static bool same_batch(struct compare *c, const struct batch *a, const struct batch *b)
{
    const struct metric_batch *x = a->metrics, *y = b->metrics;
    if (a->received != b->received || memcmp(a->rejected, b->rejected, sizeof(a->rejected)) != 0)
        return differ(c, "received or rejected differs");
    if (x->series_count != y->series_count)
        return differ(c, "another number of series");
    for (c->series = 0; c->series < x->series_count; c->series++) {
        const struct metric_series *s = &x->series[c->series], *o = &y->series[c->series];
        if (!label_set_eq(s->labels, o->labels) || s->hash != o->hash)
            return differ(c, "labels differ");
        if (s->item_count != o->item_count || s->is_delta != o->is_delta)
            return differ(c, "items or temporality differ");
        if (!same_kind(c, s, o, false) || !same_kind(c, s, o, true) || !same_exemplars(c, s, o))
            return false;
    }
    return same_metadata(c, x, y);
}

/* ---- both ways ---- */

static enum status decode(struct batch *b, struct err *e)
{
    struct limits limits = {.samples = UINT32_MAX, .attributes = 64, .depth = 8};
    struct otlp_metric_rules otlp = {.limits = &limits, .seed = 1};
    struct remote_write_rules write = {.limits = &limits, .seed = 1};
    b->sender = STR("peer:1");
    b->signal = BATCH_METRICS;
    b->arena.limit_bytes = 4 * (size_t)PB_MEMORY_BYTES;
    return b->encoding == ENCODING_PROTOBUF ? otlp_metric_decode(b, &otlp, e)
                                            : remote_write_decode(b, &write, e);
}

/* What we refuse and protobuf-c takes. Google's library refuses the first two as well. */
static bool is_stricter(struct str body, const struct pb_kind *kind, const struct err *e)
{
    return strstr(e->msg, "a tag or length is too large") || strstr(e->msg, "number 0") ||
           (strstr(e->msg, "wrong wire type") && pb_has_field(body, kind, is_odd_bool));
}

static enum oracle_verdict judge(struct compare *c, const struct batch *ours,
                                 const ProtobufCMessage *theirs, const struct format *format,
                                 struct pb_memory *memory)
{
    size_t len = protobuf_c_message_get_packed_size(theirs);
    uint8_t *packed = arena_alloc(&memory->arena, len);
    if (!packed)
        return ORACLE_EXCUSED;
    protobuf_c_message_pack(theirs, packed);
    struct batch again = {.plain = {(const char *)packed, len}, .encoding = ours->encoding};
    struct err e = {0};
    enum oracle_verdict verdict = ORACLE_AGREES;
    if (decode(&again, &e) != ST_OK) {
        snprintf(c->why, c->cap, "what protobuf-c writes is refused: %s", e.msg);
        verdict = ORACLE_DIFFERS;
    } else if (!same_batch(c, ours, &again)) {
        /* protobuf-c merges two messages after reading both, and then cannot tell a zero that was
         * sent from none at all; Google's library and we read the second over the first. */
        verdict = pb_has_repeat(ours->plain, format->kind, NULL) ? ORACLE_EXCUSED : ORACLE_DIFFERS;
    }
    arena_deinit(&again.arena);
    return verdict;
}

static enum oracle_verdict compare(struct compare *c, struct batch *ours,
                                   const struct format *format, struct pb_memory *memory)
{
    struct err e = {0};
    ProtobufCAllocator allocator = pb_memory_allocator(memory);
    enum status status = decode(ours, &e);
    ProtobufCMessage *theirs = protobuf_c_message_unpack(
        format->descriptor, &allocator, ours->plain.len, (const uint8_t *)ours->plain.ptr);
    if (memory->ran_out)
        return ORACLE_EXCUSED;
    if (!theirs && status == ST_OK) {
        /* It also refuses to merge two empty values. */
        bool excused = pb_has_field(ours->plain, format->kind, pb_is_group) ||
                       ours->rejected[REJECT_TOO_DEEP] > 0 ||
                       pb_has_repeat(ours->plain, format->kind, is_value);
        snprintf(c->why, c->cap, "only the oracle refuses it");
        return excused ? ORACLE_EXCUSED : ORACLE_DIFFERS;
    }
    if (theirs && status != ST_OK) {
        snprintf(c->why, c->cap, "only we refuse it: %s", e.msg);
        return is_stricter(ours->plain, format->kind, &e) ? ORACLE_EXCUSED : ORACLE_DIFFERS;
    }
    return theirs ? judge(c, ours, theirs, format, memory) : ORACLE_REFUSED;
}

enum oracle_verdict metric_oracle_compare(struct str body, enum batch_encoding encoding, char *why,
                                          size_t cap)
{
    struct batch ours = {.plain = body, .encoding = encoding};
    struct pb_memory memory = {.arena = {.limit_bytes = PB_MEMORY_BYTES}};
    struct format format = format_of(encoding);
    struct compare c = {.why = why, .cap = cap};
    enum oracle_verdict verdict = compare(&c, &ours, &format, &memory);
    arena_deinit(&ours.arena);
    arena_deinit(&memory.arena);
    return verdict;
}
