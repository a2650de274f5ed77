/* otlp_trace.c - ExportTraceServiceRequest in protobuf to spans: counts first, then one walk,
 * slices into the body. */
#include "codec/otlp_trace.h"

#include "codec/otlp_attr.h"
#include "codec/otlp_check.h"
#include "codec/otlp_json.h"
#include "codec/span_judge.h"
#include "codec/utf8.h"

/* The shortest message that can be a valid span: both ids. Shorter ones are rejected and need no
 * place. */
enum { SPAN_BYTES_MIN = 28 };

/* One call. */
struct decoder {
    struct batch *batch;                  /* borrowed */
    const struct otlp_trace_rules *rules; /* borrowed */
    struct attr_slab slab;
    struct resource resource; /* of the spans being read, and its copy in the arena once one of them
                                 was accepted */
    struct resource *kept_resource;
    struct scope scope; /* same */
    struct scope *kept_scope;
    unsigned resource_faults; /* enum span_fault bits all spans of the resource inherit */
    struct err *err;          /* borrowed */
};

static enum status no_memory(struct decoder *d)
{
    return err_set(d->err, ST_NO_MEMORY, "out of memory while decoding spans");
}

static enum status broken(struct decoder *d, const char *message, const struct pb_reader *r)
{
    size_t offset = (size_t)(r->at - (const uint8_t *)d->batch->plain.ptr);
    return err_set(d->err, ST_INVALID, "OTLP %s: %s at byte %zu", message, r->fault, offset);
}

/* What every loop over the fields of a message ends with. */
static enum status finish(struct decoder *d, const char *message, const struct pb_reader *r)
{
    return LIKELY(!r->fault) ? ST_OK : broken(d, message, r);
}

/* What its default case does: fields of a later version are skipped, known ones came with the wrong
 * wire type. */
static enum status skip_unknown(struct decoder *d, const char *message, struct pb_reader *r,
                                uint32_t tag, uint32_t last_known)
{
    if (tag >> 3 > last_known)
        return ST_OK;
    r->fault = "a field has the wrong wire type";
    return broken(d, message, r);
}

static enum status set_text(struct decoder *d, struct str *text, struct str bytes)
{
    *text = bytes;
    if (!d->rules->keep_bad_text && UNLIKELY(!utf8_repair(&d->batch->arena, text)))
        return no_memory(d);
    return ST_OK;
}

static enum status read_attr(struct decoder *d, struct str key_value, unsigned *faults)
{
    struct pb_reader fault;
    switch (attr_run_read(&d->slab, key_value, &fault)) {
    case ATTR_OK:
        return ST_OK;
    case ATTR_TOO_MANY:
        *faults |= FAULT_TOO_MANY_ATTRIBUTES;
        return ST_OK;
    case ATTR_TOO_DEEP:
        *faults |= FAULT_TOO_DEEP;
        return ST_OK;
    case ATTR_BROKEN:
        return broken(d, "attribute", &fault);
    default:
        return no_memory(d);
    }
}

/* A message that stays as it came inside span.raw. */
static enum status check_kept(struct decoder *d, struct str message, enum otlp_shape shape,
                              unsigned *faults)
{
    static const char *const names[SHAPE_COUNT] = {
        [SHAPE_EVENT] = "event", [SHAPE_LINK] = "link", [SHAPE_KEY_VALUE] = "attribute"};
    struct pb_reader fault;
    bool too_deep = false;
    if (!otlp_check(message, shape, d->rules->limits->depth, &too_deep, &fault))
        return broken(d, names[shape], &fault);
    if (too_deep)
        *faults |= FAULT_TOO_DEEP;
    return ST_OK;
}

static enum status decode_status(struct decoder *d, struct span *s, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(2, PB_LEN))
            TRY(set_text(d, &s->status_message, f.bytes));
        else if (f.tag == PB_TAG(3, PB_VARINT))
            s->status = span_status_of((uint32_t)f.value);
        else if (f.tag >> 3 > 1) /* number 1 was another field once */
            TRY(skip_unknown(d, "status", &r, f.tag, 3));
    }
    return finish(d, "status", &r);
}

