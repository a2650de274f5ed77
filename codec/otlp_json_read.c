/* otlp_json_read.c - what all OTLP/JSON requests are made of: objects with known keys, numbers as
 * text, attributes. */
#include "codec/otlp_json_read.h"

#include "codec/base64.h"
#include "codec/span_judge.h"
#include <math.h>

enum status otlp_json_no_memory(struct otlp_json *d)
{
    return err_set(d->err, ST_NO_MEMORY, "out of memory while decoding JSON");
}

enum status otlp_json_failed(struct otlp_json *d)
{
    return err_set(d->err, d->r.err.status, "OTLP %s", d->r.err.msg);
}

enum status otlp_json_wrong(struct otlp_json *d, const char *what)
{
    return err_set(d->err, ST_INVALID, "OTLP JSON: %s before byte %zu", what,
                   (size_t)(d->r.at - d->r.start));
}

enum status otlp_json_skip(struct otlp_json *d)
{
    return json_skip(&d->r) ? ST_OK : otlp_json_failed(d);
}

enum status otlp_json_take(struct otlp_json *d, enum json_token want, bool *present,
                           const char *what)
{
    enum json_token token = json_next(&d->r);
    *present = token == want;
    if (token == JSON_ERROR)
        return otlp_json_failed(d);
    return token == want || token == JSON_NULL_VALUE ? ST_OK : otlp_json_wrong(d, what);
}

enum status otlp_json_fields(struct otlp_json *d, const struct json_field *fields, size_t count)
{
    enum json_token token;
    while ((token = json_next(&d->r)) == JSON_KEY) {
        size_t i = 0;
        while (i < count && !str_eq(fields[i].name, d->r.text))
            i++;
        TRY(i < count ? fields[i].read(d) : otlp_json_skip(d));
    }
    return token == JSON_OBJECT_END ? ST_OK : otlp_json_failed(d);
}

enum status otlp_json_object(struct otlp_json *d, const struct json_field *fields, size_t count)
{
    bool present;
    TRY(otlp_json_take(d, JSON_OBJECT_BEGIN, &present, "something that is not an object"));
    return present ? otlp_json_fields(d, fields, count) : ST_OK;
}

enum status otlp_json_objects(struct otlp_json *d, json_field_fn *element)
{
    bool present;
    TRY(otlp_json_take(d, JSON_ARRAY_BEGIN, &present, "something that is not an array"));
    if (!present)
        return ST_OK;
    enum json_token token;
    while ((token = json_next(&d->r)) == JSON_OBJECT_BEGIN)
        TRY(element(d));
    if (token == JSON_ERROR)
        return otlp_json_failed(d);
    return token == JSON_ARRAY_END ? ST_OK
                                   : otlp_json_wrong(d, "an array element that is not an object");
}

enum status otlp_json_text(struct otlp_json *d, struct str *out)
{
    bool present;
    TRY(otlp_json_take(d, JSON_STRING, &present, "something that is not a string"));
    *out = present ? d->r.text : (struct str){NULL, 0};
    return ST_OK;
}

/* The text of a number, or of a string that holds one; empty when null. */
static enum status digits_text(struct otlp_json *d, struct str *out)
{
    enum json_token token = json_next(&d->r);
    if (token == JSON_ERROR)
        return otlp_json_failed(d);
    *out = token == JSON_NULL_VALUE ? (struct str){NULL, 0} : d->r.text;
    bool right = token == JSON_NUMBER || token == JSON_STRING || token == JSON_NULL_VALUE;
    return right ? ST_OK : otlp_json_wrong(d, "something that is not a number");
}

bool otlp_number_u64(struct str digits, uint64_t *out)
{
    double real;
    if (str_to_u64(digits, out))
        return true;
    if (!str_to_double(digits, &real) || real < 0 || real >= 0x1p64 || real != floor(real))
        return false;
    *out = (uint64_t)real;
    return true;
}

bool otlp_number_double(struct str digits, double *out)
{
    if (str_eq(digits, STR("NaN")))
        *out = NAN;
    else if (str_eq(digits, STR("Infinity")))
        *out = INFINITY;
    else if (str_eq(digits, STR("-Infinity")))
        *out = -INFINITY;
    else
        return str_to_double(digits, out);
    return true;
}

enum status otlp_json_u64(struct otlp_json *d, uint64_t *out)
{
    struct str digits;
    *out = 0;
    TRY(digits_text(d, &digits));
    if (digits.len == 0 || otlp_number_u64(digits, out))
        return ST_OK;
    return otlp_json_wrong(d, "a number that is not a whole one of 64 bits");
}

