/* otlp_oracle.c - the same body through protobuf-c and through our walker, compared field by field.
 */
#include "tests/support/otlp_oracle.h"

#include "codec/otlp_trace.h"
#include "otlp_trace_service.pb-c.h"
#include "tests/support/pb_oracle.h"

#include <stdio.h>

enum { ATTRIBUTES = 64, DEPTH = 8 };

/* ---- comparing ---- */

struct compare {
    const struct batch *batch;
    ProtobufCAllocator *allocator;
    uint32_t next; /* of batch->spans */
    char *why;
    size_t cap;
};

static bool differ(struct compare *c, const char *what)
{
    snprintf(c->why, c->cap, "span %u: %s", c->next, what);
    return false;
}

static bool same_bytes(struct str ours, ProtobufCBinaryData theirs)
{
    return ours.len == theirs.len &&
           (ours.len == 0 || memcmp(ours.ptr, theirs.data, ours.len) == 0);
}

static struct str pack_value(ProtobufCAllocator *allocator, const Otlp__AnyValue *value)
{
    size_t len = otlp__any_value__get_packed_size(value);
    uint8_t *bytes = allocator->alloc(allocator->allocator_data, len + 1);
    if (!bytes)
        return (struct str){NULL, 0};
    otlp__any_value__pack(value, bytes);
    return (struct str){(char *)bytes, len};
}

static bool same_nested(struct compare *c, struct str text, const Otlp__AnyValue *theirs)
{
    Otlp__AnyValue *ours =
        otlp__any_value__unpack(c->allocator, text.len, (const uint8_t *)text.ptr);
    return ours && str_eq(pack_value(c->allocator, ours), pack_value(c->allocator, theirs));
}

/* All NaNs are different numbers, but not different bits. */
static int64_t bits_of(double d)
{
    int64_t bits;
    memcpy(&bits, &d, sizeof(bits));
    return bits;
}

static bool same_value(struct compare *c, const struct attr *a, const Otlp__AnyValue *v)
{
    switch (v ? v->value_case : OTLP__ANY_VALUE__VALUE__NOT_SET) {
    case OTLP__ANY_VALUE__VALUE_STRING_VALUE:
        return a->type == VALUE_STRING && same_bytes(a->text, v->string_value);
    case OTLP__ANY_VALUE__VALUE_BOOL_VALUE:
        return a->type == VALUE_BOOL && a->b == (v->bool_value != 0);
    case OTLP__ANY_VALUE__VALUE_INT_VALUE:
        return a->type == VALUE_INT && a->i == v->int_value;
    case OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE:
        return a->type == VALUE_DOUBLE && a->i == bits_of(v->double_value);
    case OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
        return a->type == VALUE_BYTES && same_bytes(a->text, v->bytes_value);
    case OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
    case OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
        return a->type == VALUE_NESTED && same_nested(c, a->text, v);
    default:
        return a->type == VALUE_EMPTY;
    }
}

static bool same_attrs(struct compare *c, const struct attr *ours, uint32_t count,
                       Otlp__KeyValue **theirs, size_t n)
{
    uint32_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (theirs[i]->key.len == 0)
            continue;
        if (at == count || !same_bytes(ours[at].key, theirs[i]->key) ||
            !same_value(c, &ours[at], theirs[i]->value))
            return differ(c, "an attribute differs");
        at++;
    }
    return at == count || differ(c, "too many attributes");
}

static bool same_ids(const struct span *s, const Otlp__Span *o)
{
    uint8_t trace[16], id[8], parent[8];
    trace_id_to_bytes(s->trace, trace);
    span_id_to_bytes(s->id, id);
    span_id_to_bytes(s->parent, parent);
    return memcmp(trace, o->trace_id.data, 16) == 0 && memcmp(id, o->span_id.data, 8) == 0 &&
           (o->parent_span_id.len ? memcmp(parent, o->parent_span_id.data, 8) == 0
                                  : s->parent == 0);
}

static bool same_plain(const struct span *s, const Otlp__Span *o)
{
    uint32_t kind = o->kind <= SPAN_CONSUMER ? o->kind : SPAN_UNSPECIFIED;
    uint32_t code = o->status ? o->status->code : 0;
    ProtobufCBinaryData none = {0, NULL};
    return s->kind == kind && s->start_ns == o->start_time_unix_nano &&
           s->end_ns == o->end_time_unix_nano && s->flags == o->flags &&
           same_bytes(s->name, o->name) && same_bytes(s->trace_state, o->trace_state) &&
           s->status == (code <= SPAN_STATUS_ERROR ? code : SPAN_STATUS_UNSET) &&
           same_bytes(s->status_message, o->status ? o->status->message : none);
}

