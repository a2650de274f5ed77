/* sample_values.h - columns of doubles in the streams of a block, bit by bit as they were: as
 * integers times a power of ten or of two where that is exact, else by XOR. Private to
 * storage/sample_* and storage/series_*. */
#ifndef WEFT_STORAGE_SAMPLE_VALUES_H
#define WEFT_STORAGE_SAMPLE_VALUES_H

#include "storage/sample_guess.h"
#include "storage/sample_ints.h"

/* A column as integers: what the next bucket of a family is compared with. All-zero: there is none.
 */
struct sample_whole {
    int64_t *items; /* owned */
    uint32_t cap;
    uint32_t count; /* 0: the column was not made of integers */
    uint8_t decimals;
};
void sample_whole_deinit(struct sample_whole *w);

/* Columns of the same times that this one may be like; only the distance is written then. */
struct sample_basis {
    const struct sample_whole *below;   /* of the next lower bucket; NULL: none */
    const struct sample_family *family; /* whose sum this may be; NULL: none */
};
enum basis_kind { BASIS_NONE, BASIS_BELOW, BASIS_FAMILY };

/* Appends a column of `count` > 0 values and leaves its integers in *whole. A lack of memory fails
 * the streams. */
void sample_values_put(struct sample_writer *w, const double *values, uint32_t count,
                       const struct sample_basis *basis, struct sample_whole *whole);
/* Reads the next column into out[count] and its integers into *whole; the basis holds what
 * sample_values_skip() said that it needs. ST_CORRUPT, ST_NO_MEMORY. */
enum status sample_values_get(struct sample_reader *r, uint32_t count,
                              const struct sample_basis *basis, struct sample_whole *whole,
                              double *out, struct err *e);
/* Steps over it. ST_CORRUPT, ST_NO_MEMORY. */
enum status sample_values_skip(struct sample_reader *r, uint32_t count, enum basis_kind *basis,
                               struct err *e);

#endif
