/* edge_part_scan.c - adds the cells of a part into cells of the caller, tile by tile. */
#include "storage/edge_part_file.h"

static enum status add_side(const struct block_cursor *c, unsigned side, struct histogram *to,
                            struct err *e)
{
    struct histogram_item item;
    TRY(block_side_item(c, side, &item, e));
    return item.head ? histogram_item_add(&item, to, e) : ST_OK;
}

enum status edge_part_add_cell(const struct block_cursor *c, unsigned sections, uint64_t tile_s,
                               struct cell *to, uint32_t (*map)(uint32_t name, void *user),
                               void *user, struct err *e)
{
    if (sections & SECTION_COUNTS)
        block_add_counts(c, to);
    TRY(add_side(c, 0, &to->client, e));
    TRY(add_side(c, 1, &to->server, e));
    TRY(add_side(c, 2, &to->transit, e));
    TRY(block_add_tallies(c, to, map, user, e));
    return block_add_exemplars(c, tile_s, to, e);
}

/* Tiles of the slab that lie wholly in [start, end): from *from, before *to. */
static void tiles_inside(const struct block_entry *entry, uint64_t start_s, uint64_t end_s,
                         unsigned *from, unsigned *to)
{
    uint64_t tile = tier_seconds(entry->tier), zero = entry->slab * slab_seconds(entry->tier);
    uint64_t first = start_s > zero ? (start_s - zero + tile - 1) / tile : 0;
    uint64_t last = end_s > zero ? (end_s - zero) / tile : 0;
    *from = (unsigned)MIN(first, (uint64_t)SLAB_TILES);
    *to = (unsigned)MIN(last, (uint64_t)SLAB_TILES);
}

static bool any_wanted(const struct edge_part *p, const struct block_entry *entry,
                       const uint8_t *wanted)
{
    uint32_t count = edge_part_kind_rows(p, entry->joint), first = entry->row_block * BLOCK_ROWS;
    uint32_t base = edge_part_first_row(p, entry->joint);
    for (uint32_t row = first; row < MIN(count, first + BLOCK_ROWS); row++)
        if (!wanted || wanted[base + row])
            return true;
    return false;
}

static enum status scan_cells(const struct edge_part *p, const struct edge_part_scan *scan,
                              const struct block_entry *entry, struct block_cursor *cells,
                              struct err *e)
{
    uint32_t base = edge_part_first_row(p, entry->joint) + entry->row_block * BLOCK_ROWS;
    uint64_t zero = entry->slab * slab_seconds(entry->tier);
    while (block_cursor_next(cells)) {
        uint32_t row = base + cells->row;
        uint64_t tile_s = zero + (uint64_t)cells->tile * tier_seconds(entry->tier);
        struct cell *to = NULL;
        if (!scan->wanted || scan->wanted[row])
            to = scan->into(row, tile_s, scan->user);
        if (to)
            TRY(edge_part_add_cell(cells, scan->sections, tile_s, to, scan->map_name, scan->user,
                                   e));
    }
    return cells->failed ? err_set(e, ST_CORRUPT, "the runs of a block make no sense") : ST_OK;
}

static enum status scan_block(const struct edge_part *p, const struct edge_part_scan *scan,
                              const struct block_entry *entry, struct block_reader *reader,
                              struct err *e)
{
    unsigned from, to;
    struct block_cursor cells;
    tiles_inside(entry, scan->start_s, scan->end_s, &from, &to);
    if (from >= to || !any_wanted(p, entry, scan->wanted))
        return ST_OK;
    TRY(block_reader_load(reader, p, entry, scan->sections, e));
    block_cursor_init(&cells, reader, from, to);
    return scan_cells(p, scan, entry, &cells, e);
}

enum status edge_part_scan(const struct edge_part *p, const struct edge_part_scan *scan,
                           uint64_t *lost, struct err *e)
{
    struct block_reader reader = {0};
    enum status status = ST_OK;
    uint64_t slab = scan->start_s / slab_seconds(scan->tier);
    for (unsigned joint = 0; joint < 2 && status == ST_OK; joint++) {
        uint32_t i = edge_part_find_block(p, scan->tier, joint, slab, 0);
        for (; i < p->block_count && status == ST_OK; i++) {
            const struct block_entry *entry = &p->blocks[i];
            if (entry->tier != scan->tier || entry->joint != joint ||
                entry->slab * slab_seconds(scan->tier) >= scan->end_s)
                break;
            struct err why = {0};
            status = scan_block(p, scan, entry, &reader, &why);
            if (status == ST_CORRUPT) {
                edge_part_log_lost(p, entry, &why);
                ++*lost;
                status = ST_OK;
            } else if (status != ST_OK && e) {
                *e = why;
            }
        }
    }
    block_reader_deinit(&reader);
    return status;
}
