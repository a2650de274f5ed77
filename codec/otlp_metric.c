/* otlp_metric.c - ExportMetricsServiceRequest in protobuf: a walk without recursion, slices into
 * the body. Owners (resource, scope, the metric's kind) are read before what they own, wherever
 * they stand. */
#include "codec/otlp_metric.h"

#include "codec/otlp_check.h"
#include "codec/otlp_metric_json.h"
#include "codec/otlp_point.h"
#include "codec/pb_fault.h"
#include "codec/utf8.h"

/* One call. */
struct decoder {
    struct point_sink sink;
    struct pb_body body;
};

static enum status no_memory(struct decoder *d)
{
    return metric_build_no_memory(&d->sink.m);
}

static enum status set_text(struct decoder *d, struct str *text, struct str bytes)
{
    *text = bytes;
    return utf8_repair(&d->sink.m.batch->arena, text) ? ST_OK : no_memory(d);
}

static enum status read_attr(struct decoder *d, struct str key_value, unsigned *faults)
{
    struct pb_reader fault;
    switch (attr_run_read(&d->sink.slab, key_value, &fault)) {
    case ATTR_OK:
        return ST_OK;
    case ATTR_TOO_MANY:
        *faults |= FAULT_TOO_MANY_ATTRIBUTES;
        return ST_OK;
    case ATTR_TOO_DEEP:
        *faults |= FAULT_TOO_DEEP;
        return ST_OK;
    case ATTR_BROKEN:
        return pb_broken(&d->body, "attribute", &fault);
    default:
        return no_memory(d);
    }
}

/* Reads short attributes under the tag in a hurry, then the next field of any kind. False: the
 * message has ended, is broken, or memory is short (then *is_short). */
static inline bool next_field(struct decoder *d, struct pb_reader *r, uint8_t attribute,
                              struct pb_field *f, bool *is_short)
{
    *is_short =
        r->at < r->end && *r->at == attribute && !attr_run_read_short(&d->sink.slab, r, attribute);
    return !*is_short && pb_next(r, f);
}

/* ---- repeated numbers, packed or not ---- */

static enum status read_fixed64s(struct decoder *d, struct item_run *run, const struct pb_field *f,
                                 struct pb_reader *r)
{
    if ((f->tag & 7) == PB_FIXED64)
        return point_sink_word(&d->sink, run, f->value);
    if (f->bytes.len % 8 != 0) {
        r->fault = "a fixed-width number is cut off";
        return pb_broken(&d->body, "packed numbers", r);
    }
    for (size_t i = 0; i < f->bytes.len; i += 8) {
        uint64_t word;
        memcpy(&word, f->bytes.ptr + i, sizeof(word));
        TRY(point_sink_word(&d->sink, run, word));
    }
    return ST_OK;
}

static enum status read_varints(struct decoder *d, struct item_run *run, const struct pb_field *f)
{
    if ((f->tag & 7) == PB_VARINT)
        return point_sink_word(&d->sink, run, f->value);
    struct pb_reader r = pb_reader_of(f->bytes);
    uint64_t word;
    while (r.at != r.end) {
        if (!pb_read_varint(&r, 10, &word))
            return pb_broken(&d->body, "packed numbers", &r);
        TRY(point_sink_word(&d->sink, run, word));
    }
    return ST_OK;
}

/* ---- exemplars ---- */

static enum status read_exemplar(struct decoder *d, struct str message)
{
    struct attr_slab *slab = &d->sink.slab;
    struct otlp_exemplar x = {.value = 0};
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    unsigned ignored = 0;
    attr_run_begin(slab);
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(2, PB_FIXED64))
            x.time_ns = f.value;
        else if (f.tag == PB_TAG(3, PB_FIXED64))
            x.value = pb_double(f.value);
        else if (f.tag == PB_TAG(4, PB_LEN))
            x.span_id = f.bytes;
        else if (f.tag == PB_TAG(5, PB_LEN))
            x.trace_id = f.bytes;
        else if (f.tag == PB_TAG(6, PB_FIXED64))
            x.value = (double)(int64_t)f.value;
        else if (f.tag == PB_TAG(7, PB_LEN))
            TRY(read_attr(d, f.bytes, &ignored));
        else if (f.tag >> 3 != 1) /* number 1 was another field once */
            TRY(pb_skip_unknown(&d->body, "exemplar", &r, f.tag, 7));
    }
    TRY(pb_finish(&d->body, "exemplar", &r));
    x.attrs = slab->run;
    x.attr_count = attr_run_count(slab);
    TRY(point_sink_exemplar(&d->sink, &x));
    attr_run_undo(slab);
    return ST_OK;
}

