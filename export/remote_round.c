/* remote_round.c - which time is due, what is new in it, and the cursor behind it. */
#include "export/remote_round.h"
#include "base/ascending.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

/* A cursor further ahead than this is of a clock that was wrong. */
enum { AHEAD_MS = 10 * 60 * 1000, CALM_ROUNDS = 20, MEMORY_WAIT_MS = 100 };
/* A series of many samples a second must not make a request and a sync of each for all others. */
enum { CUT_MIN_MS = 1000 };

struct entry {
    uint64_t hash;
    const struct series_data *data;
};

/* One round under way. */
struct reach {
    int64_t from_ms, to_ms; /* selected: from_ms < time <= to_ms */
    bool is_short;
};

static int64_t whole_steps(const struct remote_source *source, int64_t ms)
{
    return ms - ms % source->step_ms;
}

static int64_t horizon_of(const struct remote_source *source, int64_t now_ms)
{
    return whole_steps(source, MAX(now_ms - source->lag_ms, 0));
}

int64_t remote_round_lag_ms(const struct remote_source *source, int64_t until_ms, int64_t now_ms)
{
    return MAX(horizon_of(source, now_ms) - until_ms, 0);
}

/* --- the cursor --- */

static enum status save(struct remote_round *r, struct err *e)
{
    TRY(remote_cursor_write(r->path, &r->cursor, e));
    r->saved_mono_ns = clock_mono_ns();
    return ST_OK;
}

/* In the middle of a round: often enough that a crash repeats little, seldom enough that syncs do
 * not set the pace. An error waits for the end of the round. */
static void save_sometimes(struct remote_round *r)
{
    struct err ignored;
    if (clock_mono_ns() - r->saved_mono_ns >= REMOTE_SAVE_MS * NS_PER_MS)
        (void)save(r, &ignored);
}

static bool is_ahead(const struct remote_round *r, int64_t now_ms)
{
    return r->cursor.until_ms > now_ms + AHEAD_MS;
}

static enum status begin_anew(struct remote_round *r, int64_t now_ms, struct err *e)
{
    int64_t now = whole_steps(r->source, now_ms);
    remote_seen_deinit(&r->seen); /* what was sent ahead of now does not hold back what comes */
    r->cursor = r->resumed = (struct remote_cursor){.until_ms = now, .to_ms = now};
    return save(r, e);
}

/* Also while weft runs: a clock that was ahead took the cursor with it. */
static enum status turn_back(struct remote_round *r, int64_t now_ms, struct err *e)
{
    if (!is_ahead(r, now_ms))
        return ST_OK;
    log_warn("remote_write: %s is ahead of the clock: sending begins anew", r->path);
    return begin_anew(r, now_ms, e);
}

enum status remote_round_begin(struct remote_round *r, const char *directory, int64_t now_ms,
                               struct err *e)
{
    struct err why = {0};
    const char *name = r->target->name && *r->target->name ? r->target->name : r->target->url;
    r->window_ms = whole_steps(r->source, REMOTE_WINDOW_MS);
    r->arena.limit_bytes = REMOTE_ROUND_BYTES;
    remote_cursor_path(directory, name, r->source->name, r->path);
    enum status status = remote_cursor_read(r->path, &r->cursor, &why);
    if (status == ST_OK) {
        r->resumed = r->cursor;
        return turn_back(r, now_ms, e);
    }
    if (status != ST_NOT_FOUND)
        log_error("remote_write: sending begins anew reason=\"%s\"", why.msg);
    return begin_anew(r, now_ms, e);
}

/* What retention took is told once and passed over. */
static void pass_over_expired(struct remote_round *r, int64_t now_ms)
{
    int64_t edge = whole_steps(r->source, now_ms - r->source->retention_ms);
    if (r->source->retention_ms == 0 || r->cursor.until_ms >= edge)
        return;
    log_warn("remote_write: retention took what was not sent url=%s source=%s seconds=%lld",
             r->state->stats.url, r->source->name, (long long)(edge - r->cursor.until_ms) / 1000);
    remote_state_lock(r->state)->expired_ms += (uint64_t)(edge - r->cursor.until_ms);
    remote_state_unlock(r->state);
    r->cursor = (struct remote_cursor){.until_ms = edge, .to_ms = edge};
}

