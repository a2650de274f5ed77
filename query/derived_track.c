/* derived_track.c - tiles into samples: runs and gaps between them, a coarse tile's increase spread
 * evenly. */
#include "query/derived_track.h"

#include "model/stale.h"

enum status derived_track_begin(struct derived_track *t, struct arena *arena, struct err *e)
{
    t->next.at_ms = t->times->start_ms - 1;
    if (!derived_times_next(t->times, t->next.at_ms, &t->next))
        t->next.at_ms = INT64_MAX;
    return derived_total_init(&t->total, &t->form, arena) &&
                   derived_total_init(&t->pending, &t->form, arena)
               ? ST_OK
               : err_set(e, ST_NO_MEMORY, "no memory for a series");
}

void derived_track_deinit(struct derived_track *t)
{
    derived_total_deinit(&t->total);
    derived_total_deinit(&t->pending);
    vec_deinit(&t->times_ms);
    vec_deinit(&t->ordinals);
    vec_deinit(&t->values);
    derived_natives_deinit(&t->natives);
}

struct derived_held derived_track_held(const struct derived_track *t)
{
    size_t records = t->natives.records.len;
    return (struct derived_held){
        .samples = t->values.len + records,
        .bytes = t->times_ms.len * (sizeof(*t->times_ms.items) + sizeof(*t->ordinals.items)) +
                 t->values.len * sizeof(*t->values.items) +
                 records * sizeof(*t->natives.records.items)};
}

void derived_track_base(struct derived_track *t, const struct derived_increase *by)
{
    t->failed |= !derived_total_add(&t->total, &t->form, by);
}

/* --- samples --- */

static bool push_time(struct derived_track *t, int64_t time_ms, uint32_t ordinal)
{
    if (t->times_ms.len > 0 && t->times_ms.items[t->times_ms.len - 1] >= time_ms)
        return false; /* made already */
    t->failed |= !vec_push(&t->times_ms, time_ms) || !vec_push(&t->ordinals, ordinal);
    return !t->failed;
}

static uint32_t run_samples(const struct derived_track *t, int64_t before_ms)
{
    return (uint32_t)((before_ms - t->begin_ms) / DERIVED_STEP_MS);
}

/* The total and `share` of what is pending, at a time within the run. */
static void push_sample(struct derived_track *t, int64_t time_ms, double share, struct arena *arena)
{
    uint32_t width = derived_form_width(&t->form);
    const struct derived_total *next = share > 0 ? &t->pending : NULL;
    if (!push_time(t, time_ms, t->samples_before + run_samples(t, time_ms)))
        return;
    if (t->form.is_native) {
        t->failed |= !derived_natives_push(&t->natives, &t->total, next, share, arena);
        return;
    }
    if (!vec_reserve(&t->values, width)) {
        t->failed = true;
        return;
    }
    derived_total_values(&t->total, next, share, &t->form, t->values.items + t->values.len);
    t->values.len += width;
}

static void push_stale(struct derived_track *t, int64_t time_ms)
{
    if (!push_time(t, time_ms, t->samples_before + run_samples(t, time_ms)))
        return;
    if (t->form.is_native)
        t->failed |= !derived_natives_push_stale(&t->natives);
    for (uint32_t i = 0; i < derived_form_width(&t->form); i++)
        t->failed |= !vec_push(&t->values, value_stale());
}

/* --- runs and gaps --- */

static int64_t run_end(const struct derived_track *t)
{
    return t->traffic_ms + DERIVED_QUIET_MS;
}

static void look_behind(struct derived_track *t, int64_t after_ms)
{
    if (!derived_times_next(t->times, after_ms, &t->next))
        t->next.at_ms = INT64_MAX;
}

/* The last two samples of the run, and the marker behind them: a gap follows. */
static void push_run_end(struct derived_track *t, struct arena *arena)
{
    if (!t->has_run || t->run_is_over)
        return;
    push_sample(t, run_end(t) - DERIVED_STEP_MS, 0, arena);
    push_sample(t, run_end(t), 0, arena);
    push_stale(t, run_end(t) + DERIVED_STEP_MS);
    t->run_is_over = true;
}