/* Behind the point's own attributes: only one owner's are read at a time. */
static enum status read_exemplars(struct decoder *d, struct str point, uint32_t tag)
{
    struct pb_reader r = pb_reader_of(point);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == tag)
            TRY(read_exemplar(d, f.bytes));
    }
    return ST_OK;
}

/* ---- points ---- */

/* Reads one field of a point that is neither attribute nor exemplar. */
typedef enum status field_fn(struct decoder *d, struct otlp_point *p, struct pb_reader *r,
                             const struct pb_field *f);

static enum status number_field(struct decoder *d, struct otlp_point *p, struct pb_reader *r,
                                const struct pb_field *f)
{
    switch (f->tag) {
    case PB_TAG(2, PB_FIXED64):
        p->start_ns = f->value;
        return ST_OK;
    case PB_TAG(3, PB_FIXED64):
        p->time_ns = f->value;
        return ST_OK;
    case PB_TAG(4, PB_FIXED64):
        p->value = pb_double(f->value);
        p->has_value = true;
        return ST_OK;
    case PB_TAG(6, PB_FIXED64):
        p->value = (double)(int64_t)f->value;
        p->has_value = true;
        return ST_OK;
    case PB_TAG(8, PB_VARINT):
        p->flags = f->value;
        return ST_OK;
    default:
        return f->tag >> 3 == 1 ? ST_OK : pb_skip_unknown(&d->body, "point", r, f->tag, 8);
    }
}

/* Fields 2 to 4 are the same in all points that count; false for another field. */
static bool times_and_count(struct otlp_point *p, const struct pb_field *f)
{
    switch (f->tag) {
    case PB_TAG(2, PB_FIXED64):
        p->start_ns = f->value;
        return true;
    case PB_TAG(3, PB_FIXED64):
        p->time_ns = f->value;
        return true;
    case PB_TAG(4, PB_FIXED64):
        p->count = f->value;
        return true;
    default:
        return false;
    }
}

static enum status histogram_field(struct decoder *d, struct otlp_point *p, struct pb_reader *r,
                                   const struct pb_field *f)
{
    if (times_and_count(p, f))
        return ST_OK;
    switch (f->tag) {
    case PB_TAG(5, PB_FIXED64):
        p->sum = pb_double(f->value);
        p->has_sum = true;
        return ST_OK;
    case PB_TAG(6, PB_LEN):
    case PB_TAG(6, PB_FIXED64):
        return read_fixed64s(d, &d->sink.counts[0], f, r);
    case PB_TAG(7, PB_LEN):
    case PB_TAG(7, PB_FIXED64):
        return read_fixed64s(d, &d->sink.bounds, f, r);
    case PB_TAG(10, PB_VARINT):
        p->flags = f->value;
        return ST_OK;
    case PB_TAG(11, PB_FIXED64): /* min, max */
    case PB_TAG(12, PB_FIXED64):
        return ST_OK;
    default:
        return f->tag >> 3 == 1 ? ST_OK : pb_skip_unknown(&d->body, "point", r, f->tag, 12);
    }
}

static enum status read_buckets(struct decoder *d, struct otlp_point *p, unsigned side,
                                struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_VARINT))
            p->offset[side] = (int32_t)pb_unzigzag((uint32_t)f.value);
        else if (f.tag == PB_TAG(2, PB_LEN) || f.tag == PB_TAG(2, PB_VARINT))
            TRY(read_varints(d, &d->sink.counts[side], &f));
        else
            TRY(pb_skip_unknown(&d->body, "buckets", &r, f.tag, 2));
    }
    return pb_finish(&d->body, "buckets", &r);
}