/* --- what is in a round --- */

static struct reach reach_of(const struct remote_round *r, int64_t horizon_ms)
{
    const struct remote_cursor *c = &r->cursor;
    int64_t to = MIN(horizon_ms, c->until_ms + r->window_ms);
    int64_t back = r->no_look_back ? 0 : r->source->late_ms;
    return (struct reach){c->until_ms - back, to, r->no_look_back};
}

/* True: there is another, tighter way to try. */
static bool tighten(struct remote_round *r)
{
    r->went_well = 0;
    if (r->window_ms > r->source->step_ms)
        r->window_ms = MAX(whole_steps(r->source, r->window_ms / 2), r->source->step_ms);
    else if (!r->no_look_back)
        r->no_look_back = true;
    else if (!r->unbounded)
        r->unbounded = true;
    else
        return false;
    r->arena.limit_bytes = r->unbounded ? 0 : REMOTE_ROUND_BYTES;
    return true;
}

static void relax(struct remote_round *r)
{
    if (++r->went_well < CALM_ROUNDS)
        return;
    r->went_well = 0;
    r->unbounded = r->no_look_back = false;
    r->arena.limit_bytes = REMOTE_ROUND_BYTES;
    r->window_ms = MIN(r->window_ms * 2, whole_steps(r->source, REMOTE_WINDOW_MS));
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct entry *)a)->hash, y = ((const struct entry *)b)->hash;
    return x < y ? -1 : x > y;
}

/* In an order that the next process finds again. */
static enum status sort(struct remote_round *r, const struct series_list *list, struct entry **out,
                        struct err *e)
{
    struct entry *entries = *out = arena_calloc(&r->arena, MAX(list->count, 1), sizeof(*entries));
    if (!entries)
        return err_set(e, ST_NO_MEMORY, "no memory for a round of remote write");
    for (uint32_t i = 0; i < list->count; i++)
        entries[i] = (struct entry){label_set_hash(list->items[i].labels, 0), &list->items[i]};
    qsort(entries, list->count, sizeof(*entries), by_hash);
    return ST_OK;
}

/* --- sending --- */

/* Memory is short: what is under way is tried again, because it counts as sent already. */
static enum status wait_for_memory(struct remote_round *r, struct err *e)
{
    if (remote_state_wait(r->state, MEMORY_WAIT_MS))
        return ST_OK;
    return err_set(e, ST_BUSY, "remote write is stopping");
}

/* ST_OK or ST_BUSY. */
static enum status flush(struct remote_round *r, struct err *e)
{
    enum status status;
    while ((status = remote_post_batch(r->post, r->batch, e)) == ST_NO_MEMORY)
        TRY(wait_for_memory(r, e));
    TRY(status);
    remote_batch_clear(r->batch);
    save_sometimes(r);
    return ST_OK;
}

static enum status out_labels(struct remote_round *r, struct label_set in, struct label_set *out,
                              bool *kept, struct err *e)
{
    struct label_set extra = r->target->external_labels;
    struct label *items = NULL;
    if (extra.count > 0) {
        items = arena_calloc(&r->batch->arena, in.count + extra.count, sizeof(*items));
        if (!items)
            return err_set(e, ST_NO_MEMORY, "no memory for labels of a series");
        uint32_t count = in.count;
        memcpy(items, in.items, in.count * sizeof(*items));
        for (uint32_t i = 0; i < extra.count; i++)
            if (label_set_get(in, extra.items[i].name).len == 0)
                items[count++] = extra.items[i];
        TRY(label_set_sort(items, count, &in, e));
    }
    return relabel_apply(r->target->relabel, r->target->relabel_count, in, &r->batch->arena, out,
                         kept, e);
}

static void count_lost(struct remote_round *r, enum remote_loss loss, uint32_t samples)
{
    if (samples == 0)
        return;
    remote_state_lock(r->state)->lost[loss] += samples;
    remote_state_unlock(r->state);
}

