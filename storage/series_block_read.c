/* series_block_read.c - the bytes of one block to runs: first the plan of all its series, then the
 * columns that are asked for. */
#include "storage/series_block.h"

#include "storage/sample_histograms.h"
#include <math.h>

void series_block_reader_deinit(struct series_block_reader *r)
{
    sample_reader_deinit(&r->streams);
    buf_deinit(&r->bytes);
    vec_deinit(&r->series);
    vec_deinit(&r->times);
    vec_deinit(&r->keys.les);
    vec_deinit(&r->values);
    vec_deinit(&r->scratch);
    vec_deinit(&r->spare);
    sample_family_deinit(&r->family);
    sample_whole_deinit(&r->whole[0]);
    sample_whole_deinit(&r->whole[1]);
    *r = (struct series_block_reader){0};
}

static enum status read_le(struct key_state *k, struct cursor *c, uint64_t number, struct err *e)
{
    if (c->failed || number > k->les.len)
        return err_set(e, ST_CORRUPT, "a bound has no number");
    if (number == k->les.len) {
        uint64_t bits = cursor_u64(c);
        double le;
        memcpy(&le, &bits, sizeof(le));
        if (isnan(le))
            return err_set(e, ST_CORRUPT, "a bound is no number");
        if (!vec_push(&k->les, le))
            return err_set(e, ST_NO_MEMORY, "no memory for bounds");
    }
    k->le_number = (uint32_t)number;
    k->last.le = k->les.items[number];
    return ST_OK;
}

static enum status read_key(struct key_state *k, unsigned bits, struct cursor *c,
                            struct series_key *out, struct err *e)
{
    bool bucket = bits & SERIES_BUCKET, family = bits & SERIES_FAMILY, next = bits & SERIES_NEXT;
    uint64_t number = bucket && family ? (uint64_t)k->le_number + 1 : 0;
    uint32_t last_family = k->last.family;
    k->last.id = (uint32_t)(k->last.id + (next ? 1 : cursor_zigzag(c)));
    k->last.family = k->last.id;
    if (bucket != family && !next)
        k->last.family = (uint32_t)(k->last.id + cursor_zigzag(c));
    else if (bucket && family)
        k->last.family = last_family;
    k->last.le = NAN;
    if (bucket && !next)
        number = cursor_varint(c);
    if (bucket)
        TRY(read_le(k, c, number, e));
    *out = k->last;
    return c->failed ? err_set(e, ST_CORRUPT, "the key of a series is cut off") : ST_OK;
}

/* Where the times of a series are; new ones are noted and stepped over. */
static enum status parse_times(struct series_block_reader *r, unsigned bits, struct cursor *c,
                               struct block_series *s, struct err *e)
{
    uint64_t number = r->series.len > 0 ? r->series.items[r->series.len - 1].times : 0;
    unsigned times = bits & SERIES_TIMES;
    if (times == TIMES_NUMBER)
        number = cursor_varint(c);
    if (times != TIMES_NEW) {
        if (times > TIMES_NEW || number >= r->times.len)
            return err_set(e, ST_CORRUPT, "a series has no times");
        s->times = (uint32_t)number;
        return sample_reader_plan_done(&r->streams, c, e);
    }
    uint64_t count = cursor_varint(c);
    TRY(sample_reader_plan_done(&r->streams, c, e));
    if (count == 0 || count > PIECE_SAMPLES_MAX)
        return err_set(e, ST_CORRUPT, "a series claims %llu samples", (unsigned long long)count);
    s->times = (uint32_t)r->times.len;
    struct block_times column = {.count = (uint32_t)count, .place = r->streams.place};
    if (!vec_push(&r->times, column))
        return err_set(e, ST_NO_MEMORY, "no memory for the times of a block");
    return sample_ints_skip(&r->streams, (uint32_t)count, e);
}

static enum status parse_copy(struct series_block_reader *r, struct block_series *s, struct err *e)
{
    struct cursor c;
    uint32_t here = (uint32_t)r->series.len;
    TRY(sample_reader_plan(&r->streams, &c, e));
    uint64_t back = cursor_varint(&c);
    TRY(sample_reader_plan_done(&r->streams, &c, e));
    if (back == 0 || back > here)
        return err_set(e, ST_CORRUPT, "a series is a copy of none");
    s->copy_of = here - (uint32_t)back;
    const struct block_series *from = &r->series.items[s->copy_of];
    if (s->histograms || from->histograms ||
        r->times.items[from->times].count != r->times.items[s->times].count)
        return err_set(e, ST_CORRUPT, "a series is a copy of another kind");
    return ST_OK;
}

