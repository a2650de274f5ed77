/* unpack_deflate.c - gzip and zlib by libdeflate, which unpacks whole members at once. Sources: RFC
 * 1952, RFC 1950. */
#include "codec/unpack_format.h"

#include <libdeflate.h>

typedef enum libdeflate_result (*member_reader)(struct libdeflate_decompressor *d, const void *in,
                                                size_t in_len, void *out, size_t out_len,
                                                size_t *in_used, size_t *out_used);

/* No deflate stream grows by more: 258 bytes out of two bits. */
enum { DEFLATE_RATIO_MAX = 1032 };

/* The last member of a gzip file ends with its size modulo 2^32: right for a single member, a guess
 * that is checked. */
static size_t guess_gzip(struct str in)
{
    if (in.len < 18)
        return 0;
    const uint8_t *tail = (const uint8_t *)in.ptr + in.len - 4;
    size_t size = tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
    return size / DEFLATE_RATIO_MAX <= in.len ? size : 4 * in.len;
}

/* Unpacks the member at job->at; one that finds no room is begun again with more, so all tries cost
 * at most twice. */
static enum status read_member(struct unpack_job *job, struct libdeflate_decompressor *d,
                               member_reader reader, const char *name, size_t want)
{
    for (;;) {
        size_t in_used = 0, out_used = 0;
        enum status status = unpack_room(job, want);
        if (status != ST_OK)
            return status;
        switch (reader(d, job->in.ptr + job->at, unpack_left(job), job->out + job->len,
                       job->cap - job->len, &in_used, &out_used)) {
        case LIBDEFLATE_SUCCESS:
            job->at += in_used;
            job->len += out_used;
            return ST_OK;
        case LIBDEFLATE_INSUFFICIENT_SPACE:
            if (job->cap > job->max)
                return unpack_too_big(job);
            want = MAX(2 * (job->cap - job->len), (size_t)256);
            break;
        default:
            return err_set(job->err, ST_INVALID,
                           "%s: the data that begins at byte %zu is damaged or cut off", name,
                           job->at);
        }
    }
}

enum status unpack_gzip(struct unpack_job *job)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    if (!d)
        return err_set(job->err, ST_NO_MEMORY, "out of memory while unpacking a body");
    size_t want = guess_gzip(job->in);
    enum status status;
    do {
        status = read_member(job, d, libdeflate_gzip_decompress_ex, "gzip", want);
        want = 1;
    } while (status == ST_OK && unpack_left(job) > 0);
    libdeflate_free_decompressor(d);
    return status;
}

enum status unpack_zlib(struct unpack_job *job)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    if (!d)
        return err_set(job->err, ST_NO_MEMORY, "out of memory while unpacking a body");
    enum status status =
        read_member(job, d, libdeflate_zlib_decompress_ex, "zlib", MIN(4 * job->in.len, job->max));
    libdeflate_free_decompressor(d);
    if (status == ST_OK && unpack_left(job) > 0)
        return err_set(job->err, ST_INVALID, "zlib: %zu bytes behind the end at byte %zu",
                       unpack_left(job), job->at);
    return status;
}
