/* test_reply.c - the shapes that all answers share. */
#include "query/reply.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

static void expect_body(struct buf *body, const char *want)
{
    cr_expect(str_eq(buf_str(body), str_from_c(want)), "%.*s", STR_ARG(*body));
    buf_deinit(body);
}

Test(reply, errors_have_one_envelope)
{
    static const struct {
        enum status status;
        unsigned http;
        const char *type;
        bool retry;
    } rows[] = {
        {ST_INVALID, 400, "bad_data", false}, {ST_NOT_FOUND, 404, "not_found", false},
        {ST_TOO_BIG, 413, "bad_data", false}, {ST_QUERY, 422, "execution", false},
        {ST_BUSY, 429, "unavailable", true},  {ST_TIMEOUT, 503, "timeout", true},
        {ST_IO, 503, "unavailable", true},    {ST_INTERNAL, 500, "internal", false},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct err e;
        struct http_response out = {0};
        char want[200];
        buf_printf(&out.body, "half an answer");
        err_set(&e, rows[i].status, "a <b> \"sentence\"");
        reply_error(&out, &e);
        cr_expect(eq(uint, out.status, rows[i].http), "row %zu", i);
        cr_expect(eq(str, (char *)out.content_type, (char *)"application/json"));
        cr_expect(eq(int, out.headers[1].name != NULL, rows[i].retry), "row %zu", i);
        snprintf(want, sizeof(want),
                 "{\"status\":\"error\",\"error_type\":\"%s\",\"error\":\"a \\u003cb\\u003e "
                 "\\\"sentence\\\"\"}",
                 rows[i].type);
        expect_body(&out.body, want);
    }
}

Test(reply, method_not_allowed_names_the_allowed)
{
    struct http_response out = {0};
    reply_method_not_allowed(&out, "POST, OPTIONS");
    cr_expect(eq(uint, out.status, 405));
    cr_expect(eq(str, (char *)out.headers[1].name, (char *)"Allow"));
    cr_expect(eq(str, (char *)out.headers[1].value, (char *)"POST, OPTIONS"));
    expect_body(&out.body, "{\"status\":\"error\",\"error_type\":\"bad_data\",\"error\":\"this "
                           "path does not take that method: "
                           "allowed are POST, OPTIONS\"}");
}

Test(reply, latency_is_null_when_nobody_saw_it)
{
    struct buf out = {0};
    struct json_writer w = json_writer_of(&out);
    struct histogram empty = {0};
    json_array_begin(&w);
    reply_latency(&w, &empty);
    reply_latency(&w, NULL);
    reply_quantile(&w, &empty, 0.5);
    reply_time(&w, 0);
    json_array_end(&w);
    expect_body(&out, "[null,null,null,null]");
}

Test(reply, latency_is_in_milliseconds)
{
    struct buf out = {0};
    struct json_writer w = json_writer_of(&out);
    struct histogram h = {0};
    cr_assert(histogram_add(&h, 40000, WEIGHT_ONE));
    reply_latency(&w, &h); /* one value: every quantile is exact */
    expect_body(&out, "{\"count\":1,\"mean\":0.04,\"p50\":0.04,\"p90\":0.04,\"p95\":0.04,\"p99\":0."
                      "04,\"max\":0.04,\"error\":0.0055}");
    histogram_deinit(&h);
}

Test(reply, weights_round_to_whole_requests)
{
    cr_expect(eq(u64, reply_count(0), 0));
    cr_expect(eq(u64, reply_count(WEIGHT_ONE), 1));
    cr_expect(eq(u64, reply_count(WEIGHT_ONE / 2), 1));
    cr_expect(eq(u64, reply_count(WEIGHT_ONE / 2 - 1), 0));
    cr_expect(eq(u64, reply_count(UINT64_MAX), UINT64_C(1) << 48));
    cr_expect(eq(dbl, reply_ratio(1, 0), 0));
    cr_expect(eq(dbl, reply_ratio(1, 8), 0.125));
}

Test(reply, warnings_are_bounded)
{
    struct buf out = {0};
    struct json_writer w = json_writer_of(&out);
    struct warnings warnings = {0};
    json_object_begin(&w);
    warnings_add(&warnings, "left out %d", 3);
    reply_warnings(&w, &warnings);
    json_object_end(&w);
    for (int i = 0; i < 100; i++)
        warnings_add(&warnings, "more");
    cr_expect(eq(sz, warnings.len, WARNINGS_MAX));
    expect_body(&out, "{\"warnings\":[\"left out 3\"],\"truncated\":false}");
}
