/* regex_names.c - finds where a pattern opens a named group without a P, past escapes, \Q...\E and
 * classes, in which the same characters are text. */
#include "base/regex_names.h"

static const struct str plain = {"(?<", 3}, with_p = {"(?P<", 4};

static bool begins(struct str pattern, size_t at, struct str with)
{
    return str_starts_with(str_sub(pattern, at, pattern.len), with);
}

/* Behind the text that `end` ends, or the end of the pattern. */
static size_t behind(struct str pattern, size_t at, struct str end)
{
    size_t found = at + str_search(str_sub(pattern, at, pattern.len), end);
    return MIN(found + end.len, pattern.len);
}

static size_t behind_escape(struct str pattern, size_t at)
{
    if (begins(pattern, at, STR("\\Q")))
        return behind(pattern, at + 2, STR("\\E"));
    return MIN(at + 2, pattern.len);
}

/* A bracket that stands first in a class is one of its characters. */
static size_t behind_class(struct str pattern, size_t at)
{
    at++;
    at += begins(pattern, at, STR("^"));
    at += begins(pattern, at, STR("]"));
    while (at < pattern.len && pattern.ptr[at] != ']') {
        size_t named = begins(pattern, at, STR("[:")) ? behind(pattern, at + 2, STR(":]")) : 0;
        if (named > 0 && named < pattern.len)
            at = named;
        else
            at += pattern.ptr[at] == '\\' ? 2 : 1;
    }
    return MIN(at + 1, pattern.len); /* the bracket at the end may not be there */
}

/* The next place from `at` on that opens a named group without a P, or the end. */
static size_t next_group(struct str pattern, size_t at)
{
    while (at < pattern.len && !(begins(pattern, at, plain) && at + plain.len < pattern.len)) {
        if (pattern.ptr[at] == '\\')
            at = behind_escape(pattern, at);
        else
            at = pattern.ptr[at] == '[' ? behind_class(pattern, at) : at + 1;
    }
    return at;
}

bool regex_names_write(struct str pattern, struct arena *arena, struct str *out)
{
    size_t groups = 0, len = 0, from = 0;
    *out = pattern;
    for (size_t at = next_group(pattern, 0); at < pattern.len; at = next_group(pattern, at + 1))
        groups++;
    if (groups == 0)
        return true;
    char *text = arena_alloc(arena, pattern.len + groups);
    if (!text)
        return false;
    for (size_t at = next_group(pattern, 0);; at = next_group(pattern, at + 1)) {
        memcpy(text + len, pattern.ptr + from, at - from);
        len += at - from;
        if (at == pattern.len)
            break;
        memcpy(text + len, with_p.ptr, with_p.len);
        len += with_p.len;
        from = at + plain.len;
    }
    *out = (struct str){text, len};
    return true;
}

/* A P was put in where the piece up to it is none of the pattern. */
void regex_names_restore(struct str pattern, char *piece)
{
    for (char *at = piece; (at = strstr(at, with_p.ptr)); at++) {
        struct str head = {piece, (size_t)(at - piece) + with_p.len};
        if (str_search(pattern, head) == pattern.len)
            memmove(at + 2, at + 3, strlen(at + 3) + 1);
    }
}
