/* store_private.h - what the files of the store share. Private to storage/store*.
 *
 *   store             the data directory: lock, opening, the writer thread
 *   store_image       the image of a checkpoint: chunks with checksums
 *   store_checkpoint  part, image and position become one catalogue transaction
 *   store_parts       the list of parts: shown, replaced, dropped when too old or too much */
#ifndef WEFT_STORAGE_STORE_PRIVATE_H
#define WEFT_STORAGE_STORE_PRIVATE_H

#include "base/mailbox.h"
#include "base/vec.h"
#include "storage/age_clock.h"
#include "storage/catalogue_series.h"
#include "storage/store_parts.h"
#include <pthread.h>
#include <stdatomic.h>

enum { STORE_PATH_MAX = 4096, STORE_NAME_MAX = 64 };

struct listed_part {
    struct catalogue_part info;
    struct edge_part *part; /* owned reference */
    bool shows;             /* see store_parts.h */
};

/* What the writer thread is asked to do; all begin with a mail. */
enum store_job { JOB_CHECKPOINT, JOB_MAINTAIN, JOB_COMPACT };

struct compact_job {
    struct mail mail;
    enum status status;
    struct err err;
    bool done; /* guarded by store.lock */
};

struct store {
    char directory[STORE_PATH_MAX - STORE_NAME_MAX]; /* NUL-ended */
    struct retention retention;
    int lock_fd;
    struct edge_store *edges; /* edge_store.c's */
    struct mailbox *inbox;    /* of the writer thread */
    pthread_t thread;
    bool running;
    atomic_bool checkpointing; /* one at a time */
    /* Numbers of images, 0 = none: the one before the last, in case that is damaged, and the one
     * before that, which the next is written over. Whoever has set `checkpointing`. */
    uint64_t older_image, spare_image;
    bool last_is_damaged;
    atomic_bool maintain_queued, resting, closing;
    _Atomic uint64_t series_bytes; /* of series parts: retention.disk is for both kinds */
    struct mail maintain;

    /* The writer thread's, and the opener's before it starts. */
    struct catalogue *catalogue;
    uint64_t next_id; /* of part and image files; the catalogue knows what was committed */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t compacted;
    struct age_clock age;
    VEC(struct listed_part) parts; /* in the order of commits */
    struct store_stats stats;      /* counters only; the rest is summed when asked for */
};

/* "DIR/<folder>/<id as 16 hex digits>.<suffix>" into out (STORE_PATH_MAX bytes). */
void store_path(const struct store *s, const char *folder, uint64_t id, const char *suffix,
                char *out);
/* Gives a damaged file the second name "<id>.<suffix>.damaged", which nobody reads or deletes:
 * whoever can repair it may. Says so in the log. Any thread. */
void store_keep_damaged(const struct store *s, const char *folder, uint64_t id, const char *suffix);
/* The time from which age is counted, ns since 1970: the wall clock's, unless that leapt ahead. Any
 * thread. */
uint64_t store_age_ns(struct store *s);
/* A number for a new file. Collector thread (images) and writer thread (parts). */
uint64_t store_new_id(struct store *s);

/* --- store_image.c --- */

struct image_writer {
    struct mail mail; /* JOB_CHECKPOINT */
    struct store *store;
    uint64_t id, bytes, chunks; /* of the file; bytes includes what is staged */
    int fd;
    struct buf stage;
    struct buf part;
    uint64_t position;
    void (*done)(void *user, enum status status, const struct err *e);
    void *user;
};

/* Makes the file, out of the spare one when there is one, and writes its head. Collector thread. On
 * ST_OK image_free() ends *out. */
enum status image_begin(struct store *s, struct image_writer **out, struct err *e);
/* Writes the end mark and syncs; the file is closed in any case. */
enum status image_finish(struct image_writer *w, struct err *e);
/* Closes; frees. The file stays. */
void image_free(struct image_writer *w);
void image_remove(struct store *s, uint64_t id);
/* A checkpoint was committed: `last`, which was the last image (0: there was none), is the older
 * one now. */
void images_rotate(struct store *s, uint64_t last);

/* --- store_checkpoint.c --- */

/* Does the job and answers it. Writer thread. */
void checkpoint_run(struct store *s, struct image_writer *w);

/* --- store_parts.c --- */

/* Opens every part the catalogue lists; damaged ones are named in the log and counted. Before the
 * thread starts. */
enum status parts_load(struct store *s, struct err *e);
void parts_unload(struct store *s);
/* Writes and syncs a part file, opens it. On ST_OK the caller owns the reference in out->part.
 * Writer thread. */
enum status part_write(struct store *s, struct str bytes, uint64_t position,
                       struct listed_part *out, struct err *e);
void part_remove_file(struct store *s, uint64_t id);
/* Bytes of the edge parts that retention.disk may take. Any thread. */
uint64_t parts_disk_bytes(struct store *s);
/* Room for one more in the list, so that nothing can fail after a commit. */
enum status parts_reserve(struct store *s, struct err *e);
/* Drops what is older than the retention, then the oldest while the parts take more than
 * retention.disk; their sums stay (edge_base.h). Not while a merge is under way. Writer thread. */
enum status parts_expire(struct store *s, uint64_t now_ns, struct err *e);

#endif
