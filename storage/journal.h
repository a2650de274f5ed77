/* journal.h - the input journal: every accepted request as it came, in sequence, on disk before
 * anything else sees it. Format: docs/formats/journal.md. design.md section 5 is the contract:
 * group commit, voided groups, pipeline clock, ticks. */
#ifndef WEFT_STORAGE_JOURNAL_H
#define WEFT_STORAGE_JOURNAL_H

#include "base/err.h"
#include "model/batch.h"

enum ack_mode { ACK_DISK, ACK_KERNEL, ACK_MEMORY };

struct journal_config {
    struct str directory; /* DIR/journal, made when missing */
    enum ack_mode ack;
    uint64_t max_bytes;     /* journal.max: over it appends are refused with ST_BUSY */
    uint64_t segment_bytes; /* preallocated; 0 = 64 MiB */
};

/* Where the committed stream goes, in sequence order, on the journal thread (during replay: on the
 * caller's). */
struct journal_sink {
    void (*batch)(struct batch *b, void *user); /* taken over; sequence and clock_ns are set */
    void (*tick)(uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns, void *user);
    void (*flush)(uint64_t sequence, uint64_t clock_ns, void *user); /* POST /-/flush */
    void *user;
};

struct journal;

/* Opens the directory, cuts torn tails (counted). The caller owns *out. ST_IO, ST_CORRUPT,
 * ST_UNSUPPORTED. */
enum status journal_open(const struct journal_config *config, struct journal **out, struct err *e);
/* Feeds every committed record with sequence >= from to sink, decoded only to a batch with body
 * (unpack, decode and prepare are the sink's). Before journal_start(). `last_sequence` gets the
 * newest sequence seen (or from - 1). */
enum status journal_replay(struct journal *j, uint64_t from, const struct journal_sink *sink,
                           uint64_t *last_sequence, struct err *e);
/* Sequence of the first record that a replay can give. Before journal_start(). */
uint64_t journal_first_sequence(const struct journal *j);
/* New records get at least this number and this time, which checkpoints know: a journal that was
 * lost, as that of a restored snapshot is, knows neither. Before journal_start(). */
void journal_go_on_from(struct journal *j, uint64_t sequence, uint64_t clock_ns);
/* Starts the journal thread; new records follow the replayed ones, their clock goes on where it
 * stood. */
enum status journal_start(struct journal *j, const struct journal_sink *sink, struct err *e);

/* Queues one batch. On ST_OK it belongs to the journal; after its group is committed the sink gets
 * it and done(user, ST_OK) is called on the journal thread (sink first). When writing fails done()
 * gets ST_IO, the batch is freed and never replayed. ST_BUSY (journal full or queue full), ST_IO
 * (disk is failing right now): the batch is still the caller's. Any thread. */
enum status journal_append(struct journal *j, struct batch *b,
                           void (*done)(void *user, enum status status, const struct err *e),
                           void *user, struct err *e);
/* Queues a flush record. Any thread. */
enum status journal_append_flush(struct journal *j, struct err *e);
/* While true a tick record is written every second of wall time. Any thread. */
void journal_set_ticking(struct journal *j, bool on);
/* While ticks are on: the next one comes at once. Any thread. */
void journal_tick_soon(struct journal *j);
/* After a committed checkpoint: what lies wholly before `position` may go. Any thread. */
void journal_trim(struct journal *j, uint64_t position);

struct journal_stats {
    uint64_t bytes, oldest_ns; /* on disk; arrival of the oldest record kept, 0 = none */
    uint64_t appended_bytes, groups, syncs, write_errors, torn_bytes, bad_records;
    uint64_t replay_bytes; /* what a replay from the position asked for would read */
    uint64_t clock_ns;     /* pipeline clock */
    uint64_t last_sequence;
};
/* The position is that of a checkpoint, 0 for none. Any thread. */
void journal_stats(struct journal *j, uint64_t replay_from, struct journal_stats *out);

/* Commits what is queued, stops the thread; cut_unused removes preallocated bytes (clean stop). */
void journal_stop(struct journal *j, bool cut_unused);
/* After journal_stop() of a journal that ran: an empty segment, synced, goes behind all others and
 * keeps clock and sequence, so that the trim of a last checkpoint may take every record. When that
 * fails the newest records stay. */
void journal_let_go(struct journal *j);
void journal_close(struct journal *j);

#endif
