/* otlp_json.c - ExportTraceServiceRequest in JSON to spans: one pull, one table of keys for each
 * message. */
#include "codec/otlp_json.h"

#include "base/json_read.h"
#include "codec/base64.h"
#include "codec/otlp_attr.h"
#include "codec/span_judge.h"
#include <math.h>

/* One call. What is being read is in here, so that one signature serves all keys. */
struct json_decoder {
    struct json_reader r;
    struct batch *batch;                  /* borrowed */
    const struct otlp_trace_rules *rules; /* borrowed */
    struct err *err;                      /* borrowed */
    struct attr_slab slab;
    size_t span_cap;
    struct span span;
    unsigned faults, resource_faults; /* enum span_fault bits */
    unsigned *owner_faults;           /* whose attributes are read: one of the two above */
    struct attr attr;
    bool attr_too_deep;
    struct resource *resource; /* arena */
    struct scope *scope;       /* arena */
    bool resource_seen;
    struct json_reader scope_spans; /* stands before scopeSpans that came before their resource; at
                                       = NULL: none did */
};

typedef enum status (*read_fn)(struct json_decoder *d);

struct field {
    struct str name;
    read_fn read; /* reads the value behind the key */
};

#define FIELD(name, read)                                                                          \
    {                                                                                              \
        {name, sizeof(name) - 1}, read                                                             \
    }

static enum status no_memory(struct json_decoder *d)
{
    return err_set(d->err, ST_NO_MEMORY, "out of memory while decoding spans");
}

static enum status reader_failed(struct json_decoder *d)
{
    return err_set(d->err, d->r.err.status, "OTLP %s", d->r.err.msg);
}

static enum status wrong(struct json_decoder *d, const char *what)
{
    return err_set(d->err, ST_INVALID, "OTLP JSON: %s before byte %zu", what,
                   (size_t)(d->r.at - d->r.start));
}

static enum status skip(struct json_decoder *d)
{
    return json_skip(&d->r) ? ST_OK : reader_failed(d);
}

/* Reads a value of the wanted token; null is as if the key were absent: *present = false. */
static enum status take(struct json_decoder *d, enum json_token want, bool *present,
                        const char *what)
{
    enum json_token token = json_next(&d->r);
    *present = token == want;
    if (token == JSON_ERROR)
        return reader_failed(d);
    return token == want || token == JSON_NULL_VALUE ? ST_OK : wrong(d, what);
}

/* Reads the keys of an object that has begun, to its end; unknown ones are skipped. */
static enum status read_fields(struct json_decoder *d, const struct field *fields, size_t count)
{
    enum json_token token;
    while ((token = json_next(&d->r)) == JSON_KEY) {
        size_t i = 0;
        while (i < count && !str_eq(fields[i].name, d->r.text))
            i++;
        TRY(i < count ? fields[i].read(d) : skip(d));
    }
    return token == JSON_OBJECT_END ? ST_OK : reader_failed(d);
}

static enum status read_object(struct json_decoder *d, const struct field *fields, size_t count)
{
    bool present;
    TRY(take(d, JSON_OBJECT_BEGIN, &present, "something that is not an object"));
    return present ? read_fields(d, fields, count) : ST_OK;
}

/* Calls `element` behind the opening brace of each object of an array. */
static enum status read_objects(struct json_decoder *d, read_fn element)
{
    bool present;
    TRY(take(d, JSON_ARRAY_BEGIN, &present, "something that is not an array"));
    if (!present)
        return ST_OK;
    enum json_token token;
    while ((token = json_next(&d->r)) == JSON_OBJECT_BEGIN)
        TRY(element(d));
    if (token == JSON_ERROR)
        return reader_failed(d);
    return token == JSON_ARRAY_END ? ST_OK : wrong(d, "an array element that is not an object");
}

static enum status read_text(struct json_decoder *d, struct str *out)
{
    bool present;
    TRY(take(d, JSON_STRING, &present, "something that is not a string"));
    *out = present ? d->r.text : (struct str){NULL, 0};
    return ST_OK;
}

/* The text of a number, or of a string that holds one; empty when null. */
static enum status read_digits(struct json_decoder *d, struct str *out)
{
    enum json_token token = json_next(&d->r);
    if (token == JSON_ERROR)
        return reader_failed(d);
    *out = token == JSON_NULL_VALUE ? (struct str){NULL, 0} : d->r.text;
    bool right = token == JSON_NUMBER || token == JSON_STRING || token == JSON_NULL_VALUE;
    return right ? ST_OK : wrong(d, "something that is not a number");
}

