/* otlp_point.c - which points are taken, and the series that they become. */
#include "codec/otlp_point.h"

#include "codec/attr_text.h"
#include "codec/utf8.h"
#include "model/native_histogram_wire.h"
#include "model/series_hash.h"
#include "model/stale.h"
#include "model/trace_id.h"

#include <math.h>
#include <stdlib.h>

enum { NO_RECORDED_VALUE = 1 };
enum { NAME_BUCKET, NAME_SUM, NAME_COUNT };
/* Letters of all an exemplar's labels (OpenMetrics). */
enum { EXEMPLAR_CHARS_MAX = 128 };
#define YEAR_2001_NS (UINT64_C(978307200) * NS_PER_S)

enum status point_sink_begin(struct point_sink *s, struct batch *batch,
                             const struct otlp_metric_rules *rules, struct err *e)
{
    *s = (struct point_sink){.rules = rules};
    TRY(metric_build_begin(&s->m, batch, rules->seed, rules->limits->samples, e));
    s->slab = attr_slab_of(&batch->arena, batch_scratch(batch), batch->plain.len,
                           rules->limits->attributes, rules->limits->depth);
    /* Envoy's stats name neither their sender nor the client software: then the connection, which
     * lasts as long as the proxy, tells two of them apart. Whoever posts over HTTP names software,
     * and may come over another connection each time. */
    struct str peer = batch->user_agent.len == 0 ? batch->sender : STR("");
    s->labels = label_maker_of(&s->m, rules->translation, peer);
    return ST_OK;
}

static struct arena *arena_of(struct point_sink *s)
{
    return &s->m.batch->arena;
}

static enum status no_memory(struct point_sink *s)
{
    return metric_build_no_memory(&s->m);
}

static uint32_t count_of(const struct item_run *run, size_t item_bytes)
{
    return (uint32_t)(metric_run_bytes(run) / item_bytes);
}

static struct label_set set_of(const struct item_run *run)
{
    return (struct label_set){(const struct label *)(const void *)run->first,
                              count_of(run, sizeof(struct label))};
}

/* ---- series ---- */

/* Puts a label into a sorted row of them. */
static void insert(struct label *items, uint32_t count, struct label fresh)
{
    uint32_t at = count;
    for (; at > 0 && str_cmp(items[at - 1].name, fresh.name) > 0; at--)
        items[at] = items[at - 1];
    items[at] = fresh;
}

/* A series of one sample: `base`, the metric's name, and one label more when `extra` has a name.
 * The exemplars are those of the open run. */
static enum status add_series(struct point_sink *s, struct label_set base, struct str name,
                              struct label extra, const struct sample *sample, uint32_t items)
{
    uint32_t count = base.count;
    metric_run_begin(&s->m.labels);
    metric_run_begin(&s->m.samples);
    struct label *labels = metric_run_add(&s->m, &s->m.labels, (count + 2) * sizeof(*labels));
    struct sample *place = metric_run_add(&s->m, &s->m.samples, sizeof(*place));
    if (!labels || !place)
        return no_memory(s);
    if (count > 0)
        memcpy(labels, base.items, count * sizeof(*labels));
    insert(labels, count++, (struct label){LABEL_METRIC_NAME, name});
    if (extra.name.len > 0)
        insert(labels, count++, extra);
    *place = *sample;
    bool is_delta = s->stream.temporality == OTLP_DELTA &&
                    (s->stream.kind == OTLP_SUM || s->stream.kind == OTLP_HISTOGRAM ||
                     s->stream.kind == OTLP_EXPONENTIAL_HISTOGRAM);
    struct label_set set = {labels, count};
    TRY(metric_build_series(&s->m, set, series_hash(set, s->m.seed), items, is_delta));
    metric_run_begin(&s->m.exemplars);
    return ST_OK;
}

static const struct label no_label;

/* ---- resource and metric ---- */

enum status point_sink_resource(struct point_sink *s, const struct attr *attrs, uint32_t count,
                                unsigned faults)
{
    s->resource_faults = faults;
    s->resource_attrs = attrs;
    s->resource_attr_count = count;
    s->newest_ns = 0;
    return label_maker_resource(&s->labels, attrs, count);
}

