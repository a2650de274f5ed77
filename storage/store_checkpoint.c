/* store_checkpoint.c - new part, image and journal position become true together, or not at all. */
#include "base/fileio.h"
#include "base/log.h"
#include "storage/store_private.h"
#include <stdio.h>

enum status store_checkpoint_begin(struct store *s, struct image_writer **out, struct err *e)
{
    if (atomic_exchange(&s->checkpointing, true))
        return err_set(e, ST_BUSY, "the last checkpoint is still being written");
    enum status st = image_begin(s, out, e);
    if (st != ST_OK)
        atomic_store(&s->checkpointing, false);
    return st;
}

void store_checkpoint_abort(struct image_writer *w)
{
    struct store *s = w->store;
    image_remove(s, w->id);
    image_free(w);
    atomic_store(&s->checkpointing, false);
}

void store_checkpoint_commit(struct image_writer *w, struct buf *part, uint64_t position,
                             void (*done)(void *user, enum status status, const struct err *e),
                             void *user)
{
    w->part = *part;
    *part = (struct buf){0};
    w->position = position;
    w->done = done;
    w->user = user;
    w->mail.kind = JOB_CHECKPOINT;
    if (mailbox_post(w->store->inbox, &w->mail))
        return;
    /* Only after store_close() has begun; the collector is stopped before. */
    struct err e;
    err_set(&e, ST_BUSY, "the store is closing");
    store_checkpoint_abort(w);
    done(user, e.status, &e);
}

/* --- writer thread --- */

static enum status directories_sync(struct store *s, struct err *e)
{
    char path[STORE_PATH_MAX];
    static const char *const folders[] = {"edges", "image"};
    for (size_t i = 0; i < LEN(folders); i++) {
        snprintf(path, sizeof(path), "%s/%s", s->directory, folders[i]);
        TRY(dir_sync(path, e));
    }
    return ST_OK;
}

/* Files first, names next, then the one transaction that makes them count. */
static enum status checkpoint_write(struct store *s, struct image_writer *w,
                                    struct listed_part *part, bool *unknown, struct err *e)
{
    file_point("checkpoint_begin");
    TRY(parts_reserve(s, e));
    TRY(image_finish(w, e));
    file_point("checkpoint_image");
    if (w->part.len > 0)
        TRY(part_write(s, buf_str(&w->part), w->position, part, e));
    file_point("checkpoint_part");
    TRY(directories_sync(s, e));
    file_point("checkpoint_synced");
    struct catalogue_checkpoint checkpoint = {w->position, w->id, w->bytes};
    struct catalogue_change change = {.added = part->part ? &part->info : NULL,
                                      .checkpoint = &checkpoint};
    TRY(catalogue_commit(s->catalogue, &change, unknown, e));
    file_point("checkpoint_committed");
    return ST_OK;
}

/* When it is unknown whether the catalogue lists the files now, they stay until the next start. */
static void checkpoint_undo(struct store *s, struct image_writer *w, struct listed_part *part,
                            bool unknown)
{
    edge_part_unref(part->part);
    if (unknown)
        return;
    image_remove(s, w->id);
    if (part->part)
        part_remove_file(s, part->info.id);
}

void checkpoint_run(struct store *s, struct image_writer *w)
{
    struct err e = {0};
    struct listed_part part = {0};
    uint64_t old_image = catalogue_checkpoint(s->catalogue).image;
    bool unknown = false;
    enum status st = checkpoint_write(s, w, &part, &unknown, &e);
    if (st == ST_OK) {
        pthread_mutex_lock(&s->lock);
        if (part.part)
            s->parts.items[s->parts.len++] = part; /* parts_reserve() made the room */
        s->stats.checkpoints++;
        pthread_mutex_unlock(&s->lock);
        images_rotate(s, old_image);
        file_point("checkpoint_cleaned");
    } else {
        checkpoint_undo(s, w, &part, unknown);
        log_limited(LOG_ERROR, "store: checkpoint failed, the journal is kept error=\"%s\"", e.msg);
    }
    void (*done)(void *, enum status, const struct err *) = w->done;
    void *user = w->user;
    image_free(w);
    atomic_store(&s->checkpointing, false);
    if (done)
        done(user, st, st == ST_OK ? NULL : &e);
}