static bool number_i64(struct str digits, int64_t *out)
{
    double real;
    if (str_to_i64(digits, out))
        return true;
    if (!str_to_double(digits, &real) || real < -0x1p63 || real >= 0x1p63 || real != floor(real))
        return false;
    *out = (int64_t)real;
    return true;
}

enum status otlp_json_enum(struct otlp_json *d, uint64_t *out)
{
    bool present;
    *out = 0;
    TRY(otlp_json_take(d, JSON_NUMBER, &present, "an enum that is not a number"));
    int64_t number;
    if (present && !number_i64(d->r.text, &number))
        return otlp_json_wrong(d, "an enum that is not a whole number");
    if (present)
        *out = (uint64_t)number;
    return ST_OK;
}

enum status otlp_json_i64(struct otlp_json *d, int64_t *out, bool *present)
{
    struct str digits;
    TRY(digits_text(d, &digits));
    *present = digits.len > 0;
    if (digits.len == 0 || number_i64(digits, out))
        return ST_OK;
    return otlp_json_wrong(d, "an intValue that is not a whole number of 64 bits");
}

enum status otlp_json_double(struct otlp_json *d, double *out, bool *present)
{
    struct str digits;
    TRY(digits_text(d, &digits));
    *present = digits.len > 0;
    if (*present && !otlp_number_double(digits, out))
        return otlp_json_wrong(d, "a doubleValue that is not a number");
    return ST_OK;
}

enum status otlp_json_numbers(struct otlp_json *d, otlp_json_number_fn *take, void *user)
{
    enum json_token token;
    bool present;
    TRY(otlp_json_take(d, JSON_ARRAY_BEGIN, &present, "something that is not an array"));
    if (!present)
        return ST_OK;
    while ((token = json_next(&d->r)) == JSON_NUMBER || token == JSON_STRING)
        TRY(take(d, d->r.text, user));
    if (token == JSON_ERROR)
        return otlp_json_failed(d);
    return token == JSON_ARRAY_END ? ST_OK
                                   : otlp_json_wrong(d, "an array element that is not a number");
}

enum status otlp_json_defer(struct otlp_json *d, struct json_reader *at)
{
    struct json_reader before = d->r;
    if (json_next(&d->r) == JSON_NULL_VALUE)
        return ST_OK;
    d->r = before;
    if (at->at)
        return otlp_json_wrong(d, "the same key a second time");
    *at = before;
    return otlp_json_skip(d);
}

enum status otlp_json_resume(struct otlp_json *d, const struct json_reader *at, json_field_fn *read)
{
    struct json_reader behind = d->r;
    if (!at->at)
        return ST_OK;
    d->r = *at;
    TRY(read(d));
    d->r = behind;
    return ST_OK;
}

/* ---- values ---- */

static enum status set_value(struct otlp_json *d, enum value_type type)
{
    d->attr.type = type;
    return ST_OK;
}

static enum status read_string_value(struct otlp_json *d)
{
    bool present;
    TRY(otlp_json_take(d, JSON_STRING, &present, "a stringValue that is not a string"));
    if (!present)
        return ST_OK;
    d->attr.text = d->r.text;
    return set_value(d, VALUE_STRING);
}

static enum status read_bool_value(struct otlp_json *d)
{
    enum json_token token = json_next(&d->r);
    if (token == JSON_ERROR)
        return otlp_json_failed(d);
    if (token == JSON_NULL_VALUE)
        return ST_OK;
    if (token != JSON_TRUE && token != JSON_FALSE)
        return otlp_json_wrong(d, "a boolValue that is not true or false");
    d->attr.b = token == JSON_TRUE;
    return set_value(d, VALUE_BOOL);
}

static enum status read_int_value(struct otlp_json *d)
{
    bool present;
    TRY(otlp_json_i64(d, &d->attr.i, &present));
    return present ? set_value(d, VALUE_INT) : ST_OK;
}

static enum status read_double_value(struct otlp_json *d)
{
    bool present;
    TRY(otlp_json_double(d, &d->attr.d, &present));
    return present ? set_value(d, VALUE_DOUBLE) : ST_OK;
}

