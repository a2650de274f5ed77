/* test_promql_print.c - trees back to text and to JSON, as Prometheus 3.14 writes them. */
#include "query/promql_parse.h"
#include "tests/support/leak.h"

typedef void print_fn(const struct promql_node *node, struct buf *out);

static void expect_print(const char *text, const char *want, print_fn *print)
{
    struct arena arena = {0};
    struct promql_node *root;
    struct err e = {0};
    struct buf out = {0}, again = {0};
    cr_assert_eq(promql_parse(str_from_c(text), &arena, &root, &e), ST_OK, "%s: %s", text, e.msg);
    print(root, &out);
    cr_expect(str_eq(buf_str(&out), str_from_c(want)), "%s gives %.*s", text, (int)out.len,
              out.ptr);
    promql_free(root);
    cr_assert_eq(promql_parse(buf_str(&out), &arena, &root, &e), ST_OK, "%.*s: %s", (int)out.len,
                 out.ptr, e.msg);
    print(root, &again);
    cr_expect(str_eq(buf_str(&out), buf_str(&again)), "%s", text);
    promql_free(root);
    buf_deinit(&out);
    buf_deinit(&again);
    arena_deinit(&arena);
}

static const struct {
    const char *text, *want;
} lines[] = {
    {"1", "1"},
    {"-1", "-1"},
    {"+1", "1"},
    {"--1", "1"},
    {"-1 ^ 2", "-1 ^ 2"},
    {"2 ^ 3 ^ 2", "2 ^ 3 ^ 2"},
    {"-x ^ 2", "-x ^ 2"},
    {"- x", "-x"},
    {"1_000", "1000"},
    {"0755", "493"},
    {"08", "8"},
    {"0x1F", "31"},
    {".5", "0.5"},
    {"1e3", "1000"},
    {"1e-7", "0.0000001"},
    {"123456789012345678901234567890", "123456789012345680000000000000"},
    {"Inf", "+Inf"},
    {"-inf", "-Inf"},
    {"NaN", "NaN"},
    {"5m", "5m"},
    {"-90s", "-1m30s"},
    {"1h30m", "1h30m"},
    {"90d", "90d"},
    {"1y", "1y"},
    {"1w", "1w"},
    {"0s", "0s"},
    {"\"a\\\"b\\n\\x41\\u00e9\\101\"", "\"a\\\"b\\nA\303\251A\""},
    {"'it\\'s'", "\"it's\""},
    {"`a\\b`", "\"a\\\\b\""},
    {"\"\\xff\"", "\"\\xff\""},
    {"x", "x"},
    {"x{}", "x"},
    {"x{a=\"1\",b!=\"2\",c=~\"3\",d!~\"4\",}", "x{a=\"1\",b!=\"2\",c=~\"3\",d!~\"4\"}"},
    {"{__name__=\"x\"}", "{__name__=\"x\"}"},
    {"{\"a.b\", \"c.d\"=\"e\"}", "{\"c.d\"=\"e\",__name__=\"a.b\"}"},
    {"{\"x\", a=\"1\"}", "{__name__=\"x\",a=\"1\"}"},
    {"a:b", "a:b"},
    {"sum", "sum"},
    {"by", "by"},
    {"and and and", "and and and"},
    {"or or or unless unless", "or or or unless unless"},
    {"step", "step"},
    {"offset", "offset"},
    {"fill + fill(1) fill", "fill + fill (1) fill"},
    {"start() + end()", "start() + end()"},
    {"time() > bool 1", "time() > bool 1"},
    {"x[5m]", "x[5m]"},
    {"x[300]", "x[5m]"},
    {"x[1.5]", "x[1s500ms]"},
    {"x[5m] offset 1h @ 100", "x[5m] @ 100.000 offset 1h"},
    {"x @ 100 offset -1h", "x @ 100.000 offset -1h"},
    {"x @ start() offset 5m", "x @ start() offset 5m"},
    {"x @ -1.5", "x @ -1.500"},
    {"x @ 5m", "x @ 300.000"},
    {"x offset 0s", "x"},
    {"x offset 1996420725.92223", "x offset 23106d17h18m45s922ms"},
    {"x offset 23106d17h18m45s922ms", "x offset 23106d17h18m45s922ms"},
    {"x offset -25000d1ms", "x offset -25000d1ms"},
    {"x[1.9999]", "x[1s999ms]"},
    {"x[5m:]", "x[5m:]"},
    {"x[5m:1m] @ end()", "x[5m:1m] @ end()"},
    {"rate(x[5m])[1h:]", "rate(x[5m])[1h:]"},
    {"x[5m] anchored", "x[5m] anchored"},
    {"x[5m] smoothed offset 1m", "x[5m] smoothed offset 1m"},
    {"x anchored", "x anchored"},
    {"x[step()]", "x[step()]"},
    {"x[5m+step()*2]", "x[5m + step() * 2]"},
    {"x[(5)]", "x[5s]"},
    {"x[((step()))]", "x[(step())]"},
    {"x[max_of(1m, min_of(step(), range()))]", "x[max_of(1m, min_of(step(), range()))]"},
    {"x[-(-(5m))]", "x[5m]"},
    {"x offset (step()/2)", "x offset (step() / 2)"},
    {"x offset -step()", "x offset -step()"},
    {"x offset -2 ^ 2", "x offset -2s ^ 2"},
    {"x offset - -step()", "x offset --step()"},
    {"sum(x)", "sum(x)"},
    {"sum(x) by (a, b)", "sum by (a, b) (x)"},
    {"sum by () (x)", "sum(x)"},
    {"sum without () (x)", "sum without () (x)"},
    {"sum by (\"a.b\", c,) (x)", "sum by (\"a.b\", c) (x)"},
    {"SUM BY (a) (x)", "sum by (a) (x)"},
    {"topk(3, x)", "topk(3, x)"},
    {"count_values without (a) (\"v\", x)", "count_values without (a) (\"v\", x)"},
    {"a + b * c - d", "a + b * c - d"},
    {"(a + b) * c", "(a + b) * c"},
    {"a or b and c unless d", "a or b and c unless d"},
    {"a == bool b", "a == bool b"},
    {"1 == bool 1", "1 == bool 1"},
    {"a </ 3 >/ 1", "a </ 3 >/ 1"},
    {"a * on (x) b", "a * on (x) b"},
    {"a * ignoring (x, y) group_left b", "a * ignoring (x, y) group_left () b"},
    {"a * on () group_right (z) b", "a * on () group_right (z) b"},
    {"a * on (x) group_left (y) fill (0) b", "a * on (x) group_left (y) fill (0) b"},
    {"a + fill_left(1) fill_right(-2) b", "a + fill_left (1) fill_right (-2) b"},
    {"a atan2 b", "a atan2 b"},
    {"info(x, {k8s_pod=~\".+\"})", "info(x, {k8s_pod=~\".+\"})"},
    {"label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")",
     "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")"},
    {"vector(1)", "vector(1)"},
    {"# c\n x # d", "x"},
    /* Here Prometheus leaves the parentheses out and would read something else back. */
    {"x offset (2) ^ 2", "x offset (2 ^ 2)"},
    {"x offset +-5^3", "x offset (-5 ^ 3)"},
    {"x offset --(5^3)", "x offset --(5 ^ 3)"},
};

