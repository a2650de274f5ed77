/* edge_block_write.c - a grid of cells to the sections of one block. */
#include "storage/edge_block.h"
#include "storage/edge_columns.h"

#include "base/hash.h"
#include "base/mem.h"
#include <stdlib.h>
#include <zstd.h>

bool block_grid_init(struct block_grid *g)
{
    *g = (struct block_grid){.cells = mem_calloc(BLOCK_CELLS, sizeof(*g->cells)),
                             .refs = mem_calloc(BLOCK_CELLS, sizeof(*g->refs))};
    return g->cells && g->refs;
}

void block_grid_deinit(struct block_grid *g)
{
    for (unsigned i = 0; g->cells && i < BLOCK_CELLS; i++)
        cell_deinit(&g->cells[i]);
    mem_free(g->cells);
    mem_free(g->refs);
    buf_deinit(&g->encoded);
    *g = (struct block_grid){0};
}

struct cell *block_grid_cell(struct block_grid *g, unsigned tile, unsigned row)
{
    g->present[tile] |= UINT64_C(1) << row;
    return &g->cells[tile * BLOCK_ROWS + row];
}

bool block_grid_is_empty(const struct block_grid *g)
{
    uint64_t any = 0;
    for (unsigned t = 0; t < SLAB_TILES; t++)
        any |= g->present[t];
    return any == 0;
}

static unsigned grid_number(unsigned tile, uint64_t left)
{
    return tile * BLOCK_ROWS + (unsigned)__builtin_ctzll(left);
}

/* Numbers of the present cells, in the order of the file. */
static size_t grid_list(const struct block_grid *g, uint16_t out[BLOCK_CELLS])
{
    size_t count = 0;
    for (unsigned t = 0; t < SLAB_TILES; t++)
        for (uint64_t left = g->present[t]; left; left &= left - 1)
            out[count++] = (uint16_t)grid_number(t, left);
    return count;
}

void block_grid_reset(struct block_grid *g)
{
    uint16_t list[BLOCK_CELLS];
    size_t count = grid_list(g, list);
    for (size_t i = 0; i < count; i++) {
        cell_reset(&g->cells[list[i]]);
        memset(g->refs[list[i]], 0, sizeof(g->refs[list[i]]));
    }
    memset(g->present, 0, sizeof(g->present));
    buf_reset(&g->encoded);
}

static struct histogram *side_of(struct cell *c, unsigned side)
{
    return side == 0 ? &c->client : side == 1 ? &c->server : &c->transit;
}

static const struct histogram_item *ref_item(const struct block_grid *g, struct encoded_ref *ref)
{
    if (ref->item.bit_count > 0) /* durations of 0 alone have none */
        ref->item.bits = (const uint8_t *)g->encoded.ptr + ref->at;
    return &ref->item;
}

/* The first histogram of a cell stays as it is; with the second both are taken apart, as are those
 * of older forms. */
enum status block_grid_add_side(struct block_grid *g, unsigned tile, unsigned row, unsigned side,
                                const struct histogram_item *item, struct err *e)
{
    unsigned i = tile * BLOCK_ROWS + row;
    struct encoded_ref *ref = &g->refs[i][side];
    struct histogram *h = side_of(&g->cells[i], side);
    if (item->head == 0)
        return ST_OK;
    if (h->weight == 0 && ref->item.head == 0 && item->form == HISTOGRAM_FORM_2) {
        *ref = (struct encoded_ref){*item, g->encoded.len};
        buf_append(&g->encoded, item->bits, histogram_item_bytes(item));
        return g->encoded.failed ? err_set(e, ST_NO_MEMORY, "no memory for a block") : ST_OK;
    }
    if (ref->item.head) {
        struct histogram_item first = *ref_item(g, ref);
        ref->item.head = 0;
        TRY(histogram_item_add(&first, h, e));
    }
    return histogram_item_add(item, h, e);
}

struct block_packer {
    ZSTD_CCtx *zstd;
    struct buf packed, section, runs;
    struct histogram_run_writer run;
    int64_t columns[COUNT_COLUMNS][BLOCK_CELLS];
};

