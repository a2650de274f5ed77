/* edge_block_read.c - the sections of one block to cells; trusts nothing but the bounds it checks.
 */
#include "storage/edge_block.h"
#include "storage/edge_columns.h"

#include "base/hash.h"
#include "base/mem.h"
#include "storage/edge_part_file.h"
#include <zstd.h>

void block_reader_deinit(struct block_reader *r)
{
    for (unsigned s = 0; s < STORED_SECTIONS; s++) {
        buf_deinit(&r->stored[s]);
        buf_deinit(&r->unpacked[s]);
    }
    mem_free(r->columns);
    mem_free(r->variance);
    ZSTD_freeDCtx(r->zstd);
    *r = (struct block_reader){0};
}

enum status block_unpack(struct ZSTD_DCtx_s **zstd, struct str stored, size_t max, struct buf *out,
                         struct err *e)
{
    struct cursor c = cursor_of(stored);
    uint64_t bytes = cursor_varint(&c);
    if (c.failed || bytes > max)
        return err_set(e, ST_CORRUPT, "packed bytes claim a size of %llu",
                       (unsigned long long)bytes);
    if (!*zstd)
        *zstd = ZSTD_createDCtx();
    buf_reset(out);
    if (!*zstd || !buf_reserve(out, bytes + 1))
        return err_set(e, ST_NO_MEMORY, "no memory to unpack");
    size_t got = ZSTD_decompressDCtx(*zstd, out->ptr, bytes, c.at, (size_t)(c.end - c.at));
    if (ZSTD_isError(got) || got != bytes)
        return err_set(e, ST_CORRUPT, "packed bytes are damaged");
    out->len = bytes;
    return ST_OK;
}

static enum status load_section(struct block_reader *r, const struct edge_part *p,
                                const struct block_entry *entry, enum stored_section s, uint64_t at,
                                struct err *e)
{
    struct str bytes;
    TRY(edge_part_read(p, at, entry->bytes[s], &r->stored[s], &bytes, e));
    if ((uint32_t)hash_checksum(bytes.ptr, bytes.len) != entry->checksum[s])
        return err_set(e, ST_CORRUPT, "the checksum of section %d is wrong", (int)s);
    if (entry->packed & 1u << s) {
        TRY(block_unpack(&r->zstd, bytes, UNPACKED_MAX, &r->unpacked[s], e));
        bytes = buf_str(&r->unpacked[s]);
    }
    r->section[s] = bytes;
    return ST_OK;
}

/* Bits of the rows that the block can have. */
static uint64_t rows_of(const struct edge_part *p, const struct block_entry *entry)
{
    uint32_t left = edge_part_kind_rows(p, entry->joint) - entry->row_block * BLOCK_ROWS;
    return left >= BLOCK_ROWS ? UINT64_MAX : (UINT64_C(1) << left) - 1;
}

static enum status read_presence(struct block_reader *r, uint64_t rows, struct err *e)
{
    struct cursor c = cursor_of(r->section[STORED_PRESENCE]);
    unsigned mask = cursor_u16(&c);
    r->cell_count = 0;
    for (unsigned t = 0; t < SLAB_TILES; t++) {
        r->cells_before[t] = r->cell_count;
        r->present[t] = mask >> t & 1 ? cursor_u64(&c) : 0;
        if (r->present[t] & ~rows)
            return err_set(e, ST_CORRUPT, "a cell belongs to no row");
        r->cell_count += (uint32_t)__builtin_popcountll(r->present[t]);
    }
    if (c.failed || c.at != c.end)
        return err_set(e, ST_CORRUPT, "the presence bits have the wrong length");
    return ST_OK;
}

static enum status columns_room(struct block_reader *r, struct err *e)
{
    if (!r->columns)
        r->columns = mem_calloc(BLOCK_CELLS, sizeof(*r->columns));
    if (!r->variance)
        r->variance = mem_calloc(BLOCK_CELLS, sizeof(*r->variance));
    return r->columns && r->variance ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for a block");
}

/* The numbers of a column, one by one. */
struct column_numbers {
    struct cursor *varints;
    const uint8_t *from, *end; /* of numbers in bits */
    size_t bit;                /* of the next one */
    uint64_t lowest;
    unsigned bits; /* COLUMN_VARINTS: they are not in bits */
};

