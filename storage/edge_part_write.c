/* edge_part_write.c - cells in, bytes of an edge part out: block by block, then tables, index and
 * footer. */
#include "storage/edge_part_write.h"

#include "base/hash.h"

struct part_writer {
    const struct part_source *source; /* borrowed */
    struct buf *out;                  /* borrowed */
    struct block_packer *packer;
    struct block_grid grid;
    VEC(struct block_entry) index;
    uint64_t at; /* offset of what comes next */
    uint64_t cells;
    struct block_entry place; /* the block that comes next */
    bool slab_known, done;
};

struct part_writer *part_writer_new(const struct part_source *source, struct buf *out)
{
    struct part_writer *w = mem_calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->source = source;
    w->out = out;
    w->packer = block_packer_new();
    if (!w->packer || !block_grid_init(&w->grid)) {
        part_writer_free(w);
        return NULL;
    }
    buf_append_str(out, STR(PART_MAGIC));
    buf_append_u32(out, PART_VERSION);
    buf_append_u32(out, 0);
    w->at = PART_HEADER_BYTES;
    return w;
}

void part_writer_free(struct part_writer *w)
{
    if (!w)
        return;
    block_packer_free(w->packer);
    block_grid_deinit(&w->grid);
    vec_deinit(&w->index);
    mem_free(w);
}

uint64_t part_writer_cells(const struct part_writer *w)
{
    return w->cells;
}

static uint32_t kind_rows(const struct part_writer *w, bool joint)
{
    const struct edge_tables *t = w->source->tables;
    return joint ? t->row_count - t->total_count : t->total_count;
}

/* Leaves p->slab at the next one that is to be written; false when the tier has no more. */
static bool next_slab(const struct part_writer *w, struct block_entry *p)
{
    const struct part_source *s = w->source;
    bool ends = p->joint && p->tier == TIER_1M;
    if (s->from_s[p->joint][p->tier] == TIER_ABSENT ||
        !s->next_slab(s->user, p->tier, p->joint, &p->slab))
        return false;
    return !ends || p->slab * slab_seconds(TIER_1M) < s->joint_minutes_end_s;
}

/* Leaves w->place at the next block that may hold cells; false at the end. */
static bool find_place(struct part_writer *w)
{
    struct block_entry *p = &w->place;
    while (p->tier < TIER_COUNT) {
        if (!w->slab_known)
            w->slab_known = next_slab(w, p);
        if (w->slab_known && p->row_block * BLOCK_ROWS < kind_rows(w, p->joint))
            return true;
        bool more = w->slab_known;
        w->slab_known = false;
        p->row_block = 0;
        if (more) {
            p->slab++;
            continue;
        }
        p->slab = 0;
        p->tier += p->joint;
        p->joint = !p->joint;
    }
    return false;
}

static enum status write_block(struct part_writer *w, struct err *e)
{
    struct block_entry entry = w->place;
    block_grid_reset(&w->grid);
    TRY(w->source->gather(w->source->user, &entry, &w->grid, e));
    if (block_grid_is_empty(&w->grid))
        return ST_OK;
    size_t before = w->out->len;
    entry.at = w->at;
    block_encode(w->packer, &w->grid, entry.slab * slab_seconds(entry.tier),
                 tier_seconds(entry.tier), w->source->pack, w->out, &entry);
    w->at += w->out->len - before;
    for (unsigned t = 0; t < SLAB_TILES; t++)
        w->cells += (unsigned)__builtin_popcountll(w->grid.present[t]);
    if (w->out->failed || !vec_push(&w->index, entry))
        return err_set(e, ST_NO_MEMORY, "no memory for a block of an edge part");
    return ST_OK;
}

enum status part_writer_step(struct part_writer *w, unsigned blocks, bool *done, struct err *e)
{
    for (; blocks > 0 && find_place(w); blocks--) {
        TRY(write_block(w, e));
        w->place.row_block++;
    }
    *done = !find_place(w);
    return ST_OK;
}

static void put_rows(struct buf *out, const struct edge_tables *t)
{
    buf_append_varint(out, t->symbol_count);
    for (uint32_t i = 0; i < t->symbol_count; i++)
        buf_append_lenstr(out, edge_tables_symbol(t, i));
    buf_append_varint(out, t->row_count);
    buf_append_varint(out, t->total_count);
    for (unsigned column = ROW_KEY_STRINGS; column < ROW_KEY_LEN; column++)
        for (uint32_t i = 0; i < t->row_count; i++)
            buf_append_varint(out, t->rows.items[i].v[column]);
}

static void put_index(struct buf *out, const struct part_writer *w)
{
    buf_append_varint(out, w->index.len);
    for (size_t i = 0; i < w->index.len; i++) {
        const struct block_entry *entry = &w->index.items[i];
        buf_append_u8(out, (uint8_t)(entry->tier << 1 | entry->joint));
        buf_append_varint(out, entry->slab);
        buf_append_varint(out, entry->row_block);
        buf_append_u8(out, entry->packed);
        for (unsigned s = 0; s < STORED_SECTIONS; s++) {
            buf_append_varint(out, entry->bytes[s]);
            buf_append_u32(out, entry->checksum[s]);
        }
    }
}

static void put_tables(struct buf *out, const struct part_writer *w)
{
    const struct part_source *s = w->source;
    buf_append_varint(out, s->start_s);
    buf_append_varint(out, s->end_s - s->start_s);
    for (unsigned joint = 0; joint < 2; joint++)
        for (unsigned t = 0; t < TIER_COUNT; t++)
            buf_append_varint(out, s->from_s[joint][t] + 1); /* absent becomes 0 */
    buf_append_varint(out, s->joint_minutes_end_s + 1);
    put_rows(out, s->tables);
    put_index(out, w);
}

static void put_footer(struct part_writer *w, struct str stored, size_t unpacked)
{
    struct buf *out = w->out;
    buf_append_u64(out, w->at);
    buf_append_u64(out, stored.len);
    buf_append_u64(out, unpacked);
    buf_append_u64(out, hash_checksum(stored.ptr, stored.len));
    buf_append_u32(out, PART_VERSION);
    if (!out->failed)
        buf_append_u32(out, (uint32_t)hash_checksum(out->ptr + out->len - PART_FOOTER_CHECKED,
                                                    PART_FOOTER_CHECKED));
    buf_append_str(out, STR(PART_END_MAGIC));
}

enum status part_writer_finish(struct part_writer *w, struct err *e)
{
    struct buf tables = {0};
    bool packed = false;
    put_tables(&tables, w);
    struct str stored = buf_str(&tables);
    if (w->source->pack && !tables.failed)
        stored = block_pack(w->packer, stored, &packed);
    buf_append_str(w->out, stored);
    put_footer(w, stored, tables.len);
    bool failed = tables.failed || w->out->failed;
    buf_deinit(&tables);
    return failed ? err_set(e, ST_NO_MEMORY, "no memory for the tables of an edge part") : ST_OK;
}
