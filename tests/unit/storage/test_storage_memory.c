/* test_storage_memory.c - each allocation of the journal and the store fails once: an error with a
 * sentence, no leak, and everything is still there afterwards. */
#include "storage/store.h"
#include "tests/support/leak.h"
#include "tests/unit/storage/journal_rig.h"
#include <criterion/new/assert.h>

static void drop_batch(struct batch *b, void *user)
{
    ++*(size_t *)user;
    batch_free(b);
}

static enum status open_and_replay(const struct journal_config *config, size_t *count,
                                   struct err *e)
{
    struct journal *j;
    struct journal_sink sink = {.batch = drop_batch, .user = count};
    uint64_t last;
    TRY(journal_open(config, &j, e));
    enum status st = journal_replay(j, 1, &sink, &last, e);
    journal_close(j);
    return st;
}

Test(storage_memory, journal_open_and_replay)
{
    struct rig r;
    rig_init(&r, ACK_KERNEL, 0);
    rig_open(&r, 0);
    rig_start(&r);
    for (unsigned i = 0; i < 3; i++)
        rig_append_and_wait(&r, 50, i);
    rig_close(&r, false);
    long n = 0;
    for (bool failed = true; failed; n++) {
        struct err e = {0};
        size_t count = 0;
        mem_fail_after(n);
        enum status st = open_and_replay(&r.config, &count, &e);
        failed = mem_did_fail();
        mem_fail_after(-1);
        cr_expect(eq(int, st, failed ? ST_NO_MEMORY : ST_OK), "allocation %ld: %s", n, e.msg);
        cr_expect(failed || count == 3);
    }
    cr_expect(n > 8);
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}

Test(storage_memory, journal_append_leaves_the_batch_with_its_owner)
{
    struct rig r;
    rig_init(&r, ACK_KERNEL, 0);
    rig_open(&r, 0);
    rig_start(&r);
    struct err e = {0};
    struct batch *b = batch_new();
    b->sender = STR("127.0.0.1:1");
    mem_fail_after(0);
    cr_expect(eq(int, journal_append(r.j, b, NULL, NULL, &e), ST_NO_MEMORY));
    mem_fail_after(0);
    cr_expect(eq(int, journal_append_flush(r.j, &e), ST_NO_MEMORY));
    mem_fail_after(-1);
    cr_expect(eq(int, journal_append(r.j, b, NULL, NULL, &e), ST_OK), "%s", e.msg);
    cr_assert(rig_wait_heard(&r, 1));
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}

static enum status read_nothing(struct str bytes, void *user, struct err *e)
{
    (void)bytes, (void)user, (void)e;
    return ST_OK;
}

/* Opens, begins a checkpoint and gives it up, reads the image. */
static enum status use_store(const struct store_config *config, struct err *e)
{
    struct store *s;
    struct image_writer *w;
    TRY(store_open(config, &s, e));
    enum status st = store_checkpoint_begin(s, &w, e);
    if (st == ST_OK) {
        st = image_write(w, STR("open state"), e);
        store_checkpoint_abort(w);
    }
    if (st == ST_OK)
        st = store_image_read(s, STORE_IMAGE_LAST, read_nothing, NULL, e);
    store_close(s);
    return st;
}

Test(storage_memory, store_open_and_checkpoint, .timeout = 60)
{
    char *dir = temp_dir_make();
    struct store_config config = {.directory = str_from_c(dir)};
    long n = 0;
    for (bool failed = true; failed; n++) {
        struct err e = {0};
        mem_fail_after(n);
        enum status st = use_store(&config, &e);
        failed = mem_did_fail();
        mem_fail_after(-1);
        cr_expect(eq(int, st, failed ? ST_NO_MEMORY : ST_OK), "allocation %ld: %s", n, e.msg);
    }
    cr_expect(n > 5);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}
