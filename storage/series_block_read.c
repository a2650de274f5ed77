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

/* *column is which times the series before has (0: there is none), and gets which this one has; new
 * ones are noted and stepped over. */
static enum status parse_times(struct series_block_reader *r, unsigned bits, struct cursor *c,
                               uint32_t *column, struct err *e)
{
    uint64_t number = *column;
    unsigned times = bits & SERIES_TIMES;
    if (times == TIMES_NUMBER)
        number = cursor_varint(c);
    if (times != TIMES_NEW) {
        if (times > TIMES_NEW || number >= r->times.len)
            return err_set(e, ST_CORRUPT, "a series has no times");
        *column = (uint32_t)number;
        return sample_reader_plan_done(&r->streams, c, e);
    }
    uint64_t count = cursor_varint(c);
    TRY(sample_reader_plan_done(&r->streams, c, e));
    if (count == 0 || count > PIECE_SAMPLES_MAX)
        return err_set(e, ST_CORRUPT, "a series claims %llu samples", (unsigned long long)count);
    *column = (uint32_t)r->times.len;
    struct block_times noted = {.count = (uint32_t)count, .place = r->streams.place};
    if (!vec_push(&r->times, noted))
        return err_set(e, ST_NO_MEMORY, "no memory for the times of a block");
    return sample_ints_skip(&r->streams, (uint32_t)count, e);
}

/* Of which series number `here` is a copy. */
static enum status parse_back(struct series_block_reader *r, uint32_t here, uint32_t *copy_of,
                              struct err *e)
{
    struct cursor c;
    TRY(sample_reader_plan(&r->streams, &c, e));
    uint64_t back = cursor_varint(&c);
    TRY(sample_reader_plan_done(&r->streams, &c, e));
    if (back == 0 || back > here)
        return err_set(e, ST_CORRUPT, "a series is a copy of none");
    *copy_of = here - (uint32_t)back;
    return ST_OK;
}

