/* edge_part_encode.c - the cells of a set as a part: for the head and for a checkpoint. */
#include "storage/edge_part_write.h"

#include <stdlib.h>

/* A cell of the set in its place. */
struct set_cell {
    uint32_t row;  /* as in the tables, from 0 in its kind */
    uint64_t tile; /* 15 s */
    const struct cell *cell;
};

struct set_source {
    const struct cell_set *set;
    struct edge_tables tables;
    VEC(struct set_cell) cells; /* by (kind, row, tile) */
    VEC(size_t) row_starts[2];  /* by joint: first cell of each row, and one behind the last */
    VEC(uint64_t) tiles;        /* distinct, ascending */
    uint32_t *names;            /* owned; symbol of each tally name */
    const struct cell_row *last_row;
};

static void source_deinit(struct set_source *s)
{
    edge_tables_deinit(&s->tables);
    vec_deinit(&s->cells);
    vec_deinit(&s->row_starts[0]);
    vec_deinit(&s->row_starts[1]);
    vec_deinit(&s->tiles);
    mem_free(s->names);
}

/* Cells come by row, so a row that differs from the last one is a new one. */
static bool note_row(struct set_source *s, const struct cell_row *row)
{
    if (row == s->last_row)
        return true;
    s->last_row = row;
    return vec_push(&s->row_starts[!row->is_total], s->cells.len) &&
           edge_tables_cell_row(&s->tables, row);
}

static bool note_names(struct set_source *s, const struct cell_tallies *tallies)
{
    for (uint32_t i = 0; i < tallies->len; i++) {
        uint32_t name = tallies->items[i].name;
        if (s->names[name] != INTERN_NONE)
            continue;
        s->names[name] = edge_tables_string(&s->tables, cell_set_name_at(s->set, name));
        if (s->names[name] == INTERN_NONE)
            return false;
    }
    return true;
}

static enum status note_cell(const struct cell_row *row, uint64_t tile_s, const struct cell *cell,
                             void *user, struct err *e)
{
    struct set_source *s = user;
    uint64_t tile = tile_s / TILE_SECONDS;
    if (!note_row(s, row) || !note_names(s, &cell->codes) || !note_names(s, &cell->grpc_codes) ||
        !note_names(s, &cell->flags) || !vec_push(&s->tiles, tile) ||
        !vec_push(&s->cells, ((struct set_cell){.tile = tile, .cell = cell})))
        return err_set(e, ST_NO_MEMORY, "no memory to encode cells");
    return ST_OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_tiles(struct set_source *s)
{
    size_t count = 0;
    if (s->tiles.len > 1)
        qsort(s->tiles.items, s->tiles.len, sizeof(uint64_t), by_number);
    for (size_t i = 0; i < s->tiles.len; i++)
        if (i == 0 || s->tiles.items[i] != s->tiles.items[count - 1])
            s->tiles.items[count++] = s->tiles.items[i];
    s->tiles.len = count;
}

static enum status source_fill(struct set_source *s, struct err *e)
{
    uint32_t names = cell_set_name_count(s->set);
    s->names = mem_realloc_array(NULL, (size_t)names + 1, sizeof(*s->names));
    if (!s->names || !edge_tables_init(&s->tables))
        return err_set(e, ST_NO_MEMORY, "no memory to encode cells");
    for (uint32_t i = 0; i < names; i++)
        s->names[i] = INTERN_NONE;
    TRY(cell_set_each(s->set, note_cell, s, e));
    sort_tiles(s);
    size_t joint_start = s->row_starts[1].len ? s->row_starts[1].items[0] : s->cells.len;
    if (!vec_push(&s->row_starts[0], joint_start) || !vec_push(&s->row_starts[1], s->cells.len) ||
        !edge_tables_sort(&s->tables))
        return err_set(e, ST_NO_MEMORY, "no memory to encode cells");
    for (uint32_t i = 0; i < names; i++)
        if (s->names[i] != INTERN_NONE)
            s->names[i] = s->tables.symbol_rank[s->names[i]];
    return ST_OK;
}

/* First of the 15 s tiles [from, to) of items that is not below `tile`. */
static size_t lower_bound(const struct set_cell *cells, size_t from, size_t to, uint64_t tile)
{
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (cells[middle].tile < tile)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool next_slab(void *user, enum tier tier, bool joint, uint64_t *slab)
{
    const struct set_source *s = user;
    (void)joint;
    uint64_t slab_tiles = slab_seconds(tier) / TILE_SECONDS, first = *slab * slab_tiles;
    size_t low = 0, high = s->tiles.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->tiles.items[middle] < first)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == s->tiles.len)
        return false;
    *slab = s->tiles.items[low] / slab_tiles;
    return true;
}