static enum status read_bytes_value(struct otlp_json *d)
{
    struct str text;
    TRY(otlp_json_text(d, &text));
    if (!text.ptr)
        return ST_OK;
    char *bytes = arena_alloc(&d->batch->arena, base64_decoded_max(text.len));
    if (!bytes)
        return otlp_json_no_memory(d);
    d->attr.text.ptr = bytes;
    if (!base64_decode(text, bytes, &d->attr.text.len))
        return otlp_json_wrong(d, "a bytesValue that is not base64");
    return set_value(d, VALUE_BYTES);
}

static bool is_nesting_key(struct str key)
{
    return str_eq(key, STR("arrayValue")) || str_eq(key, STR("kvlistValue"));
}

/* Skips what is behind the key arrayValue or kvlistValue. The value that holds it is level 1; each
 * such key inside opens one more, `open` has a bit per JSON depth where that is. */
static enum status skip_nested(struct otlp_json *d)
{
    unsigned base = d->r.depth;
    uint64_t open = 0;
    bool opens = true;
    do {
        enum json_token token = json_next(&d->r);
        if (token == JSON_ERROR)
            return otlp_json_failed(d);
        open &= (UINT64_C(2) << d->r.depth) - 1;
        if (token == JSON_OBJECT_BEGIN && opens)
            open |= UINT64_C(1) << d->r.depth;
        else if (token == JSON_OBJECT_BEGIN && (unsigned)__builtin_popcountll(open) >= d->max_depth)
            d->attr_too_deep = true;
        opens = token == JSON_KEY && is_nesting_key(d->r.text);
    } while (d->r.depth > base || opens);
    return ST_OK;
}

static enum status read_nested_value(struct otlp_json *d)
{
    struct json_reader before = d->r;
    if (json_next(&d->r) == JSON_NULL_VALUE)
        return ST_OK;
    d->r = before;
    TRY(skip_nested(d));
    return set_value(d, VALUE_NESTED);
}

static enum status read_value(struct otlp_json *d)
{
    static const struct json_field fields[] = {
        JSON_FIELD("stringValue", read_string_value), JSON_FIELD("intValue", read_int_value),
        JSON_FIELD("boolValue", read_bool_value),     JSON_FIELD("doubleValue", read_double_value),
        JSON_FIELD("arrayValue", read_nested_value),  JSON_FIELD("kvlistValue", read_nested_value),
        JSON_FIELD("bytesValue", read_bytes_value),
    };
    bool present;
    TRY(otlp_json_take(d, JSON_OBJECT_BEGIN, &present, "a value that is not an object"));
    if (!present)
        return ST_OK;
    const char *begin = d->r.at - 1;
    TRY(otlp_json_fields(d, fields, LEN(fields)));
    if (d->attr.type == VALUE_NESTED)
        d->attr.text = (struct str){begin, (size_t)(d->r.at - begin)};
    return ST_OK;
}

static enum status read_attr_key(struct otlp_json *d)
{
    return otlp_json_text(d, &d->attr.key);
}

static enum status read_attr(struct otlp_json *d)
{
    static const struct json_field fields[] = {JSON_FIELD("key", read_attr_key),
                                               JSON_FIELD("value", read_value)};
    d->attr = (struct attr){.type = VALUE_EMPTY};
    d->attr_too_deep = false;
    TRY(otlp_json_fields(d, fields, LEN(fields)));
    if (d->attr_too_deep)
        *d->owner_faults |= FAULT_TOO_DEEP;
    if (d->attr_too_deep || d->attr.key.len == 0)
        return ST_OK;
    if (attr_run_count(d->slab) >= d->slab->limit) {
        *d->owner_faults |= FAULT_TOO_MANY_ATTRIBUTES;
        return ST_OK;
    }
    struct attr *place = attr_run_place(d->slab);
    if (!place)
        return otlp_json_no_memory(d);
    *place = d->attr;
    attr_run_keep(d->slab);
    return ST_OK;
}

enum status otlp_json_attrs(struct otlp_json *d)
{
    return otlp_json_objects(d, read_attr);
}

enum status otlp_json_request(struct otlp_json *d, const struct json_field *fields, size_t count)
{
    bool present;
    json_reader_init(&d->r, d->batch->plain, &d->batch->arena, 63);
    TRY(otlp_json_take(d, JSON_OBJECT_BEGIN, &present, "a request that is not an object"));
    if (!present)
        return otlp_json_wrong(d, "a request that is not an object");
    TRY(otlp_json_fields(d, fields, count));
    return json_next(&d->r) == JSON_END ? ST_OK : otlp_json_failed(d);
}
