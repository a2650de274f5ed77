/* histogram_sum.h - the exact sum of many histograms at once, each bucket touched once. */
#ifndef WEFT_QUERY_HISTOGRAM_SUM_H
#define WEFT_QUERY_HISTOGRAM_SUM_H

#include "model/histogram.h"

/* Adds all of `all` (borrowed, entries may be empty) into *out, which must be empty: as
 * histogram_merge() one by one. False when memory is short. Any thread. */
bool histogram_sum(struct histogram *out, const struct histogram *const *all,
                   size_t count) NODISCARD;

#endif