static bool may_send(const struct remote_round *r, const struct series_data *data, uint32_t at)
{
    return r->target->sends_histograms || !data->histograms || !data->histograms[at];
}

/* Moves *at to the next sample that may be sent; those before it are lost. False: there is none. */
static bool next_run(struct remote_round *r, const struct series_data *data, uint32_t *at)
{
    uint32_t first = *at;
    while (*at < data->sample_count && !may_send(r, data, *at))
        ++*at;
    count_lost(r, REMOTE_LOST_HISTOGRAM, *at - first);
    return *at < data->sample_count;
}

static uint32_t run_end(const struct remote_round *r, const struct series_data *data, uint32_t at)
{
    while (at < data->sample_count && may_send(r, data, at))
        at++;
    return at;
}

/* The next samples of a series into the batch. Labels are the batch's, so they are made again when
 * it was sent in between. *at stays where it is when memory is short. */
static enum status add_run(struct remote_round *r, const struct series_data *data, uint32_t *at,
                           uint32_t end, struct err *e)
{
    struct label_set labels;
    bool kept;
    const struct metric_metadata *family =
        remote_post_is_2(r->post)
            ? remote_families_find(r->families, label_set_metric(data->labels))
            : NULL;
    TRY(out_labels(r, data->labels, &labels, &kept, e));
    if (kept)
        return remote_batch_add(r->batch, labels, data, at, end, family, e);
    *at = data->sample_count;
    return ST_OK;
}

/* ST_OK or ST_BUSY. */
static enum status send_series(struct remote_round *r, const struct series_data *data, uint32_t at,
                               struct err *e)
{
    while (next_run(r, data, &at)) {
        uint32_t end = run_end(r, data, at);
        enum status status = add_run(r, data, &at, end, e);
        if (status != ST_OK)
            TRY(wait_for_memory(r, e));
        if (remote_batch_is_full(r->batch))
            TRY(flush(r, e));
    }
    return ST_OK;
}

/* The samples of a series up to `cut_ms`. ST_OK or ST_BUSY. */
static enum status send_entry(struct remote_round *r, const struct reach *reach, int64_t cut_ms,
                              const struct entry *entry, struct err *e)
{
    const struct series_data *data = entry->data;
    bool was_passed = r->resumed.to_ms > r->resumed.until_ms && entry->hash <= r->resumed.passed;
    struct series_data cut = *data;
    cut.sample_count = above_i64(data->times_ms, 0, data->sample_count, cut_ms);
    struct remote_reading reading = {
        .hash = entry->hash,
        .times_ms = data->times_ms,
        .count = cut.sample_count,
        .floor_ms = was_passed ? r->resumed.to_ms : r->resumed.until_ms,
        .next_start_ms = reach->to_ms - r->source->late_ms,
        .is_short = reach->is_short || cut_ms < reach->to_ms,
    };
    struct remote_news news;
    while (!remote_seen_take(&r->seen, &reading, &news))
        TRY(wait_for_memory(r, e));
    count_lost(r, REMOTE_LOST_OUT_OF_ORDER, news.out_of_order);
    return news.first < cut.sample_count ? send_series(r, &cut, news.first, e) : ST_OK;
}

/* Up to where no series has more than one sample, or those of a second: what a crash repeats is
 * then the last sample of a series, which receivers take twice, and never one before it, which they
 * refuse. */
static int64_t next_cut(const struct remote_round *r, const struct entry *entries, uint32_t count,
                        int64_t to_ms)
{
    int64_t cut = to_ms, until = r->cursor.until_ms;
    if (r->resumed.until_ms == until && r->resumed.to_ms > until && r->resumed.to_ms <= to_ms)
        return r->resumed.to_ms;
    for (uint32_t i = 0; i < count; i++) {
        const struct series_data *data = entries[i].data;
        uint32_t second = above_i64(data->times_ms, 0, data->sample_count, until) + 1;
        if (second < data->sample_count)
            cut = MIN(cut, MAX(data->times_ms[second] - 1, until + CUT_MIN_MS));
    }
    return cut;
}

