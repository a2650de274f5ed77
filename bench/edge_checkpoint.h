/* edge_checkpoint.h - how benchmarks fill a store with edge parts. */
#ifndef WEFT_BENCH_EDGE_CHECKPOINT_H
#define WEFT_BENCH_EDGE_CHECKPOINT_H

#include "storage/edge_store.h"

/* Ends the program with the message of e unless status is ST_OK. */
void edge_checkpoint_need(enum status status, const struct err *e);
/* Writes all cells of set as one part, as a checkpoint at that position of the journal, and waits
 * for it; an error ends the program. */
void edge_checkpoint_write(struct store *s, struct cell_set *set, uint64_t position);

#endif
