/* live.h - what a reader sees: all closed requests of the head, and the open ones as they look at
 * the moment. */
#ifndef WEFT_COLLECTOR_LIVE_H
#define WEFT_COLLECTOR_LIVE_H

#include "collector/pipeline.h"

struct live; /* one thread at a time */

/* NULL when memory is short. The pipeline is borrowed and outlives it. */
struct live *live_new(struct pipeline *p);
void live_free(struct live *l);

struct live_view {
    const struct cell_set *cells; /* borrowed until the next call */
    struct registry *registry;    /* the caller's */
    uint32_t open_hops, open_traces;
};
/* The present moment. `in_flight` (may be NULL): closed cells that a checkpoint is writing.
 * ST_NO_MEMORY. */
enum status live_look(struct live *l, const struct cell_set *in_flight, struct live_view *out,
                      struct err *e);

#endif
