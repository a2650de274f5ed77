/* derived_plan.c - from border to border by the fewest tiles. */
#include "query/derived_plan.h"

#define NOWHERE UINT64_MAX

struct planning {
    struct derived_plan *plan;
    uint64_t at_s[DERIVED_LEVELS]; /* to where each level's total reaches; NOWHERE: not known */
};

/* How many tiles fill [from_s, to_s). */
static uint64_t tile_count(uint64_t from_s, uint64_t to_s)
{
    uint64_t count = 0;
    for (unsigned t = 0; t < TIER_COUNT && from_s < to_s; t++) {
        uint64_t fine = tier_seconds((enum tier)t);
        uint64_t coarse = t + 1 < TIER_COUNT ? tier_seconds((enum tier)(t + 1)) : 0;
        uint64_t up = coarse ? (from_s + coarse - 1) / coarse * coarse : to_s;
        uint64_t down = coarse ? to_s / coarse * coarse : to_s;
        if (up > down) { /* no coarser tile lies between */
            count += (to_s - from_s) / fine;
            return count;
        }
        count += (up - from_s) / fine + (to_s - down) / fine;
        from_s = up;
        to_s = down;
    }
    return count;
}

/* The level from whose total the border is reached by the fewest tiles; DERIVED_LEVELS: none. */
static unsigned nearest(const struct planning *x, uint64_t border_s)
{
    unsigned best = DERIVED_LEVELS;
    uint64_t least = UINT64_MAX;
    for (unsigned level = 0; level < DERIVED_LEVELS; level++) {
        if (x->at_s[level] == NOWHERE || x->at_s[level] > border_s)
            continue;
        uint64_t tiles = tile_count(x->at_s[level], border_s);
        if (tiles < least) {
            least = tiles;
            best = level;
        }
    }
    return best;
}

static bool push_span(struct planning *x, unsigned from, unsigned to, uint64_t border_s)
{
    struct edge_span span = {x->at_s[from], border_s};
    struct derived_step step = {(uint8_t)from, (uint8_t)to};
    x->at_s[to] = border_s;
    return vec_push(&x->plan->spans, span) && vec_push(&x->plan->steps, step);
}

/* Brings the totals of all tiers to their last border at or before the time. */
static bool reach(struct planning *x, uint64_t time_s)
{
    for (unsigned level = DERIVED_LEVELS; level-- > 0;) {
        uint64_t seconds = tier_seconds((enum tier)level), border_s = time_s - time_s % seconds;
        unsigned from = nearest(x, border_s);
        bool is_there = from < DERIVED_LEVELS && x->at_s[from] == border_s;
        if (from < DERIVED_LEVELS && !is_there && !push_span(x, from, level, border_s))
            return false;
    }
    return true;
}

enum status derived_plan_make(const struct derived_times *times, uint64_t start_s, uint64_t end_s,
                              struct derived_plan *out, struct err *e)
{
    struct planning x = {.plan = out};
    struct derived_time time;
    int64_t after_ms = INT64_MIN / 2;
    *out = (struct derived_plan){0};
    for (unsigned level = 0; level < DERIVED_LEVELS; level++)
        x.at_s[level] = level ? NOWHERE : start_s;
    while (derived_times_next(times, after_ms, &time)) {
        uint64_t time_s = (uint64_t)time.at_ms / 1000;
        after_ms = time.at_ms;
        if (time_s < start_s || time_s > end_s)
            continue;
        bool ok = reach(&x, time_s);
        struct derived_look look = {time.at_ms, (uint32_t)out->spans.len,
                                    (uint8_t)nearest(&x, time_s)};
        if (!ok || !vec_push(&out->looks, look))
            return err_set(e, ST_NO_MEMORY, "no memory for derived series");
    }
    return ST_OK;
}

void derived_plan_deinit(struct derived_plan *p)
{
    vec_deinit(&p->spans);
    vec_deinit(&p->steps);
    vec_deinit(&p->looks);
}
