/* edge_merge_job.h - several parts being added up into one file, a few blocks at a time. Private to
 * storage/edge_*. */
#ifndef WEFT_STORAGE_EDGE_MERGE_JOB_H
#define WEFT_STORAGE_EDGE_MERGE_JOB_H

#include "storage/edge_format.h"
#include "storage/set_aside.h"
#include "storage/store_parts.h"

/* What is left out of the sum. All-zero: nothing. */
struct merge_cut {
    uint64_t from_s[2][TIER_COUNT]; /* by joint: tiles before go; TIER_ABSENT: the tier goes */
    uint64_t exemplars_from_s;      /* of tiles of 15 s and 1 min */
};

struct merge_job;

/* Prepares the sum of `count` parts (references are taken). ST_NO_MEMORY, ST_IO. Writer thread, as
 * all below. */
enum status merge_job_new(struct store *s, const struct stored_part *parts, size_t count,
                          const struct merge_cut *cut, struct merge_job **out, struct err *e);
/* Writes up to `blocks` blocks; once the sum is whole it takes the parts' place and *done is true.
 */
enum status merge_job_step(struct merge_job *job, unsigned blocks, bool *done, struct err *e);
/* Removes the file when the job was not done. */
void merge_job_free(struct merge_job *job);

/* The same sum in memory, for tests: no store needed. */
enum status merge_parts(struct edge_part *const *parts, size_t count, const struct merge_cut *cut,
                        struct buf *out, uint64_t *lost, struct err *e);

/* When the job failed because a part could not be read: sets that one aside, or it would be chosen
 * again before all others. */
void merge_job_set_aside(const struct merge_job *job, struct set_aside *aside);

/* What is kept from step to step; edge_store_free() ends the job. */
struct merge_work {
    struct merge_job *job; /* under way; NULL = none */
    struct set_aside aside;
};
struct merge_work *edge_store_merge_work(struct edge_store *edges);

#endif
