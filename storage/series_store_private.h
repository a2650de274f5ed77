/* series_store_private.h - what the files of the series store share. Private to storage/series_*.
 *
 *   series_store       opening, the two threads, account, calls
 *   series_apply       a batch becomes series and samples
 *   series_checkpoint  freezes the head, hands it over; the worker's side of it
 *   series_files       files under DIR/series: parts, index logs, states
 *   series_maintain    merging, retention, downsampling
 *   series_delete      tombstones
 *   series_select      a view's answer: index, heads, parts put together
 *   series_view        views; names, values, exemplars, metadata
 *
 * Threads: the store's own ("series") applies batches and owns index and active head. The worker
 * writes, merges and commits. Locks, none held while another is taken but index before head:
 * posted_lock, index, head_lock, set_lock. */
#ifndef WEFT_STORAGE_SERIES_STORE_PRIVATE_H
#define WEFT_STORAGE_SERIES_STORE_PRIVATE_H

#include "base/budget.h"
#include "base/mailbox.h"
#include "storage/catalogue_series.h"
#include "storage/series_exemplars.h"
#include "storage/series_metadata.h"
#include "storage/series_set.h"
#include "storage/series_states.h"
#include "storage/series_store.h"
#include "storage/set_aside.h"
#include "storage/store_private.h"
#include <pthread.h>

/* To the series thread, and to the worker. */
enum series_mail { MAIL_BATCH, MAIL_SAVE, MAIL_SAVE_SOON, MAIL_SAVED, MAIL_STOP };
enum series_job { SERIES_SAVE, SERIES_CALL };

/* Somebody who waits until a thread has done something. */
struct series_wait {
    struct mail mail;
    struct list link; /* in series_store.waiting or .saving */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    const struct tombstone *forget; /* MAIL_SAVE: see series_store_forget() */
    struct err err;                 /* err.status tells how it went */
    /* SERIES_CALL: what the worker is to do. */
    enum status (*call)(struct series_store *s, void *user, struct err *e);
    void *user;
};

/* One checkpoint on its way: to the worker, and back. */
struct series_save {
    struct mail mail;
    uint64_t position;
    struct series_head *frozen; /* a reference */
    struct series_index *index; /* a reference */
    uint32_t first_id, end_id;  /* new series: [first_id, end_id) */
    struct buf state;           /* the state file's content */
    bool rewrite;               /* the log of the index begins anew */
    bool position_only;         /* nothing was applied: all but the position stays */
    bool is_retry;              /* it failed before: what was applied since is not in it */
    struct err err;             /* err.status tells how it went */
};

struct series_store {
    struct series_store_config config;
    bool started; /* set before the threads, read by callers */
    pthread_t thread, worker_thread;
    bool worker_running;
    struct mailbox *inbox, *jobs;
    atomic_bool resting;    /* the worker merges no more */
    struct set_aside aside; /* the worker's */
    atomic_bool closing;
    struct mail soon; /* MAIL_SAVE_SOON, posted at most once at a time */
    atomic_bool soon_posted;

    /* --- series thread (before start: the caller's) --- */
    struct series_index *index; /* a reference; the set's too */
    struct series_head *head;   /* a reference; the set's too */
    struct series_head *frozen; /* borrowed from save; the set's too until the worker is done */
    uint32_t next_id, saved_id; /* of series; saved_id: below it the log on disk has them */
    uint64_t applied;           /* sequence of the last batch applied */
    uint64_t saved_position;    /* records before it are in the last checkpoint */
    bool renew_log;             /* of the index: the next checkpoint begins a new one */
    bool dirty;                 /* something was applied since the last freeze */
    _Atomic uint64_t freezes;   /* of the head; others read it */
    uint64_t last_tidy_mono_ns; /* when dead series were counted last */
    struct series_save *save;   /* in flight, or waiting to be tried again */
    bool save_in_flight, stopping;
    struct list waiting, saving; /* struct series_wait: for the next checkpoint, for this one */
    uint64_t last_save_mono_ns, bytes_since_save;
    uint64_t charged_bytes;
    struct arena scratch; /* of one batch */

