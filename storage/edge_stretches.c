/* edge_stretches.c - which minutes have traffic, from the presence bits of blocks; then the tiles
 * of 15 s where a stretch begins or ends. Histograms are looked at only where the hour does not say
 * that all requests, or none, were seen by that side. */
#include "storage/edge_stretches.h"

#include "storage/edge_query_private.h"
#include "storage/store_parts.h"

enum { MINUTE_S = 60, MINUTE_TILES = MINUTE_S / TILE_SECONDS };

/* Rows of a block of rows in the 16 hours of a slab: by side, some (all) requests were seen by it.
 */
struct hour_sights {
    bool is_known;
    uint64_t slab;
    uint64_t some[SIGHT_COUNT][SLAB_TILES], all[SIGHT_COUNT][SLAB_TILES];
};

struct stretch_run {
    struct query_run query;
    struct edge_stretches *out;
    uint64_t gap_s;
    uint64_t base_s; /* of the first minute */
    size_t minutes, words;
    uint64_t *bits;   /* owned; by group, sight, minute */
    uint32_t *places; /* owned; of each minute that is looked at closely, + 1; 0: it is not */
    uint32_t place_count;
    uint8_t *tiles;            /* owned; by group, sight, place: bit of each tile */
    struct hour_sights *hours; /* owned; of the part in hand, by block of rows */
    struct block_reader hour_reader;
};

static const enum stored_section sections[SIGHT_COUNT] = {STORED_PRESENCE, STORED_CLIENT,
                                                          STORED_SERVER, STORED_TRANSIT};

static bool is_wanted(const struct stretch_run *run, unsigned sight)
{
    unsigned section = sight == SIGHT_ANY ? SECTION_COUNTS : section_bit(sections[sight]);
    return (run->query.query->sections & section) != 0;
}

static size_t row_of(uint32_t group, unsigned sight)
{
    return (size_t)group * SIGHT_COUNT + sight;
}

/* --- marking --- */

static void mark(struct stretch_run *run, uint32_t group, unsigned sight, uint64_t tile_s)
{
    size_t minute = (size_t)((tile_s - run->base_s) / MINUTE_S), row = row_of(group, sight);
    run->bits[row * run->words + minute / 64] |= UINT64_C(1) << minute % 64;
    if (run->places && run->places[minute])
        run->tiles[row * run->place_count + run->places[minute] - 1] |=
            (uint8_t)(1u << (tile_s - run->base_s) / TILE_SECONDS % MINUTE_TILES);
}

static void mark_rows(struct stretch_run *run, const uint32_t *groups, uint64_t rows,
                      unsigned sight, uint64_t tile_s)
{
    for (; rows; rows &= rows - 1)
        mark(run, groups[__builtin_ctzll(rows)], sight, tile_s);
}

/* --- what an hour says --- */

/* What the side observed in the cell under the cursor; 0 when it is damaged. */
static uint64_t side_weight(const struct block_cursor *c, unsigned sight)
{
    struct histogram_item item;
    enum status status = block_side_item(c, sight - SIGHT_CLIENT, &item, NULL);
    return status == ST_OK && item.head ? (item.zero + item.n) * item.unit : 0;
}

static void note_hour(struct hour_sights *h, const struct block_cursor *c,
                      const struct cell *counts, unsigned sight)
{
    uint64_t weight = side_weight(c, sight), row = UINT64_C(1) << c->row;
    if (weight == 0)
        return;
    h->some[sight][c->tile] |= row;
    /* A request has one time at most as its client saw it, and one for each attempt as servers did.
     */
    bool is_once = sight != SIGHT_SERVER || counts->attempts == counts->weight;
    if (is_once && weight == counts->weight)
        h->all[sight][c->tile] |= row;
}

static void read_hours(struct stretch_run *run, const struct block_entry *entry,
                       struct hour_sights *h)
{
    unsigned wanted = run->query.query->sections | SECTION_COUNTS;
    struct block_cursor c;
    struct err why;
    if (block_reader_load(&run->hour_reader, run->query.use->part, entry, wanted, &why) != ST_OK)
        return; /* nothing is known: every tile is looked at */
    h->is_known = true;
    block_cursor_init(&c, &run->hour_reader, 0, SLAB_TILES);
    while (block_cursor_next(&c)) {
        struct cell counts = {0};
        block_add_counts(&c, &counts);
        for (unsigned sight = SIGHT_CLIENT; sight < SIGHT_COUNT; sight++)
            if (is_wanted(run, sight))
                note_hour(h, &c, &counts, sight);
    }
    h->is_known &= !c.failed;
}