static enum status parse_copy(struct series_block_reader *r, struct block_series *s, struct err *e)
{
    uint32_t here = (uint32_t)r->series.len;
    TRY(parse_back(r, here, &s->copy_of, e));
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
    s.times = r->series.len > 0 ? r->series.items[r->series.len - 1].times : 0;
    TRY(read_key(&r->keys, bits, &c, &s.key, e));
    TRY(parse_times(r, bits, &c, &s.times, e));
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

static enum status begin(struct series_block_reader *r, struct err *e)
{
    r->series.len = r->times.len = r->values.len = r->keys.les.len = 0;
    r->keys.le_number = 0;
    r->keys.last = (struct series_key){.le = NAN};
    r->whole[0].count = r->whole[1].count = 0;
    sample_family_reset(&r->family);
    return sample_reader_load(&r->streams, buf_str(&r->bytes), e);
}

enum status series_block_reader_parse(struct series_block_reader *r,
                                      const struct series_block_entry *entry, struct err *e)
{
    TRY(begin(r, e));
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
        run->values = r->values.items[s->copy_of].items;
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
    r->values.items[i] = (struct block_values){run->values, t->count};
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

/* --- all runs in one pass --- */

/* Where the pass is. */
struct pass {
    const struct series_block_entry *entry;
    struct arena *arena;
    struct series_key last;
    uint32_t series;     /* before this one */
    uint32_t times;      /* column of the last series */
    uint64_t left;       /* samples */
    bool family_is_kept; /* all buckets of the last family are, so far */
};

/* A sum may follow, so all buckets are kept as long as they are alike. */
static enum status pass_bucket(struct series_block_reader *r, struct pass *p, bool first, double le,
                               const struct sample_whole *whole, struct err *e)
{
    bool alike = first || (p->family_is_kept && r->family.samples == whole->count);
    p->family_is_kept = alike && whole->count > 0;
    if (first || !p->family_is_kept)
        sample_family_reset(&r->family);
    if (p->family_is_kept && !sample_family_add(&r->family, le, whole->items, whole->count))
        return err_set(e, ST_NO_MEMORY, "no memory for the buckets of a sum");
    return ST_OK;
}

static enum status pass_floats(struct series_block_reader *r, struct pass *p, unsigned bits,
                               struct series_run *run, struct err *e)
{
    struct sample_whole *whole = &r->whole[p->series % 2];
    struct sample_basis basis = {.below = &r->whole[(p->series + 1) % 2], .family = &r->family};
    double *values = r->slab;
    TRY(sample_values_get(&r->streams, run->sample_count, &basis, whole, values, e));
    r->slab += run->sample_count;
    run->values = values;
    if (!(bits & SERIES_BUCKET))
        return ST_OK;
    return pass_bucket(r, p, !(bits & SERIES_FAMILY), run->key.le, whole, e);
}

static enum status pass_values(struct series_block_reader *r, struct pass *p, unsigned bits,
                               struct series_run *run, struct err *e)
{
    uint32_t copy_of;
    double *values;
    const struct native_histogram **histograms;
    if (!(bits & (SERIES_COPY | SERIES_HISTOGRAMS)))
        return pass_floats(r, p, bits, run, e);
    r->whole[p->series % 2].count = 0;
    p->family_is_kept &= !(bits & SERIES_BUCKET);
    if (bits & SERIES_COPY) {
        TRY(parse_back(r, p->series, &copy_of, e));
        if ((bits & SERIES_HISTOGRAMS) || r->values.items[copy_of].count != run->sample_count)
            return err_set(e, ST_CORRUPT, "a series is a copy of another kind");
        run->values = r->values.items[copy_of].items;
        return ST_OK;
    }
    TRY(sample_histograms_get(&r->streams, run->sample_count, p->arena, &histograms, &values, e));
    run->histograms = histograms;
    run->values = values;
    return ST_OK;
}

static enum status pass_run(struct series_block_reader *r, struct pass *p, struct series_run *run,
                            struct err *e)
{
    struct cursor c;
    TRY(sample_reader_plan(&r->streams, &c, e));
    unsigned bits = cursor_u8(&c);
    TRY(read_key(&r->keys, bits, &c, &run->key, e));
    TRY(parse_times(r, bits, &c, &p->times, e));
    struct block_times *t = &r->times.items[p->times];
    TRY(load_times(r, t, p->arena, e));
    run->times_ms = t->items;
    run->sample_count = t->count;
    if (t->count > p->left)
        return err_set(e, ST_CORRUPT, "a block has more samples than the index says");
    p->left -= t->count;
    if (bits & SERIES_STARTS)
        TRY(load_starts(r, t->count, true, p->arena, &run->starts_ms, e));
    TRY(pass_values(r, p, bits, run, e));
    /* Of histograms there are no copies. */
    r->values.items[p->series] = (struct block_values){run->values, run->histograms ? 0 : t->count};
    return ST_OK;
}

static enum status pass_check(const struct pass *p, struct series_key key, struct err *e)
{
    if (p->series == 0 ? series_key_cmp(key, p->entry->first) != 0
                       : series_key_cmp(p->last, key) >= 0)
        return err_set(e, ST_CORRUPT, "the keys of a block do not ascend from what the index says");
    return ST_OK;
}

enum status series_block_reader_all(struct series_block_reader *r,
                                    const struct series_block_entry *entry, struct arena *arena,
                                    enum status (*each)(const struct series_run *run, void *user,
                                                        struct err *e),
                                    void *user, struct err *e)
{
    struct pass p = {.entry = entry, .arena = arena, .left = entry->samples};
    TRY(begin(r, e));
    r->slab = arena_alloc(arena, entry->samples * sizeof(*r->slab));
    if (!r->slab || !vec_reserve(&r->values, entry->series))
        return err_set(e, ST_NO_MEMORY, "no memory for a block");
    for (; p.series < entry->series; p.series++) {
        struct series_run run = {0};
        TRY(pass_run(r, &p, &run, e));
        TRY(pass_check(&p, run.key, e));
        p.last = run.key;
        TRY(each(&run, user, e));
    }
    if (p.left > 0 || series_key_cmp(p.last, entry->last) != 0)
        return err_set(e, ST_CORRUPT, "a block is not what the index says");
    return ST_OK;
}
