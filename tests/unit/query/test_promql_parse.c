/* test_promql_parse.c - what is refused, with which words and where; how operators bind; limits.
 * The sentences are what Prometheus 3.14 answers to the same text. */
#include "query/promql_parse.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

static const struct {
    const char *text, *want;
} refused[] = {
    {"", "unknown position: parse error: no expression found in input"},
    {"# only a comment", "1:1: parse error: no expression found in input"},
    {"1+", "1:3: parse error: unexpected end of input"},
    {"(1+2", "1:5: parse error: unclosed left parenthesis"},
    {")", "1:2: parse error: unexpected right parenthesis ')'"},
    {"1 2", "1:3: parse error: unexpected number \"2\""},
    {"foo{", "1:5: parse error: unexpected end of input inside braces"},
    {"foo{a", "1:6: parse error: unexpected end of input inside braces"},
    {"foo{a=\"1\"", "1:10: parse error: unexpected end of input inside braces"},
    {"foo{a=\"1\" b=\"2\"}",
     "1:11: parse error: unexpected identifier \"b\" in label matching, expected \",\" or \"}\""},
    {"foo{a 1}", "1:7: parse error: unexpected character inside braces: '1'"},
    {"foo{a=b}",
     "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"},
    {"foo{1}", "1:5: parse error: unexpected character inside braces: '1'"},
    {"foo{{}", "1:5: parse error: unexpected left brace '{'"},
    {"foo{!}", "1:5: parse error: unexpected character after '!' inside braces: '}'"},
    {"foo{a=\"1\"}{b=\"2\"}", "1:11: parse error: unexpected \"{\""},
    {"=~", "1:1: parse error: unexpected character after '=': '~'"},
    {"!", "1:1: parse error: unexpected character after '!': '\357\277\275'"},
    {"a = b", "1:3: parse error: unexpected \"=\""},
    {"foo \"x\"", "1:5: parse error: unexpected string \"\\\"x\\\"\""},
    {"'abc", "1:1: parse error: unterminated quoted string"},
    {"\"a\\q\"", "1:1: parse error: unknown escape sequence U+0071 'q'"},
    {"\"\\400\"", "1:1: parse error: escape sequence is an invalid Unicode code point"},
    {"\"\\ud800\"", "1:1: parse error: escape sequence is an invalid Unicode code point"},
    {"\"\\u12\"", "1:1: parse error: illegal character U+0022 '\"' in escape sequence"},
    {"`abc", "1:1: parse error: unterminated raw string"},
    {"$", "1:1: parse error: unexpected character: '$'"},
    {"\303\251", "1:1: parse error: unexpected character: '\303\251'"},
    {"5mm", "1:1: parse error: bad number or duration syntax: \"5mm\""},
    {"5h5y", "1:1: parse error: bad number or duration syntax: \"5h5\""},
    {"1e5m", "1:1: parse error: unknown unit \"e\" in duration \"1e5m\""},
    {"0x",
     "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax"},
    {"1e", "1:1: parse error: bad number or duration syntax: \"1e\""},
    {"1e999", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e999\": "
              "value out of range"},
    {"1__0", "1:1: parse error: bad number or duration syntax: \"1__\""},
    {"1_", "1:1: parse error: bad number or duration syntax: \"1_\""},
    {"99999999999y", "1:1: parse error: duration out of range"},
    {"foo()", "1:1: parse error: unknown function with name \"foo\""},
    {"Rate(x[5m])", "1:1: parse error: unknown function with name \"Rate\""},
    {"a:b(x)", "1:4: parse error: unexpected \"(\""},
    {"rate(x)", "1:6: parse error: expected type range vector in call to function \"rate\", got "
                "instant vector"},
    {"rate(x[5m], 1)", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 2"},
    {"clamp(x, 1)", "1:1: parse error: expected 3 argument(s) in call to \"clamp\", got 2"},
    {"round(x, 1, 2)",
     "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"},
    {"label_join(x, \"a\")",
     "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 2"},
    {"sum_over_time(1)", "1:15: parse error: expected type range vector in call to function "
                         "\"sum_over_time\", got scalar"},
    {"rate(x[5m],)", "1:11: parse error: trailing commas not allowed in function call args"},
    {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
    {"sum(x, y)", "1:1: parse error: wrong number of arguments for aggregate expression provided, "
                  "expected 1, got 2"},
    {"topk(x)", "1:1: parse error: wrong number of arguments for aggregate expression provided, "
                "expected 2, got 1"},
    {"topk(\"a\", x)",
     "1:6: parse error: expected type scalar in aggregation parameter, got string"},
    {"count_values(1, x)",
     "1:14: parse error: expected type string in aggregation parameter, got scalar"},
    {"sum(1)",
     "1:5: parse error: expected type instant vector in aggregation expression, got scalar"},
    {"sum(x[5m])",
     "1:5: parse error: expected type instant vector in aggregation expression, got range vector"},
    {"sum x by (a)", "1:5: parse error: unexpected identifier \"x\""},
    {"sum by (a) x", "1:12: parse error: unexpected identifier \"x\" in aggregation"},
    {"sum by x (a)",
     "1:8: parse error: unexpected identifier \"x\" in grouping opts, expected \"(\""},
    {"sum by (a b) (x)",
     "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""},
    {"sum by (1) (x)",
     "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"},
    {"sum by (\"\") (x)", "1:9: parse error: invalid label name for grouping: \"\""},
    {"sum by (without) (x)",
     "1:9: parse error: unexpected <without> in grouping opts, expected label"},
    {"sum(x y)", "1:7: parse error: unexpected identifier \"y\" in aggregation"},
    {"sum by (a) (x) by (b)", "1:16: parse error: unexpected <by>"},
    {"1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
    {"1 + bool 1", "1:3: parse error: bool modifier can only be used on comparison operators"},
    {"\"a\" + 1",
     "1:1: parse error: binary expression must contain only scalar and instant vector types"},
    {"x[5m] + 1",
     "1:1: parse error: binary expression must contain only scalar and instant vector types"},
    {"-\"a\"", "1:1: parse error: unary expression only allowed on expressions of type scalar or "
               "instant vector, got \"string\""},
    {"-x[5m]", "1:1: parse error: unary expression only allowed on expressions of type scalar or "
               "instant vector, got \"range vector\""},
    {"1 and x", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
    {"a and on(x) group_left b", "1:1: parse error: no grouping allowed for \"and\" operation"},
    {"a and fill(0) b",
     "1:1: parse error: filling in missing series not allowed for set operators"},
    {"a + on(x) group_left(x) b",
     "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"},
    {"a + group_left b", "1:5: parse error: unexpected <group_left>"},
    {"1 + on(x) b", "1:1: parse error: vector matching only allowed between instant vectors"},
    {"1 + fill(0) b",
     "1:1: parse error: filling in missing series only allowed between instant vectors"},
    {"a + on(x) group_left[5m] b",
     "1:21: parse error: unexpected \"[\" in grouping opts, expected \"(\""},
    {"a on b", "1:3: parse error: unexpected <on>"},
    {"x{__name__=\"y\"}", "1:1: parse error: metric name must not be set twice: \"x\" or \"y\""},
    {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a=~\".*\"}",
     "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a=~\"[\"}", "1:2: parse error: error parsing regexp: missing closing ]: `[`"},
    {"x[5m", "1:5: parse error: unclosed left bracket"},
    {"x[]", "1:3: parse error: unexpected \"]\" in subquery or range selector, expected number, "
            "duration, step(), or range()"},
    {"x[a]", "1:3: parse error: unexpected character in duration expression: 'a'"},
    {"x[5m a]", "1:6: parse error: unexpected character: 'a', expected ':'"},
    {"x[5m$]", "1:5: parse error: unexpected character: '$'"},
    {"x[:5m]", "1:4: parse error: unexpected colon before duration in duration expression"},
    {"x[5m:1m:1m]", "1:8: parse error: unexpected colon ':'"},
    {"x[5m:a]", "1:6: parse error: unexpected character: 'a', expected ':'"},
    {"x[0]", "1:3: parse error: duration must be greater than 0"},
    {"x[-1]", "1:3: parse error: duration must be greater than 0"},
    {"x[1/0]", "1:4: parse error: division by zero"},
    {"x[1%0]", "1:4: parse error: modulo by zero"},
    {"x[99999999999999999999]", "1:3: parse error: duration out of range"},
    {"x[step]", "1:7: parse error: unexpected \"]\" in subquery or range selector, expected "
                "number, duration, step(), or range()"},
    {"x[min_of(1)]", "1:11: parse error: unexpected \")\" in subquery or range selector, expected "
                     "number, duration, step(), or range()"},
    {"x[5m][5m]", "1:6: parse error: ranges only allowed for vector selectors"},
    {"x[5m][5m:]",
     "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"},
    {"1[5m]", "1:2: parse error: ranges only allowed for vector selectors"},
    {"(x)[5m]", "1:4: parse error: ranges only allowed for vector selectors"},
    {"x offset 5m [5m]", "1:13: parse error: no offset modifiers allowed before range"},
    {"x @ 1 [5m]", "1:7: parse error: no @ modifiers allowed before range"},
    {"x offset", "1:9: parse error: unexpected end of input in offset, expected number, duration, "
                 "step(), or range()"},
    {"x offset a", "1:10: parse error: unexpected identifier \"a\" in offset, expected number, "
                   "duration, step(), or range()"},
    {"x offset 5m offset 5m", "1:1: parse error: offset may not be set multiple times"},
    {"1 offset 5m", "1:1: parse error: offset modifier must be preceded by an instant vector "
                    "selector or range vector selector or a subquery"},
    {"x @", "1:4: parse error: unexpected end of input in @, expected timestamp"},
    {"x @ a", "1:5: parse error: unexpected identifier \"a\" in @, expected timestamp"},
    {"x @ start", "1:10: parse error: unexpected end of input in @, expected timestamp"},
    {"x @ -end()", "1:6: parse error: unexpected \"end\" in @, expected timestamp"},
    {"x @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"},
    {"x @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
    {"x @ NaN", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"},
    {"1 @ 5", "1:1: parse error: @ modifier must be preceded by an instant vector selector or "
              "range vector selector or a subquery"},
    {"x anchored smoothed",
     "1:1: parse error: anchored and smoothed modifiers cannot be used together"},
    {"x[5m:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"},
    {"1 smoothed", "1:1: parse error: smoothed modifier not implemented"},
    {"info(x, y)", "1:9: parse error: expected label selectors only, got vector selector instead"},
    {"info(x, 1)",
     "1:1: parse error: expected type instant vector in call to function \"info\", got scalar"},
    {"info(x, y{a=\"b\"})",
     "1:9: parse error: expected label selectors only, got vector selector instead"},
    {"sum(rate(x[5m])", "1:16: parse error: unclosed left parenthesis"},
    {"sum(", "1:5: parse error: unclosed left parenthesis"},
    {"  rate(x", "1:9: parse error: unclosed left parenthesis"},
    {"))", "1:2: parse error: unexpected right parenthesis ')'"},
};

Test(promql_parse, refuses_in_the_words_of_prometheus)
{
    for (size_t i = 0; i < LEN(refused); i++) {
        struct arena arena = {0};
        struct promql_node *root;
        struct err e = {0};
        enum status status = promql_parse(str_from_c(refused[i].text), &arena, &root, &e);
        cr_expect_eq(status, ST_INVALID, "text %s", refused[i].text);
        cr_expect_str_eq(e.msg, refused[i].want, "text %s", refused[i].text);
        cr_expect_null(root);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

/* The text with every node in brackets. */
static void show(const struct promql_node *n, struct buf *out)
{
    if (n->kind == PROMQL_BINARY) {
        buf_append_u8(out, '[');
        show(n->binary.lhs, out);
        buf_append_u8(out, ' ');
        show(n->binary.rhs, out);
        buf_append_u8(out, ']');
    } else if (n->kind == PROMQL_UNARY) {
        buf_append_str(out, STR("[-"));
        show(n->unary.expr, out);
        buf_append_u8(out, ']');
    } else {
        promql_print(n, out);
    }
}

Test(promql_parse, binds_as_prometheus)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"a + b * c", "[a [b c]]"},
        {"a * b + c", "[[a b] c]"},
        {"a ^ b ^ c", "[a [b c]]"},
        {"a - b - c", "[[a b] c]"},
        {"-a ^ b", "[-[a b]]"},
        {"-a * b", "[[-a] b]"},
        {"a ^ -b ^ c", "[a [-[b c]]]"},
        {"a ^ -b * c", "[[a [-b]] c]"},
        {"a or b and c", "[a [b c]]"},
        {"a and b == c", "[a [b c]]"},
        {"a == b + c", "[a [b c]]"},
        {"a </ 1 == b", "[[a 1] b]"},
        {"a unless b and c", "[[a b] c]"},
        {"a atan2 b * c", "[[a b] c]"},
        {"a + b offset 5m", "[a b offset 5m]"},
        {"-x[5m:] + 1", ""},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena = {0};
        struct promql_node *root;
        struct buf out = {0};
        if (promql_parse(str_from_c(rows[i].text), &arena, &root, NULL) == ST_OK)
            show(root, &out);
        cr_expect(str_eq(buf_str(&out), str_from_c(rows[i].want)), "%s: %.*s", rows[i].text,
                  (int)out.len, out.ptr);
        promql_free(root);
        buf_deinit(&out);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

Test(promql_parse, knows_where_nodes_are)
{
    static const char text[] = " sum by (a) (rate(x{b=\"c\"}[5m] offset 1m)) + foo";
    struct arena arena = {0};
    struct promql_node *root;
    cr_assert_eq(promql_parse(str_from_c(text), &arena, &root, NULL), ST_OK);
    const struct promql_node *call = root->binary.lhs->aggregate.expr;
    const struct promql_node *range = call->call.args[0];
    const struct {
        struct promql_span span;
        const char *want;
    } rows[] = {
        {root->span, text + 1},
        {root->binary.lhs->span, "sum by (a) (rate(x{b=\"c\"}[5m] offset 1m))"},
        {call->span, "rate(x{b=\"c\"}[5m] offset 1m)"},
        {range->span, "x{b=\"c\"}[5m] offset 1m"},
        {range->range.selector->span, "x{b=\"c\"}"},
        {root->binary.rhs->span, "foo"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct str got = str_sub(str_from_c(text), rows[i].span.start, rows[i].span.end);
        cr_expect(str_eq(got, str_from_c(rows[i].want)), "row %zu: %.*s", i, STR_ARG(got));
    }
    cr_expect_eq(range->range.range.ms, 300000);
    cr_expect_eq(range->range.selector->selector.when.offset.ms, 60000);
    promql_free(root);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(promql_parse, reads_matching)
{
    struct arena arena = {0};
    struct promql_node *root;
    cr_assert_eq(promql_parse(STR("a > bool on (x) group_right (y, z) fill_left (-2) b"), &arena,
                              &root, NULL),
                 ST_OK);
    const struct promql_matching *m = root->binary.matching;
    cr_expect(root->binary.returns_bool && m->on && m->card == CARD_ONE_TO_MANY);
    cr_expect_eq(m->label_count, 1);
    cr_expect_eq(m->include_count, 2);
    cr_expect(m->fills_left && !m->fills_right && m->fill_left == -2);
    promql_free(root);
    cr_assert_eq(promql_parse(STR("a and b"), &arena, &root, NULL), ST_OK);
    cr_expect_eq(root->binary.matching->card, CARD_MANY_TO_MANY);
    promql_free(root);
    cr_assert_eq(promql_parse(STR("a + 1"), &arena, &root, NULL), ST_OK);
    cr_expect_null(root->binary.matching);
    promql_free(root);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

static void repeat(struct buf *out, const char *text, int count)
{
    for (; count > 0; count--)
        buf_append_str(out, str_from_c(text));
}

Test(promql_parse, bounds_depth_nodes_and_text)
{
    static const struct {
        const char *before, *repeated, *after;
        int most;
    } rows[] = {
        {"x", " + x", "", PROMQL_NODES_MAX / 3}, /* a selector counts twice */
        {"x[1", " + step()", "]", PROMQL_NODES_MAX / 2},
        {"", "- ", "x", PROMQL_DEPTH_MAX - 1},
        {"x[", "- -", "1 * step()]", PROMQL_DEPTH_MAX / 2},
        {"x", " ^ x", "", PROMQL_DEPTH_MAX - 1},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        for (int more = -3; more <= 3000; more += 3003) {
            struct buf text = {0};
            struct arena arena = {0};
            struct promql_node *root;
            struct err e = {0};
            repeat(&text, rows[i].before, 1);
            repeat(&text, rows[i].repeated, rows[i].most + more);
            repeat(&text, rows[i].after, 1);
            enum status status = promql_parse(buf_str(&text), &arena, &root, &e);
            cr_expect_eq(status, more < 0 ? ST_OK : ST_INVALID, "row %zu%+d: %s", i, more, e.msg);
            promql_free(root);
            buf_deinit(&text);
            arena_deinit(&arena);
        }
    EXPECT_NO_LEAK();
}

/* Whoever walks a chain of a chain needs stack for so many links of each. */
Test(promql_parse, chains_in_chains_are_levels)
{
    for (int chains = 1; chains <= PROMQL_DEPTH_MAX / PROMQL_LINKS_DEEP + 1; chains++)
        for (int links = PROMQL_LINKS_DEEP - 1; links <= 10 * PROMQL_LINKS_DEEP; links *= 10) {
            struct buf text = {0};
            struct arena arena = {0};
            struct promql_node *root;
            struct err e = {0};
            repeat(&text, "(", chains);
            repeat(&text, "x", 1);
            for (int i = 0; i < chains; i++) {
                repeat(&text, " + x", links);
                repeat(&text, ")", 1);
            }
            enum status want = chains <= PROMQL_DEPTH_MAX / PROMQL_LINKS_DEEP ? ST_OK : ST_INVALID;
            cr_expect_eq(promql_parse(buf_str(&text), &arena, &root, &e), want, "%d of %d: %s",
                         chains, links, e.msg);
            promql_free(root);
            buf_deinit(&text);
            arena_deinit(&arena);
        }
    EXPECT_NO_LEAK();
}

Test(promql_parse, bounds_wide_texts)
{
    struct buf text = {0};
    struct arena arena = {0};
    struct promql_node *root;
    struct err e = {0};
    repeat(&text, "label_join(x,\"a\"", 1);
    repeat(&text, ",\"\"", PROMQL_NODES_MAX);
    repeat(&text, ")", 1);
    cr_expect_eq(promql_parse(buf_str(&text), &arena, &root, &e), ST_INVALID);
    cr_expect_not_null(strstr(e.msg, "more than 100000 nodes"));
    buf_reset(&text);
    repeat(&text, " ", PROMQL_TEXT_MAX);
    repeat(&text, "x", 1);
    cr_expect_eq(promql_parse(buf_str(&text), &arena, &root, &e), ST_INVALID);
    buf_deinit(&text);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(promql_parse, bounds_regular_expressions)
{
    struct buf text = {0};
    struct arena arena = {0};
    struct promql_node *root;
    struct err e = {0};
    repeat(&text, "{", 1);
    for (int i = 0; i < 300; i++)
        buf_printf(&text, "a=~\"bound%d[ab]\",", i);
    repeat(&text, "}", 1);
    cr_expect_eq(promql_parse(buf_str(&text), &arena, &root, &e), ST_INVALID);
    cr_expect_not_null(strstr(e.msg, "regular expressions take more than 256 MiB"));
    buf_deinit(&text);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(promql_parse, selector_alone)
{
    static const struct {
        const char *text;
        enum status want;
    } rows[] = {
        {"up", ST_OK},          {"up{job=\"x\"}", ST_OK},  {"{job=~\".+\"}", ST_OK},
        {"{}", ST_OK},          {"up + 1", ST_INVALID},    {"{job=~\".*\"}", ST_OK},
        {"up[5m]", ST_INVALID}, {"", ST_INVALID},          {"1", ST_INVALID},
        {"sum(x)", ST_INVALID}, {"up{job=\"", ST_INVALID}, {"{job=~\"[\"}", ST_INVALID},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena = {0};
        struct promql_node *root;
        struct err e;
        cr_expect_eq(promql_parse_selector(str_from_c(rows[i].text), &arena, &root, &e),
                     rows[i].want, "text %s", rows[i].text);
        promql_free(root);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

Test(promql_parse, survives_lack_of_memory)
{
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct arena arena = {0};
        struct promql_node *root;
        struct err e;
        struct buf out = {0};
        enum status status = promql_parse(
            STR("sum by (a) (rate({b=~\"walk[0-9]\",c=\"\\n\"}[5m]) > bool 1)"), &arena, &root, &e);
        cr_expect(status == ST_OK || status == ST_NO_MEMORY);
        if (status == ST_OK)
            promql_print(root, &out);
        promql_free(root);
        buf_deinit(&out);
        arena_deinit(&arena);
    }
    cr_expect(walk.failures >= 2);
    EXPECT_NO_LEAK();
}
