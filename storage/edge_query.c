/* edge_query.c - exact sums over any range: batches of steps, in each the tiles of every part added
 * into dense accumulators. */
#include "storage/edge_query_private.h"

#include "base/intern.h"
#include "storage/store_parts.h"

enum {
    BATCH_STEPS = 16, /* a slab of tiles when the step is a tile */
    ACCUMULATORS = 16384,
    ROWS_PER_CHECK = 4096,
};

enum status query_run_hold(struct query_run *run, size_t more, struct err *e)
{
    const struct edge_query *q = run->query;
    run->held_bytes += more;
    return q->check ? q->check(run->held_bytes, q->user, e) : ST_OK;
}

/* --- rows to groups --- */

static enum status group_rows(struct query_run *run, struct part_use *use, struct err *e)
{
    bool joint = run->query->joint;
    uint32_t rows = edge_part_kind_rows(use->part, joint);
    uint32_t base = edge_part_first_row(use->part, joint);
    TRY(query_run_hold(run,
                       rows * sizeof(*use->groups) + rows / BLOCK_ROWS * sizeof(*use->wanted) +
                           use->part->symbol_count * sizeof(*use->names),
                       e));
    use->groups = mem_realloc_array(NULL, (size_t)rows + 1, sizeof(*use->groups));
    use->wanted = mem_calloc(rows / BLOCK_ROWS + 1, sizeof(*use->wanted));
    use->names = mem_alloc(((size_t)use->part->symbol_count + 1) * sizeof(*use->names));
    if (!use->groups || !use->wanted || !use->names)
        return err_set(e, ST_NO_MEMORY, "no memory to group %u rows", rows);
    memset(use->names, 0xff, ((size_t)use->part->symbol_count + 1) * sizeof(*use->names));
    for (uint32_t i = 0; i < rows; i++) {
        struct cell_row row;
        if (i % ROWS_PER_CHECK == 0)
            TRY(query_run_hold(run, 0, e));
        edge_part_row(use->part, base + i, &row);
        uint32_t group = run->query->group(&row, run->query->user);
        use->groups[i] = group;
        if (group == UINT32_MAX)
            continue;
        use->wanted[i / BLOCK_ROWS] |= UINT64_C(1) << i % BLOCK_ROWS;
        run->group_count = MAX(run->group_count, group + 1);
    }
    return ST_OK;
}

static enum status use_parts(struct query_run *run, const struct edge_view *v, struct err *e)
{
    for (size_t i = 0; i < v->part_count; i++) {
        if (!edge_plan_part_overlaps(&run->plan, v->parts[i]))
            continue;
        struct part_use use = {.part = v->parts[i]};
        if (!vec_push(&run->uses, use))
            return err_set(e, ST_NO_MEMORY, "no memory for a query");
        TRY(group_rows(run, &run->uses.items[run->uses.len - 1], e));
    }
    return ST_OK;
}

static uint32_t result_name(uint32_t name, void *user)
{
    struct query_run *run = user;
    const struct part_use *use = run->use;
    if (use->names[name] == INTERN_NONE)
        use->names[name] = intern_add(run->result->names, edge_part_name(use->part, name));
    return use->names[name];
}

/* --- blocks to sums --- */

static size_t dense_bytes(const struct histogram_dense *d)
{
    return d->len * sizeof(*d->slots) + d->rest.bucket_cap * sizeof(*d->rest.buckets);
}

/* What it takes is told with the next block. */
static enum status add_side(struct query_run *run, const struct block_cursor *c, unsigned side,
                            struct histogram_dense *to, struct err *e)
{
    struct histogram_item item;
    size_t before = dense_bytes(to);
    TRY(block_side_item(c, side, &item, e));
    if (item.head)
        TRY(histogram_dense_add_item(&item, to, e));
    run->held_bytes += dense_bytes(to) - before;
    return ST_OK;
}

static struct edge_sum *step_sums(const struct query_run *run, uint64_t step)
{
    return &run->sums[step * run->group_count];
}

static struct edge_sum *sums_at(const struct query_run *run, uint64_t tile_s)
{
    return step_sums(run, run->plan.step_s ? tile_s / run->plan.step_s - run->batch_first : 0);
}

static bool has_section(const struct query_run *run, unsigned section)
{
    return (run->query->sections & section) != 0;
}

