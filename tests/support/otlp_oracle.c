/* otlp_oracle.c - the same body through protobuf-c and through our walker, compared field by field.
 */
#include "tests/support/otlp_oracle.h"

#include "codec/otlp_trace.h"
#include "codec/pb_walk.h"
#include "otlp_trace_service.pb-c.h"

#include <stdio.h>

enum { ATTRIBUTES = 64, DEPTH = 8, ORACLE_BYTES = 64 * MIB };

/* ---- protobuf-c with memory that cannot explode ---- */

struct oracle_memory {
    struct arena arena;
    bool ran_out;
};

static void *oracle_alloc(void *user, size_t bytes)
{
    struct oracle_memory *m = user;
    void *at = arena_alloc(&m->arena, bytes);
    m->ran_out |= !at;
    return at;
}

static void oracle_free(void *user, void *at)
{
    (void)user;
    (void)at; /* all at once, with the arena */
}

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

/* Which fields of a message are messages, and which of them may come once only. */
struct kind {
    const struct kind *children[17];
    uint32_t single; /* bit per field number */
};

static const struct kind array_kind, list_kind;
static const struct kind value_kind = {{[5] = &array_kind, [6] = &list_kind}, 1u << 5 | 1u << 6};
static const struct kind pair_kind = {{[2] = &value_kind}, 1u << 2};
static const struct kind array_kind = {{[1] = &value_kind}};
static const struct kind list_kind = {{[1] = &pair_kind}};
static const struct kind event_kind = {{[3] = &pair_kind}};
static const struct kind link_kind = {{[4] = &pair_kind}};
static const struct kind status_kind = {{NULL}};
static const struct kind span_kind = {
    {[9] = &pair_kind, [11] = &event_kind, [13] = &link_kind, [15] = &status_kind}, 1u << 15};
static const struct kind scope_kind = {{[3] = &pair_kind}};
static const struct kind scope_spans_kind = {{[1] = &scope_kind, [2] = &span_kind}, 1u << 1};
static const struct kind resource_kind = {{[1] = &pair_kind}};
static const struct kind resource_spans_kind = {{[1] = &resource_kind, [2] = &scope_spans_kind},
                                                1u << 1};
static const struct kind request_kind = {{[1] = &resource_spans_kind}};

/* True when some field of the message, or of one inside, `is` so. */
static bool has_field(struct str message, const struct kind *kind, unsigned depth,
                      bool (*is)(const struct kind *kind, uint32_t tag))
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (depth < 200 && pb_next(&r, &f)) {
        uint32_t number = f.tag >> 3;
        if (is(kind, f.tag))
            return true;
        if ((f.tag & 7) == PB_LEN && number < LEN(kind->children) && kind->children[number] &&
            has_field(f.bytes, kind->children[number], depth + 1, is))
            return true;
    }
    return false;
}

/* True when a message of one of these kinds holds a message twice that may come once. */
static bool has_repeat(struct str message, const struct kind *kind, unsigned depth,
                       bool only_values)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    uint32_t seen = 0;
    bool counts = !only_values || kind == &pair_kind || kind == &value_kind;
    while (depth < 200 && pb_next(&r, &f)) {
        uint32_t number = f.tag >> 3;
        if ((f.tag & 7) != PB_LEN || number >= LEN(kind->children) || !kind->children[number])
            continue;
        if (counts && (seen & kind->single) >> number & 1)
            return true;
        seen |= 1u << number;
        if (has_repeat(f.bytes, kind->children[number], depth + 1, only_values))
            return true;
    }
    return false;
}

/* protobuf-c knows no groups and refuses them all. */
static bool is_group(const struct kind *kind, uint32_t tag)
{
    (void)kind;
    return (tag & 7) == PB_GROUP;
}

/* protobuf-c takes any wire type for a bool. */
static bool is_odd_bool(const struct kind *kind, uint32_t tag)
{
    return kind == &value_kind && tag >> 3 == 2 && (tag & 7) != PB_VARINT;
}

/* What we refuse and protobuf-c takes. Google's library refuses the first two as well. */
static bool is_stricter(struct str body, const struct err *e)
{
    return strstr(e->msg, "a tag or length is too large") || strstr(e->msg, "number 0") ||
           (strstr(e->msg, "wrong wire type") && has_field(body, &request_kind, 0, is_odd_bool));
}

