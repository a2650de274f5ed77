/* catalogue_series.h - the part of the catalogue that the series store writes: its parts, its index
 * log, its state, its tombstones. Schema in docs/formats/catalogue.md. Private to storage/. */
#ifndef WEFT_STORAGE_CATALOGUE_SERIES_H
#define WEFT_STORAGE_CATALOGUE_SERIES_H

#include "base/str.h"
#include "storage/catalogue.h"

struct catalogue_series_part {
    uint64_t id;   /* names the file */
    uint64_t rank; /* of two samples of one time that of the higher rank counts */
    uint64_t bytes, samples, series;
    int64_t min_time_ms, max_time_ms;
    uint64_t step_s; /* thinned out to this step; 0 = every sample is there */
    bool is_sealed;  /* packed as well as it can be */
};

/* What a restart begins from. */
struct catalogue_series_state {
    uint64_t position;               /* journal sequence; 0 = there was no checkpoint yet */
    uint64_t state, state_bytes;     /* names the file; 0 = none */
    uint64_t index_log, index_bytes; /* names the file; bytes of it that count; 0 = none */
    uint64_t next_id;                /* of series */
};

struct catalogue_tombstone {
    uint64_t id, part_limit;
    int64_t start_ms, end_ms;
    struct str series; /* ids, as series_delete.c writes them; borrowed */
};

/* As of the last commit. The arrays are borrowed until the next one; series_* threads only. */
struct catalogue_series_state catalogue_series_state(const struct catalogue *c);
/* By rank. */
const struct catalogue_series_part *catalogue_series_parts(const struct catalogue *c,
                                                           size_t *count);
const struct catalogue_tombstone *catalogue_tombstones(const struct catalogue *c, size_t *count);

/* Is "series/<id>.<suffix>" a file that counts? */
bool catalogue_series_lists(const struct catalogue *c, const char *suffix, uint64_t id);

/* Copies the catalogue to `path` and calls `link` for each file that it lists, which cannot go in
 * the meantime: commits wait. Any thread. */
enum status catalogue_snapshot(struct catalogue *c, const char *path,
                               enum status (*link)(const char *folder, const char *suffix,
                                                   uint64_t id, void *user, struct err *e),
                               void *user, struct err *e);

struct catalogue_series_change {
    const uint64_t *removed; /* ids of parts */
    size_t removed_count;
    const struct catalogue_series_part *added;   /* NULL = none */
    const struct catalogue_series_state *state;  /* NULL = as it was */
    const struct catalogue_tombstone *tombstone; /* added; NULL = none */
    uint64_t dead_tombstone;                     /* id of one to remove; 0 = none */
};
/* As catalogue_commit(), which may run at the same time in another thread. */
enum status catalogue_series_commit(struct catalogue *c,
                                    const struct catalogue_series_change *change, bool *unknown,
                                    struct err *e);

#endif
