/* packed_trace.c - one block a trace: ids, parents that are no span of it, owners with their bits,
 * and where each parent is. */
#include "collector/packed_trace.h"

enum { PARENT_OUTSIDE = 0x80, PARENT_NONE = 0xff, FIRST_BUCKETS = 1024 };

struct packed_trace {
    uint32_t hash_next;
    uint32_t later;     /* the one packed next */
    struct trace_id id; /* zero: taken out, waits for its turn to be given back */
    uint32_t closed;
    uint8_t count, outside; /* spans; parents that are no span of it */
    uint16_t unused;
    uint64_t words[]; /* ids, then parents outside; behind them u32 bits and u8 places of parents */
};
_Static_assert(sizeof(struct packed_trace) == 32, "header");

static struct packed_trace *packed_at(const struct packed_table *t, uint32_t name)
{
    return block_at(&t->blocks, name);
}

static uint32_t *bits_of(const struct packed_trace *b)
{
    return (uint32_t *)(void *)((uint64_t *)(void *)b->words + b->count + b->outside);
}

static uint8_t *places_of(const struct packed_trace *b)
{
    return (uint8_t *)(bits_of(b) + b->count);
}

static size_t bytes_of(size_t count, size_t outside)
{
    return sizeof(struct packed_trace) + 8 * (count + outside) + 5 * count;
}
_Static_assert(sizeof(struct packed_trace) + (8 + 8 + 5) * PACKED_SPANS <= BLOCK_BYTES_MAX, "fits");

void packed_deinit(struct packed_table *t)
{
    blocks_deinit(&t->blocks);
    mem_free(t->buckets);
    *t = (struct packed_table){0};
}

size_t packed_bytes(const struct packed_table *t)
{
    size_t heads = t->buckets ? (t->bucket_mask + 1) * sizeof(*t->buckets) : 0;
    return heads + t->blocks.held_bytes;
}

/* --- table --- */

static uint32_t *head_at(const struct packed_table *t, uint64_t hash)
{
    return &t->buckets[hash & t->bucket_mask];
}

static uint32_t *head_of(const struct packed_table *t, struct trace_id id)
{
    return head_at(t, trace_id_hash(id, t->seed));
}

/* Twice the heads. Without memory the chains just get longer; false when there is not one head. */
static bool grow_buckets(struct packed_table *t)
{
    struct packed_table grown = {.seed = t->seed};
    size_t count = t->buckets ? (t->bucket_mask + 1) * 2 : FIRST_BUCKETS;
    grown.buckets = mem_calloc(count, sizeof(*grown.buckets));
    if (!grown.buckets)
        return t->buckets != NULL;
    grown.bucket_mask = count - 1;
    for (uint32_t name = t->first; name; name = packed_at(t, name)->later) {
        struct packed_trace *b = packed_at(t, name);
        if (trace_id_is_zero(b->id))
            continue;
        uint32_t *head = head_of(&grown, b->id);
        b->hash_next = *head;
        *head = name;
    }
    mem_free(t->buckets);
    t->buckets = grown.buckets;
    t->bucket_mask = grown.bucket_mask;
    return true;
}

/* Where the parent of a span is: its place, outside, or nowhere. */
static uint8_t place_of(const struct packed_span *spans, uint32_t count, uint64_t parent)
{
    if (parent == 0)
        return PARENT_NONE;
    for (uint32_t i = 0; i < count; i++)
        if (spans[i].id == parent)
            return (uint8_t)i;
    return PARENT_OUTSIDE;
}

/* As the newest. */
static void append(struct packed_table *t, uint32_t name)
{
    if (t->last)
        packed_at(t, t->last)->later = name;
    else
        t->first = name;
    t->last = name;
}

bool packed_add(struct packed_table *t, struct trace_id id, uint32_t closed,
                const struct packed_span *spans, uint32_t count)
{
    uint8_t places[PACKED_SPANS];
    uint32_t outside = 0;
    if ((!t->buckets || t->live > t->bucket_mask) && !grow_buckets(t))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        places[i] = place_of(spans, count, spans[i].parent);
        if (places[i] == PARENT_OUTSIDE)
            places[i] = (uint8_t)(PARENT_OUTSIDE + outside++);
    }
    uint32_t name = block_take(&t->blocks, bytes_of(count, outside));
    if (!name)
        return false;
    struct packed_trace *b = packed_at(t, name);
    uint32_t *head = head_of(t, id);
    *b = (struct packed_trace){.hash_next = *head,
                               .id = id,
                               .closed = closed,
                               .count = (uint8_t)count,
                               .outside = (uint8_t)outside};
    *head = name;
    for (uint32_t i = 0; i < count; i++) {
        b->words[i] = spans[i].id;
        bits_of(b)[i] = spans[i].bits;
        places_of(b)[i] = places[i];
        if (places[i] >= PARENT_OUTSIDE && places[i] != PARENT_NONE)
            b->words[count + places[i] - PARENT_OUTSIDE] = spans[i].parent;
    }
    append(t, name);
    t->live++;
    return true;
}

