/* test_promql_labels.c - label sets picked, changed, numbered. */
#include "query/promql_labels.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

static const struct label items[] = {{{"__name__", 8}, {"up", 2}},
                                     {{"__type__", 8}, {"gauge", 5}},
                                     {{"job", 3}, {"x", 1}},
                                     {{"zone", 4}, {"eu", 2}}};
static const struct label_set all = {items, LEN(items)};

static bool reads(struct label_set s, const char *want)
{
    char text[200];
    return strcmp(promql_labels_text(s, text, sizeof(text)), want) == 0;
}

Test(promql_labels, picks_by_name)
{
    struct arena arena = {0};
    struct label out[LEN(items)];
    const struct str names[] = {STR("zone"), STR("job"), STR("none")};
    struct promql_names sorted = promql_names_sorted(&arena, names, 3, STR("a"));
    cr_assert(eq(u32, sorted.count, 4));
    cr_expect(str_eq(sorted.items[0], STR("a")));
    cr_expect(reads(promql_labels_pick(all, sorted, true, out), "{job=\"x\", zone=\"eu\"}"));
    cr_expect(reads(promql_labels_pick(all, sorted, false, out),
                    "{__name__=\"up\", __type__=\"gauge\"}"));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(promql_labels, sets_and_removes)
{
    static const struct {
        const char *name, *value, *want;
    } rows[] = {
        {"job", "y", "{__name__=\"up\", __type__=\"gauge\", job=\"y\", zone=\"eu\"}"},
        {"job", "", "{__name__=\"up\", __type__=\"gauge\", zone=\"eu\"}"},
        {"a", "1", "{__name__=\"up\", __type__=\"gauge\", a=\"1\", job=\"x\", zone=\"eu\"}"},
        {"zz", "1", "{__name__=\"up\", __type__=\"gauge\", job=\"x\", zone=\"eu\", zz=\"1\"}"},
        {"zz", "", "{__name__=\"up\", __type__=\"gauge\", job=\"x\", zone=\"eu\"}"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++)
        cr_expect(reads(promql_labels_with(&arena, all, str_from_c(rows[i].name),
                                           str_from_c(rows[i].value)),
                        rows[i].want),
                  "row %zu", i);
    cr_expect(reads(promql_labels_unnamed(&arena, all), "{job=\"x\", zone=\"eu\"}"));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(promql_labels, numbers_many_sets)
{
    enum { SETS = 1000 };
    struct arena arena = {0};
    struct promql_table t = {.arena = &arena};
    bool added;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < SETS; i++) {
            char *text = arena_alloc(&arena, 16);
            cr_assert(text != NULL);
            snprintf(text, 16, "v%u", i);
            struct label l = {STR("n"), str_from_c(text)};
            cr_assert(eq(u32, promql_table_put(&t, (struct label_set){&l, 1}, &added), i));
            cr_expect(added == (round == 0));
        }
    cr_expect(eq(u32, promql_table_find(&t, all), PROMQL_TABLE_NONE));
    cr_expect(str_eq(promql_table_get(&t, 7).items[0].value, STR("v7")));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