static const struct hour_sights *hours_of(struct stretch_run *run, uint32_t row_block,
                                          uint64_t time_s)
{
    const struct edge_part *p = run->query.use->part;
    bool joint = run->query.query->joint;
    uint64_t slab = time_s / slab_seconds(TIER_1H);
    struct hour_sights *h = &run->hours[row_block];
    if (h->slab == slab + 1)
        return h;
    *h = (struct hour_sights){.slab = slab + 1};
    uint32_t i = edge_part_find_block(p, TIER_1H, joint, slab, row_block);
    const struct block_entry *entry = i < p->block_count ? &p->blocks[i] : NULL;
    if (entry && entry->tier == TIER_1H && entry->joint == joint && entry->slab == slab &&
        entry->row_block == row_block)
        read_hours(run, entry, h);
    return h;
}

/* Rows of which the hour that holds the tile says that the side saw all requests, or some. */
static void rows_seen(struct stretch_run *run, const struct block_entry *entry, unsigned sight,
                      uint64_t tile_s, uint64_t *some, uint64_t *all)
{
    uint64_t hour_s = tier_seconds(TIER_1H);
    *some = UINT64_MAX;
    *all = 0;
    if (edge_part_tier_from(run->query.use->part, TIER_1H, entry->joint) > tile_s / hour_s * hour_s)
        return;
    const struct hour_sights *h = hours_of(run, entry->row_block, tile_s);
    if (!h->is_known)
        return;
    *some = h->some[sight][tile_s / hour_s % SLAB_TILES];
    *all = h->all[sight][tile_s / hour_s % SLAB_TILES];
}

/* --- blocks --- */

/* Sights of which the presence bits alone do not tell, enum section bits. */
static unsigned mark_present(struct stretch_run *run, const struct block_entry *entry,
                             const struct block_reader *reader, unsigned from, unsigned to,
                             const uint32_t *groups)
{
    uint64_t seconds = tier_seconds(entry->tier), zero = entry->slab * slab_seconds(entry->tier);
    unsigned unclear = 0;
    uint64_t wanted = run->query.use->wanted[entry->row_block];
    for (unsigned t = from; t < to; t++) {
        uint64_t present = reader->present[t] & wanted, tile_s = zero + t * seconds;
        if (is_wanted(run, SIGHT_ANY))
            mark_rows(run, groups, present, SIGHT_ANY, tile_s);
        for (unsigned sight = SIGHT_CLIENT; sight < SIGHT_COUNT; sight++) {
            uint64_t some, all;
            if (!is_wanted(run, sight) || !present)
                continue;
            rows_seen(run, entry, sight, tile_s, &some, &all);
            mark_rows(run, groups, present & all, sight, tile_s);
            if (present & some & ~all)
                unclear |= section_bit(sections[sight]);
        }
    }
    return unclear;
}

static enum status mark_observed(struct stretch_run *run, const struct block_entry *entry,
                                 unsigned unclear, unsigned from, unsigned to,
                                 const uint32_t *groups, struct err *e)
{
    struct block_reader *reader = &run->query.reader;
    uint64_t seconds = tier_seconds(entry->tier), zero = entry->slab * slab_seconds(entry->tier);
    struct block_cursor c;
    TRY(block_reader_load(reader, run->query.use->part, entry, unclear, e));
    block_cursor_init(&c, reader, from, to);
    c.rows = run->query.use->wanted[entry->row_block];
    while (block_cursor_next(&c))
        for (unsigned sight = SIGHT_CLIENT; sight < SIGHT_COUNT; sight++)
            if (unclear & section_bit(sections[sight]) && side_weight(&c, sight) > 0)
                mark(run, groups[c.row], sight, zero + c.tile * seconds);
    return c.failed ? err_set(e, ST_CORRUPT, "the runs of a block make no sense") : ST_OK;
}

static enum status mark_block(struct stretch_run *run, const struct block_entry *entry,
                              const struct tile_run *tiles, struct err *e)
{
    struct query_run *q = &run->query;
    uint64_t seconds = tier_seconds(entry->tier), zero = entry->slab * slab_seconds(entry->tier);
    unsigned from = (unsigned)(tiles->from_s > zero ? (tiles->from_s - zero) / seconds : 0);
    unsigned to = (unsigned)MIN((tiles->to_s - zero) / seconds, (uint64_t)SLAB_TILES);
    const uint32_t *groups = q->use->groups + (size_t)entry->row_block * BLOCK_ROWS;
    TRY(query_run_hold(q, 0, e));
    TRY(block_reader_load(&q->reader, q->use->part, entry, 0, e));
    unsigned unclear = mark_present(run, entry, &q->reader, from, to, groups);
    return unclear ? mark_observed(run, entry, unclear, from, to, groups, e) : ST_OK;
}

