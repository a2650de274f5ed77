/* test_series_maintain.c - what goes: retention by age and size, deleted samples, coarse steps,
 * dead series; and what stays: snapshots, merges. */
#include "base/clock.h"
#include "storage/series_cut.h"
#include "storage/series_part_file.h"
#include "storage/series_store_private.h"
#include "tests/support/leak.h"
#include "tests/support/patience.h"
#include "tests/unit/storage/series_store_rig.h"
#include "tests/unit/storage/store_rig.h"
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>

static const int64_t T = 1700000000000, HOUR = 3600000, DAY = 86400000;

static void checkpoint(struct series_store_rig *r)
{
    struct err e = {0};
    cr_assert(eq(int, series_store_checkpoint(r->series, &e), ST_OK), "%s", e.msg);
}

static void compact(struct series_store_rig *r)
{
    struct err e = {0};
    cr_assert(eq(int, series_store_compact(r->series, &e), ST_OK), "%s", e.msg);
}

static struct series_stats stats_of(struct series_store_rig *r)
{
    struct series_stats stats;
    series_store_stats(r->series, &stats);
    return stats;
}

static void delete (struct series_store_rig *r, const char *matchers, int64_t start_ms,
                    int64_t end_ms)
{
    struct arena arena = {0};
    struct label_matcher m[8];
    struct err e = {0};
    uint32_t count = series_store_rig_matchers(matchers, &arena, m);
    cr_assert(eq(int, series_store_delete(r->series, m, count, start_ms, end_ms, &e), ST_OK), "%s",
              e.msg);
    for (uint32_t i = 0; i < count; i++)
        label_matcher_deinit(&m[i]);
    arena_deinit(&arena);
}

Test(series_maintain, deleted_samples_are_gone_and_stay_gone, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    series_store_rig_open(&r, true);
    for (int i = 0; i < 5; i++) {
        series_store_rig_one(&r, "x", 10 + i, i);
        series_store_rig_one(&r, "y", 10 + i, i);
        if (i == 2)
            checkpoint(&r);
    }
    delete (&r, "__name__=x", 11, 13);
    delete (&r, "__name__=y", 0, 1000);
    for (int pass = 0; pass < 3; pass++) {
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "", 0, 100), "x 10=0 14=4;"),
                  "pass %d", pass);
        cr_expect(eq(str, (char *)series_store_rig_names(&r, "", 0, 100), "x;"), "pass %d", pass);
        if (pass == 0) {
            series_store_rig_close(&r);
            series_store_rig_open(&r, true);
        } else {
            compact(&r);
        }
    }
    cr_expect(eq(u64, stats_of(&r).samples_parts, 2), "they are not on disk any more");
    series_store_rig_one(&r, "x", 12, 7);
    series_store_rig_one(&r, "y", 12, 8);
    cr_expect(eq(str, (char *)series_store_rig_select(&r, "", 0, 100), "x 10=0 12=7 14=4;y 12=8;"),
              "what comes later is not deleted");
    compact(&r);
    cr_expect(eq(str, (char *)series_store_rig_select(&r, "", 0, 100), "x 10=0 12=7 14=4;y 12=8;"));
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* What comes and goes into a part between the tombstone and the moment at which the deleted samples
 * are forgotten is not deleted. */
