/* collector.h - what the spans mean: identities, hops, cells. A pure function of journal records in
 * their sequence: no clock reads, no randomness but the seed. One thread owns all of it
 * (docs/decisions/0001-one-collector-thread.md). */
#ifndef WEFT_COLLECTOR_COLLECTOR_H
#define WEFT_COLLECTOR_COLLECTOR_H

#include "base/budget.h"
#include "model/account.h"
#include "model/batch.h"
#include "model/limits.h"
#include "storage/store.h"

struct collector;

struct collector_config {
    struct graph_settings graph;
    struct retention retention;
    uint64_t checkpoint_ns, checkpoint_bytes; /* journal.checkpoint and 256 MiB */
    uint64_t open_bytes_max;   /* of open state; over it the oldest open requests close early */
    uint64_t closed_bytes_max; /* of closed cells: a checkpoint then comes early; 0 = no limit */
    uint64_t
        view_bytes_max;  /* of cells in the view; over it only closed requests show; 0 = no limit */
    struct store *store; /* borrowed */
    uint64_t journal_from;   /* sequence of the oldest record that a replay can give */
    struct account *account; /* borrowed */
    struct budget *budget; /* borrowed: gives back batch->charged_bytes, charges open state, closed
                              cells and the view */
    /* After a checkpoint at `position`: the journal may be trimmed. From `older` on the image
     * before it needs the journal, in case the last one is damaged. Collector thread. */
    void (*checkpointed)(uint64_t position, uint64_t older, void *user);
    /* Something is open (true) or nothing is: the journal's ticks. Collector thread. */
    void (*ticking)(bool on, void *user);
    /* More is due than one record may close: a tick may come at once. Collector thread. */
    void (*tick_soon)(void *user);
    void *user;
};

/* Takes what matters of the decoded spans out of them, while they are warm: batch->observations, in
 * the batch's arena. Pure: any thread. ST_NO_MEMORY. */
enum status collector_prepare(struct batch *b, struct err *e);

/* Restores the last checkpoint's image from the store; when it is damaged the one before it, or
 * what is left: said in the log, counted by the store, spans that are lost are dropped in the
 * account. *position: from where the journal must be replayed. */
enum status collector_new(const struct collector_config *config, struct collector **out,
                          uint64_t *position, struct err *e);
/* The journal's stream. Before collector_start() they work at once on the caller's thread (replay);
 * afterwards they post. */
void collector_batch(struct collector *c, struct batch *b); /* prepared; taken over */
void collector_tick(struct collector *c, uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns);
void collector_flush(struct collector *c, uint64_t sequence, uint64_t clock_ns);
/* The pipeline clock as restored and replayed. Before collector_start(). */
uint64_t collector_clock_ns(const struct collector *c);
/* Starts the thread and publishes the first view. */
enum status collector_start(struct collector *c, struct err *e);
/* Asks for a checkpoint and does not wait: the journal grows behind the collector's position. Any
 * thread. */
void collector_checkpoint_soon(struct collector *c);
/* Checkpoint now; blocks until it is committed. Query pool or app thread. */
enum status collector_checkpoint(struct collector *c, struct err *e);
/* Ends the thread after what was posted; writes a last checkpoint. */
void collector_stop(struct collector *c);
void collector_free(struct collector *c);

/* Worst offenders of cardinality, for status: written as a JSON array of {kind, name, distinct,
 * limit}. Any thread. */
void collector_offenders_json(struct collector *c, struct buf *out);

struct collector_stats {
    uint64_t open_hops, open_traces, open_spans, open_bytes, closed_requests;
    uint64_t overflow_edges, overflow_operations, overflow_versions, end_before_start, closed_early;
};
void collector_stats(struct collector *c, struct collector_stats *out); /* any thread */

#endif
