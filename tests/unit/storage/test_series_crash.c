/* test_series_crash.c - the series store under a disk that fails, a process that is killed at every
 * step, and damaged files. */
#include "base/clock.h"
#include "base/fileio.h"
#include "tests/support/leak.h"
#include "tests/unit/storage/series_store_rig.h"
#include "tests/unit/storage/store_rig.h"
#include <criterion/new/assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void set_fault(const char *fault)
{
    setenv("WEFT_FAULT", fault, 1);
    file_faults_init();
}

/* Record n of the journal: a sample of a series that goes on and one of a new one. */
static void send(struct series_store_rig *r, unsigned n)
{
    char labels[24];
    snprintf(labels, sizeof(labels), "y,n=%u", n);
    struct rig_batch b = series_store_rig_batch(r);
    series_store_rig_put(&b, "x", n * 10, n);
    series_store_rig_put(&b, labels, n * 10, n);
    series_store_rig_send(r, &b);
}

/* What a journal that kept everything from the position on would replay, then the answer. */
static void expect_whole(struct series_store_rig *r, unsigned records, const char *what)
{
    char want[4096];
    int len = snprintf(want, sizeof(want), "x");
    r->sequence = 0;
    series_store_rig_open(r, false);
    r->sequence = r->position ? r->position - 1 : 0;
    for (unsigned n = (unsigned)r->sequence + 1; n <= records; n++)
        send(r, n);
    for (unsigned n = 1; n <= records; n++)
        len += snprintf(want + len, sizeof(want) - (size_t)len, " %u=%u", n * 10, n);
    snprintf(want + len, sizeof(want) - (size_t)len, ";");
    cr_expect(eq(str, (char *)series_store_rig_select(r, "__name__=x", 0, 100000), want), "%s",
              what);
    struct series_stats stats;
    struct account_totals totals;
    series_store_stats(r->series, &stats);
    account_read(r->account, &totals);
    cr_expect(eq(u64, stats.series, records + 1), "%s", what);
    cr_expect(eq(u64, stats.lost_blocks, 0), "%s", what);
    cr_expect(eq(u64, totals.rows[SIGNAL_SAMPLES].stored, 2 * records), "%s", what);
    series_store_rig_close(r);
}

static void work_until_killed(struct series_store_rig *r, const char *fault)
{
    set_fault(fault);
    series_store_rig_open(r, true);
    for (unsigned n = 1; n <= 12; n++) {
        send(r, n);
        series_store_checkpoint(r->series, NULL);
    }
    series_store_compact(r->series, NULL);
    _exit(0);
}

Test(series_crash, killed_at_any_point_nothing_is_lost_or_twice, .timeout = 120)
{
    static const char *const points[] = {"series_begin", "series_part",      "series_index",
                                         "series_state", "series_committed", "series_exchanged",
                                         "series_merged"};
    for (size_t i = 0; i < LEN(points); i++) {
        for (unsigned n = 1; n <= 3; n++) {
            char fault[48];
            struct series_store_rig r = series_store_rig_new();
            snprintf(fault, sizeof(fault), "kill:%s:%u", points[i], n);
            pid_t child = fork();
            if (child == 0)
                work_until_killed(&r, fault);
            int how;
            waitpid(child, &how, 0);
            bool killed = WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL;
            cr_assert(killed || (n > 1 && i > 4), "%s was not reached", fault);
            expect_whole(&r, 12, fault);
            expect_whole(&r, 14, fault);
            series_store_rig_free(&r);
        }
    }
}