    pthread_mutex_t head_lock; /* the active head's samples and: */
    struct series_states states;
    struct exemplar_ring exemplars;
    struct metadata_table metadata;

    pthread_mutex_t posted_lock; /* account as of the last applied record = account - posted */
    struct account_row posted[SIGNAL_COUNT];
    uint64_t told;        /* newest sequence told of */
    uint64_t outstanding; /* batches posted, not applied */

    pthread_mutex_t set_lock; /* guards the pointer and what follows */
    struct series_set *set;
    struct series_stats counters; /* counters only; the rest is summed when asked for */
};

/* --- series_store.c --- */

/* The current set, with a reference. Any thread. */
struct series_set *series_store_set(struct series_store *s);
/* An empty set with room for what there is now and so many more. NULL: no memory. */
struct series_set *series_set_room(struct series_store *s, uint32_t parts, uint32_t tombstones);
/* Fills it from the current set, lets change() alter it and shows it: taken over. False when parts
 * came in the meantime and the room is too small (only the worker adds any): it is freed. */
bool series_set_show(struct series_store *s, struct series_set *fresh,
                     void (*change)(struct series_set *fresh, void *user), void *user);
/* Has the series thread forget the samples of series of which the tombstone leaves none, and writes
 * a checkpoint: that they have none is part of their state. */
enum status series_store_forget(struct series_store *s, const struct tombstone *t, struct err *e);
/* Has the worker call it and waits. ST_BUSY: weft is stopping. */
enum status series_store_call(struct series_store *s,
                              enum status (*call)(struct series_store *s, void *user,
                                                  struct err *e),
                              void *user, struct err *e);

/* --- series_apply.c --- */

/* Takes in what the batch says. *outcome and *delta (of the batch's account row) get what became of
 * it. Series thread. */
void series_apply(struct series_store *s, const struct batch *b, struct metric_outcome *outcome,
                  struct account_row *delta);

/* --- series_account.c --- */

/* From now on the batch is in the account, as pending. Journal thread. */
void series_account_posted(struct series_store *s, const struct batch *b);
/* What became of it is in the account; it is no longer only posted. Series thread. */
void series_account_settle(struct series_store *s, const struct batch *b,
                           const struct account_row *delta, bool has_faults);
/* The account's rows as of the last applied record. */
void series_account_applied(struct series_store *s, struct account_totals *out);

/* --- series_checkpoint.c --- */

/* Freezes the head and hands it over; or the last one again when it failed. Series thread. */
void series_save_begin(struct series_store *s);
/* The worker's answer. Series thread. */
void series_save_finished(struct series_store *s);
bool series_save_is_due(const struct series_store *s, uint64_t mono_ns);
/* Wakes everybody in the list. */
void series_wake(struct list *waiting, const struct err *e);
/* Writes and commits. Worker. */
void series_save_run(struct series_store *s, struct series_save *save);
/* Ends a save with what it holds. NULL is allowed. */
void series_save_free(struct series_save *save);

/* --- series_files.c --- */

/* What a part file is called; STORE_PATH_MAX bytes. */
void series_path(const struct series_store *s, uint64_t id, const char *suffix, char *out);
void series_remove_file(const struct series_store *s, uint64_t id, const char *suffix);
/* What the catalogue says of an opened part. */
struct catalogue_series_part series_part_row(const struct set_part *p, uint64_t rank);
/* Opens everything that the catalogue lists. Before threads start. */
enum status series_restore(struct series_store *s, uint64_t *position, struct err *e);

/* --- series_delete.c --- */

/* What series_store_forget() asks for. Series thread. */
void series_forget_samples(struct series_store *s, const struct tombstone *t);

/* --- series_snapshot.c --- */

/* Removes what an end amid a snapshot left of it. Before threads start. */
void series_snapshots_tidy(const struct store *store);

/* --- series_maintain.c --- */

/* One merge or one drop; *did is false when nothing is left to do. ST_BUSY: broken off by
 * series_store_rest(). Worker. */
enum status series_maintain_step(struct series_store *s, uint64_t now_ns, bool compact, bool *did,
                                 struct err *e);

#endif
