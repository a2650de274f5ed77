/* test_arena.c - alignment, limits, reuse and poison. */
#include "base/arena.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

Test(arena, aligns_every_object)
{
    struct arena a = {0};
    for (size_t i = 0; i < 3000; i++) {
        char *p = arena_alloc(&a, i % 61);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % 16, 0);
        memset(p, 0xaa, i % 61);
    }
    char *big = arena_alloc(&a, 5 * MIB);
    cr_assert_not_null(big);
    memset(big, 1, 5 * MIB);
    arena_deinit(&a);
    EXPECT_NO_LEAK();
}

Test(arena, objects_do_not_overlap)
{
    enum { COUNT = 500 };
    struct arena a = {0};
    unsigned char *objects[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        objects[i] = arena_alloc(&a, 40);
        memset(objects[i], (int)(i % 251), 40);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < 40; j++)
            cr_assert_eq(objects[i][j], i % 251);
    arena_deinit(&a);
}

Test(arena, keeps_to_its_limit)
{
    struct arena a = {.limit_bytes = 64};
    cr_expect_not_null(arena_alloc(&a, 33)); /* 48 with padding */
    cr_expect_null(arena_alloc(&a, 17));
    cr_expect_not_null(arena_alloc(&a, 16));
    cr_expect_eq(a.used_bytes, 64);
    cr_expect_null(arena_alloc(&a, 1));
    arena_reset(&a);
    cr_expect_not_null(arena_alloc(&a, 64));
    arena_deinit(&a);
}

Test(arena, sizes_do_not_wrap)
{
    struct arena a = {0};
    cr_expect_null(arena_alloc(&a, SIZE_MAX));
    cr_expect_null(arena_alloc(&a, SIZE_MAX - 15));
    cr_expect_null(arena_calloc(&a, SIZE_MAX / 2, 3));
    struct arena limited = {.limit_bytes = 100};
    cr_expect_null(arena_alloc(&limited, SIZE_MAX - 20));
    arena_deinit(&a);
}

Test(arena, calloc_and_dup)
{
    struct arena a = {0};
    memset(arena_alloc(&a, 100), 0xff, 100);
    arena_reset(&a);
    const char *zeros = arena_calloc(&a, 10, 10);
    for (size_t i = 0; i < 100; i++)
        cr_assert_eq(zeros[i], 0);
    char text[] = "name";
    struct str copy = arena_dup_str(&a, str_from_c(text));
    text[0] = 'x';
    cr_expect(str_eq(copy, STR("name")));
    cr_expect_eq(arena_dup_str(&a, (struct str){0}).len, 0);
    arena_deinit(&a);
    EXPECT_NO_LEAK();
}

Test(arena, reset_keeps_one_chunk)
{
    struct arena a = {0};
    for (size_t i = 0; i < 1000; i++)
        (void)!arena_alloc(&a, 100);
    arena_reset(&a);
    cr_expect_eq(a.used_bytes, 0);
    mem_fail_after(0);
    cr_expect_not_null(arena_alloc(&a, 4000), "no new chunk is needed");
    mem_fail_after(-1);
    arena_deinit(&a);
    EXPECT_NO_LEAK();
}

Test(arena, reset_poisons)
{
#if defined(__SANITIZE_ADDRESS__)
    struct arena a = {0};
    char *p = arena_alloc(&a, 20);
    cr_expect_not(__asan_address_is_poisoned(p + 19));
    cr_expect(__asan_address_is_poisoned(p + 20), "padding is poisoned too");
    arena_reset(&a);
    cr_expect(__asan_address_is_poisoned(p));
    arena_deinit(&a);
#endif
}

Test(arena, survives_each_failing_allocation)
{
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct arena a = {0};
        for (size_t i = 0; i < 10; i++) {
            struct str s = arena_dup_str(&a, STR("0123456789"));
            cr_assert(s.ptr == NULL || s.len == 10);
            (void)!arena_alloc(&a, 3000);
        }
        arena_deinit(&a);
    }
    cr_expect_gt(walk.failures, 1);
    EXPECT_NO_LEAK();
}

Test(arena, tells_what_it_holds)
{
    struct arena a = {0};
    cr_expect_eq(arena_held_bytes(&a), 0);
    cr_assert_not_null(arena_alloc(&a, 10));
    size_t small = arena_held_bytes(&a);
    cr_expect(small >= 10 && small <= 8 * KIB);
    cr_assert_not_null(arena_alloc(&a, MIB));
    cr_expect(arena_held_bytes(&a) >= small + MIB);
    arena_deinit(&a);
    cr_expect_eq(arena_held_bytes(&a), 0);
}

Test(arena, takes_what_it_holds_from_a_budget)
{
    struct budget budget = {.limit = 100 * KIB};
    struct arena a = {.budget = &budget, .budget_percent = 80};
    cr_assert_not_null(arena_alloc(&a, 40 * KIB));
    cr_expect_eq(budget_used(&budget), arena_held_bytes(&a));
    cr_expect_null(arena_alloc(&a, 41 * KIB));
    cr_expect(a.is_refused);
    cr_expect_eq(budget_used(&budget), arena_held_bytes(&a));
    cr_expect(arena_hold(&a, 30 * KIB));
    cr_expect_eq(budget_used(&budget), arena_held_bytes(&a) + 30 * KIB);
    cr_expect(!arena_hold(&a, 20 * KIB));
    arena_reset(&a);
    cr_expect(!a.is_refused);
    cr_expect_eq(budget_used(&budget), arena_held_bytes(&a));
    arena_deinit(&a);
    cr_expect_eq(budget_used(&budget), 0);
    EXPECT_NO_LEAK();
}

