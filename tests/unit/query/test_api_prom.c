/* test_api_prom.c - Prometheus' calls asked through the dispatcher, without any series: parameters,
 * methods, errors, and what needs no sample. */
#include "query/dispatch.h"
#include "base/clock.h"
#include "support/alloc_walk.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

static struct http_response ask(struct dispatcher *d, const struct question *q)
{
    struct http_response out = {0};
    struct arena arena = {0};
    if (!dispatch_quick(d, q, &out))
        dispatch_full(d, q, &arena, &out);
    arena_deinit(&arena);
    return out;
}

#define OK(data)  "{\"status\":\"success\",\"data\":" data "}"
#define BAD(text) "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"" text "\"}"
#define TIME(name)                                                                                 \
    BAD("invalid parameter \\\"" name "\\\": invalid time value for '" name                        \
        "': cannot parse \\\"zz\\\" to a valid timestamp")

static const struct {
    const char *method, *path, *query, *form;
    unsigned status;
    const char *body;
} rows[] = {
    {"GET", "query", "query=1%2B1&time=4", "", 200,
     OK("{\"resultType\":\"scalar\",\"result\":[4,\"2\"]}")},
    {"POST", "query", "time=9", "query=1%2B1&time=4.5", 200,
     OK("{\"resultType\":\"scalar\",\"result\":[4.500,\"2\"]}")},
    {"GET", "query", "query=%22a%22&time=0", "", 200,
     OK("{\"resultType\":\"string\",\"result\":[0,\"a\"]}")},
    {"GET", "query", "query=up&time=0&whatever=x", "", 200,
     OK("{\"resultType\":\"vector\",\"result\":[]}")},
    {"GET", "query", "query=up[5m]&time=0", "", 200,
     OK("{\"resultType\":\"matrix\",\"result\":[]}")},
    {"GET", "query", "query=1&time=zz", "", 400, TIME("time")},
    {"GET", "query", "", "", 400,
     BAD("invalid parameter \\\"query\\\": unknown position: parse error: no expression found in "
         "input")},
    {"GET", "query", "query=sum(", "", 400,
     BAD("invalid parameter \\\"query\\\": 1:5: parse error: unclosed left parenthesis")},
    {"GET", "query", "query=1&timeout=x", "", 400,
     BAD("invalid parameter \\\"timeout\\\": cannot parse \\\"x\\\" to a valid duration")},
    {"GET", "query", "query=1&lookback_delta=x", "", 400,
     BAD("error parsing lookback delta duration: cannot parse \\\"x\\\" to a valid duration")},
    {"GET", "query", "query=%zz", "", 400, NULL},
    {"GET", "query", "query=up&timeout=-1", "", 503,
     "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed out in expression "
     "evaluation\"}"},
    {"GET", "query_range", "query=1&start=0&end=30&step=15", "", 200,
     OK("{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[[0,\"1\"],[15,\"1\"],"
        "[30,\"1\"]]}]}")},
    {"GET", "query_range", "query=1&start=0&end=0.5&step=0.25", "", 200,
     OK("{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[[0,\"1\"],[0.250,\"1\"],"
        "[0.500,\"1\"]]}]}")},
    {"GET", "query_range", "query=1&start=1&end=0&step=1", "", 400,
     BAD("invalid parameter \\\"end\\\": end timestamp must not be before start time")},
    {"GET", "query_range", "query=1&start=0&end=11001&step=1", "", 400,
     BAD("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
         "resolution (?step=XX)")},
    {"GET", "query_range", "query=1&start=0&end=1&step=0", "", 400,
     BAD("invalid parameter \\\"step\\\": zero or negative query resolution step widths are not "
         "accepted. Try a positive integer")},
    {"GET", "query_range", "query=1&end=1&step=1", "", 400,
     BAD("invalid parameter \\\"start\\\": cannot parse \\\"\\\" to a valid timestamp")},
    {"GET", "query_range", "query=up[1m]&start=0&end=1&step=1", "", 400,
     BAD("invalid parameter \\\"query\\\": invalid expression type \\\"range vector\\\" for range "
         "query, must be Scalar or instant Vector")},
    {"GET", "series", "", "", 400, BAD("no match[] parameter provided")},
    {"GET", "series", "match[]=up", "", 200, OK("[]")},
    {"POST", "series", "", "match%5B%5D=up&match%5B%5D=down&start=0&end=1", 200, OK("[]")},
    {"GET", "series", "match[]=up&start=zz", "", 400, TIME("start")},
    {"GET", "series", "match[]=%7Bx%3D%22%22%7D", "", 400,
     BAD("invalid parameter \\\"match[]\\\": match[] must contain at least one non-empty matcher")},
    {"GET", "labels", "", "", 200, OK("[]")},
    {"GET", "labels", "limit=x", "", 400,
     BAD("invalid parameter \\\"limit\\\": strconv.Atoi: parsing \\\"x\\\": invalid syntax")},
    {"GET", "label/job/values", "match[]=up", "", 200, OK("[]")},
    {"GET", "label/http.path/values", "", "", 200, OK("[]")},
    {"GET", "label/job/value", "", "", 404, "404 page not found\n"},
    {"GET", "label//values", "", "", 400, BAD("invalid label name: \\\"\\\"")},
    {"GET", "metadata", "limit=0", "", 200, OK("{}")},
    {"GET", "metadata", "limit=x", "", 400, BAD("limit must be a number")},
    {"GET", "metadata", "limit_per_metric=x", "", 400, BAD("limit_per_metric must be a number")},
    {"GET", "query_exemplars", "query=test&start=1700000000000&end=1700000000001", "", 200,
     OK("[]")},
    {"GET", "query_exemplars", "query=1", "", 200, OK("[]")},
    {"GET", "query_exemplars", "query=up&start=5&end=1", "", 400,
     BAD("end timestamp must not be before start timestamp")},
    {"GET", "query_exemplars", "query=up(", "", 400, NULL},
    {"GET", "format_query", "query=sum(a)by(b)", "", 200, OK("\"sum by (b) (a)\"")},
    {"GET", "format_query", "query=sum(", "", 400,
     BAD("invalid parameter \\\"query\\\": 1:5: parse error: unclosed left parenthesis")},
    {"GET", "rules", "", "", 200, OK("{\"groups\":[]}")},
    {"POST", "rules", "", "type=alert", 200, OK("{\"groups\":[]}")},
    {"GET", "rules", "type=Record&exclude_alerts=TRUE&match[]={a=\"b\"}&group_limit=1", "", 200,
     OK("{\"groups\":[]}")},
    {"GET", "rules", "exclude_alerts=maybe", "", 400,
     BAD("invalid parameter \\\"exclude_alerts\\\": error converting exclude_alerts: "
         "strconv.ParseBool: parsing \\\"maybe\\\": invalid syntax")},
    {"GET", "rules", "group_limit=x", "", 400,
     BAD("invalid parameter \\\"group_limit\\\": group_limit needs to be a valid number: "
         "strconv.ParseInt: parsing \\\"x\\\": invalid syntax")},
    {"GET", "rules", "group_limit=0", "", 400,
     BAD("invalid parameter \\\"group_limit\\\": group_limit needs to be greater than 0")},
    {"GET", "rules", "group_next_token=x", "", 400,
     BAD("invalid parameter \\\"group_next_token\\\": group_limit needs to be present in order to "
         "paginate over the groups")},
    {"GET", "targets/metadata", "limit=x", "", 400, BAD("limit must be a number")},
    {"GET", "targets/metadata", "limit=-1&match_target={job=\"x\"}&metric=up", "", 200, OK("[]")},
    {"GET", "rules", "type=x", "", 400,
     BAD("invalid parameter \\\"type\\\": not supported value \\\"x\\\"")},
    {"GET", "targets/metadata", "match_target=up(", "", 400, NULL},
    {"POST", "read", "", "", 404, "404 page not found\n"},
    {"GET", "features", "", "", 404, "404 page not found\n"},
    {"GET", "alerts", "", "", 200, OK("{\"alerts\":[]}")},
    {"GET", "alertmanagers", "", "", 200,
     OK("{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}")},
    {"GET", "targets", "state=any", "", 200,
     OK("{\"activeTargets\":[],\"droppedTargets\":[],\"droppedTargetCounts\":{}}")},
    {"GET", "targets/metadata", "", "", 200, OK("[]")},
    {"GET", "scrape_pools", "", "", 200, OK("{\"scrapePools\":[]}")},
    {"GET", "status/walreplay", "", "", 200,
     OK("{\"min\":0,\"max\":0,\"current\":0,\"state\":\"done\"}")},
    {"GET", "status/tsdb", "limit=0", "", 400, BAD("limit must be a positive number")},
    {"GET", "status/tsdb", "limit=10001", "", 400, BAD("limit must not exceed 10000")},
    {"GET", "status/tsdb", "", "", 200, NULL},
    {"GET", "status/config", "", "", 200, NULL},
    {"GET", "status/flags", "", "", 200, NULL},
    {"GET", "status/runtimeinfo", "", "", 200, NULL},
    {"GET", "nothing", "", "", 404, "404 page not found\n"},
    {"OPTIONS", "nothing", "", "", 204, ""},
    {"OPTIONS", "query", "", "", 204, ""},
    {"DELETE", "query", "", "", 405, "Method Not Allowed\n"},
    {"GET", "admin/tsdb/snapshot", "", "", 405, "Method Not Allowed\n"},
    {"PUT", "admin/tsdb/snapshot", "", "", 500,
     "{\"status\":\"error\",\"errorType\":\"unavailable\",\"error\":\"admin APIs disabled\"}"},
    {"POST", "admin/tsdb/delete_series", "match[]=up", "", 500, NULL},
    {"POST", "admin/tsdb/clean_tombstones", "", "", 500, NULL},
};

