/* resting.h - the open spans of one trace as the bytes of one block, while nothing is added to it:
 * about 38 a span instead of 64, and near each other. Only in memory, never stored. */
#ifndef WEFT_COLLECTOR_RESTING_H
#define WEFT_COLLECTOR_RESTING_H

#include "collector/blocks.h"
#include "collector/open_span.h"
#include <stdbool.h>

/* Larger traces do not rest. */
enum { RESTING_SPANS = 48 };

/* Name of a new block with these 1 to RESTING_SPANS spans, `next` left out; 0 when they are too
 * many bytes or memory is short. */
uint32_t resting_put(struct blocks *b, const struct open_span *spans, uint32_t count);
/* How many spans went to `spans` (RESTING_SPANS long), in their order; `next` is 0. */
uint32_t resting_get(const struct blocks *b, uint32_t name, struct open_span *spans);
/* The same spans under other names: owner, dest, operation, flags and weight may have changed, and
 * of the last two only what is not 0. */
void resting_rename(struct blocks *b, uint32_t name, const struct open_span *spans);

/* is_new of all its spans. */
void resting_mark(struct blocks *b, uint32_t name, bool is_new);
/* Whether some span is not new. */
bool resting_any_viewed(const struct blocks *b, uint32_t name);

/* Brings the block near. */
void resting_prefetch(const struct blocks *b, uint32_t name);

#endif
