/* test_label_matcher.c - the four conditions, and a missing label as the empty text. */
#include "model/label_matcher.h"
#include "tests/support/leak.h"

Test(label_matcher, accepts)
{
    static const struct {
        enum match_op op;
        const char *pattern, *value;
        bool want;
    } rows[] = {
        {MATCH_EQ, "a", "a", true},      {MATCH_EQ, "a", "b", false},
        {MATCH_EQ, "", "", true},        {MATCH_NE, "a", "b", true},
        {MATCH_NE, "a", "a", false},     {MATCH_NE, "", "", false},
        {MATCH_RE, "a.", "ab", true},    {MATCH_RE, "a.", "a", false},
        {MATCH_RE, ".*", "", true},      {MATCH_NRE, "a.", "ab", false},
        {MATCH_NRE, "a.", "", true},     {MATCH_RE, "[ab]", "abc", false},
        {MATCH_RE, "a.c", "a\nc", true},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct label_matcher m;
        cr_assert_eq(
            label_matcher_init(&m, rows[i].op, STR("l"), str_from_c(rows[i].pattern), NULL), ST_OK);
        cr_expect_eq(label_matcher_accepts(&m, str_from_c(rows[i].value)), rows[i].want, "row %zu",
                     i);
        label_matcher_deinit(&m);
    }
    EXPECT_NO_LEAK();
}

Test(label_matcher, all_must_hold)
{
    struct label labels[] = {{STR("__name__"), STR("up")}, {STR("job"), STR("mesh")}};
    struct label_set set = {labels, LEN(labels)};
    struct label_matcher m[3];
    label_matcher_init(&m[0], MATCH_EQ, STR("__name__"), STR("up"), NULL);
    label_matcher_init(&m[1], MATCH_RE, STR("job"), STR("me.+"), NULL);
    label_matcher_init(&m[2], MATCH_EQ, STR("absent"), STR(""), NULL);
    cr_expect(label_matchers_accept(m, 3, set));
    cr_expect(label_matchers_accept(m, 0, set));
    m[2].value = STR("x");
    cr_expect_not(label_matchers_accept(m, 3, set));
    for (size_t i = 0; i < LEN(m); i++)
        label_matcher_deinit(&m[i]);
    EXPECT_NO_LEAK();
}

Test(label_matcher, refuses_what_is_no_expression)
{
    struct label_matcher m;
    struct err e = {0};
    cr_expect_eq(label_matcher_init(&m, MATCH_RE, STR("l"), STR("["), &e), ST_INVALID);
    cr_expect_str_eq(e.msg, "error parsing regexp: missing closing ]: `[`");
    cr_expect_str_eq(match_op_text(MATCH_EQ), "=");
    cr_expect_str_eq(match_op_text(MATCH_NE), "!=");
    cr_expect_str_eq(match_op_text(MATCH_RE), "=~");
    cr_expect_str_eq(match_op_text(MATCH_NRE), "!~");
    EXPECT_NO_LEAK();
}
