/* edge_plan.h - how a query is cut: resolution, steps, and the coarsest tiles of a part that fill
 * them. Private to storage/. */
#ifndef WEFT_STORAGE_EDGE_PLAN_H
#define WEFT_STORAGE_EDGE_PLAN_H

#include "storage/edge_store.h"

struct edge_plan {
    uint64_t start_s, end_s; /* widened */
    enum tier resolution;    /* the finest that every part keeps over the whole range */
    uint32_t step_s;         /* 0 = one point */
    uint64_t first_s,
        last_s; /* what lies between is all that parts hold of the range; equal: nothing */
};

/* Widens the range to whole tiles and the step to a multiple of them. */
void edge_plan_make(const struct edge_view *v, const struct edge_query *q, struct edge_plan *out);
bool edge_plan_part_overlaps(const struct edge_plan *plan, const struct edge_part *p);

/* Neighbouring tiles of one tier. */
struct tile_run {
    enum tier tier;
    uint64_t from_s, to_s;
};
/* The next run of tiles of p in [*at_s, end_s), no tile of it across a step; moves *at_s behind it.
 * False at the end. */
bool edge_plan_next_run(const struct edge_plan *plan, const struct edge_part *p, bool joint,
                        uint64_t *at_s, uint64_t end_s, struct tile_run *out);

#endif