/* Takes the bits of `count` numbers from the cursor; false on damage. */
static bool column_open(struct cursor *c, uint32_t version, uint32_t count,
                        struct column_numbers *out)
{
    *out = (struct column_numbers){.varints = c, .bits = COLUMN_VARINTS};
    if (version > 2)
        out->bits = cursor_u8(c);
    if (out->bits == COLUMN_VARINTS)
        return true;
    if (out->bits > COLUMN_BITS_MAX)
        return false;
    out->lowest = (uint64_t)cursor_zigzag(c);
    struct str bytes = cursor_bytes(c, column_bytes(count, out->bits));
    struct cursor numbers = cursor_of(bytes);
    out->from = numbers.at;
    out->end = numbers.end;
    return !c->failed;
}

static inline uint64_t column_next(struct column_numbers *n)
{
    uint64_t word = 0;
    if (n->bits == COLUMN_VARINTS)
        return (uint64_t)cursor_zigzag(n->varints);
    if (n->bits == 0)
        return n->lowest;
    const uint8_t *at = n->from + n->bit / 8;
    if (LIKELY(n->end - at >= 8))
        memcpy(&word, at, sizeof(word));
    else
        memcpy(&word, at, (size_t)(n->end - at));
    word = word >> n->bit % 8 & ((UINT64_C(1) << n->bits) - 1);
    n->bit += n->bits;
    return n->lowest + word;
}

static bool read_column(struct block_reader *r, struct cursor *c, enum count_column column,
                        enum column_mode mode)
{
    struct column_numbers numbers = {0}; /* of no bits: zeros */
    if (mode != COLUMN_ABSENT && !column_open(c, r->version, r->cell_count, &numbers))
        return false;
    for (uint32_t i = 0; i < r->cell_count; i++) {
        uint64_t *cell = r->columns[i];
        uint64_t value = column_next(&numbers);
        if (mode == COLUMN_WHOLE)
            value <<= WEIGHT_SHIFT;
        cell[column] = value + column_base(column, cell[COLUMN_OBSERVED], cell[COLUMN_WEIGHT]);
    }
    return true;
}

static enum status read_counts(struct block_reader *r, struct err *e)
{
    struct cursor c = cursor_of(r->section[STORED_COUNTS]);
    TRY(columns_room(r, e));
    uint32_t modes = cursor_u32(&c);
    for (unsigned i = 0; i < COUNT_COLUMNS; i++) {
        unsigned mode = modes >> (2 * i) & 3;
        if (mode > COLUMN_WHOLE || !read_column(r, &c, i, mode))
            return err_set(e, ST_CORRUPT, "column %u makes no sense", i);
    }
    r->varies = (modes & COLUMN_VARIANCE) != 0;
    for (uint32_t i = 0; r->varies && i < r->cell_count; i++)
        r->variance[i] = cursor_varint128(&c);
    if (c.failed || c.at != c.end)
        return err_set(e, ST_CORRUPT, "the counts have the wrong length");
    return ST_OK;
}

enum status block_reader_load(struct block_reader *r, const struct edge_part *p,
                              const struct block_entry *entry, unsigned sections, struct err *e)
{
    uint64_t at = entry->at;
    r->version = p->version;
    r->name_count = p->symbol_count;
    for (unsigned s = 0; s < STORED_SECTIONS; at += entry->bytes[s], s++) {
        r->section[s] = (struct str){0};
        if (s == STORED_PRESENCE || sections & section_bit(s))
            TRY(load_section(r, p, entry, s, at, e));
    }
    TRY(read_presence(r, rows_of(p, entry), e));
    return sections & SECTION_COUNTS ? read_counts(r, e) : ST_OK;
}

static uint64_t run_bytes(const struct block_reader *r, unsigned tile, struct cursor *lengths)
{
    return r->present[tile] ? cursor_varint(lengths) : 0;
}

/* Where the run of the first tile begins. False unless the lengths of all runs add up to the
 * section. */