enum status point_sink_resource_end(struct point_sink *s)
{
    static const struct metric_metadata metadata = {
        .metric = {"target_info", 11}, .help = {"Target metadata", 15}, .type = METRIC_GAUGE};
    bool wanted;
    if (s->newest_ns == 0)
        return ST_OK;
    TRY(label_maker_target(&s->labels, s->resource_attrs, s->resource_attr_count, &s->point_labels,
                           &wanted));
    if (!wanted)
        return ST_OK;
    struct sample one = {.time_ms = (int64_t)(s->newest_ns / NS_PER_MS), .value = 1};
    s->stream = (struct otlp_stream){.kind = OTLP_GAUGE};
    metric_run_begin(&s->m.exemplars);
    TRY(add_series(s, set_of(&s->point_labels), metadata.metric, no_label, &one, 0));
    return metric_build_metadata(&s->m, metadata);
}

static enum metric_type type_of(const struct otlp_stream *stream)
{
    switch (stream->kind) {
    case OTLP_SUM:
        return stream->is_monotonic ? METRIC_COUNTER : METRIC_GAUGE;
    case OTLP_GAUGE:
        return METRIC_GAUGE;
    case OTLP_SUMMARY:
        return METRIC_SUMMARY;
    default:
        return METRIC_HISTOGRAM;
    }
}

static enum metric_name_kind name_kind_of(const struct otlp_stream *stream)
{
    if (stream->kind == OTLP_GAUGE)
        return NAME_GAUGE;
    return stream->kind == OTLP_SUM && stream->is_monotonic ? NAME_COUNTER : NAME_PLAIN;
}

enum status point_sink_stream(struct point_sink *s, const struct otlp_stream *stream)
{
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    enum metric_translation how = s->rules->translation;
    s->stream = *stream;
    s->name =
        metric_name_translate(arena_of(s), how, stream->name, stream->unit, name_kind_of(stream));
    struct str unit = metric_unit_translate(arena_of(s), how, stream->unit);
    if (!s->name.ptr || !unit.ptr)
        return no_memory(s);
    for (size_t i = 0; i < LEN(suffixes); i++) {
        struct str parts[] = {s->name, str_from_c(suffixes[i])};
        if (!text_join(arena_of(s), parts, LEN(parts), STR(""), &s->names[i]))
            return no_memory(s);
    }
    return metric_build_metadata(&s->m, (struct metric_metadata){.metric = s->name,
                                                                 .help = stream->description,
                                                                 .unit = unit,
                                                                 .type = type_of(stream)});
}

/* ---- the lists of a point ---- */

void point_sink_point_begin(struct point_sink *s)
{
    metric_run_undo(&s->counts[0]);
    metric_run_undo(&s->counts[1]);
    metric_run_undo(&s->bounds);
    metric_run_undo(&s->quantiles);
    metric_run_undo(&s->exemplars);
}

enum status point_sink_word(struct point_sink *s, struct item_run *run, uint64_t word)
{
    uint64_t *place = metric_run_add(&s->m, run, sizeof(*place));
    if (!place)
        return no_memory(s);
    *place = word;
    return ST_OK;
}

enum status point_sink_quantile(struct point_sink *s, struct otlp_quantile q)
{
    struct otlp_quantile *place = metric_run_add(&s->m, &s->quantiles, sizeof(*place));
    if (!place)
        return no_memory(s);
    *place = q;
    return ST_OK;
}

static struct str hex_of(struct point_sink *s, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = arena_alloc(arena_of(s), 2 * bytes.len);
    if (!hex)
        return (struct str){NULL, 0};
    for (size_t i = 0; i < bytes.len; i++) {
        hex[2 * i] = digits[(uint8_t)bytes.ptr[i] >> 4];
        hex[2 * i + 1] = digits[bytes.ptr[i] & 15];
    }
    return (struct str){hex, 2 * bytes.len};
}

