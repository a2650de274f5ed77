/* series_part_read.c - runs of chosen series out of a part: only the blocks that hold them, only
 * the columns that they need. */
#include "storage/series_part_file.h"

struct reading {
    const struct series_part *part;
    const struct series_part_read *read;
    struct series_block_reader block;
    struct arena own;              /* when the caller gives none */
    struct arena *arena;           /* that, or the caller's */
    uint32_t next_key;             /* first of read->keys that may still come */
    uint32_t number;               /* of the block */
    VEC(struct series_run) pieces; /* of one series that goes on in the next block */
    enum status each_status;       /* what each() gave, to tell it from damage */
};

static uint32_t lower_bound(const struct series_part_read *read, uint32_t from,
                            struct series_key key)
{
    uint32_t to = read->key_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (series_key_cmp(read->keys[middle], key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* True when the block may hold a sample that is asked for. */
static bool block_is_wanted(struct reading *g, const struct series_block_entry *entry)
{
    const struct series_part_read *read = g->read;
    if (entry->max_ms < read->start_ms || entry->min_ms > read->end_ms)
        return false;
    if (!read->keys)
        return true;
    g->next_key = lower_bound(read, g->next_key, entry->first);
    return g->next_key < read->key_count &&
           series_key_cmp(read->keys[g->next_key], entry->last) <= 0;
}

static void mark_wanted(struct reading *g)
{
    uint32_t key = g->next_key;
    for (size_t i = 0; i < g->block.series.len; i++) {
        struct block_series *s = &g->block.series.items[i];
        if (!g->read->keys) {
            s->wanted = true;
            continue;
        }
        while (key < g->read->key_count && series_key_cmp(g->read->keys[key], s->key) < 0)
            key++;
        if (key == g->read->key_count)
            break;
        s->wanted = series_key_cmp(g->read->keys[key], s->key) == 0;
    }
}

static uint32_t times_below(const struct series_run *run, int64_t time_ms)
{
    uint32_t from = 0, to = run->sample_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (run->times_ms[middle] < time_ms)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Leaves the samples in the range. */
static void cut_run(struct series_run *run, int64_t start_ms, int64_t end_ms)
{
    uint32_t from = times_below(run, start_ms);
    uint32_t to = end_ms == INT64_MAX ? run->sample_count : times_below(run, end_ms + 1);
    run->sample_count = to > from ? to - from : 0;
    run->times_ms += from;
    run->values += from;
    run->histograms = run->histograms ? run->histograms + from : NULL;
    run->starts_ms = run->starts_ms ? run->starts_ms + from : NULL;
}

/* Copies one column of all pieces behind each other; NULL when memory is short. */
static void *join_column(struct reading *g, size_t total, size_t item_bytes,
                         const void *(*column)(const struct series_run *run))
{
    char *out = arena_calloc(g->arena, total, item_bytes), *to = out;
    for (size_t i = 0; out && i < g->pieces.len; i++) {
        const struct series_run *piece = &g->pieces.items[i];
        if (column(piece))
            memcpy(to, column(piece), piece->sample_count * item_bytes);
        to += piece->sample_count * item_bytes;
    }
    return out;
}

static const void *times_column(const struct series_run *run)
{
    return run->times_ms;
}

static const void *values_column(const struct series_run *run)
{
    return run->values;
}

static const void *histograms_column(const struct series_run *run)
{
    return run->histograms;
}

static const void *starts_column(const struct series_run *run)
{
    return run->starts_ms;
}

static bool join_pieces(struct reading *g, struct series_run *out)
{
    bool histograms = false, starts = false;
    uint32_t total = 0;
    for (size_t i = 0; i < g->pieces.len; i++) {
        total += g->pieces.items[i].sample_count;
        histograms |= g->pieces.items[i].histograms != NULL;
        starts |= g->pieces.items[i].starts_ms != NULL;
    }
    *out = (struct series_run){
        .key = g->pieces.items[0].key,
        .sample_count = total,
        .times_ms = join_column(g, total, sizeof(int64_t), times_column),
        .values = join_column(g, total, sizeof(double), values_column),
    };
    if (histograms)
        out->histograms = join_column(g, total, sizeof(void *), histograms_column);
    if (starts)
        out->starts_ms = join_column(g, total, sizeof(int64_t), starts_column);
    return out->times_ms && out->values && (!histograms || out->histograms) &&
           (!starts || out->starts_ms);
}

static enum status give(struct reading *g, const struct series_run *run, struct err *e)
{
    g->each_status = g->read->each(run, g->read->user, e);
    return g->each_status;
}

/* Gives the series whose pieces wait. */
static enum status give_pieces(struct reading *g, struct err *e)
{
    struct series_run run;
    if (g->pieces.len == 0)
        return ST_OK;
    bool joined = g->pieces.len > 1;
    if (joined && !join_pieces(g, &run))
        return err_set(e, ST_NO_MEMORY, "no memory for a long series");
    if (!joined)
        run = g->pieces.items[0];
    g->pieces.len = 0;
    return give(g, &run, e);
}

static bool goes_on(const struct reading *g, struct series_key key)
{
    const struct series_block_entry *next = &g->part->blocks[g->number + 1];
    return g->number + 1 < g->part->block_count && series_key_cmp(next->first, key) == 0;
}

static bool lies_behind_pieces(const struct reading *g, const struct series_run *run)
{
    const struct series_run *last = &g->pieces.items[g->pieces.len - 1];
    return last->times_ms[last->sample_count - 1] < run->times_ms[0];
}

static enum status on_run(const struct series_run *whole, void *user, struct err *e)
{
    struct reading *g = user;
    struct series_run run = *whole;
    bool follows = g->pieces.len > 0 && series_key_cmp(g->pieces.items[0].key, run.key) == 0;
    cut_run(&run, g->read->start_ms, g->read->end_ms);
    if (!follows)
        TRY(give_pieces(g, e));
    if (run.sample_count == 0)
        return ST_OK;
    if (follows && !lies_behind_pieces(g, &run))
        return err_set(e, ST_CORRUPT, "the times of a series do not ascend from block to block");
    if (!follows && !goes_on(g, run.key))
        return give(g, &run, e);
    return vec_push(&g->pieces, run) ? ST_OK
                                     : err_set(e, ST_NO_MEMORY, "no memory for a long series");
}

static enum status read_block(struct reading *g, const struct series_block_entry *entry,
                              struct err *e)
{
    if (g->pieces.len > 0 && series_key_cmp(g->pieces.items[0].key, entry->first) != 0)
        TRY(give_pieces(g, e));
    if (g->arena == &g->own && g->pieces.len == 0) {
        arena_reset(&g->own);
        g->block.shared_count = 0;
    }
    TRY(series_part_load(g->part, entry, &g->block, e));
    mark_wanted(g);
    return series_block_reader_run(&g->block, g->arena, on_run, g, e);
}

enum status series_part_read(const struct series_part *p, const struct series_part_read *read,
                             uint64_t *lost, struct err *e)
{
    struct reading g = {.part = p, .read = read};
    enum status status = ST_OK;
    g.arena = read->arena ? read->arena : &g.own;
    for (; status == ST_OK && g.number < p->block_count; g.number++) {
        const struct series_block_entry *entry = &p->blocks[g.number];
        struct err why = {0};
        if (!block_is_wanted(&g, entry))
            continue;
        status = read_block(&g, entry, &why);
        bool unreadable = status == ST_CORRUPT || status == ST_IO;
        if (unreadable && g.each_status == ST_OK) {
            series_part_log_lost(p, entry, &why);
            ++*lost;
            status = ST_OK;
        } else if (status != ST_OK && e) {
            *e = why;
        }
    }
    if (status == ST_OK)
        status = give_pieces(&g, e);
    vec_deinit(&g.pieces);
    series_block_reader_deinit(&g.block);
    arena_deinit(&g.own);
    return status;
}
