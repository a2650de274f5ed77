/* test_label_set.c - order, equality, hash, copies and bytes of label sets. */
#include "model/label_set.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

static struct label pair(const char *name, const char *value)
{
    return (struct label){str_from_c(name), str_from_c(value)};
}

Test(label_set, sorts_and_drops_empty_values)
{
    struct label items[] = {pair("b", "2"), pair("c", ""), pair("__name__", "up"), pair("a", "1")};
    struct label_set s;
    cr_assert_eq(label_set_sort(items, LEN(items), &s, NULL), ST_OK);
    cr_assert_eq(s.count, 3);
    cr_expect(str_eq(s.items[0].name, STR("__name__")));
    cr_expect(str_eq(s.items[1].name, STR("a")));
    cr_expect(str_eq(s.items[2].name, STR("b")));
    cr_expect(str_eq(label_set_metric(s), STR("up")));
    cr_expect(str_eq(label_set_get(s, STR("b")), STR("2")));
    cr_expect_eq(label_set_get(s, STR("c")).len, 0);
    cr_assert_eq(label_set_sort(items, 0, &s, NULL), ST_OK);
    cr_expect_eq(s.count, 0);
}

Test(label_set, refuses_twice_and_nameless)
{
    struct label twice[] = {pair("a", "1"), pair("b", ""), pair("a", "")};
    struct label nameless[] = {pair("a", "1"), pair("", "x")};
    struct label_set s;
    struct err e = {0};
    cr_expect_eq(label_set_sort(twice, LEN(twice), &s, &e), ST_INVALID);
    cr_expect_str_eq(e.msg, "label \"a\" comes twice in one series");
    cr_expect_eq(label_set_sort(nameless, LEN(nameless), &s, &e), ST_INVALID);
}

Test(label_set, compares)
{
    static const struct {
        const char *a[4], *b[4]; /* name, value, name, value */
        int want;
    } rows[] = {
        {{0}, {0}, 0},
        {{0}, {"a", "1"}, -1},
        {{"a", "1"}, {"a", "1"}, 0},
        {{"a", "1"}, {"a", "2"}, -1},
        {{"a", "2"}, {"b", "1"}, -1},
        {{"a", "1", "b", "1"}, {"a", "1"}, 1},
        {{"a", "1", "b", "1"}, {"a", "2"}, -1},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct label x[2], y[2];
        struct label_set a = {x, 0}, b = {y, 0};
        for (size_t j = 0; j < 4 && rows[i].a[j]; j += 2)
            x[a.count++] = pair(rows[i].a[j], rows[i].a[j + 1]);
        for (size_t j = 0; j < 4 && rows[i].b[j]; j += 2)
            y[b.count++] = pair(rows[i].b[j], rows[i].b[j + 1]);
        int got = label_set_cmp(a, b), back = label_set_cmp(b, a);
        cr_expect_eq((got > 0) - (got < 0), rows[i].want, "row %zu", i);
        cr_expect_eq((back > 0) - (back < 0), -rows[i].want, "row %zu", i);
        cr_expect_eq(label_set_eq(a, b), rows[i].want == 0, "row %zu", i);
        cr_expect_eq(label_set_hash(a, 7) == label_set_hash(b, 7), rows[i].want == 0, "row %zu", i);
    }
}

Test(label_set, hash_knows_where_a_text_ends)
{
    struct label x[] = {pair("ab", "c")}, y[] = {pair("a", "bc")};
    struct label_set a = {x, 1}, b = {y, 1};
    cr_expect_neq(label_set_hash(a, 1), label_set_hash(b, 1));
    cr_expect_neq(label_set_hash(a, 1), label_set_hash(a, 2));
}

Test(label_set, survives_its_bytes)
{
    struct label items[] = {pair("__name__", "up"), pair("job", "a\"b\n")};
    struct label_set s = {items, LEN(items)}, back;
    struct arena arena = {0};
    struct buf bytes = {0};
    label_set_encode(s, &bytes);
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        struct cursor in = cursor_of(str_sub(buf_str(&bytes), 0, cut));
        enum status status = label_set_decode(&in, &arena, &back, NULL);
        cr_expect_eq(status, cut == bytes.len ? ST_OK : ST_CORRUPT, "cut at %zu", cut);
    }
    cr_expect(label_set_eq(s, back));
    struct label reversed[] = {items[1], items[0]};
    buf_reset(&bytes);
    label_set_encode((struct label_set){reversed, 2}, &bytes);
    struct cursor in = cursor_of(buf_str(&bytes));
    cr_expect_eq(label_set_decode(&in, &arena, &back, NULL), ST_CORRUPT);
    buf_deinit(&bytes);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(label_set, copy_owns_its_bytes)
{
    char value[] = "mesh";
    struct label items[] = {pair("job", value)};
    struct label_set s = {items, 1}, copy;
    for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
        struct arena arena = {0};
        if (label_set_copy(&arena, s, &copy)) {
            value[0] = 'X';
            cr_expect(str_eq(label_set_get(copy, STR("job")), STR("mesh")));
            value[0] = 'm';
        }
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}