static enum status exponential_field(struct decoder *d, struct otlp_point *p, struct pb_reader *r,
                                     const struct pb_field *f)
{
    if (times_and_count(p, f))
        return ST_OK;
    switch (f->tag) {
    case PB_TAG(5, PB_FIXED64):
        p->sum = pb_double(f->value);
        p->has_sum = true;
        return ST_OK;
    case PB_TAG(6, PB_VARINT):
        p->scale = (int32_t)pb_unzigzag((uint32_t)f->value);
        return ST_OK;
    case PB_TAG(7, PB_FIXED64):
        p->zero_count = f->value;
        return ST_OK;
    case PB_TAG(8, PB_LEN):
    case PB_TAG(9, PB_LEN):
        return read_buckets(d, p, f->tag == PB_TAG(9, PB_LEN), f->bytes);
    case PB_TAG(10, PB_VARINT):
        p->flags = f->value;
        return ST_OK;
    case PB_TAG(12, PB_FIXED64): /* min, max */
    case PB_TAG(13, PB_FIXED64):
        return ST_OK;
    case PB_TAG(14, PB_FIXED64):
        p->zero_threshold = pb_double(f->value);
        return ST_OK;
    default:
        return pb_skip_unknown(&d->body, "point", r, f->tag, 14);
    }
}

static enum status read_quantile(struct decoder *d, struct str message)
{
    struct otlp_quantile q = {0, 0};
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_FIXED64))
            q.quantile = pb_double(f.value);
        else if (f.tag == PB_TAG(2, PB_FIXED64))
            q.value = pb_double(f.value);
        else
            TRY(pb_skip_unknown(&d->body, "quantile", &r, f.tag, 2));
    }
    TRY(pb_finish(&d->body, "quantile", &r));
    return point_sink_quantile(&d->sink, q);
}

static enum status summary_field(struct decoder *d, struct otlp_point *p, struct pb_reader *r,
                                 const struct pb_field *f)
{
    if (times_and_count(p, f))
        return ST_OK;
    switch (f->tag) {
    case PB_TAG(5, PB_FIXED64):
        p->sum = pb_double(f->value);
        return ST_OK;
    case PB_TAG(6, PB_LEN):
        return read_quantile(d, f->bytes);
    case PB_TAG(8, PB_VARINT):
        p->flags = f->value;
        return ST_OK;
    default:
        return f->tag >> 3 == 1 ? ST_OK : pb_skip_unknown(&d->body, "point", r, f->tag, 8);
    }
}

/* Where the members of Metric's oneof differ. */
struct shape {
    uint32_t tag; /* in Metric */
    enum otlp_kind kind;
    uint8_t attributes; /* tags in the point; 0 exemplars: it has none */
    uint32_t exemplars;
    field_fn *field;
    const char *name;
};

static const struct shape shapes[] = {
    {PB_TAG(5, PB_LEN), OTLP_GAUGE, PB_TAG(7, PB_LEN), PB_TAG(5, PB_LEN), number_field, "gauge"},
    {PB_TAG(7, PB_LEN), OTLP_SUM, PB_TAG(7, PB_LEN), PB_TAG(5, PB_LEN), number_field, "sum"},
    {PB_TAG(9, PB_LEN), OTLP_HISTOGRAM, PB_TAG(9, PB_LEN), PB_TAG(8, PB_LEN), histogram_field,
     "histogram"},
    {PB_TAG(10, PB_LEN), OTLP_EXPONENTIAL_HISTOGRAM, PB_TAG(1, PB_LEN), PB_TAG(11, PB_LEN),
     exponential_field, "exponential histogram"},
    {PB_TAG(11, PB_LEN), OTLP_SUMMARY, PB_TAG(7, PB_LEN), 0, summary_field, "summary"},
};

