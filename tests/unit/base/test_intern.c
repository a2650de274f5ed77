/* test_intern.c - dense ids, stable strings. */
#include "base/intern.h"
#include "base/mem.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

#include <stdio.h>

static struct str numbered(char text[32], unsigned i)
{
    int len = snprintf(text, 32, "name-%u", i);
    return (struct str){text, (size_t)len};
}

Test(intern, gives_dense_ids_and_the_strings_back)
{
    enum { NAMES = 5000 };
    struct intern *t = intern_new(7);
    char text[32];
    cr_expect_eq(intern_count(t), 1);
    cr_expect_eq(intern_add(t, STR("")), 0);
    cr_expect_eq(intern_add(t, (struct str){0}), 0);
    cr_expect_eq(intern_get(t, 0).len, 0);
    for (unsigned i = 1; i <= NAMES; i++)
        cr_assert_eq(intern_add(t, numbered(text, i)), i);
    struct str early = intern_get(t, 1);
    for (unsigned i = 1; i <= NAMES; i++) {
        cr_assert_eq(intern_add(t, numbered(text, i)), i);
        cr_assert_eq(intern_find(t, numbered(text, i)), i);
        cr_assert(str_eq(intern_get(t, i), numbered(text, i)));
    }
    cr_expect_eq(early.ptr, intern_get(t, 1).ptr, "strings never move");
    cr_expect_eq(intern_find(t, STR("absent")), INTERN_NONE);
    cr_expect_eq(intern_count(t), NAMES + 1);
    cr_expect_gt(intern_bytes(t), NAMES * 10u);
    cr_expect_lt(intern_bytes(t), NAMES * 60u);
    intern_free(t);
    EXPECT_NO_LEAK();
}

Test(intern, takes_any_bytes)
{
    static char large[100000];
    struct intern *t = intern_new(0);
    uint32_t nul = intern_add(t, (struct str){"a\0b", 3}), plain = intern_add(t, STR("a"));
    uint32_t big = intern_add(t, (struct str){large, sizeof(large)});
    cr_expect_neq(nul, plain);
    cr_expect_eq(intern_get(t, big).len, sizeof(large));
    cr_expect_eq(intern_find(t, (struct str){large, sizeof(large) - 1}), INTERN_NONE);
    intern_free(t);
    intern_free(NULL);
    EXPECT_NO_LEAK();
}

Test(intern, survives_each_failing_allocation)
{
    struct alloc_walk walk = {0};
    char text[32];
    while (alloc_walk_next(&walk)) {
        struct intern *t = intern_new(1);
        for (unsigned i = 0; t && i < 200; i++) {
            uint32_t id = intern_add(t, numbered(text, i));
            cr_assert(id == INTERN_NONE || str_eq(intern_get(t, id), numbered(text, i)));
            cr_assert_eq(intern_find(t, numbered(text, i)), id);
        }
        intern_free(t);
    }
    cr_expect_gt(walk.failures, 5);
    EXPECT_NO_LEAK();
}