/* As one whose request turns out large, and is somebody else's once it is decoded. */
Test(arena, enters_and_leaves_a_budget)
{
    struct budget budget = {.limit = 400 * KIB};
    struct arena a = {0};
    cr_assert_not_null(arena_alloc(&a, 50 * KIB));
    arena_enter_budget(&a, &budget, 90);
    cr_expect_eq(budget_used(&budget), arena_held_bytes(&a));
    cr_assert_not_null(arena_alloc(&a, 20 * KIB));
    cr_expect_null(arena_alloc(&a, 300 * KIB));
    cr_expect(a.is_refused);
    size_t taken = arena_leave_budget(&a);
    cr_expect(taken == arena_held_bytes(&a) && budget_used(&budget) == taken);
    cr_expect_not_null(arena_alloc(&a, 900 * KIB));
    arena_deinit(&a);
    cr_expect_eq(budget_used(&budget), taken);
    EXPECT_NO_LEAK();
}

Test(arena, gives_no_more_once_it_is_cancelled)
{
    atomic_bool cancelled = false;
    struct arena a = {.cancelled = &cancelled};
    cr_assert_not_null(arena_alloc(&a, 100));
    cancelled = true;
    cr_expect_not_null(arena_alloc(&a, 100), "of the chunk that is there");
    cr_expect_null(arena_alloc(&a, 100 * KIB));
    (void)arena_leave_budget(&a);
    cr_expect_not_null(arena_alloc(&a, 100 * KIB));
    arena_deinit(&a);
    EXPECT_NO_LEAK();
}

Test(arena, counts_what_comes_and_goes_elsewhere)
{
    struct budget budget = {.limit = 100 * KIB};
    struct arena a = {.budget = &budget, .budget_percent = 100};
    cr_expect(arena_hold(&a, 60 * KIB) && arena_hold(&a, 20 * KIB));
    cr_expect_eq(budget_used(&budget), 80 * KIB);
    cr_expect(!arena_hold(&a, 30 * KIB) && a.is_refused);
    arena_let_go(&a, 50 * KIB);
    cr_expect_eq(budget_used(&budget), 30 * KIB);
    cr_expect_eq(a.most_bytes, 80 * KIB);
    cr_expect(arena_hold(&a, 30 * KIB));
    arena_reset(&a);
    cr_expect_eq(budget_used(&budget), 0);
    arena_deinit(&a);
    EXPECT_NO_LEAK();
}

/* A small question is answered although the budget is used up; a large one pays from there on. */
Test(arena, holds_a_little_without_the_budget)
{
    struct budget budget = {.limit = 100 * KIB};
    struct arena a = {.budget = &budget, .budget_percent = 80, .unpaid_bytes = 64 * KIB};
    budget_force(&budget, 100 * KIB);
    cr_assert_not_null(arena_alloc(&a, 20 * KIB));
    cr_expect(arena_hold(&a, 40 * KIB));
    cr_expect_eq(budget_used(&budget), 100 * KIB);
    cr_expect(!arena_hold(&a, 20 * KIB));
    cr_expect(a.is_refused);
    budget_give(&budget, 100 * KIB);
    cr_expect(arena_hold(&a, 20 * KIB));
    cr_expect_eq(budget_used(&budget), arena_held_bytes(&a) + 60 * KIB - 64 * KIB);
    arena_reset(&a);
    cr_expect_eq(budget_used(&budget), 0);
    cr_expect(arena_held_bytes(&a) <= 8 * KIB, "the next use has its unpaid bytes");
    arena_deinit(&a);
    cr_expect_eq(budget_used(&budget), 0);
    EXPECT_NO_LEAK();
}

/* What a large question leaves behind is the next large one's, and costs a small one nothing. */
Test(arena, sets_a_large_chunk_aside)
{
    struct budget budget = {.limit = 100 * MIB};
    struct arena a = {.budget = &budget, .budget_percent = 80, .unpaid_bytes = MIB};
    for (int i = 0; i < 40; i++)
        cr_assert_not_null(arena_alloc(&a, 100 * KIB));
    cr_expect(budget_used(&budget) > 2 * MIB);
    arena_reset(&a);
    cr_expect(budget_used(&budget) == 0 && arena_held_bytes(&a) == 0);
    cr_assert_not_null(arena_alloc(&a, 100));
    cr_expect(arena_held_bytes(&a) <= 8 * KIB, "small chunks first");
    mem_fail_after(0);
    cr_expect_null(arena_alloc(&a, 200 * KIB), "of another size");
    cr_expect_not_null(arena_alloc(&a, MIB), "which needs no memory");
    mem_fail_after(-1);
    cr_expect(budget_used(&budget) > 0, "and counts again");
    arena_reset(&a);
    cr_expect_eq(budget_used(&budget), 0);
    arena_deinit(&a);
    EXPECT_NO_LEAK();
}