bool packed_block_fits(uint32_t bytes)
{
    return bytes >= sizeof(struct packed_trace) && bytes <= BLOCK_BYTES_MAX;
}

bool packed_add_waiting(struct packed_table *t, uint32_t closed, uint32_t bytes)
{
    uint32_t name = block_take(&t->blocks, bytes);
    if (!name)
        return false;
    *packed_at(t, name) = (struct packed_trace){.closed = closed};
    append(t, name);
    return true;
}

static void unpack(const struct packed_trace *b, struct packed_span *spans)
{
    for (uint32_t i = 0; i < b->count; i++) {
        uint8_t place = places_of(b)[i];
        spans[i] = (struct packed_span){.id = b->words[i], .bits = bits_of(b)[i]};
        if (place < PARENT_OUTSIDE)
            spans[i].parent = b->words[place];
        else if (place != PARENT_NONE)
            spans[i].parent = b->words[b->count + place - PARENT_OUTSIDE];
    }
}

/* Out of the hash table; the block itself waits until it is the oldest. */
static void unlink_block(struct packed_table *t, struct packed_trace *b, uint32_t name)
{
    uint32_t *at = head_of(t, b->id);
    while (*at != name)
        at = &packed_at(t, *at)->hash_next;
    *at = b->hash_next;
    b->id = (struct trace_id){0};
    t->live--;
}

uint32_t packed_take(struct packed_table *t, struct trace_id id, uint32_t *closed,
                     struct packed_span *spans)
{
    if (t->live == 0)
        return 0;
    uint32_t name = *head_of(t, id);
    while (name && !trace_id_eq(packed_at(t, name)->id, id))
        name = packed_at(t, name)->hash_next;
    if (!name)
        return 0;
    struct packed_trace *b = packed_at(t, name);
    *closed = b->closed;
    unpack(b, spans);
    unlink_block(t, b, name);
    return b->count;
}

bool packed_forget_one(struct packed_table *t)
{
    uint32_t name = t->first;
    if (!name)
        return false;
    struct packed_trace *b = packed_at(t, name);
    t->first = b->later;
    if (!t->first)
        t->last = 0;
    if (!trace_id_is_zero(b->id))
        unlink_block(t, b, name);
    block_give(&t->blocks, name);
    return true;
}

void packed_prefetch(const struct packed_table *t, uint64_t hash)
{
    if (t->buckets)
        __builtin_prefetch(head_at(t, hash), 1);
}

void packed_prefetch_first(const struct packed_table *t, uint64_t hash)
{
    uint32_t name = t->buckets ? *head_at(t, hash) : 0;
    if (name)
        __builtin_prefetch(packed_at(t, name));
}

/* While one is forgotten, the next two come near. */
static void prefetch_next(const struct packed_table *t)
{
    uint32_t next = packed_at(t, t->first)->later;
    if (!next)
        return;
    const struct packed_trace *b = packed_at(t, next);
    packed_prefetch(t, trace_id_hash(b->id, t->seed));
    if (b->later)
        __builtin_prefetch(packed_at(t, b->later));
}

void packed_forget(struct packed_table *t, uint32_t before)
{
    while (t->first && (int32_t)(packed_at(t, t->first)->closed - before) <= 0) {
        prefetch_next(t);
        (void)packed_forget_one(t);
    }
}

bool packed_next(const struct packed_table *t, uint32_t *at, struct trace_id *id, uint32_t *closed,
                 uint32_t *bytes, struct packed_span *spans, uint32_t *count)
{
    *at = *at ? packed_at(t, *at)->later : t->first;
    if (!*at)
        return false;
    const struct packed_trace *b = packed_at(t, *at);
    *id = b->id;
    *closed = b->closed;
    *bytes = block_bytes(*at);
    *count = trace_id_is_zero(b->id) ? 0 : b->count;
    if (*count)
        unpack(b, spans);
    return true;
}

void packed_each_owner(struct packed_table *t, uint32_t (*fn)(uint32_t owner, void *user),
                       void *user)
{
    const uint32_t owner_bits = (1u << 24) - 1;
    for (uint32_t name = t->first; name; name = packed_at(t, name)->later) {
        const struct packed_trace *b = packed_at(t, name);
        for (uint32_t i = 0; i < b->count; i++) {
            uint32_t *bits = &bits_of(b)[i];
            *bits = (*bits & ~owner_bits) | (fn(*bits & owner_bits, user) & owner_bits);
        }
    }
}
