/* test_mem.c - the allocation hook, vectors and the budget. */
#include "base/budget.h"
#include "base/vec.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

Test(mem, fails_the_nth_allocation_once)
{
    mem_fail_after(1);
    void *first = mem_alloc(8);
    cr_expect_not_null(first);
    cr_expect_not(mem_did_fail());
    cr_expect_null(mem_calloc(1, 8));
    cr_expect(mem_did_fail());
    void *third = mem_realloc(NULL, 8);
    cr_expect_not_null(third, "only one allocation fails");
    mem_fail_after(-1);
    cr_expect_not(mem_did_fail());
    mem_free(first);
    mem_free(third);
    EXPECT_NO_LEAK();
}

Test(mem, array_sizes_do_not_wrap)
{
    cr_expect_null(mem_realloc_array(NULL, SIZE_MAX / 2, 3));
    cr_expect_null(mem_calloc(SIZE_MAX / 2, 3));
}

Test(mem, walk_tries_every_allocation)
{
    long runs = 0;
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        runs++;
        void *a = mem_alloc(1), *b = a ? mem_alloc(1) : NULL;
        mem_free(a);
        mem_free(b);
    }
    cr_expect_eq(runs, 3, "two failing runs and a good one");
    cr_expect_eq(walk.failures, 2);
}

Test(vec, grows_and_keeps_its_items)
{
    VEC(uint64_t) v = {0};
    for (uint64_t i = 0; i < 1000; i++)
        cr_assert(vec_push(&v, i * i));
    for (uint64_t i = 0; i < 1000; i++)
        cr_assert_eq(v.items[i], i * i);
    vec_deinit(&v);
    cr_expect_null(v.items);
    cr_expect_eq(v.cap, 0);
    EXPECT_NO_LEAK();
}

Test(vec, stays_as_it_is_when_memory_is_short)
{
    VEC(int) v = {0};
    cr_assert(vec_push(&v, 7));
    mem_fail_after(0);
    cr_expect_not(vec_reserve(&v, 1000));
    mem_fail_after(-1);
    cr_expect_eq(v.len, 1);
    cr_expect_eq(v.items[0], 7);
    cr_expect_not(vec_reserve(&v, SIZE_MAX / 4), "item bytes must not wrap");
    vec_deinit(&v);
    EXPECT_NO_LEAK();
}

Test(budget, takes_up_to_its_share)
{
    struct budget b = {.limit = 1000};
    cr_expect(budget_take(&b, 800, 80));
    cr_expect_not(budget_take(&b, 1, 80));
    cr_expect(budget_take(&b, 200, 100));
    cr_expect_not(budget_take(&b, 1, 100));
    budget_force(&b, 500);
    cr_expect_eq(budget_used(&b), 1500);
    budget_give(&b, 1500);
    cr_expect_eq(budget_used(&b), 0);
    cr_expect_not(budget_take(&b, UINT64_MAX, 100));
    struct budget none = {0};
    cr_expect_not(budget_take(&none, 1, 100));
    cr_expect(budget_take(&none, 0, 100));
    struct budget huge = {.limit = UINT64_MAX};
    cr_expect(budget_take(&huge, UINT64_MAX / 2, 90));
    cr_expect_not(budget_take(&huge, UINT64_MAX / 2, 90));
}
