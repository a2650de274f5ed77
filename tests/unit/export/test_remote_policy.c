/* test_remote_policy.c - the table of answers, and the waits between requests. */
#include "export/remote_policy.h"

#include "tests/support/leak.h"

#include <criterion/criterion.h>

Test(remote_policy, answers)
{
    static const struct {
        unsigned status;
        bool is_2, has_written;
        enum remote_verdict want;
    } rows[] = {
        {200, false, false, REMOTE_DELIVERED}, {204, false, false, REMOTE_DELIVERED},
        {204, true, true, REMOTE_DELIVERED},   {204, true, false, REMOTE_DOWNGRADE},
        {415, true, false, REMOTE_DOWNGRADE},  {415, false, false, REMOTE_DROP},
        {0, true, false, REMOTE_RETRY},        {302, false, false, REMOTE_RETRY},
        {400, true, true, REMOTE_DROP},        {401, false, false, REMOTE_DROP},
        {404, false, false, REMOTE_DROP},      {413, false, false, REMOTE_SPLIT},
        {413, true, false, REMOTE_SPLIT},      {429, false, false, REMOTE_RETRY},
        {500, false, false, REMOTE_RETRY},     {503, true, false, REMOTE_RETRY},
        {599, false, false, REMOTE_RETRY},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        cr_expect_eq(remote_judge(rows[i].status, rows[i].is_2, rows[i].has_written), rows[i].want,
                     "status %u of %s", rows[i].status, rows[i].is_2 ? "2.0" : "1.0");
    EXPECT_NO_LEAK();
}

Test(remote_policy, waits_grow_to_five_seconds)
{
    struct remote_backoff low = {0}, high = {0};
    for (uint32_t step = 30, i = 0; i < 20; i++, step = MIN(step * 2, 5000u)) {
        cr_expect_eq(remote_backoff_next(&low, 0, 0), step / 2);
        cr_expect_eq(remote_backoff_next(&high, 0, step / 2), step);
    }
    remote_backoff_reset(&low);
    cr_expect_eq(remote_backoff_next(&low, 0, 0), 15u);
    EXPECT_NO_LEAK();
}

Test(remote_policy, what_the_receiver_asks_for_is_given)
{
    struct remote_backoff b = {0};
    cr_expect_eq(remote_backoff_next(&b, 7000, 0), 7000u);
    cr_expect_eq(remote_backoff_next(&b, 3600 * 1000, 0), 600000u);
    EXPECT_NO_LEAK();
}
