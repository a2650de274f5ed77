/* edge_merge_source.c - adding the cells of several parts up, block by block of the sum. */
#include "storage/edge_merge_source.h"
#include "base/ascending.h"

/* --- rows and symbols --- */

static bool add_symbols(struct merge_source *m, struct merge_input *in)
{
    in->symbols = mem_realloc_array(NULL, (size_t)in->part->symbol_count + 1, sizeof(uint32_t));
    in->rows = mem_realloc_array(NULL, (size_t)in->part->row_count + 1, sizeof(uint32_t));
    if (!in->symbols || !in->rows)
        return false;
    for (uint32_t i = 0; i < in->part->symbol_count; i++) {
        in->symbols[i] = edge_tables_string(&m->tables, in->part->symbols[i]);
        if (in->symbols[i] == INTERN_NONE)
            return false;
    }
    return true;
}

static bool add_rows(struct merge_source *m, const struct merge_input *in)
{
    for (uint32_t i = 0; i < in->part->row_count; i++) {
        struct row_key key = in->part->rows[i];
        for (unsigned s = ROW_KEY_STRINGS; s < ROW_KEY_WORD; s++)
            key.v[s] = in->symbols[key.v[s]];
        if (!edge_tables_row(&m->tables, &key))
            return false;
    }
    return true;
}

static bool unite_tables(struct merge_source *m)
{
    if (!edge_tables_init(&m->tables))
        return false;
    for (size_t i = 0; i < m->input_count; i++)
        if (!add_symbols(m, &m->inputs[i]) || !add_rows(m, &m->inputs[i]))
            return false;
    if (!edge_tables_sort(&m->tables))
        return false;
    const uint32_t *next = m->tables.row_rank;
    for (size_t i = 0; i < m->input_count; i++) {
        struct merge_input *in = &m->inputs[i];
        for (uint32_t s = 0; s < in->part->symbol_count; s++)
            in->symbols[s] = m->tables.symbol_rank[in->symbols[s]];
        for (uint32_t r = 0; r < in->part->row_count; r++)
            in->rows[r] = *next++;
    }
    return true;
}

static uint32_t symbol_of(uint32_t name, void *user)
{
    const struct merge_source *m = user;
    return m->current->symbols[name];
}

/* --- which tier of a part serves a tier of the sum --- */

/* Some time of a block of the sum, and the tier that serves it. */
struct stretch {
    enum tier tier;
    uint64_t from_s, to_s;
};

/* The coarsest tier of p, at most the block's, that is there from s->from_s on; sets s->to_s to
 * where it ends, at most the end of the block. False when there is none. */
static bool serving_tier(const struct edge_part *p, const struct block_entry *block,
                         struct stretch *s)
{
    for (unsigned t = block->tier + 1u; t-- > 0;) {
        uint64_t end_s = edge_part_tier_end(p, t, block->joint);
        if (p->from_s[block->joint][t] <= s->from_s && s->from_s < end_s) {
            s->tier = t;
            s->to_s = MIN((block->slab + 1) * slab_seconds(block->tier), end_s);
            return true;
        }
    }
    return false;
}

/* From when on the sum can have the tier: what the cut leaves, and what every part can give. */
static uint64_t sum_from(const struct merge_source *m, enum tier t, bool joint)
{
    uint64_t from = m->cut.from_s[joint][t];
    for (size_t i = 0; i < m->input_count; i++) {
        uint64_t available = TIER_ABSENT;
        for (unsigned finer = 0; finer <= (unsigned)t; finer++)
            available = MIN(available, m->inputs[i].part->from_s[joint][finer]);
        from = MAX(from, available);
    }
    uint64_t slab = slab_seconds(t);
    return from == TIER_ABSENT ? from : (from + slab - 1) / slab * slab;
}

/* --- cells --- */

