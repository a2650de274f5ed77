/* series_cut.h - which samples a merge leaves out: too old, deleted, or between the first and last
 * of a coarse step. Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_CUT_H
#define WEFT_STORAGE_SERIES_CUT_H

#include "storage/series_part.h"
#include "storage/series_set.h"

struct series_cut {
    int64_t drop_before_ms;              /* INT64_MIN: nothing is too old */
    struct tombstone *const *tombstones; /* borrowed; those that cover the parts */
    uint32_t tombstone_count;
    int64_t step_ms; /* 0: all samples stay. Else of each step (k*step, (k+1)*step] the first and
                        the last, and both sides of a counter's reset: increase() over steps is what
                        it was */
    bool (*is_counter)(uint32_t id, void *user); /* of a series of floats */
    void *user;
};

/* Cuts a run in place; `user` is a struct series_cut. Fits series_merge.keep. */
void series_cut_run(struct series_run *run, int64_t *times_ms, double *values, void *user);

#endif
