/* collector_private.h - the collector's own state, shared by collector*.c. */
#ifndef WEFT_COLLECTOR_COLLECTOR_PRIVATE_H
#define WEFT_COLLECTOR_COLLECTOR_PRIVATE_H

#include "base/mailbox.h"
#include "collector/collector.h"
#include "collector/live.h"
#include <pthread.h>

enum mail_kind {
    MAIL_BATCH,
    MAIL_TICK,
    MAIL_FLUSH,
    MAIL_REFRESH,
    MAIL_SAVE,
    MAIL_SAVE_SOON,
    MAIL_SAVED,
    MAIL_STOP
};

/* A record without spans, or a word to the thread. */
struct note {
    struct mail mail;
    uint64_t sequence, wall_ns, clock_ns;
};

/* Somebody who waits for a checkpoint, on his own stack. */
struct save_wait {
    struct mail mail;
    struct list link; /* of collector.waiting */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    enum status status;
    struct err err;
};

struct collector {
    struct collector_config config;
    struct pipeline pipeline; /* the thread's; before collector_start() the caller's */
    struct live *live;
    struct mailbox *inbox;
    struct list held; /* mails that wait for a checkpoint, in their order; the thread's */
    pthread_t thread;
    bool started;
    uint64_t taken_mono_ns; /* what was posted before it has been applied when a view is made */

    /* What is acknowledged but not applied yet: it is in the account, and must not be in an image
     * of it. */
    pthread_mutex_t posted_lock; /* also around each change of the account by the collector */
    struct account_row posted;
    uint64_t posted_requests[REQUEST_OUTCOME_COUNT];

    /* Thread only. */
    uint64_t charged_bytes; /* of the budget */
    bool ticking, tick_asked, stopping;
    bool view_wanted, was_fresh;
    uint64_t next_view_mono_ns, next_fresh_mono_ns;
    uint64_t asked_mono_ns;      /* when a reader last wanted a view; 0 = none did */
    struct cell_feed *in_flight; /* closed cells that a checkpoint is writing; NULL = none */
    uint64_t in_flight_bytes;    /* of their heap */
    uint64_t closed_bytes;       /* of the heap of closed cells, when they were so many: */
    size_t closed_count;
    bool save_failed; /* the last one: the next comes when it is time */
    uint64_t saving_position, saved_position;
    uint64_t older_position; /* of the image before the last: the journal is kept from there */
    uint64_t unsaved_from; /* replaying what closed cells of older records are in parts; 0 = not */
    uint64_t last_save_clock_ns, bytes_since_save;
    struct list waiting; /* save_wait: of the next checkpoint */
    struct list saving;  /* save_wait: of the one being written */

    struct note refresh, saved, soon; /* posted by other threads, at most once at a time */
    _Atomic bool refresh_posted, soon_posted;
    struct err
        save_error; /* of the one being written; the writer thread's until `saved` is posted */
    enum status save_status;

    pthread_mutex_t stats_lock;
    struct collector_stats stats; /* as of the last record or view */
    struct cap_offender offenders[10];
    char offender_names[10][160];
    size_t offender_count;
};

/* Takes from the budget what the collector holds now. Thread only. */
void collector_charge(struct collector *c);

/* collector_restore.c: the state of the last checkpoint, into a pipeline just made. *position: from
 * where the journal must be replayed. */
enum status collector_restore(struct collector *c, uint64_t *position, struct err *e);
/* Before each record of a replay: what records before the last checkpoint closed is dropped, parts
 * have it. */
void collector_catch_up(struct collector *c, uint64_t sequence);

/* collector_save.c: a checkpoint. Thread only. */
void collector_save_if_due(struct collector *c);
void collector_save_finished(struct collector *c);
void collector_save_begin(struct collector *c);
/* Heap of closed cells that are in no part yet, nearly; and whether it is too much. */
uint64_t collector_closed_bytes(struct collector *c);
bool collector_has_too_many_cells(struct collector *c);
/* Ends the waiting of all in the list. */
void collector_wake(struct list *waiting, enum status status, const struct err *e);

/* collector_view.c: publishing. Thread only. */
void collector_publish(struct collector *c);
/* Stops keeping the view up when nobody looks. */
void collector_rest(struct collector *c);
void collector_note_stats(struct collector *c);

#endif
