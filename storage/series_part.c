/* series_part.c - opening a series part and asking it what it holds. */
#include "storage/series_part_file.h"

#include "base/fileio.h"
#include "base/hash.h"
#include "base/log.h"
#include <fcntl.h>
#include <math.h>
#include <zstd.h>

static void part_free(struct series_part *p)
{
    if (p->fd >= 0)
        file_close(p->fd);
    mem_free(p->path);
    mem_free(p->blocks);
    mem_free(p);
}

struct footer {
    uint64_t at, stored, unpacked, checksum; /* of the index; the blocks end where it begins */
};

static enum status read_footer(const struct series_part *p, struct footer *out, struct err *e)
{
    char bytes[SERIES_FOOTER_BYTES];
    struct cursor c = cursor_of((struct str){bytes, sizeof(bytes)});
    if (p->info.bytes < SERIES_HEADER_BYTES + SERIES_FOOTER_BYTES)
        return err_set(e, ST_CORRUPT, "%s is too short for a part", p->path);
    TRY(file_read_at(p->fd, bytes, sizeof(bytes), p->info.bytes - sizeof(bytes), e));
    *out = (struct footer){cursor_u64(&c), 0, 0, 0};
    out->stored = cursor_u64(&c);
    out->unpacked = cursor_u64(&c);
    out->checksum = cursor_u64(&c);
    uint32_t version = cursor_u32(&c), own = cursor_u32(&c);
    if (!str_eq(cursor_bytes(&c, 8), STR(SERIES_END_MAGIC)) ||
        own != (uint32_t)hash_checksum(bytes, SERIES_FOOTER_CHECKED))
        return err_set(e, ST_CORRUPT, "%s does not end as a part does", p->path);
    if (version > SERIES_VERSION)
        return err_set(e, ST_UNSUPPORTED, "%s was written by a newer weft (format %u)", p->path,
                       version);
    uint64_t end = p->info.bytes - SERIES_FOOTER_BYTES;
    if (out->at < SERIES_HEADER_BYTES || out->at > end || out->stored != end - out->at ||
        out->unpacked > SERIES_INDEX_MAX)
        return err_set(e, ST_CORRUPT, "the end of %s is damaged", p->path);
    return ST_OK;
}

static enum status check_header(const struct series_part *p, struct err *e)
{
    char bytes[SERIES_HEADER_BYTES];
    TRY(file_read_at(p->fd, bytes, sizeof(bytes), 0, e));
    struct str magic = {bytes, strlen(SERIES_MAGIC)};
    return str_eq(magic, STR(SERIES_MAGIC))
               ? ST_OK
               : err_set(e, ST_CORRUPT, "%s is no series part", p->path);
}

/* Unpacks the stored index into *out, which the caller ends. */
static enum status unpack_index(const struct footer *f, struct str stored, struct buf *out,
                                struct err *e)
{
    if (!buf_reserve(out, f->unpacked + 1))
        return err_set(e, ST_NO_MEMORY, "no memory to open a part");
    if (f->stored == f->unpacked) {
        buf_append_str(out, stored);
        return ST_OK;
    }
    size_t got = ZSTD_decompress(out->ptr, f->unpacked, stored.ptr, stored.len);
    if (ZSTD_isError(got) || got != f->unpacked)
        return err_set(e, ST_CORRUPT, "the packed index is damaged");
    out->len = got;
    return ST_OK;
}

static struct series_key read_key(struct cursor *c, struct series_key last)
{
    struct series_key key = {.family = (uint32_t)(last.family + cursor_varint(c)), .le = NAN};
    key.id = (uint32_t)(key.family + cursor_zigzag(c));
    if (cursor_u8(c)) {
        uint64_t bits = cursor_u64(c);
        memcpy(&key.le, &bits, sizeof(bits));
    }
    return key;
}

static void read_entry(struct cursor *c, const struct series_block_entry *last,
                       struct series_block_entry *out)
{
    out->bytes = (uint32_t)cursor_varint(c);
    out->checksum = cursor_u32(c);
    out->series = (uint32_t)cursor_varint(c);
    out->samples = (uint32_t)cursor_varint(c);
    out->first = read_key(c, last->last);
    out->last = read_key(c, out->first);
    out->min_ms = (int64_t)((uint64_t)last->min_ms + (uint64_t)cursor_zigzag(c));
    out->max_ms = (int64_t)((uint64_t)out->min_ms + cursor_varint(c));
}

static bool entry_makes_sense(const struct series_block_entry *last,
                              const struct series_block_entry *entry, uint64_t end)
{
    return entry->bytes <= end && entry->at <= end - entry->bytes && entry->series > 0 &&
           entry->series <= BLOCK_SERIES_MAX && entry->samples <= BLOCK_SAMPLES_MAX &&
           entry->samples >= entry->series && entry->min_ms <= entry->max_ms &&
           series_key_cmp(last->last, entry->first) <= 0 &&
           series_key_cmp(entry->first, entry->last) <= 0;
}

