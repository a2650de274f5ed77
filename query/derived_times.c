/* derived_times.c - windows to the steps at which they begin and end, without a list of them. */
#include "query/derived_times.h"

#define NEVER INT64_MAX

static int64_t step_down(int64_t ms)
{
    int64_t rest = ms % DERIVED_STEP_MS;
    return ms - rest - (rest < 0 ? DERIVED_STEP_MS : 0);
}

struct derived_times derived_times_of(const struct series_request *request)
{
    return (struct derived_times){request->start_ms, request->end_ms, request->windows};
}

bool derived_times_are_dense(const struct derived_times *t)
{
    return t->windows.need == NEED_ALL ||
           (t->windows.count > 1 && t->windows.step_ms <= DERIVED_STEP_MS);
}

/* The first border of the windows at or behind from_ms, when window 0 has it at first_ms. */
static int64_t border_from(const struct series_windows *w, int64_t first_ms, int64_t from_ms)
{
    if (from_ms <= first_ms)
        return first_ms;
    int64_t k = (from_ms - first_ms + w->step_ms - 1) / w->step_ms;
    return k < (int64_t)w->count ? first_ms + k * w->step_ms : NEVER;
}

/* The last step in a window lies at its end or before it. `ahead_ms`: so much before that step. */
static int64_t next_last(const struct derived_times *t, int64_t after_ms, int64_t ahead_ms)
{
    const struct series_windows *w = &t->windows;
    int64_t border =
        border_from(w, w->first_end_ms, step_down(after_ms + ahead_ms) + DERIVED_STEP_MS);
    return border == NEVER ? NEVER : step_down(border) - ahead_ms;
}

/* The first step in a window lies behind its start. */
static int64_t next_first(const struct derived_times *t, int64_t after_ms)
{
    const struct series_windows *w = &t->windows;
    int64_t border = border_from(w, w->first_end_ms - w->range_ms, step_down(after_ms));
    return border == NEVER ? NEVER : step_down(border) + DERIVED_STEP_MS;
}

bool derived_times_next(const struct derived_times *t, int64_t after_ms, struct derived_time *out)
{
    int64_t first = NEVER, last = NEVER, other = NEVER;
    after_ms = MAX(after_ms, t->start_ms - 1);
    if (derived_times_are_dense(t)) {
        first = last = step_down(after_ms) + DERIVED_STEP_MS;
    } else {
        last = next_last(t, after_ms, 0);
        if (t->windows.need == NEED_ENDS)
            first = next_first(t, after_ms);
        if (t->windows.need == NEED_LAST_TWO)
            other = next_last(t, after_ms, DERIVED_STEP_MS);
    }
    int64_t at = MIN(MIN(first, last), other);
    *out = (struct derived_time){at, at == first, at == last};
    return at <= t->end_ms;
}
