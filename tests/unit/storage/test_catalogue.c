/* test_catalogue.c - a snapshot of the catalogue lists the files that are taken with it. */
#include "base/fileio.h"
#include "base/mem.h"
#include "storage/catalogue_series.h"
#include "tests/support/leak.h"
#include "tests/unit/storage/journal_rig.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>

static void set_fault(const char *fault)
{
    setenv("WEFT_FAULT", fault, 1);
    file_faults_init();
}

static struct catalogue *open_in(const char *dir, const char *name)
{
    struct catalogue *c;
    struct err e = {0};
    char path[300];
    bool created;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    cr_assert(eq(int, catalogue_open(path, &c, &created, &e), ST_OK), "%s", e.msg);
    return c;
}

static enum status add_part(struct catalogue *c, uint64_t id, bool *unknown)
{
    struct catalogue_part part = {.id = id};
    struct catalogue_change change = {.added = &part};
    return catalogue_commit(c, &change, unknown, NULL);
}

static enum status take(const char *folder, const char *suffix, uint64_t id, void *user,
                        struct err *e)
{
    (void)folder, (void)suffix, (void)id, (void)e;
    ++*(size_t *)user;
    return ST_OK;
}

/* One commit fails at that call; then a snapshot. True when nobody knew what the file says. */
static bool snapshot_after(const char *fault)
{
    char *dir = temp_dir_make(), path[300];
    struct catalogue *c = open_in(dir, "catalogue.db");
    bool unknown, ignored;
    size_t taken = 0, listed;
    struct err e = {0};
    cr_assert(eq(int, add_part(c, 1, &ignored), ST_OK));
    set_fault(fault);
    enum status second = add_part(c, 2, &unknown);
    set_fault("");
    snprintf(path, sizeof(path), "%s/copy.db", dir);
    cr_assert(eq(int, catalogue_snapshot(c, path, take, &taken, &e), ST_OK), "%s: %s", fault,
              e.msg);
    cr_expect(eq(sz, taken, second == ST_OK ? 2 : 1), "%s", fault);
    struct catalogue *copy = open_in(dir, "copy.db");
    catalogue_parts(copy, &listed);
    cr_expect(eq(sz, listed, taken), "%s", fault);
    catalogue_close(copy);
    catalogue_close(c);
    temp_dir_remove(dir);
    return second != ST_OK && unknown;
}

Test(catalogue, a_snapshot_lists_what_is_taken_whatever_the_disk_did, .timeout = 60)
{
    static const char *const calls[] = {"write", "sync", "truncate", "unlink", "open"};
    size_t doubts = 0;
    for (size_t c = 0; c < LEN(calls); c++) {
        for (unsigned n = 1; n <= 12; n++) {
            char fault[32];
            snprintf(fault, sizeof(fault), "EIO:%s:%u", calls[c], n);
            doubts += snapshot_after(fault);
        }
    }
    cr_expect(ne(sz, doubts, 0), "no fault left a doubt");
    EXPECT_NO_LEAK();
}
