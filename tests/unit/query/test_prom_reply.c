/* test_prom_reply.c - results, errors and headers byte for byte as Prometheus 3 sends them. */
#include "query/prom_reply.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

static const struct {
    int64_t ms;
    const char *text;
} times[] = {
    {0, "0"},
    {1500, "1.500"},
    {300000, "300"},
    {1435781451781, "1435781451.781"},
    {7, "0.007"},
    {-1500, "-1.500"},
    {-7, "-0.007"},
    {-1000, "-1"},
    {1000020, "1000.020"},
};

Test(prom_reply, times_have_three_decimals_or_none)
{
    for (size_t i = 0; i < LEN(times); i++) {
        struct buf out = {0};
        prom_append_time(&out, times[i].ms);
        cr_expect(str_eq(buf_str(&out), str_from_c(times[i].text)), "%.*s", STR_ARG(buf_str(&out)));
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}

static const struct label web[] = {{{"__name__", 8}, {"up", 2}}, {{"job", 3}, {"w\"eb", 4}}};
static const int64_t at[] = {1000, 2500, 4000};
static const double values[] = {1, 0.25, 1e21};
static const double odd[] = {NAN, INFINITY, -INFINITY};
static const struct native_histogram one_bucket = {
    .count = 4,
    .sum = 5.5,
    .positive = {.items = (struct native_bucket[]){{1, 4}}, .count = 1},
};
static const struct native_histogram *const mixed[] = {NULL, &one_bucket, NULL};

static struct promql_series two_series[] = {
    {.labels = {web, 2}, .times_ms = at, .values = values, .point_count = 3},
    {.labels = {NULL, 0}, .times_ms = at, .values = odd, .point_count = 3},
};
static struct promql_series with_histogram[] = {
    {.labels = {web, 1}, .times_ms = at, .values = values, .histograms = mixed, .point_count = 3},
    {.labels = {web, 1},
     .times_ms = at + 1,
     .values = values,
     .histograms = mixed + 1,
     .point_count = 1},
};

#define BUCKET "{\"count\":\"4\",\"sum\":\"5.5\",\"buckets\":[[0,\"1\",\"2\",\"4\"]]}"

static const struct {
    const char *name;
    struct promql_result result;
    uint64_t limit;
    const char *json;
} results[] = {
    {"scalar",
     {.type = TYPE_SCALAR, .scalar = 0.1},
     0,
     "{\"resultType\":\"scalar\",\"result\":[1.500,\"0.1\"]}"},
    {"string",
     {.type = TYPE_STRING, .text = STR("a<b")},
     0,
     "{\"resultType\":\"string\",\"result\":[1.500,\"a\\u003cb\"]}"},
    {"empty vector", {.type = TYPE_VECTOR}, 0, "{\"resultType\":\"vector\",\"result\":[]}"},
    {"empty matrix", {.type = TYPE_MATRIX}, 0, "{\"resultType\":\"matrix\",\"result\":[]}"},
    {"vector",
     {.type = TYPE_VECTOR, .series = two_series, .series_count = 2},
     0,
     "{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":\"w\\\"eb\"},"
     "\"value\":[1,\"1\"]},{\"metric\":{},\"value\":[1,\"NaN\"]}]}"},
    {"vector, cut",
     {.type = TYPE_VECTOR, .series = two_series, .series_count = 2},
     1,
     "{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":\"w\\\"eb\"},"
     "\"value\":[1,\"1\"]}]}"},
    {"matrix",
     {.type = TYPE_MATRIX, .series = two_series, .series_count = 2},
     0,
     "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":\"w\\\"eb\"},"
     "\"values\":[[1,\"1\"],[2.500,\"0.25\"],[4,\"1e+21\"]]},{\"metric\":{},\"values\":[[1,"
     "\"NaN\"],[2.500,\"+Inf\"],[4,\"-Inf\"]]}]}"},
    {"histograms among floats",
     {.type = TYPE_MATRIX, .series = with_histogram, .series_count = 1},
     0,
     "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"up\"},\"values\":[[1,"
     "\"1\"],[4,\"1e+21\"]],\"histograms\":[[2.500," BUCKET "]]}]}"},
    {"histogram in a vector",
     {.type = TYPE_VECTOR, .series = with_histogram + 1, .series_count = 1},
     0,
     "{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"up\"},\"histogram\":["
     "2.500," BUCKET "]}]}"},
};

Test(prom_reply, writes_results)
{
    const struct promql_query q = {.start_ms = 1500, .end_ms = 1500};
    for (size_t i = 0; i < LEN(results); i++) {
        struct buf out = {0};
        struct arena arena = {0};
        struct json_writer w = json_writer_of(&out);
        json_object_begin(&w);
        prom_write_result(&w, &results[i].result, &q, results[i].limit, &arena, NULL);
        json_object_end(&w);
        cr_expect(str_eq(buf_str(&out), str_from_c(results[i].json)), "%s: %.*s", results[i].name,
                  STR_ARG(buf_str(&out)));
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}

Test(prom_reply, an_answer_may_be_too_large)
{
    const struct promql_result result = {
        .type = TYPE_MATRIX, .series = two_series, .series_count = 2};
    const struct promql_query q = {0};
    struct buf out = {0};
    struct err e = {0};
    struct arena arena = {.limit_bytes = 100};
    struct json_writer w = json_writer_of(&out);
    json_object_begin(&w);
    cr_expect(eq(int, prom_write_result(&w, &result, &q, 0, &arena, &e), ST_QUERY));
    cr_expect(out.len < 150, "it stops at once");
    buf_deinit(&out);
    EXPECT_NO_LEAK();
}

Test(prom_reply, an_answer_is_paid_from_the_budget)
{
    const struct promql_result result = {
        .type = TYPE_MATRIX, .series = two_series, .series_count = 2};
    const struct promql_query q = {0};
    struct budget budget = {.limit = 64 * KIB};
    for (int round = 0; round < 2; round++) {
        struct err e = {0};
        struct arena arena = {.budget = &budget, .budget_percent = 100};
        struct buf out = {.payer = &arena};
        struct json_writer w = json_writer_of(&out);
        json_object_begin(&w);
        enum status status = prom_write_result(&w, &result, &q, 0, &arena, &e);
        cr_expect(eq(int, status, round ? ST_NO_MEMORY : ST_OK));
        cr_expect(eq(u64, budget_used(&budget), round ? budget.limit : out.cap));
        buf_deinit(&out);
        cr_expect(eq(u64, budget_used(&budget), round ? budget.limit : 0));
        arena_deinit(&arena);
        budget_force(&budget, round ? 0 : budget.limit);
    }
    EXPECT_NO_LEAK();
}

static const struct {
    enum status status;
    unsigned http;
    const char *type;
} errors[] = {
    {ST_INVALID, 400, "bad_data"},      {ST_QUERY, 422, "execution"},
    {ST_NOT_FOUND, 404, "not_found"},   {ST_TIMEOUT, 503, "timeout"},
    {ST_BUSY, 503, "unavailable"},      {ST_IO, 503, "unavailable"},
    {ST_NO_MEMORY, 503, "unavailable"}, {ST_INTERNAL, 500, "internal"},
    {ST_CORRUPT, 500, "internal"},
};

Test(prom_reply, errors_have_prometheus_codes)
{
    for (size_t i = 0; i < LEN(errors); i++) {
        struct http_response out = {0};
        struct buf want = {0};
        struct err e;
        err_set(&e, errors[i].status, "1:5: \"x\"");
        prom_reply_error(&out, &e);
        buf_printf(&want,
                   "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":\"1:5: \\\"x\\\"\"}",
                   errors[i].type);
        cr_expect(eq(uint, out.status, errors[i].http), "row %zu", i);
        cr_expect(str_eq(buf_str(&out.body), buf_str(&want)), "%.*s", STR_ARG(buf_str(&out.body)));
        buf_deinit(&want);
        buf_deinit(&out.body);
    }
    EXPECT_NO_LEAK();
}

Test(prom_reply, success_has_notes_behind_its_data)
{
    struct http_response out = {0};
    struct arena arena = {0};
    struct annotations *notes = arena_alloc(&arena, sizeof(*notes));
    struct json_writer w;
    annotations_init(notes, &arena, (struct str){0});
    annotations_add_plain(notes, ANNOTATION_WARNING, STR("results truncated due to limit"));
    prom_reply_begin(&out, &w);
    json_raw(&w, STR("[]"));
    prom_reply_end(&w, notes);
    cr_expect(eq(uint, out.status, 200));
    cr_expect(str_eq(buf_str(&out.body), STR("{\"status\":\"success\",\"data\":[],\"warnings\":["
                                             "\"results truncated due to limit\"]}")),
              "%.*s", STR_ARG(buf_str(&out.body)));
    buf_deinit(&out.body);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(prom_reply, headers_fit_beside_those_of_an_error)
{
    struct http_response out = {0};
    struct err e;
    err_set(&e, ST_BUSY, "later");
    prom_reply_error(&out, &e);
    prom_reply_cors(&out);
    cr_expect(eq(str, (char *)out.headers[6].name, "Vary"));
    cr_expect(eq(str, (char *)out.headers[1].name, "Retry-After"));
    cr_expect(eq(ptr, (void *)out.headers[7].name, NULL));
    buf_deinit(&out.body);
    EXPECT_NO_LEAK();
}
