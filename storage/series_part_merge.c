/* series_part_merge.c - several parts into one: series by series in the order of keys, the newest
 * part's sample where two have the same time. */
#include "storage/series_part_file.h"

/* One part being read, a block at a time. */
struct merge_input {
    const struct series_part *part;
    uint32_t next_block;
    struct series_block_reader block;
    struct arena arena; /* of the runs */
    VEC(struct series_run) runs;
    size_t at; /* of the run that comes next */
};

/* The samples of one series from several runs. */
struct merged {
    struct merged_columns {
        VEC(int64_t) times;
        VEC(double) values;
        VEC(const struct native_histogram *) histograms;
        VEC(int64_t) starts;
    } now, spare;
    bool has_histograms, has_starts;
    struct arena copies; /* of histograms whose block goes before they are written */
};

struct merge_state {
    const struct series_merge *merge;
    struct merge_input *inputs; /* owned */
    struct merged merged;
    struct series_part_writer *writer;
    uint64_t *lost;
};

static void columns_deinit(struct merged_columns *c)
{
    vec_deinit(&c->times);
    vec_deinit(&c->values);
    vec_deinit(&c->histograms);
    vec_deinit(&c->starts);
}

static void state_deinit(struct merge_state *s)
{
    for (uint32_t i = 0; s->inputs && i < s->merge->part_count; i++) {
        series_block_reader_deinit(&s->inputs[i].block);
        arena_deinit(&s->inputs[i].arena);
        vec_deinit(&s->inputs[i].runs);
    }
    mem_free(s->inputs);
    columns_deinit(&s->merged.now);
    columns_deinit(&s->merged.spare);
    arena_deinit(&s->merged.copies);
    series_part_writer_free(s->writer);
}

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory to merge series parts");
}

static enum status note_run(const struct series_run *run, void *user, struct err *e)
{
    struct merge_input *in = user;
    return vec_push(&in->runs, *run) ? ST_OK : no_memory(e);
}

static enum status load_block(struct merge_input *in, const struct series_block_entry *entry,
                              struct err *e)
{
    in->runs.len = in->at = 0;
    arena_reset(&in->arena);
    in->block.shared_count = 0;
    TRY(series_part_fetch(in->part, entry, &in->block, e));
    return series_block_reader_all(&in->block, entry, &in->arena, note_run, in, e);
}

/* The next run of the part; NULL at its end. Runs before it are gone when it lies in a new block.
 */
static enum status input_peek(const struct merge_state *s, struct merge_input *in,
                              struct series_run **out, struct err *e)
{
    while (in->at == in->runs.len && in->next_block < in->part->block_count) {
        const struct series_block_entry *entry = &in->part->blocks[in->next_block++];
        struct err why = {0};
        enum status status = load_block(in, entry, &why);
        if (status == ST_CORRUPT) {
            series_part_log_lost(in->part, entry, &why);
            in->runs.len = 0;
            ++*s->lost;
        } else if (status != ST_OK) {
            if (status == ST_IO && s->merge->unreadable)
                *s->merge->unreadable = (uint32_t)(in - s->inputs);
            if (e)
                *e = why;
            return status;
        }
    }
    *out = in->at < in->runs.len ? &in->runs.items[in->at] : NULL;
    return ST_OK;
}

/* True when the run at hand is not the last of its series in the part. */
static bool goes_on(const struct merge_input *in)
{
    return in->at + 1 == in->runs.len && in->next_block < in->part->block_count &&
           series_key_cmp(in->part->blocks[in->next_block].first, in->runs.items[in->at].key) == 0;
}

static bool copy_buckets(struct arena *arena, struct native_buckets *b)
{
    struct native_bucket *items = arena_alloc(arena, b->count * sizeof(*items));
    if (items && b->count > 0)
        memcpy(items, b->items, b->count * sizeof(*items));
    b->items = items;
    return items;
}

static const struct native_histogram *copy_histogram(struct arena *arena,
                                                     const struct native_histogram *from)
{
    struct native_histogram *to = arena_alloc(arena, sizeof(*to));
    double *bounds = arena_alloc(arena, from->bound_count * sizeof(*bounds));
    if (!to || !bounds)
        return NULL;
    *to = *from;
    if (from->bound_count > 0)
        memcpy(bounds, from->bounds, from->bound_count * sizeof(*bounds));
    to->bounds = bounds;
    return copy_buckets(arena, &to->positive) && copy_buckets(arena, &to->negative) ? to : NULL;
}

static bool columns_reserve(struct merged_columns *c, uint32_t more)
{
    return vec_reserve(&c->times, more) && vec_reserve(&c->values, more) &&
           vec_reserve(&c->histograms, more) && vec_reserve(&c->starts, more);
}

/* Appends samples [from, to) of a run; the columns have room. */
static void append_samples(struct merged_columns *c, const struct series_run *run, uint32_t from,
                           uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        c->times.items[c->times.len++] = run->times_ms[i];
        c->values.items[c->values.len++] = run->values[i];
        c->histograms.items[c->histograms.len++] = run->histograms ? run->histograms[i] : NULL;
        c->starts.items[c->starts.len++] = run->starts_ms ? run->starts_ms[i] : 0;
    }
}

static void columns_reset(struct merged_columns *c)
{
    c->times.len = c->values.len = c->histograms.len = c->starts.len = 0;
}

static struct series_run run_of(struct merged_columns *c)
{
    return (struct series_run){.sample_count = (uint32_t)c->times.len,
                               .times_ms = c->times.items,
                               .values = c->values.items,
                               .histograms = c->histograms.items,
                               .starts_ms = c->starts.items};
}

