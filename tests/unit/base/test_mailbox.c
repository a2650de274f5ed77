/* test_mailbox.c - order, bound, wake-ups; the races are in tests/race/race_mailbox.c. */
#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "tests/support/leak.h"

#include <pthread.h>

static void count_wake(void *user)
{
    ++*(int *)user;
}

Test(mailbox, wakes_for_the_first_mail_of_an_empty_box_only)
{
    int wakes = 0;
    struct mailbox *m = mailbox_new(0, count_wake, &wakes);
    struct mail mails[3] = {{.kind = 0}, {.kind = 1}, {.kind = 2}};
    struct list out;
    list_init(&out);
    cr_expect(mailbox_post(m, &mails[0]));
    cr_expect(mailbox_post(m, &mails[1]));
    cr_expect_eq(wakes, 1);
    cr_expect_eq(mailbox_count(m), 2);
    cr_expect_eq(mailbox_take(m, &out), 2);
    cr_expect_eq(mailbox_take(m, &out), 0);
    cr_expect(mailbox_post(m, &mails[2]));
    cr_expect_eq(wakes, 2);
    cr_expect_eq(mailbox_take(m, &out), 1);
    for (unsigned want = 0; want < 3; want++)
        cr_expect_eq(CONTAINER_OF(list_pop(&out), struct mail, link)->kind, want);
    mailbox_free(m);
    EXPECT_NO_LEAK();
}

Test(mailbox, refuses_when_full_or_closed)
{
    struct mailbox *m = mailbox_new(1, NULL, NULL);
    struct mail a, b;
    struct list out;
    list_init(&out);
    cr_expect(mailbox_post(m, &a));
    cr_expect_not(mailbox_post(m, &b));
    cr_expect_eq(mailbox_take(m, &out), 1);
    mailbox_close(m);
    cr_expect_not(mailbox_post(m, &b));
    cr_expect_eq(mailbox_wait(m, &out, 0), 0, "a closed box does not wait");
    mailbox_free(m);
    EXPECT_NO_LEAK();
}

Test(mailbox, what_was_posted_before_closing_is_still_delivered)
{
    struct mailbox *m = mailbox_new(0, NULL, NULL);
    struct mail a;
    struct list out;
    list_init(&out);
    cr_expect(mailbox_post(m, &a));
    mailbox_close(m);
    cr_expect_eq(mailbox_wait(m, &out, 0), 1);
    mailbox_free(m);
}

Test(mailbox, waiting_ends_at_the_deadline)
{
    struct mailbox *m = mailbox_new(0, NULL, NULL);
    struct list out;
    list_init(&out);
    uint64_t deadline = clock_mono_ns() + 20 * NS_PER_MS;
    cr_expect_eq(mailbox_wait(m, &out, deadline), 0);
    cr_expect_geq(clock_mono_ns(), deadline);
    cr_expect_eq(mailbox_wait(m, &out, 1), 0, "a deadline long ago");
    mailbox_free(m);
}

static void *wait_for_mail(void *user)
{
    struct list out;
    list_init(&out);
    return (void *)(uintptr_t)mailbox_wait(user, &out, 0);
}

Test(mailbox, a_post_wakes_the_receiver)
{
    struct mailbox *m = mailbox_new(0, NULL, NULL);
    struct mail a;
    pthread_t thread;
    void *got;
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_mail, m), 0);
    cr_expect(mailbox_post(m, &a));
    pthread_join(thread, &got);
    cr_expect_eq((uintptr_t)got, 1);
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_mail, m), 0);
    mailbox_close(m);
    pthread_join(thread, &got);
    cr_expect_eq((uintptr_t)got, 0);
    mailbox_free(m);
    mem_fail_after(0);
    cr_expect_null(mailbox_new(0, NULL, NULL));
    mem_fail_after(-1);
    EXPECT_NO_LEAK();
}
