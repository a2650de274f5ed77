/* series_index_file.c - the log of series: blocks of new ones, each whole in itself. */
#include "storage/series_index_file.h"
#include "base/ascending.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "base/log.h"
#include "model/series_hash.h"
#include "storage/series_index_private.h"
#include <fcntl.h>
#include <zstd.h>

enum {
    LOG_VERSION = 2,
    LOG_HEAD_BYTES = 32,
    LOG_HEAD_BYTES_V1 = 24, /* had no checksum */
    BLOCK_HEAD_BYTES = 24,
    BLOCK_MARK = 0x6b6c6273, /* "sblk": where to go on behind a block whose length is damaged */
    BLOCK_VERSION_V1 = 0,
    BLOCK_SERIES = 1024,      /* what one damaged block costs at most */
    BLOCK_RAW_MAX = 64 * MIB, /* of version 1 with its 4,096 series of 16 KiB of labels */
    PACK_LEVEL = 3,
};

static const char log_magic[8] = {'w', 'e', 'f', 't', 's', 'i', 'd', 'x'};

static uint64_t block_seed(uint64_t file, uint64_t at, uint32_t raw_bytes, uint32_t version)
{
    return hash_u64(hash_u64(file) + at) + raw_bytes + ((uint64_t)version << 32);
}

/* --- writing --- */

/* One block after the other. */
struct block_writer {
    struct map64 numbers; /* pair of the index -> number in the block */
    struct buf pairs, series, raw, packed;
    ZSTD_CCtx *zstd; /* owned */
    uint32_t pair_count, series_count, last_id;
    const struct series_entry *last; /* of the block; its neighbour shares most pairs */
    VEC(uint32_t) last_numbers;      /* of its pairs */
};

static void writer_deinit(struct block_writer *w)
{
    map64_deinit(&w->numbers);
    buf_deinit(&w->pairs);
    buf_deinit(&w->series);
    buf_deinit(&w->raw);
    buf_deinit(&w->packed);
    ZSTD_freeCCtx(w->zstd);
    vec_deinit(&w->last_numbers);
}

static void writer_reset(struct block_writer *w)
{
    map64_clear(&w->numbers);
    buf_reset(&w->pairs);
    buf_reset(&w->series);
    buf_reset(&w->raw);
    buf_reset(&w->packed);
    w->pair_count = w->series_count = w->last_id = 0;
    w->last = NULL;
}

/* Number of the pair in the block; a new one is written. False when memory is short. */
static bool number_pair(struct block_writer *w, const struct series_index *x, uint32_t pair,
                        uint32_t *out)
{
    bool added;
    uint64_t *number = map64_put(&w->numbers, pair, &added);
    if (!number)
        return false;
    if (added) {
        const struct label_pair *p = index_pair(x, pair);
        *number = w->pair_count++;
        buf_append_lenstr(&w->pairs, x->names.items[p->name].text);
        buf_append_lenstr(&w->pairs, pair_value(p));
    }
    *out = (uint32_t)*number;
    return true;
}

static bool put_series(struct block_writer *w, const struct series_index *x, uint32_t id)
{
    const struct series_entry *entry = index_entry(x, id), *last = w->last;
    buf_append_varint(&w->series, id - w->last_id);
    buf_append_varint(&w->series, entry->pair_count);
    w->last_id = id;
    w->series_count++;
    if (!vec_reserve(&w->last_numbers, entry->pair_count))
        return false;
    for (uint32_t i = 0; i < entry->pair_count; i++) {
        uint32_t *number = &w->last_numbers.items[i];
        bool same = last && i < last->pair_count && last->pairs[i] == entry->pairs[i];
        if (!same && !number_pair(w, x, entry->pairs[i], number))
            return false;
        buf_append_varint(&w->series, *number);
    }
    w->last = entry;
    return true;
}

static uint32_t lower_bound(const struct series_index *x, uint32_t id)
{
    return not_below_u32(x->all.items, 0, (uint32_t)x->all.len, id);
}

/* The next block's series from *id on; *id becomes the first that is left. */
static bool collect(struct block_writer *w, struct series_index *x, uint32_t *id, uint32_t end_id)
{
    bool put = true;
    series_index_lock(x);
    uint32_t at = lower_bound(x, *id), most = at + BLOCK_SERIES;
    for (; put && at < x->all.len && at < most && x->all.items[at] < end_id; at++)
        put = put_series(w, x, x->all.items[at]);
    *id = at < x->all.len ? x->all.items[at] : end_id;
    series_index_unlock(x);
    return put;
}