/* Merges a newer run that overlaps what there is. */
static enum status interleave(struct merged *m, const struct series_run *newer, struct err *e)
{
    struct series_run older = run_of(&m->now);
    uint32_t a = 0, b = 0;
    columns_reset(&m->spare);
    if (!columns_reserve(&m->spare, older.sample_count + newer->sample_count))
        return no_memory(e);
    while (a < older.sample_count && b < newer->sample_count) {
        int64_t a_ms = older.times_ms[a], b_ms = newer->times_ms[b];
        if (a_ms < b_ms)
            append_samples(&m->spare, &older, a, a + 1);
        else
            append_samples(&m->spare, newer, b, b + 1);
        a += a_ms <= b_ms;
        b += b_ms <= a_ms;
    }
    append_samples(&m->spare, &older, a, older.sample_count);
    append_samples(&m->spare, newer, b, newer->sample_count);
    struct merged_columns swap = m->now;
    m->now = m->spare;
    m->spare = swap;
    return ST_OK;
}

/* Adds a run of a part that is not older than those before; its histograms are copied when their
 * block goes first. */
static enum status add_run(struct merged *m, const struct series_run *run, bool copy, struct err *e)
{
    size_t len = m->now.times.len;
    m->has_histograms |= run->histograms != NULL;
    m->has_starts |= run->starts_ms != NULL;
    for (uint32_t i = 0; copy && run->histograms && i < run->sample_count; i++) {
        const struct native_histogram **slot =
            (const struct native_histogram **)&run->histograms[i];
        if (*slot && !(*slot = copy_histogram(&m->copies, *slot)))
            return no_memory(e);
    }
    if (len > 0 && m->now.times.items[len - 1] >= run->times_ms[0])
        return interleave(m, run, e);
    if (!columns_reserve(&m->now, run->sample_count))
        return no_memory(e);
    append_samples(&m->now, run, 0, run->sample_count);
    return ST_OK;
}

static enum status write_merged(struct merge_state *s, struct series_key key, struct err *e)
{
    struct merged *m = &s->merged;
    struct series_run run = run_of(&m->now);
    run.key = key;
    run.histograms = m->has_histograms ? run.histograms : NULL;
    run.starts_ms = m->has_starts ? run.starts_ms : NULL;
    if (s->merge->keep)
        s->merge->keep(&run, m->now.times.items, m->now.values.items, s->merge->user);
    return run.sample_count > 0 ? series_part_writer_add(s->writer, &run, e) : ST_OK;
}

/* Smallest key of all inputs; *count tells how many have it. False at the end. */
static enum status find_next(struct merge_state *s, struct series_key *key, uint32_t *count,
                             struct merge_input **only, struct err *e)
{
    *count = 0;
    for (uint32_t i = 0; i < s->merge->part_count; i++) {
        struct series_run *run;
        TRY(input_peek(s, &s->inputs[i], &run, e));
        int order = !run ? 1 : *count == 0 ? -1 : series_key_cmp(run->key, *key);
        if (order > 0)
            continue;
        *count = order < 0 ? 1 : *count + 1;
        *key = run->key;
        *only = &s->inputs[i];
    }
    return ST_OK;
}

static enum status gather(struct merge_state *s, struct series_key key, struct err *e)
{
    struct merged *m = &s->merged;
    columns_reset(&m->now);
    m->has_histograms = m->has_starts = false;
    arena_reset(&m->copies);
    for (uint32_t i = 0; i < s->merge->part_count; i++) {
        struct merge_input *in = &s->inputs[i];
        bool more = in->at < in->runs.len && series_key_cmp(in->runs.items[in->at].key, key) == 0;
        while (more) {
            struct series_run *run;
            more = goes_on(in);
            TRY(add_run(m, &in->runs.items[in->at++], more, e));
            if (!more)
                break;
            TRY(input_peek(s, in, &run, e));
            more = run && series_key_cmp(run->key, key) == 0;
        }
    }
    return ST_OK;
}

static enum status merge_all(struct merge_state *s, struct err *e)
{
    for (;;) {
        struct series_key key;
        struct merge_input *only = NULL;
        uint32_t count;
        if (s->merge->stop && atomic_load_explicit(s->merge->stop, memory_order_relaxed))
            return err_set(e, ST_BUSY, "weft is stopping");
        TRY(find_next(s, &key, &count, &only, e));
        if (count == 0)
            return series_part_writer_finish(s->writer, e);
        if (count == 1 && !goes_on(only) && !s->merge->keep) {
            TRY(series_part_writer_add(s->writer, &only->runs.items[only->at++], e));
            continue;
        }
        TRY(gather(s, key, e));
        TRY(write_merged(s, key, e));
    }
}

enum status series_part_merge(const struct series_merge *merge, uint64_t *lost, struct err *e)
{
    struct merge_state s = {.merge = merge, .lost = lost};
    enum status status = series_part_writer_new(merge->path, merge->effort, &s.writer, e);
    if (status == ST_OK) {
        s.inputs = mem_calloc(merge->part_count + 1, sizeof(*s.inputs));
        if (!s.inputs)
            status = no_memory(e);
    }
    for (uint32_t i = 0; status == ST_OK && i < merge->part_count; i++)
        s.inputs[i].part = merge->parts[i];
    if (status == ST_OK)
        status = merge_all(&s, e);
    state_deinit(&s);
    return status;
}