struct block_packer *block_packer_new(void)
{
    struct block_packer *p = mem_calloc(1, sizeof(*p));
    if (p)
        p->zstd = ZSTD_createCCtx();
    if (p && !p->zstd) {
        mem_free(p);
        p = NULL;
    }
    return p;
}

void block_packer_free(struct block_packer *p)
{
    if (!p)
        return;
    ZSTD_freeCCtx(p->zstd);
    buf_deinit(&p->packed);
    buf_deinit(&p->section);
    buf_deinit(&p->runs);
    histogram_run_writer_deinit(&p->run);
    mem_free(p);
}

struct str block_pack(struct block_packer *p, struct str raw, bool *packed)
{
    enum { LEVEL = 1, WORTH_TRYING = 64 };
    *packed = false;
    buf_reset(&p->packed);
    if (raw.len < WORTH_TRYING)
        return raw;
    buf_append_varint(&p->packed, raw.len);
    if (!buf_reserve(&p->packed, ZSTD_compressBound(raw.len)))
        return raw; /* short of memory: it stays as it is */
    size_t bytes = ZSTD_compressCCtx(p->zstd, p->packed.ptr + p->packed.len,
                                     p->packed.cap - p->packed.len, raw.ptr, raw.len, LEVEL);
    if (ZSTD_isError(bytes))
        return raw;
    p->packed.len += bytes;
    *packed = p->packed.len < raw.len - raw.len / 20;
    return *packed ? buf_str(&p->packed) : raw;
}

static void put_section(struct block_packer *p, enum stored_section section, bool pack,
                        struct buf *out, struct block_entry *entry)
{
    bool packed = false;
    struct str bytes = buf_str(&p->section);
    if (p->section.failed)
        out->failed = true;
    if (pack && bytes.len <= UNPACKED_MAX)
        bytes = block_pack(p, bytes, &packed);
    entry->bytes[section] = (uint32_t)bytes.len;
    entry->checksum[section] = (uint32_t)hash_checksum(bytes.ptr, bytes.len);
    if (packed)
        entry->packed |= (uint8_t)(1u << section);
    buf_append_str(out, bytes);
}

static void put_presence(struct block_packer *p, const struct block_grid *g)
{
    unsigned mask = 0;
    for (unsigned t = 0; t < SLAB_TILES; t++)
        mask |= (unsigned)(g->present[t] != 0) << t;
    buf_reset(&p->section);
    buf_append_u16(&p->section, (uint16_t)mask);
    for (unsigned t = 0; t < SLAB_TILES; t++)
        if (g->present[t])
            buf_append_u64(&p->section, g->present[t]);
}

static void put_bits(struct buf *out, const int64_t *values, size_t count, int64_t lowest,
                     unsigned bits)
{
    u128 word = 0;
    unsigned held = 0;
    for (size_t i = 0; i < count; i++) {
        word |= (u128)((uint64_t)values[i] - (uint64_t)lowest) << held;
        for (held += bits; held >= 64; held -= 64, word >>= 64)
            buf_append_u64(out, (uint64_t)word);
    }
    for (; held > 0; held -= MIN(held, 8u), word >>= 8)
        buf_append_u8(out, (uint8_t)word);
}

static size_t zigzag_bytes(int64_t value)
{
    uint64_t zigzag = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    return (70u - (unsigned)__builtin_clzll(zigzag | 1)) / 7;
}

/* At least one. */
static void put_numbers(struct buf *out, const int64_t *values, size_t count)
{
    int64_t lowest = values[0], highest = values[0];
    size_t varints = 0;
    for (size_t i = 0; i < count; i++) {
        lowest = MIN(lowest, values[i]);
        highest = MAX(highest, values[i]);
        varints += zigzag_bytes(values[i]);
    }
    uint64_t room = (uint64_t)highest - (uint64_t)lowest;
    unsigned bits = room ? 64u - (unsigned)__builtin_clzll(room) : 0;
    if (bits <= COLUMN_BITS_MAX && column_bytes(count, bits) + zigzag_bytes(lowest) < varints) {
        buf_append_u8(out, (uint8_t)bits);
        buf_append_zigzag(out, lowest);
        put_bits(out, values, count, lowest, bits);
        return;
    }
    buf_append_u8(out, COLUMN_VARINTS);
    for (size_t i = 0; i < count; i++)
        buf_append_zigzag(out, values[i]);
}

