/* test_relabel.c - each action against what Prometheus does with it. */
#include "export/relabel.h"

#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

#include <criterion/criterion.h>

enum { LABELS_MAX = 16 };

/* "a=1 b=2" in any order. */
static struct label_set labels_of(const char *text, struct label *items)
{
    struct str left = str_from_c(text), word;
    struct label_set set;
    uint32_t count = 0;
    while (left.len) {
        str_cut(left, ' ', &word, &left);
        str_cut(word, '=', &items[count].name, &items[count].value);
        count++;
    }
    cr_assert(label_set_sort(items, count, &set, NULL) == ST_OK);
    return set;
}

static void print(struct label_set set, struct buf *out)
{
    for (uint32_t i = 0; i < set.count; i++)
        buf_printf(out, "%s%.*s=%.*s", i ? " " : "", STR_ARG(set.items[i].name),
                   STR_ARG(set.items[i].value));
    buf_append_u8(out, 0);
}

#define TEXT(s)                                                                                    \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }
#define SOURCES(...)                                                                               \
    (const struct str[])                                                                           \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define ONE(name)         .source_labels = SOURCES(TEXT(name)), .source_count = 1
#define TWO(first, other) .source_labels = SOURCES(TEXT(first), TEXT(other)), .source_count = 2

static const struct {
    const char *name;
    struct relabel_text rule;
    const char *in, *want; /* want NULL: dropped */
} rows[] = {
    {"replace",
     {ONE("a"), .regex = TEXT("f(.*)"), .target_label = TEXT("d"),
      .replacement = TEXT("ch$1-ch${1}")},
     "a=foo b=bar",
     "a=foo b=bar d=choo-choo"},
    {"replace joins",
     {TWO("a", "b"), .regex = TEXT("f(.*);(.*)r"), .target_label = TEXT("a"),
      .replacement = TEXT("b${1}${2}m")},
     "a=foo b=bar",
     "a=boobam b=bar"},
    {"replace, own separator",
     {TWO("a", "b"), .separator = TEXT("@"), .target_label = TEXT("c")},
     "a=1 b=2",
     "a=1 b=2 c=1@2"},
    {"replace is anchored",
     {ONE("a"), .regex = TEXT("o"), .target_label = TEXT("a"), .replacement = TEXT("x")},
     "a=foo",
     "a=foo"},
    {"replace, nothing matches",
     {ONE("a"), .regex = TEXT("no"), .target_label = TEXT("d"), .replacement = TEXT("x")},
     "a=foo",
     "a=foo"},
    {"replace by nothing",
     {ONE("a"), .target_label = TEXT("a"), .replacement = TEXT("")},
     "a=foo b=1",
     "b=1"},
    {"replace, target of a group",
     {ONE("a"), .regex = TEXT("(.*)-(.*)"), .target_label = TEXT("$1"), .replacement = TEXT("$2")},
     "a=x-y",
     "a=x-y x=y"},
    {"replace, empty target",
     {ONE("a"), .regex = TEXT("(x?)y"), .target_label = TEXT("$1"), .replacement = TEXT("z")},
     "a=y",
     "a=y"},
    {"missing source is empty",
     {ONE("no"), .regex = TEXT(""), .target_label = TEXT("d"), .replacement = TEXT("x")},
     "a=1",
     "a=1 d=x"},
    {"keep", {ONE("a"), .action = TEXT("keep"), .regex = TEXT("foo|bar")}, "a=foo", "a=foo"},
    {"keep drops", {ONE("a"), .action = TEXT("keep"), .regex = TEXT("fo")}, "a=foo", NULL},
    {"drop", {ONE("a"), .action = TEXT("Drop"), .regex = TEXT(".*o.*")}, "a=foo", NULL},
    {"drop keeps", {ONE("a"), .action = TEXT("drop"), .regex = TEXT("f")}, "a=foo", "a=foo"},
    {"keepequal",
     {ONE("a"), .action = TEXT("keepequal"), .target_label = TEXT("b")},
     "a=1 b=1",
     "a=1 b=1"},
    {"keepequal drops",
     {ONE("a"), .action = TEXT("keepequal"), .target_label = TEXT("b")},
     "a=1 b=2",
     NULL},
    {"dropequal",
     {ONE("a"), .action = TEXT("dropequal"), .target_label = TEXT("b")},
     "a=1 b=1",
     NULL},
    {"dropequal keeps",
     {ONE("a"), .action = TEXT("dropequal"), .target_label = TEXT("b")},
     "a=1 b=2",
     "a=1 b=2"},
    {"lowercase",
     {ONE("a"), .action = TEXT("lowercase"), .target_label = TEXT("b")},
     "a=aB-Z[",
     "a=aB-Z[ b=ab-z["},
    {"uppercase",
     {ONE("a"), .action = TEXT("uppercase"), .target_label = TEXT("a")},
     "a=aB-z{",
     "a=AB-Z{"},
    {"labelmap",
     {.action = TEXT("labelmap"), .regex = TEXT("meta_(.+)")},
     "meta_x=1 meta_y=2 z=3",
     "meta_x=1 meta_y=2 x=1 y=2 z=3"},
    {"labelmap, own names",
     {.action = TEXT("labelmap"), .regex = TEXT("(a)"), .replacement = TEXT("bar_${1}")},
     "a=1 b=2",
     "a=1 b=2 bar_a=1"},
    {"labelmap, onto a label that is mapped itself",
     {.action = TEXT("labelmap"), .regex = TEXT("(?:_|A)?(.)"), .replacement = TEXT("$1")},
     "Ab=1 _a=2 a=3 b=4",
     "Ab=1 _a=2 a=3 b=4"},
    {"labeldrop", {.action = TEXT("labeldrop"), .regex = TEXT("b.*")}, "a=1 b1=2 b2=3", "a=1"},
    {"labelkeep",
     {.action = TEXT("labelkeep"), .regex = TEXT("b.*")},
     "a=1 b1=2 b2=3",
     "b1=2 b2=3"},
    {"nothing is left", {.action = TEXT("labeldrop"), .regex = TEXT(".*")}, "a=1", NULL},
};

