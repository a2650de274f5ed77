/* derived_natives.h - native histograms of one derived series, kept as what each adds to the one
 * before: a running total repeats all of its buckets in every sample. Private to query/derived_*.
 */
#ifndef WEFT_QUERY_DERIVED_NATIVES_H
#define WEFT_QUERY_DERIVED_NATIVES_H

#include "base/vec.h"
#include "query/derived_total.h"
#include "storage/series_view.h"

/* All-zero is empty. One thread at a time. */
struct derived_natives {
    VEC(struct str) records; /* one a sample: bytes of the arena */
    struct histogram total;  /* owned: of the last record */
    struct buf scratch;      /* owned */
    uint64_t bytes;          /* of all records */
};

/* Frees what is not the arena's. */
void derived_natives_deinit(struct derived_natives *n);
/* A sample: the total, which is not below that of the sample before, and `share` of `next` (NULL:
 * none). False when memory is short. */
bool derived_natives_push(struct derived_natives *n, const struct derived_total *total,
                          const struct derived_total *next, double share,
                          struct arena *arena) NODISCARD;
/* A stale marker. */
bool derived_natives_push_stale(struct derived_natives *n) NODISCARD;
/* Samples [from, to), to be made when they are looked at; arena's, as are the records that it
 * shares. NULL when memory is short. */
const struct series_later *derived_natives_later(const struct derived_natives *n,
                                                 const struct derived_form *form, size_t from,
                                                 size_t to, struct arena *arena);

#endif
