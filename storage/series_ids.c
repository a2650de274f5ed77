/* series_ids.c - set operations on ascending lists of series numbers. */
#include "storage/series_ids.h"
#include "base/ascending.h"
#include <stdlib.h>

/* First position >= from whose number is >= id: doubling steps, then halving, so that a short list
 * passes through a long one in steps of its own length. */
static uint32_t gallop(struct id_list list, uint32_t from, uint32_t id)
{
    uint32_t step = 1, low = from;
    while (from < list.count && list.ids[from] < id) {
        low = from + 1;
        from = list.count - from > step ? from + step : list.count;
        step *= 2;
    }
    return not_below_u32(list.ids, low, from, id);
}

bool ids_contain(struct id_list list, uint32_t id)
{
    uint32_t at = gallop(list, 0, id);
    return at < list.count && list.ids[at] == id;
}

bool ids_intersect(struct id_list a, struct id_list b, struct arena *arena, struct id_list *out)
{
    if (a.count > b.count) {
        struct id_list longer = a;
        a = b;
        b = longer;
    }
    uint32_t *ids = arena_alloc(arena, a.count * sizeof(*ids)), count = 0, at = 0;
    if (!ids)
        return false;
    for (uint32_t i = 0; i < a.count; i++) {
        at = gallop(b, at, a.ids[i]);
        if (at == b.count)
            break;
        if (b.ids[at] == a.ids[i])
            ids[count++] = a.ids[i];
    }
    *out = (struct id_list){ids, count};
    return true;
}

bool ids_subtract(struct id_list a, struct id_list b, struct arena *arena, struct id_list *out)
{
    uint32_t *ids = arena_alloc(arena, a.count * sizeof(*ids)), count = 0, at = 0;
    if (!ids)
        return false;
    for (uint32_t i = 0; i < a.count; i++) {
        at = gallop(b, at, a.ids[i]);
        if (at == b.count || b.ids[at] != a.ids[i])
            ids[count++] = a.ids[i];
    }
    *out = (struct id_list){ids, count};
    return true;
}

/* --- union --- */

static int id_cmp(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void unite_sorted(const struct id_list *lists, uint32_t count, uint32_t *ids,
                         uint32_t *united)
{
    uint32_t total = 0, kept = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < lists[i].count; k++)
            ids[total++] = lists[i].ids[k];
    qsort(ids, total, sizeof(*ids), id_cmp);
    for (uint32_t i = 0; i < total; i++)
        if (kept == 0 || ids[kept - 1] != ids[i])
            ids[kept++] = ids[i];
    *united = kept;
}

static void unite_bits(const struct id_list *lists, uint32_t count, uint32_t first, uint64_t *bits,
                       size_t words, uint32_t *ids, uint32_t *united)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < lists[i].count; k++)
            bits[(lists[i].ids[k] - first) / 64] |= UINT64_C(1) << (lists[i].ids[k] - first) % 64;
    for (size_t w = 0; w < words; w++)
        for (uint64_t left = bits[w]; left; left &= left - 1)
            ids[kept++] = first + (uint32_t)(w * 64 + (unsigned)__builtin_ctzll(left));
    *united = kept;
}

bool ids_union(const struct id_list *lists, uint32_t count, struct arena *arena,
               struct id_list *out)
{
    uint32_t first = UINT32_MAX, last = 0, united = 0;
    uint64_t total = 0;
    *out = (struct id_list){0};
    for (uint32_t i = 0; i < count; i++) {
        if (lists[i].count == 0)
            continue;
        *out = lists[i];
        total += lists[i].count;
        first = MIN(first, lists[i].ids[0]);
        last = MAX(last, lists[i].ids[lists[i].count - 1]);
    }
    if (total == out->count) /* none, or only one that is not empty */
        return true;
    size_t words = (size_t)(last - first) / 64 + 1;
    uint32_t *ids = arena_alloc(arena, total * sizeof(*ids));
    if (!ids)
        return false;
    if (total < words) {
        unite_sorted(lists, count, ids, &united);
    } else {
        uint64_t *bits = arena_calloc(arena, words, sizeof(*bits));
        if (!bits)
            return false;
        unite_bits(lists, count, first, bits, words, ids, &united);
    }
    *out = (struct id_list){ids, united};
    return true;
}
