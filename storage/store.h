/* store.h - owns the data directory: its lock, its seed, the catalogue, and the storage writer
 * thread.
 *
 *   DIR/lock            flock'ed by the running weft
 *   DIR/catalogue.db    SQLite: schema version, seed, checkpoint, parts
 *   DIR/journal/        segments, see journal.h
 *   DIR/edges/          immutable parts, see edge_part.h
 *   DIR/image/          the open state of the last checkpoint, and of the one before
 *   DIR/series/         parts, index and state of the time series, see series_store.h
 * Files that do not count are deleted at open. */
#ifndef WEFT_STORAGE_STORE_H
#define WEFT_STORAGE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "model/limits.h"

struct store;

struct store_config {
    struct str directory; /* made when missing */
    struct retention retention;
};

/* Opens or creates. Errors: ST_BUSY another weft holds the directory (the sentence names its pid),
 * ST_IO, ST_CORRUPT, ST_UNSUPPORTED written by a newer weft. The caller owns *out. */
enum status store_open(const struct store_config *config, struct store **out, struct err *e);
/* Stops the writer thread after what it was given; frees. */
void store_close(struct store *s);
/* Random once per data directory: seeds every hash of network keys. */
uint64_t store_seed(const struct store *s);
const char *store_directory(const struct store *s);

/* --- checkpoint (design.md section 5): new parts, an image of all open state and the journal
 * position, in one transaction --- */

struct image_writer; /* streams the image into DIR/image/N.image, which counts once the catalogue
                        says so */

/* Collector thread. One at a time: ST_BUSY while the last one is not done. */
enum status store_checkpoint_begin(struct store *s, struct image_writer **out, struct err *e);
/* One checksummed chunk: store_image_read() gives it back as one call. Longer than 1 MiB: as
 * several. After an error only store_checkpoint_abort() may follow. Collector thread. ST_IO,
 * ST_NO_MEMORY. */
enum status image_write(struct image_writer *w, struct str bytes, struct err *e);
/* Gives the checkpoint up. */
void store_checkpoint_abort(struct image_writer *w);
/* Hands it to the writer thread, which writes and syncs part and image, syncs the directories and
 * commits the catalogue. `part` (taken over; may be empty) is an edge_part of what was closed since
 * the last checkpoint; it becomes visible with the first edge_store_publish() whose
 * edge_head.checkpointed >= position: set that once done(ST_OK) was handled and the part's cells
 * have left the head. `position` is the journal sequence from which a replay goes on. done() is
 * called on the writer thread; with an error nothing has changed and the caller keeps its cells. */
void store_checkpoint_commit(struct image_writer *w, struct buf *part, uint64_t position,
                             void (*done)(void *user, enum status status, const struct err *e),
                             void *user);

/* The image of the last checkpoint, and the one of the checkpoint before it. */
enum store_image { STORE_IMAGE_LAST, STORE_IMAGE_OLDER };

/* Of the last checkpoint; 0 = there was none. Any thread after which no checkpoint is under way. */
uint64_t store_checkpoint_position(const struct store *s);
bool store_image_exists(const struct store *s, enum store_image which);
/* Reads an image in its chunks' order; no call when there is none. ST_CORRUPT and ST_NOT_FOUND: it
 * is damaged or missing, and what was read before the damage holds. ST_UNSUPPORTED, ST_IO,
 * ST_NO_MEMORY, and what `chunk` returns. Before threads start. */
enum status store_image_read(struct store *s, enum store_image which,
                             enum status (*chunk)(struct str bytes, void *user, struct err *e),
                             void *user, struct err *e);
/* That image cannot be used: its file is kept for whoever can repair it, it is counted, and no
 * later checkpoint leaves it as the older one. Before threads start. */
void store_image_damaged(struct store *s, enum store_image which);

/* --- maintenance --- */

/* Asks the writer thread to merge and drop what is old; it also does so after each checkpoint and
 * once a minute. Any thread. */
void store_maintain(struct store *s);
/* Merges everything as it would be when old; blocks until done. Query pool thread. ST_BUSY: broken
 * off by store_rest(). */
enum status store_compact(struct store *s, struct err *e);
/* Weft is about to stop: no merge begins or goes on, checkpoints do. Any thread. */
void store_rest(struct store *s);

struct store_stats {
    uint64_t edge_files, edge_bytes;
    uint64_t edge_oldest_ns, edge_newest_ns;   /* event time; 0 = nothing kept */
    uint64_t merges, checkpoints, lost_blocks; /* lost: damaged, named in the log */
};
/* Any thread. */
void store_stats(struct store *s, struct store_stats *out);

#endif