static enum status read_point(struct decoder *d, const struct shape *shape, struct str message)
{
    struct attr_slab *slab = &d->sink.slab;
    struct otlp_point p = {.time_ns = 0};
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    bool exemplars = false, memory_short;
    point_sink_point_begin(&d->sink);
    attr_run_begin(slab);
    while (next_field(d, &r, shape->attributes, &f, &memory_short)) {
        if (f.tag == shape->attributes)
            TRY(read_attr(d, f.bytes, &p.faults));
        else if (f.tag == shape->exemplars)
            exemplars = true;
        else
            TRY(shape->field(d, &p, &r, &f));
    }
    if (memory_short)
        return no_memory(d);
    TRY(pb_finish(&d->body, "point", &r));
    p.attrs = slab->run;
    p.attr_count = attr_run_count(slab);
    if (exemplars)
        TRY(read_exemplars(d, message, shape->exemplars));
    TRY(point_sink_point_end(&d->sink, &p));
    if (!exemplars)
        attr_run_undo(slab);
    return ST_OK;
}

/* ---- metrics ---- */

static const struct shape *shape_of(uint32_t tag)
{
    for (size_t i = 0; i < LEN(shapes); i++)
        if (shapes[i].tag == tag)
            return &shapes[i];
    return NULL;
}

/* Temporality and is_monotonic stand behind the points; a point of the wrong wire type is met
 * here first. */
static enum status read_kind(struct decoder *d, const struct shape *shape,
                             struct otlp_stream *stream, struct str message)
{
    bool sum = shape->kind == OTLP_SUM;
    bool temporal = shape->kind != OTLP_GAUGE && shape->kind != OTLP_SUMMARY;
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(2, PB_VARINT) && temporal)
            stream->temporality = (uint32_t)f.value;
        else if (f.tag == PB_TAG(3, PB_VARINT) && sum)
            stream->is_monotonic = f.value != 0;
        else if (f.tag != PB_TAG(1, PB_LEN))
            TRY(pb_skip_unknown(&d->body, shape->name, &r, f.tag, sum ? 3 : temporal ? 2 : 1));
    }
    return pb_finish(&d->body, shape->name, &r);
}

static enum status read_points(struct decoder *d, const struct shape *shape, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(read_point(d, shape, f.bytes));
    }
    return ST_OK;
}

/* Everything but the points. *shape: the member of the oneof that was set last, or NULL; *from:
 * where its first message stands, behind all other members. */
static enum status read_stream(struct decoder *d, struct str message, struct otlp_stream *stream,
                               const struct shape **shape, struct pb_reader *from)
{
    struct pb_reader r = pb_reader_of(message), before = r;
    struct pb_field f;
    for (; pb_next(&r, &f); before = r) {
        const struct shape *member = shape_of(f.tag);
        if (member && member != *shape) {
            *shape = member;
            *from = before;
            stream->temporality = 0;
            stream->is_monotonic = false;
        }
        if (member)
            TRY(read_kind(d, member, stream, f.bytes));
        else if (f.tag == PB_TAG(1, PB_LEN))
            TRY(set_text(d, &stream->name, f.bytes));
        else if (f.tag == PB_TAG(2, PB_LEN))
            TRY(set_text(d, &stream->description, f.bytes));
        else if (f.tag == PB_TAG(3, PB_LEN))
            TRY(set_text(d, &stream->unit, f.bytes));
        else if (f.tag >> 3 != 4 && f.tag >> 3 != 6 && f.tag >> 3 != 8 && f.tag >> 3 != 12)
            TRY(pb_skip_unknown(&d->body, "metric", &r, f.tag, 11));
    }
    return pb_finish(&d->body, "metric", &r);
}

static enum status read_metric(struct decoder *d, struct str message)
{
    struct otlp_stream stream = {.kind = OTLP_NO_DATA};
    const struct shape *shape = NULL;
    struct pb_reader from = pb_reader_of(message);
    struct pb_field f;
    TRY(read_stream(d, message, &stream, &shape, &from));
    if (!shape)
        return ST_OK;
    stream.kind = shape->kind;
    TRY(point_sink_stream(&d->sink, &stream));
    while (pb_next(&from, &f)) {
        if (f.tag == shape->tag)
            TRY(read_points(d, shape, f.bytes));
    }
    return ST_OK;
}

