/* series_part_format.h - the numbers of docs/formats/series_part.md. Private to storage/series_*.
 */
#ifndef WEFT_STORAGE_SERIES_PART_FORMAT_H
#define WEFT_STORAGE_SERIES_PART_FORMAT_H

#include "storage/series_part.h"

#define SERIES_MAGIC     "weftsers"
#define SERIES_END_MAGIC "weft.end"

enum {
    SERIES_VERSION = 1,
    SERIES_HEADER_BYTES = 16,
    SERIES_FOOTER_BYTES = 48,
    SERIES_FOOTER_CHECKED = 36, /* its bytes before its own checksum */
    SERIES_INDEX_MAX = 1 * GIB, /* unpacked */

    /* A block ends behind a family when it has so many samples or series, and inside of one only
     * at four times that. Two buckets of a native histogram count as a sample, and no block with
     * such goes on to four times: a bucket that few samples fill takes nearly 128 bytes of one
     * stream (STREAM_BYTES_MAX). */
    BLOCK_SAMPLES = 256 * KIB,
    BLOCK_SAMPLES_MAX = 4 * BLOCK_SAMPLES,
    BLOCK_SERIES_MAX = 512,
    PIECE_SAMPLES_MAX = 64 * KIB, /* longer runs go on in the next block */
    BUCKETS_A_SAMPLE = 2,
};

/* Bits of the first byte of a series in the plan. */
enum {
    SERIES_TIMES = 3,       /* enum times_of */
    SERIES_BUCKET = 4,      /* le is a number */
    SERIES_FAMILY = 8,      /* bucket: the family goes on; else: the family is not its own id */
    SERIES_STARTS = 16,     /* a column of start times comes first */
    SERIES_HISTOGRAMS = 32, /* histograms, perhaps among floats */
    SERIES_COPY = 64,       /* the values are those of an earlier series */
    SERIES_NEXT = 128,      /* the key follows from the last one */
};
enum times_of { TIMES_LAST, TIMES_NUMBER, TIMES_NEW };

struct series_block_entry {
    uint64_t at;                   /* offset */
    uint32_t bytes, checksum;      /* low half of xxh3 */
    struct series_key first, last; /* keys */
    int64_t min_ms, max_ms;
    uint32_t series, samples;
};

#endif