static enum status add_cell(struct query_run *run, const struct block_cursor *c, uint64_t tile_s,
                            struct edge_sum *sum, struct err *e)
{
    sum->used = true;
    if (has_section(run, SECTION_COUNTS))
        block_add_counts(c, &sum->cell);
    for (unsigned side = 0; side < BLOCK_SIDES; side++)
        if (has_section(run, section_bit(STORED_CLIENT + side)))
            TRY(add_side(run, c, side, &sum->side[side], e));
    if (has_section(run, SECTION_TALLIES))
        TRY(block_add_tallies(c, &sum->cell, result_name, run, e));
    return has_section(run, SECTION_EXEMPLARS) ? block_add_exemplars(c, tile_s, &sum->cell, e)
                                               : ST_OK;
}

enum status query_run_load(struct query_run *run, const struct block_entry *entry, struct err *e)
{
    if (run->loaded == entry)
        return ST_OK;
    run->loaded = NULL;
    TRY(block_reader_load(&run->reader, run->use->part, entry, run->query->sections, e));
    run->loaded = entry;
    return ST_OK;
}

void query_run_use(struct query_run *run, size_t use)
{
    run->use = &run->uses.items[use];
    run->loaded = NULL;
}

enum status query_run_lost(struct query_run *run, const struct block_entry *entry,
                           enum status status, const struct err *why, struct err *e)
{
    if (status != ST_CORRUPT && status != ST_IO)
        return status == ST_OK ? ST_OK : err_set(e, status, "%s", why->msg);
    edge_part_log_lost(run->use->part, entry, why);
    run->result->lost_blocks++;
    return ST_OK;
}

/* Adds the exemplars of the 15 s tiles of one block that lie in `tiles`. */
static enum status add_fine_block(struct query_run *run, const struct block_entry *entry,
                                  const struct tile_run *tiles, struct edge_sum *into,
                                  struct err *e)
{
    uint64_t zero = entry->slab * slab_seconds(TIER_15S);
    uint64_t from = tiles->from_s > zero ? (tiles->from_s - zero) / TILE_SECONDS : 0;
    uint64_t to = MIN((tiles->to_s - zero) / TILE_SECONDS, (uint64_t)SLAB_TILES);
    const uint32_t *groups = run->use->groups + (size_t)entry->row_block * BLOCK_ROWS;
    struct block_cursor c;
    TRY(block_reader_load(&run->fine_reader, run->use->part, entry, SECTION_EXEMPLARS, e));
    block_cursor_init(&c, &run->fine_reader, (unsigned)from, (unsigned)to);
    c.rows = run->use->wanted[entry->row_block];
    while (block_cursor_next(&c)) {
        uint64_t tile_s = zero + c.tile * TILE_SECONDS;
        struct edge_sum *sums = into ? into : sums_at(run, tile_s);
        TRY(block_add_exemplars(&c, tile_s, &sums[groups[c.row]].cell, e));
    }
    return c.failed ? err_set(e, ST_CORRUPT, "the runs of a block make no sense") : ST_OK;
}

/* The exemplars that a block of minutes leaves to its 15 s tiles. */
static enum status add_fine_exemplars(struct query_run *run, const struct block_entry *minutes,
                                      const struct tile_run *tiles, struct edge_sum *into,
                                      struct err *e)
{
    const struct edge_part *p = run->use->part;
    uint64_t zero = minutes->slab * slab_seconds(TIER_1M);
    struct tile_run fine = {.tier = TIER_15S,
                            .from_s = MAX(tiles->from_s, zero),
                            .to_s = MIN(tiles->to_s, zero + slab_seconds(TIER_1M))};
    uint64_t slab = fine.from_s / slab_seconds(TIER_15S);
    for (; slab * slab_seconds(TIER_15S) < fine.to_s; slab++) {
        uint32_t i = edge_part_find_block(p, TIER_15S, minutes->joint, slab, minutes->row_block);
        const struct block_entry *entry = &p->blocks[MIN(i, p->block_count - 1)];
        if (entry->tier != TIER_15S || entry->joint != minutes->joint || entry->slab != slab ||
            entry->row_block != minutes->row_block || entry->bytes[STORED_EXEMPLARS] == 0)
            continue;
        struct err why;
        enum status status = add_fine_block(run, entry, &fine, into, &why);
        TRY(query_run_lost(run, entry, status, &why, e));
    }
    return ST_OK;
}