static uint32_t name_of(uint32_t name, void *user)
{
    const struct set_source *s = user;
    return s->names[name];
}

static enum status gather(void *user, const struct block_entry *block, struct block_grid *grid,
                          struct err *e)
{
    struct set_source *s = user;
    const size_t *starts = s->row_starts[block->joint].items;
    size_t rows = s->row_starts[block->joint].len - 1;
    uint64_t tile_15s = tier_seconds(block->tier) / TILE_SECONDS;
    uint64_t from = block->slab * SLAB_TILES * tile_15s, to = from + SLAB_TILES * tile_15s;
    size_t first = (size_t)block->row_block * BLOCK_ROWS;
    for (size_t row = first; row < MIN(rows, first + BLOCK_ROWS); row++) {
        size_t at = lower_bound(s->cells.items, starts[row], starts[row + 1], from);
        for (; at < starts[row + 1] && s->cells.items[at].tile < to; at++) {
            const struct set_cell *c = &s->cells.items[at];
            struct cell *cell = block_grid_cell(grid, (unsigned)((c->tile - from) / tile_15s),
                                                (unsigned)(row - first));
            if (!cell_merge(cell, c->cell, name_of, s))
                return err_set(e, ST_NO_MEMORY, "no memory to add up cells");
        }
    }
    return ST_OK;
}

static enum status write_all(const struct part_source *source, struct buf *out, struct err *e)
{
    struct part_writer *w = part_writer_new(source, out);
    bool done = false;
    enum status status = w ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory to write a part");
    while (status == ST_OK && !done)
        status = part_writer_step(w, 1024, &done, e);
    if (status == ST_OK)
        status = part_writer_finish(w, e);
    part_writer_free(w);
    return status;
}

enum status edge_part_encode(const struct cell_set *cells, bool sealed, struct buf *out,
                             struct err *e)
{
    struct set_source set = {.set = cells};
    struct part_source source = {.tables = &set.tables,
                                 .pack = sealed,
                                 .next_slab = next_slab,
                                 .gather = gather,
                                 .user = &set};
    for (unsigned t = TIER_15S + 1; t < TIER_COUNT && !sealed; t++)
        source.from_s[0][t] = source.from_s[1][t] = TIER_ABSENT;
    source.from_s[1][TIER_1M] = TIER_ABSENT; /* made when the 15 s tiles go, */
    source.from_s[1][TIER_5M] = TIER_ABSENT; /* and these with the minutes: see edge_merge.c */
    buf_reset(out);
    enum status status = source_fill(&set, e);
    if (status == ST_OK && set.tiles.len > 0) {
        source.start_s = set.tiles.items[0] * TILE_SECONDS;
        source.end_s = (set.tiles.items[set.tiles.len - 1] + 1) * TILE_SECONDS;
    }
    if (needs_no_day(source.start_s, source.end_s))
        source.from_s[0][TIER_1D] = source.from_s[1][TIER_1D] = TIER_ABSENT;
    if (status == ST_OK)
        status = write_all(&source, out, e);
    source_deinit(&set);
    return status;
}