static bool same_scope(const struct scope *s, const Otlp__InstrumentationScope *o)
{
    ProtobufCBinaryData none = {0, NULL};
    return same_bytes(s->name, o ? o->name : none) && same_bytes(s->version, o ? o->version : none);
}

/* ---- the oracle's own verdict on a span, by docs/otlp-input.md ---- */

static unsigned value_depth(const Otlp__AnyValue *v);

static unsigned attrs_depth(Otlp__KeyValue **attrs, size_t n)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < n; i++)
        deepest = MAX(deepest, attrs[i]->value ? value_depth(attrs[i]->value) : 0);
    return deepest;
}

static unsigned value_depth(const Otlp__AnyValue *v)
{
    unsigned deepest = 0;
    if (v->value_case == OTLP__ANY_VALUE__VALUE_KVLIST_VALUE)
        deepest = attrs_depth(v->kvlist_value->values, v->kvlist_value->n_values);
    if (v->value_case == OTLP__ANY_VALUE__VALUE_ARRAY_VALUE) {
        for (size_t i = 0; i < v->array_value->n_values; i++)
            deepest = MAX(deepest, value_depth(v->array_value->values[i]));
    }
    return 1 + deepest;
}

static bool is_zero(ProtobufCBinaryData b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.data[i])
            return false;
    }
    return true;
}

static bool attrs_fit(Otlp__KeyValue **attrs, size_t n)
{
    size_t named = 0;
    for (size_t i = 0; i < n; i++)
        named += attrs[i]->key.len > 0;
    return named <= ATTRIBUTES && attrs_depth(attrs, n) <= DEPTH;
}

static bool is_good(const Otlp__Span *s)
{
    bool good = s->trace_id.len == 16 && !is_zero(s->trace_id) && s->span_id.len == 8 &&
                !is_zero(s->span_id) &&
                (s->parent_span_id.len == 0 || s->parent_span_id.len == 8) &&
                attrs_fit(s->attributes, s->n_attributes);
    for (size_t i = 0; good && i < s->n_events; i++)
        good = attrs_depth(s->events[i]->attributes, s->events[i]->n_attributes) <= DEPTH;
    for (size_t i = 0; good && i < s->n_links; i++)
        good = attrs_depth(s->links[i]->attributes, s->links[i]->n_attributes) <= DEPTH;
    return good;
}

static bool same_span(struct compare *c, const Otlp__Resource *resource,
                      const Otlp__ScopeSpans *scope_spans, const Otlp__Span *o)
{
    bool good =
        is_good(o) && (!resource || attrs_fit(resource->attributes, resource->n_attributes));
    if (!good)
        return true;
    if (c->next == c->batch->span_count)
        return differ(c, "was not taken");
    const struct span *s = &c->batch->spans[c->next];
    if (!same_ids(s, o))
        return differ(c, "ids differ");
    if (!same_plain(s, o))
        return differ(c, "a plain field differs");
    if (!same_scope(s->scope, scope_spans->scope))
        return differ(c, "the scope differs");
    if (!same_attrs(c, s->attrs, s->attr_count, o->attributes, o->n_attributes))
        return false;
    if (!same_attrs(c, s->resource->attrs, s->resource->attr_count,
                    resource ? resource->attributes : NULL, resource ? resource->n_attributes : 0))
        return differ(c, "the resource differs");
    c->next++;
    return true;
}

static bool same_request(struct compare *c, const Otlp__ExportTraceServiceRequest *o)
{
    uint32_t received = 0;
    for (size_t i = 0; i < o->n_resource_spans; i++) {
        const Otlp__ResourceSpans *rs = o->resource_spans[i];
        for (size_t k = 0; k < rs->n_scope_spans; k++) {
            const Otlp__ScopeSpans *ss = rs->scope_spans[k];
            received += (uint32_t)ss->n_spans;
            for (size_t m = 0; m < ss->n_spans; m++) {
                if (!same_span(c, rs->resource, ss, ss->spans[m]))
                    return false;
            }
        }
    }
    if (c->next != c->batch->span_count)
        return differ(c, "should have been rejected");
    return received == c->batch->received || differ(c, "received is wrong");
}

/* ---- known differences ---- */