/* 64-bit numbers, also as 1e9 when that is whole. */
static enum status read_u64(struct json_decoder *d, uint64_t *out)
{
    struct str digits;
    double real;
    *out = 0;
    TRY(read_digits(d, &digits));
    if (digits.len == 0 || str_to_u64(digits, out))
        return ST_OK;
    if (!str_to_double(digits, &real) || real < 0 || real >= 0x1p64 || real != floor(real))
        return wrong(d, "a number that is not a whole one of 64 bits");
    *out = (uint64_t)real;
    return ST_OK;
}

/* Enums are numbers, never names. */
static enum status read_enum(struct json_decoder *d, uint64_t *out)
{
    bool present;
    *out = 0;
    TRY(take(d, JSON_NUMBER, &present, "an enum that is not a number"));
    int64_t number;
    if (present && !str_to_i64(d->r.text, &number))
        return wrong(d, "an enum that is not a whole number");
    if (present)
        *out = (uint64_t)number;
    return ST_OK;
}

/* ---- values ---- */

static enum status set_value(struct json_decoder *d, enum value_type type)
{
    d->attr.type = type;
    return ST_OK;
}

static enum status read_string_value(struct json_decoder *d)
{
    bool present;
    TRY(take(d, JSON_STRING, &present, "a stringValue that is not a string"));
    if (!present)
        return ST_OK;
    d->attr.text = d->r.text;
    return set_value(d, VALUE_STRING);
}

static enum status read_bool_value(struct json_decoder *d)
{
    enum json_token token = json_next(&d->r);
    if (token == JSON_ERROR)
        return reader_failed(d);
    if (token == JSON_NULL_VALUE)
        return ST_OK;
    if (token != JSON_TRUE && token != JSON_FALSE)
        return wrong(d, "a boolValue that is not true or false");
    d->attr.b = token == JSON_TRUE;
    return set_value(d, VALUE_BOOL);
}

static enum status read_int_value(struct json_decoder *d)
{
    struct str digits;
    double real;
    TRY(read_digits(d, &digits));
    if (digits.len == 0)
        return ST_OK;
    if (str_to_i64(digits, &d->attr.i))
        return set_value(d, VALUE_INT);
    if (!str_to_double(digits, &real) || real < -0x1p63 || real >= 0x1p63 || real != floor(real))
        return wrong(d, "an intValue that is not a whole number of 64 bits");
    d->attr.i = (int64_t)real;
    return set_value(d, VALUE_INT);
}

static enum status read_double_value(struct json_decoder *d)
{
    struct str digits;
    TRY(read_digits(d, &digits));
    if (digits.len == 0)
        return ST_OK;
    if (str_eq(digits, STR("NaN")))
        d->attr.d = NAN;
    else if (str_eq(digits, STR("Infinity")))
        d->attr.d = INFINITY;
    else if (str_eq(digits, STR("-Infinity")))
        d->attr.d = -INFINITY;
    else if (!str_to_double(digits, &d->attr.d))
        return wrong(d, "a doubleValue that is not a number");
    return set_value(d, VALUE_DOUBLE);
}

static enum status read_bytes_value(struct json_decoder *d)
{
    struct str text;
    TRY(read_text(d, &text));
    if (!text.ptr)
        return ST_OK;
    char *bytes = arena_alloc(&d->batch->arena, base64_decoded_max(text.len));
    if (!bytes)
        return no_memory(d);
    d->attr.text.ptr = bytes;
    if (!base64_decode(text, bytes, &d->attr.text.len))
        return wrong(d, "a bytesValue that is not base64");
    return set_value(d, VALUE_BYTES);
}

static bool is_nesting_key(struct str key)
{
    return str_eq(key, STR("arrayValue")) || str_eq(key, STR("kvlistValue"));
}

/* Skips what is behind the key arrayValue or kvlistValue. The value that holds it is level 1; each
 * such key inside opens one more, `open` has a bit per JSON depth where that is. */
static enum status skip_nested(struct json_decoder *d)
{
    unsigned base = d->r.depth;
    uint64_t open = 0;
    bool opens = true;
    do {
        enum json_token token = json_next(&d->r);
        if (token == JSON_ERROR)
            return reader_failed(d);
        open &= (UINT64_C(2) << d->r.depth) - 1;
        if (token == JSON_OBJECT_BEGIN && opens)
            open |= UINT64_C(1) << d->r.depth;
        else if (token == JSON_OBJECT_BEGIN &&
                 (unsigned)__builtin_popcountll(open) >= d->rules->limits->depth)
            d->attr_too_deep = true;
        opens = token == JSON_KEY && is_nesting_key(d->r.text);
    } while (d->r.depth > base || opens);
    return ST_OK;
}

static enum status read_nested_value(struct json_decoder *d)
{
    TRY(skip_nested(d));
    return set_value(d, VALUE_NESTED);
}

