/* sample_streams.c - streams of a block to bytes and back, each packed by zstd where that saves
 * more than a twentieth. */
#include "storage/sample_streams.h"

#include "base/mem.h"
#include <zstd.h>

enum {
    STREAM_SLACK = 8, /* readers of bits load whole words */
    PACK_MIN = 64,    /* below that a frame costs more than it saves */
    PACK_LEVEL = 1,
    NUMBERS_MIN_MATCH = 7,
};

void sample_writer_deinit(struct sample_writer *w)
{
    for (unsigned s = 0; s < STREAM_COUNT; s++)
        buf_deinit(&w->stream[s]);
    ZSTD_freeCCtx(w->zstd);
    mem_free(w->ints);
    vec_deinit(&w->guess);
    *w = (struct sample_writer){0};
}

void sample_writer_reset(struct sample_writer *w)
{
    for (unsigned s = 0; s < STREAM_COUNT; s++)
        buf_reset(&w->stream[s]);
}

/* The length is in the table. In streams of numbers only long matches are better than no match. */
static bool tune(ZSTD_CCtx *zstd, enum sample_stream s)
{
    return !ZSTD_isError(ZSTD_CCtx_reset(zstd, ZSTD_reset_session_only)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, PACK_LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 0)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_minMatch,
                                                s == STREAM_PLAN ? 0 : NUMBERS_MIN_MATCH));
}

/* Appends the stream packed; false when that saves too little (nothing is appended) or memory is
 * short. */
static bool put_packed(struct sample_writer *w, enum sample_stream s, struct buf *out)
{
    const struct buf *stream = &w->stream[s];
    size_t cap = stream->len - stream->len / 20;
    if (!w->sealed || stream->len < PACK_MIN)
        return false;
    if (!w->zstd)
        w->zstd = ZSTD_createCCtx();
    if (!w->zstd || !tune(w->zstd, s) || !buf_reserve(out, cap))
        return false;
    size_t got = ZSTD_compress2(w->zstd, out->ptr + out->len, cap, stream->ptr, stream->len);
    if (ZSTD_isError(got))
        return false;
    out->len += got;
    return true;
}

/* A table of (bytes << 1 | packed, stored bytes when packed), then the streams. */
enum status sample_writer_flush(struct sample_writer *w, struct buf *out, struct err *e)
{
    struct buf body = {0};
    for (unsigned s = 0; s < STREAM_COUNT; s++) {
        const struct buf *stream = &w->stream[s];
        size_t before = body.len;
        bool packed = put_packed(w, s, &body);
        if (!packed)
            buf_append(&body, stream->ptr, stream->len);
        buf_append_varint(out, (uint64_t)stream->len << 1 | packed);
        if (packed)
            buf_append_varint(out, body.len - before);
        body.failed |= stream->failed;
    }
    buf_append(out, body.ptr, body.len);
    bool failed = body.failed || out->failed;
    buf_deinit(&body);
    return failed ? err_set(e, ST_NO_MEMORY, "no memory for a block of samples") : ST_OK;
}

void sample_reader_deinit(struct sample_reader *r)
{
    for (unsigned s = 0; s < STREAM_COUNT; s++)
        buf_deinit(&r->unpacked[s]);
    ZSTD_freeDCtx(r->zstd);
    vec_deinit(&r->guess);
    *r = (struct sample_reader){0};
}

enum status sample_reader_load(struct sample_reader *r, struct str block, struct err *e)
{
    struct cursor c = cursor_of(block);
    r->cells = 0;
    for (unsigned s = 0; s < STREAM_COUNT; s++) {
        uint64_t word = cursor_varint(&c);
        if (word >> 1 > STREAM_BYTES_MAX)
            return err_set(e, ST_CORRUPT, "a stream claims %llu bytes",
                           (unsigned long long)(word >> 1));
        r->unpacked_bytes[s] = (uint32_t)(word >> 1);
        r->is_packed[s] = word & 1;
        r->is_ready[s] = false;
        r->stored[s].len = r->is_packed[s] ? cursor_varint(&c) : r->unpacked_bytes[s];
        r->place.at[s] = 0;
    }
    for (unsigned s = 0; s < STREAM_COUNT; s++)
        r->stored[s] = cursor_bytes(&c, r->stored[s].len);
    if (c.failed || c.at != c.end)
        return err_set(e, ST_CORRUPT, "the streams of a block do not fill it");
    return ST_OK;
}

static enum status unpack_stream(struct sample_reader *r, enum sample_stream s, struct err *e)
{
    struct buf *out = &r->unpacked[s];
    size_t bytes = r->unpacked_bytes[s];
    buf_reset(out);
    if (!r->zstd && r->is_packed[s])
        r->zstd = ZSTD_createDCtx();
    if ((r->is_packed[s] && !r->zstd) || !buf_reserve(out, bytes + STREAM_SLACK))
        return err_set(e, ST_NO_MEMORY, "no memory to unpack a stream");
    if (r->is_packed[s]) {
        size_t got =
            ZSTD_decompressDCtx(r->zstd, out->ptr, bytes, r->stored[s].ptr, r->stored[s].len);
        if (ZSTD_isError(got) || got != bytes)
            return err_set(e, ST_CORRUPT, "a packed stream is damaged");
    } else if (bytes > 0) {
        memcpy(out->ptr, r->stored[s].ptr, bytes);
    }
    memset(out->ptr + bytes, 0, STREAM_SLACK);
    r->stream[s] = (struct str){out->ptr, bytes};
    r->is_ready[s] = true;
    return ST_OK;
}

enum status sample_reader_skip(struct sample_reader *r, enum sample_stream s, size_t len,
                               struct err *e)
{
    if (len > r->unpacked_bytes[s] - r->place.at[s])
        return err_set(e, ST_CORRUPT, "stream %d of a block ends early", (int)s);
    r->place.at[s] += (uint32_t)len;
    return ST_OK;
}

enum status sample_reader_take(struct sample_reader *r, enum sample_stream s, size_t len,
                               const uint8_t **out, struct err *e)
{
    if (!r->is_ready[s])
        TRY(unpack_stream(r, s, e));
    *out = (const uint8_t *)r->stream[s].ptr + r->place.at[s];
    return sample_reader_skip(r, s, len, e);
}

enum status sample_reader_plan(struct sample_reader *r, struct cursor *out, struct err *e)
{
    if (!r->is_ready[STREAM_PLAN])
        TRY(unpack_stream(r, STREAM_PLAN, e));
    const uint8_t *first = (const uint8_t *)r->stream[STREAM_PLAN].ptr;
    *out = (struct cursor){first + r->place.at[STREAM_PLAN], first + r->stream[STREAM_PLAN].len,
                           false};
    return ST_OK;
}

enum status sample_reader_plan_done(struct sample_reader *r, const struct cursor *c, struct err *e)
{
    if (c->failed)
        return err_set(e, ST_CORRUPT, "the plan of a block ends early");
    r->place.at[STREAM_PLAN] = (uint32_t)(c->at - (const uint8_t *)r->stream[STREAM_PLAN].ptr);
    return ST_OK;
}
