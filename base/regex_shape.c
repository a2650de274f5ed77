/* regex_shape.c - reads the simple half of RE2's syntax into literals with gaps, and matches those.
 */
#include "base/regex_shape.h"

#include <stdlib.h>

enum { SHAPES_MAX = 4096, GROUPS_DEEP_MAX = 16 };

struct reader {
    struct str text;
    size_t at;
    uint32_t depth;
    struct arena *arena;
    bool has_groups;
};

static int peek(const struct reader *r)
{
    return r->at < r->text.len ? (unsigned char)r->text.ptr[r->at] : -1;
}

static bool is_repeat(int c)
{
    return c == '*' || c == '+' || c == '?' || c == '{';
}

static struct str join(struct reader *r, struct str a, struct str b, bool *ok)
{
    if (a.len == 0 || b.len == 0)
        return a.len ? a : b;
    char *both = arena_alloc(r->arena, a.len + b.len);
    if (!both) {
        *ok = false;
        return a;
    }
    memcpy(both, a.ptr, a.len);
    memcpy(both + a.len, b.ptr, b.len);
    return (struct str){both, a.len + b.len};
}

static struct regex_gap gap_sum(struct regex_gap a, struct regex_gap b)
{
    bool is_open = a.max == UINT32_MAX || b.max == UINT32_MAX;
    return (struct regex_gap){a.min + b.min, is_open ? UINT32_MAX : a.max + b.max};
}

/* The search for the middle takes the first place, which is right only for gaps without an end, and
 * counts bytes, which is right only for a least length of 0 or 1. */
static bool is_searchable(struct regex_gap gap)
{
    return gap.max == UINT32_MAX && gap.min <= 1;
}

static bool shape_concat(struct reader *r, struct regex_shape a, struct regex_shape b,
                         struct regex_shape *out)
{
    bool ok = true;
    *out = a;
    if (a.gaps == 0) {
        *out = b;
        out->head = join(r, a.head, b.head, &ok);
    } else if (b.gaps == 0) {
        out->tail = join(r, a.tail, b.head, &ok);
    } else {
        struct str between = join(r, a.tail, b.head, &ok);
        out->tail = b.tail;
        if (a.gaps + b.gaps == 2 && between.len == 0)
            out->gap[0] = gap_sum(a.gap[0], b.gap[0]);
        else if (a.gaps + b.gaps == 2 && is_searchable(a.gap[0]) && is_searchable(b.gap[0]))
            *out = (struct regex_shape){a.head, between, b.tail, {a.gap[0], b.gap[0]}, 2};
        else
            ok = false;
    }
    return ok;
}

static bool shapes_concat(struct reader *r, const struct regex_shapes *a,
                          const struct regex_shapes *b, struct regex_shapes *out)
{
    if ((uint64_t)a->count * b->count > SHAPES_MAX)
        return false;
    out->count = a->count * b->count;
    out->items = arena_calloc(r->arena, out->count, sizeof(*out->items));
    if (!out->items)
        return false;
    for (uint32_t i = 0; i < out->count; i++)
        if (!shape_concat(r, a->items[i / b->count], b->items[i % b->count], &out->items[i]))
            return false;
    return true;
}

static bool one_shape(struct reader *r, struct regex_shape shape, struct regex_shapes *out)
{
    out->items = arena_alloc(r->arena, sizeof(shape));
    out->count = 1;
    if (out->items)
        out->items[0] = shape;
    return out->items != NULL;
}

/* Bytes up to the next one that means something, and escaped punctuation. False: an escape that is
 * more than that, or a repeated character. */
static bool read_literal(struct reader *r, struct regex_shapes *out)
{
    size_t start = r->at, escapes = 0;
    for (int c; (c = peek(r)) >= 0 && !strchr("|().", c); r->at++) {
        if (strchr("[]{}*+?^$", c))
            return false;
        if (c == '\\') {
            r->at++, escapes++;
            c = peek(r);
            if (c < 0 || !strchr("\\.+*?()|[]{}^$-/:", c))
                return false;
        }
    }
    struct str raw = str_sub(r->text, start, r->at);
    if (escapes == 0)
        return one_shape(r, (struct regex_shape){.head = raw}, out);
    char *text = arena_alloc(r->arena, raw.len);
    size_t len = 0;
    for (size_t i = 0; text && i < raw.len; i++) {
        i += raw.ptr[i] == '\\';
        text[len++] = raw.ptr[i];
    }
    return text && one_shape(r, (struct regex_shape){.head = {text, len}}, out);
}

static bool read_dot(struct reader *r, struct regex_shapes *out)
{
    struct regex_gap gap = {1, 1};
    r->at++;
    int c = peek(r);
    if (c == '*')
        gap = (struct regex_gap){0, UINT32_MAX};
    else if (c == '+')
        gap = (struct regex_gap){1, UINT32_MAX};
    else if (c == '?')
        gap = (struct regex_gap){0, 1};
    else if (c == '{')
        return false;
    r->at += is_repeat(c);
    /* A lazy ".*?" matches the same whole texts; ".**" is an error that RE2 tells. */
    if (is_repeat(c) && peek(r) == '?')
        r->at++;
    if (is_repeat(peek(r)))
        return false;
    return one_shape(r, (struct regex_shape){.gap = {gap}, .gaps = 1}, out);
}