static enum status read_value(struct json_decoder *d)
{
    static const struct field fields[] = {
        FIELD("stringValue", read_string_value), FIELD("intValue", read_int_value),
        FIELD("boolValue", read_bool_value),     FIELD("doubleValue", read_double_value),
        FIELD("arrayValue", read_nested_value),  FIELD("kvlistValue", read_nested_value),
        FIELD("bytesValue", read_bytes_value),
    };
    bool present;
    TRY(take(d, JSON_OBJECT_BEGIN, &present, "a value that is not an object"));
    if (!present)
        return ST_OK;
    const char *begin = d->r.at - 1;
    TRY(read_fields(d, fields, LEN(fields)));
    if (d->attr.type == VALUE_NESTED)
        d->attr.text = (struct str){begin, (size_t)(d->r.at - begin)};
    return ST_OK;
}

static enum status read_attr_key(struct json_decoder *d)
{
    return read_text(d, &d->attr.key);
}

static enum status read_attr(struct json_decoder *d)
{
    static const struct field fields[] = {FIELD("key", read_attr_key), FIELD("value", read_value)};
    d->attr = (struct attr){.type = VALUE_EMPTY};
    d->attr_too_deep = false;
    TRY(read_fields(d, fields, LEN(fields)));
    if (d->attr_too_deep)
        *d->owner_faults |= FAULT_TOO_DEEP;
    if (d->attr_too_deep || d->attr.key.len == 0)
        return ST_OK;
    if (attr_run_count(&d->slab) >= d->slab.limit) {
        *d->owner_faults |= FAULT_TOO_MANY_ATTRIBUTES;
        return ST_OK;
    }
    struct attr *place = attr_run_place(&d->slab);
    if (!place)
        return no_memory(d);
    *place = d->attr;
    attr_run_keep(&d->slab);
    return ST_OK;
}

static enum status read_attrs(struct json_decoder *d)
{
    return read_objects(d, read_attr);
}

/* ---- spans ---- */

