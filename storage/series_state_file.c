/* series_state_file.c - the state of all series as a file. */
#include "storage/series_state_file.h"
#include "base/cursor.h"
#include "base/fileio.h"
#include "base/hash.h"
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

static enum status unpack(struct str bytes, uint64_t file, struct buf *out, struct err *e)
{
    struct cursor in = cursor_of(bytes);
    struct str magic = cursor_bytes(&in, sizeof(state_magic));
    uint32_t version = cursor_u32(&in), zero = cursor_u32(&in);
    if (in.failed || memcmp(magic.ptr, state_magic, sizeof(state_magic)) != 0 || zero != 0)
        return err_set(e, ST_CORRUPT, "it is no state of series");
    if (version != STATE_VERSION)
        return err_set(e, ST_UNSUPPORTED, "series state format %u is not known to this weft",
                       version);
    uint64_t number = cursor_u64(&in), packed_bytes = cursor_u64(&in), raw = cursor_u64(&in);
    uint64_t sum = cursor_u64(&in);
    struct str packed = cursor_bytes(&in, (size_t)packed_bytes);
    if (in.failed || in.at != in.end || number != file || raw > raw_max ||
        checksum(packed, file, raw) != sum)
        return err_set(e, ST_CORRUPT, "the state of series is damaged");
    if (!buf_reserve(out, (size_t)raw + 1))
        return no_memory(e);
    size_t unpacked = ZSTD_decompress(out->ptr, (size_t)raw, packed.ptr, packed.len);
    if (ZSTD_isError(unpacked) || unpacked != raw)
        return err_set(e, ST_CORRUPT, "the state of series is damaged");
    out->len = (size_t)raw;
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
