/* series_cut.c - shortens runs as they are merged. */
#include "storage/series_cut.h"
#include "model/stale.h"

static bool is_deleted(const struct series_cut *cut, uint32_t id, int64_t time_ms)
{
    for (uint32_t i = 0; i < cut->tombstone_count; i++) {
        const struct tombstone *t = cut->tombstones[i];
        if (time_ms >= t->start_ms && time_ms <= t->end_ms && ids_contain(t->series, id))
            return true;
    }
    return false;
}

/* --- coarse steps --- */

static const struct native_histogram *histogram_at(const struct series_run *run, uint32_t i)
{
    return run->histograms ? run->histograms[i] : NULL;
}

static bool is_stale(const struct series_run *run, uint32_t i)
{
    const struct native_histogram *h = histogram_at(run, i);
    return h ? native_histogram_is_stale(h) : value_is_stale(run->values[i]);
}

/* Did the counter begin anew, or end, between i - 1 and i? */
static bool is_break(const struct series_run *run, uint32_t i, bool is_counter)
{
    const struct native_histogram *before = histogram_at(run, i - 1), *h = histogram_at(run, i);
    if (is_stale(run, i) || is_stale(run, i - 1) || !before != !h)
        return true;
    if (run->starts_ms && run->starts_ms[i] != run->starts_ms[i - 1])
        return true;
    if (h)
        return native_histogram_is_reset(h, before);
    return is_counter && run->values[i] < run->values[i - 1];
}

/* Steps are open to the left, as ranges of PromQL are. */
static int64_t step_of(int64_t time_ms, int64_t step_ms)
{
    int64_t from_zero = time_ms - 1;
    return from_zero / step_ms - (from_zero % step_ms < 0);
}

static bool is_kept_by_step(const struct series_cut *cut, const struct series_run *run, uint32_t i,
                            bool is_counter)
{
    int64_t step = step_of(run->times_ms[i], cut->step_ms);
    bool first = i == 0 || step_of(run->times_ms[i - 1], cut->step_ms) != step;
    bool last = i + 1 == run->sample_count || step_of(run->times_ms[i + 1], cut->step_ms) != step;
    return first || last || is_break(run, i, is_counter) || is_break(run, i + 1, is_counter);
}

/* --- cutting --- */

static bool is_kept(const struct series_cut *cut, const struct series_run *run, uint32_t i,
                    bool is_counter)
{
    int64_t time_ms = run->times_ms[i];
    if (time_ms < cut->drop_before_ms || is_deleted(cut, run->key.id, time_ms))
        return false;
    return cut->step_ms == 0 || is_kept_by_step(cut, run, i, is_counter);
}

/* Moves sample `from` of the run to place `to`. */
static void move_sample(struct series_run *run, int64_t *times_ms, double *values, uint32_t to,
                        uint32_t from)
{
    times_ms[to] = times_ms[from];
    values[to] = values[from];
    if (run->histograms)
        ((const struct native_histogram **)run->histograms)[to] = run->histograms[from];
    if (run->starts_ms)
        ((int64_t *)run->starts_ms)[to] = run->starts_ms[from];
}

void series_cut_run(struct series_run *run, int64_t *times_ms, double *values, void *user)
{
    const struct series_cut *cut = user;
    bool is_counter = cut->step_ms && cut->is_counter(run->key.id, cut->user);
    uint32_t kept = 0;
    /* What a sample is judged by lies at or behind it, but for the one before: which is remembered
     * as kept or not by then, and moved to the front at the earliest when it has been looked at. */
    struct series_run before = *run;
    bool keep_this = run->sample_count && is_kept(cut, run, 0, is_counter);
    for (uint32_t i = 0; i < before.sample_count; i++) {
        bool keep_next = i + 1 < before.sample_count && is_kept(cut, &before, i + 1, is_counter);
        if (keep_this)
            move_sample(run, times_ms, values, kept++, i);
        keep_this = keep_next;
    }
    run->sample_count = kept;
}
