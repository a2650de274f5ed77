/* test_regex.c - expressions without RE2 answer as RE2 does; templates, errors, sharing. */
#include "base/regex.h"
#include "base/regex_re2.h"
#include "base/regex_shape.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

#include <stdio.h>

static struct str s_of(const char *text)
{
    return str_from_c(text);
}

static const char *const texts[] = {
    "",     "a",      "b",      "ab",  "abc",    "aXc",     "a\nc",      "504",  "50",
    "5044", "é",      "aéc",    "a.b", "istio_", "istio_x", "x_istio_x", "abab", "cart-v1",
    "foo",  "foobar", "barfoo", "f|o", "xab",    "aab",     "a(b)",      "\\",   "aa",
};

static const struct {
    const char *pattern;
    bool is_shape;
} patterns[] = {
    {"", true},
    {"a", true},
    {"a|b|ab", true},
    {".*", true},
    {".+", true},
    {".", true},
    {"..", true},
    {"5..", true},
    {"a.*", true},
    {"a.+c", true},
    {".*istio.*", true},
    {".+istio.+", true},
    {".*_x", true},
    {"a\\.b", true},
    {"(a|b)b", true},
    {"(?:a|ab)(c|)", true},
    {"foo.*|cart-v1", true},
    {"a.?c", true},
    {".*?b", true},
    {"a(.*)", true},
    {"a.*b.*", true},
    {"..*", true},
    {"(foo|bar)(foo|bar)", true},
    {"a\\(b\\)", true},
    {"\\\\", true},
    {"|a", true},
    {"é", true},
    {"((a))", true},
    {"a..c|.é.", false},
    {"a*", false},
    {"a+", false},
    {"[ab]+", false},
    {"(?i)FOO", false},
    {"a{2}", false},
    {"(a|b)*", false},
    {"\\d+", false},
    {"a?b", false},
    {"^a$", false},
    {".{2}", false},
    {".*a..*", false},
    {"(?s)a.c", false},
    {"a.*b.*c.*", false},
};