static bool read_alternatives(struct reader *r, struct regex_shapes *out);

static bool read_group(struct reader *r, struct regex_shapes *out)
{
    struct str rest = str_sub(r->text, r->at, r->text.len);
    if (str_starts_with(rest, STR("(?:")))
        r->at += 3;
    else if (str_starts_with(rest, STR("(?")))
        return false;
    else
        r->at++, r->has_groups = true;
    if (++r->depth > GROUPS_DEEP_MAX || !read_alternatives(r, out) || peek(r) != ')')
        return false;
    r->depth--;
    r->at++;
    return !is_repeat(peek(r));
}

static bool read_sequence(struct reader *r, struct regex_shapes *out)
{
    if (!one_shape(r, (struct regex_shape){.gaps = 0}, out))
        return false;
    for (int c; (c = peek(r)) >= 0 && c != '|' && c != ')';) {
        struct regex_shapes next = {0}, both = {0};
        bool ok = c == '.'   ? read_dot(r, &next)
                  : c == '(' ? read_group(r, &next)
                             : read_literal(r, &next);
        if (!ok || !shapes_concat(r, out, &next, &both))
            return false;
        *out = both;
    }
    return true;
}

static bool shapes_append(struct reader *r, struct regex_shapes *to, uint32_t *cap,
                          const struct regex_shapes *more)
{
    if (to->count + more->count > SHAPES_MAX)
        return false;
    if (to->count + more->count > *cap) {
        uint32_t want = MAX(*cap * 2, to->count + more->count);
        struct regex_shape *items = arena_calloc(r->arena, want, sizeof(*items));
        if (!items)
            return false;
        if (to->count)
            memcpy(items, to->items, to->count * sizeof(*items));
        to->items = items;
        *cap = want;
    }
    memcpy(to->items + to->count, more->items, more->count * sizeof(*more->items));
    to->count += more->count;
    return true;
}

static bool read_alternatives(struct reader *r, struct regex_shapes *out)
{
    uint32_t cap = 0;
    *out = (struct regex_shapes){0};
    for (;;) {
        struct regex_shapes next = {0};
        if (!read_sequence(r, &next) || !shapes_append(r, out, &cap, &next))
            return false;
        if (peek(r) != '|')
            return true;
        r->at++;
    }
}

static int shape_cmp(const void *a, const void *b)
{
    const struct regex_shape *x = a, *y = b;
    return str_cmp(x->head, y->head);
}

static void sort_literals(struct regex_shapes *s)
{
    uint32_t kept = 0;
    s->all_literal = true;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->items[i].gaps > 0)
            s->all_literal = false;
    if (!s->all_literal)
        return;
    qsort(s->items, s->count, sizeof(*s->items), shape_cmp);
    for (uint32_t i = 0; i < s->count; i++)
        if (kept == 0 || !str_eq(s->items[kept - 1].head, s->items[i].head))
            s->items[kept++] = s->items[i];
    s->count = kept;
}

struct regex_shapes regex_shapes_read(struct str pattern, struct arena *arena)
{
    struct reader r = {.text = pattern, .arena = arena};
    struct regex_shapes out;
    /* strchr() finds a NUL in every list of bytes. */
    if (str_find(pattern, 0) < pattern.len || !read_alternatives(&r, &out) || r.at < pattern.len)
        return (struct regex_shapes){0};
    out.has_groups = r.has_groups;
    sort_literals(&out);
    return out;
}

static bool gap_takes(struct regex_gap gap, struct str text)
{
    if (is_searchable(gap))
        return text.len >= gap.min;
    size_t chars = 0;
    for (size_t i = 0; i < text.len; i++)
        chars += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return chars >= gap.min && chars <= gap.max;
}

static bool shape_match(const struct regex_shape *s, struct str text)
{
    if (s->gaps == 0)
        return str_eq(text, s->head);
    if (text.len < s->head.len + s->tail.len || !str_starts_with(text, s->head) ||
        !str_ends_with(text, s->tail))
        return false;
    struct str inner = str_sub(text, s->head.len, text.len - s->tail.len);
    if (s->gaps == 1)
        return gap_takes(s->gap[0], inner);
    struct str rest = str_sub(inner, s->gap[0].min, inner.len);
    if (inner.len < s->gap[0].min || rest.len < s->middle.len)
        return false;
    size_t at = str_search(rest, s->middle);
    return at + s->middle.len + s->gap[1].min <= rest.len;
}

bool regex_shapes_match(const struct regex_shapes *s, struct str text)
{
    if (s->all_literal) {
        struct regex_shape key = {.head = text};
        return bsearch(&key, s->items, s->count, sizeof(key), shape_cmp) != NULL;
    }
    for (uint32_t i = 0; i < s->count; i++)
        if (shape_match(&s->items[i], text))
            return true;
    return false;
}
