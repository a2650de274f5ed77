/* unpack_lz4.c - LZ4 frames, one after the other. Source: lz4_Frame_format.md. */
#include "codec/unpack_format.h"

#include <lz4frame.h>

static enum status read_frame(struct unpack_job *job, LZ4F_dctx *ctx)
{
    size_t want = 4 * unpack_left(job);
    for (;;) {
        enum status status = unpack_room(job, want);
        if (status != ST_OK)
            return status;
        size_t in_bytes = unpack_left(job), out_bytes = job->cap - job->len;
        size_t left = LZ4F_decompress(ctx, job->out + job->len, &out_bytes, job->in.ptr + job->at,
                                      &in_bytes, NULL);
        if (LZ4F_isError(left))
            return err_set(job->err, ST_INVALID, "lz4: %s behind byte %zu", LZ4F_getErrorName(left),
                           job->at);
        job->at += in_bytes;
        job->len += out_bytes;
        if (left == 0)
            return ST_OK;
        if (unpack_left(job) == 0 && job->len < job->cap)
            return err_set(job->err, ST_INVALID, "lz4: the body is cut off at byte %zu", job->at);
        want = 1;
    }
}

enum status unpack_lz4(struct unpack_job *job)
{
    LZ4F_dctx *ctx;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
        return err_set(job->err, ST_NO_MEMORY, "out of memory while unpacking a body");
    enum status status;
    do {
        status = read_frame(job, ctx);
    } while (status == ST_OK && unpack_left(job) > 0);
    LZ4F_freeDecompressionContext(ctx);
    return status;
}
