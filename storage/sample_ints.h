/* sample_ints.h - columns of 64-bit integers in the streams of a block: differences to what is
 * expected, in as few bits as their spread needs; what does not fit goes to a list of exceptions.
 * Arithmetic is modulo 2^64, so that any numbers come back. Private to storage/sample_* and
 * storage/series_*. */
#ifndef WEFT_STORAGE_SAMPLE_INTS_H
#define WEFT_STORAGE_SAMPLE_INTS_H

#include "storage/sample_streams.h"

/* Appends a column of `count` > 0 numbers. A lack of memory fails the streams. */
void sample_ints_put(struct sample_writer *w, const int64_t *x, uint32_t count);
/* About how many bits each of them would take; to compare columns of the same length. */
unsigned sample_ints_cost(const int64_t *x, uint32_t count);
/* Reads the next column into out[count]. ST_CORRUPT, ST_NO_MEMORY. */
enum status sample_ints_get(struct sample_reader *r, uint32_t count, int64_t *out, struct err *e);
/* Steps over it. ST_CORRUPT, ST_NO_MEMORY. */
enum status sample_ints_skip(struct sample_reader *r, uint32_t count, struct err *e);

static inline int64_t ints_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t ints_sub(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

#endif
