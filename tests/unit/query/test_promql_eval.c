/* test_promql_eval.c - what the engine promises beyond values: shapes, limits, time, memory. The
 * values are in tests/promql. */
#include "query/promql_eval.h"
#include "base/clock.h"
#include "base/mem.h"
#include "support/alloc_walk.h"
#include "support/leak.h"
#include "support/promql_store.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>

/* One query from parsing to its result. */
struct asking {
    struct arena arena;
    struct annotations notes;
    struct query_budget budget;
    struct promql_result result;
    struct err err;
};

static enum status ask(struct promql_store *store, const char *text, int64_t start_ms,
                       int64_t end_ms, int64_t step_ms, struct asking *a)
{
    struct promql_query q = {start_ms, end_ms, step_ms, 300000, 60000};
    struct series_source source = promql_store_source(store);
    struct series_sources sources = {&source, 1};
    struct promql_node *root = NULL;
    struct str query = str_from_c(text);
    annotations_init(&a->notes, &a->arena, query);
    enum status s = promql_parse(query, &a->arena, &root, &a->err);
    if (s == ST_OK)
        s = promql_resolve(root, start_ms, end_ms, step_ms, &a->err);
    if (s == ST_OK)
        s = promql_eval(root, &q, &sources, &a->budget, &a->notes, &a->arena, &a->result, &a->err);
    promql_free(root);
    return s;
}

static struct promql_store *store_new(void)
{
    static const struct str lines[] = {
        STR("x_total{job=\"a\", instance=\"1\"} 0+1x20"),
        STR("x_total{job=\"a\", instance=\"2\"} 0+2x20"),
        STR("x_total{job=\"b\", instance=\"1\"} 0+3x9 0+3x10"),
        STR("target_info{job=\"a\", instance=\"1\", zone=\"eu\"} 1x20"),
        STR("x_bucket{le=\"1\"} 0+1x20"),
        STR("x_bucket{le=\"+Inf\"} 0+2x20"),
        STR("h {{schema:0 count:4 sum:5 buckets:[1 2 1]}}+{{schema:0 count:4 sum:5 "
            "buckets:[1 2 1]}}x20"),
        STR("stale_one 1 2 3 stale 5 6"),
    };
    struct promql_store *s = calloc(1, sizeof(*s));
    cr_assert(s && promql_store_load(s, 60000, false, lines, LEN(lines)));
    return s;
}

static void store_free(struct promql_store *s)
{
    promql_store_deinit(s);
    free(s);
}

Test(promql_eval, answers_have_the_type_of_the_query)
{
    static const struct {
        const char *query;
        int64_t step_ms;
        enum status status;
        enum promql_type type;
        uint32_t series, points;
    } rows[] = {
        {"1 + 1", 0, ST_OK, TYPE_SCALAR, 0, 0},
        {"1 + 1", 60000, ST_OK, TYPE_MATRIX, 1, 6},
        {"\"text\"", 0, ST_OK, TYPE_STRING, 0, 0},
        {"\"text\"", 60000, ST_INVALID, TYPE_MATRIX, 0, 0},
        {"x_total", 0, ST_OK, TYPE_VECTOR, 3, 1},
        {"x_total", 60000, ST_OK, TYPE_MATRIX, 3, 6},
        {"x_total[2m]", 0, ST_OK, TYPE_MATRIX, 3, 2},
        {"x_total[2m]", 60000, ST_INVALID, TYPE_MATRIX, 0, 0},
        {"none", 0, ST_OK, TYPE_VECTOR, 0, 0},
        {"none", 60000, ST_OK, TYPE_MATRIX, 0, 0},
    };
    struct promql_store *store = store_new();
    for (size_t i = 0; i < LEN(rows); i++) {
        struct asking a = {0};
        int64_t end = rows[i].step_ms ? 600000 : 300000;
        enum status s = ask(store, rows[i].query, 300000, end, rows[i].step_ms, &a);
        cr_expect(eq(int, s, rows[i].status), "row %zu: %s", i, a.err.msg);
        if (s == ST_OK) {
            cr_expect(eq(int, a.result.type, rows[i].type), "row %zu", i);
            cr_expect(eq(u32, a.result.series_count, rows[i].series), "row %zu", i);
        }
        for (uint32_t k = 0; k < a.result.series_count; k++)
            cr_expect(eq(u32, a.result.series[k].point_count, rows[i].points), "row %zu", i);
        arena_deinit(&a.arena);
    }
    store_free(store);
    EXPECT_NO_LEAK();
}