static bool pack(struct block_writer *w, uint64_t file, uint64_t at)
{
    buf_append_varint(&w->raw, w->pair_count);
    buf_append(&w->raw, w->pairs.ptr, w->pairs.len);
    buf_append_varint(&w->raw, w->series_count);
    buf_append(&w->raw, w->series.ptr, w->series.len);
    size_t bound = ZSTD_compressBound(w->raw.len);
    if (w->raw.failed || w->pairs.failed || w->series.failed ||
        !buf_reserve(&w->packed, BLOCK_HEAD_BYTES + bound))
        return false;
    if (!w->zstd && !(w->zstd = ZSTD_createCCtx()))
        return false;
    size_t packed = ZSTD_compressCCtx(w->zstd, w->packed.ptr + BLOCK_HEAD_BYTES, bound, w->raw.ptr,
                                      w->raw.len, PACK_LEVEL);
    if (ZSTD_isError(packed))
        return false;
    uint32_t raw_bytes = (uint32_t)w->raw.len;
    uint64_t sum = hash_bytes(w->packed.ptr + BLOCK_HEAD_BYTES, packed,
                              block_seed(file, at, raw_bytes, LOG_VERSION));
    buf_append_u32(&w->packed, BLOCK_MARK);
    buf_append_u32(&w->packed, (uint32_t)packed);
    buf_append_u32(&w->packed, raw_bytes);
    buf_append_u32(&w->packed, LOG_VERSION);
    buf_append_u64(&w->packed, sum);
    w->packed.len += packed;
    return true;
}

static enum status write_block(struct block_writer *w, struct series_index *x, int fd,
                               uint64_t file, uint32_t *id, uint32_t end_id, uint64_t *bytes,
                               struct err *e)
{
    writer_reset(w);
    if (!collect(w, x, id, end_id) || (w->series_count && !pack(w, file, *bytes)))
        return err_set(e, ST_NO_MEMORY, "no memory to write the index of series");
    if (w->series_count)
        TRY(file_write_behind(fd, buf_str(&w->packed), *bytes, e));
    *bytes += w->packed.len;
    return ST_OK;
}

static enum status write_head(int fd, uint64_t file, uint64_t *bytes, struct err *e)
{
    struct buf head = {0};
    buf_append(&head, log_magic, sizeof(log_magic));
    buf_append_u32(&head, LOG_VERSION);
    buf_append_u32(&head, 0);
    buf_append_u64(&head, file);
    buf_append_u64(&head, hash_str(buf_str(&head), 0));
    enum status status = head.failed ? err_set(e, ST_NO_MEMORY, "no memory to write the index")
                                     : file_write_at(fd, buf_str(&head), 0, e);
    *bytes = head.len;
    buf_deinit(&head);
    return status;
}

static enum status write_all(struct series_index *x, int fd, uint64_t file, uint32_t first_id,
                             uint32_t end_id, uint64_t *bytes, struct err *e)
{
    struct block_writer w = {0};
    enum status status = *bytes == 0 ? write_head(fd, file, bytes, e) : ST_OK;
    for (uint32_t id = first_id; status == ST_OK && id < end_id;)
        status = write_block(&w, x, fd, file, &id, end_id, bytes, e);
    writer_deinit(&w);
    return status == ST_OK ? file_sync_data(fd, e) : status;
}

enum status series_index_append(struct series_index *x, const char *path, uint64_t file,
                                uint32_t first_id, uint32_t end_id, uint64_t *bytes, struct err *e)
{
    int fd;
    uint64_t end = *bytes;
    TRY(file_open(path, O_RDWR | O_CREAT, &fd, e));
    enum status status = write_all(x, fd, file, first_id, end_id, &end, e);
    file_close(fd);
    if (status == ST_OK)
        *bytes = end;
    return status;
}

/* --- reading --- */

static enum status corrupt(struct err *e)
{
    return err_set(e, ST_CORRUPT, "a block of the index of series is damaged");
}

static enum status unknown_version(uint32_t version, struct err *e)
{
    return err_set(e, ST_UNSUPPORTED, "series index format %u is not known to this weft", version);
}