static bool first_run(const struct block_reader *r, enum stored_section s, const uint8_t **out)
{
    struct cursor c = cursor_of(r->section[s]);
    uint64_t all = 0;
    for (unsigned t = 0; t < SLAB_TILES; t++) {
        uint64_t run = run_bytes(r, t, &c);
        if (run > UNPACKED_MAX)
            return false;
        all += run;
    }
    *out = c.at;
    return !c.failed && all == (size_t)(c.end - c.at);
}

/* Goes to the next tile, whose runs begin where those of the tile before end. */
static void next_tile(struct block_cursor *c)
{
    const struct block_reader *r = c->reader;
    c->tile = c->next_tile++;
    c->left = r->present[c->tile];
    c->ordinal = r->cells_before[c->tile] - 1; /* block_cursor_next() steps first */
    c->is_open = false;
    for (unsigned s = STORED_CLIENT; s < STORED_SECTIONS; s++) {
        if (r->section[s].len == 0)
            continue;
        c->at[s].at = c->next_run[s];
        c->next_run[s] += run_bytes(r, c->tile, &c->lengths[s]);
    }
}

void block_cursor_init(struct block_cursor *c, const struct block_reader *r, unsigned from,
                       unsigned to)
{
    *c = (struct block_cursor){
        .reader = r, .tile_end = MIN(to, (unsigned)SLAB_TILES), .rows = UINT64_MAX};
    for (unsigned s = STORED_CLIENT; s < STORED_SECTIONS; s++) {
        if (r->section[s].len == 0)
            continue;
        c->lengths[s] = c->at[s] = cursor_of(r->section[s]);
        c->failed |= !first_run(r, s, &c->next_run[s]);
    }
    while (!c->failed && c->next_tile < MIN(from, c->tile_end))
        next_tile(c);
    c->left = 0;
}

static bool next_item(struct block_cursor *c, enum stored_section s)
{
    struct cursor *at = &c->at[s];
    const uint8_t *start = at->at;
    struct str body;
    if (LIKELY(start < at->end && *start < 0x80 && *start < at->end - start)) {
        body = (struct str){(const char *)start + 1, *start};
        at->at += 1 + body.len;
    } else {
        body = cursor_lenstr(at);
    }
    c->item[s] = body;
    if (s <= STORED_TRANSIT) /* a histogram reads its own length */
        c->item[s] = (struct str){(const char *)start, (size_t)(at->at - start)};
    return !at->failed;
}

/* Histograms of a tile stand in a run. */
static inline bool has_runs(const struct block_reader *r)
{
    return r->version > 1;
}

static bool open_run(const struct block_cursor *c, enum stored_section s, struct histogram_run *run)
{
    const struct block_reader *r = c->reader;
    return histogram_run_open(c->at[s], (unsigned)__builtin_popcountll(r->present[c->tile]),
                              r->version > 2 ? HISTOGRAM_FORM_2 : HISTOGRAM_FORM_1, run);
}

/* Steps over `skipped` cells of the tile to the one behind them. */
static bool step_section(struct block_cursor *c, enum stored_section s, unsigned skipped)
{
    bool ok = true;
    if (!has_runs(c->reader) || s > STORED_TRANSIT) {
        for (unsigned i = 0; i <= skipped && ok; i++)
            ok = next_item(c, s);
        return ok;
    }
    struct histogram_run *run = &c->run[s - STORED_CLIENT];
    if (!c->is_open)
        ok = open_run(c, s, run);
    for (unsigned i = 0; i <= skipped && ok; i++)
        ok = histogram_run_next(run);
    return ok;
}

bool block_cursor_next(struct block_cursor *c)
{
    while (!(c->left & c->rows) && c->next_tile < c->tile_end && !c->failed)
        next_tile(c);
    uint64_t wanted = c->left & c->rows;
    if (!wanted || c->failed)
        return false;
    uint64_t before = c->left & ((wanted & -wanted) - 1);
    unsigned skipped = (unsigned)__builtin_popcountll(before);
    c->row = (unsigned)__builtin_ctzll(wanted);
    c->left &= ~(before | (wanted & -wanted));
    c->ordinal += skipped + 1;
    for (unsigned s = STORED_CLIENT; s < STORED_SECTIONS; s++)
        if (c->reader->section[s].len > 0 && !step_section(c, s, skipped))
            c->failed = true;
    c->is_open = true;
    return !c->failed;
}

