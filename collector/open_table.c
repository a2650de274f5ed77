/* open_table.c - a chained hash table of traces, each with a list of open and a list of remembered
 * spans. */
#include "collector/open_table.h"
#include "base/hash.h"

enum { FIRST_BUCKETS = 1024, CHUNK_SHIFT = 12 };

/* Of a trace with many spans, where a list would be walked for each new one. Values are span names,
 * with CLOSED set for remembered ones. */
struct trace_index {
    struct map64 ids;      /* by id and called: every span */
    struct map64 children; /* by parent id: the latest closed child; one is enough to know that a
                              request is over */
};

static const uint64_t CLOSED = UINT64_C(1) << 32;

bool open_table_init(struct open_table *t, uint64_t seed)
{
    *t = (struct open_table){.seed = seed};
    t->spans.item_bytes = sizeof(struct open_span);
    t->closed.item_bytes = sizeof(struct closed_span);
    t->traces.item_bytes = sizeof(struct trace);
    t->spans.chunk_shift = t->closed.chunk_shift = t->traces.chunk_shift = CHUNK_SHIFT;
    t->packed.seed = seed;
    t->buckets = mem_calloc(FIRST_BUCKETS, sizeof(*t->buckets));
    t->bucket_mask = FIRST_BUCKETS - 1;
    return t->buckets != NULL;
}

static void index_free(struct trace_index *x)
{
    if (!x)
        return;
    map64_deinit(&x->ids);
    map64_deinit(&x->children);
    mem_free(x);
}

void open_table_deinit(struct open_table *t)
{
    for (size_t i = 0; i < t->big.len; i++)
        index_free(t->big.items[i]);
    vec_deinit(&t->big);
    slab_deinit(&t->spans);
    slab_deinit(&t->closed);
    slab_deinit(&t->traces);
    packed_deinit(&t->packed);
    blocks_deinit(&t->resting);
    mem_free(t->buckets);
    t->buckets = NULL;
}

size_t open_table_bytes(const struct open_table *t)
{
    return slab_bytes(&t->spans) + slab_bytes(&t->closed) + slab_bytes(&t->traces) +
           packed_bytes(&t->packed) + t->resting.held_bytes +
           (t->bucket_mask + 1) * sizeof(*t->buckets);
}

