/* operation.c - joins method and path, with the parts of the path that vary left out. */
#include "collector/operation.h"

/* At most `max` bytes, never half a character. */
static struct str cut(struct str s, size_t max)
{
    if (s.len <= max)
        return s;
    while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
        max--;
    return str_sub(s, 0, max);
}

struct str operation_cut(struct str s)
{
    return cut(s, OPERATION_MAX);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Numbers, UUIDs and hex words name one thing of many. A word of letters only, such as "facade12"
 * is hex too: at least 8. */
static bool segment_varies(const char *s, size_t len)
{
    if (len == 0)
        return false;
    size_t digits = 0, dashes = 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_hex(s[i]) && s[i] != '-') /* most words end here, at their first letters */
            return false;
        digits += s[i] >= '0' && s[i] <= '9';
        dashes += s[i] == '-';
    }
    if (digits == len)
        return true;
    if (dashes == 0)
        return len >= 8;
    return len == 36 && dashes == 4 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-';
}

struct str operation_from_route(struct arena *a, struct str method, struct str route)
{
    method = str_sub(method, 0, 32);
    route = operation_cut(route);
    char *out = arena_alloc(a, method.len + 1 + route.len);
    if (!out)
        return (struct str){0};
    memcpy(out, method.ptr, method.len);
    out[method.len] = ' ';
    memcpy(out + method.len + 1, route.ptr, route.len);
    return (struct str){out, method.len + 1 + route.len};
}

struct str operation_from_path(struct arena *a, struct str method, struct str path)
{
    method = str_sub(method, 0, 32);
    path = str_sub(path, 0, 1024);
    /* Room for the longest result: each "{}" replaces at least one byte, and one more stands for
     * its slash. */
    size_t cap = method.len + 1 + MIN(path.len, (size_t)OPERATION_MAX) * 2 + 4;
    char *out = arena_alloc(a, cap);
    if (!out)
        return (struct str){0};
    memcpy(out, method.ptr, method.len);
    size_t len = method.len;
    out[len++] = ' ';
    size_t limit = len + OPERATION_MAX;
    for (size_t at = 0; at < path.len && len < limit;) {
        size_t end = at + (path.ptr[at] == '/');
        size_t from = end;
        while (end < path.len && path.ptr[end] != '/')
            end++;
        if (from > at)
            out[len++] = '/';
        if (segment_varies(path.ptr + from, end - from)) {
            out[len++] = '{';
            out[len++] = '}';
        } else {
            struct str word = cut(str_sub(path, from, end), limit - len);
            memcpy(out + len, word.ptr, word.len);
            len += word.len;
        }
        at = end;
    }
    return (struct str){out, len};
}
