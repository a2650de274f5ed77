/* edge_stretches.h - when there was traffic, without adding anything up. */
#ifndef WEFT_STORAGE_EDGE_STRETCHES_H
#define WEFT_STORAGE_EDGE_STRETCHES_H

#include "storage/edge_store.h"

/* What counts as traffic: any cell, or one in which that side's latency was observed. */
enum edge_sight { SIGHT_ANY, SIGHT_CLIENT, SIGHT_SERVER, SIGHT_TRANSIT, SIGHT_COUNT };

/* From the first tile of 15 s with traffic to behind the last one. */
struct edge_stretch {
    uint64_t from_s, to_s;
};

struct edge_stretch_list {
    struct edge_stretch *items; /* owned; ascending */
    size_t len, cap;
};

struct edge_stretches {
    struct edge_stretch_list (*groups)[SIGHT_COUNT]; /* owned */
    uint32_t group_count;
    uint64_t lost_blocks;
};

enum { STRETCH_GAP_MIN_S = 300 };

/* The stretches of every group in [start_s, end_s) of the query (multiples of 15 s); gaps of up to
 * gap_s (at least STRETCH_GAP_MIN_S) do not end one. Only the sights that the query's sections
 * name: counts are any cell's; step and point are not looked at. Needs tiles of 15 s in every part.
 * Any thread. ST_NO_MEMORY. The caller ends *out with edge_stretches_deinit(). */
enum status edge_stretches_run(const struct edge_view *v, const struct edge_query *q,
                               uint64_t gap_s, struct edge_stretches *out, struct err *e);
void edge_stretches_deinit(struct edge_stretches *s);

#endif
