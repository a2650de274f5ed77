/* json_read.c - the state machine and the lexer of the pull reader. */
#include "base/json_read.h"

#include <assert.h>

/* What may come next. Each BEGIN and KEY leaves a state of its own, so that json_skip() knows where
 * it is. */
enum {
    WANT_VALUE,        /* at the start, and behind a key */
    WANT_VALUE_OR_END, /* behind '[' */
    WANT_KEY_OR_END,   /* behind '{' */
    WANT_MORE,         /* behind a value inside an object or array */
    WANT_NOTHING,      /* behind the outermost value */
    WANT_ABORT,        /* an error was told */
};

void json_reader_init(struct json_reader *r, struct str input, struct arena *arena,
                      unsigned max_depth)
{
    *r = (struct json_reader){
        .start = input.ptr,
        .at = input.ptr,
        .end = input.len ? input.ptr + input.len : input.ptr, /* NULL is no text */
        .arena = arena,
        .max_depth = MIN(max_depth, 63u),
        .state = WANT_VALUE,
    };
}

static enum json_token fail_as(struct json_reader *r, enum status status, const char *what)
{
    r->state = WANT_ABORT;
    r->text = (struct str){0};
    err_set(&r->err, status, "JSON: %s at byte %zu", what, (size_t)(r->at - r->start));
    return JSON_ERROR;
}

static enum json_token fail(struct json_reader *r, const char *what)
{
    return fail_as(r, ST_INVALID, r->at == r->end ? "the text ends too early" : what);
}

