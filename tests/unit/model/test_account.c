/* test_account.c - the account balances, is one step, and survives as bytes. */
#include "model/account.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

Test(account, adds_and_balances)
{
    struct account *a = account_new();
    struct account_row delta = {.received = 10, .pending = 6, .stored = 1};
    delta.rejected[REJECT_TOO_OLD] = 2;
    delta.dropped[DROP_LATE] = 1;
    cr_expect_eq(account_difference(&delta), 0);
    account_add(a, SIGNAL_SPANS, &delta);
    /* Four of the pending ones are stored: a change of -4 by wrap-around. */
    account_add(a, SIGNAL_SPANS, &(struct account_row){.pending = -UINT64_C(4), .stored = 4});
    account_add(a, SIGNAL_LOG_RECORDS, &(struct account_row){.received = 1, .sampled_out = 1});
    account_count_request(a, REQUEST_PARTIAL);
    struct account_totals totals;
    account_read(a, &totals);
    cr_expect_eq(totals.rows[SIGNAL_SPANS].pending, 2);
    cr_expect_eq(totals.rows[SIGNAL_SPANS].stored, 5);
    cr_expect_eq(totals.rows[SIGNAL_SPANS].rejected[REJECT_TOO_OLD], 2);
    cr_expect_eq(totals.rows[SIGNAL_LOG_RECORDS].sampled_out, 1);
    cr_expect_eq(totals.requests[REQUEST_PARTIAL], 1);
    for (unsigned s = 0; s < SIGNAL_COUNT; s++)
        cr_expect_eq(account_difference(&totals.rows[s]), 0);
    account_free(a);
    EXPECT_NO_LEAK();
}

Test(account, difference_sees_every_end)
{
    struct account_row row = {.received = 1};
    cr_expect_eq(account_difference(&row), 1);
    row = (struct account_row){.stored = 1};
    cr_expect_eq(account_difference(&row), -1);
    row = (struct account_row){.stored = 1, .sampled_out = 1, .pending = 1};
    for (unsigned i = 0; i < REJECT_REASON_COUNT; i++)
        row.rejected[i] = 1;
    for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
        row.dropped[i] = 1;
    for (unsigned i = 0; i < REFUSE_REASON_COUNT; i++)
        row.refused[i] = 1;
    row.received = 3 + REJECT_REASON_COUNT + DROP_REASON_COUNT + REFUSE_REASON_COUNT;
    cr_expect_eq(account_difference(&row), 0);
}

static struct account_totals sample(void)
{
    struct account_totals t = {0};
    uint64_t *values = (uint64_t *)&t;
    for (size_t i = 0; i < sizeof(t) / sizeof(*values); i++)
        values[i] = i * i * 12345 + 1;
    return t;
}

Test(account, every_counter_survives_as_bytes)
{
    struct account_totals before = sample(), after;
    struct buf b = {0};
    struct err e = {0};
    account_encode(&before, &b);
    struct cursor in = cursor_of(buf_str(&b));
    cr_assert_eq(account_decode(&in, &after, &e), ST_OK, "%s", e.msg);
    cr_expect_eq(in.at, in.end);
    cr_expect_eq(memcmp(&before, &after, sizeof(before)), 0);

    struct account *a = account_new();
    account_restore(a, &after);
    account_read(a, &before);
    cr_expect_eq(memcmp(&before, &after, sizeof(before)), 0);
    account_free(a);
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(account, damage_is_told)
{
    struct account_totals totals = sample(), out;
    struct buf b = {0};
    struct err e;
    account_encode(&totals, &b);
    for (size_t len = 0; len < b.len; len++) {
        struct cursor in = cursor_of((struct str){b.ptr, len});
        cr_assert_eq(account_decode(&in, &out, &e), ST_CORRUPT, "cut at %zu", len);
    }
    buf_reset(&b);
    buf_append_varint(&b, 1);
    buf_append_lenstr(&b, STR("spans.eaten"));
    buf_append_varint(&b, 1);
    struct cursor in = cursor_of(buf_str(&b));
    cr_expect_eq(account_decode(&in, &out, &e), ST_CORRUPT);
    cr_expect_not_null(strstr(e.msg, "spans.eaten"));
    buf_deinit(&b);
}

Test(account, an_older_image_leaves_new_counters_at_zero)
{
    struct account_totals out;
    struct buf b = {0};
    buf_append_varint(&b, 1);
    buf_append_lenstr(&b, STR("spans.received"));
    buf_append_varint(&b, 9);
    struct cursor in = cursor_of(buf_str(&b));
    cr_expect_eq(account_decode(&in, &out, NULL), ST_OK);
    cr_expect_eq(out.rows[SIGNAL_SPANS].received, 9);
    cr_expect_eq(out.rows[SIGNAL_SPANS].stored, 0);
    buf_deinit(&b);
}

Test(account, words_are_those_of_the_api)
{
    cr_expect_str_eq(account_signal_name(SIGNAL_METRIC_POINTS), "metric_points");
    cr_expect_str_eq(reject_reason_name(REJECT_INVALID_ID), "invalid_id");
    cr_expect_str_eq(drop_reason_name(DROP_DUPLICATE), "duplicate");
    cr_expect_str_eq(refuse_reason_name(REFUSE_MEMORY), "memory");
    cr_expect_str_eq(request_outcome_name(REQUEST_ABORTED), "aborted");
}

Test(account, no_memory)
{
    mem_fail_after(0);
    cr_expect_null(account_new());
    mem_fail_after(-1);
    account_free(NULL);
}
