/* series_block_write.c - runs of samples to the bytes of one block. */
#include "storage/series_block.h"

#include "base/hash.h"
#include "storage/sample_histograms.h"
#include <math.h>

enum {
    TIME_SLOTS = 2 * BLOCK_SERIES_MAX,
    TINY_RUN = 8, /* up to so many samples nothing is looked for that could make them smaller */
};

void series_block_writer_deinit(struct series_block_writer *w)
{
    sample_writer_deinit(&w->streams);
    vec_deinit(&w->keys.les);
    vec_deinit(&w->times);
    vec_deinit(&w->time_columns);
    mem_free(w->time_slots);
    sample_family_deinit(&w->family);
    sample_whole_deinit(&w->whole[0]);
    sample_whole_deinit(&w->whole[1]);
    *w = (struct series_block_writer){0};
}

/* Number of a bound among those of the block; les.len when it is new. */
static uint32_t find_le(const struct key_state *k, double le, uint32_t guess)
{
    if (guess < k->les.len && memcmp(&k->les.items[guess], &le, sizeof(le)) == 0)
        return guess;
    uint32_t i = 0;
    while (i < k->les.len && memcmp(&k->les.items[i], &le, sizeof(le)) != 0)
        i++;
    return i;
}

/* Appends what of the key does not follow from the last one; gives the bits of the first byte. */
static unsigned put_key(struct key_state *k, struct series_key key, struct buf *plan)
{
    bool bucket = !isnan(key.le);
    bool goes_on = bucket && !isnan(k->last.le) && key.family == k->last.family;
    bool family = bucket ? goes_on : key.family != key.id;
    unsigned bits = (bucket ? SERIES_BUCKET : 0u) | (family ? SERIES_FAMILY : 0u);
    uint32_t guess = goes_on ? k->le_number + 1 : 0;
    uint32_t number = bucket ? find_le(k, key.le, guess) : 0;
    bool is_new = bucket && number == k->les.len, tells_family = bucket != family;
    if (key.id == k->last.id + 1 && !is_new && number == guess &&
        (!tells_family || key.family == key.id)) {
        bits |= SERIES_NEXT;
    } else {
        buf_append_zigzag(plan, (int64_t)key.id - k->last.id);
        if (tells_family)
            buf_append_zigzag(plan, (int64_t)key.family - key.id);
        if (bucket)
            buf_append_varint(plan, number);
        if (is_new)
            buf_append(plan, &key.le, sizeof(key.le));
    }
    if (is_new && !vec_push(&k->les, key.le))
        plan->failed = true;
    k->le_number = number;
    k->last = key;
    return bits;
}

static bool same_times(const struct series_block_writer *w, uint32_t number,
                       const struct series_run *run)
{
    return number < w->time_columns.len &&
           w->time_columns.items[number].count == run->sample_count &&
           memcmp(w->times.items + w->time_columns.items[number].at, run->times_ms,
                  run->sample_count * sizeof(*run->times_ms)) == 0;
}

/* Number of the run's times; *is_new: it was added. UINT32_MAX when memory is short. */
static uint32_t find_times(struct series_block_writer *w, const struct series_run *run,
                           bool *is_new)
{
    size_t bytes = run->sample_count * sizeof(*run->times_ms);
    *is_new = false;
    if (same_times(w, w->last_times, run))
        return w->last_times;
    if (!w->time_slots)
        w->time_slots = mem_calloc(TIME_SLOTS, sizeof(*w->time_slots));
    if (!w->time_slots)
        return UINT32_MAX;
    size_t slot = hash_checksum(run->times_ms, bytes) % TIME_SLOTS;
    for (; w->time_slots[slot] > 0; slot = (slot + 1) % TIME_SLOTS)
        if (same_times(w, w->time_slots[slot] - 1, run))
            return w->time_slots[slot] - 1;
    uint32_t number = (uint32_t)w->time_columns.len;
    if (!vec_reserve(&w->times, run->sample_count) || !vec_reserve(&w->time_columns, 1))
        return UINT32_MAX;
    memcpy(w->times.items + w->times.len, run->times_ms, bytes);
    w->time_columns.items[w->time_columns.len++] =
        (struct time_column){w->times.len, run->sample_count};
    w->times.len += run->sample_count;
    w->time_slots[slot] = number + 1;
    *is_new = true;
    return number;
}

static void put_times(struct series_block_writer *w, enum times_of times, uint32_t number,
                      const struct series_run *run)
{
    struct buf *plan = &w->streams.stream[STREAM_PLAN];
    if (times == TIMES_NUMBER)
        buf_append_varint(plan, number);
    if (times == TIMES_NEW) {
        buf_append_varint(plan, run->sample_count);
        sample_ints_put(&w->streams, run->times_ms, run->sample_count);
    }
    w->last_times = number;
}

/* How far back a series with the same values lies; 0: none near, or it is not looked for. */
static uint32_t find_copy(struct series_block_writer *w, const struct series_run *run)
{
    uint32_t here = w->entry.series;
    struct seen_values *own = &w->seen[here % COPY_LOOKBACK];
    *own = (struct seen_values){0}; /* what stood there lies too far back */
    if (!w->streams.sealed || run->histograms || run->sample_count <= TINY_RUN)
        return 0;
    XXH128_hash_t hash = XXH3_128bits(run->values, run->sample_count * sizeof(*run->values));
    *own = (struct seen_values){hash.low64, hash.high64, run->sample_count};
    if (!isnan(run->key.le))
        return 0; /* a bucket follows its neighbour, and the next one follows it */
    for (uint32_t back = 1; back < COPY_LOOKBACK && back <= here; back++) {
        const struct seen_values *s = &w->seen[(here - back) % COPY_LOOKBACK];
        if (s->low == own->low && s->high == own->high && s->count == own->count)
            return back;
    }
    return 0;
}