static enum status mark_run(struct stretch_run *run, const struct tile_run *tiles, struct err *e)
{
    const struct part_use *use = run->query.use;
    const struct edge_part *p = use->part;
    bool joint = run->query.query->joint;
    uint64_t slab = tiles->from_s / slab_seconds(tiles->tier);
    uint32_t i = edge_part_find_block(p, tiles->tier, joint, slab, 0);
    for (; i < p->block_count; i++) {
        const struct block_entry *entry = &p->blocks[i];
        struct err why;
        if (entry->tier != tiles->tier || entry->joint != joint ||
            entry->slab * slab_seconds(tiles->tier) >= tiles->to_s)
            break;
        if (!use->wanted[entry->row_block])
            continue;
        enum status status = mark_block(run, entry, tiles, &why);
        TRY(query_run_lost(&run->query, entry, status, &why, e));
    }
    return ST_OK;
}

/* Tiles of at most step_s of all parts in [from_s, to_s). */
static enum status mark_parts(struct stretch_run *run, uint32_t step_s, uint64_t from_s,
                              uint64_t to_s, struct err *e)
{
    run->query.plan.step_s = step_s;
    struct tile_run tiles;
    for (uint64_t at = from_s; edge_plan_next_run(&run->query.plan, run->query.use->part,
                                                  run->query.query->joint, &at, to_s, &tiles);)
        TRY(mark_run(run, &tiles, e));
    return ST_OK;
}

/* --- minutes to stretches --- */

static size_t next_minute(const struct stretch_run *run, size_t row, size_t from)
{
    const uint64_t *bits = run->bits + row * run->words;
    for (size_t word = from / 64; word < run->words; word++) {
        uint64_t left = bits[word] & (word == from / 64 ? UINT64_MAX << from % 64 : UINT64_MAX);
        if (left)
            return word * 64 + (size_t)__builtin_ctzll(left);
    }
    return run->minutes;
}

/* The last minute of those with traffic that follow `minute` without a gap. */
static size_t last_of_block(const struct stretch_run *run, size_t row, size_t minute)
{
    const uint64_t *bits = run->bits + row * run->words;
    for (size_t word = minute / 64; word < run->words; word++) {
        uint64_t left =
            ~bits[word] & (word == minute / 64 ? UINT64_MAX << minute % 64 : UINT64_MAX);
        if (left)
            return word * 64 + (size_t)__builtin_ctzll(left) - 1;
    }
    return run->minutes - 1;
}

static void look_closely(struct stretch_run *run, size_t minute)
{
    if (!run->places[minute])
        run->places[minute] = ++run->place_count;
}

/* Where a stretch may begin or end: the first and the last minute, and those around a gap that may
 * be too long. */
static void find_places(struct stretch_run *run, size_t row)
{
    size_t last = run->minutes;
    for (size_t m = next_minute(run, row, 0); m < run->minutes;
         m = next_minute(run, row, last + 1)) {
        bool is_near = last < run->minutes &&
                       (m - last - 1) * MINUTE_S + 2 * (MINUTE_S - TILE_SECONDS) <= run->gap_s;
        if (!is_near) {
            look_closely(run, m);
            if (last < run->minutes)
                look_closely(run, last);
        }
        last = last_of_block(run, row, m);
    }
    if (last < run->minutes)
        look_closely(run, last);
}

/* Tiles of a minute, a bit each; all of them where nobody looked, or where the block is damaged. */
static unsigned tiles_of(const struct stretch_run *run, size_t row, size_t minute)
{
    uint32_t place = run->places[minute];
    unsigned tiles = place ? run->tiles[row * run->place_count + place - 1] : 0;
    return tiles ? tiles : (1u << MINUTE_TILES) - 1;
}

/* Minutes [first, last], all with traffic. */
static bool push_minutes(struct stretch_run *run, struct edge_stretch_list *list, size_t row,
                         size_t first, size_t last)
{
    unsigned begin = tiles_of(run, row, first), end = tiles_of(run, row, last);
    struct edge_stretch next = {run->base_s + first * MINUTE_S +
                                    (unsigned)__builtin_ctz(begin) * (uint64_t)TILE_SECONDS,
                                run->base_s + last * MINUTE_S +
                                    (32 - (unsigned)__builtin_clz(end)) * (uint64_t)TILE_SECONDS};
    struct edge_stretch *before = list->len ? &list->items[list->len - 1] : NULL;
    if (!before || next.from_s - before->to_s > run->gap_s)
        return vec_push(list, next);
    before->to_s = next.to_s;
    return true;
}

