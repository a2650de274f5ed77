/* trace_pack.c - a trace in fewer bytes: packed when nothing of it is open, resting while nothing
 * is added. */
#include "collector/open_table.h"

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

static void give_list(struct open_table *t, uint32_t first)
{
    for (uint32_t s = first, next; s; s = next) {
        next = open_span_at(t, s)->next;
        slab_give(&t->spans, s);
    }
}

static void give_block(struct open_table *t, const struct trace *tr)
{
    block_give(&t->resting, tr->first_open);
    t->resting_spans -= tr->open_count;
}

void trace_give_open(struct open_table *t, const struct trace *tr)
{
    if (tr->rests)
        give_block(t, tr);
    else
        give_list(t, tr->first_open);
}

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
    give_list(t, tr->first_open);
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
            give_list(t, first);
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