static enum status decode_span_field(struct decoder *d, struct span *s, struct pb_reader *r,
                                     const struct pb_field *f, unsigned *faults)
{
    switch (f->tag) {
    case PB_TAG(1, PB_LEN):
        span_set_trace_id(s, f->bytes, faults);
        return ST_OK;
    case PB_TAG(2, PB_LEN):
        span_set_id(s, f->bytes, faults);
        return ST_OK;
    case PB_TAG(3, PB_LEN):
        return set_text(d, &s->trace_state, f->bytes);
    case PB_TAG(4, PB_LEN):
        span_set_parent_id(s, f->bytes, faults);
        return ST_OK;
    case PB_TAG(5, PB_LEN):
        return set_text(d, &s->name, f->bytes);
    case PB_TAG(6, PB_VARINT):
        s->kind = span_kind_of((uint32_t)f->value);
        return ST_OK;
    case PB_TAG(7, PB_FIXED64):
        s->start_ns = f->value;
        return ST_OK;
    case PB_TAG(8, PB_FIXED64):
        s->end_ns = f->value;
        return ST_OK;
    case PB_TAG(9, PB_LEN):
        return read_attr(d, f->bytes, faults);
    case PB_TAG(10, PB_VARINT):
    case PB_TAG(12, PB_VARINT):
    case PB_TAG(14, PB_VARINT):
        return ST_OK; /* how many the sender dropped */
    case PB_TAG(11, PB_LEN):
        return check_kept(d, f->bytes, SHAPE_EVENT, faults);
    case PB_TAG(13, PB_LEN):
        return check_kept(d, f->bytes, SHAPE_LINK, faults);
    case PB_TAG(15, PB_LEN):
        return decode_status(d, s, f->bytes);
    case PB_TAG(16, PB_FIXED32):
        s->flags = (uint32_t)f->value;
        return ST_OK;
    default:
        return skip_unknown(d, "span", r, f->tag, 16);
    }
}

/* Copies what the span shares with its neighbours into the arena when it is the first that is
 * accepted. */
static bool keep_owners(struct decoder *d)
{
    if (!d->kept_resource) {
        d->kept_resource = arena_alloc(&d->batch->arena, sizeof(d->resource));
        if (!d->kept_resource)
            return false;
        *d->kept_resource = d->resource;
    }
    if (!d->kept_scope)
        d->kept_scope = arena_alloc(&d->batch->arena, sizeof(d->scope));
    return d->kept_scope != NULL;
}

static enum status finish_span(struct decoder *d, struct span *s, unsigned faults)
{
    if (!span_judge(d->batch, d->rules, s, faults)) {
        attr_run_undo(&d->slab);
        return ST_OK;
    }
    if (UNLIKELY(!d->kept_scope) && !keep_owners(d))
        return no_memory(d);
    s->resource = d->kept_resource;
    s->scope = d->kept_scope;
    s->attrs = d->slab.run;
    s->attr_count = attr_run_count(&d->slab);
    d->batch->span_count++;
    return ST_OK;
}

static enum status decode_span(struct decoder *d, struct str message)
{
    enum { ATTRIBUTE = PB_TAG(9, PB_LEN) };
    struct span too_short;
    struct span *s =
        message.len < SPAN_BYTES_MIN ? &too_short : &d->batch->spans[d->batch->span_count];
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    unsigned faults = d->resource_faults;

    *s = (struct span){.raw = message};
    attr_run_begin(&d->slab);
    for (;;) {
        if (r.at < r.end && *r.at == ATTRIBUTE && !attr_run_read_short(&d->slab, &r, ATTRIBUTE))
            return no_memory(d);
        if (!pb_next(&r, &f))
            break;
        TRY(decode_span_field(d, s, &r, &f, &faults));
    }
    TRY(finish(d, "span", &r));
    return finish_span(d, s, faults);
}

static enum status decode_scope(struct decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    unsigned ignored = 0;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(set_text(d, &d->scope.name, f.bytes));
        else if (f.tag == PB_TAG(2, PB_LEN))
            TRY(set_text(d, &d->scope.version, f.bytes));
        else if (f.tag == PB_TAG(3, PB_LEN))
            TRY(check_kept(d, f.bytes, SHAPE_KEY_VALUE, &ignored));
        else if (f.tag != PB_TAG(4, PB_VARINT))
            TRY(skip_unknown(d, "scope", &r, f.tag, 4));
    }
    return finish(d, "scope", &r);
}

/* The scope may come behind its spans: they get it at the end. */
static enum status decode_scope_spans(struct decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    d->scope = (struct scope){0};
    d->kept_scope = NULL;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(2, PB_LEN))
            TRY(decode_span(d, f.bytes));
        else if (f.tag == PB_TAG(1, PB_LEN))
            TRY(decode_scope(d, f.bytes));
        else if (f.tag != PB_TAG(3, PB_LEN)) /* schema_url */
            TRY(skip_unknown(d, "ScopeSpans", &r, f.tag, 3));
    }
    if (d->kept_scope)
        *d->kept_scope = d->scope;
    return finish(d, "ScopeSpans", &r);
}

