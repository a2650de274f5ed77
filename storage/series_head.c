/* series_head.c - samples in memory, per series in order of time. */
#include "storage/series_head.h"
#include "base/ascending.h"
#include "base/mem.h"

enum { FIRST_CAP = 2 };

/* --- life --- */

struct series_head *series_head_new(void)
{
    struct series_head *h = mem_calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->slots.item_bytes = sizeof(struct head_slot);
    h->slot_of.item_bytes = sizeof(uint32_t);
    h->min_time_ms = INT64_MAX;
    h->max_time_ms = INT64_MIN;
    atomic_init(&h->refs, 1);
    return h;
}

struct series_head *series_head_ref(struct series_head *h)
{
    atomic_fetch_add(&h->refs, 1);
    return h;
}

void series_head_unref(struct series_head *h)
{
    if (!h || atomic_fetch_sub(&h->refs, 1) != 1)
        return;
    pages_deinit(&h->slots);
    pages_deinit(&h->slot_of);
    arena_deinit(&h->arena);
    mem_free(h);
}

uint64_t series_head_bytes(const struct series_head *h)
{
    return h->arena.used_bytes + pages_bytes(&h->slots) + pages_bytes(&h->slot_of);
}

/* --- slots --- */

const struct head_slot *series_head_find(const struct series_head *h, uint32_t id)
{
    const uint32_t *slot = pages_find(&h->slot_of, id);
    return slot && *slot ? pages_get(&h->slots, *slot) : NULL;
}

/* Moves an array to one of `cap` items; the old one stays in the arena until the head goes. */
static void *move(struct series_head *h, const void *from, uint32_t count, uint32_t cap,
                  size_t item_bytes)
{
    void *to = arena_calloc(&h->arena, cap, item_bytes);
    if (to && count)
        memcpy(to, from, count * item_bytes);
    return to;
}

static bool grow_extra(struct series_head *h, struct head_slot *slot, uint32_t cap)
{
    struct head_extra *extra = slot->extra;
    struct head_extra moved = {0};
    if (extra->histograms)
        moved.histograms = move(h, extra->histograms, slot->count, cap, sizeof(*moved.histograms));
    if (extra->starts_ms)
        moved.starts_ms = move(h, extra->starts_ms, slot->count, cap, sizeof(*moved.starts_ms));
    if ((extra->histograms && !moved.histograms) || (extra->starts_ms && !moved.starts_ms))
        return false;
    *extra = moved;
    return true;
}

static bool grow(struct series_head *h, struct head_slot *slot, uint32_t more)
{
    enum { PAIR_BYTES = sizeof(int64_t) + sizeof(double) };
    uint64_t need = (uint64_t)slot->count + more, twice = (uint64_t)slot->cap * 2;
    if (need > UINT32_MAX / PAIR_BYTES)
        return false;
    uint32_t cap = (uint32_t)MAX(MAX(need, MIN(twice, UINT32_MAX / PAIR_BYTES)), FIRST_CAP);
    int64_t *times = arena_alloc(&h->arena, (size_t)cap * PAIR_BYTES);
    if (!times || (slot->extra && !grow_extra(h, slot, cap)))
        return false;
    if (slot->count) {
        memcpy(times, slot->times_ms, slot->count * sizeof(*times));
        memcpy(times + cap, slot->times_ms + slot->cap, slot->count * sizeof(double));
    }
    slot->times_ms = times;
    slot->cap = cap;
    return true;
}

static struct head_slot *slot_new(struct series_head *h, uint32_t *slot_of, uint32_t id)
{
    struct head_slot *slot = pages_put(&h->slots, h->count + 1);
    if (!slot)
        return NULL;
    slot->id = id;
    *slot_of = ++h->count;
    return slot;
}

