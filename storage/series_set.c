/* series_set.c - counted moments of the series store. */
#include "storage/series_set.h"
#include "base/mem.h"

struct tombstone *tombstone_new(uint32_t *ids, uint32_t count)
{
    struct tombstone *t = mem_calloc(1, sizeof(*t));
    if (!t) {
        mem_free(ids);
        return NULL;
    }
    atomic_init(&t->refs, 1);
    t->series = (struct id_list){ids, count};
    return t;
}

void tombstone_unref(struct tombstone *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    mem_free((uint32_t *)t->series.ids);
    mem_free(t);
}

struct series_set *series_set_new(uint32_t part_cap, uint32_t tombstone_cap)
{
    struct series_set *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->part_cap = part_cap;
    s->tombstone_cap = tombstone_cap;
    s->parts = mem_calloc(part_cap + 1, sizeof(*s->parts));
    s->tombstones = mem_calloc(tombstone_cap + 1, sizeof(struct tombstone *));
    if (s->parts && s->tombstones)
        return s;
    series_set_unref(s);
    return NULL;
}

struct series_set *series_set_ref(struct series_set *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void series_set_unref(struct series_set *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (uint32_t i = 0; i < s->part_count; i++)
        series_part_unref(s->parts[i].part);
    for (uint32_t i = 0; i < s->tombstone_count; i++)
        tombstone_unref(s->tombstones[i]);
    series_head_unref(s->head);
    series_head_unref(s->frozen);
    series_index_unref(s->index);
    mem_free(s->parts);
    mem_free(s->tombstones);
    mem_free(s);
}

void series_set_fill_heads(struct series_set *to, const struct series_set *from)
{
    to->index = from->index ? series_index_ref(from->index) : NULL;
    to->head = from->head ? series_head_ref(from->head) : NULL;
    to->frozen = from->frozen ? series_head_ref(from->frozen) : NULL;
}

bool series_set_fill(struct series_set *to, const struct series_set *from)
{
    if (to->part_cap < from->part_count || to->tombstone_cap < from->tombstone_count)
        return false;
    series_set_fill_heads(to, from);
    for (uint32_t i = 0; i < from->part_count; i++) {
        to->parts[i] = from->parts[i];
        series_part_ref(to->parts[i].part);
    }
    to->part_count = from->part_count;
    for (uint32_t i = 0; i < from->tombstone_count; i++) {
        to->tombstones[i] = from->tombstones[i];
        atomic_fetch_add(&to->tombstones[i]->refs, 1);
    }
    to->tombstone_count = from->tombstone_count;
    return true;
}

void series_set_add_part(struct series_set *s, const struct set_part *p)
{
    s->parts[s->part_count++] = *p;
}

static uint32_t position_of(const struct series_set *s, uint64_t id)
{
    uint32_t at = 0;
    while (at < s->part_count && s->parts[at].id != id)
        at++;
    return at;
}

void series_set_remove_part(struct series_set *s, uint64_t id)
{
    uint32_t at = position_of(s, id);
    if (at == s->part_count)
        return;
    series_part_unref(s->parts[at].part);
    memmove(s->parts + at, s->parts + at + 1, (s->part_count - at - 1) * sizeof(*s->parts));
    s->part_count--;
}

void series_set_replace_parts(struct series_set *s, const uint64_t *ids, uint32_t count,
                              const struct set_part *p)
{
    uint32_t at = position_of(s, ids[0]);
    for (uint32_t i = 0; i < count; i++)
        series_set_remove_part(s, ids[i]);
    memmove(s->parts + at + 1, s->parts + at, (s->part_count - at) * sizeof(*s->parts));
    s->parts[at] = *p;
    s->part_count++;
}
