/* otlp_json.c - ExportTraceServiceRequest in JSON to spans: one pull, one table of keys for each
 * message. */
#include "codec/otlp_json.h"

#include "codec/otlp_json_read.h"
#include "codec/span_judge.h"

/* One call. What is being read is in here, so that one signature serves all keys. */
struct json_decoder {
    struct otlp_json j;
    const struct otlp_trace_rules *rules; /* borrowed */
    struct attr_slab slab;
    size_t span_cap;
    struct span span;
    unsigned faults, resource_faults;     /* enum span_fault bits */
    struct resource *resource;            /* arena; the next two: of the spans in work */
    struct scope *scope;                  /* arena */
    uint32_t resource_since, scope_since; /* spans of the batch when they were made */
    bool resource_seen;
    struct json_reader scope_spans; /* stands before scopeSpans that came before their resource; at
                                       = NULL: none did */
};

static struct json_decoder *decoder_of(struct otlp_json *j)
{
    return CONTAINER_OF(j, struct json_decoder, j);
}

/* ---- spans ---- */

/* The bytes of a hex id of at most 16; another text gives one byte, which no id has. */
static enum status read_id(struct otlp_json *j, uint8_t bytes[16], struct str *out)
{
    struct str hex;
    struct trace_id trace;
    uint64_t id;
    TRY(otlp_json_text(j, &hex));
    *out = (struct str){(const char *)bytes, hex.len > 0};
    if (trace_id_from_hex(hex, &trace)) {
        trace_id_to_bytes(trace, bytes);
        out->len = 16;
    } else if (span_id_from_hex(hex, &id)) {
        span_id_to_bytes(id, bytes);
        out->len = 8;
    }
    return ST_OK;
}

static enum status read_trace_id(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    uint8_t bytes[16];
    struct str id;
    TRY(read_id(j, bytes, &id));
    span_set_trace_id(&d->span, id, &d->faults);
    return ST_OK;
}

static enum status read_span_id(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    uint8_t bytes[16];
    struct str id;
    TRY(read_id(j, bytes, &id));
    span_set_id(&d->span, id, &d->faults);
    return ST_OK;
}

static enum status read_parent_id(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    uint8_t bytes[16];
    struct str id;
    TRY(read_id(j, bytes, &id));
    span_set_parent_id(&d->span, id, &d->faults);
    return ST_OK;
}

static enum status read_trace_state(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    return otlp_json_text(j, &d->span.trace_state);
}

static enum status read_name(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    return otlp_json_text(j, &d->span.name);
}

static enum status read_kind(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    uint64_t number;
    TRY(otlp_json_enum(j, &number));
    d->span.kind = span_kind_of(number);
    return ST_OK;
}

static enum status read_start(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    return otlp_json_u64(j, &d->span.start_ns);
}

static enum status read_end(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    return otlp_json_u64(j, &d->span.end_ns);
}

static enum status read_flags(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    uint64_t flags;
    TRY(otlp_json_u64(j, &flags));
    d->span.flags = (uint32_t)flags;
    return ST_OK;
}

static enum status read_status_message(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    return otlp_json_text(j, &d->span.status_message);
}

static enum status read_status_code(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    uint64_t number;
    TRY(otlp_json_enum(j, &number));
    d->span.status = span_status_of(number);
    return ST_OK;
}

static enum status read_status(struct otlp_json *j)
{
    static const struct json_field fields[] = {JSON_FIELD("message", read_status_message),
                                               JSON_FIELD("code", read_status_code)};
    return otlp_json_object(j, fields, LEN(fields));
}

/* Room for one more span; the array doubles. */
static bool make_room(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    struct batch *b = j->batch;
    if (b->span_count < d->span_cap)
        return true;
    size_t cap = MAX(2 * d->span_cap, (size_t)16);
    struct span *spans = arena_alloc(&b->arena, cap * sizeof(*spans));
    if (!spans)
        return false;
    if (b->span_count > 0)
        memcpy(spans, b->spans, b->span_count * sizeof(*spans));
    b->spans = spans;
    d->span_cap = cap;
    return true;
}

static enum status finish_span(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    if (j->batch->received >= d->rules->limits->spans)
        return err_set(j->err, ST_TOO_BIG, "the request has more than %u spans",
                       d->rules->limits->spans);
    if (!span_judge(j->batch, d->rules, &d->span, d->faults)) {
        attr_run_undo(j->slab);
        return ST_OK;
    }
    if (!make_room(j))
        return otlp_json_no_memory(j);
    d->span.resource = d->resource;
    d->span.scope = d->scope;
    d->span.attrs = j->slab->run;
    d->span.attr_count = attr_run_count(j->slab);
    j->batch->spans[j->batch->span_count++] = d->span;
    return ST_OK;
}

