/* test_otlp_reply.c - the answers, read back by the code that protobuf-c generated, and as JSON
 * text. */
#include "codec/otlp_reply.h"

#include "otlp_trace_service.pb-c.h"
#include "rpc_status.pb-c.h"
#include "tests/support/leak.h"

#include <criterion/criterion.h>

Test(otlp_reply, full_success_is_empty)
{
    struct buf out = {0};
    otlp_reply_success(&out, ENCODING_PROTOBUF, BATCH_SPANS, 0, STR(""));
    cr_expect(out.len == 0);
    otlp_reply_success(&out, ENCODING_JSON, BATCH_SPANS, 0, STR(""));
    cr_expect(str_eq(buf_str(&out), STR("{}")));
    buf_deinit(&out);
    EXPECT_NO_LEAK();
}

Test(otlp_reply, partial_success_counts_and_explains)
{
    static const uint64_t counts[] = {0, 1, 127, 128, 1000000, INT64_MAX};
    for (size_t i = 0; i < LEN(counts); i++) {
        struct buf out = {0};
        otlp_reply_success(&out, ENCODING_PROTOBUF, BATCH_SPANS, counts[i], STR("because"));
        Otlp__ExportTraceServiceResponse *r =
            otlp__export_trace_service_response__unpack(NULL, out.len, (uint8_t *)out.ptr);
        cr_assert(r && r->partial_success);
        cr_expect(r->partial_success->rejected_spans == (int64_t)counts[i]);
        cr_expect_str_eq(r->partial_success->error_message, "because");
        otlp__export_trace_service_response__free_unpacked(r, NULL);
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_reply, partial_success_in_json)
{
    static const struct {
        uint64_t rejected;
        const char *message, *want;
    } rows[] = {
        {3, "a \"b\"",
         "{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"a \\\"b\\\"\"}}"},
        {0, "warning", "{\"partialSuccess\":{\"errorMessage\":\"warning\"}}"},
        {9, "", "{\"partialSuccess\":{\"rejectedSpans\":\"9\"}}"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf out = {0};
        otlp_reply_success(&out, ENCODING_JSON, BATCH_SPANS, rows[i].rejected,
                           str_from_c(rows[i].message));
        cr_expect(str_eq(buf_str(&out), str_from_c(rows[i].want)), "row %zu: %.*s", i,
                  STR_ARG(buf_str(&out)));
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_reply, status_tells_code_message_and_when_to_retry)
{
    static const struct {
        enum status status;
        uint32_t retry_ms;
        int code, nanos;
        int64_t seconds;
    } rows[] = {
        {ST_INVALID, 0, 3, 0, 0},
        {ST_TOO_BIG, 0, 8, 0, 0},
        {ST_BUSY, 1000, 14, 0, 1},
        {ST_BUSY, 250, 14, 250000000, 0},
        {ST_IO, 90061001, 14, 1000000, 90061},
        {ST_INTERNAL, 0, 13, 0, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf out = {0};
        struct err e;
        err_set(&e, rows[i].status, "sentence %zu", i);
        otlp_reply_status(&out, ENCODING_PROTOBUF, &e, rows[i].retry_ms);
        Rpc__Status *s = rpc__status__unpack(NULL, out.len, (uint8_t *)out.ptr);
        cr_assert(s, "row %zu", i);
        cr_expect(s->code == rows[i].code && s->n_details == (rows[i].retry_ms > 0), "row %zu", i);
        cr_expect_str_eq(s->message, e.msg);
        if (s->n_details) {
            cr_expect_str_eq(s->details[0]->type_url, "type.googleapis.com/google.rpc.RetryInfo");
            Rpc__RetryInfo *retry =
                rpc__retry_info__unpack(NULL, s->details[0]->value.len, s->details[0]->value.data);
            cr_assert(retry && retry->retry_delay, "row %zu", i);
            cr_expect(retry->retry_delay->seconds == rows[i].seconds, "row %zu", i);
            cr_expect(retry->retry_delay->nanos == rows[i].nanos, "row %zu", i);
            rpc__retry_info__free_unpacked(retry, NULL);
        }
        rpc__status__free_unpacked(s, NULL);
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_reply, status_in_json)
{
    struct buf out = {0};
    struct err e;
    err_set(&e, ST_BUSY, "try later");
    otlp_reply_status(&out, ENCODING_JSON, &e, 1500);
    cr_expect(
        str_eq(buf_str(&out),
               STR("{\"code\":14,\"message\":\"try later\",\"details\":[{\"@type\":"
                   "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"1.500s\"}]}")),
        "%.*s", STR_ARG(buf_str(&out)));
    buf_reset(&out);
    err_set(&e, ST_INVALID, "no");
    otlp_reply_status(&out, ENCODING_JSON, &e, 0);
    cr_expect(str_eq(buf_str(&out), STR("{\"code\":3,\"message\":\"no\"}")));
    buf_deinit(&out);
    EXPECT_NO_LEAK();
}
