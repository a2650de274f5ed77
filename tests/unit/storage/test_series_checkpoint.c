/* test_series_checkpoint.c - who asks for a checkpoint of the series waits for that one, however
 * much comes meanwhile and whatever the disk does. */
#include "storage/series_store_private.h"
#include "tests/support/leak.h"
#include "tests/unit/storage/series_store_rig.h"
#include <criterion/new/assert.h>
#include <errno.h>
#include <limits.h>
#include <unistd.h>

static uint64_t checkpoints(struct series_store_rig *r)
{
    struct series_stats stats;
    series_store_stats(r->series, &stats);
    return stats.checkpoints;
}

struct sender {
    struct series_store_rig *rig;
    atomic_bool stop;
    atomic_uint sent;
};

static void *send_on(void *user)
{
    struct sender *x = user;
    for (int64_t at = 10; !x->stop; at++) {
        series_store_rig_one(x->rig, "x", at, (double)at);
        x->sent++;
    }
    return NULL;
}

/* Each batch that came meanwhile was one more reason for one more checkpoint. */
Test(series_checkpoint, is_not_waited_for_as_long_as_samples_come, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct sender x = {.rig = &r};
    pthread_t thread;
    series_store_rig_open(&r, true);
    cr_assert(eq(int, pthread_create(&thread, NULL, send_on, &x), 0));
    for (unsigned rounds = 0; rounds < 20; rounds++) {
        unsigned sent = x.sent;
        while (x.sent == sent)
            usleep(100);
        uint64_t before = checkpoints(&r);
        cr_assert(eq(int, series_store_checkpoint(r.series, NULL), ST_OK));
        cr_expect(eq(u64, checkpoints(&r), before + 1));
    }
    x.stop = true;
    pthread_join(thread, NULL);
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* --- a disk that fails --- */

static void *stop(void *user)
{
    series_store_stop(user);
    return NULL;
}

static void *ask(void *user)
{
    struct err e = {0};
    cr_expect(ne(int, series_store_checkpoint(user, &e), ST_OK));
    cr_expect(ne(str, e.msg, ""));
    return NULL;
}

static void wait_until_written(long writes)
{
    while (disk_calls(DISK_WRITE) == writes)
        usleep(100);
}

static void wait_until_asked(const struct series_store *s)
{
    while (list_is_empty(&s->waiting))
        usleep(100);
}

/* The last checkpoint of all is on its way when somebody asks for one more, and it fails. */
Test(series_checkpoint, nobody_waits_for_one_that_never_comes, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    pthread_t stopper, asker;
    disk_reset();
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", 10, 1);
    long writes = disk_calls(DISK_WRITE);
    disk_hold_syncs(true);
    cr_assert(eq(int, pthread_create(&stopper, NULL, stop, r.series), 0));
    wait_until_written(writes);
    cr_assert(eq(int, pthread_create(&asker, NULL, ask, r.series), 0));
    wait_until_asked(r.series);
    disk_plans[DISK_SYNC] = (struct disk_plan){0, LONG_MAX, EIO};
    disk_hold_syncs(false);
    pthread_join(asker, NULL);
    pthread_join(stopper, NULL);
    disk_plans[DISK_SYNC] = (struct disk_plan){0};
    series_store_rig_free(&r);
}