enum status query_run_add_block(struct query_run *run, const struct block_entry *entry,
                                const struct tile_run *tiles, struct edge_sum *into, struct err *e)
{
    uint64_t seconds = tier_seconds(entry->tier), zero = entry->slab * slab_seconds(entry->tier);
    uint64_t from = tiles->from_s > zero ? (tiles->from_s - zero) / seconds : 0;
    uint64_t to = MIN((tiles->to_s - zero) / seconds, (uint64_t)SLAB_TILES);
    const uint32_t *groups = run->use->groups + (size_t)entry->row_block * BLOCK_ROWS;
    struct block_cursor c;
    TRY(query_run_hold(run, 0, e));
    TRY(query_run_load(run, entry, e));
    block_cursor_init(&c, &run->reader, (unsigned)from, (unsigned)to);
    c.rows = run->use->wanted[entry->row_block];
    while (block_cursor_next(&c)) {
        uint64_t tile_s = zero + c.tile * seconds;
        struct edge_sum *sums = into ? into : sums_at(run, tile_s);
        TRY(add_cell(run, &c, tile_s, &sums[groups[c.row]], e));
    }
    if (c.failed)
        return err_set(e, ST_CORRUPT, "the runs of a block make no sense");
    bool elsewhere = !has_exemplars(run->use->part->version, entry->tier, entry->joint);
    return elsewhere && run->query->sections & SECTION_EXEMPLARS
               ? add_fine_exemplars(run, entry, tiles, into, e)
               : ST_OK;
}

static enum status add_run(struct query_run *run, const struct tile_run *tiles, struct err *e)
{
    const struct edge_part *p = run->use->part;
    uint64_t slab = tiles->from_s / slab_seconds(tiles->tier);
    uint32_t i = edge_part_find_block(p, tiles->tier, run->query->joint, slab, 0);
    for (; i < p->block_count; i++) {
        const struct block_entry *entry = &p->blocks[i];
        struct err why;
        if (entry->tier != tiles->tier || entry->joint != run->query->joint ||
            entry->slab * slab_seconds(tiles->tier) >= tiles->to_s)
            break;
        if (!run->use->wanted[entry->row_block])
            continue;
        enum status status = query_run_add_block(run, entry, tiles, NULL, &why);
        TRY(query_run_lost(run, entry, status, &why, e));
    }
    return ST_OK;
}

static enum status add_parts(struct query_run *run, uint64_t from_s, uint64_t to_s, struct err *e)
{
    for (size_t i = 0; i < run->uses.len; i++) {
        struct tile_run tiles;
        query_run_use(run, i);
        for (uint64_t at = from_s;
             edge_plan_next_run(&run->plan, run->use->part, run->query->joint, &at, to_s, &tiles);)
            TRY(add_run(run, &tiles, e));
    }
    return ST_OK;
}

/* --- sums to points --- */

static bool take_side(const struct query_run *run, struct histogram_dense *from,
                      struct histogram *to)
{
    const struct edge_query *q = run->query;
    return q->apart ? histogram_dense_take_coarse(from, q->apart, q->apart_count, to)
                    : histogram_dense_take(from, to);
}

static bool take_sides(const struct query_run *run, struct edge_sum *sum, struct cell *out)
{
    return take_side(run, &sum->side[0], &out->client) &&
           take_side(run, &sum->side[1], &out->server) &&
           take_side(run, &sum->side[2], &out->transit);
}

/* There is no other step that would use their slots. */
static void end_sides(struct query_run *run, struct edge_sum *sum)
{
    for (unsigned side = 0; side < BLOCK_SIDES; side++) {
        run->held_bytes -= dense_bytes(&sum->side[side]);
        histogram_dense_deinit(&sum->side[side]);
    }
}

