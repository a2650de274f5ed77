/* series_delete.c - deletes samples: a tombstone hides them at once, merges take them away. */
#include "storage/series_delete.h"
#include "base/cursor.h"
#include "storage/series_postings.h"
#include "storage/series_store_private.h"

void series_tombstone_encode(struct id_list series, struct buf *out)
{
    uint32_t last = 0;
    buf_append_varint(out, series.count);
    for (uint32_t i = 0; i < series.count; i++) {
        buf_append_varint(out, series.ids[i] - last);
        last = series.ids[i];
    }
}

static enum status corrupt(struct err *e)
{
    return err_set(e, ST_CORRUPT, "catalogue: a tombstone of series is damaged");
}

static enum status decode_ids(struct cursor *in, uint32_t *ids, uint64_t count, struct err *e)
{
    uint64_t id = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t gap = cursor_varint(in);
        id += gap;
        if (gap == 0 || gap > UINT32_MAX || id > UINT32_MAX)
            return corrupt(e);
        ids[i] = (uint32_t)id;
    }
    return in->failed || in->at != in->end ? corrupt(e) : ST_OK;
}

enum status series_tombstone_decode(const struct catalogue_tombstone *row, struct tombstone **out,
                                    struct err *e)
{
    struct cursor in = cursor_of(row->series);
    uint64_t count = cursor_varint(&in);
    if (in.failed || count > (uint64_t)(in.end - in.at))
        return corrupt(e);
    uint32_t *ids = mem_realloc_array(NULL, count + 1, sizeof(*ids));
    if (!ids)
        return err_set(e, ST_NO_MEMORY, "no memory for a tombstone");
    enum status status = decode_ids(&in, ids, count, e);
    if (status != ST_OK) {
        mem_free(ids);
        return status;
    }
    struct tombstone *t = tombstone_new(ids, (uint32_t)count);
    if (!t)
        return err_set(e, ST_NO_MEMORY, "no memory for a tombstone");
    t->id = row->id;
    t->part_limit = row->part_limit;
    t->start_ms = row->start_ms;
    t->end_ms = row->end_ms;
    *out = t;
    return ST_OK;
}

/* --- deleting --- */

struct deletion {
    const struct label_matcher *matchers;
    uint32_t matcher_count;
    int64_t start_ms, end_ms;
    struct tombstone *tombstone;
};

/* The matching series that may have such samples, as numbers of the caller's (mem_free). */
static enum status find_series(struct series_store *s, const struct deletion *d, uint32_t **out,
                               uint32_t *count, struct err *e)
{
    struct arena arena = {0};
    struct series_set *set = series_store_set(s);
    struct id_list ids;
    *count = 0;
    series_index_lock(set->index);
    enum status status =
        series_postings_match(set->index, d->matchers, d->matcher_count, &arena, &ids, e);
    *out = status == ST_OK ? mem_realloc_array(NULL, (size_t)ids.count + 1, sizeof(**out)) : NULL;
    if (status == ST_OK && !*out)
        status = err_set(e, ST_NO_MEMORY, "no memory to delete series");
    pthread_mutex_lock(&s->head_lock);
    for (uint32_t i = 0; status == ST_OK && i < ids.count; i++)
        if (series_state_overlaps(series_state_find(&s->states, ids.ids[i]), d->start_ms,
                                  d->end_ms))
            (*out)[(*count)++] = ids.ids[i];
    pthread_mutex_unlock(&s->head_lock);
    series_index_unlock(set->index);
    series_set_unref(set);
    arena_deinit(&arena);
    return status;
}

static void show_tombstone(struct series_set *fresh, void *user)
{
    struct tombstone *t = user;
    atomic_fetch_add(&t->refs, 1);
    fresh->tombstones[fresh->tombstone_count++] = t;
}

static bool head_has(const struct series_head *head, uint32_t id, int64_t time_ms)
{
    const struct head_slot *slot = head ? series_head_find(head, id) : NULL;
    struct sample x = {.time_ms = time_ms};
    return slot && series_head_compare(slot, &x) != HEAD_STORED;
}

/* The last sample may be gone while older ones stay: what it was must not be compared with any
 * more, or the same one sent again would be taken for known. `is_alone`: no part was made since the
 * tombstone that could hold newer samples. Head is locked. */
static void forget_last(struct series_state *state, const struct series_set *set, uint32_t id,
                        const struct tombstone *t, bool is_alone)
{
    bool in_head = !is_alone || series_head_find(set->head, id) ||
                   (set->frozen && series_head_find(set->frozen, id));
    if (state->last_ms < t->start_ms || state->last_ms > t->end_ms)
        return;
    if (!in_head && state->first_ms >= t->start_ms) {
        state->first_ms = INT64_MAX;
        state->last_ms = INT64_MIN;
    } else if (!head_has(set->head, id, state->last_ms) &&
               !head_has(set->frozen, id, state->last_ms)) {
        state->last_is_histogram = true;
    }
}

/* They are no answer any more, though parts may still hold them. */
void series_forget_samples(struct series_store *s, const struct tombstone *t)
{
    struct series_set *set = series_store_set(s);
    pthread_mutex_lock(&s->head_lock);
    for (uint32_t i = 0; i < t->series.count; i++) {
        struct series_state *state = pages_find(&s->states.states, t->series.ids[i]);
        if (state)
            forget_last(state, set, t->series.ids[i], t, s->freezes == t->freezes);
    }
    pthread_mutex_unlock(&s->head_lock);
    series_set_unref(set);
}

/* Worker: every part that there is now is below the limit, every later one is not. */
static enum status commit(struct series_store *s, void *user, struct err *e)
{
    struct tombstone *t = user;
    struct buf ids = {0};
    bool unknown;
    t->id = t->part_limit = store_new_id(s->config.store);
    series_tombstone_encode(t->series, &ids);
    struct catalogue_tombstone row = {t->id, t->part_limit, t->start_ms, t->end_ms, buf_str(&ids)};
    struct catalogue_series_change change = {.tombstone = &row};
    struct series_set *fresh = series_set_room(s, 0, 1);
    enum status status =
        ids.failed || !fresh
            ? err_set(e, ST_NO_MEMORY, "no memory to delete series")
            : catalogue_series_commit(s->config.store->catalogue, &change, &unknown, e);
    buf_deinit(&ids);
    if (status != ST_OK) {
        series_set_unref(fresh);
        return status;
    }
    (void)series_set_show(s, fresh, show_tombstone, t);
    return ST_OK;
}

enum status series_store_delete(struct series_store *s, const struct label_matcher *matchers,
                                uint32_t matcher_count, int64_t start_ms, int64_t end_ms,
                                struct err *e)
{
    struct deletion d = {matchers, matcher_count, start_ms, end_ms, NULL};
    uint32_t *ids, count;
    /* What the head holds goes into a part first: a tombstone speaks of parts. */
    TRY(series_store_checkpoint(s, e));
    uint64_t freezes = s->freezes;
    enum status status = find_series(s, &d, &ids, &count, e);
    if (status != ST_OK || count == 0) {
        mem_free(ids);
        return status;
    }
    struct tombstone *t = tombstone_new(ids, count);
    if (!t)
        return err_set(e, ST_NO_MEMORY, "no memory to delete series");
    t->start_ms = start_ms;
    t->end_ms = end_ms;
    t->freezes = freezes;
    status = series_store_call(s, commit, t, e);
    if (status == ST_OK)
        status = series_store_forget(s, t, e);
    tombstone_unref(t);
    return status;
}
