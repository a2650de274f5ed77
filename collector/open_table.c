/* open_table.c - a chained hash table of traces, each with a list of open and a list of remembered
 * spans. */
#include "collector/open_table.h"
#include "base/hash.h"
#include "collector/trace_index.h"

enum { FIRST_BUCKETS = 1024, CHUNK_SHIFT = 12, INDEX_CHUNK_SHIFT = 6 };

bool open_table_init(struct open_table *t, uint64_t seed)
{
    *t = (struct open_table){.seed = seed};
    t->spans.item_bytes = sizeof(struct open_span);
    t->closed.item_bytes = sizeof(struct closed_span);
    t->traces.item_bytes = sizeof(struct trace);
    t->indexes.item_bytes = sizeof(struct trace_index);
    t->spans.chunk_shift = t->closed.chunk_shift = t->traces.chunk_shift = CHUNK_SHIFT;
    t->indexes.chunk_shift = INDEX_CHUNK_SHIFT;
    t->packed.seed = seed;
    t->buckets = mem_calloc(FIRST_BUCKETS, sizeof(*t->buckets));
    t->bucket_mask = FIRST_BUCKETS - 1;
    return t->buckets != NULL;
}

void open_table_deinit(struct open_table *t)
{
    trace_index_drop_all(t);
    slab_deinit(&t->spans);
    slab_deinit(&t->closed);
    slab_deinit(&t->traces);
    slab_deinit(&t->indexes);
    packed_deinit(&t->packed);
    blocks_deinit(&t->resting);
    mem_free(t->buckets);
    t->buckets = NULL;
}

size_t open_table_bytes(const struct open_table *t)
{
    return slab_bytes(&t->spans) + slab_bytes(&t->closed) + slab_bytes(&t->traces) +
           slab_bytes(&t->indexes) + t->index_bytes + packed_bytes(&t->packed) +
           t->resting.held_bytes + (t->bucket_mask + 1) * sizeof(*t->buckets);
}

size_t open_table_used(const struct open_table *t)
{
    return t->spans.live * sizeof(struct open_span) + t->closed.live * sizeof(struct closed_span) +
           t->traces.live * (sizeof(struct trace) + sizeof(*t->buckets)) +
           t->packed.blocks.used_bytes + t->resting.used_bytes +
           t->indexes.live * sizeof(struct trace_index) + t->index_entries * INDEX_ENTRY_BYTES;
}

void open_table_trim(struct open_table *t)
{
    slab_trim(&t->spans);
    slab_trim(&t->closed);
    slab_trim(&t->traces);
    slab_trim(&t->indexes);
    blocks_trim(&t->packed.blocks);
    blocks_trim(&t->resting);
}

/* --- traces --- */

uint64_t trace_hash(const struct open_table *t, struct trace_id id)
{
    return trace_id_hash(id, t->seed);
}

uint32_t trace_find(const struct open_table *t, struct trace_id id, uint64_t hash)
{
    uint32_t name = t->buckets[hash & t->bucket_mask];
    while (name) {
        const struct trace *tr = trace_at(t, name);
        if (trace_id_eq(tr->id, id))
            return name;
        name = tr->hash_next;
    }
    return 0;
}

/* Twice the heads; the traces stay where they are. Without memory the chains just get longer. */
static void grow_buckets(struct open_table *t)
{
    size_t count = (t->bucket_mask + 1) * 2;
    uint32_t *grown = mem_calloc(count, sizeof(*grown));
    if (!grown)
        return;
    for (size_t i = 0; i <= t->bucket_mask; i++) {
        for (uint32_t name = t->buckets[i], next; name; name = next) {
            struct trace *tr = trace_at(t, name);
            next = tr->hash_next;
            uint32_t *head = &grown[trace_hash(t, tr->id) & (count - 1)];
            tr->hash_next = *head;
            *head = name;
        }
    }
    mem_free(t->buckets);
    t->buckets = grown;
    t->bucket_mask = count - 1;
}

uint32_t trace_add(struct open_table *t, struct trace_id id, uint64_t hash, uint32_t due)
{
    if (t->traces.live > t->bucket_mask)
        grow_buckets(t);
    uint32_t name = slab_take(&t->traces);
    if (!name)
        return 0;
    struct trace *tr = trace_at(t, name);
    uint32_t *head = &t->buckets[hash & t->bucket_mask];
    tr->id = id;
    tr->hash_next = *head;
    *head = name;
    wheel_add(t, name, due);
    return name;
}

void trace_remove(struct open_table *t, uint32_t name)
{
    struct trace *tr = trace_at(t, name);
    trace_index_drop(t, tr);
    trace_give_open(t, tr);
    for (uint32_t s = tr->first_closed, next; s; s = next) {
        next = closed_span_at(t, s)->next;
        slab_give(&t->closed, s);
    }
    uint32_t *at = &t->buckets[trace_hash(t, tr->id) & t->bucket_mask];
    while (*at != name)
        at = &trace_at(t, *at)->hash_next;
    *at = tr->hash_next;
    tr->id = (struct trace_id){0}; /* whoever noted the name finds that it is gone */
    slab_give(&t->traces, name);
}

/* --- spans --- */

static uint64_t seen_bits(uint64_t id, bool called)
{
    uint64_t h = hash_u64(id + called);
    return UINT64_C(1) << (h & 63) | UINT64_C(1) << (h >> 6 & 63);
}

struct same_span {
    bool called;
};

static bool is_same(const struct open_span *o, const struct closed_span *c, void *user)
{
    const struct same_span *same = user;
    return kind_is_called(o ? o->kind : c->kind) == same->called;
}