/* ---- owners ---- */

static enum status read_scope_fields(struct decoder *d, struct str message, struct scope *scope)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    unsigned ignored = 0;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(set_text(d, &scope->name, f.bytes));
        else if (f.tag == PB_TAG(2, PB_LEN))
            TRY(set_text(d, &scope->version, f.bytes));
        else if (f.tag == PB_TAG(3, PB_LEN))
            TRY(read_attr(d, f.bytes, &ignored));
        else if (f.tag != PB_TAG(4, PB_VARINT))
            TRY(pb_skip_unknown(&d->body, "scope", &r, f.tag, 4));
    }
    return pb_finish(&d->body, "scope", &r);
}

static enum status read_scope(struct decoder *d, struct str message)
{
    struct attr_slab *slab = &d->sink.slab;
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    struct scope scope = {{0}, {0}};
    struct str schema_url = {0};
    attr_run_begin(slab);
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(read_scope_fields(d, f.bytes, &scope));
        else if (f.tag == PB_TAG(3, PB_LEN))
            TRY(set_text(d, &schema_url, f.bytes));
        else if (f.tag != PB_TAG(2, PB_LEN))
            TRY(pb_skip_unknown(&d->body, "ScopeMetrics", &r, f.tag, 3));
    }
    TRY(pb_finish(&d->body, "ScopeMetrics", &r));
    TRY(label_maker_scope(&d->sink.labels, &scope, schema_url, slab->run, attr_run_count(slab)));
    attr_run_undo(slab);
    return ST_OK;
}

static enum status read_scope_metrics(struct decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    TRY(read_scope(d, message));
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(2, PB_LEN))
            TRY(read_metric(d, f.bytes));
    }
    return ST_OK;
}

static enum status read_resource(struct decoder *d, struct str message, unsigned *faults)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    bool memory_short;
    while (next_field(d, &r, PB_TAG(1, PB_LEN), &f, &memory_short)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(read_attr(d, f.bytes, faults));
        else if (f.tag != PB_TAG(2, PB_VARINT))
            TRY(pb_skip_unknown(&d->body, "resource", &r, f.tag, 2));
    }
    return memory_short ? no_memory(d) : pb_finish(&d->body, "resource", &r);
}

static enum status read_resource_metrics(struct decoder *d, struct str message)
{
    struct attr_slab *slab = &d->sink.slab;
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    unsigned faults = 0;
    attr_run_begin(slab);
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(read_resource(d, f.bytes, &faults));
        else if (f.tag != PB_TAG(2, PB_LEN) && f.tag != PB_TAG(3, PB_LEN))
            TRY(pb_skip_unknown(&d->body, "ResourceMetrics", &r, f.tag, 3));
    }
    TRY(pb_finish(&d->body, "ResourceMetrics", &r));
    TRY(point_sink_resource(&d->sink, slab->run, attr_run_count(slab), faults));
    for (r = pb_reader_of(message); pb_next(&r, &f);) {
        if (f.tag == PB_TAG(2, PB_LEN))
            TRY(read_scope_metrics(d, f.bytes));
    }
    return point_sink_resource_end(&d->sink);
}

static enum status read_request(struct decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(read_resource_metrics(d, f.bytes));
        else
            TRY(pb_skip_unknown(&d->body, "request", &r, f.tag, 1));
    }
    return pb_finish(&d->body, "request", &r);
}

enum status otlp_metric_decode(struct batch *batch, const struct otlp_metric_rules *rules,
                               struct err *e)
{
    struct decoder d = {.body = {batch->plain, "OTLP", e}};
    TRY(point_sink_begin(&d.sink, batch, rules, e));
    if (batch->encoding == ENCODING_JSON)
        return metric_build_end(&d.sink.m, otlp_metric_json_read(&d.sink, e));
    if (batch->plain.len == 0)
        return ST_OK;
    return metric_build_end(&d.sink.m, read_request(&d, batch->plain));
}
