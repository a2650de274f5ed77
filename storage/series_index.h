/* series_index.h - which series there are: label set to number and back, and for every label pair
 * the numbers of the series that carry it (series_postings.h looks them up by matchers). In memory;
 * series_index_file.h keeps it on disk.
 *
 * One thread, the owner, adds; it reads without a lock. Other threads read between
 * series_index_lock() and series_index_unlock(). The index only grows: when most of it is dead the
 * store builds a new one, and views keep the old one until they end. */
#ifndef WEFT_STORAGE_SERIES_INDEX_H
#define WEFT_STORAGE_SERIES_INDEX_H

#include "model/metric_batch.h"
#include "storage/series_part.h"

struct series_index;

/* Empty, with one reference; NULL when memory is short. `seed` is that of series_hash(). */
struct series_index *series_index_new(uint64_t seed);
/* Any thread. */
struct series_index *series_index_ref(struct series_index *x);
void series_index_unref(struct series_index *x); /* NULL is allowed */

/* Shared by readers, against the owner's series_index_add(). Any thread but the owner. */
void series_index_lock(struct series_index *x);
void series_index_unlock(struct series_index *x);

/* --- owner --- */

/* Number of the series with these labels, 0 when there is none. */
uint32_t series_index_find(const struct series_index *x, struct label_set labels, uint64_t hash);
/* The same for many at once, which hides most of the waiting for memory: ids[i] for series[i]. */
void series_index_find_many(const struct series_index *x, const struct metric_series *series,
                            uint32_t count, uint32_t *ids);
/* Adds a series that is not there as number `id`, which is larger than all before. The labels are
 * copied. On an error the index is as before. ST_NO_MEMORY. */
enum status series_index_add(struct series_index *x, uint32_t id, struct label_set labels,
                             uint64_t hash, struct err *e);

/* --- owner, or locked --- */

/* Any number may be asked for. */
bool series_index_has(const struct series_index *x, uint32_t id);
/* The labels of a series that is there; the array is the arena's, the strings live as long as the
 * index. ST_NO_MEMORY. */
enum status series_index_labels(const struct series_index *x, uint32_t id, struct arena *arena,
                                struct label_set *out, struct err *e);
/* Its value of a label; empty when missing. Lives as long as the index. */
struct str series_index_value(const struct series_index *x, uint32_t id, struct str name);
/* Number of the first series with the same labels but for `le`; its own without. */
uint32_t series_index_family(const struct series_index *x, uint32_t id);
/* Where its samples lie in parts. */
struct series_key series_index_key(const struct series_index *x, uint32_t id);
/* Numbers of all series, ascending. Borrowed: until the next add. */
const uint32_t *series_index_all(const struct series_index *x, uint32_t *count);

struct series_index_stats {
    uint32_t series, pairs, names;
    uint64_t bytes; /* of heap */
};
/* Counts and what they weigh. */
void series_index_stats(const struct series_index *x, struct series_index_stats *out);

#endif