/* A family is kept when all its buckets have the same times and are whole numbers. */
static void note_bucket(struct series_block_writer *w, const struct series_run *run, bool first,
                        const struct sample_whole *whole)
{
    bool fits = w->streams.sealed && whole->count > TINY_RUN && whole->decimals == 0;
    if (first) {
        sample_family_reset(&w->family);
        w->family_times = w->last_times;
    } else if (w->family.samples == 0 || w->family_times != w->last_times) {
        fits = false;
    }
    if (!fits)
        sample_family_reset(&w->family);
    else if (!sample_family_add(&w->family, run->key.le, whole->items, whole->count))
        w->streams.stream[STREAM_PLAN].failed = true;
}

static void put_floats(struct series_block_writer *w, const struct series_run *run, unsigned bits,
                       bool times_go_on, struct sample_whole *whole)
{
    bool bucket = bits & SERIES_BUCKET, goes_on = bits & SERIES_FAMILY;
    struct sample_basis basis = {0};
    if (bucket && goes_on && times_go_on)
        basis.below = &w->whole[w->current ^ 1];
    if (!bucket && w->family.samples > 0 && w->family_times == w->last_times)
        basis.family = &w->family;
    sample_values_put(&w->streams, run->values, run->sample_count, &basis, whole);
    if (bucket)
        note_bucket(w, run, !goes_on, whole);
}

static void put_values(struct series_block_writer *w, const struct series_run *run, unsigned bits,
                       bool times_go_on, uint32_t copy_back)
{
    struct sample_whole *whole = &w->whole[w->current];
    whole->count = 0;
    if (copy_back > 0)
        buf_append_varint(&w->streams.stream[STREAM_PLAN], copy_back);
    else if (run->histograms)
        sample_histograms_put(&w->streams, run->histograms, run->values, run->sample_count);
    else
        put_floats(w, run, bits, times_go_on, whole);
    if ((bits & SERIES_BUCKET) && run->histograms)
        sample_family_reset(&w->family);
    w->current ^= 1;
}

static void count_run(struct series_block_entry *entry, const struct series_run *run)
{
    int64_t first = run->times_ms[0], last = run->times_ms[run->sample_count - 1];
    if (entry->series == 0) {
        entry->first = run->key;
        entry->min_ms = first;
        entry->max_ms = last;
    }
    entry->last = run->key;
    entry->min_ms = MIN(entry->min_ms, first);
    entry->max_ms = MAX(entry->max_ms, last);
    entry->series++;
    entry->samples += run->sample_count;
}

enum status series_block_writer_add(struct series_block_writer *w, const struct series_run *run,
                                    uint32_t weight, struct err *e)
{
    struct buf *plan = &w->streams.stream[STREAM_PLAN];
    bool is_new, first = w->entry.series == 0;
    if (first)
        w->keys.last.le = NAN;
    uint32_t number = find_times(w, run, &is_new);
    if (number == UINT32_MAX)
        return err_set(e, ST_NO_MEMORY, "no memory for the times of a block");
    enum times_of times = is_new                              ? TIMES_NEW
                          : number == w->last_times && !first ? TIMES_LAST
                                                              : TIMES_NUMBER;
    uint32_t copy_back = find_copy(w, run);
    size_t head = plan->len;
    buf_append_u8(plan, 0);
    unsigned bits = put_key(&w->keys, run->key, plan) | times |
                    (run->starts_ms ? SERIES_STARTS : 0u) |
                    (run->histograms ? SERIES_HISTOGRAMS : 0u) | (copy_back ? SERIES_COPY : 0u);
    put_times(w, times, number, run);
    if (run->starts_ms)
        sample_ints_put(&w->streams, run->starts_ms, run->sample_count);
    put_values(w, run, bits, times == TIMES_LAST, copy_back);
    count_run(&w->entry, run);
    w->weight += weight;
    if (plan->failed)
        return err_set(e, ST_NO_MEMORY, "no memory for a block of samples");
    plan->ptr[head] = (char)bits;
    return ST_OK;
}

static void writer_reset(struct series_block_writer *w)
{
    sample_writer_reset(&w->streams);
    w->keys.les.len = 0;
    w->keys.last = (struct series_key){0};
    w->keys.le_number = 0;
    w->times.len = 0;
    w->time_columns.len = 0;
    if (w->time_slots)
        memset(w->time_slots, 0, TIME_SLOTS * sizeof(*w->time_slots));
    w->last_times = 0;
    w->whole[0].count = w->whole[1].count = 0;
    sample_family_reset(&w->family);
    memset(w->seen, 0, sizeof(w->seen));
    w->entry = (struct series_block_entry){0};
    w->weight = 0;
}

enum status series_block_writer_flush(struct series_block_writer *w, struct buf *out,
                                      struct series_block_entry *entry, struct err *e)
{
    size_t before = out->len;
    TRY(sample_writer_flush(&w->streams, out, e));
    *entry = w->entry;
    entry->bytes = (uint32_t)(out->len - before);
    entry->checksum = (uint32_t)hash_checksum(out->ptr + before, entry->bytes);
    writer_reset(w);
    return ST_OK;
}
