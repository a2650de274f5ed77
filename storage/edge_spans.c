/* edge_spans.c - a batch of ranges becomes a list of pieces of blocks, sorted, so that each block
 * of a part is read once for all of them. */
#include "storage/edge_spans.h"

#include "storage/edge_query_private.h"
#include "storage/store_parts.h"
#include <stdlib.h>

enum { BATCH_SPANS = 32, BATCH_SUMS = 8192 };

/* Tiles of one slab that belong to one span. */
struct piece {
    struct tile_run tiles;
    uint64_t slab;
    uint32_t span; /* of the batch */
};

struct spans_run {
    struct query_run query;
    VEC(struct piece) pieces;
};

static int piece_order(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    if (x->tiles.tier != y->tiles.tier)
        return x->tiles.tier < y->tiles.tier ? -1 : 1;
    return (x->tiles.from_s > y->tiles.from_s) - (x->tiles.from_s < y->tiles.from_s);
}

/* Cuts a run of tiles where slabs end. */
static bool push_run(struct spans_run *run, const struct tile_run *tiles, uint32_t span)
{
    uint64_t slab_s = slab_seconds(tiles->tier);
    for (uint64_t at = tiles->from_s; at < tiles->to_s;) {
        uint64_t slab = at / slab_s, end = MIN((slab + 1) * slab_s, tiles->to_s);
        struct piece piece = {{tiles->tier, at, end}, slab, span};
        if (!vec_push(&run->pieces, piece))
            return false;
        at = end;
    }
    return true;
}

static enum status find_pieces(struct spans_run *run, const struct edge_span *spans, uint32_t count,
                               struct err *e)
{
    const struct query_run *q = &run->query;
    run->pieces.len = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct tile_run tiles;
        for (uint64_t at = spans[i].from_s; edge_plan_next_run(
                 &q->plan, q->use->part, q->query->joint, &at, spans[i].to_s, &tiles);)
            if (!push_run(run, &tiles, i))
                return err_set(e, ST_NO_MEMORY, "no memory for a query");
    }
    if (run->pieces.len > 0)
        qsort(run->pieces.items, run->pieces.len, sizeof(*run->pieces.items), piece_order);
    return ST_OK;
}

/* Adds all pieces that lie in one block. */
static enum status add_block(struct spans_run *run, const struct block_entry *entry,
                             const struct piece *pieces, size_t count, struct err *e)
{
    struct query_run *q = &run->query;
    for (size_t i = 0; i < count; i++) {
        struct err why;
        struct edge_sum *sums = q->sums + (size_t)pieces[i].span * q->group_count;
        enum status status = query_run_add_block(q, entry, &pieces[i].tiles, sums, &why);
        TRY(query_run_lost(q, entry, status, &why, e));
        if (status != ST_OK)
            break;
    }
    return ST_OK;
}

static enum status add_slab(struct spans_run *run, const struct piece *pieces, size_t count,
                            struct err *e)
{
    const struct part_use *use = run->query.use;
    const struct edge_part *p = use->part;
    bool joint = run->query.query->joint;
    uint32_t i = edge_part_find_block(p, pieces->tiles.tier, joint, pieces->slab, 0);
    for (; i < p->block_count; i++) {
        const struct block_entry *entry = &p->blocks[i];
        if (entry->tier != pieces->tiles.tier || entry->joint != joint ||
            entry->slab != pieces->slab)
            break;
        if (use->wanted[entry->row_block])
            TRY(add_block(run, entry, pieces, count, e));
    }
    return ST_OK;
}

static enum status add_part(struct spans_run *run, const struct edge_span *spans, uint32_t count,
                            struct err *e)
{
    TRY(find_pieces(run, spans, count, e));
    for (size_t i = 0, end; i < run->pieces.len; i = end) {
        const struct piece *first = &run->pieces.items[i];
        for (end = i + 1; end < run->pieces.len; end++)
            if (run->pieces.items[end].tiles.tier != first->tiles.tier ||
                run->pieces.items[end].slab != first->slab)
                break;
        TRY(add_slab(run, first, end - i, e));
    }
    return ST_OK;
}

static enum status run_batch(struct spans_run *run, const struct edge_span *spans, uint32_t first,
                             uint32_t count, struct err *e)
{
    struct query_run *q = &run->query;
    for (size_t i = 0; i < q->uses.len; i++) {
        query_run_use(q, i);
        TRY(add_part(run, spans + first, count, e));
    }
    for (uint32_t i = 0; i < count; i++)
        TRY(query_run_give(q, q->sums + (size_t)i * q->group_count, first + i, e));
    return ST_OK;
}

static enum status run_batches(struct spans_run *run, const struct edge_span *spans, uint32_t count,
                               struct err *e)
{
    struct query_run *q = &run->query;
    uint32_t groups = MAX(q->group_count, 1u);
    q->batch_steps = MAX(MIN((uint32_t)BATCH_SPANS, (uint32_t)BATCH_SUMS / groups), 1u);
    TRY(query_run_hold(q, (size_t)groups * q->batch_steps * sizeof(*q->sums), e));
    q->sums = mem_calloc((size_t)groups * q->batch_steps, sizeof(*q->sums));
    if (!q->sums)
        return err_set(e, ST_NO_MEMORY, "no memory for %u groups", groups);
    for (uint32_t i = 0; i < count; i += q->batch_steps)
        TRY(run_batch(run, spans, i, MIN(q->batch_steps, count - i), e));
    return ST_OK;
}

enum status edge_spans_run(const struct edge_view *v, const struct edge_query *q,
                           const struct edge_span *spans, uint32_t count, struct edge_result *out,
                           struct err *e)
{
    struct spans_run run = {0};
    struct edge_query no_steps = *q;
    no_steps.step_s = 0;
    enum status status = query_run_init(&run.query, v, &no_steps, out, e);
    if (status == ST_OK)
        status = run_batches(&run, spans, count, e);
    query_run_deinit(&run.query);
    vec_deinit(&run.pieces);
    if (out->lost_blocks > 0 && v->store)
        store_note_lost(v->store, out->lost_blocks);
    if (status != ST_OK)
        edge_result_deinit(out);
    return status;
}
