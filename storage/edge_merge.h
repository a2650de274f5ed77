/* edge_merge.h - the rules of merging, free of files: what is cut by age, what is worth merging.
 * Private to storage/. */
#ifndef WEFT_STORAGE_EDGE_MERGE_H
#define WEFT_STORAGE_EDGE_MERGE_H

#include "storage/edge_merge_job.h"

/* What a sum of parts that ends at end_s may leave out at now_ns. */
struct merge_cut edge_merge_cut(uint64_t now_ns, uint64_t end_s, const struct retention *r);
/* Bytes of a part that the cut would free. */
uint64_t edge_merge_cut_bytes(const struct edge_part *p, const struct merge_cut *cut);
/* Sorts `parts` so that the first *chosen of them are to become one; 0 = nothing to do. With
 * `compact` every day becomes one part. */
void edge_merge_choose(struct stored_part *parts, size_t count, uint64_t now_ns, bool compact,
                       const struct retention *r, size_t *chosen);

#endif
