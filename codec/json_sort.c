/* json_sort.c - one pass over a JSON text: an object is sorted where it ends, when those inside it
 * are already, so that the text behind never moves. */
#include "codec/json_sort.h"
#include "base/json_read.h"

#include <stdlib.h>

enum { DEPTH_MAX = 63 };

struct member {
    struct str key;
    size_t start, end; /* of the text, comma left out */
};

struct sorter {
    struct json_reader r;
    struct member *members; /* arena; of the objects that are open, the innermost last */
    size_t count, cap;
    size_t first[DEPTH_MAX + 1]; /* of each depth, in members */
    char *text;                  /* borrowed */
};

static bool push(struct sorter *s, struct member m)
{
    if (s->count == s->cap) {
        size_t cap = MAX(2 * s->cap, (size_t)8);
        struct member *fresh = arena_alloc(s->r.arena, cap * sizeof(*fresh));
        if (!fresh)
            return false;
        if (s->count > 0)
            memcpy(fresh, s->members, s->count * sizeof(*fresh));
        s->members = fresh;
        s->cap = cap;
    }
    s->members[s->count++] = m;
    return true;
}

static int member_cmp(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = str_cmp(x->key, y->key);
    return order ? order : (x->start > y->start) - (x->start < y->start);
}

static bool sort_members(struct sorter *s, struct member *members, size_t count, size_t end)
{
    size_t start = members[0].start, len = 0;
    for (size_t i = 0; i < count; i++)
        members[i].end = i + 1 < count ? members[i + 1].start - 1 : end;
    qsort(members, count, sizeof(*members), member_cmp);
    char *sorted = arena_alloc(s->r.arena, end - start);
    if (!sorted)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = members[i].end - members[i].start;
        memcpy(sorted + len, s->text + members[i].start, bytes);
        len += bytes;
        if (i + 1 < count)
            sorted[len++] = ',';
    }
    memcpy(s->text + start, sorted, len);
    return true;
}

/* `depth`: of the object that has ended. */
static bool end_object(struct sorter *s, unsigned depth)
{
    size_t first = s->first[depth], count = s->count - first;
    size_t end = (size_t)(s->r.at - s->r.start) - 1;
    s->count = first;
    return count < 2 || sort_members(s, s->members + first, count, end);
}

static bool take(struct sorter *s, enum json_token token, size_t before)
{
    switch (token) {
    case JSON_OBJECT_BEGIN:
        s->first[s->r.depth] = s->count;
        return true;
    case JSON_KEY:
        before += s->text[before] == ',';
        return push(s, (struct member){s->r.text, before, 0});
    case JSON_OBJECT_END:
        return end_object(s, s->r.depth + 1);
    default:
        return true;
    }
}

bool json_sort_keys(struct buf *text, struct arena *arena)
{
    struct sorter s = {.text = text->ptr};
    bool ok = true;
    json_reader_init(&s.r, buf_str(text), arena, DEPTH_MAX);
    while (ok) {
        size_t before = (size_t)(s.r.at - s.r.start);
        enum json_token token = json_next(&s.r);
        if (token == JSON_END || token == JSON_ERROR)
            break;
        ok = take(&s, token, before);
    }
    return ok;
}
