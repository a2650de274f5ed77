/* series_store.h - the time-series database: takes metric batches out of the journal, keeps a label
 * index and the samples since the last checkpoint in memory, everything before in immutable parts
 * (series_part.h) under DIR/series/. */
#ifndef WEFT_STORAGE_SERIES_STORE_H
#define WEFT_STORAGE_SERIES_STORE_H

#include "model/account.h"
#include "model/batch.h"
#include "model/metric_batch.h"
#include "storage/series_view.h"
#include "storage/store.h"

struct series_settings {
    uint32_t max_active;     /* series in all with a sample in the last hour */
    uint32_t max_per_sender; /* of one sender's address; 0 = no limit of its own */
    uint32_t downsample_after_s, downsample_step_s; /* 0 = never */
};

struct series_store_config {
    struct store *store;     /* borrowed: directory, seed, catalogue, writer thread */
    struct account *account; /* borrowed */
    struct budget *budget;   /* borrowed: gives back batch->charged_bytes, charges the head */
    struct series_settings settings;
    uint64_t retention_ns;
    uint64_t checkpoint_ns, checkpoint_bytes;
    /* After a checkpoint: the journal before `position` is not needed by series any more. */
    void (*checkpointed)(uint64_t position, void *user);
    void *user;
};

/* Restores the last checkpoint: index and parts. *position: from where the journal must be
 * replayed (records before it are ignored by series_store_batch). */
enum status series_store_open(const struct series_store_config *config, struct series_store **out,
                              uint64_t *position, struct err *e);
/* A committed batch of BATCH_METRICS, taken over. Applied on the store's own thread (before
 * series_store_start(): at once, on the caller's), then batch->applied is called with the outcome
 * (not during replay), then it is freed. */
void series_store_batch(struct series_store *s, struct batch *b);
/* A record without samples: moves the position that the next checkpoint names. Any signal's records
 * are told, in sequence. */
void series_store_pass(struct series_store *s, uint64_t sequence);
enum status series_store_start(struct series_store *s, struct err *e);
/* Asks for a checkpoint and does not wait: the journal grows behind this store's position. Any
 * thread. */
void series_store_checkpoint_soon(struct series_store *s);
/* Writes a checkpoint now; blocks until it is committed. */
enum status series_store_checkpoint(struct series_store *s, struct err *e);
/* Checkpoint, then merges and seals everything as it would be when old. Blocks. ST_BUSY: broken off
 * by series_store_rest(). */
enum status series_store_compact(struct series_store *s, struct err *e);
/* Weft is about to stop: no merge begins, checkpoints go on. Any thread. */
void series_store_rest(struct series_store *s);
/* Applies what was posted, writes a last checkpoint, ends the thread. */
void series_store_stop(struct series_store *s);
void series_store_close(struct series_store *s);

/* Deletes samples of matching series in [start_ms, end_ms]: durable when it returns, at once gone
 * from new views. */
enum status series_store_delete(struct series_store *s, const struct label_matcher *matchers,
                                uint32_t matcher_count, int64_t start_ms, int64_t end_ms,
                                struct err *e);
/* Hard links of all files of a moment under DIR/snapshots/NAME; the caller frees nothing, name gets
 * at most cap bytes. */
enum status series_store_snapshot(struct series_store *s, char *name, size_t cap, struct err *e);

struct series_stats {
    uint64_t series, active_series, label_pairs, samples_head, samples_parts;
    uint64_t part_files, part_bytes, index_bytes, memory_bytes;
    int64_t min_time_ms, max_time_ms; /* 0 and 0: nothing kept */
    uint64_t merges, checkpoints, lost_blocks, rejected_series;
};
/* Any thread. */
void series_store_stats(struct series_store *s, struct series_stats *out);

/* The `limit` worst of each kind, for /api/v1/status/tsdb: names are copied into the arena. */
struct series_top {
    struct str name;
    uint64_t value;
};
struct series_tops {
    struct series_top *series_by_metric, *values_by_label, *bytes_by_label, *series_by_pair;
    uint32_t series_by_metric_count, values_by_label_count, bytes_by_label_count,
        series_by_pair_count;
};
enum status series_store_tops(struct series_store *s, uint32_t limit, struct arena *arena,
                              struct series_tops *out, struct err *e);

#endif