Test(promql_eval, results_are_in_the_order_of_labels)
{
    struct promql_store *store = store_new();
    struct asking a = {0};
    cr_assert(eq(int, ask(store, "{job=~\"a|b\"}", 300000, 600000, 60000, &a), ST_OK));
    for (uint32_t i = 1; i < a.result.series_count; i++)
        cr_expect(label_set_cmp(a.result.series[i - 1].labels, a.result.series[i].labels) < 0);
    arena_deinit(&a.arena);
    a = (struct asking){0};
    cr_assert(eq(int, ask(store, "sort_desc(x_total)", 300000, 300000, 0, &a), ST_OK));
    for (uint32_t i = 1; i < a.result.series_count; i++)
        cr_expect(a.result.series[i - 1].values[0] > a.result.series[i].values[0]);
    arena_deinit(&a.arena);
    store_free(store);
    EXPECT_NO_LEAK();
}

static void expect_chain(struct promql_store *store, const char *first, const char *link, int links,
                         int64_t step_ms, double want)
{
    struct asking a = {.budget = {.samples_max = 10000}};
    struct buf text = {0};
    buf_append_str(&text, str_from_c(first));
    for (int i = 0; i < links; i++)
        buf_append_str(&text, str_from_c(link));
    buf_append_u8(&text, 0);
    enum status s = ask(store, text.ptr, 0, 600000, step_ms, &a);
    cr_expect(eq(int, s, ST_OK), "%s: %s", link, a.err.msg);
    double got = NAN;
    if (s == ST_OK && a.result.type == TYPE_SCALAR)
        got = a.result.scalar;
    else if (s == ST_OK && a.result.series_count == 1)
        got = a.result.series[0].values[a.result.series[0].point_count - 1];
    cr_expect(eq(dbl, got, want), "%d times %s behind %s", links, link, first);
    buf_deinit(&text);
    arena_deinit(&a.arena);
}

/* Evaluated in pieces: at their borders, in range queries, where all or the first of it is the same
 * at every step. The stack of a thread holds no frame for each link. */
Test(promql_eval, chains_are_as_long_as_they_like)
{
    static const struct {
        const char *first, *link;
        double at_start, each; /* the answer at 10 minutes without links; what a link adds */
    } rows[] = {
        {"1", " + 1", 1, 1},
        {"x_total{job=\"b\"}", " + 1", 0, 1},
        {"1", " + x_total{instance=\"2\"} @ 60", 1, 2},
        {"x_total{instance=\"2\"} @ 60", " + 1", 2, 1},
        {"x_total{instance=\"2\"}", " + x_total{instance=\"2\"}", 20, 20},
        {"x_total{instance=\"2\"} @ 60", " + x_total{instance=\"2\"}", 2, 20},
        {"x_total{job=\"b\"}", " or x_total{job=\"b\"}", 0, 0},
        {"none", " or x_total{job=\"b\"}", 0, 0},
    };
    static const int links[] = {1, 63, 64, 65, 127, 128, 129, 1000, 15000};
    struct promql_store *store = store_new();
    for (size_t i = 0; i < LEN(rows); i++)
        for (size_t k = 0; k < LEN(links); k++)
            expect_chain(store, rows[i].first, rows[i].link, links[k], 300000,
                         rows[i].at_start + rows[i].each * links[k]);
    expect_chain(store, "1", " + 1", 40000, 0, 40001);
    store_free(store);
    EXPECT_NO_LEAK();
}

Test(promql_eval, a_gap_of_a_series_has_no_point)
{
    struct promql_store *store = store_new();
    struct asking a = {0};
    cr_assert(eq(int, ask(store, "stale_one", 0, 300000, 60000, &a), ST_OK));
    cr_assert(eq(u32, a.result.series_count, 1));
    static const int64_t times[] = {0, 60000, 120000, 240000, 300000};
    static const double values[] = {1, 2, 3, 5, 6};
    cr_assert(eq(u32, a.result.series[0].point_count, LEN(times)));
    cr_expect(memcmp(a.result.series[0].times_ms, times, sizeof(times)) == 0);
    cr_expect(memcmp(a.result.series[0].values, values, sizeof(values)) == 0);
    arena_deinit(&a.arena);
    store_free(store);
    EXPECT_NO_LEAK();
}

Test(promql_eval, more_samples_than_allowed_end_the_query)
{
    static const char *const queries[] = {"x_total", "rate(x_total[5m])", "x_total + x_total",
                                          "sum_over_time(x_total[10m:1s])", "topk(1, x_total)"};
    struct promql_store *store = store_new();
    for (size_t i = 0; i < LEN(queries); i++) {
        struct asking a = {.budget.samples_max = 8};
        cr_expect(eq(int, ask(store, queries[i], 300000, 600000, 60000, &a), ST_QUERY), "%s",
                  queries[i]);
        arena_deinit(&a.arena);
    }
    store_free(store);
    EXPECT_NO_LEAK();
}

