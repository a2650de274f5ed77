/* test_store_crash.c - a disk that fails and a process that is killed at every step of a checkpoint
 * and a merge. */
#include "base/clock.h"
#include "base/fileio.h"
#include "tests/unit/storage/journal_rig.h"
#include "tests/unit/storage/store_rig.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

Test(store_crash, a_failing_disk_changes_nothing, .timeout = 60)
{
    disk_reset();
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    struct image_seen seen;
    cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, tile_s), ST_OK));
    uint64_t position = 10;
    size_t parts = 1, failures = 0;
    static const enum disk_call calls[] = {DISK_OPEN, DISK_WRITE, DISK_SYNC};
    for (size_t c = 0; c < LEN(calls); c++) {
        for (long n = 0; n < 6; n++) {
            disk_plans[calls[c]] =
                (struct disk_plan){disk_calls(calls[c]) + n, 1, n % 2 ? EIO : ENOSPC};
            enum status st = store_rig_checkpoint(s, position + 1, store_rig_image, 2,
                                                  tile_s + 86400 * position);
            disk_plans[calls[c]] = (struct disk_plan){0};
            failures += st != ST_OK;
            position += st == ST_OK;
            parts += st == ST_OK;
            store_close(s);
            s = store_rig_open(dir, (struct retention){0});
            cr_expect(eq(u64, store_rig_position(s, &seen), position));
            cr_expect(eq(sz, seen.count, 2));
            cr_expect(eq(sz, store_rig_showing(s, 0), parts));
            cr_expect(eq(sz, store_rig_files(dir, "edges"), parts));
            cr_expect(eq(sz, store_rig_files(dir, "image"), MIN(parts, (size_t)2)));
        }
    }
    cr_expect(ge(sz, failures, 8), "the plans did hit");
    store_close(s);
    temp_dir_remove(dir);
}

/* Damages the first block of the part with that number. */
static void damage_part(const char *dir, unsigned number)
{
    char path[512], byte;
    snprintf(path, sizeof(path), "%s/edges/%016x.part", dir, number);
    int fd = open(path, O_RDWR);
    cr_assert(eq(int, pread(fd, &byte, 1, 16), 1));
    byte ^= 0x20;
    cr_assert(eq(int, pwrite(fd, &byte, 1, 16), 1));
    close(fd);
}

/* Blocks lost by a compaction that succeeds at once, or the second time. Parts are of today: no
 * merge but that one. */
static uint64_t lost_by_compaction(bool fails)
{
    disk_reset();
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    struct store_stats stats;
    uint64_t now_s = clock_wall_ns() / NS_PER_S;
    for (uint64_t position = 1; position <= 2; position++)
        cr_assert(eq(int, store_rig_checkpoint(s, position, store_rig_image, 2, now_s), ST_OK));
    damage_part(dir, 2);
    cr_assert(eq(sz, store_rig_showing(s, 2), 2));
    if (fails) { /* the sum is written and synced, its name is not */
        disk_plans[DISK_SYNC] = (struct disk_plan){disk_calls(DISK_SYNC) + 1, 1, EIO};
        cr_expect(eq(int, store_compact(s, NULL), ST_IO));
    }
    cr_expect(eq(int, store_compact(s, NULL), ST_OK));
    cr_expect(eq(sz, store_rig_showing(s, 2), 1));
    store_stats(s, &stats);
    store_close(s);
    temp_dir_remove(dir);
    return stats.lost_blocks;
}

Test(store_crash, a_merge_that_is_tried_again_loses_once, .timeout = 60)
{
    uint64_t lost = lost_by_compaction(false);
    cr_expect(ne(u64, lost, 0));
    cr_expect(eq(u64, lost_by_compaction(true), lost));
}

/* --- the catalogue's own calls fail --- */

static void set_fault(const char *fault)
{
    setenv("WEFT_FAULT", fault, 1);
    file_faults_init();
}

static void expect_whole(const char *dir, uint64_t position, size_t parts, const char *fault)
{
    struct image_seen seen;
    struct store_stats stats;
    struct store *s = store_rig_open(dir, (struct retention){0});
    store_stats(s, &stats);
    cr_expect(eq(u64, store_rig_position(s, &seen), position), "%s", fault);
    cr_expect(eq(sz, seen.count, 2), "%s: its image is there", fault);
    cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), parts), "%s", fault);
    cr_expect(eq(u64, stats.lost_blocks, 0), "%s: no listed part is missing", fault);
    store_close(s);
}

