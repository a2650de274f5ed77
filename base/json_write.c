/* json_write.c - JSON text onto a buf. */
#include "base/json_write.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t bit_of(const struct json_writer *w)
{
    return UINT64_C(1) << w->depth;
}

/* Before a value or a key: the comma, when something stands before it in this object or array. */
static void separate(struct json_writer *w)
{
    if (w->need_comma & bit_of(w))
        buf_append_u8(w->out, ',');
    w->need_comma |= bit_of(w);
}

static void container_begin(struct json_writer *w, char open)
{
    separate(w);
    buf_append_u8(w->out, (uint8_t)open);
    assert(w->depth < 63);
    w->depth++;
    w->need_comma &= ~bit_of(w);
}

static void container_end(struct json_writer *w, char close)
{
    assert(w->depth > 0);
    w->depth--;
    buf_append_u8(w->out, (uint8_t)close);
}

void json_object_begin(struct json_writer *w)
{
    container_begin(w, '{');
}

void json_object_end(struct json_writer *w)
{
    container_end(w, '}');
}

void json_array_begin(struct json_writer *w)
{
    container_begin(w, '[');
}

void json_array_end(struct json_writer *w)
{
    container_end(w, ']');
}

static bool is_plain(uint8_t c, bool keeps_html)
{
    bool is_html = c == '<' || c == '>' || c == '&';
    return c >= 0x20 && c != '"' && c != '\\' && c != 0xe2 && (keeps_html || !is_html);
}

/* Length of the run that can be copied as it is. 0xe2 starts U+2028 and U+2029. */
static size_t plain_run(struct str s, bool keeps_html)
{
    size_t n = 0;
    while (n < s.len && is_plain((uint8_t)s.ptr[n], keeps_html))
        n++;
    return n;
}

/* Writes the one character at the front of s that plain_run() stopped at; returns its bytes. */
static size_t append_special(struct buf *out, struct str s)
{
    static const char shorts[] = "btn\0fr"; /* for 8 to 13; vertical tab has none */
    static const char digits[] = "0123456789abcdef";
    uint8_t c = (uint8_t)s.ptr[0];
    if (c == 0xe2) {
        bool separator = s.len >= 3 && (uint8_t)s.ptr[1] == 0x80 &&
                         ((uint8_t)s.ptr[2] == 0xa8 || (uint8_t)s.ptr[2] == 0xa9);
        if (separator)
            buf_append_str(out, (uint8_t)s.ptr[2] == 0xa8 ? STR("\\u2028") : STR("\\u2029"));
        else
            buf_append(out, s.ptr, MIN(s.len, (size_t)3));
        return MIN(s.len, (size_t)3);
    }
    if (c == '"' || c == '\\')
        buf_append(out, (char[]){'\\', (char)c}, 2);
    else if (c >= 8 && c <= 13 && shorts[c - 8])
        buf_append(out, (char[]){'\\', shorts[c - 8]}, 2);
    else
        buf_append(out, (char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6);
    return 1;
}

/* s is valid UTF-8. */
static void append_escaped(struct buf *out, struct str s, bool keeps_html)
{
    while (s.len && !out->failed) {
        size_t run = plain_run(s, keeps_html);
        buf_append(out, s.ptr, run);
        s = str_sub(s, run, s.len);
        if (s.len)
            s = str_sub(s, append_special(out, s), s.len);
    }
}

static void append_quoted(struct buf *out, struct str s, bool keeps_html)
{
    buf_append_u8(out, '"');
    while (s.len) {
        size_t valid = str_utf8_prefix(s);
        append_escaped(out, str_sub(s, 0, valid), keeps_html);
        if (valid < s.len)
            buf_append_str(out, STR("\xef\xbf\xbd"));
        s = str_sub(s, valid + 1, s.len);
    }
    buf_append_u8(out, '"');
}

void json_key_str(struct json_writer *w, struct str key)
{
    separate(w);
    append_quoted(w->out, key, w->keeps_html);
    buf_append_u8(w->out, ':');
    w->need_comma &= ~bit_of(w);
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_str(w, str_from_c(key));
}

void json_str(struct json_writer *w, struct str s)
{
    separate(w);
    append_quoted(w->out, s, w->keeps_html);
}

static void append_u64(struct buf *out, uint64_t v)
{
    char text[20];
    size_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_append(out, text + at, sizeof(text) - at);
}

void json_u64(struct json_writer *w, uint64_t v)
{
    separate(w);
    append_u64(w->out, v);
}

void json_i64(struct json_writer *w, int64_t v)
{
    separate(w);
    if (v < 0)
        buf_append_u8(w->out, '-');
    append_u64(w->out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void json_double(struct json_writer *w, double v)
{
    if (!isfinite(v)) {
        json_null(w);
        return;
    }
    separate(w);
    /* Whole numbers below 2^53 need no search. */
    if (v == floor(v) && fabs(v) < 9007199254740992.0 && !signbit(v)) {
        buf_printf(w->out, "%.0f", v);
        return;
    }
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_append_str(w->out, str_from_c(text));
}

void json_bool(struct json_writer *w, bool v)
{
    json_raw(w, v ? STR("true") : STR("false"));
}

void json_null(struct json_writer *w)
{
    json_raw(w, STR("null"));
}

void json_raw(struct json_writer *w, struct str json)
{
    separate(w);
    buf_append_str(w->out, json);
}
