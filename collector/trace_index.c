/* trace_index.c - two hash maps beside the lists of a trace. */
#include "collector/trace_index.h"
#include "base/hash.h"

static const uint64_t CLOSED = UINT64_C(1) << 32;

static struct trace_index *index_of(const struct open_table *t, const struct trace *tr)
{
    return slab_at(&t->indexes, tr->index);
}

static uint64_t id_key(uint64_t id, bool called)
{
    return hash_u64(id) * 2 + called;
}

static uint64_t closed_key(const struct closed_span *s)
{
    return id_key(closed_id(s), kind_is_called(s->kind));
}

/* Without memory the span is not found by the index. */
static void put(struct open_table *t, struct map64 *m, uint64_t key, uint64_t value)
{
    bool added;
    size_t before = map64_bytes(m);
    uint64_t *slot = map64_put(m, key, &added);
    t->index_bytes += map64_bytes(m) - before;
    t->index_entries += added;
    if (slot)
        *slot = value;
}

static void drop(struct open_table *t, struct map64 *m, uint64_t key)
{
    t->index_entries -= map64_remove(m, key);
}

void trace_index_open(struct open_table *t, const struct trace *tr, uint32_t span)
{
    const struct open_span *s = open_span_at(t, span);
    put(t, &index_of(t, tr)->ids, id_key(s->id, kind_is_called(s->kind)), span);
}

/* Whatever order they are added in, the same child is found. */
static bool is_later(const struct closed_span *a, const struct closed_span *b)
{
    if (a->closed != b->closed)
        return (int32_t)(a->closed - b->closed) > 0;
    return closed_key(a) > closed_key(b);
}

void trace_index_closed(struct open_table *t, const struct trace *tr, uint32_t span)
{
    struct trace_index *x = index_of(t, tr);
    const struct closed_span *s = closed_span_at(t, span);
    put(t, &x->ids, closed_key(s), CLOSED | span);
    const uint64_t *known = map64_find(&x->children, closed_parent(s));
    if (closed_parent(s) && (!known || is_later(s, closed_span_at(t, (uint32_t)*known))))
        put(t, &x->children, closed_parent(s), CLOSED | span);
}

void trace_index_make(struct open_table *t, struct trace *tr)
{
    if (tr->index)
        return;
    tr->index = slab_take(&t->indexes);
    if (!tr->index)
        return;
    struct trace_index *x = index_of(t, tr);
    x->ids.seed = x->children.seed = t->seed;
    for (uint32_t s = tr->first_open; s; s = open_span_at(t, s)->next)
        trace_index_open(t, tr, s);
    for (uint32_t s = tr->first_closed; s; s = closed_span_at(t, s)->next)
        trace_index_closed(t, tr, s);
}

void trace_index_drop(struct open_table *t, struct trace *tr)
{
    if (!tr->index)
        return;
    struct trace_index *x = index_of(t, tr);
    t->index_bytes -= map64_bytes(&x->ids) + map64_bytes(&x->children);
    t->index_entries -= x->ids.count + x->children.count;
    map64_deinit(&x->ids);
    map64_deinit(&x->children);
    slab_give(&t->indexes, tr->index);
    tr->index = 0;
}

void trace_index_drop_all(struct open_table *t)
{
    for (uint32_t slot = 0; t->indexes.live > 0 && slot < WHEEL_SLOTS; slot++)
        for (uint32_t name = t->wheel[slot]; name; name = trace_at(t, name)->wheel_next)
            trace_index_drop(t, trace_at(t, name));
}

void trace_index_forget(struct open_table *t, const struct trace *tr, uint32_t span)
{
    struct trace_index *x = index_of(t, tr);
    const struct closed_span *s = closed_span_at(t, span);
    drop(t, &x->ids, closed_key(s));
    const uint64_t *child = map64_find(&x->children, closed_parent(s));
    if (child && *child == (CLOSED | span))
        drop(t, &x->children, closed_parent(s));
}

bool trace_index_each(struct open_table *t, const struct trace *tr, uint64_t id, bool parent,
                      trace_span_fn *fn, void *user)
{
    struct trace_index *x = index_of(t, tr);
    for (unsigned called = 0; called <= (parent ? 0 : 1); called++) {
        const uint64_t *found =
            parent ? map64_find(&x->children, id) : map64_find(&x->ids, id_key(id, called));
        if (!found)
            continue;
        uint32_t name = (uint32_t)*found;
        bool closed = *found & CLOSED;
        if (fn(closed ? NULL : open_span_at(t, name), closed ? closed_span_at(t, name) : NULL,
               user))
            return true;
    }
    return false;
}