struct head_slot *series_head_slot(struct series_head *h, uint32_t id, uint32_t more)
{
    uint32_t *slot_of = pages_put(&h->slot_of, id);
    if (!slot_of)
        return NULL;
    struct head_slot *slot = *slot_of ? pages_get(&h->slots, *slot_of) : slot_new(h, slot_of, id);
    if (!slot)
        return NULL;
    return slot->cap - slot->count >= more || grow(h, slot, more) ? slot : NULL;
}

uint32_t series_head_position(const struct head_slot *slot, int64_t time_ms)
{
    return not_below_i64(slot->times_ms, 0, slot->count, time_ms);
}

/* --- histograms --- */

static bool copy_buckets(struct arena *arena, struct native_buckets from,
                         struct native_buckets *out)
{
    *out = (struct native_buckets){0};
    if (from.count == 0)
        return true;
    out->items = arena_alloc(arena, from.count * sizeof(*out->items));
    if (!out->items)
        return false;
    memcpy(out->items, from.items, from.count * sizeof(*out->items));
    out->count = from.count;
    return true;
}

const struct native_histogram *series_histogram_copy(struct arena *arena,
                                                     const struct native_histogram *h)
{
    struct native_histogram *copy = arena_alloc(arena, sizeof(*copy));
    double *bounds = arena_alloc(arena, h->bound_count * sizeof(*bounds));
    if (!copy || !bounds)
        return NULL;
    *copy = *h;
    if (h->bound_count)
        memcpy(bounds, h->bounds, h->bound_count * sizeof(*bounds));
    copy->bounds = h->bound_count ? bounds : NULL;
    bool copied = copy_buckets(arena, h->positive, &copy->positive) &&
                  copy_buckets(arena, h->negative, &copy->negative);
    return copied ? copy : NULL;
}

