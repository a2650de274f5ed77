/* derived_plan.h - which sums of tiles lead to the totals at every time that is looked at. Private
 * to query/derived_*. */
#ifndef WEFT_QUERY_DERIVED_PLAN_H
#define WEFT_QUERY_DERIVED_PLAN_H

#include "base/vec.h"
#include "query/derived_times.h"
#include "storage/edge_spans.h"

/* Totals are kept at the last border of each tier that was passed: an hour further on it is one
 * tile from border to border, whatever was looked at between. */
enum { DERIVED_LEVELS = TIER_COUNT };

/* Of a span: the total of level `from`, and what the span adds, is the total of level `to`. */
struct derived_step {
    uint8_t from, to;
};

/* A time that is looked at: the total of `level` once so many spans are added. */
struct derived_look {
    int64_t at_ms;
    uint32_t spans;
    uint8_t level;
};

/* All-zero is empty. */
struct derived_plan {
    VEC(struct edge_span) spans;
    VEC(struct derived_step) steps; /* of the spans */
    VEC(struct derived_look) looks; /* ascending */
};

/* For all of `times` in [start_s, end_s]; the total at start_s is that of level 0. ST_NO_MEMORY;
 * derived_plan_deinit() all the same. */
enum status derived_plan_make(const struct derived_times *times, uint64_t start_s, uint64_t end_s,
                              struct derived_plan *out, struct err *e);
void derived_plan_deinit(struct derived_plan *p);

#endif
