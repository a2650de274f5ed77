/* cell_take.h - takes out of a cell what was once added to it. Counts, sums and buckets are exact
 * again; the least and the greatest duration and the exemplars cannot be found again: the extremes
 * may lie too far out, but always in the outermost buckets that are left, and exemplars may be
 * missed. */
#ifndef WEFT_COLLECTOR_CELL_TAKE_H
#define WEFT_COLLECTOR_CELL_TAKE_H

#include "model/cell.h"

/* The inverse of histogram_add(). *stale is set when min_ns or max_ns may no longer be right. */
void histogram_take(struct histogram *h, uint64_t ns, uint64_t weight, bool *stale);
/* The inverse of cell_tally_add(). */
void cell_tally_take(struct cell_tallies *t, uint32_t name, uint64_t weight);
/* Takes one exemplar out when it is there; *stale is set then. */
void cell_take_exemplar(struct cell *c, const struct exemplar *x, bool *stale);
/* The inverse of cell_merge() with `map`. */
void cell_take(struct cell *from, const struct cell *what,
               uint32_t (*map)(uint32_t name, void *user), void *user, bool *stale);

#endif