Test(promql_eval, gives_back_what_it_does_not_hold)
{
    struct promql_store *store = store_new();
    struct asking a = {.budget.samples_max = 100000};
    cr_assert(eq(
        int,
        ask(store, "sum(rate(x_total[5m])) / count(x_total + x_total)", 300000, 600000, 60000, &a),
        ST_OK));
    cr_expect(eq(u64, a.budget.samples_used, 6), "only the result is held at the end");
    cr_expect(a.budget.samples_peak > 6);
    arena_deinit(&a.arena);
    store_free(store);
    EXPECT_NO_LEAK();
}

Test(promql_eval, ends_at_the_deadline)
{
    struct promql_store *store = store_new();
    struct asking a = {.budget.deadline_mono_ns = 1000};
    clock_set_ns(1, 2000);
    cr_expect(eq(int, ask(store, "rate(x_total[5m])", 300000, 600000, 60000, &a), ST_TIMEOUT));
    clock_set_ns(0, 0);
    arena_deinit(&a.arena);
    store_free(store);
    EXPECT_NO_LEAK();
}

/* Each kind of node and of function once; every allocation of each fails once. */
static const char *const walked[] = {
    "x_total",
    "-h",
    "h smoothed",
    "x_total + on(job, instance) group_left(zone) target_info",
    "x_total or h",
    "x_total > bool 3",
    "h * 2",
    "h + h",
    "x_total + fill(1) target_info",
    "sum by (job) (rate(x_total[5m]))",
    "avg(h)",
    "stddev without (instance) (x_total)",
    "topk by (job) (1, x_total)",
    "limit_ratio(0.5, x_total)",
    "quantile(0.5, x_total)",
    "count_values(\"v\", {__name__=~\"x_total|h\"})",
    "rate(h[5m])",
    "rate(h[5m] smoothed)",
    "increase(x_total[5m] anchored)",
    "irate(h[5m])",
    "resets(x_total[10m])",
    "avg_over_time(h[5m])",
    "quantile_over_time(0.9, x_total[5m])",
    "predict_linear(x_total[5m], 60)",
    "sum_over_time(abs(x_total)[10m:30s])",
    "histogram_quantile(0.9, rate(x_bucket[5m]))",
    "histogram_quantiles(h, \"q\", 0.5, 0.9)",
    "histogram_fraction(0, 2, h)",
    "histogram_count(h)",
    "label_replace(x_total, \"a\", \"$1\", \"job\", \"(.*)\")",
    "label_join(x_total, \"a\", \"-\", \"job\", \"instance\")",
    "info(x_total)",
    "absent(none{job=\"a\"})",
    "absent_over_time(none{job=\"a\"}[5m])",
    "sort_by_label(x_total, \"job\")",
    "timestamp(x_total)",
    "clamp(x_total, 1, 5)",
    "round(x_total, 5)",
    "minute()",
    "vector(scalar(x_total{job=\"b\"}))",
    "x_total @ 300",
    "max_of(1, time())",
};

static void walk(struct promql_store *store, const char *query, int64_t step_ms)
{
    for (struct alloc_walk w = {0}; alloc_walk_next(&w);) {
        struct asking a = {.budget.samples_max = 100000};
        int64_t end = step_ms ? 420000 : 300000;
        enum status s = ask(store, query, 300000, end, step_ms, &a);
        cr_expect(s == ST_OK || s == ST_NO_MEMORY, "%s: %s", query, a.err.msg);
        cr_expect(mem_did_fail() || s == ST_OK, "%s: %s", query, a.err.msg);
        arena_deinit(&a.arena);
    }
}

/* An arena takes memory in large pieces: a limit of its own fails every few of its allocations. */
static void walk_arena(struct promql_store *store, const char *query)
{
    enum { STEP_BYTES = 112 };
    enum status s = ST_NO_MEMORY;
    for (size_t limit = STEP_BYTES; s == ST_NO_MEMORY; limit += STEP_BYTES) {
        struct asking a = {.arena.limit_bytes = limit};
        s = ask(store, query, 300000, 420000, 60000, &a);
        cr_expect(s == ST_OK || s == ST_NO_MEMORY, "%s within %zu: %s", query, limit, a.err.msg);
        arena_deinit(&a.arena);
    }
}

Test(promql_eval, lives_without_memory)
{
    struct promql_store *store = store_new();
    for (size_t i = 0; i < LEN(walked); i++) {
        walk(store, walked[i], 0);
        walk(store, walked[i], 60000);
        walk_arena(store, walked[i]);
    }
    store_free(store);
    EXPECT_NO_LEAK();
}
