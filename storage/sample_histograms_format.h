/* sample_histograms_format.h - segments of a run of native histograms, shared by their writer and
 * their reader. Private to storage/sample_histograms*. */
#ifndef WEFT_STORAGE_SAMPLE_HISTOGRAMS_FORMAT_H
#define WEFT_STORAGE_SAMPLE_HISTOGRAMS_FORMAT_H

#include "base/vec.h"
#include "storage/sample_histograms.h"

/* Samples of one kind and shape. Stored: never renumber. */
enum segment_kind {
    SEGMENT_FLOATS,
    SEGMENT_HISTOGRAMS, /* of one schema, zero threshold and bounds, without a counter reset */
    SEGMENT_STALE,      /* empty but for the stale sum */
};

enum {
    SEGMENT_CELLS = 512 * KIB, /* samples times buckets, unless it is one sample */
    SEGMENT_BUCKETS = MIB,     /* of either sign; SERIES_BUCKETS_MAX */
    BLOCK_CELLS_MAX = 8 * MIB, /* filled buckets of a whole block */
};

enum { SIDE_POSITIVE, SIDE_NEGATIVE, SIDE_COUNT };

/* Indices of the buckets that any sample of the segment fills, ascending. */
struct bucket_union {
    VEC(int32_t) side[SIDE_COUNT];
};

static inline const struct native_buckets *buckets_of(const struct native_histogram *h, unsigned s)
{
    return s == SIDE_POSITIVE ? &h->positive : &h->negative;
}

#endif