static enum status keep_point(struct query_run *run, uint32_t group, uint64_t time_s,
                              struct edge_sum *sum, struct err *e)
{
    struct edge_series *series = &run->result->series[group];
    struct edge_point point = {.time_s = time_s};
    if (series->len == series->cap &&
        !vec_grow((void **)&series->points, &series->cap, series->len + 1, sizeof(*series->points)))
        return err_set(e, ST_NO_MEMORY, "no memory for the points of an answer");
    if (!take_sides(run, sum, &sum->cell))
        return err_set(e, ST_NO_MEMORY, "no memory for the points of an answer");
    const struct cell *c = &sum->cell;
    size_t buckets = (size_t)c->client.bucket_cap + c->server.bucket_cap + c->transit.bucket_cap;
    size_t bytes = sizeof(point) + buckets * sizeof(struct histogram_bucket);
    point.cell = sum->cell;
    series->points[series->len++] = point;
    sum->cell = (struct cell){0};
    run->result->held_bytes += bytes;
    if (!run->plan.step_s)
        end_sides(run, sum);
    return query_run_hold(run, bytes, e);
}

/* The histograms of all points go through the same memory, so that it stays in the cache. */
static enum status hand_out_point(struct query_run *run, uint32_t group, uint64_t time_s,
                                  struct edge_sum *sum, struct err *e)
{
    struct cell out = sum->cell;
    out.client = run->passing[0];
    out.server = run->passing[1];
    out.transit = run->passing[2];
    enum status status = ST_OK;
    if (!take_sides(run, sum, &out))
        status = err_set(e, ST_NO_MEMORY, "no memory for the points of an answer");
    if (status == ST_OK)
        status = run->query->point(group, time_s, &out, run->query->user, e);
    run->passing[0] = out.client;
    run->passing[1] = out.server;
    run->passing[2] = out.transit;
    cell_reset(&sum->cell);
    return status;
}

static enum status hand_out_quantiles(struct query_run *run, uint32_t group, uint64_t time_s,
                                      struct edge_sum *sum, struct err *e)
{
    const struct edge_query *q = run->query;
    unsigned side = 0;
    uint64_t weight;
    while (side + 1 < BLOCK_SIDES && !has_section(run, section_bit(STORED_CLIENT + side)))
        side++;
    if (!histogram_dense_take_quantiles(&sum->side[side], q->q, q->q_count, &weight, run->ns))
        return err_set(e, ST_NO_MEMORY, "no memory for the points of an answer");
    cell_reset(&sum->cell);
    return q->quantiles(group, time_s, weight, run->ns, q->user, e);
}

static enum status give_point(struct query_run *run, uint32_t group, uint64_t time_s,
                              struct edge_sum *sum, struct err *e)
{
    const struct edge_query *q = run->query;
    if (++run->points > q->max_points)
        return err_set(e, ST_QUERY,
                       "the answer would have more than %llu points: ask for a longer "
                       "step or a shorter range",
                       (unsigned long long)q->max_points);
    sum->used = false;
    if (q->quantiles)
        return hand_out_quantiles(run, group, time_s, sum, e);
    return q->point ? hand_out_point(run, group, time_s, sum, e)
                    : keep_point(run, group, time_s, sum, e);
}

enum status query_run_give(struct query_run *run, struct edge_sum *sums, uint64_t time,
                           struct err *e)
{
    for (uint32_t group = 0; group < run->group_count; group++)
        if (sums[group].used)
            TRY(give_point(run, group, time, &sums[group], e));
    return ST_OK;
}

static enum status run_batch(struct query_run *run, uint64_t from_s, uint64_t to_s, struct err *e)
{
    TRY(add_parts(run, from_s, to_s, e));
    for (uint32_t step = 0; step < run->batch_steps; step++) {
        uint64_t time_s =
            run->plan.step_s ? (run->batch_first + step) * run->plan.step_s : run->plan.start_s;
        TRY(query_run_give(run, step_sums(run, step), time_s, e));
    }
    return ST_OK;
}

/* The first second from `at` on in whose slab some part may hold something: years may lie between
 * two requests. */
static uint64_t next_data(const struct query_run *run, uint64_t at)
{
    bool joint = run->query->joint;
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < run->uses.len; i++) {
        const struct edge_part *p = run->uses.items[i].part;
        for (unsigned tier = TIER_15S; tier < TIER_COUNT; tier++) {
            uint64_t slab = slab_seconds(tier);
            uint32_t b = edge_part_find_block(p, tier, joint, at / slab, 0);
            if (b < p->block_count && p->blocks[b].tier == tier && p->blocks[b].joint == joint)
                next = MIN(next, p->blocks[b].slab * slab);
            if (p->from_s[joint][tier] <= at)
                break; /* from here on a coarser one has nothing else */
        }
    }
    return MAX(next, at);
}