static bool next_slab(void *user, enum tier tier, bool joint, uint64_t *slab)
{
    const struct merge_source *m = user;
    uint64_t seconds = slab_seconds(tier), next = UINT64_MAX;
    uint64_t kept = m->source.from_s[joint][tier] / seconds;
    *slab = MAX(*slab, kept);
    for (size_t i = 0; i < m->input_count; i++) {
        const struct edge_part *p = m->inputs[i].part;
        for (unsigned t = 0; t <= (unsigned)tier; t++) {
            uint32_t at = edge_part_find_block(p, t, joint, *slab * seconds / slab_seconds(t), 0);
            if (at < p->block_count && p->blocks[at].tier == t && p->blocks[at].joint == joint)
                next = MIN(next, p->blocks[at].slab * slab_seconds(t) / seconds);
        }
    }
    *slab = next;
    return next != UINT64_MAX;
}

/* Rows of the input, counted in their kind, that lie in one block of rows of the sum: [*from, *to).
 */
static void input_rows(const struct merge_source *m, const struct merge_input *in,
                       const struct block_entry *block, uint32_t *from, uint32_t *to)
{
    const uint32_t *rows = in->rows + edge_part_first_row(in->part, block->joint);
    uint32_t count = edge_part_kind_rows(in->part, block->joint);
    uint32_t first = (block->joint ? m->tables.total_count : 0) + block->row_block * BLOCK_ROWS;
    *from = not_below_u32(rows, 0, count, first);
    *to = not_below_u32(rows, 0, count, first + BLOCK_ROWS);
}

/* Adds the cells of one input block that belong to the block of the sum and to the stretch. */
static enum status add_block(struct merge_source *m, struct merge_input *in,
                             const struct block_entry *entry, const struct block_entry *block,
                             const struct stretch *stretch, struct block_grid *grid, struct err *e)
{
    uint64_t seconds = tier_seconds(entry->tier), zero = entry->slab * slab_seconds(entry->tier);
    uint64_t sum_zero = block->slab * slab_seconds(block->tier);
    uint32_t base = edge_part_first_row(in->part, block->joint);
    uint32_t sum_first = (block->joint ? m->tables.total_count : 0) + block->row_block * BLOCK_ROWS;
    struct block_cursor c;
    if (in->loaded != entry) {
        in->loaded = NULL;
        TRY(block_reader_load(&in->reader, in->part, entry, SECTION_ALL, e));
        in->loaded = entry;
    }
    m->current = in;
    block_cursor_init(&c, &in->reader, 0, SLAB_TILES);
    while (block_cursor_next(&c)) {
        uint32_t row = entry->row_block * BLOCK_ROWS + c.row;
        uint64_t tile_s = zero + c.tile * seconds;
        uint32_t sum_row = in->rows[base + row] - sum_first; /* wraps when it lies before */
        if (sum_row >= BLOCK_ROWS || tile_s < stretch->from_s || tile_s >= stretch->to_s)
            continue;
        unsigned tile = (unsigned)((tile_s - sum_zero) / tier_seconds(block->tier));
        struct cell *to = block_grid_cell(grid, tile, sum_row);
        for (unsigned side = 0; side < BLOCK_SIDES; side++) {
            struct histogram_item item;
            TRY(block_side_item(&c, side, &item, e));
            TRY(block_grid_add_side(grid, tile, sum_row, side, &item, e));
        }
        block_add_counts(&c, to);
        TRY(block_add_tallies(&c, to, symbol_of, m, e));
        TRY(block_add_exemplars(&c, tile_s, to, e));
        if (block->tier <= TIER_1M && tile_s < m->cut.exemplars_from_s)
            to->exemplar_count = 0;
    }
    return c.failed ? err_set(e, ST_CORRUPT, "the runs of a block make no sense") : ST_OK;
}

