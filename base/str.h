/* str.h - a borrowed slice of bytes: never assumed NUL-ended, never owned. */
#ifndef WEFT_BASE_STR_H
#define WEFT_BASE_STR_H

#include "base/compiler.h"
#include <string.h>

struct str {
    const char *ptr; /* borrowed; may be NULL when len is 0 */
    size_t len;      /* bytes */
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_ARG(s)   (int)(s).len, (s).ptr

/* The slice of a NUL-ended text. Borrowed. Any thread. */
static inline struct str str_from_c(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Bytes [from, to) of s, both cut to its length. */
static inline struct str str_sub(struct str s, size_t from, size_t to)
{
    to = MIN(to, s.len);
    from = MIN(from, to);
    return (struct str){from ? s.ptr + from : s.ptr, to - from}; /* no arithmetic on NULL */
}

/* Byte order, shorter first when one is a prefix: <0, 0, >0 as memcmp. */
int str_cmp(struct str a, struct str b);
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
/* ASCII case is ignored. */
bool str_eq_nocase(struct str a, struct str b);
/* Index of the first (last) byte c, or s.len when there is none. */
size_t str_find(struct str s, char c);
size_t str_find_last(struct str s, char c);
/* Index of the first occurrence of needle, or s.len. An empty needle is found at 0. */
size_t str_search(struct str s, struct str needle);
/* Cuts at the first c: *head before it, *tail behind it. False (head = s, tail empty) without c. */
bool str_cut(struct str s, char c, struct str *head, struct str *tail);
/* Without ASCII white space at both ends. */
struct str str_trim(struct str s);
/* Strict decimal, no sign, no spaces, no overflow; false leaves *out alone. */
bool str_to_u64(struct str s, uint64_t *out);
/* Strict decimal with an optional '-'. */
bool str_to_i64(struct str s, int64_t *out);
/* Strict decimal floating point ("1", "-0.5", "1e9", no NaN, no Inf, no hex). */
bool str_to_double(struct str s, double *out);
/* Copies at most cap-1 bytes and ends with NUL; returns out. For messages and system calls only. */
char *str_to_c(struct str s, char *out, size_t cap);
/* RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
bool str_is_utf8(struct str s);
/* The UTF-8 of a code point up to U+10FFFF; returns its length, 1 to 4. */
size_t str_put_utf8(uint32_t rune, char *out);
/* Value of a hex digit of either case, or -1. */
static inline int str_hex_digit(char c)
{
    char lower = (char)(c | 0x20);
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
/* How many bytes from the start are well-formed UTF-8: s.len when all are. */
size_t str_utf8_prefix(struct str s);

#endif
