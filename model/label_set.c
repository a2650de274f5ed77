/* label_set.c - sorted label sets: order, equality, hash, bytes. */
#include "model/label_set.h"
#include "base/hash.h"

#include <stdlib.h>

static int name_cmp(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    return str_cmp(x->name, y->name);
}

static bool is_sorted(const struct label *items, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (str_cmp(items[i - 1].name, items[i].name) >= 0)
            return false;
    return true;
}

enum status label_set_sort(struct label *items, uint32_t count, struct label_set *out,
                           struct err *e)
{
    uint32_t kept = 0;
    if (!is_sorted(items, count))
        qsort(items, count, sizeof(*items), name_cmp);
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].name.len == 0)
            return err_set(e, ST_INVALID, "a label has no name (its value is \"%.60s\")",
                           items[i].value.len ? "..." : "");
        if (i > 0 && str_eq(items[i - 1].name, items[i].name))
            return err_set(e, ST_INVALID, "label \"%.*s\" comes twice in one series",
                           (int)MIN(items[i].name.len, (size_t)100), items[i].name.ptr);
    }
    for (uint32_t i = 0; i < count; i++)
        if (items[i].value.len > 0)
            items[kept++] = items[i];
    *out = (struct label_set){items, kept};
    return ST_OK;
}

struct str label_set_get(struct label_set s, struct str name)
{
    for (uint32_t i = 0; i < s.count; i++)
        if (str_eq(s.items[i].name, name))
            return s.items[i].value;
    return (struct str){0};
}

struct str label_set_metric(struct label_set s)
{
    return label_set_get(s, LABEL_METRIC_NAME);
}

bool label_set_eq(struct label_set a, struct label_set b)
{
    if (a.count != b.count)
        return false;
    for (uint32_t i = 0; i < a.count; i++)
        if (!str_eq(a.items[i].name, b.items[i].name) ||
            !str_eq(a.items[i].value, b.items[i].value))
            return false;
    return true;
}

int label_set_cmp(struct label_set a, struct label_set b)
{
    for (uint32_t i = 0; i < a.count && i < b.count; i++) {
        int order = str_cmp(a.items[i].name, b.items[i].name);
        if (order == 0)
            order = str_cmp(a.items[i].value, b.items[i].value);
        if (order != 0)
            return order;
    }
    return (a.count > b.count) - (a.count < b.count);
}

uint64_t label_set_hash(struct label_set s, uint64_t seed)
{
    uint64_t h = hash_u64(seed ^ s.count);
    for (uint32_t i = 0; i < s.count; i++)
        h = hash_str(s.items[i].value, hash_str(s.items[i].name, h));
    return h;
}

bool label_set_copy(struct arena *arena, struct label_set s, struct label_set *out)
{
    struct label *items = arena_calloc(arena, s.count, sizeof(*items));
    if (!items && s.count > 0)
        return false;
    for (uint32_t i = 0; i < s.count; i++) {
        items[i].name = arena_dup_str(arena, s.items[i].name);
        items[i].value = arena_dup_str(arena, s.items[i].value);
        if (!items[i].name.ptr || !items[i].value.ptr)
            return false;
    }
    *out = (struct label_set){items, s.count};
    return true;
}

void label_set_encode(struct label_set s, struct buf *out)
{
    buf_append_varint(out, s.count);
    for (uint32_t i = 0; i < s.count; i++) {
        buf_append_lenstr(out, s.items[i].name);
        buf_append_lenstr(out, s.items[i].value);
    }
}

enum status label_set_decode(struct cursor *in, struct arena *arena, struct label_set *out,
                             struct err *e)
{
    uint64_t count = cursor_varint(in);
    /* Each label takes at least two bytes. */
    if (in->failed || count > (uint64_t)(in->end - in->at) / 2)
        return err_set(e, ST_CORRUPT, "a label set of %llu labels is longer than its bytes",
                       (unsigned long long)count);
    struct label *items = arena_calloc(arena, count, sizeof(*items));
    if (!items && count > 0)
        return err_set(e, ST_NO_MEMORY, "no memory for %llu labels", (unsigned long long)count);
    for (uint64_t i = 0; i < count; i++) {
        items[i].name = cursor_lenstr(in);
        items[i].value = cursor_lenstr(in);
    }
    if (in->failed || !is_sorted(items, (uint32_t)count))
        return err_set(e, ST_CORRUPT, "a label set is cut short or not sorted");
    *out = (struct label_set){items, (uint32_t)count};
    return ST_OK;
}
