/* metric_build.h - series, samples and labels of one request, put together in the batch's arena:
 * what every wire format of metrics shares. */
#ifndef WEFT_CODEC_METRIC_BUILD_H
#define WEFT_CODEC_METRIC_BUILD_H

#include "base/err.h"
#include "model/batch.h"
#include "model/limits.h"
#include "model/metric_batch.h"

/* Items of one kind that follow each other: one array, which may move while it grows. What the
 * slab behind it has left serves the next run. */
struct item_run {
    char *first, *next, *end; /* borrowed: batch arena */
};

struct metric_builder {
    struct batch *batch;          /* borrowed */
    struct metric_batch *metrics; /* the batch's */
    struct err *err;              /* borrowed */
    uint64_t seed;                /* of metric_series.hash */
    uint32_t samples_max;         /* of the request */
    size_t slab_items;            /* that a fresh slab holds at least */
    struct item_run series, labels, samples, exemplars, exemplar_labels, metadata;
};

/* Gives the batch an empty metric_batch. Everything is borrowed. ST_NO_MEMORY. One thread at a
 * time, as all below. */
enum status metric_build_begin(struct metric_builder *m, struct batch *batch, uint64_t seed,
                               uint32_t samples_max, struct err *e);
/* When decoding failed with `status` nothing of it stays in the batch; else the batch is complete.
 * Returns `status`. */
enum status metric_build_end(struct metric_builder *m, enum status status);

/* ST_TOO_BIG when the arena's limit was met, else ST_NO_MEMORY; sets the sentence. */
enum status metric_build_no_memory(struct metric_builder *m);
/* Moves a run to a fresh slab with room for as many again, or for `more` bytes when that is more.
 * False when memory is short. */
bool metric_run_grow(struct metric_builder *m, struct item_run *run, size_t item_bytes,
                     size_t more) NODISCARD;
/* Room for `count` series to come, so that they need not move. ST_TOO_BIG (no request of so many
 * can be taken), ST_NO_MEMORY. */
enum status metric_build_reserve(struct metric_builder *m, size_t count);

static inline void metric_run_begin(struct item_run *run)
{
    run->first = run->next;
}

/* Gives the run's room back. */
static inline void metric_run_undo(struct item_run *run)
{
    run->next = run->first;
}

static inline size_t metric_run_bytes(const struct item_run *run)
{
    return (size_t)(run->next - run->first);
}

/* A fresh item at the end of the run, not zeroed; NULL when memory is short. */
static inline void *metric_run_add(struct metric_builder *m, struct item_run *run,
                                   size_t item_bytes)
{
    if (UNLIKELY((size_t)(run->end - run->next) < item_bytes) &&
        !metric_run_grow(m, run, item_bytes, item_bytes))
        return NULL;
    void *item = run->next;
    run->next += item_bytes;
    return item;
}

/* Appends a series whose labels are sorted, `hash` being their series_hash(); samples and exemplars
 * are the runs that are open. ST_NO_MEMORY, ST_TOO_BIG (over samples_max). */
enum status metric_build_series(struct metric_builder *m, struct label_set labels, uint64_t hash,
                                uint32_t item_count, bool is_delta);
/* Appends metadata unless the last one says the same of the same metric. ST_NO_MEMORY. */
enum status metric_build_metadata(struct metric_builder *m, struct metric_metadata metadata);
/* Counts `items` as rejected; the first sentence of a request is kept for the answer. */
void metric_build_reject(struct metric_builder *m, enum reject_reason reason, uint32_t items,
                         const char *sentence);
/* True when all names and values are UTF-8. */
bool metric_labels_are_utf8(const struct label *labels, size_t count);

#endif
