/* journal_private.h - what the files of the journal share. Private to storage/journal*.
 *
 *   journal_format   the bytes of heads
 *   journal_segment  the list of segment files: found at open, begun, cut, trimmed
 *   journal_read     walks a segment: which groups are whole, which records hold; replay
 *   journal_write    one group: encoded, written, synced, or voided
 *   journal          the thread: queue, clock, ticks, acknowledgement, failing disk */
#ifndef WEFT_STORAGE_JOURNAL_PRIVATE_H
#define WEFT_STORAGE_JOURNAL_PRIVATE_H

#include "base/buf.h"
#include "base/vec.h"
#include "storage/journal.h"
#include "storage/journal_format.h"
#include <pthread.h>
#include <stdatomic.h>

enum { JOURNAL_PATH_MAX = 4096 };

/* One segment file. */
struct segment {
    struct segment_head head;
    uint64_t end;        /* of its committed groups */
    uint64_t disk_bytes; /* size of the file, preallocated space included */
    uint64_t oldest_ns;  /* arrival of its first record, 0 = it has none */
    bool end_known;      /* while opening: a later segment says where it ends */
    bool head_damaged;   /* while opening */
    bool left_whole;     /* full and not cut: what it did not use counts as used */
    bool recycled; /* the file was another segment before: what lies behind `end` means nothing */
};

/* Trimmed segments that wait to be written again: their blocks are allocated and their pages are in
 * the page cache, which makes a group's write and sync half as dear as into fresh space. */
enum { SPARES_MAX = 6 };

/* One record on its way through the queue. A batch's entry lives in the batch's arena, a flush's on
 * the heap. */
struct entry {
    struct mail mail;
    struct record_head head; /* sequence and clock_ns come at commit */
    struct str text;         /* sender and user agent, owned like the entry */
    struct batch *batch;     /* NULL: tick or flush */
    void (*done)(void *user, enum status status, const struct err *e);
    void *user;
};

struct group {
    struct list entries; /* of struct entry, by mail.link */
    uint64_t bytes;      /* as written, group head included */
    uint32_t count;
};

struct journal {
    char directory[JOURNAL_PATH_MAX - 64]; /* NUL-ended */
    enum ack_mode ack;
    uint64_t max_bytes, segment_bytes;
    struct journal_sink sink;

    pthread_mutex_t lock;         /* guards segments, spares and stats */
    VEC(struct segment) segments; /* ascending by number */
    uint64_t spares[SPARES_MAX];  /* numbers they had; NUMBER.spare */
    unsigned spare_count;
    bool keep_spares; /* while the thread runs; afterwards trimming deletes */
    struct journal_stats stats;

    /* Shared without the lock. */
    struct mailbox *inbox;
    _Atomic uint64_t reserved_bytes; /* committed and queued: what max_bytes bounds */
    atomic_bool refusing, ticking, tick_soon, nudged, stopping;
    struct mail nudge; /* wakes the thread for a tick, or when ticks begin */

    /* The journal thread's, and the opener's before it starts. */
    pthread_t thread;
    bool running;
    int fd;                           /* of the last segment while it is being written, else -1 */
    uint64_t next_number;             /* of segments, never used twice */
    uint64_t next_sequence;           /* of records */
    uint64_t clock_ns, clock_mono_ns; /* the pipeline clock stood at clock_ns when the monotonic one
                                         showed the other */
    uint64_t next_tick_mono_ns;       /* 0 = ticks are off */
    uint64_t probe_mono_ns, backoff_ns; /* while the disk fails: when to try again */
    uint64_t last_commit_mono_ns;
    struct entry tick; /* reused: at most one tick is under way */
    bool tick_queued;
    struct buf stage; /* heads and small bodies of the group being written */
};

/* --- journal_segment.c --- */

/* Finds the segments, settles where each ends, removes what was never committed. Before the thread
 * starts. */
enum status segments_open(struct journal *j, struct err *e);
/* Whether all records of segment `at` come before the position; never true of the newest, which
 * knows the clock and the sequence. Under the lock, or before the thread starts. */
bool segment_lies_before(const struct journal *j, size_t at, uint64_t position);
void segment_path(const struct journal *j, uint64_t number, char *out);
/* Begins a segment with room for a group of group_bytes: preallocated, named on disk, its head
 * written but not synced: the sync of the first group is the head's too. Journal thread. */
enum status segment_begin(struct journal *j, uint64_t group_bytes, struct err *e);
/* Deletes the spare files and keeps no more. After the thread has ended. */
void spares_remove(struct journal *j);
/* Closes the full segment `s` that is being written. Journal thread. */
void segment_leave(struct journal *j, const struct segment *s);
/* Closes the segment being written and cuts it behind its committed groups. Journal thread. */
void segment_finish(struct journal *j);

/* --- journal_read.c --- */

struct segment_scan {
    uint64_t end;           /* behind the last whole group */
    uint64_t last_sequence; /* 0 = no record */
    uint64_t clock_ns;
    uint64_t torn_bytes; /* written behind `end` */
};
/* Reads the whole segment and says where its last whole group ends. Before the thread starts. */
enum status segment_scan(struct journal *j, const struct segment *s, struct segment_scan *out,
                         struct err *e);
/* The head of the first record; *found is false when its bytes are none. ST_IO, ST_NO_MEMORY. */
enum status segment_first_record(struct journal *j, const struct segment *s,
                                 struct record_head *out, bool *found, struct err *e);

/* --- journal_write.c --- */

/* Writes the group behind the last one, into a new segment when it does not fit, and syncs as `ack`
 * asks. On error nothing of it counts, and the segment it was meant for is abandoned. Journal
 * thread. */
enum status group_write(struct journal *j, const struct group *g, struct err *e);

#endif
