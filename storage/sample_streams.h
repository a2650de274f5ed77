/* sample_streams.h - the bytes of one block of samples, sorted by what they are: numbers of one
 * width and spread lie behind each other, so that zstd finds one alphabet in each stream. Private
 * to storage/sample_* and storage/series_*. Format: docs/formats/series_part.md. */
#ifndef WEFT_STORAGE_SAMPLE_STREAMS_H
#define WEFT_STORAGE_SAMPLE_STREAMS_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/vec.h"

/* In the order of the file: never renumber. */
enum sample_stream {
    STREAM_PLAN,       /* what follows what: heads of series and of columns, exceptions */
    STREAM_BITS,       /* a bit a sample */
    STREAM_PAIRS,      /* two bits */
    STREAM_NIBBLES,    /* four bits, eight alphabets */
    STREAM_BYTES = 11, /* eight bits, six alphabets */
    STREAM_LOW = 17,   /* low bits of wide numbers, and words */
    STREAM_PLANES,     /* floats byte by byte */
    STREAM_COUNT,
};

enum { STREAM_BYTES_MAX = 64 * MIB }; /* of one stream, unpacked */

/* --- writing --- */

struct sample_writer {
    struct buf stream[STREAM_COUNT]; /* owned */
    bool sealed;                     /* packed by zstd, and columns are fitted to that */
    struct ZSTD_CCtx_s *zstd;        /* owned; NULL until needed */
    int64_t *ints;                   /* owned; scratch of a column */
    uint32_t ints_cap;
    VEC(int64_t) guess; /* scratch: distances to what a sum should be */
};

/* Frees what the writer owns; it is empty again. */
void sample_writer_deinit(struct sample_writer *w);
/* Empties the streams and keeps their memory. */
void sample_writer_reset(struct sample_writer *w);
/* Appends the block that the streams are. ST_NO_MEMORY, also when a stream had failed before. */
enum status sample_writer_flush(struct sample_writer *w, struct buf *out, struct err *e);

/* --- reading --- */

/* How far each stream was read. */
struct sample_place {
    uint32_t at[STREAM_COUNT];
};

struct sample_reader {
    struct str stored[STREAM_COUNT]; /* borrowed: the bytes of the block */
    uint32_t unpacked_bytes[STREAM_COUNT];
    bool is_packed[STREAM_COUNT], is_ready[STREAM_COUNT];
    struct str stream[STREAM_COUNT];   /* once ready */
    struct buf unpacked[STREAM_COUNT]; /* owned */
    struct sample_place place;
    VEC(int64_t) guess;       /* scratch: what a sum should be */
    uint64_t cells;           /* filled buckets of histograms that were read */
    struct ZSTD_DCtx_s *zstd; /* owned */
};

/* Frees what the reader owns; it is empty again. */
void sample_reader_deinit(struct sample_reader *r);
/* Takes a block apart; streams are unpacked when they are first read. `block` is borrowed while the
 * reader is used. ST_CORRUPT. */
enum status sample_reader_load(struct sample_reader *r, struct str block, struct err *e);
/* The next `len` bytes of a stream, in place; at least 8 bytes behind them may be read. ST_CORRUPT
 * when it has fewer; ST_NO_MEMORY. */
enum status sample_reader_take(struct sample_reader *r, enum sample_stream s, size_t len,
                               const uint8_t **out, struct err *e);
/* As take, but only steps over them. */
enum status sample_reader_skip(struct sample_reader *r, enum sample_stream s, size_t len,
                               struct err *e);
/* Reads the plan: the caller reads from the cursor, then gives it back. ST_CORRUPT when it ran past
 * the end. */
enum status sample_reader_plan(struct sample_reader *r, struct cursor *out, struct err *e);
enum status sample_reader_plan_done(struct sample_reader *r, const struct cursor *c, struct err *e);

#endif
