/* test_query_budget.c - samples are counted up and down, time is looked at. */
#include "query/query_budget.h"
#include "base/clock.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(query_budget, counts_what_is_held)
{
    struct query_budget b = {.samples_max = 10};
    struct err e;
    cr_expect(eq(int, query_budget_take(&b, 10, &e), ST_OK));
    query_budget_give(&b, 4);
    cr_expect(eq(int, query_budget_take(&b, 4, &e), ST_OK));
    cr_expect(eq(int, query_budget_take(&b, 1, &e), ST_QUERY));
    cr_expect(eq(str, e.msg,
                 "query processing would load too many samples into memory in query execution"));
    cr_expect(eq(u64, b.samples_peak, 11));
    query_budget_give(&b, 100);
    cr_expect(eq(u64, b.samples_used, 0));
}

Test(query_budget, no_limit_is_zero)
{
    struct query_budget b = {0};
    cr_expect(eq(int, query_budget_take(&b, UINT32_MAX, NULL), ST_OK));
    cr_expect(eq(int, query_budget_check(&b, NULL), ST_OK));
}

Test(query_budget, ends_at_the_deadline)
{
    struct query_budget b = {.deadline_mono_ns = 1000};
    struct err e;
    clock_set_ns(1, 1000);
    cr_expect(eq(int, query_budget_check(&b, &e), ST_OK));
    clock_set_ns(1, 1001);
    cr_expect(eq(int, query_budget_check(&b, &e), ST_TIMEOUT));
    cr_expect(eq(str, e.msg, "query timed out in expression evaluation"));
    clock_set_ns(0, 0);
}

Test(query_budget, says_what_its_question_is_to_be_told)
{
    struct query_budget b = {.deadline_mono_ns = 1000, .late = "ask for less"};
    struct err e;
    clock_set_ns(1, 1001);
    cr_expect(eq(int, query_budget_check(&b, &e), ST_TIMEOUT));
    cr_expect(eq(str, e.msg, "ask for less"));
    clock_set_ns(0, 0);
}

Test(query_budget, ends_with_weft)
{
    atomic_bool ending = false;
    struct query_budget b = {.ending = &ending};
    struct err e;
    cr_expect(eq(int, query_budget_check(&b, &e), ST_OK));
    ending = true;
    cr_expect(eq(int, query_budget_check(&b, &e), ST_IO));
    cr_expect(strstr(e.msg, "shutting down") != NULL);
}

Test(query_budget, bounds_what_is_held_outside_the_arena)
{
    struct budget all = {.limit = 5 * MIB};
    struct arena arena = {.limit_bytes = 2 * MIB, .budget = &all, .budget_percent = 100};
    struct query_budget b = {.payer = &arena}, unpaid = {0};
    struct err e;
    cr_expect(eq(int, query_budget_hold(&b, 3 * MIB, &e), ST_OK));
    cr_expect(eq(u64, budget_used(&all), 3 * MIB));
    cr_expect(eq(int, query_budget_hold(&b, 2 * MIB, &e), ST_QUERY));
    cr_expect(strstr(e.msg, "more than 4 MiB") != NULL, "%s", e.msg);
    query_budget_let_go(&b, 2 * MIB);
    budget_force(&all, 3 * MIB);
    cr_expect(eq(int, query_budget_hold(&b, 2 * MIB, &e), ST_NO_MEMORY));
    cr_expect(eq(int, query_budget_hold(&unpaid, SIZE_MAX, &e), ST_OK));
    arena_deinit(&arena);
    cr_expect(eq(u64, budget_used(&all), 3 * MIB));
}

Test(query_budget, small_parts_of_work_add_up_to_a_look)
{
    struct query_budget b = {.deadline_mono_ns = 1000};
    clock_set_ns(1, 1001);
    cr_expect(eq(int, query_budget_work(&b, 99999, NULL), ST_OK));
    cr_expect(eq(int, query_budget_work(&b, 1, NULL), ST_TIMEOUT));
    cr_expect(eq(int, query_budget_work(&b, 99999, NULL), ST_OK), "it begins anew");
    cr_expect(eq(int, query_budget_check(&b, NULL), ST_TIMEOUT));
    clock_set_ns(0, 0);
}
