/* test_series_scan.c - looking through values by what an expression needs, and by their order,
 * finds what asking every series finds: made-up values and expressions, added and asked in turns.
 */
#include "model/series_hash.h"
#include "tests/support/random.h"
#include "storage/series_index_private.h"
#include "storage/series_postings.h"
#include "tests/support/leak.h"
#include "tests/unit/storage/series_store_rig.h"
#include <criterion/new/assert.h>
#include <stdio.h>

enum { SEED = 11, ROUNDS = 12, SERIES_A_ROUND = 1500, EXPRESSIONS = 60, LONG_VALUE = 70000 };

struct scan_rig {
    struct series_index *index;
    struct arena arena;
    VEC(struct label_set) sets; /* series i + 1 */
    uint64_t state;
};

static uint32_t random_below(struct scan_rig *r, uint32_t limit)
{
    return (uint32_t)(random_step(&r->state) >> 33) % limit;
}

static struct str random_value(struct scan_rig *r)
{
    static const char *const pieces[] = {"foo",
                                         "bar",
                                         "-",
                                         "7",
                                         "Foo",
                                         "BAR",
                                         "é",
                                         "k",
                                         "x",
                                         "0",
                                         "É",
                                         "\n",
                                         "\u212a",
                                         "prod-",
                                         "eu",
                                         "ab",
                                         ".",
                                         "v1.2",
                                         "aaaaaaaaaaaaaaaa"};
    struct buf text = {0};
    for (uint32_t i = 0, n = 1 + random_below(r, 6); i < n; i++)
        buf_append_str(&text, str_from_c(pieces[random_below(r, LEN(pieces))]));
    struct str copy = arena_dup_str(&r->arena, buf_str(&text));
    buf_deinit(&text);
    return copy;
}

/* Longer than a block. */
static struct str long_value(struct scan_rig *r)
{
    char *text = arena_alloc(&r->arena, LONG_VALUE);
    memset(text, 'x', LONG_VALUE);
    memcpy(text + LONG_VALUE - 6, "foo--7", 6);
    return (struct str){text, LONG_VALUE};
}

/* Each number is a series of its own, the values come again, and one in five lacks the label. */
static void add_series(struct scan_rig *r)
{
    uint32_t id = (uint32_t)r->sets.len + 1;
    struct label *l = arena_calloc(&r->arena, 3, sizeof(*l));
    struct label_set set;
    char text[16];
    snprintf(text, sizeof(text), "%u", id);
    l[0] = (struct label){STR("id"), arena_dup_str(&r->arena, str_from_c(text))};
    l[1] = (struct label){STR("job"), id % 7 ? STR("few") : STR("many")};
    l[2] = (struct label){STR("value"), id % 5 ? random_value(r) : STR("")};
    if (id % 2000 == 1)
        l[2].value = long_value(r);
    cr_assert(eq(int, label_set_sort(l, 3, &set, NULL), ST_OK));
    bool kept = vec_push(&r->sets, set);
    cr_assert(kept == true);
    cr_assert(eq(int, series_index_add(r->index, id, set, series_hash(set, SEED), NULL), ST_OK));
}

static void random_expression(struct scan_rig *r, struct buf *out)
{
    static const char *const pieces[] = {
        ".*",          ".*",
        ".+",          "foo",
        "bar",         "7",
        "-",           "[a-z]+",
        "(foo|bar)",   "[bf]",
        ".?",          "foo.*",
        "(a|b|)+",     "prod-",
        "é",           "\\.",
        "x*",          "(?i)FOO",
        "(?i:k)",      "\\d",
        "a{3,}",       "eu|7",
        "(eu|ab|Foo)", "^",
        "$",           "aaaaaaaaaaaaaaaaa",
    };
    for (uint32_t i = 0, n = 1 + random_below(r, 4); i < n; i++)
        buf_append_str(out, str_from_c(pieces[random_below(r, LEN(pieces))]));
}

static void expect_as_brute_force(struct scan_rig *r, const struct label_matcher *m, uint32_t count)
{
    struct arena arena = {0};
    struct id_list found;
    uint32_t at = 0;
    series_index_lock(r->index);
    cr_assert(eq(int, series_postings_match(r->index, m, count, &arena, &found, NULL), ST_OK));
    for (uint32_t i = 0; i < r->sets.len; i++) {
        if (!label_matchers_accept(m, count, r->sets.items[i]))
            continue;
        cr_assert(at < found.count && found.ids[at] == i + 1, "series %u is missing for %s%.*s",
                  i + 1, match_op_text(m->op), STR_ARG(m->value));
        at++;
    }
    cr_assert(eq(u32, at, found.count), "too many for %s%.*s", match_op_text(m->op),
              STR_ARG(m->value));
    series_index_unlock(r->index);
    arena_deinit(&arena);
}