static struct question question_of(size_t row, char *path, size_t cap)
{
    snprintf(path, cap, "/api/v1/%s", rows[row].path);
    return (struct question){.method = str_from_c(rows[row].method),
                             .path = str_from_c(path),
                             .query = str_from_c(rows[row].query),
                             .form = str_from_c(rows[row].form)};
}

Test(api_prom, answers_as_prometheus)
{
    struct dispatcher d = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        char path[64];
        struct question q = question_of(i, path, sizeof(path));
        struct http_response out = ask(&d, &q);
        cr_expect(eq(uint, out.status, rows[i].status), "%s?%s", path, rows[i].query);
        if (rows[i].body)
            cr_expect(str_eq(buf_str(&out.body), str_from_c(rows[i].body)), "%s?%s: %.*s", path,
                      rows[i].query, STR_ARG(buf_str(&out.body)));
        buf_deinit(&out.body);
    }
    EXPECT_NO_LEAK();
}

Test(api_prom, short_memory_is_an_answer_too)
{
    struct dispatcher d = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        char path[64];
        struct question q = question_of(i, path, sizeof(path));
        for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
            struct http_response out = ask(&d, &q);
            cr_expect(out.status == rows[i].status || out.status == 503, "%s?%s: %u", path,
                      rows[i].query, out.status);
            buf_deinit(&out.body);
        }
    }
    EXPECT_NO_LEAK();
}