static void skip_space(struct json_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/* The next byte, or 0 at the end: no token starts with 0. */
static char peek(const struct json_reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

static bool in_object(const struct json_reader *r)
{
    return r->in_object >> r->depth & 1;
}

static void value_done(struct json_reader *r)
{
    r->state = r->depth ? WANT_MORE : WANT_NOTHING;
}

/* Four hex digits at p (bounds checked by the caller), or -1. */
static int32_t hex4(const char *p)
{
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int digit = str_hex_digit(p[i]);
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* The code unit of \uXXXX at p ("u" first), -1 when there is none. */
static int32_t code_unit(const char *p, const char *end)
{
    return end - p >= 5 && *p == 'u' ? hex4(p + 1) : -1;
}

/* Decodes \uXXXX, or a pair of them, at p ("u" first). A half of a pair alone is U+FFFD, as Go
 * reads it: JavaScript sends halves of what it cut. Returns the bytes read, 0 when malformed. */
static size_t decode_unicode(const char *p, const char *end, uint32_t *out)
{
    int32_t high = code_unit(p, end), low = -1;
    if (high < 0)
        return 0;
    *out = (uint32_t)high;
    if (high < 0xd800 || high > 0xdfff)
        return 5;
    if (high < 0xdc00 && end - p > 5 && p[5] == '\\')
        low = code_unit(p + 6, end);
    if (low < 0xdc00 || low > 0xdfff) {
        *out = 0xfffd;
        return 5;
    }
    *out = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    return 11;
}

/* Decodes the escape behind a backslash at p into out[4]. Returns the bytes read, 0 when malformed.
 */
static size_t decode_escape(const char *p, const char *end, char out[4], size_t *out_len)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t c;
    if (p == end)
        return 0;
    if (*p == 'u') {
        size_t used = decode_unicode(p, end, &c);
        *out_len = used ? str_put_utf8(c, out) : 0;
        return used;
    }
    const char *at = *p ? strchr(from, *p) : NULL;
    if (!at)
        return 0;
    out[0] = to[at - from];
    *out_len = 1;
    return 1;
}

/* Copies the string between `from` and `to` with its escapes resolved; r->at points at a bad one.
 */
static bool unescape(struct json_reader *r, const char *from, const char *to, char *out,
                     size_t *out_len)
{
    char *w = out;
    for (const char *p = from; p < to;) {
        if (*p != '\\') {
            *w++ = *p++;
            continue;
        }
        char bytes[4];
        size_t len, used = decode_escape(p + 1, to, bytes, &len);
        if (!used) {
            r->at = p;
            return false;
        }
        memcpy(w, bytes, len);
        w += len;
        p += 1 + used;
    }
    *out_len = (size_t)(w - out);
    return true;
}

/* Finds the closing quote; *escaped tells whether there is a backslash before it. NULL: r->at says
 * where it went wrong. */
static const char *find_quote(struct json_reader *r, bool *escaped)
{
    *escaped = false;
    for (const char *p = r->at; p < r->end; p++) {
        if (*p == '"')
            return p;
        if (*p == '\\') {
            *escaped = true;
            p++;
        } else if ((unsigned char)*p < 0x20) {
            r->at = p;
            return NULL;
        }
    }
    r->at = r->end;
    return NULL;
}

/* Room for a string without its escapes; all that are skipped share one. NULL: no memory. */
static char *room_for(struct json_reader *r, size_t len)
{
    if (!r->skips)
        return arena_alloc(r->arena, len);
    if (len > r->skipped.len) {
        size_t bytes = MAX(len, 2 * r->skipped.len);
        r->skipped = (struct str){arena_alloc(r->arena, bytes), bytes};
        r->skipped.len = r->skipped.ptr ? bytes : 0;
    }
    return (char *)(uintptr_t)r->skipped.ptr;
}

/* Reads a string into r->text, the opening quote being next. */
static bool read_string(struct json_reader *r)
{
    bool escaped;
    const char *from = ++r->at, *quote = find_quote(r, &escaped);
    if (!quote) {
        fail(r, "a control character inside a string");
        return false;
    }
    r->text = (struct str){from, (size_t)(quote - from)};
    size_t valid = str_utf8_prefix(r->text);
    if (valid < r->text.len) {
        r->at = from + valid;
        fail(r, "invalid UTF-8");
        return false;
    }
    if (escaped) {
        /* An escape never grows: \uXXXX is 6 bytes and at most 3 of UTF-8, a pair 12 and 4. */
        char *copy = room_for(r, r->text.len);
        if (!copy) {
            fail_as(r, ST_NO_MEMORY, "no memory for a string");
            return false;
        }
        if (!unescape(r, from, quote, copy, &r->text.len)) {
            fail(r, "a bad escape");
            return false;
        }
        r->text.ptr = copy;
    }
    r->at = quote + 1;
    return true;
}

static size_t skip_digits(struct json_reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return (size_t)(r->at - from);
}

static bool skip_number(struct json_reader *r)
{
    r->at += peek(r) == '-';
    bool zero = peek(r) == '0';
    size_t digits = skip_digits(r);
    if (digits == 0 || (zero && digits > 1))
        return false;
    if (peek(r) == '.') {
        r->at++;
        if (!skip_digits(r))
            return false;
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        r->at += peek(r) == '+' || peek(r) == '-';
        return skip_digits(r) > 0;
    }
    return true;
}

static enum json_token read_number(struct json_reader *r)
{
    const char *from = r->at;
    if (!skip_number(r))
        return fail(r, "a malformed number");
    r->text = (struct str){from, (size_t)(r->at - from)};
    value_done(r);
    return JSON_NUMBER;
}

static enum json_token read_word(struct json_reader *r, struct str word, enum json_token token)
{
    struct str rest = {r->at, (size_t)(r->end - r->at)};
    if (!str_starts_with(rest, word))
        return fail(r, "an unknown word");
    r->at += word.len;
    value_done(r);
    return token;
}

static enum json_token begin(struct json_reader *r, bool object)
{
    if (r->depth >= r->max_depth)
        return fail(r, "too many levels of nesting");
    r->at++;
    r->depth++;
    uint64_t bit = UINT64_C(1) << r->depth;
    r->in_object = object ? r->in_object | bit : r->in_object & ~bit;
    r->state = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    return object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
}

static enum json_token end(struct json_reader *r)
{
    enum json_token token = in_object(r) ? JSON_OBJECT_END : JSON_ARRAY_END;
    r->at++;
    r->depth--;
    value_done(r);
    return token;
}

static enum json_token read_value(struct json_reader *r)
{
    switch (peek(r)) {
    case '{':
        return begin(r, true);
    case '[':
        return begin(r, false);
    case '"':
        if (!read_string(r))
            return JSON_ERROR;
        value_done(r);
        return JSON_STRING;
    case 't':
        return read_word(r, STR("true"), JSON_TRUE);
    case 'f':
        return read_word(r, STR("false"), JSON_FALSE);
    case 'n':
        return read_word(r, STR("null"), JSON_NULL_VALUE);
    default:
        if (peek(r) == '-' || (peek(r) >= '0' && peek(r) <= '9'))
            return read_number(r);
        return fail(r, "no value");
    }
}

/* A key and its colon: a value must follow. */
static enum json_token read_key(struct json_reader *r)
{
    if (peek(r) != '"')
        return fail(r, "no key");
    if (!read_string(r))
        return JSON_ERROR;
    skip_space(r);
    if (peek(r) != ':')
        return fail(r, "no colon behind a key");
    r->at++;
    r->state = WANT_VALUE;
    return JSON_KEY;
}

static enum json_token read_more(struct json_reader *r)
{
    if (peek(r) == (in_object(r) ? '}' : ']'))
        return end(r);
    if (peek(r) != ',')
        return fail(r, "no comma between two values");
    r->at++;
    skip_space(r);
    return in_object(r) ? read_key(r) : read_value(r);
}

enum json_token json_next(struct json_reader *r)
{
    skip_space(r);
    switch (r->state) {
    case WANT_VALUE:
        return read_value(r);
    case WANT_VALUE_OR_END:
        return peek(r) == ']' ? end(r) : read_value(r);
    case WANT_KEY_OR_END:
        return peek(r) == '}' ? end(r) : read_key(r);
    case WANT_MORE:
        return read_more(r);
    case WANT_NOTHING:
        return r->at == r->end ? JSON_END : fail(r, "something behind the value");
    default:
        return JSON_ERROR;
    }
}

static bool skip(struct json_reader *r)
{
    unsigned depth = r->depth;
    if (r->state == WANT_VALUE) {
        enum json_token token = json_next(r);
        if (token == JSON_ERROR || r->depth == depth)
            return token != JSON_ERROR;
    } else {
        assert(r->state == WANT_KEY_OR_END || r->state == WANT_VALUE_OR_END ||
               r->state == WANT_ABORT);
        depth--;
    }
    while (r->depth > depth)
        if (json_next(r) == JSON_ERROR)
            return false;
    return r->state != WANT_ABORT;
}

bool json_skip(struct json_reader *r)
{
    r->skips = true;
    bool done = skip(r);
    r->skips = false;
    return done;
}
