/* promql_quote.c - Go's string literals: quoting, unquoting. */
#include "query/promql_quote.h"

#include <stdio.h>

enum { RUNE_ERROR = 0xfffd };

size_t promql_rune_read(struct str s, uint32_t *rune)
{
    *rune = RUNE_ERROR;
    if (s.len == 0)
        return 0;
    uint8_t first = (uint8_t)s.ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (str_utf8_prefix(str_sub(s, 0, len)) != len)
        return 1;
    uint32_t r = len == 1 ? first : first & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        r = r << 6 | ((uint8_t)s.ptr[i] & 0x3f);
    *rune = r;
    return len;
}

/* Near enough to Go's unicode.IsPrint: control, format, private and odd space characters are out.
 */
static bool is_printable(uint32_t r)
{
    static const struct {
        uint32_t first, last;
    } out[] = {
        {0, 0x1f},        {0x7f, 0xa0},     {0xad, 0xad},        {0x600, 0x605},   {0x2000, 0x200f},
        {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},    {0xd800, 0xf8ff}, {0xfeff, 0xfeff},
        {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff},
    };
    for (size_t i = 0; i < LEN(out); i++)
        if (r >= out[i].first && r <= out[i].last)
            return false;
    return true;
}

static void quote_rune(uint32_t r, struct str bytes, char quote, struct buf *out)
{
    static const char named[] = "\a\b\f\n\r\t\v", letters[] = "abfnrtv";
    const char *at = r && r < 0x80 ? strchr(named, (int)r) : NULL;
    if (at)
        buf_printf(out, "\\%c", letters[at - named]);
    else if (r == (uint32_t)quote || r == '\\')
        buf_printf(out, "\\%c", (char)r);
    else if (is_printable(r))
        buf_append_str(out, bytes);
    else if (r < 0x80)
        buf_printf(out, "\\x%02x", r);
    else
        buf_printf(out, r > 0xffff ? "\\U%08x" : "\\u%04x", r);
}

void promql_quote(struct str text, struct buf *out)
{
    uint32_t rune;
    buf_append_u8(out, '"');
    for (size_t len; (len = promql_rune_read(text, &rune)) > 0;
         text = str_sub(text, len, text.len)) {
        if (rune == RUNE_ERROR && len == 1)
            buf_printf(out, "\\x%02x", (uint8_t)text.ptr[0]);
        else
            quote_rune(rune, str_sub(text, 0, len), '"', out);
    }
    buf_append_u8(out, '"');
}

static bool is_plain_label(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0;
}

void promql_quote_label(struct str name, struct buf *out)
{
    if (is_plain_label(name))
        buf_append_str(out, name);
    else
        promql_quote(name, out);
}

const char *promql_quote_c(struct str text, char *out, size_t cap)
{
    struct buf b = {0};
    promql_quote(str_sub(text, 0, cap), &b);
    str_to_c(b.failed ? STR("\"\"") : buf_str(&b), out, cap);
    buf_deinit(&b);
    return out;
}

const char *promql_quote_shown(struct str text, char out[PROMQL_SHOWN_BYTES])
{
    return promql_quote_c(str_sub(text, 0, 80), out, PROMQL_SHOWN_BYTES);
}

const char *promql_quote_rune(uint32_t rune, char *out, size_t cap)
{
    struct buf b = {0};
    char bytes[4];
    size_t len = str_put_utf8(rune, bytes);
    buf_append_u8(&b, '\'');
    quote_rune(rune, (struct str){bytes, len}, '\'', &b);
    buf_append_u8(&b, '\'');
    str_to_c(b.failed ? STR("''") : buf_str(&b), out, cap);
    buf_deinit(&b);
    return out;
}

static uint32_t read_digits(struct str s, size_t *at, size_t count, unsigned base)
{
    uint32_t value = 0;
    for (; count > 0; count--, (*at)++)
        value = value * base + (uint32_t)str_hex_digit(s.ptr[*at]);
    return value;
}

/* The escape at *at, just behind the backslash. */
static size_t read_escape(struct str s, size_t *at, char *out)
{
    static const char letters[] = "abfnrtv", named[] = "\a\b\f\n\r\t\v";
    char c = s.ptr[(*at)++];
    const char *letter = strchr(letters, c);
    switch (c) {
    case 'x':
        out[0] = (char)read_digits(s, at, 2, 16);
        return 1;
    case 'u':
        return str_put_utf8(read_digits(s, at, 4, 16), out);
    case 'U':
        return str_put_utf8(read_digits(s, at, 8, 16), out);
    default:
        break;
    }
    if (c >= '0' && c <= '7') {
        (*at)--;
        out[0] = (char)read_digits(s, at, 3, 8);
    } else {
        out[0] = letter && c ? named[letter - letters] : c;
    }
    return 1;
}

bool promql_unquote(struct str literal, struct arena *arena, struct str *out)
{
    struct str raw = str_sub(literal, 1, literal.len - 1);
    *out = raw;
    if (literal.ptr[0] == '`' || str_find(raw, '\\') == raw.len)
        return true;
    char *text = arena_alloc(arena, raw.len);
    size_t len = 0;
    if (!text)
        return false;
    for (size_t at = 0; at < raw.len;) {
        if (raw.ptr[at] == '\\') {
            at++;
            len += read_escape(raw, &at, text + len);
        } else {
            text[len++] = raw.ptr[at++];
        }
    }
    *out = (struct str){text, len};
    return true;
}