enum status block_side_item(const struct block_cursor *c, unsigned side, struct histogram_item *out,
                            struct err *e)
{
    enum stored_section s = STORED_CLIENT + side;
    bool ok = true;
    if (c->reader->section[s].len == 0) {
        *out = (struct histogram_item){0};
    } else if (has_runs(c->reader)) {
        ok = histogram_run_item(&c->run[side], out);
    } else {
        struct cursor at = cursor_of(c->item[s]);
        ok = histogram_item_read(&at, out);
    }
    return ok ? ST_OK : err_set(e, ST_CORRUPT, "an encoded histogram is damaged");
}

void block_add_counts(const struct block_cursor *c, struct cell *to)
{
    const uint64_t *from = c->reader->columns[c->ordinal];
    struct cell counts = {
        .observed = from[COLUMN_OBSERVED],
        .weight = from[COLUMN_WEIGHT],
        .errors = from[COLUMN_ERRORS],
        .attempts = from[COLUMN_ATTEMPTS],
        .retried = from[COLUMN_RETRIED],
        .denied = from[COLUMN_DENIED],
        .transit_skipped = from[COLUMN_TRANSIT_SKIPPED],
        .end_before_start = from[COLUMN_END_BEFORE_START],
        .request_bytes = from[COLUMN_REQUEST_BYTES],
        .response_bytes = from[COLUMN_RESPONSE_BYTES],
        .request_sized = from[COLUMN_REQUEST_SIZED],
        .response_sized = from[COLUMN_RESPONSE_SIZED],
        .evidence = (uint32_t)from[COLUMN_EVIDENCE],
        .variance = c->reader->varies ? c->reader->variance[c->ordinal] : 0,
    };
    cell_add_counts(to, &counts);
}

static enum status add_tally_list(struct cursor *c, uint32_t name_count, struct cell_tallies *to,
                                  uint32_t (*map)(uint32_t name, void *user), void *user,
                                  struct err *e)
{
    uint64_t count = cursor_varint(c);
    for (uint64_t i = 0; i < count && !c->failed; i++) {
        uint64_t name = cursor_varint(c);
        u128 weight = cursor_varint128(c);
        uint64_t value = (uint64_t)(weight >> 1);
        if (!(weight & 1))
            value <<= WEIGHT_SHIFT;
        if (c->failed || name >= name_count)
            return err_set(e, ST_CORRUPT, "the tallies of a cell are damaged");
        uint32_t mapped = map((uint32_t)name, user);
        if (mapped == UINT32_MAX || !cell_tally_add(to, mapped, value))
            return err_set(e, ST_NO_MEMORY, "no memory for a tally");
    }
    return c->failed ? err_set(e, ST_CORRUPT, "the tallies of a cell are damaged") : ST_OK;
}

enum status block_add_tallies(const struct block_cursor *c, struct cell *to,
                              uint32_t (*map)(uint32_t name, void *user), void *user, struct err *e)
{
    struct cursor at = cursor_of(c->item[STORED_TALLIES]);
    if (at.at == at.end)
        return ST_OK;
    uint32_t names = c->reader->name_count;
    TRY(add_tally_list(&at, names, &to->codes, map, user, e));
    TRY(add_tally_list(&at, names, &to->grpc_codes, map, user, e));
    return add_tally_list(&at, names, &to->flags, map, user, e);
}

enum status block_add_exemplars(const struct block_cursor *c, uint64_t tile_s, struct cell *to,
                                struct err *e)
{
    struct cursor at = cursor_of(c->item[STORED_EXEMPLARS]);
    while (at.at < at.end) {
        struct exemplar x = {.trace = {.hi = cursor_u64(&at)}};
        x.trace.lo = cursor_u64(&at);
        x.time_ns = tile_s * NS_PER_S + (uint64_t)cursor_zigzag(&at);
        u128 latency = cursor_varint128(&at);
        x.latency_ns = (uint64_t)(latency >> 1);
        x.error = latency & 1;
        if (at.failed)
            return err_set(e, ST_CORRUPT, "the exemplars of a cell are damaged");
        cell_offer_exemplar(to, &x);
    }
    return ST_OK;
}