static const struct pb_kind array_kind, list_kind;
static const struct pb_kind value_kind = {{[5] = &array_kind, [6] = &list_kind}, 1u << 5 | 1u << 6};
static const struct pb_kind pair_kind = {{[2] = &value_kind}, 1u << 2};
static const struct pb_kind array_kind = {{[1] = &value_kind}};
static const struct pb_kind list_kind = {{[1] = &pair_kind}};
static const struct pb_kind event_kind = {{[3] = &pair_kind}};
static const struct pb_kind link_kind = {{[4] = &pair_kind}};
static const struct pb_kind status_kind = {{NULL}};
static const struct pb_kind span_kind = {
    {[9] = &pair_kind, [11] = &event_kind, [13] = &link_kind, [15] = &status_kind}, 1u << 15};
static const struct pb_kind scope_kind = {{[3] = &pair_kind}};
static const struct pb_kind scope_spans_kind = {{[1] = &scope_kind, [2] = &span_kind}, 1u << 1};
static const struct pb_kind resource_kind = {{[1] = &pair_kind}};
static const struct pb_kind resource_spans_kind = {{[1] = &resource_kind, [2] = &scope_spans_kind},
                                                   1u << 1};
static const struct pb_kind request_kind = {{[1] = &resource_spans_kind}};

static bool is_value(const struct pb_kind *kind)
{
    return kind == &pair_kind || kind == &value_kind;
}

/* protobuf-c takes any wire type for a bool. */
static bool is_odd_bool(const struct pb_kind *kind, uint32_t tag)
{
    return kind == &value_kind && tag >> 3 == 2 && (tag & 7) != PROTOBUF_C_WIRE_TYPE_VARINT;
}

/* What we refuse and protobuf-c takes. Google's library refuses the first two as well. */
static bool is_stricter(struct str body, const struct err *e)
{
    return strstr(e->msg, "a tag or length is too large") || strstr(e->msg, "number 0") ||
           (strstr(e->msg, "wrong wire type") && pb_has_field(body, &request_kind, is_odd_bool));
}

static enum oracle_verdict judge(struct compare *c, struct str body, enum status status,
                                 const struct err *e, struct pb_memory *memory)
{
    Otlp__ExportTraceServiceRequest *o = otlp__export_trace_service_request__unpack(
        c->allocator, body.len, (const uint8_t *)body.ptr);
    if (memory->ran_out) {
        snprintf(c->why, c->cap, "the oracle ran out of memory");
        return ORACLE_EXCUSED;
    }
    if (!o && status == ST_OK) {
        /* It also refuses to merge two empty values. */
        bool excused = pb_has_field(body, &request_kind, pb_is_group) ||
                       c->batch->rejected[REJECT_TOO_DEEP] > 0 ||
                       pb_has_repeat(body, &request_kind, is_value);
        snprintf(c->why, c->cap, "only the oracle refuses it");
        return excused ? ORACLE_EXCUSED : ORACLE_DIFFERS;
    }
    if (o && status != ST_OK) {
        snprintf(c->why, c->cap, "only we refuse it: %s", e->msg);
        return is_stricter(body, e) ? ORACLE_EXCUSED : ORACLE_DIFFERS;
    }
    if (!o)
        return ORACLE_REFUSED;
    if (same_request(c, o))
        return ORACLE_AGREES;
    /* protobuf-c merges two messages after reading both, and then cannot tell a zero that was sent
     * from none at all; Google's library and we read the second over the first. */
    return pb_has_repeat(body, &request_kind, NULL) ? ORACLE_EXCUSED : ORACLE_DIFFERS;
}

enum oracle_verdict otlp_oracle_compare(struct str body, char *why, size_t cap)
{
    struct limits limits = {.spans = UINT32_MAX, .attributes = ATTRIBUTES, .depth = DEPTH};
    struct otlp_trace_rules rules = {.limits = &limits, .keep_bad_text = true};
    struct batch batch = {.plain = body, .encoding = ENCODING_PROTOBUF};
    struct pb_memory memory = {.arena = {.limit_bytes = PB_MEMORY_BYTES}};
    ProtobufCAllocator allocator = pb_memory_allocator(&memory);
    struct compare c = {.batch = &batch, .allocator = &allocator, .why = why, .cap = cap};
    struct err e;
    enum status status = otlp_trace_decode(&batch, &rules, &e);
    enum oracle_verdict verdict = judge(&c, body, status, &e, &memory);
    arena_deinit(&batch.arena);
    arena_deinit(&memory.arena);
    return verdict;
}
