/* otlp_requests.h - requests written as hex, and their decoding, for the tests of the span decoder.
 */
#ifndef WEFT_TESTS_UNIT_CODEC_OTLP_REQUESTS_H
#define WEFT_TESTS_UNIT_CODEC_OTLP_REQUESTS_H

#include "codec/otlp_trace.h"
#include "tests/support/leak.h"
#include "tests/support/otlp_build.h"

#define TRACE "0a10 000102030405060708090a0b0c0d0e0f "
#define ID    "1208 0000000000000001 "
#define NAME  "2a01 61 "
#define END   "41 0100000000000000 "
#define SPAN  TRACE ID NAME END
/* three attributes of a resource, without values */
#define ATTR3 "0a03 0a0161 0a03 0a0162 0a03 0a0163 "

static struct limits limits = {.spans = 1000, .attributes = 8, .depth = 4};

static inline struct buf from_hex(const char *hex)
{
    struct buf b = {0};
    pb_put_hex(&b, hex);
    return b;
}

/* The request around ScopeSpans; takes it over. */
static inline struct buf request_of_scope_spans(struct buf *scope_spans)
{
    struct buf request = {0}, outer = {0};
    pb_put_message(&outer, 2, scope_spans);
    pb_put_message(&request, 1, &outer);
    buf_deinit(&outer);
    buf_deinit(scope_spans);
    return request;
}

/* The request around one span; takes it over. */
static inline struct buf request_of_span(struct buf *span)
{
    struct buf scope_spans = {0};
    pb_put_message(&scope_spans, 2, span);
    buf_deinit(span);
    return request_of_scope_spans(&scope_spans);
}

/* A request of one resource (fields `resource`, as hex of ResourceSpans fields) and spans of these
 * bodies. */
static inline struct buf request_of(const char *resource_spans, const char *const *spans,
                                    size_t count)
{
    struct buf request = {0}, outer = {0}, scope_spans = {0};
    if (resource_spans)
        pb_put_hex(&outer, resource_spans);
    for (size_t i = 0; i < count; i++) {
        struct buf span = from_hex(spans[i]);
        pb_put_message(&scope_spans, 2, &span);
        buf_deinit(&span);
    }
    pb_put_message(&outer, 2, &scope_spans);
    pb_put_message(&request, 1, &outer);
    buf_deinit(&outer);
    buf_deinit(&scope_spans);
    return request;
}

/* Takes over `body`; free the batch. */
static inline struct batch *decode(struct buf body, enum status want, struct err *e)
{
    struct otlp_trace_rules rules = {.limits = &limits};
    struct batch *b = batch_new();
    size_t len;
    cr_assert(b);
    b->encoding = ENCODING_PROTOBUF;
    b->body.ptr = buf_take(&body, &len);
    b->body.len = len;
    b->plain = b->body;
    enum status got = otlp_trace_decode(b, &rules, e);
    cr_expect(got == want, "%s: %s", status_name(got), got == ST_OK ? "" : e->msg);
    return b;
}

static inline struct batch *decode_span(const char *hex)
{
    struct err e;
    struct batch *b = decode(request_of(NULL, &hex, 1), ST_OK, &e);
    cr_assert(b->span_count == 1, "%s", hex);
    return b;
}

#endif
