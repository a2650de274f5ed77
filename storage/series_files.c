/* series_files.c - what lies under DIR/series, and the store that is made of it at the start. */
#include "base/fileio.h"
#include "base/log.h"
#include "storage/series_delete.h"
#include "storage/series_index_file.h"
#include "storage/series_state_file.h"
#include "storage/series_store_private.h"

void series_path(const struct series_store *s, uint64_t id, const char *suffix, char *out)
{
    store_path(s->config.store, "series", id, suffix, out);
}

void series_remove_file(const struct series_store *s, uint64_t id, const char *suffix)
{
    char path[STORE_PATH_MAX];
    struct err e;
    series_path(s, id, suffix, path);
    if (file_remove(path, &e) != ST_OK)
        log_warn("series: file could not be removed error=\"%s\"", e.msg);
}

struct catalogue_series_part series_part_row(const struct set_part *p, uint64_t rank)
{
    return (struct catalogue_series_part){
        .id = p->id,
        .rank = rank,
        .bytes = p->info.bytes,
        .samples = p->info.samples,
        .series = p->info.series,
        .min_time_ms = p->info.min_time_ms,
        .max_time_ms = p->info.max_time_ms,
        .step_s = p->step_s,
        .is_sealed = p->is_sealed,
    };
}

/* --- restoring --- */

static enum status restore_index(struct series_store *s, const struct catalogue_series_state *state,
                                 struct err *e)
{
    char path[STORE_PATH_MAX];
    s->next_id = (uint32_t)MAX(state->next_id, (uint64_t)1);
    s->saved_id = s->next_id;
    if (state->index_log == 0)
        return ST_OK;
    series_path(s, state->index_log, "index", path);
    struct series_index_loaded loaded;
    enum status status =
        series_index_load(s->index, path, state->index_log, state->index_bytes, &loaded, e);
    if (status == ST_NOT_FOUND) {
        log_error("series: the index is lost, stored series have no names any more error=\"%s\"",
                  e->msg);
        loaded = (struct series_index_loaded){.lost_blocks = 1, .is_old = true};
        status = ST_OK;
    }
    s->counters.lost_blocks += loaded.lost_blocks;
    if (loaded.is_damaged)
        store_keep_damaged(s->config.store, "series", state->index_log, "index");
    s->renew_log = loaded.is_damaged || loaded.is_old;
    return status;
}

static bool is_known(uint32_t id, void *user)
{
    return series_index_has(user, id);
}

static enum status decode_state(struct series_store *s, struct str bytes,
                                struct account_totals *totals, struct err *e)
{
    struct cursor in = cursor_of(bytes);
    TRY(account_decode(&in, totals, e));
    TRY(series_states_decode(&s->states, &in, is_known, s->index, e));
    TRY(exemplars_decode(&s->exemplars, &in, e));
    TRY(metadata_decode(&s->metadata, &in, e));
    return in.at == in.end ? ST_OK : err_set(e, ST_CORRUPT, "the state of series is damaged");
}

/* The last sample of a run tells what its series' state would. */
static enum status note_run(const struct series_run *run, void *user, struct err *e)
{
    struct series_store *s = user;
    uint32_t last = run->sample_count - 1;
    if (!series_index_has(s->index, run->key.id))
        return ST_OK;
    struct series_state *state = series_state_put(&s->states, run->key.id);
    if (!state)
        return err_set(e, ST_NO_MEMORY, "no memory for the state of series");
    state->first_ms = MIN(state->first_ms, run->times_ms[0]);
    if (run->times_ms[last] < state->last_ms)
        return ST_OK;
    state->last_ms = run->times_ms[last];
    state->last_value = run->values[last];
    state->last_is_histogram = run->histograms && run->histograms[last];
    return ST_OK;
}

/* Without the state file: parts know what the last samples were; accounts, exemplars and metadata
 * begin anew. */
static enum status rebuild_state(struct series_store *s, struct err *e)
{
    exemplars_deinit(&s->exemplars);
    metadata_deinit(&s->metadata);
    series_states_deinit(&s->states);
    series_states_init(&s->states, store_seed(s->config.store));
    for (uint32_t i = 0; i < s->set->part_count; i++) {
        struct series_part_read read = {
            .start_ms = INT64_MIN, .end_ms = INT64_MAX, .each = note_run, .user = s};
        TRY(series_part_read(s->set->parts[i].part, &read, &s->counters.lost_blocks, e));
    }
    return ST_OK;
}

static enum status restore_state(struct series_store *s, const struct catalogue_series_state *state,
                                 struct err *e)
{
    struct account_totals totals = {0};
    struct buf bytes = {0};
    char path[STORE_PATH_MAX];
    if (state->state == 0) {
        account_restore_metrics(s->config.account, &totals);
        return ST_OK;
    }
    series_path(s, state->state, "state", path);
    enum status status = series_state_read(path, state->state, &bytes, e);
    if (status == ST_OK)
        status = decode_state(s, buf_str(&bytes), &totals, e);
    buf_deinit(&bytes);
    if (status == ST_CORRUPT || status == ST_NOT_FOUND) {
        log_error("series: state is lost and made anew out of parts path=%s error=\"%s\"", path,
                  e->msg);
        s->counters.lost_blocks++;
        totals = (struct account_totals){0};
        status = rebuild_state(s, e);
    }
    account_restore_metrics(s->config.account, &totals);
    return status;
}

/* A damaged part costs itself: it stays on disk, for whoever can repair it. */
static enum status restore_part(struct series_store *s, const struct catalogue_series_part *row,
                                struct err *e)
{
    char path[STORE_PATH_MAX];
    struct set_part part = {
        .id = row->id, .step_s = (uint32_t)row->step_s, .is_sealed = row->is_sealed};
    series_path(s, row->id, "part", path);
    enum status status = series_part_open(path, &part.part, e);
    if (status == ST_CORRUPT || status == ST_NOT_FOUND) {
        log_error("series: damaged part is left out path=%s error=\"%s\"", path, e->msg);
        s->counters.lost_blocks++;
        return ST_OK;
    }
    TRY(status);
    part.info = series_part_info(part.part);
    series_set_add_part(s->set, &part);
    return ST_OK;
}

static enum status restore_parts(struct series_store *s, struct err *e)
{
    size_t parts, tombstones;
    struct catalogue *c = s->config.store->catalogue;
    const struct catalogue_series_part *rows = catalogue_series_parts(c, &parts);
    const struct catalogue_tombstone *dead = catalogue_tombstones(c, &tombstones);
    s->set = series_set_new((uint32_t)parts, (uint32_t)tombstones);
    if (!s->set)
        return err_set(e, ST_NO_MEMORY, "no memory for the series store");
    for (size_t i = 0; i < parts; i++)
        TRY(restore_part(s, &rows[i], e));
    for (size_t i = 0; i < tombstones; i++) {
        struct tombstone *t;
        TRY(series_tombstone_decode(&dead[i], &t, e));
        s->set->tombstones[s->set->tombstone_count++] = t;
    }
    return ST_OK;
}

enum status series_restore(struct series_store *s, uint64_t *position, struct err *e)
{
    struct catalogue_series_state state = catalogue_series_state(s->config.store->catalogue);
    TRY(restore_parts(s, e));
    TRY(restore_index(s, &state, e));
    TRY(restore_state(s, &state, e));
    s->set->index = series_index_ref(s->index);
    s->set->head = series_head_ref(s->head);
    s->saved_position = *position = state.position;
    return ST_OK;
}