/* A column is left out when all is 0; divided by one request when all are whole. Changes values. */
static uint32_t put_column(struct buf *out, int64_t *values, size_t count)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++)
        bits |= (uint64_t)values[i];
    if (bits == 0)
        return COLUMN_ABSENT;
    bool whole = (bits & (WEIGHT_ONE - 1)) == 0;
    for (size_t i = 0; i < count && whole; i++)
        values[i] /= (int64_t)WEIGHT_ONE;
    put_numbers(out, values, count);
    return whole ? COLUMN_WHOLE : COLUMN_PLAIN;
}

static void get_columns(const struct cell *c, uint64_t out[COUNT_COLUMNS])
{
    const uint64_t columns[COUNT_COLUMNS] = {
        c->observed,      c->weight,         c->errors,          c->attempts,
        c->retried,       c->denied,         c->transit_skipped, c->end_before_start,
        c->request_bytes, c->response_bytes, c->request_sized,   c->response_sized,
        c->evidence,
    };
    for (unsigned i = 0; i < COUNT_COLUMNS; i++)
        out[i] = columns[i] - column_base(i, c->observed, c->weight);
}

static void put_counts(struct block_packer *p, const struct block_grid *g)
{
    struct buf *out = &p->section;
    uint16_t list[BLOCK_CELLS];
    size_t count = grid_list(g, list);
    bool varies = false;
    for (size_t i = 0; i < count; i++) {
        const struct cell *cell = &g->cells[list[i]];
        uint64_t values[COUNT_COLUMNS];
        get_columns(cell, values);
        for (unsigned c = 0; c < COUNT_COLUMNS; c++)
            p->columns[c][i] = (int64_t)values[c];
        varies |= cell->variance != 0;
    }
    buf_reset(out);
    buf_append_u32(out, 0);
    uint32_t modes = varies ? COLUMN_VARIANCE : 0;
    for (unsigned c = 0; c < COUNT_COLUMNS; c++)
        modes |= put_column(out, p->columns[c], count) << (2 * c);
    for (size_t i = 0; varies && i < count; i++)
        buf_append_varint128(out, g->cells[list[i]].variance);
    for (unsigned i = 0; i < 4 && !out->failed; i++)
        out->ptr[i] = (char)(modes >> (8 * i));
}

/* What is written of one cell. */
struct cell_source {
    struct block_grid *grid;
    size_t number;   /* of the cell */
    uint64_t tile_s; /* its start */
    struct cell *cell;
};

static int by_name(const void *a, const void *b)
{
    uint32_t x = ((const struct cell_tally *)a)->name, y = ((const struct cell_tally *)b)->name;
    return (x > y) - (x < y);
}

/* The lowest bit tells a fraction. */
static void put_weight(struct buf *out, uint64_t weight)
{
    bool fraction = (weight & (WEIGHT_ONE - 1)) != 0;
    buf_append_varint128(out,
                         fraction ? (u128)weight << 1 | 1 : (u128)(weight >> WEIGHT_SHIFT) << 1);
}

static void put_tally_list(struct cell_tallies *list, struct buf *out)
{
    if (list->len > 1)
        qsort(list->items, list->len, sizeof(*list->items), by_name);
    buf_append_varint(out, list->len);
    for (uint32_t i = 0; i < list->len; i++) {
        buf_append_varint(out, list->items[i].name);
        put_weight(out, list->items[i].weight);
    }
}

/* Puts the length in front of what was written since `start`. */
static void put_length(struct buf *out, size_t start)
{
    size_t body = out->len - start;
    uint8_t length[10], *at = length;
    uint64_t rest = body;
    for (; rest >= 0x80; rest >>= 7)
        *at++ = (uint8_t)(rest | 0x80);
    *at++ = (uint8_t)rest;
    size_t bytes = (size_t)(at - length);
    if (!buf_reserve(out, bytes))
        return;
    memmove(out->ptr + start + bytes, out->ptr + start, body);
    memcpy(out->ptr + start, length, bytes);
    out->len += bytes;
}