Test(promql_print, writes_one_line)
{
    for (size_t i = 0; i < LEN(lines); i++)
        expect_print(lines[i].text, lines[i].want, promql_print);
    EXPECT_NO_LEAK();
}

static const struct {
    const char *text, *want;
} blocks[] = {
    {"sum(x)", "sum(x)"},
    {"sum by (destination_workload, destination_workload_namespace) "
     "(rate(istio_requests_total{reporter=\"source\"}[5m]))",
     "sum by (destination_workload, destination_workload_namespace) (\n  "
     "rate(istio_requests_total{reporter=\"source\"}[5m])\n)"},
    {"topk(10, sum by (destination_workload) "
     "(rate(istio_requests_total{reporter=\"source\",destination_workload_namespace=\"shop\"}[5m]))"
     ")",
     "topk(\n  10,\n  sum by (destination_workload) (\n    "
     "rate(istio_requests_total{destination_workload_namespace=\"shop\",reporter=\"source\"}[5m])"
     "\n  )\n)"},
    {"(histogram_quantile(0.9, sum by (le) "
     "(irate(istio_request_duration_milliseconds_bucket{reporter=\"destination\"}[1m]))) / 1000) > "
     "bool vector(1)",
     "  (\n      histogram_quantile(\n        0.9,\n        sum by (le) "
     "(irate(istio_request_duration_milliseconds_bucket{reporter=\"destination\"}[1m]))\n      )\n "
     "   /\n      1000\n  )\n> bool\n  vector(1)"},
    {"-sum(rate("
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaa[5m]))",
     "-sum(\n  rate(\n    "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaa[5m]\n  )\n)"},
    {"max_over_time(sum(rate("
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa[5m]))["
     "1h:1m] offset 1d)",
     "max_over_time(\n  sum(\n    "
     "rate(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa["
     "5m])\n  )[1h:1m] offset 1d\n)"},
    {"max_over_time(sum(x)[1h:1m]) + "
     "label_replace(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, "
     "\"aaaaaaaaaaaaa\", \"$1\", \"b\", \"(.*)\")",
     "  max_over_time(sum(x)[1h:1m])\n+\n  label_replace(\n    "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,\n    \"aaaaaaaaaaaaa\",\n    "
     "\"$1\",\n    \"b\",\n    \"(.*)\"\n  )"},
};