static bool bits_eq(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static bool buckets_eq(struct native_buckets a, struct native_buckets b)
{
    if (a.count != b.count)
        return false;
    for (uint32_t i = 0; i < a.count; i++)
        if (a.items[i].index != b.items[i].index || !bits_eq(a.items[i].count, b.items[i].count))
            return false;
    return true;
}

bool series_histogram_eq(const struct native_histogram *a, const struct native_histogram *b)
{
    return a->schema == b->schema && a->hint == b->hint && bits_eq(a->count, b->count) &&
           bits_eq(a->sum, b->sum) && bits_eq(a->zero_count, b->zero_count) &&
           bits_eq(a->zero_threshold, b->zero_threshold) && a->bound_count == b->bound_count &&
           (a->bound_count == 0 ||
            memcmp(a->bounds, b->bounds, a->bound_count * sizeof(*a->bounds)) == 0) &&
           buckets_eq(a->positive, b->positive) && buckets_eq(a->negative, b->negative);
}

/* --- samples --- */

static enum head_put compare_at(const struct head_slot *slot, uint32_t at, const struct sample *s)
{
    const struct native_histogram *there = head_histogram(slot, at);
    bool same = s->histogram ? there && series_histogram_eq(there, s->histogram)
                             : !there && bits_eq(head_values(slot)[at], s->value);
    return same ? HEAD_KNOWN : HEAD_DIFFERS;
}

enum head_put series_head_compare(const struct head_slot *slot, const struct sample *s)
{
    if (!slot)
        return HEAD_STORED;
    uint32_t at = series_head_position(slot, s->time_ms);
    if (at == slot->count || slot->times_ms[at] != s->time_ms)
        return HEAD_STORED;
    return compare_at(slot, at, s);
}

/* Arrays that the sample needs and the slot does not have yet. */
static bool extra_reserve(struct series_head *h, struct head_slot *slot, const struct sample *s)
{
    if (!slot->extra)
        slot->extra = arena_calloc(&h->arena, 1, sizeof(*slot->extra));
    struct head_extra *extra = slot->extra;
    if (extra && s->histogram && !extra->histograms)
        extra->histograms = arena_calloc(&h->arena, slot->cap, sizeof(*extra->histograms));
    if (extra && s->start_ms && !extra->starts_ms)
        extra->starts_ms = arena_calloc(&h->arena, slot->cap, sizeof(*extra->starts_ms));
    return extra && (!s->histogram || extra->histograms) && (!s->start_ms || extra->starts_ms);
}

/* --- the gap --- */

/* Where the sample of position i lies in the slot's arrays. */
static uint32_t place_of(const struct series_head *h, const struct head_slot *slot, uint32_t i)
{
    return h->gapped == slot && i >= h->gap_at ? i + (slot->cap - slot->count) : i;
}

static uint32_t position_of(const struct series_head *h, const struct head_slot *slot,
                            int64_t time_ms)
{
    uint32_t at = h->gap_at, gap = slot->cap - slot->count;
    if (h->gapped != slot)
        return series_head_position(slot, time_ms);
    if (at > 0 && slot->times_ms[at - 1] >= time_ms)
        return not_below_i64(slot->times_ms, 0, at, time_ms);
    return not_below_i64(slot->times_ms, at + gap, slot->cap, time_ms) - gap;
}

static void shift(struct head_slot *slot, uint32_t to, uint32_t from, uint32_t count)
{
    double *values = head_values(slot);
    struct head_extra *extra = slot->extra;
    memmove(slot->times_ms + to, slot->times_ms + from, count * sizeof(*slot->times_ms));
    memmove(values + to, values + from, count * sizeof(*values));
    if (extra && extra->histograms)
        memmove(extra->histograms + to, extra->histograms + from,
                count * sizeof(*extra->histograms));
    if (extra && extra->starts_ms)
        memmove(extra->starts_ms + to, extra->starts_ms + from, count * sizeof(*extra->starts_ms));
}

/* Costs as much as there is between where it was and where it is wanted. */
static void gap_move(struct series_head *h, struct head_slot *slot, uint32_t at)
{
    uint32_t gap = slot->cap - slot->count;
    if (h->gapped != slot) {
        series_head_settle(h);
        h->gapped = slot;
        h->gap_at = slot->count;
    }
    if (at < h->gap_at)
        shift(slot, at + gap, at, h->gap_at - at);
    else
        shift(slot, h->gap_at, h->gap_at + gap, at - h->gap_at);
    h->gap_at = at;
}

void series_head_settle(struct series_head *h)
{
    if (h->gapped)
        gap_move(h, h->gapped, h->gapped->count);
    h->gapped = NULL;
}

enum head_put series_head_put(struct series_head *h, struct head_slot *slot, const struct sample *s)
{
    const struct native_histogram *histogram = NULL;
    uint32_t at = slot->count;
    if (slot->count && slot->times_ms[place_of(h, slot, slot->count - 1)] >= s->time_ms) {
        at = position_of(h, slot, s->time_ms);
        uint32_t place = place_of(h, slot, at);
        if (slot->times_ms[place] == s->time_ms)
            return compare_at(slot, place, s);
    }
    if (UNLIKELY(slot->extra || s->histogram || s->start_ms)) {
        if (s->histogram)
            histogram = series_histogram_copy(&h->arena, s->histogram);
        if ((s->histogram && !histogram) || !extra_reserve(h, slot, s))
            return HEAD_NO_MEMORY;
    }
    if (UNLIKELY(at < slot->count || h->gapped == slot)) {
        gap_move(h, slot, at);
        h->gap_at = at + 1;
    }
    slot->times_ms[at] = s->time_ms;
    head_values(slot)[at] = s->value;
    if (slot->extra && slot->extra->histograms)
        slot->extra->histograms[at] = histogram;
    if (slot->extra && slot->extra->starts_ms)
        slot->extra->starts_ms[at] = s->start_ms;
    slot->count++;
    h->samples++;
    h->min_time_ms = MIN(h->min_time_ms, s->time_ms);
    h->max_time_ms = MAX(h->max_time_ms, s->time_ms);
    return HEAD_STORED;
}
