/* series_part.h - an immutable, checksummed file of samples of many series, in the order of their
 * keys. Labels are not in it: the label index (series_index.h) knows what a key means. Format:
 * docs/formats/series_part.md. */
#ifndef WEFT_STORAGE_SERIES_PART_H
#define WEFT_STORAGE_SERIES_PART_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/native_histogram.h"
#include <stdatomic.h>

/* Orders series in parts. Series that differ only in `le` are one family and lie behind each other
 * by ascending bound, so that cumulative buckets can be stored as differences. */
struct series_key {
    uint32_t family; /* id of the family's first series; others: own id */
    uint32_t id;     /* of the series in the index; never 0, never used twice */
    double le;       /* the bound; NaN for a series that is no classic bucket */
};
/* By family, bound (NaN first), id. <0, 0, >0. */
int series_key_cmp(struct series_key a, struct series_key b);

/* Samples of one series, ascending and distinct times; as series_data in series_view.h. Borrowed.
 */
struct series_run {
    struct series_key key;
    uint32_t sample_count;
    const int64_t *times_ms; /* runs that share their times should share the pointer */
    const double *values;
    const struct native_histogram *const *histograms;
    const int64_t *starts_ms;
};

enum { SERIES_BUCKETS_MAX = 1024 * 1024 }; /* of one side of one histogram */

enum series_effort { EFFORT_FAST, EFFORT_SEALED }; /* of a checkpoint; of a merge */

struct series_part_writer;
/* Creates the file. The caller ends *out with series_part_writer_free(), after finish or to give
 * up (the file stays for the caller to remove). One thread. ST_IO, ST_NO_MEMORY. */
enum status series_part_writer_new(const char *path, enum series_effort effort,
                                   struct series_part_writer **out, struct err *e);
/* Keys ascending. The run is borrowed for the call. Buckets that hold +0 are not kept. ST_INTERNAL
 * (keys do not ascend), ST_TOO_BIG (a histogram over SERIES_BUCKETS_MAX), ST_IO, ST_NO_MEMORY. */
enum status series_part_writer_add(struct series_part_writer *w, const struct series_run *run,
                                   struct err *e);
/* Writes what remains and syncs the file. */
enum status series_part_writer_finish(struct series_part_writer *w, struct err *e);
void series_part_writer_free(struct series_part_writer *w);

struct series_part; /* immutable, counted; any thread */

/* Opens and checks the head and the block index. ST_CORRUPT, ST_UNSUPPORTED (newer), ST_IO. */
enum status series_part_open(const char *path, struct series_part **out, struct err *e);
struct series_part *series_part_ref(struct series_part *p);
void series_part_unref(struct series_part *p); /* NULL is allowed */

struct series_part_info {
    int64_t min_time_ms, max_time_ms;
    uint64_t bytes, samples, series;
};
/* Any thread. */
struct series_part_info series_part_info(const struct series_part *p);

/* Reads runs whose keys are in `keys` (ascending; NULL: all), cut to [start_ms, end_ms], in key
 * order; runs without a sample in the range are left out. What each() gets lives in `arena` when
 * one is given, else only for the call. A block that is damaged or cannot be read is named in the
 * log, counted in *lost and skipped. Any thread. */
struct series_part_read {
    const struct series_key *keys;
    uint32_t key_count;
    int64_t start_ms, end_ms;
    struct arena *arena;
    enum status (*each)(const struct series_run *run, void *user, struct err *e);
    void *user;
};
enum status series_part_read(const struct series_part *p, const struct series_part_read *read,
                             uint64_t *lost, struct err *e);

/* Merges parts, oldest first, into a new file: one run a series; of samples of one time the newest
 * part's wins. `keep` (NULL: everything) cuts a run: it may shorten or drop (sample_count 0) it in
 * place, its arrays (run->histograms and run->starts_ms too) are the merge's own and may be
 * written. `stop` (may be NULL) breaks it off. ST_IO, ST_NO_MEMORY, ST_BUSY: broken off. When ST_IO
 * is of reading, *unreadable (may be NULL) becomes the number of that part. */
struct series_merge {
    struct series_part *const *parts;
    uint32_t part_count;
    const char *path;
    enum series_effort effort;
    void (*keep)(struct series_run *run, int64_t *times_ms, double *values, void *user);
    void *user;
    const atomic_bool *stop;
    uint32_t *unreadable;
};
enum status series_part_merge(const struct series_merge *merge, uint64_t *lost, struct err *e);

#endif