Test(promql_print, splits_what_is_longer_than_a_line)
{
    for (size_t i = 0; i < LEN(blocks); i++)
        expect_print(blocks[i].text, blocks[i].want, promql_print_pretty);
    EXPECT_NO_LEAK();
}

static void print_tree(const char *text, struct buf *out)
{
    struct arena arena = {0};
    struct promql_node *root;
    struct json_writer w = json_writer_of(out);
    cr_assert_eq(promql_parse(str_from_c(text), &arena, &root, NULL), ST_OK, "%s", text);
    promql_print_tree(root, &w);
    promql_free(root);
    arena_deinit(&arena);
}

Test(promql_print, writes_the_tree)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"-1.5", "{\"type\":\"numberLiteral\",\"val\":\"-1.5\"}"},
        {"\"a\"", "{\"type\":\"stringLiteral\",\"val\":\"a\"}"},
        {"-(x)",
         "{\"expr\":{\"expr\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":"
         "\"=\",\"value\":\"x\"}],\"name\":\"x\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":"
         "false,"
         "\"startOrEnd\":null,\"timestamp\":null,\"type\":\"vectorSelector\"},\"type\":"
         "\"parenExpr\"},\"op\":\"-"
         "\",\"type\":\"unaryExpr\"}"},
        {"rate({a=\"b\"}[5m] @ end() offset 1m)",
         "{\"args\":[{\"anchored\":false,\"matchers\":[{\"name\":\"a\",\"type\":\"=\",\"value\":"
         "\"b\"}],\"name\":\"\",\"offset\":60000,\"offsetExpr\":null,\"range\":300000,"
         "\"rangeExpr\":null,\"smoothed\":false,"
         "\"startOrEnd\":\"end\",\"timestamp\":null,\"type\":\"matrixSelector\"}],\"func\":{"
         "\"argTypes\":[\"matrix\"],\"name\":\"rate\",\"returnType\":\"vector\",\"variadic\":0},"
         "\"type\":\"call\"}"},
        {"topk by (a) (1, vector(1))",
         "{\"expr\":{\"args\":[{\"type\":\"numberLiteral\",\"val\":\"1\"}],\"func\":{\"argTypes\":"
         "[\"scalar\"],\"name\":\"vector\",\"returnType\":\"vector\",\"variadic\":0},\"type\":"
         "\"call\"},\"grouping\":[\"a\"],\"op\":\"topk\",\"param\":{\"type\":\"numberLiteral\","
         "\"val\":\"1\"},\"type\":\"aggregation\",\"without\":false}"},
        {"1 > bool 2",
         "{\"bool\":true,\"lhs\":{\"type\":\"numberLiteral\",\"val\":\"1\"},\"matching\":null,"
         "\"op\":\"\\u003e\",\"rhs\":{\"type\":\"numberLiteral\",\"val\":\"2\"},\"type\":"
         "\"binaryExpr\"}"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf out = {0};
        print_tree(rows[i].text, &out);
        cr_expect(str_eq(buf_str(&out), str_from_c(rows[i].want)), "%s gives %.*s", rows[i].text,
                  (int)out.len, out.ptr);
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}

Test(promql_print, tree_tells_matching_and_subquery)
{
    static const char *const pieces[] = {
        "\"matching\":{\"card\":\"many-to-one\",\"fillValues\":{\"lhs\":null,\"rhs\":3},"
        "\"include\":[\"c\"],\"labels\":[\"b\"],\"on\":true}",
        "\"offset\":0,\"offsetExpr\":null,\"range\":60000,\"rangeExpr\":null,\"startOrEnd\":null,"
        "\"step\":5000,\"stepExpr\":null,\"timestamp\":7000,\"type\":\"subquery\"",
    };
    struct buf out = {0};
    print_tree("a * on (b) group_left (c) fill_right (3) max_over_time(d[1m:5s] @ 7)", &out);
    for (size_t i = 0; i < LEN(pieces); i++)
        cr_expect(str_search(buf_str(&out), str_from_c(pieces[i])) < out.len, "%s in %.*s",
                  pieces[i], (int)out.len, out.ptr);
    buf_deinit(&out);
    EXPECT_NO_LEAK();
}

