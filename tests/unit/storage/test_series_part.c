/* test_series_part.c - what a part was given is read back bit by bit, whole or in pieces; damage is
 * found. */
#include "storage/series_part.h"

#include "support/leak.h"
#include "tests/unit/storage/journal_rig.h"
#include "tests/unit/storage/series_rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { STEP_MS = 15000 };
static const int64_t START_MS = INT64_C(1700000000000);
static const double BOUNDS[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

static struct series_rig everything(uint64_t seed, uint32_t count)
{
    struct series_rig r = series_rig_new(seed);
    int64_t *times = series_rig_times(&r, count, START_MS, STEP_MS);
    int64_t *late = series_rig_times(&r, count, START_MS + 7, STEP_MS);
    for (uint32_t i = 0; i < count; i++)
        late[i] += (int64_t)(series_rig_random(&r) % 100);
    series_rig_add_floats(&r, times, count);
    series_rig_add_classic(&r, times, count, BOUNDS, LEN(BOUNDS));
    series_rig_add_classic(&r, late, count, BOUNDS, LEN(BOUNDS) - 2);
    series_rig_add_floats(&r, late, count);
    series_rig_add_native(&r, times, count, false);
    series_rig_add_native(&r, late, count, true);
    series_rig_add_floats(&r, times, 1);
    return r;
}

Test(series_part, everything_comes_back)
{
    static const uint32_t counts[] = {1, 2, 3, 8, 9, 10, 17, 64, 65, 300, 960, 5000};
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    for (size_t i = 0; i < LEN(counts); i++)
        for (enum series_effort effort = EFFORT_FAST; effort <= EFFORT_SEALED; effort++) {
            struct series_rig r = everything(i + 1, counts[i]);
            struct series_part *p = series_rig_part(&r, path, effort);
            int64_t end_ms = START_MS + (int64_t)counts[i] * STEP_MS;
            series_rig_expect(&r, p, INT64_MIN, INT64_MAX);
            series_rig_expect(&r, p, START_MS + (end_ms - START_MS) / 3, end_ms - 2 * STEP_MS);
            struct series_part_info info = series_part_info(p);
            cr_assert_eq(info.series, r.runs.len);
            cr_assert_eq(info.min_time_ms, START_MS);
            series_part_unref(series_part_ref(p));
            series_part_unref(p);
            series_rig_free(&r);
        }
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}