/* Of the right length, and not all zero. */
static bool is_id(struct str bytes, size_t len)
{
    static const char zeros[16] = {0};
    return bytes.len == len && memcmp(bytes.ptr, zeros, len) != 0;
}

/* Ids first; attributes only when all of them fit. */
static enum status exemplar_labels(struct point_sink *s, const struct otlp_exemplar *x,
                                   struct label_set *out)
{
    struct item_run *run = &s->m.exemplar_labels;
    size_t bytes = 0;
    struct err ignored;
    metric_run_begin(run);
    TRY(label_maker_plain(&s->labels, x->attrs, x->attr_count, run));
    struct label_set attrs = set_of(run);
    for (uint32_t i = 0; i < attrs.count; i++)
        bytes += attrs.items[i].name.len + attrs.items[i].value.len;
    struct label ids[] = {{STR("span_id"), x->span_id}, {STR("trace_id"), x->trace_id}};
    static const size_t id_bytes[] = {8, 16};
    for (size_t i = 0; i < LEN(ids); i++)
        bytes += is_id(ids[i].value, id_bytes[i]) ? ids[i].name.len + 2 * id_bytes[i] : 0;
    if (bytes > EXEMPLAR_CHARS_MAX)
        metric_run_undo(run);
    for (size_t i = 0; i < LEN(ids); i++) {
        if (!is_id(ids[i].value, id_bytes[i]))
            continue;
        struct label *place = metric_run_add(&s->m, run, sizeof(*place));
        if (!place)
            return no_memory(s);
        *place = (struct label){ids[i].name, hex_of(s, ids[i].value)};
        if (!place->value.ptr)
            return no_memory(s);
    }
    attrs = set_of(run);
    if (label_set_sort((struct label *)(uintptr_t)attrs.items, attrs.count, out, &ignored) == ST_OK)
        return ST_OK;
    *out = (struct label_set){0}; /* an attribute named like an id */
    return ST_OK;
}

enum status point_sink_exemplar(struct point_sink *s, const struct otlp_exemplar *x)
{
    struct metric_exemplar *place = metric_run_add(&s->m, &s->exemplars, sizeof(*place));
    if (!place)
        return no_memory(s);
    *place =
        (struct metric_exemplar){.value = x->value, .time_ms = (int64_t)(x->time_ns / NS_PER_MS)};
    return exemplar_labels(s, x, &place->labels);
}

/* ---- judgement ---- */

static bool has_temporality(const struct otlp_stream *stream)
{
    return stream->kind != OTLP_GAUGE && stream->kind != OTLP_SUMMARY;
}

static const char *check_bounds(const struct point_sink *s)
{
    const double *bounds = (const double *)(const void *)s->bounds.first;
    uint32_t count = count_of(&s->bounds, sizeof(*bounds));
    uint32_t buckets = count_of(&s->counts[0], sizeof(uint64_t));
    if (buckets != count + 1 && (buckets > 0 || count > 0))
        return "a histogram point needs one bucket more than it has bounds, or neither";
    for (uint32_t i = 0; i < count; i++)
        if (isnan(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1]))
            return "a histogram point has bounds that do not ascend";
    return NULL;
}

static const char *check_point(const struct point_sink *s, const struct otlp_point *p)
{
    bool number = s->stream.kind == OTLP_GAUGE || s->stream.kind == OTLP_SUM;
    bool recorded = !(p->flags & NO_RECORDED_VALUE);
    if (p->time_ns == 0)
        return "a point has no time";
    if (has_temporality(&s->stream) && s->stream.temporality != OTLP_DELTA &&
        s->stream.temporality != OTLP_CUMULATIVE)
        return "a metric has no temporality";
    if (number && recorded && !p->has_value)
        return "a number point has no value";
    return s->stream.kind == OTLP_HISTOGRAM && recorded ? check_bounds(s) : NULL;
}

