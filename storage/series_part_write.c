/* series_part_write.c - runs in the order of their keys to a file: blocks, then the index. */
#include "storage/series_block.h"

#include "base/fileio.h"
#include "base/hash.h"
#include <fcntl.h>
#include <math.h>
#include <zstd.h>

enum { OUT_BYTES = 1 * MIB }; /* collected before they are written */

struct series_part_writer {
    int fd;
    uint64_t written; /* bytes in the file */
    struct buf out;   /* those to come */
    struct series_block_writer block;
    VEC(struct series_block_entry) index;
    struct series_key last; /* id 0: none yet */
    uint64_t series;
};

int series_key_cmp(struct series_key a, struct series_key b)
{
    if (a.family != b.family)
        return a.family < b.family ? -1 : 1;
    bool a_is_nan = isnan(a.le), b_is_nan = isnan(b.le);
    if (a_is_nan != b_is_nan)
        return a_is_nan ? -1 : 1;
    if (a.le < b.le || a.le > b.le)
        return a.le < b.le ? -1 : 1;
    return (a.id > b.id) - (a.id < b.id);
}

enum status series_part_writer_new(const char *path, enum series_effort effort,
                                   struct series_part_writer **out, struct err *e)
{
    struct series_part_writer *w = mem_calloc(1, sizeof(*w));
    if (!w)
        return err_set(e, ST_NO_MEMORY, "no memory to write a series part");
    w->block.streams.sealed = effort == EFFORT_SEALED;
    w->fd = -1;
    buf_append_str(&w->out, STR(SERIES_MAGIC));
    buf_append_u32(&w->out, SERIES_VERSION);
    buf_append_u32(&w->out, 0);
    enum status status = w->out.failed
                             ? err_set(e, ST_NO_MEMORY, "no memory to write a series part")
                             : file_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, &w->fd, e);
    if (status != ST_OK) {
        series_part_writer_free(w);
        return status;
    }
    *out = w;
    return ST_OK;
}

void series_part_writer_free(struct series_part_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        file_close(w->fd);
    buf_deinit(&w->out);
    series_block_writer_deinit(&w->block);
    vec_deinit(&w->index);
    mem_free(w);
}

static enum status write_out(struct series_part_writer *w, struct err *e)
{
    TRY(file_write_behind(w->fd, buf_str(&w->out), w->written, e));
    w->written += w->out.len;
    buf_reset(&w->out);
    return ST_OK;
}

static enum status end_block(struct series_part_writer *w, struct err *e)
{
    struct series_block_entry entry;
    uint64_t at = w->written + w->out.len;
    if (w->block.entry.series == 0)
        return ST_OK;
    if (!vec_reserve(&w->index, 1))
        return err_set(e, ST_NO_MEMORY, "no memory for the index of a series part");
    TRY(series_block_writer_flush(&w->block, &w->out, &entry, e));
    entry.at = at;
    w->index.items[w->index.len++] = entry;
    return w->out.len >= OUT_BYTES ? write_out(w, e) : ST_OK;
}

/* True when a piece of that weight belongs into the next block. */
static bool block_is_full(const struct series_block_writer *b, const struct series_run *next,
                          uint32_t weight)
{
    const struct series_block_entry *entry = &b->entry;
    bool same_family = next->key.family == entry->last.family && !next->histograms;
    if (entry->series == 0)
        return false;
    return entry->series >= BLOCK_SERIES_MAX ||
           b->weight + weight > (same_family ? BLOCK_SAMPLES_MAX : BLOCK_SAMPLES);
}

static uint32_t sample_weight(const struct native_histogram *h)
{
    return h ? 1 + (h->positive.count + h->negative.count) / BUCKETS_A_SAMPLE : 1;
}

/* Cuts the next piece off the run, from sample `at` on. */
static struct series_run cut_piece(const struct series_run *run, uint32_t at, uint32_t *weight)
{
    uint32_t n = 0, most = MIN(run->sample_count - at, (uint32_t)PIECE_SAMPLES_MAX);
    *weight = run->histograms ? 0 : most;
    for (; run->histograms && n < most; n++) {
        uint32_t more = sample_weight(run->histograms[at + n]);
        if (n > 0 && *weight + more > BLOCK_SAMPLES)
            break;
        *weight += more;
    }
    return (struct series_run){
        .key = run->key,
        .sample_count = run->histograms ? n : most,
        .times_ms = run->times_ms + at,
        .values = run->values ? run->values + at : NULL,
        .histograms = run->histograms ? run->histograms + at : NULL,
        .starts_ms = run->starts_ms ? run->starts_ms + at : NULL,
    };
}

