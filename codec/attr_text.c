/* attr_text.c - attribute values as the text of a label; arrays and maps become JSON without
 * recursion. */
#include "codec/attr_text.h"

#include "base/json_read.h"
#include "base/json_write.h"
#include "base/number_text.h"
#include "codec/base64.h"
#include "codec/json_sort.h"
#include "codec/otlp_check.h"
#include "codec/pb_fault.h"

#include <math.h>
#include <stdio.h>

static bool keep(struct arena *arena, struct buf *text, struct str *out)
{
    bool failed = text->failed;
    if (!failed)
        *out = arena_dup_str(arena, buf_str(text));
    buf_deinit(text);
    return !failed && out->ptr;
}

bool text_join(struct arena *arena, const struct str *parts, size_t count, struct str between,
               struct str *out)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len + (i > 0 ? between.len : 0);
    char *text = arena_alloc(arena, len);
    if (!text)
        return false;
    *out = (struct str){text, len};
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && between.len > 0)
            text = (char *)memcpy(text, between.ptr, between.len) + between.len;
        if (parts[i].len > 0)
            text = (char *)memcpy(text, parts[i].ptr, parts[i].len) + parts[i].len;
    }
    return true;
}

bool number_text(struct arena *arena, double v, struct str *out)
{
    struct buf text = {0};
    number_append_plain(&text, v);
    return keep(arena, &text, out);
}

/* As Go's encoding/json: an exponent has no zero in front. */
static void append_double(struct buf *text, double v)
{
    number_append_shortest(text, v);
    if (text->len > 4 && memcmp(text->ptr + text->len - 4, "e-0", 3) == 0) {
        text->ptr[text->len - 2] = text->ptr[text->len - 1];
        text->len--;
    }
}

static void write_double(struct json_writer *w, double v)
{
    struct buf text = {0};
    if (!isfinite(v)) {
        json_null(w);
        return;
    }
    append_double(&text, v);
    w->out->failed |= text.failed;
    json_raw(w, buf_str(&text));
    buf_deinit(&text);
}

/* ---- arrays and maps of protobuf ---- */

/* Containers that are open; the walk that let the attribute in has proven their depth. */
struct nest {
    struct json_writer w;
    struct pb_reader at[OTLP_DEPTH_MAX];
    bool is_map[OTLP_DEPTH_MAX];
    unsigned depth;
};

static void open_container(struct nest *n, bool is_map, struct str message)
{
    if (n->depth == OTLP_DEPTH_MAX - 2) {
        json_null(&n->w);
        return;
    }
    n->is_map[n->depth] = is_map;
    n->at[n->depth++] = pb_reader_of(message);
    if (is_map)
        json_object_begin(&n->w);
    else
        json_array_begin(&n->w);
}

static void write_bytes(struct json_writer *w, struct str bytes)
{
    struct buf text = {0};
    base64_encode(bytes, &text);
    json_str(w, buf_str(&text));
    buf_deinit(&text);
}

/* The last member of an AnyValue counts. */
static void write_any(struct nest *n, struct str value)
{
    struct pb_reader r = pb_reader_of(value);
    struct pb_field f, last = {0};
    while (pb_next(&r, &f))
        if (f.tag >> 3 <= 7)
            last = f;
    switch (last.tag) {
    case PB_TAG(1, PB_LEN):
        json_str(&n->w, last.bytes);
        break;
    case PB_TAG(2, PB_VARINT):
        json_bool(&n->w, last.value != 0);
        break;
    case PB_TAG(3, PB_VARINT):
        json_i64(&n->w, (int64_t)last.value);
        break;
    case PB_TAG(4, PB_FIXED64):
        write_double(&n->w, pb_double(last.value));
        break;
    case PB_TAG(5, PB_LEN):
    case PB_TAG(6, PB_LEN):
        open_container(n, last.tag == PB_TAG(6, PB_LEN), last.bytes);
        break;
    case PB_TAG(7, PB_LEN):
        write_bytes(&n->w, last.bytes);
        break;
    default:
        json_null(&n->w);
    }
}

