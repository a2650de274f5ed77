/* collector_restore.c - the state at the start: out of the image of the last checkpoint; when that
 * is damaged out of the one before it and the journal; when that cannot be, of what is left. */
#include "base/log.h"
#include "collector/collector_private.h"
#include "collector/image.h"
#include <stdlib.h>

/* As if nothing had been read. */
static enum status begin_anew(struct collector *c, struct err *e)
{
    struct pipeline_config config = c->pipeline.config;
    pipeline_deinit(&c->pipeline);
    c->pipeline = (struct pipeline){0};
    return pipeline_init(&c->pipeline, &config, e);
}

static enum status read_chunk(struct str chunk, void *user, struct err *e)
{
    return image_read_chunk(user, chunk, e);
}

static enum status read_image(struct collector *c, enum store_image which, struct image_reader *r,
                              struct err *e)
{
    *r = (struct image_reader){.pipeline = &c->pipeline};
    enum status status = store_image_read(c->config.store, which, read_chunk, r, e);
    enum status end = image_read_end(r, status == ST_OK ? e : NULL);
    return status == ST_OK ? end : status;
}

static bool is_damage(enum status status)
{
    return status == ST_CORRUPT || status == ST_NOT_FOUND;
}

/* The image before the last holds the state at a position that the journal still reaches: the same
 * records make the same state of it again, and what they close until `last` is in parts already. */
static enum status restore_older(struct collector *c, uint64_t last, struct image_reader *r,
                                 bool *restored, struct err *e)
{
    struct err why = {0};
    *restored = false;
    TRY(begin_anew(c, e));
    if (!store_image_exists(c->config.store, STORE_IMAGE_OLDER))
        return ST_OK;
    enum status status = read_image(c, STORE_IMAGE_OLDER, r, &why);
    uint64_t position = c->pipeline.sequence + 1;
    if (is_damage(status)) {
        log_error("collector: the image before it is damaged too reason=\"%s\"", why.msg);
        store_image_damaged(c->config.store, STORE_IMAGE_OLDER);
        return ST_OK;
    }
    if (status != ST_OK)
        return err_set(e, status, "%s", why.msg);
    if (!r->has_header || position > last || position < c->config.journal_from) {
        log_error("collector: the journal does not reach back to the image before it");
        return ST_OK;
    }
    log_warn("collector: nothing is lost, the image before it and the journal are used from=%llu",
             (unsigned long long)position);
    c->older_position = position;
    c->unsaved_from = last;
    *restored = true;
    return ST_OK;
}

/* Names, caps, registry and account come before the spans: what was read before the damage holds.
 */
static enum status restore_rest(struct collector *c, struct image_reader *r, struct err *e)
{
    struct err why;
    TRY(begin_anew(c, e));
    (void)read_image(c, STORE_IMAGE_LAST, r, &why);
    if (!r->has_account) {
        log_error("collector: open spans, the account of spans and the services seen are lost");
        *r = (struct image_reader){0};
        return begin_anew(c, e);
    }
    struct account_row *row = &r->totals.rows[SIGNAL_SPANS];
    uint64_t left = open_table_spans(&c->pipeline.table),
             lost = row->pending - MIN(row->pending, left);
    row->pending -= lost;
    row->dropped[DROP_CORRUPT_IMAGE] += lost;
    log_error("collector: open spans are lost spans=%llu left=%llu", (unsigned long long)lost,
              (unsigned long long)left);
    return ST_OK;
}

static enum status restore_damaged(struct collector *c, uint64_t last, struct image_reader *r,
                                   struct err *e)
{
    bool restored;
    TRY(restore_older(c, last, r, &restored, e));
    if (!restored)
        TRY(restore_rest(c, r, e));
    store_image_damaged(c->config.store, STORE_IMAGE_LAST);
    return ST_OK;
}

enum status collector_restore(struct collector *c, uint64_t *position, struct err *e)
{
    struct image_reader r;
    struct err why = {0};
    uint64_t last = store_checkpoint_position(c->config.store);
    c->saved_position = c->older_position = last;
    enum status status = read_image(c, STORE_IMAGE_LAST, &r, &why);
    if (is_damage(status)) {
        log_error("collector: the image of the last checkpoint is damaged reason=\"%s\"", why.msg);
        TRY(restore_damaged(c, last, &r, e));
    } else if (status != ST_OK) {
        return err_set(e, status, "%s", why.msg);
    }
    if (r.has_header)
        account_restore(c->config.account, &r.totals);
    *position = c->older_position;
    c->last_save_clock_ns = c->pipeline.clock_ns;
    return ST_OK;
}

void collector_catch_up(struct collector *c, uint64_t sequence)
{
    if (c->unsaved_from == 0 || sequence < c->unsaved_from)
        return;
    c->unsaved_from = 0;
    /* A fresh feed, as the checkpoint made one. */
    struct cell_feed *fresh =
        cell_feed_new(c->pipeline.config.seed, c->pipeline.names, c->pipeline.caps);
    if (!fresh) {
        log_error("collector: no memory to start");
        abort();
    }
    sightings_tell(&c->pipeline.sightings, c->pipeline.names, c->pipeline.registry);
    sightings_clear(&c->pipeline.sightings);
    cell_feed_free(c->pipeline.closed);
    c->pipeline.closed = fresh;
}
