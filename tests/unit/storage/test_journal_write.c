/* test_journal_write.c - a disk that fails at any call: nothing acknowledged is lost, nothing
 * refused comes back. */
#include "base/fileio.h"
#include "tests/support/patience.h"
#include "tests/unit/storage/journal_rig.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <unistd.h>

enum { RUN = 12 };

/* A run of RUN small appends, one after the other, in small segments; then a replay of what is
 * there. Every OK is there once, every failure is not. */
static void run_with_plan(enum disk_call call, struct disk_plan plan)
{
    struct rig r;
    bool ok[RUN] = {false};
    disk_reset();
    rig_init(&r, ACK_DISK, 64 * KIB);
    rig_open(&r, 0);
    disk_plans[call] = plan;
    rig_start(&r);
    for (unsigned i = 0; i < RUN; i++) {
        size_t before = r.answered_ok, answers = before + r.answered_error;
        if (rig_append(&r, 20 * KIB, i, NULL) != ST_OK)
            continue;
        cr_assert(rig_wait_answers(&r, answers + 1));
        ok[i] = r.answered_ok > before;
    }
    cr_expect(not(r.order_broken));
    rig_close(&r, false);
    disk_reset();
    rig_open(&r, 1);
    size_t at = 0;
    for (unsigned i = 0; i < RUN; i++) {
        bool there = at < r.heard.len && r.heard.items[at].body_sum == rig_body_sum(20 * KIB, i);
        cr_assert(eq(int, there, ok[i]), "call %d from %ld for %ld: record %u", (int)call,
                  plan.first, plan.count, i);
        at += there;
    }
    cr_assert(eq(sz, at, r.heard.len), "nothing else is replayed");
    rig_deinit(&r);
}

Test(journal_write, any_failing_call_loses_nothing_acknowledged, .timeout = 300)
{
    static const int errors[] = {EIO, ENOSPC};
    enum { CALLS = 24 }; /* the run makes fewer of each kind */
    for (int c = 0; c < DISK_CALLS; c++) {
        for (long n = 0; n < CALLS; n++) {
            for (long length = 1; length <= 4; length += 1 + (length > 1))
                run_with_plan((enum disk_call)c, (struct disk_plan){n, length, errors[n % 2]});
        }
    }
}

Test(journal_write, one_failing_sync_is_retried_in_a_new_segment)
{
    struct rig r;
    disk_reset();
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    rig_append_and_wait(&r, 20, 0);
    disk_plans[DISK_SYNC] = (struct disk_plan){disk_calls(DISK_SYNC), 1, EIO};
    disk_plans[DISK_TRUNCATE] =
        (struct disk_plan){0, 1000, EIO}; /* and the abandoned bytes stay on disk */
    rig_append_and_wait(&r, 20, 1);
    cr_expect(eq(sz, r.answered_ok, 2));
    rig_close(&r, false);
    rig_open(&r, 1);
    rig_expect_bodies(&r, 2, 20, 0);
    rig_deinit(&r);
}

Test(journal_write, a_voided_group_is_never_replayed_even_when_its_bytes_stay)
{
    struct rig r;
    struct err e = {0};
    disk_reset();
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    rig_append_and_wait(&r, 20, 0);
    /* The group's sync and that of the next segment's head. */
    disk_plans[DISK_SYNC] = (struct disk_plan){disk_calls(DISK_SYNC), 2, EIO};
    disk_plans[DISK_TRUNCATE] = (struct disk_plan){0, 1000, EIO};
    rig_append_and_wait(&r, 20, 99);
    cr_expect(eq(sz, r.answered_error, 1));
    cr_expect(eq(int, rig_append(&r, 20, 98, &e), ST_IO), "refused at once while the disk fails");
    for (struct patience p = {0}; rig_append(&r, 20, 1, &e) != ST_OK && patience_left(&p);)
        ;
    cr_assert(rig_wait_answers(&r, 3), "it comes back by itself");
    cr_expect(eq(sz, r.answered_ok, 2));
    rig_close(&r, false);
    rig_open(&r, 1);
    rig_expect_bodies(&r, 2, 20, 0);
    rig_deinit(&r);
}

Test(journal_write, probing_a_dead_disk_backs_off)
{
    struct rig r;
    disk_reset();
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    disk_plans[DISK_ALLOCATE] = (struct disk_plan){0, 100000, ENOSPC};
    rig_start(&r);
    rig_append_and_wait(&r, 20, 0);
    cr_expect(eq(sz, r.answered_error, 1));
    long before = disk_calls(DISK_ALLOCATE);
    usleep(1000 * 1000);
    cr_expect(le(long, disk_calls(DISK_ALLOCATE) - before, 6), "100, 200, 400, 800 ms");
    for (struct patience p = {0}; disk_calls(DISK_ALLOCATE) < before + 2 && patience_left(&p);)
        ;
    cr_expect(ge(long, disk_calls(DISK_ALLOCATE) - before, 2));
    rig_deinit(&r);
}
