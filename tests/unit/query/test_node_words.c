/* test_node_words.c - words reach their node sorted and once. */
#include "query/node_words.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(node_words, are_sorted_and_distinct)
{
    struct node_words words = {0};
    struct arena arena = {0};
    struct str_list *lists;
    static const struct {
        uint32_t node;
        const char *text;
    } rows[] = {{2, "v2"}, {0, "b"}, {2, "v1"}, {0, "a"}, {2, "v2"}, {0, ""}, {9, "beyond"}};
    for (size_t i = 0; i < LEN(rows); i++)
        cr_assert(node_words_add(&words, rows[i].node, str_from_c(rows[i].text)));
    cr_assert(eq(int, node_words_deal(&words, &arena, 3, &lists, NULL), ST_OK));
    cr_expect(eq(sz, lists[0].len, 2));
    cr_expect(eq(sz, lists[1].len, 0));
    cr_expect(eq(sz, lists[2].len, 2));
    cr_expect(str_eq(lists[0].items[0], STR("a")) && str_eq(lists[0].items[1], STR("b")));
    cr_expect(str_eq(lists[2].items[0], STR("v1")) && str_eq(lists[2].items[1], STR("v2")));
    node_words_deinit(&words);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(node_words, none_are_no_words)
{
    struct node_words words = {0};
    struct arena arena = {0};
    struct str_list *lists;
    cr_assert(eq(int, node_words_deal(&words, &arena, 0, &lists, NULL), ST_OK));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
