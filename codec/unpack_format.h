/* unpack_format.h - one decompression under way, and the formats it can be in. Private to
 * codec/unpack*.c. */
#ifndef WEFT_CODEC_UNPACK_FORMAT_H
#define WEFT_CODEC_UNPACK_FORMAT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct unpack_job {
    struct str in;   /* borrowed */
    size_t at;       /* how much of `in` was read */
    char *out;       /* owned */
    size_t len, cap; /* of out; never more than max + 1: the byte too many proves that the output is
                        too big */
    size_t max;
    struct arena *payer; /* borrowed, may be NULL: counts cap as held */
    struct err *err;     /* borrowed */
};

/* Makes room for `want` more bytes (at least one, at most to the cap). ST_TOO_BIG when len > max,
 * ST_BUSY when the payer has no more, ST_NO_MEMORY. */
enum status unpack_room(struct unpack_job *job, size_t want);
/* The error of an output beyond max. */
enum status unpack_too_big(const struct unpack_job *job);
/* Each reads the whole input. Errors as unpack(). */
enum status unpack_gzip(struct unpack_job *job);
enum status unpack_zlib(struct unpack_job *job);
enum status unpack_zstd(struct unpack_job *job);
enum status unpack_lz4(struct unpack_job *job);
enum status unpack_snappy_block(struct unpack_job *job);
enum status unpack_snappy_framed(struct unpack_job *job);

static inline size_t unpack_left(const struct unpack_job *job)
{
    return job->in.len - job->at;
}

#endif
