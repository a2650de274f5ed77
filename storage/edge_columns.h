/* edge_columns.h - the plain numbers of a cell as columns of a block. Private to
 * storage/edge_block_*. The order is that of the file: never change it. */
#ifndef WEFT_STORAGE_EDGE_COLUMNS_H
#define WEFT_STORAGE_EDGE_COLUMNS_H

#include "storage/edge_block.h"

enum count_column {
    COLUMN_OBSERVED,
    COLUMN_WEIGHT, /* from here on `observed` is known, from the next on `weight` too */
    COLUMN_ERRORS,
    COLUMN_ATTEMPTS,
    COLUMN_RETRIED,
    COLUMN_DENIED,
    COLUMN_TRANSIT_SKIPPED,
    COLUMN_END_BEFORE_START,
    COLUMN_REQUEST_BYTES,
    COLUMN_RESPONSE_BYTES,
    COLUMN_REQUEST_SIZED,
    COLUMN_RESPONSE_SIZED,
    COLUMN_EVIDENCE,
};
_Static_assert(COLUMN_EVIDENCE + 1 == COUNT_COLUMNS, "one place each");

/* How a column is written: two bits each in the first word of the section; its highest bit:
 * variance follows. */
enum column_mode { COLUMN_ABSENT = 0, COLUMN_PLAIN = 1, COLUMN_WHOLE = 2 };
#define COLUMN_VARIANCE (UINT32_C(1) << 31)

/* How the numbers of a column that is there are written, from version 3 on: in so many bits each
 * above the lowest, or as varints where that is shorter. */
enum { COLUMN_BITS_MAX = 57, COLUMN_VARINTS = 255 };

/* Bytes of `count` numbers of `bits` each. */
static inline size_t column_bytes(size_t count, unsigned bits)
{
    return (count * bits + 7) / 8;
}

/* What the column of a cell usually is; the difference to it is what is written. */
static inline uint64_t column_base(enum count_column column, uint64_t observed, uint64_t weight)
{
    if (column == COLUMN_WEIGHT)
        return observed << WEIGHT_SHIFT;
    bool per_request = column == COLUMN_ATTEMPTS || column == COLUMN_REQUEST_SIZED ||
                       column == COLUMN_RESPONSE_SIZED;
    return per_request ? weight : 0;
}

#endif
