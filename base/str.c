/* str.c - searching, comparing and strictly converting slices. */
#include "base/str.h"

#include <math.h>
#include <stdlib.h>

int str_cmp(struct str a, struct str b)
{
    size_t common = MIN(a.len, b.len);
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, s.len), suffix);
}

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

size_t str_find(struct str s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

size_t str_find_last(struct str s, char c)
{
    const char *at = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

size_t str_search(struct str s, struct str needle)
{
    if (needle.len == 0)
        return 0;
    const char *at = s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

bool str_cut(struct str s, char c, struct str *head, struct str *tail)
{
    size_t at = str_find(s, c);
    *head = str_sub(s, 0, at);
    *tail = str_sub(s, at + 1, s.len);
    return at < s.len;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len && is_space(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_to_u64(struct str s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)s.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t size;
    if (!str_to_u64(str_sub(s, negative, s.len), &size) || size > (uint64_t)INT64_MAX + negative)
        return false;
    *out = (int64_t)(negative ? -size : size);
    return true;
}

static size_t count_digits(struct str s, size_t at)
{
    size_t from = at;
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9')
        at++;
    return at - from;
}

/* -?digits[.digits][(e|E)[+-]digits], the whole slice. */
static bool is_decimal(struct str s)
{
    size_t at = s.len && s.ptr[0] == '-', digits = count_digits(s, at);
    if (digits == 0)
        return false;
    at += digits;
    if (at < s.len && s.ptr[at] == '.') {
        if ((digits = count_digits(s, at + 1)) == 0)
            return false;
        at += 1 + digits;
    }
    if (at < s.len && (s.ptr[at] | 0x20) == 'e') {
        at++;
        at += at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-');
        if ((digits = count_digits(s, at)) == 0)
            return false;
        at += digits;
    }
    return at == s.len;
}

bool str_to_double(struct str s, double *out)
{
    /* No double needs more than 767 significant digits; a longer text is somebody playing. */
    char text[800];
    if (s.len >= sizeof(text) || !is_decimal(s))
        return false;
    double value = strtod(str_to_c(s, text, sizeof(text)), NULL);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

char *str_to_c(struct str s, char *out, size_t cap)
{
    size_t len = MIN(s.len, cap - 1);
    if (len)
        memcpy(out, s.ptr, len);
    out[len] = '\0';
    return out;
}

/* Length of the well-formed sequence at p (1 to 4 bytes), 0 when it is malformed. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] > 0x9f;
    bool too_high = p[0] == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || too_high ? 0 : len;
}

size_t str_utf8_prefix(struct str s)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    size_t at = 0;
    while (at < s.len) {
        uint64_t word;
        /* Nearly all text is ASCII: eight bytes a step. */
        while (s.len - at >= sizeof(word)) {
            memcpy(&word, p + at, sizeof(word));
            if (word & 0x8080808080808080ull)
                break;
            at += sizeof(word);
        }
        if (at == s.len)
            break;
        size_t len = utf8_sequence(p + at, s.len - at);
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

bool str_is_utf8(struct str s)
{
    return str_utf8_prefix(s) == s.len;
}

size_t str_put_utf8(uint32_t rune, char *out)
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    size_t len = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, rune >>= 6)
        out[i] = (char)(0x80 | (rune & 0x3f));
    out[0] = (char)((0xf00u >> len) | rune); /* begins with `len` ones */
    return len;
}
