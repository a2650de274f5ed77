/* series_save.c - the worker's side of a checkpoint: part, index and state become files, then true
 * in one transaction. */
#include "base/fileio.h"
#include "base/log.h"
#include "storage/series_index_file.h"
#include "storage/series_state_file.h"
#include "storage/series_store_private.h"
#include <stdio.h>
#include <stdlib.h>

enum { MOVES_A_KEY = 8 }; /* on average, before a sort of all is cheaper */

struct slot_key {
    struct series_key key;
    const struct head_slot *slot;
};

static int slot_cmp(const void *a, const void *b)
{
    return series_key_cmp(((const struct slot_key *)a)->key, ((const struct slot_key *)b)->key);
}

/* Numbers ascend, so only families are out of order: each key moves a little, or all are sorted. */
static void sort_keys(struct slot_key *keys, uint32_t count)
{
    uint64_t moves = 0;
    for (uint32_t i = 1; i < count; i++) {
        struct slot_key key = keys[i];
        uint32_t at = i;
        for (; at > 0 && series_key_cmp(keys[at - 1].key, key.key) > 0; at--, moves++)
            keys[at] = keys[at - 1];
        keys[at] = key;
        if (moves > MOVES_A_KEY * (uint64_t)count) {
            qsort(keys, count, sizeof(*keys), slot_cmp);
            return;
        }
    }
}

/* Appends the slots with numbers [id, end), all of one page. */
static void collect_slots(const struct series_save *save, uint64_t id, uint64_t end,
                          struct slot_key *keys, uint32_t *count)
{
    series_index_lock(save->index);
    for (; id < end; id++) {
        const struct head_slot *slot = series_head_find(save->frozen, (uint32_t)id);
        if (slot && slot->count && series_index_has(save->index, slot->id))
            keys[(*count)++] = (struct slot_key){series_index_key(save->index, slot->id), slot};
    }
    series_index_unlock(save->index);
}

/* Slots that hold samples, in the order of parts. */
static struct slot_key *sort_slots(const struct series_save *save, uint32_t *count)
{
    const struct series_head *head = save->frozen;
    struct slot_key *keys = mem_realloc_array(NULL, (size_t)head->count + 1, sizeof(*keys));
    *count = 0;
    for (uint64_t id = 1, end; keys && id < save->end_id; id = end) {
        end = MIN((id | (PAGE_ITEMS - 1)) + 1, (uint64_t)save->end_id);
        if (pages_find(&head->slot_of, (uint32_t)id))
            collect_slots(save, id, end, keys, count);
    }
    if (keys)
        sort_keys(keys, *count);
    return keys;
}

/* Series that arrived together have equal times: the part stores them once when it is told. */
static enum status write_runs(struct series_part_writer *w, const struct slot_key *keys,
                              uint32_t count, struct err *e)
{
    struct series_run before = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct head_slot *slot = keys[i].slot;
        struct series_run run = {.key = keys[i].key,
                                 .sample_count = slot->count,
                                 .times_ms = slot->times_ms,
                                 .values = head_values(slot)};
        if (slot->extra) {
            run.histograms = (const struct native_histogram *const *)slot->extra->histograms;
            run.starts_ms = slot->extra->starts_ms;
        }
        if (run.sample_count == before.sample_count &&
            memcmp(run.times_ms, before.times_ms, run.sample_count * sizeof(*run.times_ms)) == 0)
            run.times_ms = before.times_ms;
        TRY(series_part_writer_add(w, &run, e));
        before = run;
    }
    return series_part_writer_finish(w, e);
}

static enum status write_part(const struct series_save *save, const char *path, struct err *e)
{
    struct series_part_writer *w;
    uint32_t count;
    struct slot_key *keys = sort_slots(save, &count);
    if (!keys)
        return err_set(e, ST_NO_MEMORY, "no memory to write a part of series");
    enum status status = series_part_writer_new(path, EFFORT_FAST, &w, e);
    if (status == ST_OK) {
        status = write_runs(w, keys, count, e);
        series_part_writer_free(w);
    }
    mem_free(keys);
    return status;
}

static enum status save_part(struct series_store *s, const struct series_save *save,
                             struct set_part *out, struct err *e)
{
    char path[STORE_PATH_MAX];
    if (save->frozen->samples == 0)
        return ST_OK;
    out->id = store_new_id(s->config.store);
    series_path(s, out->id, "part", path);
    TRY(write_part(save, path, e));
    TRY(series_part_open(path, &out->part, e));
    out->info = series_part_info(out->part);
    return ST_OK;
}