static void write_pair(struct nest *n, struct str key_value)
{
    struct pb_reader r = pb_reader_of(key_value);
    struct pb_field f;
    struct str key = STR(""), value = {key_value.ptr, 0};
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            key = f.bytes;
        else if (f.tag == PB_TAG(2, PB_LEN))
            value = f.bytes;
    }
    json_key_str(&n->w, key);
    write_any(n, value);
}

static void write_protobuf(struct buf *out, struct str value)
{
    struct nest n = {.w = {.out = out, .keeps_html = true}};
    struct pb_field f;
    write_any(&n, value);
    while (n.depth > 0) {
        unsigned top = n.depth - 1;
        if (!pb_next(&n.at[top], &f)) {
            n.depth--;
            if (n.is_map[top])
                json_object_end(&n.w);
            else
                json_array_end(&n.w);
        } else if (f.tag == PB_TAG(1, PB_LEN) && n.is_map[top]) {
            write_pair(&n, f.bytes);
        } else if (f.tag == PB_TAG(1, PB_LEN)) {
            write_any(&n, f.bytes);
        }
    }
}

/* ---- arrays and maps of OTLP/JSON ---- */

/* {"arrayValue":{"values":[{"intValue":"1"}]}} becomes [1]. */
struct unwrap {
    struct json_reader r;
    struct json_writer w;
    /* A bit per depth of the reader: the array there holds values, or pairs. */
    uint64_t is_list, is_map;
    bool next_is_map;  /* which of the two the next array is */
    bool awaits_value; /* a key was written, or an element begun */
};

static bool key_is(const struct unwrap *u, struct str name)
{
    return str_eq(u->r.text, name);
}

static void write_scalar(struct unwrap *u)
{
    bool is_string = key_is(u, STR("stringValue")) || key_is(u, STR("bytesValue"));
    bool is_double = key_is(u, STR("doubleValue"));
    struct json_reader before = u->r;
    enum json_token token = json_next(&u->r);
    double number;
    u->awaits_value = false;
    if (is_double && (token == JSON_STRING || token == JSON_NUMBER) &&
        str_to_double(u->r.text, &number)) {
        write_double(&u->w, number);
        return;
    }
    switch (token) {
    case JSON_STRING:
        /* Also numbers come as strings; "NaN" stays one. */
        if (is_string || !str_to_double(u->r.text, &(double){0}))
            json_str(&u->w, u->r.text);
        else
            json_raw(&u->w, u->r.text);
        break;
    case JSON_NUMBER:
        json_raw(&u->w, u->r.text);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        json_bool(&u->w, token == JSON_TRUE);
        break;
    default:
        /* An array or object where no type has one: its brackets are not the writer's. */
        u->r = before;
        (void)json_skip(&u->r);
        json_null(&u->w);
    }
}

/* Whether the arrayValue or kvlistValue that comes next has an array. */
static bool has_values(const struct unwrap *u)
{
    struct json_reader ahead = u->r;
    if (json_next(&ahead) != JSON_OBJECT_BEGIN)
        return false;
    while (json_next(&ahead) == JSON_KEY) {
        struct json_reader value = ahead;
        if (str_eq(ahead.text, STR("values")) && json_next(&value) == JSON_ARRAY_BEGIN)
            return true;
        if (!json_skip(&ahead))
            return false;
    }
    return false;
}

/* An empty list is written without its array; null is no list at all. */
static void take_list(struct unwrap *u, bool is_map)
{
    u->next_is_map = is_map;
    if (has_values(u))
        return;
    struct json_reader value = u->r;
    bool is_empty = json_next(&value) == JSON_OBJECT_BEGIN;
    (void)json_skip(&u->r);
    if (!is_empty)
        return;
    json_raw(&u->w, is_map ? STR("{}") : STR("[]"));
    u->awaits_value = false;
}