static enum oracle_verdict judge(struct compare *c, struct str body, enum status status,
                                 const struct err *e, struct oracle_memory *memory)
{
    Otlp__ExportTraceServiceRequest *o = otlp__export_trace_service_request__unpack(
        c->allocator, body.len, (const uint8_t *)body.ptr);
    if (memory->ran_out) {
        snprintf(c->why, c->cap, "the oracle ran out of memory");
        return ORACLE_EXCUSED;
    }
    if (!o && status == ST_OK) {
        /* It also refuses to merge two empty values. */
        bool excused = has_field(body, &request_kind, 0, is_group) ||
                       c->batch->rejected[REJECT_TOO_DEEP] > 0 ||
                       has_repeat(body, &request_kind, 0, true);
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
    return has_repeat(body, &request_kind, 0, false) ? ORACLE_EXCUSED : ORACLE_DIFFERS;
}

enum oracle_verdict otlp_oracle_compare(struct str body, char *why, size_t cap)
{
    struct limits limits = {.spans = UINT32_MAX, .attributes = ATTRIBUTES, .depth = DEPTH};
    struct otlp_trace_rules rules = {.limits = &limits, .keep_bad_text = true};
    struct batch batch = {.plain = body, .encoding = ENCODING_PROTOBUF};
    struct oracle_memory memory = {.arena = {.limit_bytes = ORACLE_BYTES}};
    ProtobufCAllocator allocator = {oracle_alloc, oracle_free, &memory};
    struct compare c = {.batch = &batch, .allocator = &allocator, .why = why, .cap = cap};
    struct err e;
    enum status status = otlp_trace_decode(&batch, &rules, &e);
    enum oracle_verdict verdict = judge(&c, body, status, &e, &memory);
    arena_deinit(&batch.arena);
    arena_deinit(&memory.arena);
    return verdict;
}

/* ---- mutations ---- */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t below(uint64_t *state, size_t n)
{
    return n ? (size_t)(next_random(state) % n) : 0;
}

/* A byte that means something on the wire: a tag of a message we know, a length, an end of a
 * varint. */
static char wire_byte(uint64_t *state)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0x02, 0x08, 0x0a, 0x0b, 0x0c, 0x10, 0x12, 0x18,
                                    0x1a, 0x21, 0x22, 0x2a, 0x30, 0x32, 0x39, 0x3a, 0x41, 0x4a,
                                    0x50, 0x5a, 0x6a, 0x7a, 0x7f, 0x80, 0x81, 0x85, 0x9b, 0xff};
    return (char)bytes[below(state, sizeof(bytes))];
}

/* Copies some bytes of the body over, or between, others. */
static size_t copy_part(char *body, size_t len, size_t body_max, uint64_t *state, bool insert)
{
    size_t from = below(state, len), bytes = 1 + below(state, 64), to = below(state, len);
    char part[64];
    bytes = MIN(bytes, len - from);
    memcpy(part, body + from, bytes);
    if (insert) {
        bytes = MIN(bytes, body_max - len);
        memmove(body + to + bytes, body + to, len - to);
        len += bytes;
    }
    memcpy(body + to, part, MIN(bytes, len - to));
    return len;
}

static size_t mutate_once(char *body, size_t len, size_t body_max, uint64_t *state)
{
    size_t at = below(state, len);
    switch (next_random(state) % 8) {
    case 0:
        body[at] = (char)(body[at] ^ 1 << below(state, 8));
        return len;
    case 1:
        body[at] = wire_byte(state);
        return len;
    case 2:
        body[at] = (char)next_random(state);
        return len;
    case 3:
        body[at] = (char)(body[at] + (next_random(state) & 1 ? 1 : -1));
        return len;
    case 4: {
        size_t bytes = 1 + below(state, 16);
        bytes = MIN(bytes, len - at);
        memmove(body + at, body + at + bytes, len - at - bytes);
        return len - bytes;
    }
    case 5:
        return copy_part(body, len, body_max, state, true);
    case 6:
        return copy_part(body, len, body_max, state, false);
    default:
        return next_random(state) % 8 ? len : at;
    }
}

size_t otlp_mutate(char *body, size_t len, size_t body_max, uint64_t *state)
{
    for (size_t times = 1 + below(state, 4); times > 0 && len > 0; times--)
        len = mutate_once(body, len, body_max, state);
    return len;
}