static enum status save_index(struct series_store *s, const struct series_save *save,
                              struct catalogue_series_state *state, struct err *e)
{
    char path[STORE_PATH_MAX];
    if (save->rewrite || state->index_log == 0) {
        state->index_log = store_new_id(s->config.store);
        state->index_bytes = 0;
    }
    uint32_t first = state->index_bytes ? save->first_id : 1;
    state->next_id = save->end_id;
    series_path(s, state->index_log, "index", path);
    return series_index_append(save->index, path, state->index_log, first, save->end_id,
                               &state->index_bytes, e);
}

static enum status save_state(struct series_store *s, const struct series_save *save,
                              struct catalogue_series_state *state, struct err *e)
{
    char path[STORE_PATH_MAX];
    state->state = store_new_id(s->config.store);
    series_path(s, state->state, "state", path);
    return series_state_write(path, state->state, buf_str(&save->state), &state->state_bytes, e);
}

struct saved {
    struct set_part part;
    struct catalogue_series_state state;
    struct series_set *fresh; /* room for the part: nothing can fail after the commit */
};

static enum status save_files(struct series_store *s, const struct series_save *save,
                              struct saved *x, struct err *e)
{
    char path[STORE_PATH_MAX];
    file_point("series_begin");
    TRY(save_part(s, save, &x->part, e));
    file_point("series_part");
    TRY(save_index(s, save, &x->state, e));
    file_point("series_index");
    TRY(save_state(s, save, &x->state, e));
    file_point("series_state");
    snprintf(path, sizeof(path), "%s/series", store_directory(s->config.store));
    return dir_sync(path, e);
}

static uint64_t next_rank(const struct series_store *s)
{
    size_t count;
    const struct catalogue_series_part *parts =
        catalogue_series_parts(s->config.store->catalogue, &count);
    return count ? parts[count - 1].rank + 1 : 1;
}

static enum status commit(struct series_store *s, const struct series_save *save, struct saved *x,
                          bool *unknown, struct err *e)
{
    struct catalogue_series_part row;
    struct catalogue_series_change change = {.state = &x->state};
    x->state.position = save->position;
    if (x->part.part) {
        row = series_part_row(&x->part, next_rank(s));
        change.added = &row;
    }
    TRY(catalogue_series_commit(s->config.store->catalogue, &change, unknown, e));
    file_point("series_committed");
    return ST_OK;
}

static void show_saved(struct series_set *fresh, void *user)
{
    struct saved *x = user;
    if (x->part.part)
        series_set_add_part(fresh, &x->part);
    series_head_unref(fresh->frozen);
    fresh->frozen = NULL;
}

static void remove_old(struct series_store *s, const struct catalogue_series_state *old,
                       const struct catalogue_series_state *now)
{
    if (old->state && old->state != now->state)
        series_remove_file(s, old->state, "state");
    if (old->index_log && old->index_log != now->index_log)
        series_remove_file(s, old->index_log, "index");
}

static enum status save_all(struct series_store *s, const struct series_save *save, struct err *e)
{
    struct catalogue_series_state old = catalogue_series_state(s->config.store->catalogue);
    struct saved x = {.state = old, .fresh = series_set_room(s, 1, 0)};
    bool unknown = false;
    if (!x.fresh)
        return err_set(e, ST_NO_MEMORY, "no memory for a checkpoint of series");
    enum status status = save->position_only ? ST_OK : save_files(s, save, &x, e);
    if (status == ST_OK)
        status = commit(s, save, &x, &unknown, e);
    if (status == ST_OK) {
        if (save->position_only)
            series_set_unref(x.fresh);
        else
            (void)series_set_show(s, x.fresh, show_saved, &x);
        remove_old(s, &old, &x.state);
        return ST_OK;
    }
    series_set_unref(x.fresh);
    series_part_unref(x.part.part);
    /* When it is unknown whether the catalogue lists the files now, they stay until the next start.
     */
    if (!unknown) {
        if (x.part.id)
            series_remove_file(s, x.part.id, "part");
        remove_old(s, &x.state, &old);
    }
    return status;
}

void series_save_run(struct series_store *s, struct series_save *save)
{
    save->err = (struct err){0};
    save->err.status = save_all(s, save, &save->err);
    if (save->err.status == ST_OK) {
        pthread_mutex_lock(&s->set_lock);
        s->counters.checkpoints++;
        pthread_mutex_unlock(&s->set_lock);
    }
}