static void try_expression(struct scan_rig *r)
{
    struct buf text = {0};
    struct label_matcher m[2];
    random_expression(r, &text);
    enum match_op op = random_below(r, 2) ? MATCH_RE : MATCH_NRE;
    if (label_matcher_init(&m[0], op, STR("value"), buf_str(&text), NULL) == ST_OK) {
        cr_assert(
            eq(int, label_matcher_init(&m[1], MATCH_EQ, STR("job"), STR("many"), NULL), ST_OK));
        expect_as_brute_force(r, m, 1);
        expect_as_brute_force(r, m, 2);
        label_matcher_deinit(&m[0]);
    }
    buf_deinit(&text);
}

static bool has_any(uint32_t id, void *user)
{
    (void)id, (void)user;
    return true;
}

static void expect_values_in_order(struct scan_rig *r)
{
    struct arena arena = {0};
    struct text_list values;
    cr_assert(eq(
        int,
        series_postings_values(r->index, STR("value"), NULL, has_any, NULL, &arena, &values, NULL),
        ST_OK));
    struct label_name *name = &r->index->names.items[index_name_find(r->index, STR("value"))];
    cr_assert(eq(sz, values.count, name->pairs.len));
    for (uint32_t i = 1; i < values.count; i++)
        cr_assert(str_cmp(values.items[i - 1], values.items[i]) < 0, "value %u", i);
    arena_deinit(&arena);
}

Test(series_scan, finds_what_asking_every_series_finds, .timeout = 120)
{
    struct scan_rig r = {.index = series_index_new(SEED), .state = 3};
    for (int round = 0; round < ROUNDS; round++) {
        /* Now and then only a few come, which are put in order at once. */
        for (int i = 0; i < (round % 3 == 1 ? 100 : SERIES_A_ROUND); i++)
            add_series(&r);
        for (int i = 0; i < EXPRESSIONS; i++)
            try_expression(&r);
        if (round % 4 == 2)
            expect_values_in_order(&r);
    }
    expect_values_in_order(&r);
    series_index_unref(r.index);
    vec_deinit(&r.sets);
    arena_deinit(&r.arena);
    EXPECT_NO_LEAK();
}

/* Values that share much and are the beginnings of others, with bytes of all kinds. */
Test(series_scan, order_of_values_that_are_nearly_alike, .timeout = 60)
{
    struct scan_rig r = {.index = series_index_new(SEED), .state = 5};
    char text[700];
    for (uint32_t id = 1; id <= 6000; id++) {
        size_t len = random_below(&r, 4) ? 40 + random_below(&r, 20) : 1 + random_below(&r, 600);
        memset(text, random_below(&r, 50) ? 'a' : 0, len);
        for (uint32_t i = random_below(&r, 4); i-- > 0;)
            text[random_below(&r, (uint32_t)len)] = (char)(random_below(&r, 3) ? 'b' : 0xf3);
        struct label l = {STR("value"), {text, len}};
        struct label_set set = {&l, 1};
        uint64_t hash = series_hash(set, SEED);
        if (series_index_find(r.index, set, hash) == 0)
            cr_assert(eq(int, series_index_add(r.index, id, set, hash, NULL), ST_OK));
        if (id == 2000)
            expect_values_in_order(&r);
    }
    expect_values_in_order(&r);
    series_index_unref(r.index);
    arena_deinit(&r.arena);
    EXPECT_NO_LEAK();
}

/* What is deleted is found no more, whichever way the index takes. */
Test(series_scan, deleted_series_are_not_found, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct arena arena = {0};
    struct label_matcher m[8];
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "up,pod=cart-7f", 1000, 1);
    series_store_rig_one(&r, "up,pod=cart-8f", 1000, 1);
    series_store_rig_one(&r, "up,pod=shop-7f", 1000, 1);
    cr_expect(eq(str, (char *)series_store_rig_names(&r, "pod=~.*-7f", 0, 2000),
                 "up,pod=cart-7f;up,pod=shop-7f;"));
    uint32_t count = series_store_rig_matchers("pod=~(?i).*ART-7.+", &arena, m);
    cr_assert(eq(int, series_store_delete(r.series, m, count, 0, 2000, NULL), ST_OK));
    label_matcher_deinit(&m[0]);
    cr_expect(
        eq(str, (char *)series_store_rig_names(&r, "pod=~.*-7f", 0, 2000), "up,pod=shop-7f;"));
    cr_expect(
        eq(str, (char *)series_store_rig_names(&r, "pod=~cart-.*", 0, 2000), "up,pod=cart-8f;"));
    series_store_rig_free(&r);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