static enum status add_stretch(struct merge_source *m, struct merge_input *in,
                               const struct block_entry *block, const struct stretch *stretch,
                               struct block_grid *grid, struct err *e)
{
    const struct edge_part *p = in->part;
    enum tier tier = stretch->tier;
    uint32_t from, to;
    input_rows(m, in, block, &from, &to);
    if (from == to)
        return ST_OK;
    uint32_t first_block = from / BLOCK_ROWS, last_block = (to - 1) / BLOCK_ROWS;
    uint32_t i = edge_part_find_block(p, tier, block->joint, stretch->from_s / slab_seconds(tier),
                                      first_block);
    for (; i < p->block_count; i++) {
        const struct block_entry *entry = &p->blocks[i];
        struct err why;
        if (entry->tier != tier || entry->joint != block->joint ||
            entry->slab * slab_seconds(tier) >= stretch->to_s)
            break;
        if (entry->row_block < first_block || entry->row_block > last_block)
            continue;
        enum status status = add_block(m, in, entry, block, stretch, grid, &why);
        if (status == ST_CORRUPT) {
            edge_part_log_lost(p, entry, &why);
            m->lost++;
        } else if (status != ST_OK) {
            if (status == ST_IO)
                m->unreadable = (size_t)(in - m->inputs);
            return err_set(e, status, "%s", why.msg);
        }
    }
    return ST_OK;
}

static enum status gather(void *user, const struct block_entry *block, struct block_grid *grid,
                          struct err *e)
{
    struct merge_source *m = user;
    uint64_t start_s = block->slab * slab_seconds(block->tier);
    for (size_t i = 0; i < m->input_count; i++) {
        struct merge_input *in = &m->inputs[i];
        struct stretch s = {.from_s = start_s};
        for (; s.from_s < start_s + slab_seconds(block->tier) && serving_tier(in->part, block, &s);
             s.from_s = s.to_s)
            TRY(add_stretch(m, in, block, &s, grid, e));
    }
    return ST_OK;
}

/* --- life --- */

static void set_bounds(struct merge_source *m)
{
    struct part_source *s = &m->source;
    s->start_s = UINT64_MAX;
    for (size_t i = 0; i < m->input_count; i++) {
        const struct edge_part *p = m->inputs[i].part;
        if (p->start_s == p->end_s)
            continue; /* empty */
        s->start_s = MIN(s->start_s, p->start_s);
        s->end_s = MAX(s->end_s, p->end_s);
    }
    s->start_s = MIN(s->start_s, s->end_s);
    for (unsigned joint = 0; joint < 2; joint++)
        for (unsigned t = 0; t < TIER_COUNT; t++)
            s->from_s[joint][t] = sum_from(m, t, joint);
    if (needs_no_day(s->start_s, s->end_s))
        s->from_s[0][TIER_1D] = s->from_s[1][TIER_1D] = TIER_ABSENT;
    if (s->from_s[1][TIER_1M] > 0) { /* minutes that are gone must have left five minutes behind */
        m->cut.from_s[1][TIER_5M] = 0;
        s->from_s[1][TIER_5M] = sum_from(m, TIER_5M, true);
    }
    s->joint_minutes_end_s = joint_minutes_end(s->from_s[1][TIER_15S]);
    if (s->joint_minutes_end_s == 0)
        s->from_s[1][TIER_1M] = TIER_ABSENT;
}

enum status merge_source_init(struct merge_source *m, struct edge_part *const *parts, size_t count,
                              const struct merge_cut *cut, struct err *e)
{
    *m = (struct merge_source){.cut = *cut};
    m->inputs = mem_calloc(count + 1, sizeof(*m->inputs));
    for (size_t i = 0; m->inputs && i < count; i++)
        m->inputs[m->input_count++].part = edge_part_ref(parts[i]);
    m->unreadable = m->input_count;
    if (!m->inputs || !unite_tables(m))
        return err_set(e, ST_NO_MEMORY, "no memory to merge %zu parts", count);
    m->source = (struct part_source){
        .tables = &m->tables, .pack = true, .next_slab = next_slab, .gather = gather, .user = m};
    set_bounds(m);
    return ST_OK;
}

void merge_source_deinit(struct merge_source *m)
{
    for (size_t i = 0; i < m->input_count; i++) {
        edge_part_unref(m->inputs[i].part);
        mem_free(m->inputs[i].symbols);
        mem_free(m->inputs[i].rows);
        block_reader_deinit(&m->inputs[i].reader);
    }
    mem_free(m->inputs);
    edge_tables_deinit(&m->tables);
    *m = (struct merge_source){0};
}
