/* unpack_zstd.c - zstd frames, one after the other. Source: RFC 8878. */
#include "codec/unpack_format.h"

#include <zstd.h>
#include <zstd_errors.h>

enum {
    WINDOW_LOG_MAX = 23,      /* 8 MiB, what RFC 8878 asks decoders to support */
    ZSTD_RATIO_MAX = 1 << 15, /* 4 bytes can stand for a block of 128 KiB */
};

static enum status explain(struct unpack_job *job, size_t code)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        return err_set(job->err, ST_NO_MEMORY, "out of memory while unpacking a body");
    case ZSTD_error_frameParameter_windowTooLarge:
        return err_set(job->err, ST_TOO_BIG,
                       "zstd: the frame at byte %zu needs a window of more than 8 MiB", job->at);
    default:
        return err_set(job->err, ST_INVALID, "zstd: %s at byte %zu", ZSTD_getErrorName(code),
                       job->at);
    }
}

/* How much room the frame that begins at job->at asks for; all of it at once lets zstd write
 * without a window. */
static size_t guess_frame(const struct unpack_job *job)
{
    unsigned long long size = ZSTD_getFrameContentSize(job->in.ptr + job->at, unpack_left(job));
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
        size / ZSTD_RATIO_MAX > unpack_left(job))
        return 4 * unpack_left(job);
    return (size_t)MIN(size, job->max);
}

static enum status read_frame(struct unpack_job *job, ZSTD_DStream *stream)
{
    size_t want = guess_frame(job);
    for (;;) {
        enum status status = unpack_room(job, want);
        if (status != ST_OK)
            return status;
        ZSTD_inBuffer in = {job->in.ptr, job->in.len, job->at};
        ZSTD_outBuffer out = {job->out, job->cap, job->len};
        size_t left = ZSTD_decompressStream(stream, &out, &in);
        if (ZSTD_isError(left))
            return explain(job, left);
        job->at = in.pos;
        job->len = out.pos;
        if (left == 0)
            return ST_OK;
        if (in.pos == in.size && out.pos < out.size)
            return err_set(job->err, ST_INVALID, "zstd: the body is cut off at byte %zu", in.size);
        want = 1;
    }
}

enum status unpack_zstd(struct unpack_job *job)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    if (!stream ||
        ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        ZSTD_freeDStream(stream);
        return err_set(job->err, ST_NO_MEMORY, "out of memory while unpacking a body");
    }
    enum status status;
    do {
        status = read_frame(job, stream);
    } while (status == ST_OK && unpack_left(job) > 0);
    ZSTD_freeDStream(stream);
    return status;
}