/* Nothing that lies in this gap can ask for more samples. */
static bool gap_is_told(const struct derived_track *t)
{
    enum series_need need = t->times->windows.need;
    bool needs_begin = need == NEED_ALL || need == NEED_ENDS;
    return (!t->has_run || t->run_is_over) && (!needs_begin || t->wants_begin);
}

/* No request came up to until_ms. */
static void pass_quiet(struct derived_track *t, int64_t until_ms, struct arena *arena)
{
    while (t->next.at_ms <= until_ms && !t->failed) {
        struct derived_time at = t->next;
        if (t->has_run && at.at_ms >= t->begin_ms && at.at_ms <= run_end(t)) {
            if (at.at_ms == run_end(t) && t->times->windows.need == NEED_LAST_TWO)
                push_sample(t, at.at_ms - DERIVED_STEP_MS, 0, arena); /* both are the last two */
            push_sample(t, at.at_ms, 0, arena);
        } else {
            if (at.is_last)
                push_run_end(t, arena);
            t->wants_begin |= at.is_first;
        }
        look_behind(t, gap_is_told(t) ? until_ms : at.at_ms);
    }
}

/* Goes on with the run, or begins a new one. */
static void begin_traffic(struct derived_track *t, int64_t begin_ms, struct arena *arena)
{
    pass_quiet(t, begin_ms - 1, arena);
    if (t->has_run && begin_ms - t->traffic_ms <= DERIVED_GAP_MS)
        return;
    if (t->times->windows.need == NEED_LAST_TWO && t->next.at_ms == begin_ms)
        push_run_end(t, arena); /* the last two: of this run and of the one before */
    if (t->has_run)
        t->samples_before += run_samples(t, run_end(t)) + 1;
    t->has_run = true;
    t->run_is_over = false;
    t->begin_ms = begin_ms;
    t->traffic_ms = begin_ms;
    if (t->wants_begin)
        push_sample(t, begin_ms, 0, arena);
    t->wants_begin = false;
}

/* The tile is whole: its samples are the ends of its steps. */
static void push_tile(struct derived_track *t, struct arena *arena)
{
    int64_t begin = t->pending_ms, end = begin + t->resolution_ms;
    begin_traffic(t, begin, arena);
    while (t->next.at_ms < end && !t->failed) {
        int64_t at = t->next.at_ms;
        push_sample(t, at, (double)(at - begin) / (double)t->resolution_ms, arena);
        look_behind(t, at);
    }
    t->traffic_ms = end;
    t->failed |= !derived_total_take(&t->total, &t->pending, &t->form);
    t->has_pending = false;
}

void derived_track_add(struct derived_track *t, int64_t tile_ms, int64_t resolution_ms,
                       const struct derived_increase *by, struct arena *arena)
{
    if (t->has_pending && t->pending_ms != tile_ms)
        push_tile(t, arena);
    t->pending_ms = tile_ms;
    t->resolution_ms = resolution_ms;
    t->has_pending = true;
    t->failed |= !derived_total_add(&t->pending, &t->form, by);
}

/* The run that begins behind the gap: its first sample has the total of here. */
static void begin_early(struct derived_track *t, const struct derived_traffic *traffic,
                        struct arena *arena)
{
    push_run_end(t, arena);
    if (traffic->at < traffic->len)
        begin_traffic(t, (int64_t)traffic->items[traffic->at].from_s * 1000, arena);
}

void derived_track_look(struct derived_track *t, int64_t at_ms, const struct derived_total *total,
                        struct derived_traffic *traffic, struct arena *arena)
{
    struct derived_total own = t->total;
    t->total = *total;
    for (; traffic->at < traffic->len; traffic->at++) {
        const struct edge_stretch *s = &traffic->items[traffic->at];
        if ((int64_t)s->from_s * 1000 > at_ms)
            break;
        begin_traffic(t, (int64_t)s->from_s * 1000, arena);
        t->traffic_ms = (int64_t)s->to_s * 1000;
    }
    pass_quiet(t, at_ms, arena);
    if (t->wants_begin)
        begin_early(t, traffic, arena);
    t->total = own;
}

void derived_track_finish(struct derived_track *t, int64_t end_ms, struct arena *arena)
{
    if (t->has_pending)
        push_tile(t, arena);
    pass_quiet(t, end_ms, arena);
}