static enum status run(size_t row, struct arena *arena, struct buf *out, bool *kept)
{
    struct relabel_rule rule;
    struct label items[LABELS_MAX];
    struct label_set set = labels_of(rows[row].in, items), made;
    struct err e;
    TRY(relabel_rule_init(&rows[row].rule, &rule, &e));
    enum status status = relabel_apply(&rule, 1, set, arena, &made, kept, &e);
    if (status == ST_OK)
        print(made, out);
    relabel_rule_deinit(&rule);
    return status;
}

Test(relabel, actions)
{
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena = {0};
        struct buf text = {0};
        bool kept;
        cr_assert(run(i, &arena, &text, &kept) == ST_OK, "%s", rows[i].name);
        cr_expect_eq(kept, rows[i].want != NULL, "%s", rows[i].name);
        if (kept && rows[i].want)
            cr_expect_str_eq(text.ptr, rows[i].want, "%s", rows[i].name);
        buf_deinit(&text);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

Test(relabel, rules_run_in_order)
{
    static const struct str a = TEXT("a"), b = TEXT("b");
    static const struct relabel_text texts[] = {
        {.source_labels = &a, .source_count = 1, .target_label = TEXT("b")},
        {.source_labels = &b, .source_count = 1, .action = TEXT("keep"), .regex = TEXT("1")},
        {.action = TEXT("labeldrop"), .regex = TEXT("a")},
    };
    struct relabel_rule rules[LEN(texts)];
    struct arena arena = {0};
    struct label items[LABELS_MAX];
    struct label_set made;
    struct buf text = {0};
    bool kept;
    for (size_t i = 0; i < LEN(texts); i++)
        cr_assert(relabel_rule_init(&texts[i], &rules[i], NULL) == ST_OK);
    cr_assert(relabel_apply(rules, LEN(texts), labels_of("a=1", items), &arena, &made, &kept,
                            NULL) == ST_OK);
    print(made, &text);
    cr_expect(kept);
    cr_expect_str_eq(text.ptr, "b=1");
    for (size_t i = 0; i < LEN(texts); i++)
        relabel_rule_deinit(&rules[i]);
    buf_deinit(&text);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(relabel, wrong_rules_are_named)
{
    static const struct str a = TEXT("a");
    static const struct {
        struct relabel_text rule;
        const char *want;
    } bad[] = {
        {{.action = TEXT("hashmod")}, "action hashmod is not supported"},
        {{.action = TEXT("nope")}, "there is no relabel action nope"},
        {{.action = TEXT("replace")}, "action replace needs a target_label"},
        {{.action = TEXT("lowercase")}, "action lowercase needs a target_label"},
        {{.action = TEXT("labelkeep"), .target_label = TEXT("x")},
         "action labelkeep takes a regex"},
        {{.action = TEXT("labeldrop"), .source_labels = &a, .source_count = 1},
         "action labeldrop takes a regex"},
        {{.action = TEXT("keep"), .regex = TEXT("(")}, "error parsing regexp"},
    };
    for (size_t i = 0; i < LEN(bad); i++) {
        struct relabel_rule rule;
        struct err e = {0};
        cr_expect(relabel_rule_init(&bad[i].rule, &rule, &e) == ST_INVALID, "%s", bad[i].want);
        cr_expect(str_search(str_from_c(e.msg), str_from_c(bad[i].want)) < strlen(e.msg), "%s",
                  e.msg);
    }
    EXPECT_NO_LEAK();
}

Test(relabel, what_is_too_long_ends_at_a_whole_character)
{
    enum { CUT = 64 * 1024 };
    static char value[CUT + 8];
    struct err e;
    for (size_t ahead = 0; ahead < 4; ahead++) {
        struct arena arena = {0};
        struct relabel_text text = {ONE("a"), .target_label = TEXT("b")};
        struct label items[] = {{STR("a"), {value, ahead + CUT}}};
        struct label_set in = {items, 1}, out;
        struct relabel_rule rule;
        bool kept;
        memset(value, 'x', sizeof(value));
        for (size_t at = ahead; at + 4 <= sizeof(value); at += 4)
            str_put_utf8(0x1f600, value + at);
        cr_assert_eq(relabel_rule_init(&text, &rule, &e), ST_OK);
        cr_assert_eq(relabel_apply(&rule, 1, in, &arena, &out, &kept, &e), ST_OK);
        cr_assert_eq(out.count, 2);
        cr_expect_eq(out.items[1].value.len, ahead ? CUT - 4 + ahead : CUT, "%zu ahead", ahead);
        cr_expect(str_is_utf8(out.items[1].value), "%zu ahead", ahead);
        relabel_rule_deinit(&rule);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

Test(relabel, short_memory_is_an_error)
{
    for (size_t i = 0; i < LEN(rows); i++)
        for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
            struct arena arena = {0};
            struct buf text = {0};
            bool kept;
            enum status status = run(i, &arena, &text, &kept);
            cr_expect(status == ST_OK || status == ST_NO_MEMORY, "%s: %d", rows[i].name, status);
            buf_deinit(&text);
            arena_deinit(&arena);
        }
    EXPECT_NO_LEAK();
}
