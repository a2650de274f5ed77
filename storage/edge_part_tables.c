/* edge_part_tables.c - symbols, rows and index of a part: bytes to arrays, checked to the last
 * number. */
#include "base/mem.h"
#include "storage/edge_part_file.h"

static enum status corrupt(const struct edge_part *p, const char *what, struct err *e)
{
    return err_set(e, ST_CORRUPT, "%s of %s make no sense", what, edge_part_label(p));
}

/* A count of things that take at least one byte each, so it cannot ask for much more memory than
 * the file has. */
static bool read_count(struct cursor *c, uint32_t *out)
{
    uint64_t count = cursor_varint(c);
    if (c->failed || count > (size_t)(c->end - c->at))
        return false;
    *out = (uint32_t)count;
    return true;
}

static enum status read_symbols(struct edge_part *p, struct cursor *c, struct err *e)
{
    if (!read_count(c, &p->symbol_count))
        return corrupt(p, "the symbols", e);
    p->symbols = mem_realloc_array(NULL, (size_t)p->symbol_count + 1, sizeof(*p->symbols));
    if (!p->symbols)
        return err_set(e, ST_NO_MEMORY, "no memory for the symbols of a part");
    for (uint32_t i = 0; i < p->symbol_count; i++)
        p->symbols[i] = cursor_lenstr(c);
    return c->failed ? corrupt(p, "the symbols", e) : ST_OK;
}

static int key_cmp(const struct row_key *a, const struct row_key *b)
{
    for (unsigned i = 0; i < ROW_KEY_LEN; i++)
        if (a->v[i] != b->v[i])
            return a->v[i] < b->v[i] ? -1 : 1;
    return 0;
}

static bool row_is_sound(const struct edge_part *p, uint32_t row)
{
    const struct row_key *key = &p->rows[row];
    struct cell_row ignored;
    for (unsigned i = ROW_KEY_STRINGS; i < ROW_KEY_WORD; i++)
        if (key->v[i] >= p->symbol_count)
            return false;
    if (!cell_row_set_word(&ignored, key->v[ROW_KEY_WORD]) ||
        ignored.is_total != (key->v[ROW_KEY_JOINT] == 0))
        return false;
    return row == 0 || key_cmp(&p->rows[row - 1], key) < 0;
}

static enum status read_rows(struct edge_part *p, struct cursor *c, struct err *e)
{
    if (!read_count(c, &p->row_count) || !read_count(c, &p->total_count) ||
        p->total_count > p->row_count)
        return corrupt(p, "the rows", e);
    p->rows = mem_calloc((size_t)p->row_count + 1, sizeof(*p->rows));
    if (!p->rows)
        return err_set(e, ST_NO_MEMORY, "no memory for the rows of a part");
    for (uint32_t i = p->total_count; i < p->row_count; i++)
        p->rows[i].v[ROW_KEY_JOINT] = 1;
    for (unsigned column = ROW_KEY_STRINGS; column < ROW_KEY_LEN; column++) {
        for (uint32_t i = 0; i < p->row_count; i++) {
            uint64_t value = cursor_varint(c);
            p->rows[i].v[column] = (uint32_t)MIN(value, (uint64_t)UINT32_MAX);
        }
    }
    for (uint32_t i = 0; i < p->row_count; i++)
        if (c->failed || !row_is_sound(p, i))
            return corrupt(p, "the rows", e);
    return ST_OK;
}

static bool block_comes_before(const struct block_entry *a, const struct block_entry *b)
{
    if (a->tier != b->tier)
        return a->tier < b->tier;
    if (a->joint != b->joint)
        return b->joint;
    if (a->slab != b->slab)
        return a->slab < b->slab;
    return a->row_block < b->row_block;
}

static bool read_entry(const struct edge_part *p, struct cursor *c, uint64_t *at,
                       struct block_entry *out)
{
    const uint64_t slab_max = UINT64_C(1) << 40;
    uint8_t kind = cursor_u8(c);
    out->tier = kind >> 1;
    out->joint = kind & 1;
    out->slab = cursor_varint(c);
    uint64_t row_block = cursor_varint(c);
    if (c->failed || out->tier >= TIER_COUNT || out->slab > slab_max ||
        row_block >= (edge_part_kind_rows(p, out->joint) + BLOCK_ROWS - 1) / BLOCK_ROWS)
        return false;
    out->row_block = (uint32_t)row_block;
    out->packed = cursor_u8(c);
    out->at = *at;
    for (unsigned s = 0; s < STORED_SECTIONS; s++) {
        uint64_t bytes = cursor_varint(c);
        if (bytes > MIN(p->size, (uint64_t)UINT32_MAX))
            return false;
        out->bytes[s] = (uint32_t)bytes;
        out->checksum[s] = cursor_u32(c);
        *at += bytes;
    }
    return !c->failed;
}

static enum status read_index(struct edge_part *p, struct cursor *c, uint64_t blocks_end,
                              struct err *e)
{
    if (!read_count(c, &p->block_count))
        return corrupt(p, "the blocks", e);
    p->blocks = mem_calloc((size_t)p->block_count + 1, sizeof(*p->blocks));
    if (!p->blocks)
        return err_set(e, ST_NO_MEMORY, "no memory for the index of a part");
    uint64_t at = PART_HEADER_BYTES;
    for (uint32_t i = 0; i < p->block_count; i++)
        if (!read_entry(p, c, &at, &p->blocks[i]) ||
            (i > 0 && !block_comes_before(&p->blocks[i - 1], &p->blocks[i])))
            return corrupt(p, "the blocks", e);
    return at == blocks_end && c->at == c->end ? ST_OK : corrupt(p, "the blocks", e);
}

enum status edge_part_parse_tables(struct edge_part *p, struct str tables, uint64_t blocks_end,
                                   struct err *e)
{
    struct cursor c = cursor_of(tables);
    p->start_s = cursor_varint(&c);
    p->end_s = p->start_s + cursor_varint(&c);
    for (unsigned joint = 0; joint < 2; joint++)
        for (unsigned t = 0; t < TIER_COUNT; t++) /* absent is stored as 0 */
            p->from_s[joint][t] = cursor_varint(&c) - 1;
    p->joint_minutes_end_s = p->version > 1 ? cursor_varint(&c) - 1 : TIER_ABSENT;
    TRY(read_symbols(p, &c, e));
    TRY(read_rows(p, &c, e));
    return read_index(p, &c, blocks_end, e);
}

uint32_t edge_part_find_block(const struct edge_part *p, enum tier tier, bool joint, uint64_t slab,
                              uint32_t row_block)
{
    struct block_entry key = {
        .tier = (uint8_t)tier, .joint = joint, .slab = slab, .row_block = row_block};
    uint32_t low = 0, high = p->block_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (block_comes_before(&p->blocks[middle], &key))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