/* More levels than a json_writer counts. */
Test(promql_print, tree_of_many_levels)
{
    struct buf text = {0}, out = {0};
    for (int i = 0; i < 200; i++)
        buf_append_u8(&text, '(');
    buf_append_u8(&text, '1');
    for (int i = 0; i < 200; i++)
        buf_append_u8(&text, ')');
    buf_append_u8(&text, 0);
    print_tree(text.ptr, &out);
    cr_expect(str_ends_with(buf_str(&out), STR("\"type\":\"parenExpr\"}")));
    buf_deinit(&text);
    buf_deinit(&out);
    EXPECT_NO_LEAK();
}

/* Chains of operators are written without recursion: as one line, as a tree, and over lines that
 * are indented no further than the deepest nest may be. */
Test(promql_print, chains_of_many_links)
{
    enum { LINKS = 20000 };
    struct buf text = {0}, out = {0};
    struct arena arena = {0};
    struct promql_node *root;
    buf_append_u8(&text, 'x');
    for (int i = 0; i < LINKS; i++)
        buf_append_str(&text, STR(" + y"));
    cr_assert_eq(promql_parse(buf_str(&text), &arena, &root, NULL), ST_OK);
    promql_print(root, &out);
    cr_expect(str_eq(buf_str(&out), buf_str(&text)));
    buf_reset(&out);
    promql_print_pretty(root, &out);
    size_t lines = 1;
    for (size_t i = 0; i < out.len; i++)
        lines += out.ptr[i] == '\n';
    /* The first 25 links fit on a line. */
    cr_expect_eq(lines, 1 + 2 * (LINKS - 24), "%zu", lines);
    cr_expect(str_ends_with(buf_str(&out), STR("\n  +\n    y\n+\n  y")));
    cr_expect(out.len < lines * (2 * PROMQL_DEPTH_MAX + 102));
    promql_free(root);
    buf_append_u8(&text, 0);
    buf_reset(&out);
    print_tree(text.ptr, &out);
    struct str lhs = STR("{\"bool\":false,\"lhs\":");
    for (size_t i = 0; i < LINKS; i++)
        cr_assert(str_starts_with(str_sub(buf_str(&out), i * lhs.len, out.len), lhs));
    buf_deinit(&text);
    buf_deinit(&out);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(promql_print, tree_tells_duration_expressions)
{
    static const struct {
        const char *text, *piece;
    } rows[] = {
        {"x offset -step()",
         "\"offsetExpr\":{\"lhs\":null,\"op\":\"-\",\"rhs\":{\"lhs\":null,\"op\":\"step\",\"rhs\":"
         "null,\"type\":\"durationExpr\",\"wrapped\":false},\"type\":\"durationExpr\","
         "\"wrapped\":false}"},
        {"x[(1m + 2) * range()]",
         "\"rangeExpr\":{\"lhs\":{\"lhs\":{\"duration\":true,\"type\":\"numberLiteral\",\"val\":"
         "\"60\"},\"op\":\"+\",\"rhs\":{\"duration\":false,\"type\":\"numberLiteral\",\"val\":"
         "\"2\"},\"type\":\"durationExpr\",\"wrapped\":true},\"op\":\"*\",\"rhs\":{\"lhs\":null,"
         "\"op\":\"range\",\"rhs\":null,\"type\":\"durationExpr\",\"wrapped\":false},\"type\":"
         "\"durationExpr\",\"wrapped\":false}"},
        {"x[5m:max_of(1m, step())]",
         "\"stepExpr\":{\"lhs\":{\"duration\":true,\"type\":\"numberLiteral\",\"val\":\"60\"},"
         "\"op\":\"max_of\",\"rhs\":{\"lhs\":null,\"op\":\"step\""},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf out = {0};
        print_tree(rows[i].text, &out);
        cr_expect(str_search(buf_str(&out), str_from_c(rows[i].piece)) < out.len, "%s gives %.*s",
                  rows[i].text, (int)out.len, out.ptr);
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}