/* ST_OK or ST_BUSY. */
static enum status send_cut(struct remote_round *r, const struct reach *reach, int64_t cut_ms,
                            const struct entry *entries, uint32_t count, struct err *e)
{
    if (r->cursor.to_ms != cut_ms)
        r->cursor.passed = 0;
    r->cursor.to_ms = cut_ms;
    for (uint32_t i = 0; i < count; i++) {
        /* A series that two selectors match comes twice. */
        if (i > 0 && entries[i].hash == entries[i - 1].hash)
            continue;
        if (i > 0)
            r->cursor.passed = MAX(r->cursor.passed, entries[i - 1].hash);
        TRY(send_entry(r, reach, cut_ms, &entries[i], e));
    }
    if (r->batch->series.len)
        TRY(flush(r, e));
    r->cursor = (struct remote_cursor){.until_ms = cut_ms, .to_ms = cut_ms};
    return ST_OK;
}

static enum status send_all(struct remote_round *r, const struct reach *reach,
                            const struct entry *entries, uint32_t count, struct err *e)
{
    while (r->cursor.until_ms < reach->to_ms) {
        int64_t cut = next_cut(r, entries, count, reach->to_ms);
        TRY(send_cut(r, reach, cut, entries, count, e));
        struct err why = {0};
        if (cut < reach->to_ms && save(r, &why) != ST_OK)
            log_limited(LOG_WARN, "remote_write: the position is not saved reason=\"%s\"", why.msg);
    }
    return ST_OK;
}

/* --- a round --- */

static void release(struct remote_round *r, void **held, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        r->source->release(r->source->user, held[i]);
}

static enum status select_all(struct remote_round *r, const struct reach *reach, void **held,
                              uint32_t *held_count, struct series_list *list, struct err *e)
{
    uint32_t selectors = MAX(MIN(r->target->match_count, (uint32_t)REMOTE_MATCH_MAX), 1);
    for (uint32_t i = 0; i < selectors; i++) {
        struct series_request request = {
            .start_ms = reach->from_ms + 1,
            .end_ms = reach->to_ms,
            .arena = &r->arena,
            .samples_max = r->unbounded ? 0 : REMOTE_ROUND_SAMPLES,
        };
        if (r->target->match_count > 0) {
            request.matchers = r->target->match[i].matchers;
            request.matcher_count = r->target->match[i].count;
        }
        held[*held_count] = NULL;
        enum status status =
            r->source->select(r->source->user, &request, list, &held[*held_count], e);
        ++*held_count;
        TRY(status);
    }
    return ST_OK;
}

static enum status select_and_send(struct remote_round *r, const struct reach *reach,
                                   bool *too_much, struct err *e)
{
    void *held[REMOTE_MATCH_MAX];
    uint32_t held_count = 0;
    struct series_list list = {0};
    struct entry *entries;
    enum status status = select_all(r, reach, held, &held_count, &list, e);
    if (status == ST_OK)
        status = sort(r, &list, &entries, e);
    *too_much = status == ST_QUERY || status == ST_NO_MEMORY;
    if (status == ST_OK)
        status = send_all(r, reach, entries, list.count, e);
    remote_batch_clear(r->batch);
    release(r, held, held_count);
    arena_reset(&r->arena);
    return status;
}

enum status remote_round_run(struct remote_round *r, int64_t now_ms, bool *more, struct err *e)
{
    int64_t horizon = horizon_of(r->source, now_ms);
    bool too_much;
    *more = false;
    TRY(turn_back(r, now_ms, e));
    pass_over_expired(r, now_ms);
    if (horizon <= r->cursor.until_ms)
        return ST_OK;
    struct reach reach = reach_of(r, horizon);
    enum status status = select_and_send(r, &reach, &too_much, e);
    if (too_much && tighten(r)) {
        *more = true;
        return ST_OK;
    }
    TRY(status);
    remote_seen_end_round(&r->seen, reach.to_ms - r->source->late_ms);
    relax(r);
    *more = horizon > reach.to_ms;
    return save(r, e);
}

void remote_round_deinit(struct remote_round *r)
{
    remote_seen_deinit(&r->seen);
    arena_deinit(&r->arena);
}