/* True: the point is to be taken. */
static bool judge(struct point_sink *s, const struct otlp_point *p)
{
    unsigned faults = p->faults | s->resource_faults;
    const char *why = check_point(s, p);
    s->m.batch->received++;
    if (faults & FAULT_TOO_MANY_ATTRIBUTES)
        metric_build_reject(&s->m, REJECT_TOO_MANY_ATTRIBUTES, 1,
                            "a point or its resource has more attributes than limits.attributes");
    else if (faults & FAULT_TOO_DEEP)
        metric_build_reject(&s->m, REJECT_TOO_DEEP, 1,
                            "an attribute is nested deeper than limits.depth");
    else if (s->name.len == 0)
        metric_build_reject(&s->m, REJECT_INVALID_LABELS, 1, "a metric has no name");
    else if (why)
        metric_build_reject(&s->m, REJECT_INVALID_POINT, 1, why);
    else
        return true;
    return false;
}

/* ---- points to series ---- */

/* Envoy writes its start times in microseconds. */
static int64_t start_of(const struct otlp_point *p)
{
    uint64_t start_ns = p->start_ns;
    if (start_ns < YEAR_2001_NS && p->time_ns >= YEAR_2001_NS)
        start_ns = start_ns <= p->time_ns / 1000 ? start_ns * 1000 : 0;
    return (int64_t)(start_ns / NS_PER_MS);
}

static struct sample sample_of(const struct otlp_point *p, double value)
{
    bool recorded = !(p->flags & NO_RECORDED_VALUE);
    return (struct sample){.time_ms = (int64_t)(p->time_ns / NS_PER_MS),
                           .start_ms = start_of(p),
                           .value = recorded ? value : value_stale()};
}

/* Opens the exemplars of the next series: those of the point from *at on that are not above
 * `bound`. */
static enum status take_exemplars(struct point_sink *s, uint32_t *at, double bound)
{
    const struct metric_exemplar *all = (const void *)s->exemplars.first;
    uint32_t count = count_of(&s->exemplars, sizeof(*all));
    metric_run_begin(&s->m.exemplars);
    /* NaN is above every bound but the last. */
    for (; *at < count && (all[*at].value <= bound || bound == INFINITY); ++*at) {
        struct metric_exemplar *place = metric_run_add(&s->m, &s->m.exemplars, sizeof(*place));
        if (!place)
            return no_memory(s);
        *place = all[*at];
    }
    return ST_OK;
}

static int exemplar_cmp(const void *a, const void *b)
{
    const struct metric_exemplar *x = a, *y = b;
    if (isnan(x->value) || isnan(y->value))
        return isnan(x->value) - isnan(y->value);
    return (x->value > y->value) - (x->value < y->value);
}

static enum status add_number(struct point_sink *s, const struct otlp_point *p,
                              struct label_set base)
{
    struct sample sample = sample_of(p, p->value);
    uint32_t at = 0;
    TRY(take_exemplars(s, &at, INFINITY));
    return add_series(s, base, s->name, no_label, &sample, 1);
}

/* Sum and count of histograms and summaries. */
static enum status add_totals(struct point_sink *s, const struct otlp_point *p,
                              struct label_set base)
{
    struct sample sum = sample_of(p, p->sum), count = sample_of(p, (double)p->count);
    metric_run_begin(&s->m.exemplars);
    if (p->has_sum || s->stream.kind == OTLP_SUMMARY)
        TRY(add_series(s, base, s->names[NAME_SUM], no_label, &sum, 0));
    return add_series(s, base, s->names[NAME_COUNT], no_label, &count, 1);
}

static enum status add_bucket(struct point_sink *s, const struct otlp_point *p,
                              struct label_set base, double bound, double below)
{
    struct label le = {.name = STR("le")};
    struct sample sample = sample_of(p, below);
    if (!number_text(arena_of(s), bound, &le.value))
        return no_memory(s);
    return add_series(s, base, s->names[NAME_BUCKET], le, &sample, 0);
}

