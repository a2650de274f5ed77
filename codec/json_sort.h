/* json_sort.h - members of objects in the order of their keys, as Go's encoding/json writes maps.
 */
#ifndef WEFT_CODEC_JSON_SORT_H
#define WEFT_CODEC_JSON_SORT_H

#include "base/arena.h"
#include "base/buf.h"

/* Sorts the members of each object of a JSON text without white space, in place; equal keys stay as
 * they came. What is no such text, or nested deeper than 63, stays as it is. False: no memory. */
bool json_sort_keys(struct buf *text, struct arena *arena) NODISCARD;

#endif