/* Which buckets are the last family that began at or before the series. */
static void note_family(const struct series_block_reader *r, unsigned bits, struct block_series *s)
{
    const struct block_series *last =
        r->series.len > 0 ? &r->series.items[r->series.len - 1] : NULL;
    bool first = (bits & SERIES_BUCKET) && !(bits & SERIES_FAMILY);
    s->family_first = first || !last ? (uint32_t)r->series.len : last->family_first;
    s->family_count = first || !last ? 0 : last->family_count;
    s->family_count += (bits & SERIES_BUCKET) ? 1 : 0;
}

static enum status parse_series(struct series_block_reader *r, struct err *e)
{
    struct cursor c;
    TRY(sample_reader_plan(&r->streams, &c, e));
    unsigned bits = cursor_u8(&c);
    struct block_series s = {.copy_of = (uint32_t)r->series.len,
                             .starts = bits & SERIES_STARTS,
                             .histograms = bits & SERIES_HISTOGRAMS};
    TRY(read_key(&r->keys, bits, &c, &s.key, e));
    TRY(parse_times(r, bits, &c, &s, e));
    uint32_t count = r->times.items[s.times].count;
    s.place = r->streams.place;
    if (s.starts)
        TRY(sample_ints_skip(&r->streams, count, e));
    if (bits & SERIES_COPY)
        TRY(parse_copy(r, &s, e));
    else if (s.histograms)
        TRY(sample_histograms_skip(&r->streams, count, e));
    else
        TRY(sample_values_skip(&r->streams, count, &s.basis, e));
    if (s.basis == BASIS_BELOW && r->series.len == 0)
        return err_set(e, ST_CORRUPT, "the first series of a block follows one");
    note_family(r, bits, &s);
    return vec_push(&r->series, s) ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for a block");
}

/* Keys ascend and keep to what the index says. */
static enum status check_series(const struct series_block_reader *r,
                                const struct series_block_entry *entry, struct err *e)
{
    uint64_t samples = 0;
    for (size_t i = 0; i < r->series.len; i++) {
        const struct block_series *s = &r->series.items[i];
        if (i > 0 && series_key_cmp(s[-1].key, s->key) >= 0)
            return err_set(e, ST_CORRUPT, "the keys of a block do not ascend");
        samples += r->times.items[s->times].count;
    }
    if (samples != entry->samples || series_key_cmp(r->series.items[0].key, entry->first) != 0 ||
        series_key_cmp(r->series.items[r->series.len - 1].key, entry->last) != 0)
        return err_set(e, ST_CORRUPT, "a block is not what the index says");
    return ST_OK;
}

enum status series_block_reader_parse(struct series_block_reader *r,
                                      const struct series_block_entry *entry, struct err *e)
{
    r->series.len = r->times.len = r->keys.les.len = 0;
    r->keys.le_number = 0;
    r->keys.last = (struct series_key){.le = NAN};
    TRY(sample_reader_load(&r->streams, buf_str(&r->bytes), e));
    for (uint32_t i = 0; i < entry->series; i++)
        TRY(parse_series(r, e));
    return check_series(r, entry, e);
}

/* The column in r->scratch, in `arena`; an equal one that was read before it where there is one. */
static const int64_t *share_times(struct series_block_reader *r, uint32_t count,
                                  struct arena *arena)
{
    size_t bytes = count * sizeof(*r->scratch.items);
    for (uint32_t i = 0; i < MIN(r->shared_count, (uint32_t)SHARED_TIMES); i++)
        if (r->shared[i].count == count && memcmp(r->shared[i].items, r->scratch.items, bytes) == 0)
            return r->shared[i].items;
    int64_t *items = arena_alloc(arena, bytes);
    if (items) {
        memcpy(items, r->scratch.items, bytes);
        r->shared[r->shared_count++ % SHARED_TIMES] = (struct shared_times){items, count};
    }
    return items;
}

static enum status load_times(struct series_block_reader *r, struct block_times *t,
                              struct arena *arena, struct err *e)
{
    if (t->items)
        return ST_OK;
    r->scratch.len = 0;
    if (!vec_reserve(&r->scratch, t->count))
        return err_set(e, ST_NO_MEMORY, "no memory for the times of a block");
    int64_t *items = r->scratch.items;
    r->streams.place = t->place;
    TRY(sample_ints_get(&r->streams, t->count, items, e));
    for (uint32_t i = 1; i < t->count; i++)
        if (items[i] <= items[i - 1])
            return err_set(e, ST_CORRUPT, "the times of a series do not ascend");
    t->items = share_times(r, t->count, arena);
    return t->items ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for the times of a block");
}