static enum status read_pairs(struct cursor *in, struct arena *arena, struct label **out,
                              uint64_t *count, struct err *e)
{
    *count = cursor_varint(in);
    if (in->failed || *count > (uint64_t)(in->end - in->at) / 2)
        return corrupt(e);
    *out = arena_alloc(arena, *count * sizeof(**out));
    if (!*out)
        return err_set(e, ST_NO_MEMORY, "no memory to load the index of series");
    for (uint64_t i = 0; i < *count; i++) {
        (*out)[i].name = cursor_lenstr(in);
        (*out)[i].value = cursor_lenstr(in);
        if (in->failed || (*out)[i].name.len == 0 || (*out)[i].value.len == 0)
            return corrupt(e);
    }
    return ST_OK;
}

/* False: not what a series' labels are. */
static bool read_labels(struct cursor *in, const struct label *pairs, uint64_t pair_count,
                        struct label *labels, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t pair = cursor_varint(in);
        if (in->failed || pair >= pair_count)
            return false;
        labels[i] = pairs[pair];
        if (i > 0 && str_cmp(labels[i - 1].name, labels[i].name) >= 0)
            return false;
    }
    return true;
}

static enum status read_series(struct series_index *x, struct cursor *in, const struct label *pairs,
                               uint64_t pair_count, struct label *labels, uint64_t *id,
                               struct err *e)
{
    uint64_t gap = cursor_varint(in), count = cursor_varint(in);
    *id += gap;
    if (in->failed || gap == 0 || gap > UINT32_MAX || *id >= UINT32_MAX || count > pair_count ||
        !read_labels(in, pairs, pair_count, labels, count))
        return corrupt(e);
    struct label_set set = {labels, (uint32_t)count};
    uint64_t hash = series_hash(set, x->seed);
    bool ascending = x->all.len == 0 || x->all.items[x->all.len - 1] < *id;
    if (!ascending || series_index_find(x, set, hash))
        return corrupt(e);
    return series_index_add(x, (uint32_t)*id, set, hash, e);
}

static enum status load_block(struct series_index *x, struct str raw, struct arena *arena,
                              struct err *e)
{
    struct cursor in = cursor_of(raw);
    struct label *pairs = NULL;
    uint64_t pair_count = 0, id = 0;
    TRY(read_pairs(&in, arena, &pairs, &pair_count, e));
    struct label *labels = arena_alloc(arena, pair_count * sizeof(*labels));
    if (!labels)
        return err_set(e, ST_NO_MEMORY, "no memory to load the index of series");
    uint64_t series = cursor_varint(&in);
    for (uint64_t i = 0; i < series; i++)
        TRY(read_series(x, &in, pairs, pair_count, labels, &id, e));
    return in.failed || in.at != in.end ? corrupt(e) : ST_OK;
}

enum status series_index_load_block(struct series_index *x, struct str raw, struct err *e)
{
    struct arena arena = {0};
    enum status status = load_block(x, raw, &arena, e);
    arena_deinit(&arena);
    return status;
}

struct log_reader {
    struct series_index *index;
    struct str bytes; /* what counts of the file */
    uint64_t file;
    const char *path;
};

static enum status unpack_block(const struct log_reader *r, struct str packed, uint32_t raw_bytes,
                                struct err *e)
{
    char *raw = mem_alloc((size_t)raw_bytes + 1);
    if (!raw)
        return err_set(e, ST_NO_MEMORY, "no memory to load the index of series");
    size_t unpacked = ZSTD_decompress(raw, raw_bytes, packed.ptr, packed.len);
    enum status status = ZSTD_isError(unpacked) || unpacked != raw_bytes
                             ? corrupt(e)
                             : series_index_load_block(r->index, (struct str){raw, raw_bytes}, e);
    mem_free(raw);
    return status;
}

/* The next mark from `at` on; the end when there is none. A mark that only looks like one is a
 * block whose checksum does not hold. */
static size_t find_mark(struct str bytes, size_t at)
{
    static const char mark[4] = {'s', 'b', 'l', 'k'};
    return at + str_search(str_sub(bytes, at, bytes.len), (struct str){mark, sizeof(mark)});
}