Test(series_maintain, a_checkpoint_amid_a_deletion_keeps_what_it_has, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    uint32_t *ids = mem_alloc(sizeof(*ids));
    *ids = 1;
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", 10, 1);
    checkpoint(&r);
    struct tombstone *t = tombstone_new(ids, 1);
    t->part_limit = store_new_id(r.store);
    t->end_ms = 1000;
    t->freezes = r.series->freezes;
    series_store_rig_one(&r, "x", 20, 2);
    checkpoint(&r);
    cr_assert(eq(int, series_store_forget(r.series, t, NULL), ST_OK));
    cr_expect(eq(str, (char *)series_store_rig_select(&r, "", 15, 100), "x 20=2;"));
    series_store_rig_one(&r, "x", 20, 2);
    cr_expect(eq(str, (char *)series_store_rig_select(&r, "", 15, 100), "x 20=2;"));
    tombstone_unref(t);
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(series_maintain, old_samples_go, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    int64_t now_ms = (int64_t)(clock_wall_ns() / NS_PER_MS);
    r.arrival_ms = (uint64_t)now_ms;
    r.config.retention_ns = 48 * 3600 * NS_PER_S;
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", now_ms - 2 * DAY + HOUR, 1);
    series_store_rig_one(&r, "x", now_ms, 2);
    checkpoint(&r);
    series_store_rig_one(&r, "y", now_ms - 2 * DAY + HOUR, 1);
    checkpoint(&r);
    series_store_rig_close(&r);
    r.config.retention_ns = 24 * 3600 * NS_PER_S;
    series_store_rig_open(&r, true);
    compact(&r);
    struct series_stats stats = stats_of(&r);
    cr_expect(eq(u64, stats.part_files, 1), "one was dropped whole");
    cr_expect(eq(u64, stats.samples_parts, 1), "the other one was cut");
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* While weft was off, too: what is kept tells where the clock was. */
Test(series_maintain, a_clock_that_leaps_ahead_takes_nothing_for_a_day, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    r.config.retention_ns = (uint64_t)DAY * NS_PER_MS;
    r.arrival_ms = (uint64_t)T;
    clock_set_ns((uint64_t)T * NS_PER_MS, 1);
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", T, 1);
    checkpoint(&r);
    series_store_rig_close(&r);
    for (int64_t days = 0; days < 2; days++) {
        clock_set_ns((uint64_t)(T + (30 + days) * DAY) * NS_PER_MS,
                     (uint64_t)(days * DAY) * NS_PER_MS + 1);
        if (days == 0)
            series_store_rig_open(&r, true);
        compact(&r);
        cr_expect(eq(u64, stats_of(&r).samples_parts, days == 0));
    }
    clock_set_ns(0, 0);
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(series_maintain, the_oldest_parts_go_when_the_disk_is_full, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    r.disk_bytes = 6000;
    series_store_rig_open(&r, true);
    for (int day = 0; day < 12; day++) {
        struct rig_batch b = series_store_rig_batch(&r);
        for (int i = 0; i < 100; i++)
            series_store_rig_put(&b, "x", T - (20 - day) * DAY + i * i * 7, sin(i + day));
        series_store_rig_send(&r, &b);
        checkpoint(&r);
    }
    compact(&r);
    struct series_stats stats = stats_of(&r);
    cr_expect(le(u64, stats.part_bytes, 6000));
    cr_expect(stats.part_files > 0);
    cr_expect(eq(i64, stats.max_time_ms, T - 9 * DAY + 99 * 99 * 7), "the newest stay");
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(series_maintain, small_parts_become_large_ones, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    series_store_rig_open(&r, true);
    for (int i = 0; i < 30; i++) {
        series_store_rig_one(&r, "x", T + i, i);
        series_store_rig_one(&r, "x", T - i, -i);
        checkpoint(&r);
    }
    /* The worker merges by itself when nobody wants anything of it. */
    for (struct patience p = {0}; stats_of(&r).part_files > 14 && patience_left(&p);)
        ;
    cr_expect(le(u64, stats_of(&r).part_files, 14));
    compact(&r);
    cr_expect(eq(u64, stats_of(&r).part_files, 1));
    cr_expect(eq(u64, stats_of(&r).samples_parts, 59));
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(series_maintain, a_snapshot_opens_as_a_data_directory, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct err e = {0};
    char name[64], path[256];
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", 10, 1);
    cr_assert(eq(int, series_store_snapshot(r.series, name, sizeof(name), &e), ST_OK), "%s", e.msg);
    series_store_rig_one(&r, "x", 20, 2);
    series_store_rig_one(&r, "y", 20, 2);
    compact(&r);
    snprintf(path, sizeof(path), "%s/snapshots/%s", r.dir, name);
    struct series_store_rig copy = {.dir = path, .budget.limit = GIB};
    series_store_rig_open(&copy, true);
    cr_expect(eq(str, (char *)series_store_rig_select(&copy, "", 0, 100), "x 10=1;"));
    series_store_rig_one(&copy, "z", 30, 3);
    series_store_rig_close(&copy);
    series_store_rig_close(&r);
    series_store_rig_open(&r, true);
    cr_expect(eq(str, (char *)series_store_rig_select(&r, "", 0, 100), "x 10=1 20=2;y 20=2;"));
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Files that no longer count are written over, but not those that a snapshot has. */
Test(series_maintain, a_snapshot_stays_what_it_was, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct err e = {0};
    struct image_seen seen;
    char name[64], path[256];
    series_store_rig_open(&r, true);
    for (uint64_t position = 1; position < 10; position++) {
        cr_assert(eq(int, store_rig_checkpoint(r.store, position, store_rig_image, 2, 0), ST_OK));
        if (position == 4)
            cr_assert(eq(int, series_store_snapshot(r.series, name, sizeof(name), &e), ST_OK), "%s",
                      e.msg);
    }
    snprintf(path, sizeof(path), "%s/snapshots/%s", r.dir, name);
    struct store *copy = store_rig_open(path, (struct retention){0});
    cr_expect(eq(u64, store_rig_position(copy, &seen), 4));
    cr_expect(eq(sz, seen.count, 2));
    cr_expect(eq(int, seen.first_bytes[0], 4));
    store_close(copy);
    cr_expect(eq(sz, store_rig_files(r.dir, "image"), 3), "the spare one is still kept");
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* A sector of the first part cannot be read: its merge must not be tried before all others for
 * ever. */
Test(series_maintain, a_part_that_cannot_be_read_is_set_aside, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", T - DAY, 0);
    checkpoint(&r);
    struct series_set *set = series_store_set(r.series);
    cr_assert(eq(u32, set->part_count, 1));
    int fd = set->parts[0].part->fd, good = dup(fd), bad = open("/dev/null", O_WRONLY);
    cr_assert(dup2(bad, fd) == fd);
    for (int i = 1; i < 4; i++) {
        series_store_rig_one(&r, "x", T - DAY + i / 2 * DAY + i, i);
        checkpoint(&r);
    }
    (void)series_store_compact(r.series, NULL); /* fails, unless the worker's own merge did */
    compact(&r);
    cr_expect(eq(u64, stats_of(&r).part_files, 3), "the other day is one part");
    cr_expect(dup2(good, fd) == fd);
    series_set_unref(set);
    clock_set_ns(clock_wall_ns(), clock_mono_ns() + 3601 * NS_PER_S);
    compact(&r);
    cr_expect(eq(u64, stats_of(&r).part_files, 2), "an hour later it is tried again");
    cr_expect(eq(str, (char *)series_store_rig_select(&r, "", T - DAY, T + DAY),
                 "x 1699913600000=0 1699913600001=1 1700000000002=2 1700000000003=3;"));
    series_store_rig_free(&r);
    close(good);
    close(bad);
    EXPECT_NO_LEAK();
}

Test(series_maintain, at_rest_nothing_is_merged, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct err e = {0};
    series_store_rig_open(&r, true);
    series_store_rest(r.series);
    for (int i = 1; i <= 2; i++) {
        series_store_rig_one(&r, "x", i, 1);
        checkpoint(&r);
    }
    cr_expect(eq(int, series_store_compact(r.series, &e), ST_BUSY));
    cr_expect(eq(str, e.msg, "weft is stopping"));
    cr_expect(eq(u64, stats_of(&r).part_files, 2));
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* One may take a minute, and weft has seconds to stop. */
Test(series_maintain, at_rest_a_merge_is_broken_off, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct err e = {0};
    bool did;
    series_store_rig_open(&r, true);
    series_store_rest(r.series);
    for (int i = 1; i <= 2; i++) {
        series_store_rig_one(&r, "x", i, 1);
        checkpoint(&r);
    }
    size_t files = store_rig_files(r.dir, "series");
    cr_expect(eq(int, series_maintain_step(r.series, clock_wall_ns(), true, &did, &e), ST_BUSY));
    cr_expect(eq(str, e.msg, "weft is stopping"));
    cr_expect(eq(u64, stats_of(&r).part_files, 2));
    cr_expect(eq(sz, store_rig_files(r.dir, "series"), files));
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* --- coarse steps --- */

static bool yes(uint32_t id, void *user)
{
    (void)id, (void)user;
    return true;
}

/* increase() of PromQL over (start, end]. */
static double increase(const struct series_run *run, int64_t start_ms, int64_t end_ms)
{
    double sum = 0, last = 0;
    int64_t first_ms = 0, last_ms = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->sample_count; i++) {
        if (run->times_ms[i] <= start_ms || run->times_ms[i] > end_ms)
            continue;
        if (count++)
            sum += run->values[i] < last ? run->values[i] : run->values[i] - last;
        else
            first_ms = run->times_ms[i];
        last = run->values[i];
        last_ms = run->times_ms[i];
    }
    double covered = (double)(last_ms - first_ms);
    return sum * (double)(end_ms - start_ms) / covered;
}

Test(series_maintain, coarse_steps_keep_increases)
{
    enum { COUNT = 2000, STEP = 300000 };
    static int64_t times[COUNT], coarse_times[COUNT];
    static double values[COUNT], coarse_values[COUNT];
    double v = 0;
    for (int i = 0; i < COUNT; i++) {
        v = i % 97 == 96 ? i % 5 : v + (i * 7919 % 1000) / 8.0;
        times[i] = coarse_times[i] = T / STEP * STEP + (i + 1) * 15000;
        values[i] = coarse_values[i] = v;
    }
    struct series_run fine = {{1, 1, NAN}, COUNT, times, values, NULL, NULL};
    struct series_run coarse = {{1, 1, NAN}, COUNT, coarse_times, coarse_values, NULL, NULL};
    struct series_cut cut = {.drop_before_ms = INT64_MIN, .step_ms = STEP, .is_counter = yes};
    series_cut_run(&coarse, coarse_times, coarse_values, &cut);
    cr_expect(lt(u32, coarse.sample_count, COUNT / 6));
    for (int64_t from = 0; from < 90; from++) {
        for (int64_t steps = 1; steps < 9; steps++) {
            int64_t start = T / STEP * STEP + from * STEP, end = start + steps * STEP;
            double want = increase(&fine, start, end), got = increase(&coarse, start, end);
            cr_expect(fabs(want - got) <= 1e-9 * fabs(want), "%lld steps from %lld: %g %g",
                      (long long)steps, (long long)from, want, got);
        }
    }
    EXPECT_NO_LEAK();
}

Test(series_maintain, old_parts_are_thinned_out_once, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    r.config.settings.downsample_after_s = 86400;
    r.config.settings.downsample_step_s = 300;
    series_store_rig_open(&r, true);
    struct rig_batch b = series_store_rig_batch(&r);
    for (int i = 0; i < 240; i++)
        series_store_rig_put(&b, "x_total", 300000 + 15000 * (i + 1), i);
    series_store_rig_send(&r, &b);
    compact(&r);
    cr_expect(eq(u64, stats_of(&r).samples_parts, 24), "first and last of 12 steps");
    uint64_t merges = stats_of(&r).merges;
    compact(&r);
    cr_expect(eq(u64, stats_of(&r).merges, merges), "nothing is left to do");
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* --- dead series --- */

Test(series_maintain, an_index_of_dead_series_is_made_anew, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    int64_t now_ms = (int64_t)(clock_wall_ns() / NS_PER_MS);
    char labels[40];
    r.config.retention_ns = 3600 * NS_PER_S;
    series_store_rig_open(&r, false);
    r.arrival_ms = (uint64_t)(now_ms - 2 * HOUR);
    struct rig_batch b = series_store_rig_batch(&r);
    for (int i = 0; i < 3000; i++) {
        snprintf(labels, sizeof(labels), "x,n=%d", i);
        series_store_rig_put(&b, labels, now_ms - 2 * HOUR, 1);
    }
    series_store_rig_send(&r, &b);
    r.arrival_ms = (uint64_t)now_ms;
    series_store_rig_one(&r, "y", now_ms, 1);
    struct series_view *old;
    cr_assert(eq(int, series_view_take(r.series, &old, NULL), ST_OK));
    cr_assert(eq(int, series_store_start(r.series, NULL), ST_OK));
    r.is_started = true;
    checkpoint(&r);
    cr_expect(eq(u64, stats_of(&r).series, 1));
    cr_expect(eq(sz, r.series->states.states.held, 1), "nor is there memory for their states");
    series_view_unref(old);
    series_store_rig_one(&r, "x,n=5", now_ms, 1);
    series_store_rig_close(&r);
    series_store_rig_open(&r, true);
    cr_expect(eq(u64, stats_of(&r).series, 2));
    cr_expect(eq(str, (char *)series_store_rig_names(&r, "", 0, INT64_MAX), "x,n=5;y;"));
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* The first bucket of a histogram is not sent any more, and dies before its neighbours: what parts
 * hold of these was written under its number. */
Test(series_maintain, a_family_outlives_its_first_member, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    int64_t now_ms = (int64_t)(clock_wall_ns() / NS_PER_MS);
    char labels[40], want[100];
    series_store_rig_open(&r, true);
    r.arrival_ms = (uint64_t)now_ms;
    struct rig_batch b = series_store_rig_batch(&r);
    series_store_rig_put(&b, "h,le=1", now_ms - 2 * HOUR, 1);
    series_store_rig_put(&b, "h,le=2", now_ms - 10, 2);
    for (int i = 0; i < 3000; i++) {
        snprintf(labels, sizeof(labels), "x,n=%d", i);
        series_store_rig_put(&b, labels, now_ms - 2 * HOUR, 1);
    }
    series_store_rig_send(&r, &b);
    series_store_rig_close(&r);
    r.config.retention_ns = 3600 * NS_PER_S;
    snprintf(want, sizeof(want), "h,le=2 %lld=2 %lld=3;", (long long)now_ms - 10,
             (long long)now_ms);
    for (int restarts = 0; restarts < 2; restarts++) {
        series_store_rig_open(&r, true);
        series_store_rig_one(&r, "h,le=2", now_ms, 3);
        checkpoint(&r); /* the index without the first one */
        cr_expect(eq(u64, stats_of(&r).series, 2), "the first one stays for the other");
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "", now_ms - 99, now_ms), want));
        compact(&r);
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "", now_ms - 99, now_ms), want));
        series_store_rig_close(&r);
    }
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}
