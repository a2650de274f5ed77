/* otlp_attr.c - KeyValue messages to attributes: a fast way for short strings, a general one for
 * all else. */
#include "codec/otlp_attr.h"

#include "codec/otlp_check.h"
#include "codec/utf8.h"

struct attr_slab attr_slab_of(struct arena *arena, struct arena *slabs, size_t body_bytes,
                              uint32_t limit, unsigned max_depth)
{
    /* An attribute takes about 40 bytes on the wire. */
    size_t guess = MIN(MAX(body_bytes / 40, (size_t)8), (size_t)1024);
    return (struct attr_slab){.arena = arena,
                              .slabs = slabs,
                              .slab_attrs = (uint32_t)guess,
                              .limit = limit,
                              .max_depth = max_depth};
}

/* Moves the run to a fresh slab that has room for as many again. */
static bool grow(struct attr_slab *slab)
{
    size_t count = attr_run_count(slab), cap = MAX((size_t)slab->slab_attrs, 2 * count);
    struct attr *fresh = arena_alloc(slab->slabs, cap * sizeof(*fresh));
    if (!fresh)
        return false;
    if (count > 0)
        memcpy(fresh, slab->run, count * sizeof(*fresh));
    slab->run = fresh;
    slab->next = fresh + count;
    slab->end = fresh + cap;
    return true;
}

struct attr *attr_run_place(struct attr_slab *slab)
{
    return slab->next < slab->end || grow(slab) ? slab->next : NULL;
}

static bool repair_attr(struct attr_slab *slab, struct attr *a)
{
    return slab->keep_bad_text || (utf8_repair(slab->arena, &a->key) &&
                                   (a->type != VALUE_STRING || utf8_repair(slab->arena, &a->text)));
}

/* `bytes` holds the attributes from `first` on: when all of it is ASCII, so is their text. */
static bool repair_run(struct attr_slab *slab, struct attr *first, struct str bytes)
{
    if (slab->keep_bad_text || utf8_is_ascii(bytes))
        return true;
    for (struct attr *a = first; a < slab->next; a++) {
        if (!repair_attr(slab, a))
            return false;
    }
    return true;
}

/* The one-byte tags of KeyValue{key = 1, value = 2} and of AnyValue's scalars. */
enum { KEY = 0x0a, VALUE = 0x12, STRING = 0x0a, BOOL = 0x10, INT = 0x18, DOUBLE = 0x21 };

static double double_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

/* Whole numbers and doubles of an AnyValue that has one field, of `len` bytes with its tag. */
static bool read_short_number(const uint8_t *at, size_t len, struct attr *a)
{
    struct pb_reader r = {at, at + len, NULL};
    struct pb_field f;
    if (!pb_next(&r, &f) || r.at != r.end)
        return false;
    a->text = (struct str){NULL, 0};
    switch (f.tag) {
    case BOOL:
        a->type = VALUE_BOOL, a->i = 0, a->b = f.value != 0;
        return true;
    case INT:
        a->type = VALUE_INT, a->i = (int64_t)f.value;
        return true;
    case DOUBLE:
        a->type = VALUE_DOUBLE, a->d = double_of(f.value);
        return true;
    default:
        return false;
    }
}

static inline bool read_short_value(const uint8_t *at, size_t len, struct attr *a)
{
    if (LIKELY(len >= 2 && at[0] == STRING && at[1] + 2u == len)) {
        a->text = (struct str){(const char *)at + 2, at[1]};
        a->type = VALUE_STRING, a->i = 0;
        return true;
    }
    return read_short_number(at, len, a);
}

/* A KeyValue of `total` bytes at `at` that is exactly `0a K key 12 V value`, as most write it. The
 * sum of the lengths proves that all lie inside: total < 128, so each is below 128 too. */
static inline bool read_key_first(const uint8_t *at, size_t total, struct attr *a)
{
    size_t key_len = at[1];
    if (key_len == 0 || key_len + 4 > total)
        return false;
    const uint8_t *value = at + 2 + key_len;
    if (value[0] != VALUE || key_len + value[1] + 4 != total)
        return false;
    a->key = (struct str){(const char *)at + 2, key_len};
    return read_short_value(value + 2, value[1], a);
}

/* The same as `12 V value 0a K key`: the OpenTelemetry Collector writes from the last field to the
 * first. */
static inline bool read_value_first(const uint8_t *at, size_t total, struct attr *a)
{
    size_t value_len = at[1];
    if (value_len + 5 > total)
        return false;
    const uint8_t *key = at + 2 + value_len;
    if (key[0] != KEY || key[1] == 0 || value_len + key[1] + 4 != total)
        return false;
    a->key = (struct str){(const char *)key + 2, key[1]};
    return read_short_value(at + 2, value_len, a);
}

/* Reads `tag L KeyValue`; returns the byte behind it, or NULL when it is not one of the two forms
 * above. */
static inline const uint8_t *read_short(const uint8_t *at, size_t left, uint8_t tag, struct attr *a)
{
    if (left < 7 || at[0] != tag || at[1] < 5 || at[1] >= 0x80 || at[1] + 2u > left)
        return NULL;
    size_t total = at[1];
    bool is_short = at[2] == KEY     ? read_key_first(at + 2, total, a)
                    : at[2] == VALUE ? read_value_first(at + 2, total, a)
                                     : false;
    return is_short ? at + 2 + total : NULL;
}