/* Keeps the counts of a bucket for the sum of its family. */
static enum status keep_bucket(struct series_block_reader *r, uint32_t i,
                               const struct sample_whole *whole, struct err *e)
{
    const struct block_series *s = &r->series.items[i];
    if (s->family_first == i)
        sample_family_reset(&r->family);
    if (whole->count == 0 || (r->family.bounds.len > 0 && r->family.samples != whole->count))
        return err_set(e, ST_CORRUPT, "the buckets of a sum are not alike");
    return sample_family_add(&r->family, s->key.le, whole->items, whole->count)
               ? ST_OK
               : err_set(e, ST_NO_MEMORY, "no memory for the buckets of a sum");
}

/* Reads the values of series i; what it follows or copies was read before. */
static enum status load_values(struct series_block_reader *r, uint32_t i, struct series_run *run,
                               struct arena *arena, struct err *e)
{
    const struct block_series *s = &r->series.items[i];
    struct sample_whole *whole = &r->whole[i % 2];
    struct sample_basis basis = {.below = &r->whole[(i + 1) % 2], .family = &r->family};
    uint32_t count = r->times.items[s->times].count;
    whole->count = 0;
    if (s->histograms) {
        double *values;
        const struct native_histogram **histograms;
        TRY(sample_histograms_get(&r->streams, count, arena, &histograms, &values, e));
        run->histograms = histograms;
        run->values = values;
        return ST_OK;
    }
    if (s->copy_of != i) {
        run->values = r->values.items[s->copy_of];
        return ST_OK;
    }
    if (!vec_reserve(&r->spare, count))
        return err_set(e, ST_NO_MEMORY, "no memory for the values of a series");
    double *values = s->stored ? r->slab : r->spare.items;
    r->slab += s->stored ? count : 0;
    TRY(sample_values_get(&r->streams, count, &basis, whole, values, e));
    run->values = values;
    return s->kept ? keep_bucket(r, i, whole, e) : ST_OK;
}

static enum status load_starts(struct series_block_reader *r, uint32_t count, bool wanted,
                               struct arena *arena, const int64_t **out, struct err *e)
{
    if (!wanted)
        return sample_ints_skip(&r->streams, count, e);
    int64_t *starts = arena_alloc(arena, count * sizeof(*starts));
    if (!starts)
        return err_set(e, ST_NO_MEMORY, "no memory for the start times of a series");
    *out = starts;
    return sample_ints_get(&r->streams, count, starts, e);
}

static enum status load_run(struct series_block_reader *r, uint32_t i, struct series_run *run,
                            struct arena *arena, struct err *e)
{
    const struct block_series *s = &r->series.items[i];
    struct block_times *t = &r->times.items[s->times];
    *run = (struct series_run){.key = s->key, .sample_count = t->count};
    if (s->wanted)
        TRY(load_times(r, t, arena, e));
    run->times_ms = t->items;
    r->streams.place = s->place;
    if (s->starts)
        TRY(load_starts(r, t->count, s->wanted, arena, &run->starts_ms, e));
    TRY(load_values(r, i, run, arena, e));
    r->values.items[i] = run->values;
    return ST_OK;
}

static void mark_family(struct series_block_reader *r, const struct block_series *sum)
{
    for (uint32_t k = 0; k < sum->family_count; k++) {
        struct block_series *bucket = &r->series.items[sum->family_first + k];
        bucket->needed = bucket->kept = true;
    }
}

/* Gives the number of values that go to the arena. */
static size_t mark_needed(struct series_block_reader *r)
{
    size_t stored = 0;
    for (size_t i = r->series.len; i-- > 0;) {
        struct block_series *s = &r->series.items[i];
        s->needed |= s->wanted;
        s->stored |= s->wanted;
        if (s->needed && s->basis == BASIS_BELOW)
            s[-1].needed = true;
        if (s->needed && s->basis == BASIS_FAMILY)
            mark_family(r, s);
        if (s->needed && s->copy_of != i)
            r->series.items[s->copy_of].needed = r->series.items[s->copy_of].stored = true;
        else if (s->stored && !s->histograms)
            stored += r->times.items[s->times].count;
    }
    return stored;
}

enum status series_block_reader_run(struct series_block_reader *r, struct arena *arena,
                                    enum status (*each)(const struct series_run *run, void *user,
                                                        struct err *e),
                                    void *user, struct err *e)
{
    r->values.len = 0;
    sample_family_reset(&r->family);
    r->slab = arena_alloc(arena, mark_needed(r) * sizeof(*r->slab));
    if (!r->slab || !vec_reserve(&r->values, r->series.len))
        return err_set(e, ST_NO_MEMORY, "no memory for a block");
    for (uint32_t i = 0; i < r->series.len; i++) {
        struct series_run run;
        if (!r->series.items[i].needed)
            continue;
        TRY(load_run(r, i, &run, arena, e));
        if (r->series.items[i].wanted)
            TRY(each(&run, user, e));
    }
    return ST_OK;
}
