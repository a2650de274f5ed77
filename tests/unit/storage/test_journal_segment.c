/* test_journal_segment.c - spare segments: no more than there is room for, whoever trims. */
#include "base/fileio.h"
#include "storage/journal_private.h"
#include "tests/unit/storage/journal_rig.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <unistd.h>

enum { RECORDS = SPARES_MAX + 4, RECORD_BYTES = 40 * KIB }; /* one a segment of 64 KiB */

static pthread_barrier_t both_rename;
static atomic_bool armed;
static atomic_uint renaming;

static int rename_together(const char *from, const char *to)
{
    if (armed) {
        renaming++;
        pthread_barrier_wait(&both_rename);
    }
    return rename(from, to);
}

static bool count_spare(const char *name, void *user)
{
    *(size_t *)user += str_ends_with(str_from_c(name), STR(".spare"));
    return true;
}

struct trim {
    struct journal *j;
    uint64_t position;
};

static void *trim(void *user)
{
    const struct trim *t = user;
    journal_trim(t->j, t->position);
    return NULL;
}

/* Both stores' checkpoints trim; each found room for the last spare, and the second wrote its
 * number behind the array. */
Test(journal_segment, two_that_trim_keep_to_the_room_for_spares, .timeout = 60)
{
    struct rig r;
    struct file_ops ops = *file_real_ops();
    pthread_t threads[2];
    ops.rename = rename_together;
    file_set_ops(&ops);
    rig_init(&r, ACK_MEMORY, 64 * KIB);
    rig_open(&r, 0);
    rig_start(&r);
    for (unsigned i = 0; i < RECORDS; i++)
        rig_append_and_wait(&r, RECORD_BYTES, i);
    cr_assert(rig_wait_heard(&r, RECORDS));
    journal_trim(r.j, SPARES_MAX);
    cr_assert(eq(u32, r.j->spare_count, SPARES_MAX - 1));
    pthread_barrier_init(&both_rename, NULL, LEN(threads));
    armed = true;
    for (unsigned i = 0; i < LEN(threads); i++) {
        static struct trim trims[LEN(threads)];
        trims[i] = (struct trim){r.j, SPARES_MAX + 1 + i};
        cr_assert(eq(int, pthread_create(&threads[i], NULL, trim, &trims[i]), 0));
        while (renaming == i)
            usleep(100);
    }
    for (unsigned i = 0; i < LEN(threads); i++)
        pthread_join(threads[i], NULL);
    armed = false;
    cr_expect(eq(u32, r.j->spare_count, SPARES_MAX));
    cr_expect(r.j->keep_spares, "it lies behind the array");
    size_t files = 0;
    cr_expect(eq(int, dir_each(r.directory, count_spare, &files, NULL), ST_OK));
    cr_expect(eq(sz, files, SPARES_MAX));
    rig_deinit(&r);
    file_set_ops(NULL);
}
