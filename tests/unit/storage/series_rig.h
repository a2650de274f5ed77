/* series_rig.h - runs of samples of every kind, and parts made of them, for the tests of series
 * parts. */
#ifndef WEFT_TESTS_SERIES_RIG_H
#define WEFT_TESTS_SERIES_RIG_H

#include "base/arena.h"
#include "base/vec.h"
#include "storage/series_part.h"

struct series_rig {
    struct arena arena;
    VEC(struct series_run) runs; /* by key */
    uint64_t random;
};

struct series_rig series_rig_new(uint64_t seed);
void series_rig_free(struct series_rig *r);
uint64_t series_rig_random(struct series_rig *r);
/* A regular column of times, the rig's. */
int64_t *series_rig_times(struct series_rig *r, uint32_t count, int64_t start_ms, int64_t step_ms);
/* Adds a run with values to be filled by the caller; ids ascend. */
struct series_run *series_rig_add(struct series_rig *r, const int64_t *times_ms, uint32_t count);
/* Adds a family of cumulative buckets over `bounds` and +Inf, a sum and a count. */
void series_rig_add_classic(struct series_rig *r, const int64_t *times_ms, uint32_t count,
                            const double *bounds, uint32_t bound_count);
/* Adds a run of native histograms, with resets, changes of shape and stale markers when `wild`. */
void series_rig_add_native(struct series_rig *r, const int64_t *times_ms, uint32_t count,
                           bool wild);
/* Adds one run of each kind of floats: counters, gauges, decimals, any bits, NaNs, ... */
void series_rig_add_floats(struct series_rig *r, const int64_t *times_ms, uint32_t count);

/* Writes the runs to a file. */
enum status series_rig_write(const struct series_rig *r, const char *path,
                             enum series_effort effort, struct err *e);
/* The file opened; aborts when it cannot be. */
struct series_part *series_rig_part(const struct series_rig *r, const char *path,
                                    enum series_effort effort);
/* Fails the test unless `got` is the run, bit by bit, cut to the range. */
void series_rig_expect_run(const struct series_run *want, const struct series_run *got,
                           int64_t start_ms, int64_t end_ms);
/* Fails the test unless the part holds exactly the runs, cut to the range. */
void series_rig_expect(const struct series_rig *r, const struct series_part *p, int64_t start_ms,
                       int64_t end_ms);

#endif