static void put_tallies(const struct cell_source *from, struct buf *out)
{
    struct cell *cell = from->cell;
    size_t start = out->len;
    if (cell->codes.len + cell->grpc_codes.len + cell->flags.len > 0) {
        put_tally_list(&cell->codes, out);
        put_tally_list(&cell->grpc_codes, out);
        put_tally_list(&cell->flags, out);
    }
    put_length(out, start);
}

static void put_exemplars(const struct cell_source *from, struct buf *out)
{
    const struct cell *cell = from->cell;
    size_t start = out->len;
    for (uint32_t i = 0; i < cell->exemplar_count; i++) {
        const struct exemplar *x = &cell->exemplars[i];
        buf_append_u64(out, x->trace.hi);
        buf_append_u64(out, x->trace.lo);
        buf_append_zigzag(out, (int64_t)(x->time_ns - from->tile_s * NS_PER_S));
        buf_append_varint128(out, (u128)x->latency_ns << 1 | x->error);
    }
    put_length(out, start);
}

/* One run of items for each tile, the lengths of the runs in front; nothing when every item is
 * empty. */
static void put_items(struct block_packer *p, struct block_grid *g, uint64_t tile_zero_s,
                      uint32_t tile_s, void (*put)(const struct cell_source *, struct buf *))
{
    size_t count = 0;
    buf_reset(&p->runs);
    buf_reset(&p->section);
    for (unsigned t = 0; t < SLAB_TILES; t++) {
        size_t start = p->runs.len;
        for (uint64_t left = g->present[t]; left; left &= left - 1, count++) {
            unsigned i = grid_number(t, left);
            struct cell_source from = {g, i, tile_zero_s + t * tile_s, &g->cells[i]};
            put(&from, &p->runs);
        }
        if (g->present[t])
            buf_append_varint(&p->section, p->runs.len - start);
    }
    if (p->runs.len == count && !p->runs.failed)
        buf_reset(&p->section); /* an empty item is one byte */
    else
        buf_append_str(&p->section, buf_str(&p->runs));
    p->section.failed |= p->runs.failed;
}

/* One run of histograms for each tile, the lengths of the runs in front; nothing when all are
 * empty. */
static void put_side(struct block_packer *p, struct block_grid *g, unsigned side)
{
    bool any = false;
    buf_reset(&p->runs);
    buf_reset(&p->section);
    for (unsigned t = 0; t < SLAB_TILES; t++) {
        size_t start = p->runs.len;
        if (!g->present[t])
            continue;
        for (uint64_t left = g->present[t]; left; left &= left - 1) {
            unsigned i = grid_number(t, left);
            struct encoded_ref *ref = &g->refs[i][side];
            if (ref->item.head)
                histogram_run_add_item(&p->run, ref_item(g, ref));
            else
                histogram_run_add(&p->run, side_of(&g->cells[i], side));
        }
        any |= histogram_run_end(&p->run, &p->runs);
        buf_append_varint(&p->section, p->runs.len - start);
    }
    if (any)
        buf_append_str(&p->section, buf_str(&p->runs));
    else
        buf_reset(&p->section);
    p->section.failed |= p->runs.failed;
}

void block_encode(struct block_packer *p, struct block_grid *g, uint64_t tile_zero_s,
                  uint32_t tile_s, bool pack, struct buf *out, struct block_entry *entry)
{
    entry->packed = 0;
    put_presence(p, g);
    put_section(p, STORED_PRESENCE, false, out, entry);
    put_counts(p, g);
    put_section(p, STORED_COUNTS, pack, out, entry);
    for (unsigned side = 0; side < BLOCK_SIDES; side++) {
        put_side(p, g, side);
        put_section(p, STORED_CLIENT + side, false, out, entry); /* bits are packed already */
    }
    put_items(p, g, tile_zero_s, tile_s, put_tallies);
    put_section(p, STORED_TALLIES, pack, out, entry);
    if (has_exemplars(PART_VERSION, entry->tier, entry->joint))
        put_items(p, g, tile_zero_s, tile_s, put_exemplars);
    else
        buf_reset(&p->section);
    put_section(p, STORED_EXEMPLARS, pack, out, entry);
}