/* The bytes of a hex id of at most 16; another text gives one byte, which no id has. */
static enum status read_id(struct json_decoder *d, uint8_t bytes[16], struct str *out)
{
    struct str hex;
    struct trace_id trace;
    uint64_t id;
    TRY(read_text(d, &hex));
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

static enum status read_trace_id(struct json_decoder *d)
{
    uint8_t bytes[16];
    struct str id;
    TRY(read_id(d, bytes, &id));
    span_set_trace_id(&d->span, id, &d->faults);
    return ST_OK;
}

static enum status read_span_id(struct json_decoder *d)
{
    uint8_t bytes[16];
    struct str id;
    TRY(read_id(d, bytes, &id));
    span_set_id(&d->span, id, &d->faults);
    return ST_OK;
}

static enum status read_parent_id(struct json_decoder *d)
{
    uint8_t bytes[16];
    struct str id;
    TRY(read_id(d, bytes, &id));
    span_set_parent_id(&d->span, id, &d->faults);
    return ST_OK;
}

static enum status read_trace_state(struct json_decoder *d)
{
    return read_text(d, &d->span.trace_state);
}

static enum status read_name(struct json_decoder *d)
{
    return read_text(d, &d->span.name);
}

static enum status read_kind(struct json_decoder *d)
{
    uint64_t number;
    TRY(read_enum(d, &number));
    d->span.kind = span_kind_of(number);
    return ST_OK;
}

static enum status read_start(struct json_decoder *d)
{
    return read_u64(d, &d->span.start_ns);
}

static enum status read_end(struct json_decoder *d)
{
    return read_u64(d, &d->span.end_ns);
}

static enum status read_flags(struct json_decoder *d)
{
    uint64_t flags;
    TRY(read_u64(d, &flags));
    d->span.flags = (uint32_t)flags;
    return ST_OK;
}

static enum status read_status_message(struct json_decoder *d)
{
    return read_text(d, &d->span.status_message);
}

static enum status read_status_code(struct json_decoder *d)
{
    uint64_t number;
    TRY(read_enum(d, &number));
    d->span.status = span_status_of(number);
    return ST_OK;
}

static enum status read_status(struct json_decoder *d)
{
    static const struct field fields[] = {FIELD("message", read_status_message),
                                          FIELD("code", read_status_code)};
    return read_object(d, fields, LEN(fields));
}

/* Room for one more span; the array doubles. */
static bool make_room(struct json_decoder *d)
{
    struct batch *b = d->batch;
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

static enum status finish_span(struct json_decoder *d)
{
    if (d->batch->received >= d->rules->limits->spans)
        return err_set(d->err, ST_TOO_BIG, "the request has more than %u spans",
                       d->rules->limits->spans);
    if (!span_judge(d->batch, d->rules, &d->span, d->faults)) {
        attr_run_undo(&d->slab);
        return ST_OK;
    }
    if (!make_room(d))
        return no_memory(d);
    d->span.resource = d->resource;
    d->span.scope = d->scope;
    d->span.attrs = d->slab.run;
    d->span.attr_count = attr_run_count(&d->slab);
    d->batch->spans[d->batch->span_count++] = d->span;
    return ST_OK;
}

static enum status read_span(struct json_decoder *d)
{
    static const struct field fields[] = {
        FIELD("attributes", read_attrs),
        FIELD("traceId", read_trace_id),
        FIELD("spanId", read_span_id),
        FIELD("parentSpanId", read_parent_id),
        FIELD("traceState", read_trace_state),
        FIELD("name", read_name),
        FIELD("kind", read_kind),
        FIELD("startTimeUnixNano", read_start),
        FIELD("endTimeUnixNano", read_end),
        FIELD("status", read_status),
        FIELD("flags", read_flags),
    };
    d->span = (struct span){0};
    d->faults = d->resource_faults;
    d->owner_faults = &d->faults;
    attr_run_begin(&d->slab);
    TRY(read_fields(d, fields, LEN(fields)));
    return finish_span(d);
}

/* ---- owners of spans ---- */

static enum status read_scope_name(struct json_decoder *d)
{
    return read_text(d, &d->scope->name);
}

static enum status read_scope_version(struct json_decoder *d)
{
    return read_text(d, &d->scope->version);
}

static enum status read_scope(struct json_decoder *d)
{
    static const struct field fields[] = {FIELD("name", read_scope_name),
                                          FIELD("version", read_scope_version)};
    return read_object(d, fields, LEN(fields));
}

static enum status read_spans(struct json_decoder *d)
{
    return read_objects(d, read_span);
}

/* The scope may come behind its spans: they point to it. */
static enum status read_one_scope_spans(struct json_decoder *d)
{
    static const struct field fields[] = {FIELD("scope", read_scope), FIELD("spans", read_spans)};
    d->scope = arena_calloc(&d->batch->arena, 1, sizeof(*d->scope));
    if (!d->scope)
        return no_memory(d);
    return read_fields(d, fields, LEN(fields));
}

static enum status read_resource(struct json_decoder *d)
{
    static const struct field fields[] = {FIELD("attributes", read_attrs)};
    if (d->resource_seen)
        return wrong(d, "a second resource of the same spans");
    d->resource_seen = true;
    d->owner_faults = &d->resource_faults;
    attr_run_begin(&d->slab);
    TRY(read_object(d, fields, LEN(fields)));
    *d->resource = (struct resource){d->slab.run, attr_run_count(&d->slab)};
    return ST_OK;
}

/* A resource that comes behind its spans is read first: it may be against all of them. */
static enum status read_scope_spans(struct json_decoder *d)
{
    if (d->resource_seen)
        return read_objects(d, read_one_scope_spans);
    if (d->scope_spans.at)
        return wrong(d, "a second scopeSpans of the same resource");
    d->scope_spans = d->r;
    return skip(d);
}

static enum status read_one_resource_spans(struct json_decoder *d)
{
    static const struct field fields[] = {FIELD("resource", read_resource),
                                          FIELD("scopeSpans", read_scope_spans)};
    d->resource = arena_calloc(&d->batch->arena, 1, sizeof(*d->resource));
    if (!d->resource)
        return no_memory(d);
    d->resource_faults = 0;
    d->resource_seen = false;
    d->scope_spans = (struct json_reader){0};
    TRY(read_fields(d, fields, LEN(fields)));
    if (!d->scope_spans.at)
        return ST_OK;
    struct json_reader behind = d->r;
    d->r = d->scope_spans;
    TRY(read_objects(d, read_one_scope_spans));
    d->r = behind;
    return ST_OK;
}

static enum status read_resource_spans(struct json_decoder *d)
{
    return read_objects(d, read_one_resource_spans);
}

enum status otlp_json_decode(struct batch *batch, const struct otlp_trace_rules *rules,
                             struct err *e)
{
    static const struct field fields[] = {FIELD("resourceSpans", read_resource_spans)};
    struct json_decoder d = {.batch = batch, .rules = rules, .err = e};
    d.slab = attr_slab_of(&batch->arena, batch_scratch(batch), batch->plain.len,
                          rules->limits->attributes, rules->limits->depth);
    json_reader_init(&d.r, batch->plain, &batch->arena, 63);
    bool present;
    TRY(take(&d, JSON_OBJECT_BEGIN, &present, "a request that is not an object"));
    if (!present)
        return wrong(&d, "a request that is not an object");
    TRY(read_fields(&d, fields, LEN(fields)));
    return json_next(&d.r) == JSON_END ? ST_OK : reader_failed(&d);
}
