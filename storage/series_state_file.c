/* series_state_file.c - the state of all series as a file. */
#include "storage/series_state_file.h"
#include "base/cursor.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include <fcntl.h>
#include <zstd.h>

enum { STATE_VERSION = 1, STATE_HEAD_BYTES = 48, PACK_LEVEL = 1 };

static const uint64_t raw_max = (uint64_t)16 * GIB;
static const char state_magic[8] = {'w', 'e', 'f', 't', 's', 's', 't', 'a'};

/* Covers the packed bytes and everything that the head says of them. */
static uint64_t checksum(struct str packed, uint64_t file, uint64_t raw_bytes)
{
    return hash_str(packed, hash_u64(hash_u64(file) + raw_bytes));
}

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for the state of series");
}

static enum status encode(uint64_t file, struct str content, struct buf *out, struct err *e)
{
    size_t bound = ZSTD_compressBound(content.len);
    if (!buf_reserve(out, STATE_HEAD_BYTES + bound))
        return no_memory(e);
    char *packed = out->ptr + STATE_HEAD_BYTES;
    size_t len = ZSTD_compress(packed, bound, content.ptr, content.len, PACK_LEVEL);
    if (ZSTD_isError(len))
        return no_memory(e);
    buf_append(out, state_magic, sizeof(state_magic));
    buf_append_u32(out, STATE_VERSION);
    buf_append_u32(out, 0);
    buf_append_u64(out, file);
    buf_append_u64(out, len);
    buf_append_u64(out, content.len);
    buf_append_u64(out, checksum((struct str){packed, len}, file, content.len));
    out->len += len;
    return ST_OK;
}

enum status series_state_write(const char *path, uint64_t file, struct str content, uint64_t *bytes,
                               struct err *e)
{
    struct buf out = {0};
    enum status status = encode(file, content, &out, e);
    if (status == ST_OK)
        status = file_write_synced(path, buf_str(&out), e);
    *bytes = out.len;
    buf_deinit(&out);
    return status;
}

struct head {
    struct str magic, packed;
    uint32_t version, zero;
    uint64_t file, raw_bytes, checksum;
    bool is_whole; /* the lengths are those of the file */
};

static struct head read_head(struct str bytes)
{
    struct cursor in = cursor_of(bytes);
    struct head h = {.magic = cursor_bytes(&in, sizeof(state_magic))};
    h.version = cursor_u32(&in);
    h.zero = cursor_u32(&in);
    h.file = cursor_u64(&in);
    uint64_t packed_bytes = cursor_u64(&in);
    h.raw_bytes = cursor_u64(&in);
    h.checksum = cursor_u64(&in);
    h.packed = cursor_bytes(&in, (size_t)packed_bytes);
    h.is_whole = !in.failed && in.at == in.end;
    return h;
}

static bool content_holds(const struct head *h, uint64_t file)
{
    return h->is_whole && h->file == file && h->raw_bytes <= raw_max &&
           checksum(h->packed, file, h->raw_bytes) == h->checksum;
}

static enum status check_head(const struct head *h, uint64_t file, struct err *e)
{
    bool holds = content_holds(h, file);
    if (!str_eq(h->magic, (struct str){state_magic, sizeof(state_magic)}) || h->zero != 0)
        return err_set(e, ST_CORRUPT, "it is no state of series");
    if (!holds && h->version != STATE_VERSION)
        return err_set(e, ST_UNSUPPORTED, "series state format %u is not known to this weft",
                       h->version);
    if (!holds)
        return err_set(e, ST_CORRUPT, "the state of series is damaged");
    if (h->version != STATE_VERSION)
        log_error("series: damaged head of a state, what it holds is whole file=%016llx",
                  (unsigned long long)file);
    return ST_OK;
}

static enum status unpack(struct str bytes, uint64_t file, struct buf *out, struct err *e)
{
    struct head h = read_head(bytes);
    TRY(check_head(&h, file, e));
    if (!buf_reserve(out, (size_t)h.raw_bytes + 1))
        return no_memory(e);
    size_t unpacked = ZSTD_decompress(out->ptr, (size_t)h.raw_bytes, h.packed.ptr, h.packed.len);
    if (ZSTD_isError(unpacked) || unpacked != h.raw_bytes)
        return err_set(e, ST_CORRUPT, "the state of series is damaged");
    out->len = (size_t)h.raw_bytes;
    return ST_OK;
}

enum status series_state_read(const char *path, uint64_t file, struct buf *out, struct err *e)
{
    char *bytes;
    size_t len;
    TRY(file_read_all(path, (size_t)raw_max, &bytes, &len, e));
    enum status status = unpack((struct str){bytes, len}, file, out, e);
    mem_free(bytes);
    if (status != ST_OK)
        buf_deinit(out);
    return status;
}