/* Each side of the sum has 11,001 values of 8 bytes. */
Test(api_prom, too_little_memory_for_a_query_is_told)
{
    struct dispatcher d = {0};
    struct arena arena = {.limit_bytes = 112 * KIB};
    struct question q = {.method = STR("GET"),
                         .path = STR("/api/v1/query_range"),
                         .query = STR("query=vector(1)%2Bvector(2)&start=0&end=11000&step=1")};
    struct http_response out = {0};
    dispatch_full(&d, &q, &arena, &out);
    cr_expect(eq(uint, out.status, 422), "%.*s", STR_ARG(buf_str(&out.body)));
    cr_expect(str_search(buf_str(&out.body), STR("needs more memory than the")) < out.body.len);
    buf_deinit(&out.body);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

static unsigned ask_within(struct dispatcher *d, struct budget *budget, struct buf *body)
{
    struct arena arena = {.limit_bytes = 4 * MIB, .budget = budget, .budget_percent = 85};
    struct question q = {.method = STR("GET"),
                         .path = STR("/api/v1/query_range"),
                         .query = STR("query=vector(1)%2Bvector(2)&start=0&end=11000&step=1")};
    struct http_response out = {0};
    dispatch_full(d, &q, &arena, &out);
    buf_append_str(body, buf_str(&out.body));
    buf_deinit(&out.body);
    arena_deinit(&arena);
    return out.status;
}

/* One that would do alone is refused while others hold the memory, for now; then it is answered. */
Test(api_prom, queries_share_the_memory_budget)
{
    struct dispatcher d = {0};
    struct budget budget = {.limit = 4 * MIB};
    struct arena other = {.budget = &budget, .budget_percent = 85};
    struct buf body = {0};
    cr_assert(ne(ptr, arena_alloc(&other, 3 * MIB), NULL));
    uint64_t held = budget_used(&budget);
    cr_expect(eq(uint, ask_within(&d, &budget, &body), 503));
    cr_expect(str_search(buf_str(&body), STR("memory budget is used up")) < body.len, "%.*s",
              STR_ARG(buf_str(&body)));
    cr_expect(eq(u64, budget_used(&budget), held), "what it took is given back");
    arena_deinit(&other);
    cr_expect(eq(uint, ask_within(&d, &budget, &body), 200));
    cr_expect(eq(u64, budget_used(&budget), 0));
    buf_deinit(&body);
    EXPECT_NO_LEAK();
}

/* 10,000 windows of 1,000 values: together 80 MB, one at a time 8 kB. */
Test(api_prom, windows_are_sorted_in_one_place)
{
    struct dispatcher d = {0};
    struct arena arena = {.limit_bytes = 4 * MIB};
    struct question q = {.method = STR("GET"),
                         .path = STR("/api/v1/query_range"),
                         .query = STR("query=quantile_over_time(0.5,vector(1)[1000s:1s])"
                                      "&start=0&end=10000&step=1")};
    struct http_response out = {0};
    dispatch_full(&d, &q, &arena, &out);
    cr_expect(eq(uint, out.status, 200), "%.*s", STR_ARG(str_sub(buf_str(&out.body), 0, 200)));
    buf_deinit(&out.body);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

/* A clock whose end comes before any deadline: 2^64 ns. */
Test(api_prom, exemplars_of_many_selectors_end_at_the_deadline)
{
    struct dispatcher d = {0};
    struct question q = {.method = STR("GET"),
                         .path = STR("/api/v1/query_exemplars"),
                         .query = STR("query=a%20or%20b")};
    clock_set_ns(1, UINT64_MAX);
    struct http_response out = ask(&d, &q);
    clock_set_ns(0, 0);
    cr_expect(eq(uint, out.status, 503), "%.*s", STR_ARG(buf_str(&out.body)));
    cr_expect(str_search(buf_str(&out.body), STR("timed out")) < out.body.len);
    buf_deinit(&out.body);
    EXPECT_NO_LEAK();
}

static const char *header_of(const struct http_response *r, const char *name)
{
    for (size_t i = 0; i < LEN(r->headers) && r->headers[i].name; i++)
        if (strcmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return "";
}

static const struct {
    const char *path, *origin, *allowed;
} origins[] = {
    {"/api/v1/query", "http://x", "*"},
    {"/api/v1/nothing", "http://x", "*"},
    {"/api/v1/query", "", ""},
    {"/api/mesh/status", "http://x", ""},
    {"/api/v1/status/buildinfo", "http://x", "*"},
};

Test(api_prom, other_origins_may_read_it)
{
    struct dispatcher d = {0};
    for (size_t i = 0; i < LEN(origins); i++) {
        struct question q = {.method = STR("OPTIONS"),
                             .path = str_from_c(origins[i].path),
                             .origin = str_from_c(origins[i].origin)};
        struct http_response out = ask(&d, &q);
        cr_expect(eq(str, (char *)header_of(&out, "Access-Control-Allow-Origin"),
                     (char *)origins[i].allowed),
                  "%s", origins[i].path);
        buf_deinit(&out.body);
    }
    EXPECT_NO_LEAK();
}

static bool not_ready(void *user, const char **reason)
{
    (void)user;
    *reason = "replaying the journal";
    return false;
}

Test(api_prom, says_so_when_not_ready)
{
    struct dispatcher d = {.config.hooks.ready = not_ready};
    struct question q = {
        .method = STR("GET"), .path = STR("/api/v1/query"), .query = STR("query=1")};
    struct http_response out = ask(&d, &q);
    cr_expect(eq(uint, out.status, 503));
    cr_expect(str_search(buf_str(&out.body), STR("\"errorType\":\"unavailable\"")) < out.body.len);
    buf_deinit(&out.body);
    EXPECT_NO_LEAK();
}

/* Grafana takes a server whose buildinfo has features for Mimir. */
Test(api_prom, buildinfo_names_a_version_and_no_features)
{
    struct dispatcher d = {0};
    struct question q = {.method = STR("GET"), .path = STR("/api/v1/status/buildinfo")};
    struct http_response out = ask(&d, &q);
    struct str body = buf_str(&out.body);
    cr_expect(str_search(body, STR("\"version\":\"3.")) < body.len);
    cr_expect(str_search(body, STR("\"goVersion\":")) < body.len);
    cr_expect(eq(sz, str_search(body, STR("features")), body.len));
    buf_deinit(&out.body);
    EXPECT_NO_LEAK();
}