static enum status add_histogram(struct point_sink *s, const struct otlp_point *p,
                                 struct label_set base)
{
    const uint64_t *counts = (const uint64_t *)(const void *)s->counts[0].first;
    const double *bounds = (const double *)(const void *)s->bounds.first;
    uint32_t bound_count = count_of(&s->bounds, sizeof(*bounds)), at = 0;
    uint32_t bucket_count = count_of(&s->counts[0], sizeof(*counts));
    uint64_t below = 0;
    if (metric_run_bytes(&s->exemplars) > 0)
        qsort(s->exemplars.first, count_of(&s->exemplars, sizeof(struct metric_exemplar)),
              sizeof(struct metric_exemplar), exemplar_cmp);
    TRY(add_totals(s, p, base));
    for (uint32_t i = 0; i < bound_count && bounds[i] != INFINITY; i++) {
        below += i < bucket_count ? counts[i] : 0;
        TRY(take_exemplars(s, &at, bounds[i]));
        TRY(add_bucket(s, p, base, bounds[i], (double)below));
    }
    TRY(take_exemplars(s, &at, INFINITY));
    return add_bucket(s, p, base, INFINITY, (double)p->count);
}

static enum status add_summary(struct point_sink *s, const struct otlp_point *p,
                               struct label_set base)
{
    const struct otlp_quantile *q = (const void *)s->quantiles.first;
    uint32_t count = count_of(&s->quantiles, sizeof(*q));
    TRY(add_totals(s, p, base));
    for (uint32_t i = 0; i < count; i++) {
        struct label quantile = {.name = STR("quantile")};
        struct sample sample = sample_of(p, q[i].value);
        if (!number_text(arena_of(s), q[i].quantile, &quantile.value))
            return no_memory(s);
        TRY(add_series(s, base, s->name, quantile, &sample, 0));
    }
    return ST_OK;
}

static struct native_dense dense_of(const struct point_sink *s, const struct otlp_point *p,
                                    unsigned side)
{
    return (struct native_dense){.offset = p->offset[side],
                                 .counts = (const uint64_t *)(const void *)s->counts[side].first,
                                 .count = count_of(&s->counts[side], sizeof(uint64_t))};
}

static enum status add_exponential(struct point_sink *s, const struct otlp_point *p,
                                   struct label_set base)
{
    struct native_histogram *n = arena_calloc(arena_of(s), 1, sizeof(*n));
    struct sample sample = sample_of(p, 0);
    struct err why = {0};
    uint32_t at = 0;
    if (!n)
        return no_memory(s);
    sample.value = 0;
    sample.histogram = n;
    if (p->flags & NO_RECORDED_VALUE) {
        n->sum = value_stale();
    } else {
        struct native_otlp point = {.scale = p->scale,
                                    .count = p->count,
                                    .zero_count = p->zero_count,
                                    .sum = p->sum,
                                    .zero_threshold = p->zero_threshold,
                                    .positive = dense_of(s, p, 0),
                                    .negative = dense_of(s, p, 1)};
        enum status status = native_histogram_from_otlp(&point, arena_of(s), n, &why);
        if (status == ST_INVALID) {
            metric_build_reject(&s->m, REJECT_INVALID_POINT, 1, why.msg);
            return ST_OK;
        }
        if (status != ST_OK)
            return no_memory(s);
    }
    TRY(take_exemplars(s, &at, INFINITY));
    return add_series(s, base, s->name, no_label, &sample, 1);
}

enum status point_sink_point_end(struct point_sink *s, const struct otlp_point *p)
{
    struct str reserved = s->stream.kind == OTLP_HISTOGRAM ? STR("le")
                          : s->stream.kind == OTLP_SUMMARY ? STR("quantile")
                                                           : STR("");
    if (!judge(s, p))
        return ST_OK;
    TRY(label_maker_point(&s->labels, p->attrs, p->attr_count, reserved, &s->point_labels));
    s->newest_ns = MAX(s->newest_ns, p->time_ns);
    struct label_set base = set_of(&s->point_labels);
    switch (s->stream.kind) {
    case OTLP_HISTOGRAM:
        return add_histogram(s, p, base);
    case OTLP_EXPONENTIAL_HISTOGRAM:
        return add_exponential(s, p, base);
    case OTLP_SUMMARY:
        return add_summary(s, p, base);
    default:
        return add_number(s, p, base);
    }
}