size_t open_table_used(const struct open_table *t)
{
    return t->spans.live * sizeof(struct open_span) + t->closed.live * sizeof(struct closed_span) +
           t->traces.live * (sizeof(struct trace) + sizeof(*t->buckets)) +
           t->packed.blocks.used_bytes + t->resting.used_bytes;
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

static void drop_index(struct open_table *t, struct trace *tr)
{
    if (!tr->index)
        return;
    index_free(t->big.items[tr->index - 1]);
    t->big.items[tr->index - 1] = NULL;
    tr->index = 0;
    while (t->big.len > 0 && !t->big.items[t->big.len - 1])
        t->big.len--;
}

static void give_list(struct open_table *t, const struct trace *tr)
{
    for (uint32_t s = tr->first_open, next; s; s = next) {
        next = open_span_at(t, s)->next;
        slab_give(&t->spans, s);
    }
}

static void give_block(struct open_table *t, const struct trace *tr)
{
    block_give(&t->resting, tr->first_open);
    t->resting_spans -= tr->open_count;
}

void trace_remove(struct open_table *t, uint32_t name)
{
    struct trace *tr = trace_at(t, name);
    drop_index(t, tr);
    if (tr->rests)
        give_block(t, tr);
    else
        give_list(t, tr);
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

/* --- index of big traces --- */

static uint64_t id_key(uint64_t id, bool called)
{
    return hash_u64(id) * 2 + called;
}

static bool index_put(struct map64 *m, uint64_t key, uint64_t value)
{
    bool added;
    uint64_t *slot = map64_put(m, key, &added);
    if (slot)
        *slot = value;
    return slot != NULL;
}

static void index_open(struct trace_index *x, const struct open_span *s, uint32_t name)
{
    (void)index_put(&x->ids, id_key(s->id, kind_is_called(s->kind)), name);
}

/* Whatever order they are added in, the same child is found. */
static bool is_later(const struct closed_span *a, const struct closed_span *b)
{
    if (a->closed != b->closed)
        return (int32_t)(a->closed - b->closed) > 0;
    uint64_t a_key = id_key(closed_id(a), kind_is_called(a->kind));
    return a_key > id_key(closed_id(b), kind_is_called(b->kind));
}

static void index_closed(const struct open_table *t, struct trace_index *x,
                         const struct closed_span *s, uint32_t name)
{
    (void)index_put(&x->ids, id_key(closed_id(s), kind_is_called(s->kind)), CLOSED | name);
    const uint64_t *known = map64_find(&x->children, closed_parent(s));
    if (closed_parent(s) && (!known || is_later(s, closed_span_at(t, (uint32_t)*known))))
        (void)index_put(&x->children, closed_parent(s), CLOSED | name);
}

/* Without memory the trace stays a list: slower, not wrong. */
static void make_index(struct open_table *t, struct trace *tr)
{
    struct trace_index *x = mem_calloc(1, sizeof(*x));
    if (!x || t->big.len >= UINT32_MAX - 1 || !vec_push(&t->big, x)) {
        mem_free(x);
        return;
    }
    x->ids.seed = x->children.seed = t->seed;
    tr->index = (uint32_t)t->big.len;
    for (uint32_t s = tr->first_open; s; s = open_span_at(t, s)->next)
        index_open(x, open_span_at(t, s), s);
    for (uint32_t s = tr->first_closed; s; s = closed_span_at(t, s)->next)
        index_closed(t, x, closed_span_at(t, s), s);
}

void trace_index(struct open_table *t, struct trace *tr)
{
    if (!tr->index)
        make_index(t, tr);
}

static struct trace_index *index_of(const struct open_table *t, const struct trace *tr)
{
    return tr->index ? t->big.items[tr->index - 1] : NULL;
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
        index_open(index_of(t, tr), o, name);
    else if (tr->open_count + tr->closed_count >= BIG_TRACE)
        make_index(t, tr);
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
        .kind = s->kind,
        .made_request = s->out_done,
        .mirror = s->mirror,
    };
    tr->first_closed = name;
    tr->closed_count++;
    tr->seen |= seen_bits(s->id, kind_is_called(s->kind));
    if (tr->index)
        index_closed(t, index_of(t, tr), c, name);
    return true;
}

bool trace_close_span(struct open_table *t, struct trace *tr, uint32_t span, uint32_t now)
{
    bool remembered = trace_add_closed(t, tr, open_span_at(t, span), now);
    tr->open_count--;
    slab_give(&t->spans, span);
    return remembered;
}

static void index_forget(struct trace_index *x, const struct closed_span *c, uint32_t name)
{
    (void)map64_remove(&x->ids, id_key(closed_id(c), kind_is_called(c->kind)));
    uint64_t *child = map64_find(&x->children, closed_parent(c));
    if (child && *child == (CLOSED | name))
        (void)map64_remove(&x->children, closed_parent(c));
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
            index_forget(index_of(t, tr), c, name);
        slab_give(&t->closed, name);
    }
}

static bool indexed_named(struct open_table *t, struct trace_index *x, uint64_t id, bool parent,
                          bool (*fn)(const struct open_span *, const struct closed_span *, void *),
                          void *user)
{
    for (unsigned called = 0; called <= (parent ? 0 : 1); called++) {
        const uint64_t *ref =
            parent ? map64_find(&x->children, id) : map64_find(&x->ids, id_key(id, called));
        if (!ref)
            continue;
        uint32_t name = (uint32_t)*ref;
        bool closed = *ref & CLOSED;
        if (fn(closed ? NULL : open_span_at(t, name), closed ? closed_span_at(t, name) : NULL,
               user))
            return true;
    }
    return false;
}

