/* collector_save.c - checkpoints: the closed cells as a part, everything else as an image, one
 * position for both. */
#include "base/log.h"
#include "collector/collector_private.h"
#include "collector/image.h"
#include "storage/edge_part.h"

static enum status write_chunk(struct str chunk, void *user, struct err *e)
{
    return image_write(user, chunk, e);
}

/* The account as of the last applied record. */
static void totals_applied(struct collector *c, struct account_totals *out)
{
    pthread_mutex_lock(&c->posted_lock);
    account_read(c->config.account, out);
    struct account_row *row = &out->rows[SIGNAL_SPANS];
    row->received -= c->posted.received;
    row->pending -= c->posted.pending;
    for (size_t i = 0; i < REJECT_REASON_COUNT; i++)
        row->rejected[i] -= c->posted.rejected[i];
    for (size_t i = 0; i < REQUEST_OUTCOME_COUNT; i++)
        out->requests[i] -= c->posted_requests[i];
    pthread_mutex_unlock(&c->posted_lock);
}

/* Writer thread. */
static void on_saved(void *user, enum status status, const struct err *e)
{
    struct collector *c = user;
    c->save_status = status;
    c->save_error = e ? *e : (struct err){.status = status};
    (void)mailbox_post(c->inbox, &c->saved.mail);
}

void collector_wake(struct list *waiting, enum status status, const struct err *e)
{
    for (struct list *node; (node = list_pop(waiting));) {
        struct save_wait *w = CONTAINER_OF(node, struct save_wait, link);
        pthread_mutex_lock(&w->lock);
        w->done = true;
        w->status = status;
        w->err = *e;
        pthread_cond_signal(&w->changed);
        pthread_mutex_unlock(&w->lock);
    }
}

static enum status encode_part(struct collector *c, struct buf *part, struct err *e)
{
    struct cell_set *cells = cell_feed_cells(c->pipeline.closed);
    return cell_set_cell_count(cells) ? edge_part_encode(cells, true, part, e) : ST_OK;
}

/* Hands image and part to the writer. On an error nothing has changed. */
static enum status begin(struct collector *c, struct err *e)
{
    struct pipeline *p = &c->pipeline;
    struct image_writer *w;
    struct buf part = {0};
    struct account_totals totals;
    struct cell_feed *fresh = cell_feed_new(p->config.seed, p->names, p->caps);
    if (!fresh)
        return err_set(e, ST_NO_MEMORY, "no memory for the next checkpoint's cells");
    enum status status = store_checkpoint_begin(c->config.store, &w, e);
    if (status != ST_OK) {
        cell_feed_free(fresh);
        return status;
    }
    sightings_tell(&p->sightings, p->names, p->registry);
    sightings_clear(&p->sightings);
    totals_applied(c, &totals);
    status = encode_part(c, &part, e);
    if (status == ST_OK)
        status = image_encode(p, &totals, write_chunk, w, e);
    if (status != ST_OK) {
        store_checkpoint_abort(w);
        buf_deinit(&part);
        cell_feed_free(fresh);
        return status;
    }
    c->in_flight = p->closed;
    c->in_flight_bytes = cell_set_bytes(cell_feed_cells(p->closed));
    p->closed = fresh;
    c->saving_position = p->sequence + 1;
    store_checkpoint_commit(w, &part, c->saving_position, on_saved, c);
    return ST_OK;
}

void collector_save_begin(struct collector *c)
{
    struct err e = {0};
    c->last_save_clock_ns = c->pipeline.clock_ns;
    c->bytes_since_save = 0;
    while (!list_is_empty(&c->waiting))
        list_add_tail(&c->saving, list_pop(&c->waiting));
    enum status status = begin(c, &e);
    c->save_failed = status != ST_OK;
    if (status == ST_OK)
        return;
    log_limited(LOG_WARN, "collector: checkpoint failed status=%s reason=\"%s\"",
                status_name(status), e.msg);
    collector_wake(&c->saving, status, &e);
}

/* The writer could not: its cells are closed cells again. */
static void take_back(struct collector *c)
{
    struct err e;
    struct cell_set *closed = cell_feed_cells(c->pipeline.closed);
    if (cell_set_merge(closed, cell_feed_cells(c->in_flight), &e) != ST_OK)
        log_error("collector: cells of a failed checkpoint are lost reason=\"%s\"", e.msg);
}

void collector_save_finished(struct collector *c)
{
    uint64_t keep_from = c->older_position;
    c->save_failed = c->save_status != ST_OK;
    if (c->save_status == ST_OK) {
        c->saved_position = c->older_position = c->saving_position;
        live_saved(c->live, cell_feed_cells(c->in_flight));
    } else {
        log_limited(LOG_WARN, "collector: checkpoint failed status=%s reason=\"%s\"",
                    status_name(c->save_status), c->save_error.msg);
        take_back(c);
    }
    cell_feed_free(c->in_flight);
    c->in_flight = NULL;
    c->in_flight_bytes = 0;
    /* The part becomes visible in the same step in which its cells leave the head. */
    collector_publish(c);
    if (c->save_status == ST_OK && c->config.checkpointed)
        c->config.checkpointed(c->saved_position, keep_from, c->config.user);
    collector_wake(&c->saving, c->save_status, &c->save_error);
    if (!list_is_empty(&c->waiting))
        collector_save_begin(c);
    else if (!c->stopping)
        collector_save_if_due(c);
}

/* To measure them visits each: again when they are a quarter more. */
uint64_t collector_closed_bytes(struct collector *c)
{
    const struct cell_set *cells = cell_feed_cells(c->pipeline.closed);
    size_t count = cell_set_cell_count(cells), known = c->closed_count;
    if (count < known || count > known + known / 4) {
        c->closed_bytes = cell_set_bytes(cells);
        c->closed_count = count;
    }
    return c->closed_bytes;
}

bool collector_has_too_many_cells(struct collector *c)
{
    return c->config.closed_bytes_max && collector_closed_bytes(c) > c->config.closed_bytes_max;
}

void collector_save_if_due(struct collector *c)
{
    if (c->in_flight)
        return;
    if (c->last_save_clock_ns == 0)
        c->last_save_clock_ns = c->pipeline.clock_ns;
    bool time = c->config.checkpoint_ns &&
                c->pipeline.clock_ns - c->last_save_clock_ns >= c->config.checkpoint_ns;
    bool cells = !c->save_failed && collector_has_too_many_cells(c);
    bool bytes = c->config.checkpoint_bytes && c->bytes_since_save >= c->config.checkpoint_bytes;
    if (time || bytes || cells)
        collector_save_begin(c);
}