Test(series_crash, a_failing_disk_keeps_everything_in_memory_and_is_tried_again, .timeout = 120)
{
    static const char *const calls[] = {"write", "sync", "open", "unlink", "truncate"};
    unsigned failures = 0;
    for (size_t c = 0; c < LEN(calls); c++) {
        for (unsigned n = 1; n <= 16; n++) {
            char fault[48];
            struct series_store_rig r = series_store_rig_new();
            series_store_rig_open(&r, true);
            send(&r, 1);
            series_store_checkpoint(r.series, NULL);
            send(&r, 2);
            snprintf(fault, sizeof(fault), "%s:%s:%u", n % 2 ? "EIO" : "ENOSPC", calls[c], n);
            set_fault(fault);
            failures += series_store_checkpoint(r.series, NULL) != ST_OK;
            cr_expect(
                eq(str, (char *)series_store_rig_select(&r, "__name__=x", 0, 1000), "x 10=1 20=2;"),
                "%s", fault);
            send(&r, 3);
            set_fault("");
            cr_expect(eq(int, series_store_checkpoint(r.series, NULL), ST_OK), "%s", fault);
            cr_expect(eq(str, (char *)series_store_rig_select(&r, "__name__=x", 0, 1000),
                         "x 10=1 20=2 30=3;"),
                      "%s", fault);
            series_store_rig_close(&r);
            expect_whole(&r, 3, fault);
            series_store_rig_free(&r);
        }
    }
    cr_expect(failures > 12, "the faults did hit: %u", failures);
    EXPECT_NO_LEAK();
}

