/* test_edge_block.c - a cursor gives the rows that are asked for, in every version of the format.
 */
#include "storage/edge_block.h"

#include "base/hash.h"
#include "base/log.h"
#include "storage/edge_merge_job.h"
#include "storage/edge_part_file.h"
#include "tests/unit/storage/edge_rig.h"
#include "support/leak.h"
#include <criterion/criterion.h>

enum { START = 1700000000 - 1700000000 % 86400, SEEN_MAX = BLOCK_CELLS };

/* What the cursor stands on, compared byte by byte. */
struct seen {
    unsigned tile, row, ordinal;
    struct histogram_item sides[BLOCK_SIDES];
    struct str tallies, exemplars;
};

/* Cells of `rows` in tiles [from, to), into out; gives how many. */
static size_t visit(const struct block_reader *r, unsigned from, unsigned to, uint64_t rows,
                    struct seen *out)
{
    struct block_cursor c;
    size_t count = 0;
    block_cursor_init(&c, r, from, to);
    c.rows = rows;
    while (block_cursor_next(&c)) {
        struct seen *s = &out[count++];
        cr_assert_leq(count, SEEN_MAX);
        *s = (struct seen){.tile = c.tile, .row = c.row, .ordinal = c.ordinal};
        s->tallies = c.item[STORED_TALLIES];
        s->exemplars = c.item[STORED_EXEMPLARS];
        for (unsigned side = 0; side < BLOCK_SIDES; side++)
            cr_assert_eq(block_side_item(&c, side, &s->sides[side], NULL), ST_OK);
    }
    cr_assert(!c.failed);
    return count;
}

static bool is_same(const struct seen *a, const struct seen *b)
{
    for (unsigned side = 0; side < BLOCK_SIDES; side++)
        if (a->sides[side].bits != b->sides[side].bits ||
            a->sides[side].skip != b->sides[side].skip ||
            a->sides[side].bit_count != b->sides[side].bit_count)
            return false;
    return a->tile == b->tile && a->row == b->row && a->ordinal == b->ordinal &&
           a->tallies.ptr == b->tallies.ptr && a->tallies.len == b->tallies.len &&
           a->exemplars.ptr == b->exemplars.ptr && a->exemplars.len == b->exemplars.len;
}

/* The same as of all cells those that are asked for; gives how many. */
static size_t expect_subset(const struct block_reader *r, unsigned from, unsigned to, uint64_t rows)
{
    static struct seen all[SEEN_MAX], some[SEEN_MAX];
    size_t count = visit(r, 0, SLAB_TILES, UINT64_MAX, all), at = 0;
    size_t found = visit(r, from, to, rows, some);
    for (size_t i = 0; i < count; i++)
        if (all[i].tile >= from && all[i].tile < to && rows >> all[i].row & 1)
            cr_assert(at < found && is_same(&all[i], &some[at++]), "tile %u row %u", all[i].tile,
                      all[i].row);
    cr_assert_eq(at, found);
    return found;
}

static size_t expect_subsets(struct edge_rig *random, const struct edge_part *p)
{
    struct block_reader r = {0};
    size_t found = 0;
    for (uint32_t b = 0; b < p->block_count; b++) {
        cr_assert_eq(block_reader_load(&r, p, &p->blocks[b], SECTION_ALL, NULL), ST_OK);
        cr_assert_eq(expect_subset(&r, 0, SLAB_TILES, 0), 0);
        for (unsigned i = 0; i < 20; i++) {
            uint64_t rows = edge_rig_random(random, UINT64_MAX);
            unsigned from = (unsigned)edge_rig_random(random, SLAB_TILES + 1);
            unsigned to = from + (unsigned)edge_rig_random(random, SLAB_TILES);
            found += expect_subset(&r, from, to, i % 2 ? rows : UINT64_C(1) << rows % BLOCK_ROWS);
        }
    }
    block_reader_deinit(&r);
    return found;
}