bool attr_run_read_short(struct attr_slab *slab, struct pb_reader *r, uint8_t tag)
{
    const uint8_t *at = r->at, *behind;
    size_t first = attr_run_count(slab), room = slab->limit - MIN(first, (size_t)slab->limit);
    for (; room > 0; room--, at = behind) {
        struct attr *a = attr_run_place(slab);
        if (!a)
            return false;
        behind = read_short(at, (size_t)(r->end - at), tag, a);
        if (!behind)
            break;
        attr_run_keep(slab);
    }
    struct str bytes = {(const char *)r->at, (size_t)(at - r->at)};
    if (bytes.len == 0)
        return true;
    r->at = at;
    return repair_run(slab, slab->run + first, bytes);
}

/* Reads an AnyValue: the last member that is set wins. *nested: a member holds values of its own.
 */
static bool read_value(struct str value, struct attr *a, bool *nested, struct pb_reader *r)
{
    struct pb_field f;
    struct str key = a->key;
    *r = pb_reader_of(value);
    while (pb_next(r, &f)) {
        switch (f.tag) {
        case PB_TAG(1, PB_LEN):
            *a = (struct attr){.key = key, .type = VALUE_STRING, .text = f.bytes};
            break;
        case PB_TAG(2, PB_VARINT):
            *a = (struct attr){.key = key, .type = VALUE_BOOL, .b = f.value != 0};
            break;
        case PB_TAG(3, PB_VARINT):
            *a = (struct attr){.key = key, .type = VALUE_INT, .i = (int64_t)f.value};
            break;
        case PB_TAG(4, PB_FIXED64):
            *a = (struct attr){.key = key, .type = VALUE_DOUBLE, .d = double_of(f.value)};
            break;
        case PB_TAG(5, PB_LEN):
        case PB_TAG(6, PB_LEN):
            *a = (struct attr){.key = key, .type = VALUE_NESTED, .text = value};
            *nested = true;
            break;
        case PB_TAG(7, PB_LEN):
            *a = (struct attr){.key = key, .type = VALUE_BYTES, .text = f.bytes};
            break;
        default:
            if (f.tag >> 3 <= 7)
                return pb_fail(r, "a field has the wrong wire type");
        }
    }
    return !r->fault;
}

/* All value fields of a KeyValue one behind the other: by the rules of protobuf that is their
 * merge. Each must be whole by itself, or the end of one could be completed by the next. */
static enum attr_result join_values(const struct attr_slab *slab, struct str key_value,
                                    size_t bytes, struct str *value, struct pb_reader *fault)
{
    char *joined = arena_alloc(slab->arena, bytes);
    if (!joined)
        return ATTR_NO_MEMORY;
    struct pb_reader r = pb_reader_of(key_value);
    struct pb_field f;
    size_t len = 0;
    while (pb_next(&r, &f)) {
        bool too_deep; /* asked again for the whole */
        if (f.tag != PB_TAG(2, PB_LEN) || f.bytes.len == 0)
            continue;
        if (!otlp_check(f.bytes, SHAPE_VALUE, slab->max_depth, &too_deep, fault))
            return ATTR_BROKEN;
        memcpy(joined + len, f.bytes.ptr, f.bytes.len);
        len += f.bytes.len;
    }
    *value = (struct str){joined, len};
    return ATTR_OK;
}

static enum attr_result read_key_value(const struct attr_slab *slab, struct str key_value,
                                       struct str *key, struct str *value, struct pb_reader *r)
{
    struct pb_field f;
    size_t value_bytes = 0;
    *r = pb_reader_of(key_value);
    while (pb_next(r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN)) {
            *key = f.bytes;
        } else if (f.tag == PB_TAG(2, PB_LEN)) {
            *value = f.bytes;
            value_bytes += f.bytes.len;
        } else if (f.tag >> 3 <= 2) {
            pb_fail(r, "a field has the wrong wire type");
            break;
        }
    }
    if (r->fault)
        return ATTR_BROKEN;
    return value_bytes == value->len ? ATTR_OK
                                     : join_values(slab, key_value, value_bytes, value, r);
}

/* Puts *a behind the run. */
static enum attr_result keep_attr(struct attr_slab *slab, struct attr *a)
{
    if (a->key.len == 0)
        return ATTR_OK;
    if (attr_run_count(slab) >= slab->limit)
        return ATTR_TOO_MANY;
    struct attr *place = attr_run_place(slab);
    if (!place || !repair_attr(slab, a))
        return ATTR_NO_MEMORY;
    *place = *a;
    attr_run_keep(slab);
    return ATTR_OK;
}

enum attr_result attr_run_read(struct attr_slab *slab, struct str key_value,
                               struct pb_reader *fault)
{
    struct attr a = {.type = VALUE_EMPTY};
    struct str value = {key_value.ptr, 0};
    bool nested = false, too_deep = false;
    enum attr_result result = read_key_value(slab, key_value, &a.key, &value, fault);
    if (result != ATTR_OK)
        return result;
    if (!read_value(value, &a, &nested, fault))
        return ATTR_BROKEN;
    if (nested && !otlp_check(value, SHAPE_VALUE, slab->max_depth, &too_deep, fault))
        return ATTR_BROKEN;
    return too_deep ? ATTR_TOO_DEEP : keep_attr(slab, &a);
}
