/* series_checkpoint.c - the series thread's side of a checkpoint: freezes head and state, hands
 * them to the worker, lets go of them when they are on disk. */
#include "base/ascending.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/series_hash.h"
#include "storage/series_store_private.h"
#include <stdlib.h>

enum { TIDY_LEAST = 1000 }; /* dead series for which a new index is worth it */

static const uint64_t tidy_every_ns = 600 * NS_PER_S;

void series_wake(struct list *waiting, const struct err *e)
{
    for (struct list *node; (node = list_pop(waiting));) {
        struct series_wait *w = CONTAINER_OF(node, struct series_wait, link);
        pthread_mutex_lock(&w->lock);
        w->done = true;
        w->err = *e;
        pthread_cond_signal(&w->changed);
        pthread_mutex_unlock(&w->lock);
    }
}

void series_save_free(struct series_save *save)
{
    if (!save)
        return;
    series_head_unref(save->frozen);
    series_index_unref(save->index);
    buf_deinit(&save->state);
    mem_free(save);
}

/* From where a replay must go on, were everything applied so far on disk. */
static uint64_t position_now(struct series_store *s)
{
    pthread_mutex_lock(&s->posted_lock);
    uint64_t position = (s->outstanding ? s->applied : MAX(s->applied, s->told)) + 1;
    pthread_mutex_unlock(&s->posted_lock);
    return MAX(position, s->saved_position);
}

bool series_save_is_due(const struct series_store *s, uint64_t mono_ns)
{
    if (s->save_in_flight)
        return false;
    bool time =
        s->config.checkpoint_ns && mono_ns - s->last_save_mono_ns >= s->config.checkpoint_ns;
    return time || (s->config.checkpoint_bytes && !s->save &&
                    s->bytes_since_save >= s->config.checkpoint_bytes);
}

/* --- an index without dead series --- */

static bool is_dead(const struct series_store *s, uint32_t id, int64_t oldest_ms)
{
    const struct series_state *state = series_state_find(&s->states, id);
    return !state || state->first_ms > state->last_ms || state->last_ms < oldest_ms;
}

/* Dead series under whose numbers parts hold the buckets of living ones: were their family another
 * one in the new index, none of their samples in parts would be found. */
struct family_heads {
    VEC(uint32_t) ids; /* ascending; some repeat */
};

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool find_heads(const struct series_store *s, int64_t oldest_ms, struct family_heads *out)
{
    uint32_t count, last = 0;
    const uint32_t *ids = series_index_all(s->index, &count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t head = series_index_family(s->index, ids[i]);
        if (head == ids[i] || head == last || is_dead(s, ids[i], oldest_ms) ||
            !is_dead(s, head, oldest_ms))
            continue;
        if (!vec_push(&out->ids, head))
            return false;
        last = head;
    }
    if (out->ids.len)
        qsort(out->ids.items, out->ids.len, sizeof(*out->ids.items), by_number);
    return true;
}

static bool is_head(const struct family_heads *heads, uint32_t id)
{
    uint32_t count = (uint32_t)heads->ids.len;
    uint32_t at = count ? not_below_u32(heads->ids.items, 0, count, id) : 0;
    return at < count && heads->ids.items[at] == id;
}

static bool copy_series(struct series_store *s, uint32_t id, struct arena *arena,
                        struct series_index *to)
{
    struct label_set labels;
    arena_reset(arena);
    return series_index_labels(s->index, id, arena, &labels, NULL) == ST_OK &&
           series_index_add(to, id, labels, series_hash(labels, store_seed(s->config.store)),
                            NULL) == ST_OK;
}

static bool copy_living(struct series_store *s, int64_t oldest_ms, struct series_index *to)
{
    uint32_t count;
    const uint32_t *ids = series_index_all(s->index, &count);
    struct family_heads heads = {0};
    struct arena arena = {0};
    bool copied = find_heads(s, oldest_ms, &heads);
    for (uint32_t i = 0; copied && i < count; i++)
        if (!is_dead(s, ids[i], oldest_ms) || is_head(&heads, ids[i]))
            copied = copy_series(s, ids[i], &arena, to);
    vec_deinit(&heads.ids);
    arena_deinit(&arena);
    return copied;
}

/* When most series have no sample left that anybody may ask for. NULL: not now. */
static struct series_index *living_index(struct series_store *s)
{
    uint64_t mono_ns = clock_mono_ns();
    uint32_t count, dead = 0;
    const uint32_t *ids = series_index_all(s->index, &count);
    if (mono_ns - s->last_tidy_mono_ns < tidy_every_ns && s->last_tidy_mono_ns)
        return NULL;
    s->last_tidy_mono_ns = mono_ns;
    int64_t keep_ms = (int64_t)(s->config.retention_ns / NS_PER_MS);
    int64_t oldest_ms =
        keep_ms ? (int64_t)(store_age_ns(s->config.store) / NS_PER_MS) - keep_ms : INT64_MIN;
    for (uint32_t i = 0; i < count; i++)
        dead += is_dead(s, ids[i], oldest_ms);
    if (dead < TIDY_LEAST || dead < count - dead)
        return NULL;
    struct series_index *living = series_index_new(store_seed(s->config.store));
    if (living && copy_living(s, oldest_ms, living))
        return living;
    series_index_unref(living);
    return NULL;
}