static enum status decode_resource(struct decoder *d, struct str message)
{
    enum { ATTRIBUTE = PB_TAG(1, PB_LEN) };
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    for (;;) {
        if (r.at < r.end && *r.at == ATTRIBUTE && !attr_run_read_short(&d->slab, &r, ATTRIBUTE))
            return no_memory(d);
        if (!pb_next(&r, &f))
            break;
        if (f.tag == ATTRIBUTE)
            TRY(read_attr(d, f.bytes, &d->resource_faults));
        else if (f.tag != PB_TAG(2, PB_VARINT))
            TRY(skip_unknown(d, "resource", &r, f.tag, 2));
    }
    return finish(d, "resource", &r);
}

/* A resource that comes twice is merged: its attributes go on in the same run. */
static enum status decode_resources(struct decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    d->resource_faults = 0;
    d->kept_resource = NULL;
    attr_run_begin(&d->slab);
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(decode_resource(d, f.bytes));
        else if (f.tag != PB_TAG(2, PB_LEN) && f.tag != PB_TAG(3, PB_LEN))
            TRY(skip_unknown(d, "ResourceSpans", &r, f.tag, 3));
    }
    d->resource = (struct resource){d->slab.run, attr_run_count(&d->slab)};
    return finish(d, "ResourceSpans", &r);
}

/* The resource may come behind its spans: it is read first. */
static enum status decode_resource_spans(struct decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    TRY(decode_resources(d, message));
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(2, PB_LEN))
            TRY(decode_scope_spans(d, f.bytes));
    }
    return ST_OK;
}

static enum status decode_request(struct decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(decode_resource_spans(d, f.bytes));
        else
            TRY(skip_unknown(d, "request", &r, f.tag, 1));
    }
    return finish(d, "request", &r);
}

/* How many spans a request holds, and how many of them are long enough to be valid. */
struct span_counts {
    size_t all, possible;
};

static void count_scope_spans(struct str message, struct span_counts *n)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag != PB_TAG(2, PB_LEN))
            continue;
        n->all++;
        n->possible += f.bytes.len >= SPAN_BYTES_MIN;
    }
}

/* Faults are not looked at: the decoder meets them again, at the same place. */
static struct span_counts count_spans(struct str request)
{
    struct span_counts n = {0, 0};
    struct pb_reader outer = pb_reader_of(request), inner;
    struct pb_field f;
    while (pb_next(&outer, &f)) {
        if (f.tag != PB_TAG(1, PB_LEN))
            continue;
        inner = pb_reader_of(f.bytes);
        while (pb_next(&inner, &f)) {
            if (f.tag == PB_TAG(2, PB_LEN))
                count_scope_spans(f.bytes, &n);
        }
    }
    return n;
}

static enum status make_room(struct decoder *d)
{
    struct span_counts n = count_spans(d->batch->plain);
    uint32_t limit = d->rules->limits->spans;
    if (n.all > limit)
        return err_set(d->err, ST_TOO_BIG, "the request has %zu spans, the limit is %u", n.all,
                       limit);
    if (n.possible == 0)
        return ST_OK;
    d->batch->spans = arena_alloc(&d->batch->arena, n.possible * sizeof(struct span));
    return d->batch->spans ? ST_OK : no_memory(d);
}

static enum status decode_protobuf(struct batch *batch, const struct otlp_trace_rules *rules,
                                   struct err *e)
{
    struct decoder d = {.batch = batch, .rules = rules, .err = e};
    if (batch->plain.len == 0)
        return ST_OK;
    d.slab = attr_slab_of(&batch->arena, batch_scratch(batch), batch->plain.len,
                          rules->limits->attributes, rules->limits->depth);
    d.slab.keep_bad_text = rules->keep_bad_text;
    TRY(make_room(&d));
    return decode_request(&d, batch->plain);
}

enum status otlp_trace_decode(struct batch *batch, const struct otlp_trace_rules *rules,
                              struct err *e)
{
    enum status status = batch->encoding == ENCODING_JSON ? otlp_json_decode(batch, rules, e)
                                                          : decode_protobuf(batch, rules, e);
    if (status != ST_OK) {
        batch->spans = NULL;
        batch->span_count = batch->received = 0;
        memset(batch->rejected, 0, sizeof(batch->rejected));
        batch->reject_message = (struct str){NULL, 0};
    }
    return status;
}