static void take_key(struct unwrap *u)
{
    if (key_is(u, STR("arrayValue")) || key_is(u, STR("kvlistValue")))
        take_list(u, key_is(u, STR("kvlistValue")));
    else if (str_ends_with(u->r.text, STR("Value")))
        write_scalar(u);
    else if (!key_is(u, STR("values")) && !key_is(u, STR("value")))
        (void)json_skip(&u->r);
}

/* The key of a pair may stand behind its value. One that is no text is none. */
static void write_pair_key(struct unwrap *u)
{
    struct json_reader ahead = u->r;
    struct str key = STR("");
    while (json_next(&ahead) == JSON_KEY) {
        struct json_reader value = ahead;
        if (str_eq(ahead.text, STR("key")) && json_next(&value) == JSON_STRING)
            key = value.text;
        if (!json_skip(&ahead))
            break;
    }
    json_key_str(&u->w, key);
    u->awaits_value = true;
}

/* An object has begun: whether it stands in an array with that bit. */
static bool is_inside(const struct unwrap *u, uint64_t arrays)
{
    return u->r.depth > 1 && arrays >> (u->r.depth - 1) & 1;
}

static void begin_object(struct unwrap *u)
{
    uint64_t bit = UINT64_C(1) << u->r.depth;
    u->is_list &= ~bit;
    u->is_map &= ~bit;
    if (is_inside(u, u->is_map))
        write_pair_key(u);
    else if (is_inside(u, u->is_list))
        u->awaits_value = true;
}

static void begin_array(struct unwrap *u)
{
    uint64_t bit = UINT64_C(1) << u->r.depth;
    u->is_list = u->next_is_map ? u->is_list & ~bit : u->is_list | bit;
    u->is_map = u->next_is_map ? u->is_map | bit : u->is_map & ~bit;
    u->awaits_value = false;
    if (u->next_is_map)
        json_object_begin(&u->w);
    else
        json_array_begin(&u->w);
}

/* Beginnings and ends of arrays, and pairs. */
static void take_bracket(struct unwrap *u, enum json_token token)
{
    if (token == JSON_ARRAY_BEGIN) {
        begin_array(u);
    } else if (token == JSON_ARRAY_END) {
        if (u->is_map >> (u->r.depth + 1) & 1)
            json_object_end(&u->w);
        else
            json_array_end(&u->w);
    } else if (token == JSON_OBJECT_BEGIN) {
        begin_object(u);
    } else if (token == JSON_OBJECT_END && u->awaits_value) {
        json_null(&u->w);
        u->awaits_value = false;
    }
}

static void write_json(struct arena *arena, struct buf *out, struct str value)
{
    struct unwrap u = {.w = {.out = out, .keeps_html = true}};
    enum json_token token;
    json_reader_init(&u.r, value, arena, 63);
    while ((token = json_next(&u.r)) != JSON_END && token != JSON_ERROR) {
        if (token == JSON_KEY)
            take_key(&u);
        else
            take_bracket(&u, token);
    }
}

/* ---- all types ---- */

bool attr_to_text(struct arena *arena, const struct attr *a, enum batch_encoding encoding,
                  struct str *out)
{
    struct buf text = {.payer = arena}; /* a control character becomes six */
    switch (a->type) {
    case VALUE_STRING:
        *out = a->text.len ? a->text : STR("");
        return true;
    case VALUE_BOOL:
        *out = a->b ? STR("true") : STR("false");
        return true;
    case VALUE_INT:
        buf_printf(&text, "%lld", (long long)a->i);
        break;
    case VALUE_DOUBLE:
        append_double(&text, a->d);
        break;
    case VALUE_BYTES:
        base64_encode(a->text, &text);
        break;
    case VALUE_NESTED:
        if (encoding == ENCODING_JSON)
            write_json(arena, &text, a->text);
        else
            write_protobuf(&text, a->text);
        text.failed |= !text.failed && !json_sort_keys(&text, arena);
        break;
    default:
        *out = STR("");
        return true;
    }
    return keep(arena, &text, out);
}
