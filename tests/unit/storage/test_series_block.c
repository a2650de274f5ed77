/* test_series_block.c - what one series of a block takes from another is read back as it was. */
#include "storage/series_block.h"

#include "support/leak.h"
#include "tests/unit/storage/journal_rig.h"
#include "tests/unit/storage/series_rig.h"
#include <criterion/criterion.h>
#include <stdio.h>

enum { SAMPLES = 20, STEP_MS = 15000 };
static const int64_t START_MS = INT64_C(1700000000000);

static void fill(struct series_run *run, double value, double step)
{
    for (uint32_t i = 0; i < run->sample_count; i++)
        ((double *)run->values)[i] = value + i * step;
}

/* The same values come again behind a series of which no copy is made, in the place of the first.
 */
Test(series_block, copies_are_of_the_series_they_say)
{
    static const struct {
        const char *name;
        uint32_t between; /* samples of the series COPY_LOOKBACK behind the first */
        bool native;
    } rows[] = {{"a few samples", 3, false},
                {"native histograms", SAMPLES, true},
                {"as many", SAMPLES, false}};
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    for (size_t row = 0; row < LEN(rows); row++) {
        struct series_rig r = series_rig_new(1);
        int64_t *times = series_rig_times(&r, SAMPLES, START_MS, STEP_MS);
        for (unsigned i = 0; i < 2 * COPY_LOOKBACK; i++) {
            bool same = i == 0 || i == COPY_LOOKBACK + 5, between = i == COPY_LOOKBACK;
            if (between && rows[row].native)
                series_rig_add_native(&r, times, SAMPLES, false);
            else
                fill(series_rig_add(&r, times, between ? rows[row].between : SAMPLES),
                     same ? 7 : 100 * i, same ? 0 : i);
        }
        struct series_part *p = series_rig_part(&r, path, EFFORT_SEALED);
        series_rig_expect(&r, p, INT64_MIN, INT64_MAX);
        series_part_unref(p);
        series_rig_free(&r);
    }
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}