Test(edge_block, a_cursor_gives_the_rows_that_are_asked_for)
{
    struct edge_rig r = edge_rig_new(4000, 200, START, 900, 8);
    struct cell_set *set = edge_rig_set(&r);
    struct edge_part *p = edge_rig_part(set, true);
    cr_assert_gt(expect_subsets(&r, p), 1000);
    edge_part_unref(p);
    for (unsigned version = 1; version <= 3; version++) {
        p = edge_rig_open_golden(version);
        cr_assert_gt(expect_subsets(&r, p), 30);
        edge_part_unref(p);
    }
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Nothing is read behind the last row that is asked for: damage there goes unnoticed. */
Test(edge_block, rows_behind_the_last_one_are_not_stepped_over)
{
    struct edge_part *p = edge_rig_open_golden(3);
    struct block_reader r = {0};
    struct block_cursor c;
    uint32_t b = 0;
    while (p->blocks[b].tier != TIER_1H || p->blocks[b].joint)
        b++;
    cr_assert_eq(block_reader_load(&r, p, &p->blocks[b], SECTION_TALLIES, NULL), ST_OK);
    block_cursor_init(&c, &r, 0, SLAB_TILES);
    cr_assert(block_cursor_next(&c));
    unsigned tile = c.tile, row = c.row;
    struct str first = c.item[STORED_TALLIES];
    char *bytes = (char *)(uintptr_t)first.ptr;
    bytes[first.len] = (char)0xff; /* the length of the second */
    for (unsigned all = 0; all < 2; all++) {
        block_cursor_init(&c, &r, 0, tile + 1);
        c.rows = all ? UINT64_MAX : UINT64_C(1) << row;
        cr_assert(block_cursor_next(&c));
        while (block_cursor_next(&c)) {
        }
        cr_assert_eq(c.failed, all);
    }
    block_reader_deinit(&r);
    edge_part_unref(p);
    EXPECT_NO_LEAK();
}

Test(edge_block, a_cell_without_a_row_is_damage)
{
    char text[16];
    struct cell_row row = edge_rig_row(0, text);
    struct cell_set *set = cell_set_new(1);
    struct cell *cell = cell_set_cell(set, cell_set_row(set, &row), START);
    cell->observed = 1;
    cell->weight = WEIGHT_ONE;
    struct edge_part *p = edge_rig_part(set, false);
    struct block_entry *entry = &p->blocks[0];
    struct block_reader r = {0};
    cr_assert_eq(block_reader_load(&r, p, entry, SECTION_COUNTS, NULL), ST_OK);
    cr_assert_eq(r.present[START / 15 % SLAB_TILES], 1);
    p->memory[entry->at + 2] = 2; /* the second row of one */
    entry->checksum[STORED_PRESENCE] =
        (uint32_t)hash_checksum(p->memory + entry->at, entry->bytes[STORED_PRESENCE]);
    cr_assert_eq(block_reader_load(&r, p, entry, SECTION_COUNTS, NULL), ST_CORRUPT);
    block_reader_deinit(&r);
    edge_part_unref(p);
    cell_set_free(set);
    EXPECT_NO_LEAK();
}

static struct cell sink;

static struct cell *into_sink(uint32_t row, uint64_t tile_s, void *user)
{
    (void)row, (void)tile_s, (void)user;
    return &sink;
}

static uint32_t one_name(uint32_t name, void *user)
{
    (void)name, (void)user;
    return 0;
}

/* Not a lack of memory, which would be tried again for ever. */
Test(edge_block, a_tally_without_a_name_is_damage)
{
    static const uint8_t names[] = {0x7f, 0xff}; /* behind the last, and not even a whole number */
    struct edge_rig r = edge_rig_new(1, 1, START, 1, 3);
    struct cell_set *set = edge_rig_set(&r);
    struct merge_cut nothing = {0};
    for (size_t i = 0; i < LEN(names); i++) {
        struct edge_part *p = edge_rig_part(set, false);
        struct block_entry *entry = &p->blocks[0];
        struct block_reader reader = {0};
        struct block_cursor c;
        cr_assert_eq(block_reader_load(&reader, p, entry, SECTION_ALL, NULL), ST_OK);
        block_cursor_init(&c, &reader, 0, SLAB_TILES);
        cr_assert(block_cursor_next(&c));
        uint8_t *tallies = (uint8_t *)(uintptr_t)c.item[STORED_TALLIES].ptr;
        cr_assert_eq(tallies[0], 1, "one code");
        tallies[1] = names[i];
        uint64_t at = entry->at, lost = 0;
        for (unsigned s = 0; s < STORED_TALLIES; s++)
            at += entry->bytes[s];
        entry->checksum[STORED_TALLIES] =
            (uint32_t)hash_checksum(p->memory + at, entry->bytes[STORED_TALLIES]);
        struct edge_part_scan scan = {.end_s = UINT64_MAX / 2,
                                      .sections = SECTION_ALL,
                                      .into = into_sink,
                                      .map_name = one_name};
        cr_expect_eq(edge_part_scan(p, &scan, &lost, NULL), ST_OK);
        cr_expect_eq(lost, 1);
        struct buf sum = {0};
        cr_expect_eq(merge_parts(&p, 1, &nothing, &sum, &lost, NULL), ST_OK);
        cr_expect_gt(lost, 0);
        buf_deinit(&sum);
        block_reader_deinit(&reader);
        edge_part_unref(p);
    }
    cell_deinit(&sink);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}
