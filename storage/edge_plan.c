/* edge_plan.c - choosing resolution, steps and tiles. */
#include "storage/edge_plan.h"

#include "storage/edge_format.h"

/* No event is later: 2^64 ns after 1970. */
#define LATEST_S (UINT64_MAX / NS_PER_S + 1)

static uint64_t round_down(uint64_t s, uint64_t unit)
{
    return s - s % unit;
}

static uint64_t round_up(uint64_t s, uint64_t unit)
{
    return round_down(s + unit - 1, unit);
}

/* From when on tiles of this tier can be had from p: its own, or finer ones added up. */
static uint64_t tier_available(const struct edge_part *p, enum tier t, bool joint)
{
    uint64_t from = TIER_ABSENT;
    for (unsigned finer = TIER_15S; finer <= (unsigned)t; finer++)
        from = MIN(from, edge_part_tier_from(p, finer, joint));
    return from;
}

static bool keeps_tier(const struct edge_view *v, const struct edge_query *q, enum tier t)
{
    uint64_t start = round_down(q->start_s, tier_seconds(t));
    for (size_t i = 0; i < v->part_count; i++) {
        const struct edge_part *p = v->parts[i];
        bool overlaps = edge_part_start_s(p) < q->end_s && edge_part_end_s(p) > start;
        if (overlaps && tier_available(p, t, q->joint) > MAX(start, edge_part_start_s(p)))
            return false;
    }
    return true;
}

bool edge_plan_part_overlaps(const struct edge_plan *plan, const struct edge_part *p)
{
    return edge_part_start_s(p) < plan->end_s && edge_part_end_s(p) > plan->start_s;
}

void edge_plan_make(const struct edge_view *v, const struct edge_query *q, struct edge_plan *out)
{
    *out = (struct edge_plan){.resolution = TIER_15S};
    struct edge_query sane = *q;
    sane.end_s = MIN(q->end_s, LATEST_S);
    sane.start_s = MIN(q->start_s, sane.end_s);
    while (out->resolution < TIER_1D && !keeps_tier(v, &sane, out->resolution))
        out->resolution++;
    uint32_t tile = tier_seconds(out->resolution);
    out->start_s = round_down(sane.start_s, tile);
    out->end_s = round_up(sane.end_s, tile);
    out->step_s =
        q->step_s ? (uint32_t)MIN(round_up(q->step_s, tile), UINT32_MAX / tile * tile) : 0;
    uint64_t first = UINT64_MAX, last = 0;
    for (size_t i = 0; i < v->part_count; i++) {
        if (!edge_plan_part_overlaps(out, v->parts[i]))
            continue;
        first = MIN(first, edge_part_start_s(v->parts[i]));
        last = MAX(last, edge_part_end_s(v->parts[i]));
    }
    if (first < last) {
        out->first_s = MAX(out->start_s, round_down(first, tile));
        out->last_s = MIN(out->end_s, round_up(last, tile));
    }
}

static bool has_tile(const struct edge_part *p, enum tier t, bool joint, uint64_t at)
{
    return edge_part_tier_from(p, t, joint) <= at && at < edge_part_tier_end(p, t, joint);
}

/* The coarsest tile of p that begins at `at` and ends at or before `end`. */
static bool widest_tile(const struct edge_part *p, bool joint, uint64_t at, uint64_t end,
                        enum tier *out)
{
    for (unsigned t = TIER_COUNT; t-- > 0;) {
        uint64_t seconds = tier_seconds(t);
        if (at % seconds == 0 && at + seconds <= end && has_tile(p, t, joint, at)) {
            *out = t;
            return true;
        }
    }
    return false;
}

/* How many tiles of the tier can be taken at once: all up to `end` when p has no coarser one there
 * (the head). */
static uint64_t tiles_at_once(const struct edge_part *p, bool joint, enum tier tier, uint64_t at,
                              uint64_t end)
{
    for (unsigned t = (unsigned)tier + 1; t < TIER_COUNT; t++)
        if (edge_part_tier_from(p, t, joint) < end && at < edge_part_tier_end(p, t, joint))
            return 1;
    return (end - at) / tier_seconds(tier);
}

bool edge_plan_next_run(const struct edge_plan *plan, const struct edge_part *p, bool joint,
                        uint64_t *at_s, uint64_t end_s, struct tile_run *out)
{
    const uint32_t hour = 3600; /* small parts need not look at whole days */
    uint64_t at = MAX(*at_s, round_down(edge_part_start_s(p), hour));
    uint64_t end = MIN(end_s, round_up(edge_part_end_s(p), hour));
    *out = (struct tile_run){.from_s = at, .to_s = at};
    while (at < end) {
        uint64_t step_end = plan->step_s ? round_down(at, plan->step_s) + plan->step_s : end;
        enum tier tier;
        step_end = MIN(step_end, end);
        bool found = widest_tile(p, joint, at, step_end, &tier);
        if (out->to_s > out->from_s && (!found || tier != out->tier))
            break;
        at +=
            found ? tiles_at_once(p, joint, tier, at, step_end) * tier_seconds(tier) : TILE_SECONDS;
        if (found)
            out->tier = tier;
        else
            out->from_s = at;
        out->to_s = at;
    }
    *at_s = at;
    return out->to_s > out->from_s;
}
