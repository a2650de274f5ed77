/* edge_base.h - what retention takes away goes on counting: its sums, one cell a row, dated to the
 * first tile of 1970, so that a running total read from 1970 on never falls. Private to storage/.
 */
#ifndef WEFT_STORAGE_EDGE_BASE_H
#define WEFT_STORAGE_EDGE_BASE_H

#include "storage/edge_part.h"

/* Parts that end here or before hold such sums only, and are never too old. */
enum { BASE_END_S = 86400 };

/* The bytes of an edge part that holds the sums of `parts` (no exemplars). Empty when they hold
 * nothing. Writer thread. ST_NO_MEMORY, ST_CORRUPT never: damaged blocks are counted in *lost. */
enum status edge_base_encode(struct edge_part *const *parts, size_t count, struct buf *out,
                             uint64_t *lost, struct err *e);

#endif