static void note_entry(struct series_part_info *info, const struct series_block_entry *entry,
                       bool first)
{
    info->min_time_ms = first ? entry->min_ms : MIN(info->min_time_ms, entry->min_ms);
    info->max_time_ms = first ? entry->max_ms : MAX(info->max_time_ms, entry->max_ms);
    info->samples += entry->samples;
}

static enum status parse_index(struct series_part *p, struct str index, uint64_t end, struct err *e)
{
    struct cursor c = cursor_of(index);
    struct series_block_entry none = {0};
    p->info.series = cursor_varint(&c);
    uint64_t count = cursor_varint(&c), at = SERIES_HEADER_BYTES;
    if (c.failed || count > index.len)
        return err_set(e, ST_CORRUPT, "the index of %s is damaged", p->path);
    p->blocks = mem_calloc(count + 1, sizeof(*p->blocks));
    if (!p->blocks)
        return err_set(e, ST_NO_MEMORY, "no memory to open a part");
    for (uint64_t i = 0; i < count; i++) {
        struct series_block_entry *entry = &p->blocks[i];
        const struct series_block_entry *last = i > 0 ? entry - 1 : &none;
        read_entry(&c, last, entry);
        entry->at = at;
        if (c.failed || !entry_makes_sense(last, entry, end))
            return err_set(e, ST_CORRUPT, "the index of %s makes no sense", p->path);
        at += entry->bytes;
        note_entry(&p->info, entry, i == 0);
    }
    p->block_count = (uint32_t)count;
    return at == end && c.at == c.end
               ? ST_OK
               : err_set(e, ST_CORRUPT, "the blocks of %s do not fill it", p->path);
}

static enum status read_index(struct series_part *p, const struct footer *f, struct err *e)
{
    struct buf stored = {0}, index = {0};
    enum status status = ST_OK;
    if (!buf_reserve(&stored, f->stored + 1))
        return err_set(e, ST_NO_MEMORY, "no memory to open a part");
    status = file_read_at(p->fd, stored.ptr, f->stored, f->at, e);
    stored.len = f->stored;
    if (status == ST_OK && hash_checksum(stored.ptr, stored.len) != f->checksum)
        status = err_set(e, ST_CORRUPT, "the index of %s is damaged", p->path);
    if (status == ST_OK)
        status = unpack_index(f, buf_str(&stored), &index, e);
    if (status == ST_OK)
        status = parse_index(p, buf_str(&index), f->at, e);
    buf_deinit(&stored);
    buf_deinit(&index);
    return status;
}

static enum status open_part(struct series_part *p, struct err *e)
{
    struct footer footer = {0};
    TRY(file_open(p->path, O_RDONLY | O_CLOEXEC, &p->fd, e));
    TRY(file_size(p->fd, &p->info.bytes, e));
    TRY(read_footer(p, &footer, e));
    TRY(check_header(p, e));
    return read_index(p, &footer, e);
}

enum status series_part_open(const char *path, struct series_part **out, struct err *e)
{
    struct series_part *p = mem_calloc(1, sizeof(*p));
    size_t len = strlen(path) + 1;
    if (p)
        p->path = mem_alloc(len);
    if (!p || !p->path) {
        mem_free(p);
        return err_set(e, ST_NO_MEMORY, "no memory to open a part");
    }
    memcpy(p->path, path, len);
    p->fd = -1;
    atomic_init(&p->references, 1);
    enum status status = open_part(p, e);
    if (status != ST_OK) {
        part_free(p);
        return status;
    }
    *out = p;
    return ST_OK;
}

struct series_part *series_part_ref(struct series_part *p)
{
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    return p;
}

void series_part_unref(struct series_part *p)
{
    if (p && atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) == 1)
        part_free(p);
}

struct series_part_info series_part_info(const struct series_part *p)
{
    return p->info;
}

enum status series_part_fetch(const struct series_part *p, const struct series_block_entry *entry,
                              struct series_block_reader *r, struct err *e)
{
    buf_reset(&r->bytes);
    if (!buf_reserve(&r->bytes, (size_t)entry->bytes + 1))
        return err_set(e, ST_NO_MEMORY, "no memory to read %u bytes", entry->bytes);
    TRY(file_read_at(p->fd, r->bytes.ptr, entry->bytes, entry->at, e));
    r->bytes.len = entry->bytes;
    if ((uint32_t)hash_checksum(r->bytes.ptr, r->bytes.len) != entry->checksum)
        return err_set(e, ST_CORRUPT, "the checksum of a block is wrong");
    return ST_OK;
}

enum status series_part_load(const struct series_part *p, const struct series_block_entry *entry,
                             struct series_block_reader *r, struct err *e)
{
    TRY(series_part_fetch(p, entry, r, e));
    return series_block_reader_parse(r, entry, e);
}

void series_part_log_lost(const struct series_part *p, const struct series_block_entry *entry,
                          const struct err *e)
{
    log_limited(LOG_WARN,
                "series_part: block lost part=%s offset=%llu bytes=%u series=%u first_id=%u "
                "last_id=%u reason=\"%s\"",
                p->path, (unsigned long long)entry->at, entry->bytes, entry->series,
                entry->first.id, entry->last.id, e->msg);
}