static void forget_dead(struct series_store *s, const struct series_index *living)
{
    uint32_t count;
    const uint32_t *ids = series_index_all(s->index, &count);
    pthread_mutex_lock(&s->head_lock);
    for (uint32_t i = 0; i < count; i++)
        if (!series_index_has(living, ids[i]))
            series_state_forget(&s->states, ids[i]);
    ids = series_index_all(living, &count);
    series_states_tidy(&s->states, ids, count, s->next_id);
    pthread_mutex_unlock(&s->head_lock);
}

/* --- freezing --- */

static bool encode_state(struct series_store *s, const struct series_index *index, struct buf *out)
{
    struct account_totals totals;
    uint32_t count;
    const uint32_t *ids = series_index_all(index, &count);
    series_account_applied(s, &totals);
    account_encode(&totals, out);
    series_states_encode(&s->states, ids, count, out);
    exemplars_encode(&s->exemplars, out);
    metadata_encode(&s->metadata, out);
    return !out->failed;
}

struct freeze {
    struct series_head *head;
    struct series_index *index; /* NULL: stays */
};

static void freeze(struct series_set *fresh, void *user)
{
    struct freeze *f = user;
    fresh->frozen = fresh->head;
    fresh->head = series_head_ref(f->head);
    if (!f->index)
        return;
    series_index_unref(fresh->index);
    fresh->index = series_index_ref(f->index);
}

static bool show_frozen(struct series_store *s, struct freeze *f)
{
    for (;;) {
        struct series_set *fresh = series_set_room(s, 1, 0);
        if (!fresh)
            return false;
        if (series_set_show(s, fresh, freeze, f))
            return true;
    }
}

/* The set has changed; so does what the series thread works on. */
static void take_over(struct series_store *s, struct series_save *save, struct freeze *f)
{
    save->frozen = s->head;
    s->frozen = s->head;
    s->head = f->head;
    save->rewrite = f->index || s->renew_log;
    save->first_id = save->rewrite ? 1 : s->saved_id;
    save->end_id = s->next_id;
    if (f->index) {
        forget_dead(s, f->index);
        series_index_unref(s->index);
        s->index = f->index;
    }
    save->index = series_index_ref(s->index);
    s->dirty = false;
    s->freezes++;
}

static enum status save_new(struct series_store *s, struct err *e)
{
    struct series_save *save = mem_calloc(1, sizeof(*save));
    if (!save)
        return err_set(e, ST_NO_MEMORY, "no memory for a checkpoint of series");
    save->position = position_now(s);
    save->position_only = !s->dirty;
    if (!save->position_only) {
        struct freeze f = {series_head_new(), living_index(s)};
        bool ready = f.head && encode_state(s, f.index ? f.index : s->index, &save->state) &&
                     show_frozen(s, &f);
        if (!ready) {
            series_head_unref(f.head);
            series_index_unref(f.index);
            series_save_free(save);
            return err_set(e, ST_NO_MEMORY, "no memory for a checkpoint of series");
        }
        take_over(s, save, &f);
    }
    s->save = save;
    return ST_OK;
}

void series_save_begin(struct series_store *s)
{
    struct err e = {0};
    s->last_save_mono_ns = clock_mono_ns();
    s->bytes_since_save = 0;
    while (!list_is_empty(&s->waiting))
        list_add_tail(&s->saving, list_pop(&s->waiting));
    if (!s->save && !s->dirty && position_now(s) == s->saved_position) {
        series_wake(&s->saving, &e);
        return;
    }
    if (!s->save && save_new(s, &e) != ST_OK) {
        log_limited(LOG_WARN, "series: checkpoint failed error=\"%s\"", e.msg);
        series_wake(&s->saving, &e);
        return;
    }
    s->save_in_flight = true;
    s->save->mail.kind = SERIES_SAVE;
    if (!mailbox_post(s->jobs, &s->save->mail)) {
        s->save_in_flight = false;
        (void)err_set(&e, ST_BUSY, "weft is stopping");
        series_wake(&s->saving, &e);
    }
}

/* Who asked while an older one was tried again waits for one that has everything. */
static void wait_for_next(struct series_store *s)
{
    while (!list_is_empty(&s->saving))
        list_add_tail(&s->waiting, list_pop(&s->saving));
}

static void save_succeeded(struct series_store *s, struct series_save *save)
{
    if (!save->position_only) {
        s->frozen = NULL;
        s->saved_id = save->end_id;
        s->renew_log &= !save->rewrite;
    }
    s->saved_position = save->position;
    if (save->is_retry && s->dirty)
        wait_for_next(s);
    series_save_free(save);
    s->save = NULL;
    if (s->config.checkpointed)
        s->config.checkpointed(s->saved_position, s->config.user);
}

void series_save_finished(struct series_store *s)
{
    struct err e = s->save->err;
    s->save_in_flight = false;
    if (e.status == ST_OK) {
        save_succeeded(s, s->save);
    } else {
        /* It is tried again as it is: its samples stay in memory, the journal is kept. */
        s->save->is_retry = true;
        log_limited(LOG_ERROR, "series: checkpoint failed, the journal is kept error=\"%s\"",
                    e.msg);
    }
    series_wake(&s->saving, &e);
    if (!list_is_empty(&s->waiting))
        series_save_begin(s);
}