static enum status read_span(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    static const struct json_field fields[] = {
        JSON_FIELD("attributes", otlp_json_attrs),
        JSON_FIELD("traceId", read_trace_id),
        JSON_FIELD("spanId", read_span_id),
        JSON_FIELD("parentSpanId", read_parent_id),
        JSON_FIELD("traceState", read_trace_state),
        JSON_FIELD("name", read_name),
        JSON_FIELD("kind", read_kind),
        JSON_FIELD("startTimeUnixNano", read_start),
        JSON_FIELD("endTimeUnixNano", read_end),
        JSON_FIELD("status", read_status),
        JSON_FIELD("flags", read_flags),
    };
    d->span = (struct span){0};
    d->faults = d->resource_faults;
    j->owner_faults = &d->faults;
    attr_run_begin(j->slab);
    TRY(otlp_json_fields(j, fields, LEN(fields)));
    return finish_span(j);
}

/* ---- owners of spans ---- */

static enum status read_scope_name(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    return otlp_json_text(j, &d->scope->name);
}

static enum status read_scope_version(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    return otlp_json_text(j, &d->scope->version);
}

static enum status read_scope(struct otlp_json *j)
{
    static const struct json_field fields[] = {JSON_FIELD("name", read_scope_name),
                                               JSON_FIELD("version", read_scope_version)};
    return otlp_json_object(j, fields, LEN(fields));
}

static enum status read_spans(struct otlp_json *j)
{
    return otlp_json_objects(j, read_span);
}

/* What spans point to, and may come behind them, cleared: `last`, when none came to it since (a
 * body full of empty ones costs no memory), else a new one. NULL when memory is short. */
static void *next_owner(struct batch *b, void *last, uint32_t *since, size_t bytes)
{
    void *next = last && *since == b->span_count ? last : arena_alloc(&b->arena, bytes);
    if (next)
        memset(next, 0, bytes);
    *since = b->span_count;
    return next;
}

static enum status read_one_scope_spans(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    static const struct json_field fields[] = {JSON_FIELD("scope", read_scope),
                                               JSON_FIELD("spans", read_spans)};
    d->scope = next_owner(j->batch, d->scope, &d->scope_since, sizeof(*d->scope));
    if (!d->scope)
        return otlp_json_no_memory(j);
    return otlp_json_fields(j, fields, LEN(fields));
}

static enum status read_resource(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    static const struct json_field fields[] = {JSON_FIELD("attributes", otlp_json_attrs)};
    if (d->resource_seen)
        return otlp_json_wrong(j, "a second resource of the same spans");
    d->resource_seen = true;
    j->owner_faults = &d->resource_faults;
    attr_run_begin(j->slab);
    TRY(otlp_json_object(j, fields, LEN(fields)));
    *d->resource = (struct resource){j->slab->run, attr_run_count(j->slab)};
    return ST_OK;
}

/* A resource that comes behind its spans is read first: it may be against all of them. */
static enum status read_scope_spans(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    if (d->resource_seen)
        return otlp_json_objects(j, read_one_scope_spans);
    if (d->scope_spans.at)
        return otlp_json_wrong(j, "a second scopeSpans of the same resource");
    d->scope_spans = j->r;
    return otlp_json_skip(j);
}

static enum status read_one_resource_spans(struct otlp_json *j)
{
    struct json_decoder *d = decoder_of(j);
    static const struct json_field fields[] = {JSON_FIELD("resource", read_resource),
                                               JSON_FIELD("scopeSpans", read_scope_spans)};
    d->resource = next_owner(j->batch, d->resource, &d->resource_since, sizeof(*d->resource));
    if (!d->resource)
        return otlp_json_no_memory(j);
    d->resource_faults = 0;
    d->resource_seen = false;
    d->scope_spans = (struct json_reader){0};
    TRY(otlp_json_fields(j, fields, LEN(fields)));
    if (!d->scope_spans.at)
        return ST_OK;
    struct json_reader behind = j->r;
    j->r = d->scope_spans;
    TRY(otlp_json_objects(j, read_one_scope_spans));
    j->r = behind;
    return ST_OK;
}

static enum status read_resource_spans(struct otlp_json *j)
{
    return otlp_json_objects(j, read_one_resource_spans);
}

enum status otlp_json_decode(struct batch *batch, const struct otlp_trace_rules *rules,
                             struct err *e)
{
    static const struct json_field fields[] = {JSON_FIELD("resourceSpans", read_resource_spans)};
    struct json_decoder d = {.rules = rules};
    d.slab = attr_slab_of(&batch->arena, batch_scratch(batch), batch->plain.len,
                          rules->limits->attributes, rules->limits->depth);
    d.j = (struct otlp_json){
        .batch = batch, .err = e, .slab = &d.slab, .max_depth = rules->limits->depth};
    return otlp_json_request(&d.j, fields, LEN(fields));
}