static enum status run_batches(struct query_run *run, struct err *e)
{
    const struct edge_plan *plan = &run->plan;
    if (!plan->step_s)
        return run_batch(run, plan->first_s, plan->last_s, e);
    uint64_t batch_s = (uint64_t)plan->step_s * run->batch_steps;
    for (uint64_t at = next_data(run, plan->first_s); at < plan->last_s;) {
        uint64_t start = at - at % batch_s, end = MIN(start + batch_s, plan->last_s);
        run->batch_first = start / plan->step_s;
        TRY(run_batch(run, at, end, e));
        at = next_data(run, end);
    }
    return ST_OK;
}

static enum status prepare_sums(struct query_run *run, struct err *e)
{
    uint32_t groups = run->group_count;
    run->batch_steps = 1;
    while (run->plan.step_s && run->batch_steps < BATCH_STEPS &&
           (uint64_t)run->batch_steps * 2 * groups <= ACCUMULATORS)
        run->batch_steps *= 2;
    TRY(query_run_hold(run, (size_t)groups * run->batch_steps * sizeof(*run->sums), e));
    run->sums = mem_calloc((size_t)groups * run->batch_steps + 1, sizeof(*run->sums));
    run->result->series = mem_calloc((size_t)groups + 1, sizeof(*run->result->series));
    if (!run->sums || !run->result->series)
        return err_set(e, ST_NO_MEMORY, "no memory for %u groups", groups);
    run->result->series_count = groups;
    for (size_t i = 0; i < (size_t)groups * run->batch_steps; i++)
        for (unsigned side = 0; side < BLOCK_SIDES; side++)
            run->sums[i].side[side].without_sums = run->query->without_sums;
    return ST_OK;
}

void query_run_deinit(struct query_run *run)
{
    size_t sums = (size_t)run->group_count * run->batch_steps;
    for (size_t i = 0; run->sums && i < sums; i++) {
        cell_deinit(&run->sums[i].cell);
        for (unsigned side = 0; side < 3; side++)
            histogram_dense_deinit(&run->sums[i].side[side]);
    }
    for (unsigned side = 0; side < 3; side++)
        histogram_deinit(&run->passing[side]);
    for (size_t i = 0; i < run->uses.len; i++) {
        mem_free(run->uses.items[i].groups);
        mem_free(run->uses.items[i].wanted);
        mem_free(run->uses.items[i].names);
    }
    mem_free(run->sums);
    vec_deinit(&run->uses);
    block_reader_deinit(&run->reader);
    block_reader_deinit(&run->fine_reader);
}

enum status query_run_init(struct query_run *run, const struct edge_view *v,
                           const struct edge_query *q, struct edge_result *out, struct err *e)
{
    *run = (struct query_run){.query = q, .result = out};
    *out = (struct edge_result){.names = intern_new(0)};
    edge_plan_make(v, q, &run->plan);
    out->start_s = run->plan.start_s;
    out->end_s = run->plan.end_s;
    out->resolution_s = tier_seconds(run->plan.resolution);
    out->step_s = run->plan.step_s;
    return out->names ? use_parts(run, v, e) : err_set(e, ST_NO_MEMORY, "no memory for a query");
}

enum status edge_query_run(const struct edge_view *v, const struct edge_query *q,
                           struct edge_result *out, struct err *e)
{
    struct query_run run;
    enum status status = query_run_init(&run, v, q, out, e);
    if (status == ST_OK)
        status = prepare_sums(&run, e);
    if (status == ST_OK)
        status = run_batches(&run, e);
    query_run_deinit(&run);
    if (out->lost_blocks > 0 && v->store)
        store_note_lost(v->store, out->lost_blocks);
    if (status != ST_OK)
        edge_result_deinit(out);
    return status;
}

void edge_result_deinit(struct edge_result *r)
{
    for (uint32_t i = 0; i < r->series_count; i++) {
        for (size_t j = 0; j < r->series[i].len; j++)
            cell_deinit(&r->series[i].points[j].cell);
        mem_free(r->series[i].points);
    }
    mem_free(r->series);
    intern_free(r->names);
    *r = (struct edge_result){0};
}