bool trace_has_span(struct open_table *t, struct trace *tr, uint64_t id, bool called)
{
    uint64_t bits = seen_bits(id, called);
    if ((tr->seen & bits) != bits)
        return false;
    struct same_span same = {called};
    return trace_each_named(t, tr, id, false, is_same, &same);
}

uint32_t trace_add_span(struct open_table *t, struct trace *tr, const struct open_span *s)
{
    uint32_t name = slab_take_dirty(&t->spans);
    if (!name)
        return 0;
    struct open_span *o = open_span_at(t, name);
    *o = *s;
    o->next = tr->first_open;
    tr->first_open = name;
    tr->seen |= seen_bits(s->id, kind_is_called(s->kind));
    bool first = tr->open_count++ == 0;
    if (first || (int32_t)(s->arrival - tr->newest) > 0)
        tr->newest = s->arrival;
    if (first || (int32_t)(s->arrival - tr->oldest) < 0)
        tr->oldest = s->arrival;
    if (tr->index)
        trace_index_open(t, tr, name);
    else if (tr->open_count + tr->closed_count >= BIG_TRACE)
        trace_index_make(t, tr);
    return name;
}

bool trace_add_closed(struct open_table *t, struct trace *tr, const struct open_span *s,
                      uint32_t closed)
{
    uint32_t name = slab_take(&t->closed);
    if (!name)
        return false;
    struct closed_span *c = closed_span_at(t, name);
    *c = (struct closed_span){
        .next = tr->first_closed,
        .closed = closed,
        .id_halves = {(uint32_t)(s->id >> 32), (uint32_t)s->id},
        .parent_halves = {(uint32_t)(s->parent >> 32), (uint32_t)s->parent},
        .owner = s->owner,
        .role = s->role,
        .kind = remembered_kind(s) & 7u,
        .made_request = s->out_done,
        .mirror = s->mirror,
    };
    tr->first_closed = name;
    tr->closed_count++;
    tr->seen |= seen_bits(s->id, kind_is_called(s->kind));
    if (tr->index)
        trace_index_closed(t, tr, name);
    return true;
}

bool trace_close_span(struct open_table *t, struct trace *tr, uint32_t span, uint32_t now)
{
    bool remembered = trace_add_closed(t, tr, open_span_at(t, span), now);
    tr->open_count--;
    slab_give(&t->spans, span);
    return remembered;
}

void trace_forget(struct open_table *t, struct trace *tr, uint32_t before)
{
    uint32_t *at = &tr->first_closed;
    while (*at) {
        uint32_t name = *at;
        struct closed_span *c = closed_span_at(t, name);
        if ((int32_t)(c->closed - before) > 0) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        tr->closed_count--;
        if (tr->index)
            trace_index_forget(t, tr, name);
        slab_give(&t->closed, name);
    }
}

bool trace_each_named(struct open_table *t, struct trace *tr, uint64_t id, bool parent,
                      trace_span_fn *fn, void *user)
{
    if (tr->index)
        return trace_index_each(t, tr, id, parent, fn, user);
    for (uint32_t s = tr->first_open; s; s = open_span_at(t, s)->next) {
        const struct open_span *o = open_span_at(t, s);
        if ((parent ? o->parent : o->id) == id && fn(o, NULL, user))
            return true;
    }
    for (uint32_t s = tr->first_closed; s; s = closed_span_at(t, s)->next) {
        const struct closed_span *c = closed_span_at(t, s);
        if ((parent ? closed_parent(c) : closed_id(c)) == id && fn(NULL, c, user))
            return true;
    }
    return false;
}

/* --- prefetching --- */

/* Side by side: each list alone would wait for memory at every step. */
void open_table_prefetch(const struct open_table *t, const uint32_t *traces, size_t count)
{
    uint32_t at[PREFETCH_TRACES];
    bool more = false;
    for (size_t i = 0; i < count; i++) {
        const struct trace *tr = trace_at(t, traces[i]);
        at[i] = tr->rests ? 0 : tr->first_open;
        more |= at[i] != 0;
        if (tr->rests)
            resting_prefetch(&t->resting, tr->first_open);
        if (at[i])
            __builtin_prefetch(open_span_at(t, at[i]));
        if (tr->first_closed)
            __builtin_prefetch(closed_span_at(t, tr->first_closed));
        trace_prefetch(t, trace_hash(t, tr->id));
    }
    while (more) {
        more = false;
        for (size_t i = 0; i < count; i++) {
            if (!at[i])
                continue;
            at[i] = open_span_at(t, at[i])->next;
            if (at[i])
                __builtin_prefetch(open_span_at(t, at[i]));
            more |= at[i] != 0;
        }
    }
}

/* --- wheel --- */

void wheel_add(struct open_table *t, uint32_t trace, uint32_t due)
{
    struct trace *tr = trace_at(t, trace);
    uint32_t *head = wheel_slot(t, due);
    tr->due = due;
    tr->wheel_next = *head;
    *head = trace;
}

void wheel_remove(struct open_table *t, uint32_t trace)
{
    const struct trace *tr = trace_at(t, trace);
    uint32_t *at = wheel_slot(t, tr->due);
    while (*at != trace)
        at = &trace_at(t, *at)->wheel_next;
    *at = tr->wheel_next;
}

uint32_t wheel_take(struct open_table *t, uint32_t step)
{
    uint32_t *slot = wheel_slot(t, step), head = *slot;
    *slot = 0;
    return head;
}
