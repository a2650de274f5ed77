/* live.h - what a reader sees: all closed requests of the head, and the open ones as they look at
 * the moment. While somebody looks, the view is kept up with what changes, trace by trace; it is
 * made anew when that is cheap or needed. */
#ifndef WEFT_COLLECTOR_LIVE_H
#define WEFT_COLLECTOR_LIVE_H

#include "collector/pipeline.h"

struct live; /* the pipeline's thread */

/* NULL when memory is short. The pipeline is borrowed and outlives it. Open requests that make more
 * cells than `cells_max` (0 = no limit) has room for beside the closed ones are not shown. */
struct live *live_new(struct pipeline *p, size_t cells_max);
void live_free(struct live *l);

struct live_view {
    const struct cell_set *cells; /* borrowed until the next call */
    struct registry *registry;    /* the caller's */
    uint32_t open_hops, open_traces;
    bool is_afresh; /* nothing was taken over from an earlier look, and the next can follow it */
    bool is_closed_only; /* what is open would have been too much */
};
/* The present moment. `in_flight` (may be NULL): closed cells that a checkpoint is writing.
 * `afresh`: nothing is taken over from the last look. ST_NO_MEMORY. */
enum status live_look(struct live *l, struct cell_set *in_flight, bool afresh,
                      struct live_view *out, struct err *e);
/* All closed requests but none that is open, for when nobody looks: stops following what changes.
 * Open hops are those of the last look. ST_NO_MEMORY. */
enum status live_look_closed(struct live *l, struct live_view *out, struct err *e);
/* The checkpoint is done: its cells are no part of the view any more. */
void live_saved(struct live *l, const struct cell_set *saved);
/* True when extremes or exemplars of the view may be those of requests that look different by now:
 * worth a fresh look. */
bool live_is_stale(const struct live *l);
/* Bytes of heap that the view took at the last look. */
size_t live_bytes(const struct live *l);
/* Nobody looks: stops following what changes, and lets go of the view. */
void live_sleep(struct live *l);

#endif