static bool make_stretches(struct stretch_run *run, uint32_t group, unsigned sight)
{
    size_t row = row_of(group, sight), last;
    struct edge_stretch_list *list = &run->out->groups[group][sight];
    for (size_t m = next_minute(run, row, 0); m < run->minutes;
         m = next_minute(run, row, last + 1)) {
        last = last_of_block(run, row, m);
        if (!push_minutes(run, list, row, m, last))
            return false;
    }
    return true;
}

/* --- the run --- */

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for a query");
}

static enum status prepare(struct stretch_run *run, struct err *e)
{
    const struct edge_plan *plan = &run->query.plan;
    size_t rows = (size_t)run->query.group_count * SIGHT_COUNT;
    run->base_s = plan->first_s / MINUTE_S * MINUTE_S;
    run->minutes = (size_t)((plan->last_s - run->base_s + MINUTE_S - 1) / MINUTE_S);
    run->words = run->minutes / 64 + 1;
    run->bits = mem_calloc(rows * run->words + 1, sizeof(*run->bits));
    run->out->groups = mem_calloc((size_t)run->query.group_count + 1, sizeof(*run->out->groups));
    run->out->group_count = run->query.group_count;
    return run->bits && run->out->groups ? ST_OK : no_memory(e);
}

static enum status open_part(struct stretch_run *run, size_t use, struct err *e)
{
    query_run_use(&run->query, use);
    mem_free(run->hours);
    uint32_t rows = edge_part_kind_rows(run->query.use->part, run->query.query->joint);
    run->hours = mem_calloc(rows / BLOCK_ROWS + 1, sizeof(*run->hours));
    return run->hours ? ST_OK : no_memory(e);
}

static enum status mark_minutes(struct stretch_run *run, struct err *e)
{
    uint64_t first_s = run->query.plan.first_s, last_s = run->query.plan.last_s;
    for (size_t i = 0; i < run->query.uses.len; i++) {
        TRY(open_part(run, i, e));
        TRY(mark_parts(run, MINUTE_S, first_s, last_s, e));
    }
    return ST_OK;
}

static enum status mark_places(struct stretch_run *run, struct err *e)
{
    size_t rows = (size_t)run->query.group_count * SIGHT_COUNT;
    run->places = mem_calloc(run->minutes + 1, sizeof(*run->places));
    if (!run->places)
        return no_memory(e);
    for (size_t row = 0; row < rows; row++)
        find_places(run, row);
    run->tiles = mem_calloc(rows * run->place_count + 1, 1);
    if (!run->tiles)
        return no_memory(e);
    for (size_t i = 0; i < run->query.uses.len; i++) {
        TRY(open_part(run, i, e));
        for (size_t m = 0, end; m < run->minutes; m = end + 1) {
            for (end = m; end < run->minutes && run->places[end]; end++) {
            }
            if (end > m)
                TRY(mark_parts(run, TILE_SECONDS,
                               MAX(run->base_s + m * MINUTE_S, run->query.plan.first_s),
                               MIN(run->base_s + end * MINUTE_S, run->query.plan.last_s), e));
        }
    }
    return ST_OK;
}

static enum status run_all(struct stretch_run *run, struct err *e)
{
    TRY(prepare(run, e));
    TRY(mark_minutes(run, e));
    TRY(mark_places(run, e));
    for (uint32_t group = 0; group < run->out->group_count; group++)
        for (unsigned sight = 0; sight < SIGHT_COUNT; sight++)
            if (!make_stretches(run, group, sight))
                return no_memory(e);
    return ST_OK;
}

enum status edge_stretches_run(const struct edge_view *v, const struct edge_query *q,
                               uint64_t gap_s, struct edge_stretches *out, struct err *e)
{
    struct edge_result result;
    struct stretch_run run = {.out = out, .gap_s = gap_s};
    *out = (struct edge_stretches){0};
    enum status status = query_run_init(&run.query, v, q, &result, e);
    if (status == ST_OK)
        status = run_all(&run, e);
    out->lost_blocks = result.lost_blocks;
    query_run_deinit(&run.query);
    block_reader_deinit(&run.hour_reader);
    mem_free(run.bits);
    mem_free(run.places);
    mem_free(run.tiles);
    mem_free(run.hours);
    edge_result_deinit(&result);
    if (out->lost_blocks > 0 && v->store)
        store_note_lost(v->store, out->lost_blocks);
    if (status != ST_OK)
        edge_stretches_deinit(out);
    return status;
}

void edge_stretches_deinit(struct edge_stretches *s)
{
    for (uint32_t group = 0; s->groups && group < s->group_count; group++)
        for (unsigned sight = 0; sight < SIGHT_COUNT; sight++)
            mem_free(s->groups[group][sight].items);
    mem_free(s->groups);
    *s = (struct edge_stretches){0};
}
