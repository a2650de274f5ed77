/* test_edge_part.c - parts hold exactly their cells in every tier; their bytes depend on the cells
 * alone; damage is found. */
#include "storage/edge_part.h"

#include "base/fileio.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/unit/storage/edge_rig.h"
#include "storage/edge_part_file.h"
#include "support/alloc_walk.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { START = 1700000000 - 1700000000 % 86400, ROWS = 300 };

struct expectation {
    const struct edge_rig *rig;
    const struct edge_part *part;
    struct intern *names;
    uint64_t tile_s;
    struct cell *cells; /* by row number, then tile */
    size_t tiles;
};

static struct cell *into(uint32_t row, uint64_t tile_s, void *user)
{
    struct expectation *x = user;
    struct cell_row key;
    edge_part_row(x->part, row, &key);
    size_t tile = (tile_s - START) / x->tile_s;
    cr_assert_lt(tile, x->tiles);
    return &x->cells[edge_rig_row_number(&key) * x->tiles + tile];
}

static uint32_t map_name(uint32_t name, void *user)
{
    struct expectation *x = user;
    return intern_add(x->names, edge_part_name(x->part, name));
}

static void expect_tier(const struct edge_rig *r, const struct edge_part *part, enum tier tier,
                        uint64_t span_s)
{
    struct expectation x = {.rig = r,
                            .part = part,
                            .names = intern_new(0),
                            .tile_s = tier_seconds(tier),
                            .tiles = span_s / tier_seconds(tier) + 1};
    struct cell *expected = mem_calloc(r->rows * x.tiles, sizeof(*expected));
    x.cells = mem_calloc(r->rows * x.tiles, sizeof(*x.cells));
    for (size_t i = 0; i < r->count; i++) {
        size_t tile = (r->requests[i].time_s - START) / x.tile_s;
        if (r->requests[i].row % 4 != 0 && edge_part_tier_from(part, tier, true) != 0)
            continue;
        edge_rig_add_cell(&expected[r->requests[i].row * x.tiles + tile], x.names, &r->requests[i]);
    }
    struct edge_part_scan scan = {.tier = tier,
                                  .start_s = START,
                                  .end_s = START + x.tiles * x.tile_s,
                                  .sections = SECTION_ALL,
                                  .into = into,
                                  .map_name = map_name,
                                  .user = &x};
    uint64_t lost = 0;
    cr_assert_eq(edge_part_scan(part, &scan, &lost, NULL), ST_OK);
    cr_assert_eq(lost, 0);
    for (size_t i = 0; i < r->rows * x.tiles; i++) {
        if (!has_exemplars(part->version, tier, i / x.tiles % 4 != 0))
            expected[i].exemplar_count = 0; /* a query finds them in tiles of 15 s */
        cr_assert(edge_rig_cells_equal(&expected[i], x.names, &x.cells[i], x.names, SECTION_ALL),
                  "tier %d row %zu tile %zu", (int)tier, i / x.tiles, i % x.tiles);
        cell_deinit(&expected[i]);
        cell_deinit(&x.cells[i]);
    }
    mem_free(expected);
    mem_free(x.cells);
    intern_free(x.names);
}

static struct cell_set *set_of(const struct edge_rig *r, size_t step, uint64_t seed)
{
    struct cell_set *set = cell_set_new(seed);
    for (size_t i = 0; i < r->count; i++)
        edge_rig_add(set, &r->requests[i * step % r->count]);
    return set;
}