/* Fails one call during the second checkpoint. True when that made a difference. */
static bool fail_catalogue_call(const char *fault, bool go_on)
{
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, tile_s + 86400 * 3), ST_OK));
    set_fault(fault);
    enum status second = store_rig_checkpoint(s, 20, store_rig_image, 2, tile_s + 86400 * 2);
    set_fault("");
    bool third =
        go_on && store_rig_checkpoint(s, 30, store_rig_image, 2, tile_s + 86400 * 1) == ST_OK;
    cr_expect(third || !go_on, "%s: the next one succeeds", fault);
    store_close(s);
    s = store_rig_open(dir, (struct retention){0});
    struct image_seen seen;
    uint64_t position = store_rig_position(s, &seen);
    store_close(s);
    if (go_on) /* a failed checkpoint's part must not come back, whatever the disk said of it */
        expect_whole(dir, 30, second == ST_OK ? 3 : 2, fault);
    else
        expect_whole(dir, position, position == 20 ? 2 : 1, fault);
    cr_expect(second != ST_OK || position >= 20, "%s: what was said to be done is done", fault);
    temp_dir_remove(dir);
    return second != ST_OK;
}

Test(store_crash, a_failing_catalogue_is_before_or_after_and_the_next_commit_settles_it,
     .timeout = 60)
{
    static const char *const calls[] = {"write", "sync", "truncate", "unlink", "open"};
    size_t failures = 0;
    for (size_t c = 0; c < LEN(calls); c++) {
        for (unsigned n = 1; n <= 20; n++) {
            char fault[32];
            snprintf(fault, sizeof(fault), "EIO:%s:%u", calls[c], n);
            failures += fail_catalogue_call(fault, n % 2);
            failures += fail_catalogue_call(fault, !(n % 2));
        }
    }
    cr_expect(ge(sz, failures, 30), "the faults did hit: %zu", failures);
}

/* --- kill at every point --- */

/* In a child: opens, checkpoints, merges the two parts, and dies at the point if it comes. */
static void work_until_killed(const char *dir, const char *point)
{
    char fault[64];
    snprintf(fault, sizeof(fault), "kill:%s:1", point);
    setenv("WEFT_FAULT", fault, 1);
    file_faults_init();
    struct store *s = store_rig_open(dir, (struct retention){0});
    store_rig_checkpoint(s, 20, store_rig_image, 2,
                         tile_s + 86400); /* another day: not merged by itself */
    struct stored_part *parts;
    size_t count;
    cr_assert(eq(int, store_parts_snapshot(s, 20, &parts, &count, NULL), ST_OK));
    uint64_t ids[] = {parts[0].id, parts[1].id};
    stored_parts_free(parts, count);
    struct buf merged = store_rig_part(tile_s);
    /* No job runs now: the writer thread is asleep. */
    store_parts_replace(s, ids, 2, &merged, NULL);
    _exit(0);
}

Test(store_crash, killed_at_any_point_it_is_before_or_after, .timeout = 60)
{
    static const struct {
        const char *point;
        uint64_t position;
        size_t parts;
    } rows[] = {
        {"checkpoint_image_write", 10, 1},
        {"checkpoint_begin", 10, 1},
        {"checkpoint_image", 10, 1},
        {"checkpoint_part", 10, 1},
        {"checkpoint_synced", 10, 1},
        {"checkpoint_committed", 20, 2},
        {"checkpoint_cleaned", 20, 2},
        {"merge_begin", 20, 2},
        {"merge_part", 20, 2},
        {"merge_synced", 20, 2},
        {"merge_committed", 20, 1},
        {"merge_remove", 20, 1},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char *dir = temp_dir_make();
        struct store *s = store_rig_open(dir, (struct retention){0});
        cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, tile_s), ST_OK));
        store_close(s);
        pid_t child = fork();
        if (child == 0)
            work_until_killed(dir, rows[i].point);
        int how;
        waitpid(child, &how, 0);
        bool killed = WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL;
        cr_assert(killed, "%s was not reached", rows[i].point);
        s = store_rig_open(dir, (struct retention){0});
        struct image_seen seen;
        cr_expect(eq(u64, store_rig_position(s, &seen), rows[i].position), "%s", rows[i].point);
        cr_expect(eq(sz, seen.count, 2), "%s", rows[i].point);
        cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), rows[i].parts), "%s", rows[i].point);
        cr_expect(eq(sz, store_rig_files(dir, "edges"), rows[i].parts),
                  "%s: unlisted files are gone", rows[i].point);
        cr_expect(eq(sz, store_rig_files(dir, "image"), rows[i].position == 20 ? 2 : 1),
                  "%s: and the one before", rows[i].point);
        store_close(s);
        temp_dir_remove(dir);
    }
}