static enum status check_run(const struct series_part_writer *w, const struct series_run *run,
                             struct err *e)
{
    if (run->key.id == 0 || (w->last.id != 0 && series_key_cmp(w->last, run->key) >= 0))
        return err_set(e, ST_INTERNAL, "series %u comes out of order", run->key.id);
    for (uint32_t i = 0; run->histograms && i < run->sample_count; i++) {
        const struct native_histogram *h = run->histograms[i];
        if (h && (h->positive.count > SERIES_BUCKETS_MAX ||
                  h->negative.count > SERIES_BUCKETS_MAX || h->bound_count > SERIES_BUCKETS_MAX))
            return err_set(e, ST_TOO_BIG, "a histogram of series %u has too many buckets",
                           run->key.id);
    }
    return ST_OK;
}

enum status series_part_writer_add(struct series_part_writer *w, const struct series_run *run,
                                   struct err *e)
{
    TRY(check_run(w, run, e));
    for (uint32_t at = 0; at < run->sample_count;) {
        uint32_t weight;
        struct series_run piece = cut_piece(run, at, &weight);
        if (at > 0 || block_is_full(&w->block, run, weight))
            TRY(end_block(w, e));
        TRY(series_block_writer_add(&w->block, &piece, weight, e));
        at += piece.sample_count;
    }
    w->series += run->sample_count > 0;
    if (run->sample_count > 0)
        w->last = run->key;
    return ST_OK;
}

static void put_key(struct buf *out, struct series_key key, struct series_key last)
{
    buf_append_varint(out, key.family - last.family);
    buf_append_zigzag(out, (int64_t)key.id - key.family);
    bool bucket = !isnan(key.le);
    buf_append_u8(out, bucket);
    if (bucket)
        buf_append(out, &key.le, sizeof(key.le));
}

static void put_index(struct buf *out, const struct series_part_writer *w)
{
    struct series_key last = {0};
    int64_t last_ms = 0;
    buf_append_varint(out, w->series);
    buf_append_varint(out, w->index.len);
    for (size_t i = 0; i < w->index.len; i++) {
        const struct series_block_entry *entry = &w->index.items[i];
        buf_append_varint(out, entry->bytes);
        buf_append_u32(out, entry->checksum);
        buf_append_varint(out, entry->series);
        buf_append_varint(out, entry->samples);
        put_key(out, entry->first, last);
        put_key(out, entry->last, entry->first);
        buf_append_zigzag(out, (int64_t)((uint64_t)entry->min_ms - (uint64_t)last_ms));
        buf_append_varint(out, (uint64_t)entry->max_ms - (uint64_t)entry->min_ms);
        last = entry->last;
        last_ms = entry->min_ms;
    }
}

/* Appends the index, packed where that saves more than a twentieth. */
static void put_packed(struct buf *out, const struct buf *index)
{
    size_t cap = index->len - index->len / 20;
    if (!buf_reserve(out, cap))
        return;
    size_t got = ZSTD_compress(out->ptr + out->len, cap, index->ptr, index->len, 1);
    if (ZSTD_isError(got))
        buf_append(out, index->ptr, index->len);
    else
        out->len += got;
}

static void put_footer(struct buf *out, uint64_t at, size_t index_from, size_t unpacked)
{
    size_t stored = out->len - index_from;
    uint64_t checksum = out->failed ? 0 : hash_checksum(out->ptr + index_from, stored);
    size_t footer = out->len;
    buf_append_u64(out, at);
    buf_append_u64(out, stored);
    buf_append_u64(out, unpacked);
    buf_append_u64(out, checksum);
    buf_append_u32(out, SERIES_VERSION);
    if (!out->failed)
        buf_append_u32(out, (uint32_t)hash_checksum(out->ptr + footer, SERIES_FOOTER_CHECKED));
    buf_append_str(out, STR(SERIES_END_MAGIC));
}

enum status series_part_writer_finish(struct series_part_writer *w, struct err *e)
{
    struct buf index = {0};
    TRY(end_block(w, e));
    size_t from = w->out.len;
    put_index(&index, w);
    put_packed(&w->out, &index);
    put_footer(&w->out, w->written + from, from, index.len);
    bool failed = index.failed || w->out.failed;
    buf_deinit(&index);
    if (failed)
        return err_set(e, ST_NO_MEMORY, "no memory for the index of a series part");
    TRY(write_out(w, e));
    return file_sync_data(w->fd, e);
}