Test(edge_part, every_tier_holds_the_same_requests)
{
    enum { SPAN = 4000 };
    struct edge_rig r = edge_rig_new(6007, ROWS, START, SPAN, 1);
    struct cell_set *set = set_of(&r, 1, 1);
    struct edge_part *sealed = edge_rig_part(set, true), *head = edge_rig_part(set, false);
    for (enum tier t = TIER_15S; t < TIER_1D; t++) {
        cr_assert_eq(edge_part_tier_from(sealed, t, false), 0);
        bool later = t == TIER_1M || t == TIER_5M;
        cr_assert_eq(edge_part_tier_from(sealed, t, true), later ? UINT64_MAX : 0,
                     "of joint rows they are made when the finer tiles go");
        expect_tier(&r, sealed, t, SPAN);
    }
    expect_tier(&r, head, TIER_15S, SPAN);
    cr_assert_eq(edge_part_tier_from(head, TIER_1M, false), UINT64_MAX, "the head has 15 s only");
    cr_assert_eq(edge_part_row_count(sealed), ROWS);
    cr_assert_leq(edge_part_start_s(sealed), START + 15);
    cr_assert_geq(edge_part_end_s(sealed), START + SPAN - 60);
    edge_part_unref(sealed);
    edge_part_unref(edge_part_ref(head));
    edge_part_unref(head);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(edge_part, a_day_is_stored_of_more_than_sixteen_hours)
{
    for (uint64_t hours = 16; hours <= 17; hours++) {
        struct edge_rig r = edge_rig_new(4001, 40, START, hours * 3600, 4);
        struct cell_set *set = set_of(&r, 1, 1);
        struct edge_part *p = edge_rig_part(set, true);
        cr_assert_eq(edge_part_tier_from(p, TIER_1D, true), hours == 16 ? UINT64_MAX : 0);
        cr_assert_eq(edge_part_tier_from(p, TIER_1D, false), hours == 16 ? UINT64_MAX : 0);
        expect_tier(&r, p, TIER_1H, hours * 3600);
        if (hours == 17)
            expect_tier(&r, p, TIER_1D, hours * 3600);
        edge_part_unref(p);
        cell_set_free(set);
        edge_rig_free(&r);
    }
    EXPECT_NO_LEAK();
}

enum { COUNTED = 16 };

static uint32_t same_name(uint32_t name, void *user)
{
    (void)user;
    return name;
}

/* Sixteen neighbouring tiles of one total. */
static struct edge_part *counted_part(const uint64_t numbers[COUNTED])
{
    char text[16];
    struct cell_row row = edge_rig_row(0, text);
    struct cell_set *set = cell_set_new(1);
    uint32_t id = cell_set_row(set, &row);
    for (unsigned i = 0; i < COUNTED; i++) {
        struct cell *c = cell_set_cell(set, id, START + i * TILE_SECONDS);
        c->observed = 1;
        c->weight = WEIGHT_ONE;
        c->request_bytes = numbers[i];
    }
    struct edge_part *p = edge_rig_part(set, false);
    cell_set_free(set);
    return p;
}

static struct cell counted[COUNTED];

static struct cell *into_counted(uint32_t row, uint64_t tile_s, void *user)
{
    (void)row, (void)user;
    return &counted[(tile_s - START) / TILE_SECONDS];
}

/* Bytes of the counts, of which 4 are the modes; all numbers are read again. */
static size_t counted_bytes(const uint64_t numbers[COUNTED])
{
    struct edge_part *p = counted_part(numbers);
    struct edge_part_scan scan = {.tier = TIER_15S,
                                  .end_s = UINT64_MAX / 2,
                                  .sections = SECTION_COUNTS,
                                  .into = into_counted,
                                  .map_name = same_name};
    uint64_t lost = 0;
    memset(counted, 0, sizeof(counted));
    cr_assert_eq(edge_part_scan(p, &scan, &lost, NULL), ST_OK);
    cr_assert_eq(lost, 0);
    for (unsigned i = 0; i < COUNTED; i++) {
        cr_assert_eq(counted[i].request_bytes, numbers[i]);
        cr_assert_eq(counted[i].observed, 1);
        cr_assert_eq(counted[i].attempts, 0);
    }
    cr_assert_eq(p->block_count, 1);
    size_t bytes = p->blocks[0].bytes[STORED_COUNTS];
    edge_part_unref(p);
    return bytes;
}

/* Numbers of up to 57 bits take these, above the lowest; wider ones are varints. */
Test(edge_part, counts_take_the_bits_they_need)
{
    const uint64_t lowest = 3 * UINT64_C(1000000007);
    uint64_t numbers[COUNTED];
    for (unsigned i = 0; i < COUNTED; i++)
        numbers[i] = 0;
    size_t none = counted_bytes(numbers);
    for (unsigned bits = 0; bits <= 64; bits++) {
        uint64_t most = bits ? UINT64_MAX >> (64 - bits) : 0;
        for (unsigned i = 0; i < COUNTED; i++)
            numbers[i] = lowest + (most - most / COUNTED * i);
        numbers[COUNTED - 1] = lowest;
        size_t bytes = counted_bytes(numbers) - none;
        if (bits <= 57)
            cr_assert_eq(bytes, 1 + 5 + COUNTED * bits / 8, "%u bits: %zu bytes", bits, bytes);
    }
    for (unsigned i = 0; i < COUNTED; i++)
        numbers[i] = i ? 1 : UINT64_C(1) << 40;
    cr_assert_eq(counted_bytes(numbers) - none, 1 + 6 + COUNTED - 1, "one is large: varints");
    EXPECT_NO_LEAK();
}

Test(edge_part, bytes_depend_on_the_cells_alone)
{
    struct edge_rig r = edge_rig_new(2003, 40, START, 900, 2);
    struct cell_set *a = set_of(&r, 1, 1), *b = set_of(&r, 77, 99);
    char text[16];
    struct cell_row unused = edge_rig_row(500, text);
    cr_assert_neq(cell_set_row(b, &unused), UINT32_MAX, "a row without cells leaves no trace");
    cell_set_name(b, STR("unused"));
    for (int sealed = 0; sealed < 2; sealed++) {
        struct buf x = {0}, y = {0};
        cr_assert_eq(edge_part_encode(a, sealed, &x, NULL), ST_OK);
        cr_assert_eq(edge_part_encode(b, sealed, &y, NULL), ST_OK);
        cr_assert(str_eq(buf_str(&x), buf_str(&y)));
        buf_deinit(&x);
        buf_deinit(&y);
    }
    cell_set_free(a);
    cell_set_free(b);
    edge_rig_free(&r);
}

Test(edge_part, an_empty_set_is_a_part)
{
    struct cell_set *set = cell_set_new(1);
    struct edge_part *p = edge_rig_part(set, true);
    cr_assert_eq(edge_part_row_count(p), 0);
    cr_assert_eq(edge_part_end_s(p), 0);
    edge_part_unref(p);
    cell_set_free(set);
}

Test(edge_part, a_file_is_read_like_memory)
{
    struct edge_rig r = edge_rig_new(1500, 80, START, 600, 3);
    struct cell_set *set = set_of(&r, 1, 1);
    char folder[] = "/tmp/weft-test-XXXXXX", path[64];
    struct buf bytes = {0};
    struct edge_part *p;
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/a.part", folder);
    cr_assert_eq(edge_part_encode(set, true, &bytes, NULL), ST_OK);
    cr_assert_eq(file_replace(path, buf_str(&bytes), NULL), ST_OK);
    cr_assert_eq(edge_part_open_file(path, &p, NULL), ST_OK);
    cr_assert_eq(edge_part_bytes(p), bytes.len);
    expect_tier(&r, p, TIER_15S, 600);
    expect_tier(&r, p, TIER_5M, 600);
    edge_part_unref(p);
    cr_assert_eq(edge_part_open_file("/nonexistent/x", &p, NULL), ST_NOT_FOUND);
    buf_deinit(&bytes);
    cr_assert_eq(unlink(path) + rmdir(folder), 0);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

static struct cell sink;

static struct cell *into_sink(uint32_t row, uint64_t tile_s, void *user)
{
    (void)row, (void)tile_s, (void)user;
    return &sink;
}

static uint64_t lost_blocks(const struct edge_part *p)
{
    uint64_t lost = 0;
    for (enum tier t = TIER_15S; t < TIER_COUNT; t++) {
        struct edge_part_scan scan = {.tier = t,
                                      .end_s = UINT64_MAX / 2,
                                      .sections = SECTION_ALL,
                                      .into = into_sink,
                                      .map_name = same_name};
        cr_assert_eq(edge_part_scan(p, &scan, &lost, NULL), ST_OK);
    }
    cell_deinit(&sink);
    return lost;
}

Test(edge_part, damage_costs_one_block)
{
    struct edge_rig r = edge_rig_new(60, 12, START, 60, 4);
    struct cell_set *set = set_of(&r, 1, 1);
    struct buf bytes = {0};
    cr_assert_eq(edge_part_encode(set, true, &bytes, NULL), ST_OK);
    log_set_level(LOG_ERROR); /* each loss is a warning */
    for (size_t at = 0; at < bytes.len; at += 7) {
        struct buf copy = {0};
        struct edge_part *p;
        struct err e;
        buf_append_str(&copy, buf_str(&bytes));
        copy.ptr[at] = (char)(copy.ptr[at] ^ 0x10);
        enum status status = edge_part_open_memory(&copy, &p, &e);
        bool in_header = at < PART_HEADER_BYTES;
        if (status == ST_OK) {
            cr_assert_eq(lost_blocks(p), !in_header, "byte %zu", at);
            edge_part_unref(p);
        } else {
            cr_assert(status == ST_CORRUPT || status == ST_UNSUPPORTED);
        }
    }
    log_set_level(LOG_INFO);
    for (size_t len = 0; len < bytes.len; len += 13) { /* cut off */
        struct buf copy = {0};
        struct edge_part *p;
        buf_append(&copy, bytes.ptr, len);
        cr_assert_eq(edge_part_open_memory(&copy, &p, NULL), ST_CORRUPT);
    }
    buf_deinit(&bytes);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(edge_part, survives_short_memory)
{
    struct edge_rig r = edge_rig_new(60, 8, START, 60, 5);
    struct cell_set *set = set_of(&r, 1, 1);
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct buf bytes = {0};
        struct edge_part *p = NULL;
        enum status status = edge_part_encode(set, true, &bytes, NULL);
        if (status == ST_OK)
            status = edge_part_open_memory(&bytes, &p, NULL);
        else
            buf_deinit(&bytes);
        cr_assert(status == ST_OK || status == ST_NO_MEMORY);
        edge_part_unref(p);
    }
    cr_assert_gt(walk.failures, 20);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Bytes of older versions, which every later weft must read; version 1 has the minutes of joint
 * rows, too. */
Test(edge_part, golden_of_older_versions)
{
    struct edge_rig r = edge_rig_new(40, 12, START, 400, 6);
    for (unsigned version = 1; version <= 2; version++) {
        struct edge_part *p = edge_rig_open_golden(version);
        bool has_minutes = edge_part_tier_from(p, TIER_1M, true) == 0 &&
                           edge_part_tier_end(p, TIER_1M, true) == UINT64_MAX;
        cr_assert_eq(has_minutes, version == 1);
        for (enum tier t = TIER_15S; t < TIER_COUNT; t++)
            expect_tier(&r, p, t, 400);
        edge_part_unref(p);
    }
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Bytes of version 3, which every later weft must read. WEFT_GOLDEN_WRITE=1 writes them anew. */
Test(edge_part, golden)
{
    struct edge_rig r = edge_rig_new(40, 12, START, 400, 6);
    struct cell_set *set = set_of(&r, 1, 1);
    struct buf bytes = {0};
    struct edge_part *p;
    char path[512], *golden;
    size_t len;
    snprintf(path, sizeof(path), "%s/tests/golden/edge_part_v3.bin", WEFT_SOURCE_DIR);
    cr_assert_eq(edge_part_encode(set, true, &bytes, NULL), ST_OK);
    if (getenv("WEFT_GOLDEN_WRITE"))
        cr_assert_eq(file_replace(path, buf_str(&bytes), NULL), ST_OK);
    cr_assert_eq(file_read_all(path, MIB, &golden, &len, NULL), ST_OK);
    cr_assert(str_eq(buf_str(&bytes), (struct str){golden, len}), "written bytes differ");
    cr_assert_eq(edge_part_open_file(path, &p, NULL), ST_OK);
    for (enum tier t = TIER_15S; t < TIER_1D; t++)
        expect_tier(&r, p, t, 400);
    cr_assert_eq(edge_part_tier_from(p, TIER_1D, false), UINT64_MAX, "the hour says it all");
    edge_part_unref(p);
    mem_free(golden);
    buf_deinit(&bytes);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}