/* Its links would keep what retention drops on the disk that is full. */
Test(series_crash, a_snapshot_that_fails_leaves_nothing, .timeout = 60)
{
    static const char *const calls[] = {"write", "sync", "open"};
    struct series_store_rig r = series_store_rig_new();
    char name[64];
    series_store_rig_open(&r, true);
    size_t whole = 0, failures = 0;
    unsigned records = 0;
    for (size_t c = 0; c < LEN(calls); c++) {
        for (unsigned n = 0; n < 24; n++) {
            char fault[48];
            snprintf(fault, sizeof(fault), "ENOSPC:%s:%u", calls[c], n);
            send(&r, ++records);
            set_fault(n ? fault : "");
            bool taken = series_store_snapshot(r.series, name, sizeof(name), NULL) == ST_OK;
            set_fault("");
            whole += taken;
            failures += !taken;
            cr_expect(eq(sz, store_rig_files(r.dir, "snapshots"), whole), "%s", fault);
        }
    }
    cr_expect(ne(sz, failures, 0), "the faults did hit");
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* --- bit flips --- */

struct victim {
    const char *suffix;
    char name[300];
    const char *directory;
};

static bool find_victim(const char *name, void *user)
{
    struct victim *v = user;
    if (!str_ends_with(str_from_c(name), str_from_c(v->suffix)))
        return true;
    snprintf(v->name, sizeof(v->name), "%s/series/%s", v->directory, name);
    return false;
}

static void flip(const char *path, size_t at)
{
    char *bytes;
    size_t len;
    cr_assert(eq(int, file_read_all(path, GIB, &bytes, &len, NULL), ST_OK));
    bytes[at % len] ^= 0x20;
    cr_assert(eq(int, file_replace(path, (struct str){bytes, len}, NULL), ST_OK));
    mem_free(bytes);
}

static void find_file(const struct series_store_rig *r, const char *suffix, struct victim *v)
{
    char folder[280];
    *v = (struct victim){suffix, "", r->dir};
    snprintf(folder, sizeof(folder), "%s/series", r->dir);
    cr_assert(eq(int, dir_each(folder, find_victim, v, NULL), ST_OK));
    cr_assert(v->name[0] != '\0', "no %s", suffix);
}

/* The log is written anew; the damaged one is still there for whoever wants to look at it. */
Test(series_crash, a_damaged_head_of_the_index_costs_no_name, .timeout = 60)
{
    for (size_t at = 0; at < 32; at++) {
        struct series_store_rig r = series_store_rig_new();
        struct victim v;
        series_store_rig_open(&r, true);
        send(&r, 1);
        series_store_rig_close(&r);
        find_file(&r, ".index", &v);
        flip(v.name, at);
        for (int start = 0; start < 2; start++) {
            series_store_rig_open(&r, true);
            series_store_rig_one(&r, "z", 10 + start, 1);
            cr_expect(ne(str, (char *)series_store_rig_select(&r, "__name__=x", 0, 100), ""),
                      "byte %zu, start %d", at, start);
            series_store_rig_close(&r);
            find_file(&r, ".index.damaged", &v);
        }
        series_store_rig_free(&r);
    }
    EXPECT_NO_LEAK();
}

/* Whatever the file, weft starts, names the damage and answers with what is whole. */
Test(series_crash, a_damaged_file_costs_at_most_itself, .timeout = 120)
{
    static const char *const suffixes[] = {".part", ".index", ".state"};
    for (size_t i = 0; i < LEN(suffixes); i++) {
        for (size_t at = 1; at < 2000; at += 131) {
            struct series_store_rig r = series_store_rig_new();
            series_store_rig_open(&r, true);
            send(&r, 1);
            series_store_rig_close(&r);
            struct victim v;
            find_file(&r, suffixes[i], &v);
            flip(v.name, at);
            series_store_rig_open(&r, true);
            struct metric_outcome o = series_store_rig_one(&r, "z", 10, 1);
            cr_expect(eq(u32, o.samples, 1), "%s at %zu", suffixes[i], at);
            cr_expect(
                eq(str, (char *)series_store_rig_select(&r, "__name__=z", 0, 100), "z 10=1;"));
            series_store_rig_close(&r);
            series_store_rig_open(&r, true);
            cr_expect(eq(str, (char *)series_store_rig_select(&r, "__name__=z", 0, 100), "z 10=1;"),
                      "%s at %zu: what came later is whole", suffixes[i], at);
            if (i == 2) {
                o = series_store_rig_one(&r, "x", 10, 7);
                cr_expect(eq(u32, o.faults[SAMPLE_DUPLICATE_OTHER_VALUE], 1),
                          "last values are known out of the parts");
            }
            series_store_rig_free(&r);
        }
    }
    EXPECT_NO_LEAK();
}

/* Nobody repairs what would be dropped, and each start named it and counted it as lost. */
Test(series_crash, a_damaged_part_goes_when_it_is_too_old, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct series_stats stats;
    struct victim v;
    r.arrival_ms = clock_wall_ns() / NS_PER_MS;
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", (int64_t)r.arrival_ms - 7200000, 1);
    series_store_rig_close(&r);
    find_file(&r, ".part", &v);
    cr_assert(eq(int, truncate(v.name, 20), 0));
    for (uint64_t start = 0; start < 3; start++) {
        r.config.retention_ns = (start ? 1 : 3) * 3600 * NS_PER_S;
        series_store_rig_open(&r, true);
        series_store_stats(r.series, &stats);
        cr_expect(eq(u64, stats.lost_blocks, start < 2));
        cr_expect(eq(int, series_store_compact(r.series, NULL), ST_OK));
        series_store_rig_close(&r);
        cr_expect(eq(int, access(v.name, F_OK), start ? -1 : 0));
    }
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Blocks lost by a compaction that succeeds at once, or the second time. Samples are of today: no
 * merge but that one. */
static uint64_t lost_by_compaction(bool fails)
{
    struct series_store_rig r = series_store_rig_new();
    struct series_stats stats;
    struct victim v;
    disk_reset();
    r.arrival_ms = clock_wall_ns() / NS_PER_MS;
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", (int64_t)r.arrival_ms, 1);
    series_store_rig_close(&r);
    find_file(&r, ".part", &v);
    flip(v.name, 20);
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", (int64_t)r.arrival_ms + 1, 2);
    cr_assert(eq(int, series_store_checkpoint(r.series, NULL), ST_OK));
    if (fails) { /* the sum is written and synced, its name is not */
        disk_plans[DISK_SYNC] = (struct disk_plan){disk_calls(DISK_SYNC) + 1, 1, EIO};
        cr_expect(eq(int, series_store_compact(r.series, NULL), ST_IO));
    }
    cr_expect(eq(int, series_store_compact(r.series, NULL), ST_OK));
    series_store_stats(r.series, &stats);
    series_store_rig_free(&r);
    return stats.lost_blocks;
}

Test(series_crash, a_merge_that_is_tried_again_loses_once, .timeout = 60)
{
    uint64_t lost = lost_by_compaction(false);
    cr_expect(ne(u64, lost, 0));
    cr_expect(eq(u64, lost_by_compaction(true), lost));
}
