/* test_promql_resolve.c - duration expressions become times of one query. */
#include "query/promql_parse.h"
#include "tests/support/leak.h"

/* Of a query from 50 s to 60 s with a step of 5 s. */
static enum status resolve(struct arena *arena, const char *text, struct promql_node **root,
                           struct err *e)
{
    cr_assert_eq(promql_parse(str_from_c(text), arena, root, e), ST_OK, "%s: %s", text, e->msg);
    return promql_resolve(*root, 50000, 60000, 5000, e);
}

Test(promql_resolve, computes)
{
    static const struct {
        const char *text;
        int64_t range_ms, offset_ms;
    } rows[] = {
        {"x[5m]", 300000, 0},
        {"x[step()]", 5000, 0},
        {"x[range() + 1ms]", 10001, 0},
        {"x[1+(STEP()-5)*2 + 3]", 4000, 0},
        {"x[29s+1s]", 30000, 0},
        {"x[max_of(min_of(step()+1,1h),1ms)]", 6000, 0},
        {"x[((((8 - 2) / 3) * 7s) % 4) + 8000ms]", 10000, 0},
        {"x[2 ^ 3 ^ 1 * 1]", 8000, 0},
        {"x[-(-step())]", 5000, 0},
        {"x[1m] offset step()", 60000, 5000},
        {"x[1m] offset -step()", 60000, -5000},
        {"x[1m] offset (step() * -2)", 60000, -10000},
        {"x[1m] offset -(range() / 4)", 60000, -2500},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena = {0};
        struct promql_node *root;
        struct err e;
        cr_expect_eq(resolve(&arena, rows[i].text, &root, &e), ST_OK, "%s", rows[i].text);
        cr_expect_null(root->range.range.expr);
        cr_expect_eq(root->range.range.ms, rows[i].range_ms, "%s", rows[i].text);
        cr_expect_eq(root->range.selector->selector.when.offset.ms, rows[i].offset_ms, "%s",
                     rows[i].text);
        promql_free(root);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

Test(promql_resolve, refuses)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"x[step() - 5]", "2:12: duration must be greater than 0"},
        {"sum(-(x offset (1 / (step() - 5))))", "division by zero"},
        {"rate(x[1 % (step() - 5)])", "modulo by zero"},
        {"x[step() * 9e9]", "2:14: duration is out of range"},
        {"x[1m:0 * step()]", "5:15: duration must be greater than 0"},
        {"topk(scalar(y offset (step() * 9e9)), x)", "22:34: duration is out of range"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena = {0};
        struct promql_node *root;
        struct err e;
        cr_expect_eq(resolve(&arena, rows[i].text, &root, &e), ST_INVALID, "%s", rows[i].text);
        cr_expect_str_eq(e.msg, rows[i].want, "%s", rows[i].text);
        promql_free(root);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}