/* The block at *at, which moves behind it; when it is damaged to the next mark. */
static enum status read_block(const struct log_reader *r, size_t *at, struct err *e)
{
    struct cursor in = cursor_of(str_sub(r->bytes, *at, r->bytes.len));
    uint32_t mark = cursor_u32(&in), packed_bytes = cursor_u32(&in), raw_bytes = cursor_u32(&in);
    uint32_t version = cursor_u32(&in);
    uint64_t sum = cursor_u64(&in), seed = block_seed(r->file, *at, raw_bytes, version);
    struct str packed = cursor_bytes(&in, packed_bytes);
    if (in.failed || mark != BLOCK_MARK || raw_bytes > BLOCK_RAW_MAX ||
        hash_str(packed, seed) != sum) {
        *at = find_mark(r->bytes, *at + 1);
        return corrupt(e);
    }
    if (version != LOG_VERSION && version != BLOCK_VERSION_V1)
        return unknown_version(version, e);
    *at += BLOCK_HEAD_BYTES + packed_bytes;
    return unpack_block(r, packed, raw_bytes, e);
}

static void lose_block(const struct log_reader *r, size_t at, struct series_index_loaded *out)
{
    log_limited(LOG_ERROR, "series_index: damaged block, its series are lost path=%s at=%zu",
                r->path, at);
    out->lost_blocks++;
}

static enum status read_blocks(const struct log_reader *r, size_t at,
                               struct series_index_loaded *out, struct err *e)
{
    while (at < r->bytes.len) {
        size_t block = at;
        enum status status = read_block(r, &at, e);
        if (status == ST_CORRUPT)
            lose_block(r, block, out);
        else if (status != ST_OK)
            return status;
    }
    return ST_OK;
}

/* Every block says itself whose and of which version it is: without the head they are found by
 * their marks. */
static size_t skip_damaged_head(const struct log_reader *r, struct series_index_loaded *out)
{
    log_error("series_index: damaged head, blocks are looked for path=%s", r->path);
    out->is_damaged = true;
    size_t first = find_mark(r->bytes, 0);
    if (first != LOG_HEAD_BYTES && first != LOG_HEAD_BYTES_V1)
        lose_block(r, MIN(r->bytes.len, (size_t)LOG_HEAD_BYTES), out);
    return first;
}

/* *first: where the first block is. */
static enum status read_head(const struct log_reader *r, size_t *first,
                             struct series_index_loaded *out, struct err *e)
{
    struct cursor in = cursor_of(r->bytes);
    struct str magic = cursor_bytes(&in, sizeof(log_magic));
    uint32_t version = cursor_u32(&in), zero = cursor_u32(&in);
    uint64_t file = cursor_u64(&in);
    bool is_ours = !in.failed && memcmp(magic.ptr, log_magic, sizeof(log_magic)) == 0 &&
                   zero == 0 && file == r->file;
    uint64_t sum = cursor_u64(&in);
    bool holds = !in.failed && hash_bytes(r->bytes.ptr, LOG_HEAD_BYTES - sizeof(sum), 0) == sum;
    if (is_ours && holds && version != LOG_VERSION)
        return unknown_version(version, e);
    out->is_old = is_ours && version == 1;
    if (out->is_old)
        *first = LOG_HEAD_BYTES_V1;
    else
        *first = is_ours && holds ? LOG_HEAD_BYTES : skip_damaged_head(r, out);
    return ST_OK;
}

enum status series_index_load(struct series_index *x, const char *path, uint64_t file,
                              uint64_t bytes, struct series_index_loaded *out, struct err *e)
{
    enum { FILE_MAX_GIB = 64 };
    char *content;
    size_t len, first = 0;
    *out = (struct series_index_loaded){0};
    TRY(file_read_all(path, (size_t)FILE_MAX_GIB * GIB, &content, &len, e));
    struct log_reader r = {x, {content, (size_t)MIN((uint64_t)len, bytes)}, file, path};
    enum status status = read_head(&r, &first, out, e);
    if (status == ST_OK)
        status = read_blocks(&r, first, out, e);
    if (status == ST_OK && len < bytes) {
        log_error("series_index: the end of the log is missing path=%s bytes=%zu", path, len);
        out->lost_blocks++;
    }
    out->is_damaged |= out->lost_blocks > 0;
    mem_free(content);
    return status;
}