/* Every pattern against every text: the shapes against RE2 itself. */
Test(regex, shapes_answer_as_re2)
{
    for (size_t i = 0; i < LEN(patterns); i++) {
        struct arena arena = {0};
        struct regex_shapes shapes = regex_shapes_read(s_of(patterns[i].pattern), &arena);
        cr_expect_eq(shapes.count > 0, patterns[i].is_shape, "pattern %s", patterns[i].pattern);
        enum re2_fault fault;
        char where[40];
        void *program = re2_new(s_of(patterns[i].pattern), 8 * MIB, &fault, where, sizeof(where));
        struct regex *r;
        cr_assert(program && regex_new(s_of(patterns[i].pattern), &r, NULL) == ST_OK);
        for (size_t j = 0; j < LEN(texts); j++) {
            bool want = re2_match(program, s_of(texts[j]), NULL, 0);
            cr_expect_eq(regex_match(r, s_of(texts[j])), want, "pattern %s, text %s",
                         patterns[i].pattern, texts[j]);
            if (want)
                cr_expect(str_starts_with(s_of(texts[j]), regex_prefix(r)), "prefix of %s",
                          patterns[i].pattern);
        }
        regex_free(r);
        re2_free(program);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

Test(regex, tells_literals_and_prefix)
{
    static const struct {
        const char *pattern, *prefix, *literals; /* joined by ','; NULL: none */
    } rows[] = {
        {"b|a|b", "", "a,b"},
        {"cart-(v1|v2)", "cart-v", "cart-v1,cart-v2"},
        {"", "", ""},
        {"foo.*", "foo", NULL},
        {"foo[ab]", "foo", NULL},
        {"foox*", "foo", NULL},
        {"foo?b", "fo", NULL},
        {"foo+", "foo", NULL},
        {"fé*", "f", NULL},
        {"a[b]|c", "", NULL},
        {"ab.*|ac.*", "a", NULL},
        {"(?i)foo", "", NULL},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct regex *r;
        const struct str *items;
        size_t count;
        struct buf joined = {0};
        cr_assert_eq(regex_new(s_of(rows[i].pattern), &r, NULL), ST_OK);
        cr_expect(str_eq(regex_prefix(r), s_of(rows[i].prefix)), "prefix of %s", rows[i].pattern);
        bool has = regex_literals(r, &items, &count);
        cr_expect_eq(has, rows[i].literals != NULL, "pattern %s", rows[i].pattern);
        for (size_t j = 0; has && j < count; j++) {
            buf_append_str(&joined, j ? STR(",") : STR(""));
            buf_append_str(&joined, items[j]);
        }
        if (has && rows[i].literals)
            cr_expect(str_eq(buf_str(&joined), s_of(rows[i].literals)), "pattern %s: %.*s",
                      rows[i].pattern, (int)joined.len, joined.ptr);
        buf_deinit(&joined);
        regex_free(r);
    }
    EXPECT_NO_LEAK();
}

struct expansion {
    const char *pattern, *text, *template, *want; /* NULL: no match */
};

static void expect_expansions(const struct expansion *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct regex *r;
        struct buf out = {0};
        struct err e = {0};
        cr_assert_eq(regex_new(s_of(rows[i].pattern), &r, &e), ST_OK, "row %zu: %s", i, e.msg);
        bool did = regex_expand(r, s_of(rows[i].text), s_of(rows[i].template), &out);
        cr_expect_eq(did, rows[i].want != NULL, "row %zu", i);
        if (rows[i].want)
            cr_expect(str_eq(buf_str(&out), s_of(rows[i].want)), "row %zu: %.*s", i, (int)out.len,
                      out.ptr);
        buf_deinit(&out);
        regex_free(r);
    }
}

Test(regex, expands_as_go)
{
    static const struct expansion rows[] = {
        {"(.*)", "x", "a$1b", "a"},
        {"(.*)", "x", "a${1}b", "axb"},
        {"(.*)-(.*)", "x-y", "$2-$1", "y-x"},
        {"(.*)-(.*)", "x-y", "$2/$0", "y/x-y"},
        {"(?P<n>.)b", "ab", "<$n>", "<a>"},
        {"a", "a", "$1$$", "$"},
        {"a", "a", "$", "$"},
        {"a", "a", "${", "${"},
        {"a", "a", "${1", "${1"},
        {"a", "a", "$0", "a"},
        {"a", "b", "$0", NULL},
        {"(a)|(b)", "b", "[$1][$2]", "[][b]"},
        {"a", "a", "$99999999999999999999", ""},
        {"(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(b)", "aaaaaaaaaaaaaaaab", "$17", "b"},
    };
    expect_expansions(rows, LEN(rows));
    EXPECT_NO_LEAK();
}

/* Go takes (?<name>...) beside (?P<name>...); where the characters are text they stay so. */
Test(regex, names_groups_as_go)
{
    static const struct expansion rows[] = {
        {"(?<n>.)b", "ab", "<${n}>", "<a>"},
        {"(?<n>.)(?P<m>.)(?<k_1>c*)", "abcc", "$k_1-$m-$n", "cc-b-a"},
        {"((?<n>a)|b)+", "ba", "${n}${1}", "aa"},
        {"\\\\(?<n>a)", "\\a", "$n", "a"},
        {"\\(?<n>", "<n>", "$0", "<n>"},
        {"\\Q(?<n>\\E(?<n>.)", "(?<n>x", "$n", "x"},
        {"\\Q(?<n>", "(?<n>", "$0", "(?<n>"},
        {"[(?<n>]+(?<n>x)", "(?<x", "$n", "x"},
        {"[(?<n>]", "P", "$0", NULL},
        {"[](?<n>]", "P", "$0", NULL},
        {"[^](?<n>]", "P", "$0", "P"},
        {"[[:digit:](?<n>]", "P", "$0", NULL},
        {"[[:](?<n>a)", ":a", "$n", "a"},
        {"[\\](?<n>]", "P", "$0", NULL},
    };
    expect_expansions(rows, LEN(rows));
    EXPECT_NO_LEAK();
}

Test(regex, refuses)
{
    static const struct {
        const char *pattern, *want;
        enum status status;
    } rows[] = {
        {"[", "error parsing regexp: missing closing ]: `[`", ST_INVALID},
        {"(a", "error parsing regexp: missing closing ): `(a`", ST_INVALID},
        {"a)", "error parsing regexp: unexpected ): `a)`", ST_INVALID},
        {"*", "error parsing regexp: missing argument to repetition operator: `*`", ST_INVALID},
        {"a**", "error parsing regexp: invalid nested repetition operator: `**`", ST_INVALID},
        {"a\\", "error parsing regexp: trailing backslash at end of expression: ``", ST_INVALID},
        {"\xff", "error parsing regexp: invalid UTF-8", ST_INVALID},
        {"(?<n>a", "error parsing regexp: missing closing ): `(?<n>a`", ST_INVALID},
        {"(?P<n>(?<m>a", "error parsing regexp: missing closing ): `(?P<n>(?<m>a`", ST_INVALID},
        {"(?<n", "error parsing regexp: invalid named capture: `(?<n`", ST_INVALID},
        {"(?<=a)", "error parsing regexp: invalid named capture: `(?<=a)`", ST_INVALID},
        {"(?<x y>a)", "error parsing regexp: invalid named capture: `(?<x y>`", ST_INVALID},
        {"(?<n>*)", "error parsing regexp: missing argument to repetition operator: `*`",
         ST_INVALID},
        {"((a{100}){100}){100}", "error parsing regexp: invalid repeat count: `{100}`", ST_INVALID},
        {"(((\\pL{30}){30}))x(((\\pL{30}){30}))", "error parsing regexp: expression too large",
         ST_TOO_BIG},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct err e = {0};
        struct regex *r;
        cr_expect_eq(regex_new(s_of(rows[i].pattern), &r, &e), rows[i].status, "row %zu", i);
        cr_expect_str_eq(e.msg, rows[i].want, "row %zu", i);
    }
    EXPECT_NO_LEAK();
}

Test(regex, shares_short_patterns)
{
    struct regex *a, *b;
    cr_assert_eq(regex_new(STR("shared[0-9]"), &a, NULL), ST_OK);
    cr_assert_eq(regex_new(STR("shared[0-9]"), &b, NULL), ST_OK);
    cr_expect_eq(a, b);
    regex_free(a);
    /* More patterns than the cache has places push it out; ours stays alive. */
    for (int i = 0; i < 1000; i++) {
        char pattern[32];
        struct regex *r;
        snprintf(pattern, sizeof(pattern), "p%d[ab]", i);
        cr_assert_eq(regex_new(s_of(pattern), &r, NULL), ST_OK);
        regex_free(r);
    }
    cr_expect(regex_match(b, STR("shared7")));
    regex_free(b);
    regex_free(NULL);
    EXPECT_NO_LEAK();
}

Test(regex, many_alternatives_stay_cheap)
{
    struct buf pattern = {0};
    for (int i = 0; i < 3000; i++)
        buf_printf(&pattern, "%sservice-%d", i ? "|" : "", i);
    struct regex *r;
    const struct str *items;
    size_t count;
    cr_assert_eq(regex_new(buf_str(&pattern), &r, NULL), ST_OK);
    cr_expect(regex_literals(r, &items, &count) && count == 3000);
    cr_expect(regex_match(r, STR("service-2999")));
    cr_expect_not(regex_match(r, STR("service-3000")));
    regex_free(r);
    buf_deinit(&pattern);
    EXPECT_NO_LEAK();
}

Test(regex, survives_lack_of_memory)
{
    int run = 0;
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        /* A new pattern each time: the cache would hide the allocations. */
        char pattern[32];
        struct regex *r;
        snprintf(pattern, sizeof(pattern), "walk%d|b(c)", run++);
        if (regex_new(s_of(pattern), &r, NULL) != ST_OK)
            continue;
        cr_expect(regex_match(r, STR("bc")));
        regex_free(r);
    }
    cr_expect(walk.failures >= 2);
    EXPECT_NO_LEAK();
}

/* It would end the process. */
Test(regex, no_exception_for_a_name_that_no_memory_holds)
{
    enum re2_fault fault;
    char where[32];
    void *program = re2_new(STR("(?P<a>.)"), 1 << 16, &fault, where, sizeof(where));
    cr_assert(program);
    cr_expect_eq(re2_group_find(program, STR("a")), 1u);
    cr_expect_eq(re2_group_find(program, STR("b")), 0u);
    cr_expect_eq(re2_group_find(program, (struct str){"a", SIZE_MAX / 2}), 0u);
    re2_free(program);
    EXPECT_NO_LEAK();
}