bool trace_each_named(struct open_table *t, struct trace *tr, uint64_t id, bool parent,
                      bool (*fn)(const struct open_span *o, const struct closed_span *c,
                                 void *user),
                      void *user)
{
    if (tr->index)
        return indexed_named(t, index_of(t, tr), id, parent, fn, user);
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

/* --- packing --- */

bool trace_pack(struct open_table *t, uint32_t name)
{
    struct trace *tr = trace_at(t, name);
    struct packed_span spans[PACKED_SPANS];
    if (tr->open_count > 0 || tr->index || tr->closed_count > PACKED_SPANS)
        return false;
    uint32_t count = 0, closed = closed_span_at(t, tr->first_closed)->closed;
    for (uint32_t s = tr->first_closed; s; s = closed_span_at(t, s)->next) {
        const struct closed_span *c = closed_span_at(t, s);
        spans[count++] = (struct packed_span){
            closed_id(c), closed_parent(c),
            packed_bits(c->owner, c->role, c->kind, c->made_request, c->mirror)};
        if ((int32_t)(c->closed - closed) > 0)
            closed = c->closed;
    }
    if (!packed_add(&t->packed, tr->id, closed, spans, count))
        return false;
    trace_remove(t, name);
    return true;
}

uint32_t trace_unpack(struct open_table *t, struct trace_id id, uint64_t hash, uint32_t due,
                      uint32_t before)
{
    struct packed_span spans[PACKED_SPANS];
    uint32_t closed, count = packed_take(&t->packed, id, &closed, spans);
    bool known = count > 0 && (int32_t)(closed - before) > 0;
    uint32_t name = known ? trace_add(t, id, hash, due) : 0;
    for (uint32_t i = 0; name && i < count; i++) {
        struct open_span s = {.id = spans[i].id, .parent = spans[i].parent};
        s.owner = spans[i].bits & NAME_BITS;
        s.role = spans[i].bits >> 24 & 7u;
        s.kind = spans[i].bits >> 27 & 7u;
        s.out_done = spans[i].bits >> 30 & 1u;
        s.mirror = spans[i].bits >> 31 != 0;
        (void)trace_add_closed(t, trace_at(t, name), &s, closed);
    }
    return name;
}

/* --- resting --- */

bool trace_rest(struct open_table *t, struct trace *tr)
{
    struct open_span spans[RESTING_SPANS];
    if (tr->rests || tr->index || tr->open_count == 0 || tr->open_count > RESTING_SPANS)
        return false;
    uint32_t count = 0;
    for (uint32_t s = tr->first_open; s; s = spans[count++].next)
        spans[count] = *open_span_at(t, s);
    uint32_t block = resting_put(&t->resting, spans, count);
    if (!block)
        return false;
    give_list(t, tr);
    tr->first_open = block;
    tr->rests = true;
    t->resting_spans += count;
    return true;
}

bool trace_wake(struct open_table *t, struct trace *tr)
{
    struct open_span spans[RESTING_SPANS];
    if (!tr->rests)
        return true;
    uint32_t first = 0;
    for (uint32_t i = resting_get(&t->resting, tr->first_open, spans); i-- > 0;) {
        uint32_t name = slab_take_dirty(&t->spans);
        if (!name) {
            give_list(t, &(struct trace){.first_open = first});
            return false;
        }
        spans[i].next = first;
        *open_span_at(t, name) = spans[i];
        first = name;
    }
    give_block(t, tr);
    tr->first_open = first;
    tr->rests = false;
    return true;
}

void trace_mark_new(struct open_table *t, struct trace *tr, bool is_new)
{
    if (tr->rests)
        resting_mark(&t->resting, tr->first_open, is_new);
    else
        for (uint32_t s = tr->first_open; s; s = open_span_at(t, s)->next)
            open_span_at(t, s)->is_new = is_new;
}

bool trace_any_viewed(const struct open_table *t, const struct trace *tr)
{
    if (tr->rests)
        return resting_any_viewed(&t->resting, tr->first_open);
    for (uint32_t s = tr->first_open; s; s = open_span_at(t, s)->next)
        if (!open_span_at(t, s)->is_new)
            return true;
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
    uint32_t *head = &t->wheel[due % WHEEL_SLOTS];
    tr->due = due;
    tr->wheel_next = *head;
    *head = trace;
}

uint32_t wheel_take(struct open_table *t, uint32_t second)
{
    uint32_t head = t->wheel[second % WHEEL_SLOTS];
    t->wheel[second % WHEEL_SLOTS] = 0;
    return head;
}
