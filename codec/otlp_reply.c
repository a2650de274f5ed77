/* otlp_reply.c - the two answers of OTLP, in protobuf by hand (a few fields) and in JSON. */
#include "codec/otlp_reply.h"

#include "base/json_write.h"
#include "base/status_wire.h"
#include "codec/pb_walk.h"
#include <stdio.h>

#define RETRY_INFO_TYPE "type.googleapis.com/google.rpc.RetryInfo"

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    while (v >>= 7)
        n++;
    return n;
}

/* proto3: a number that is 0 and a text that is empty are not written. */
static size_t number_size(uint64_t v)
{
    return v ? 1 + varint_size(v) : 0;
}

static size_t text_size(struct str s)
{
    return s.len ? 1 + varint_size(s.len) + s.len : 0;
}

static void put_number(struct buf *out, unsigned field, uint64_t v)
{
    if (v == 0)
        return;
    buf_append_varint(out, PB_TAG(field, PB_VARINT));
    buf_append_varint(out, v);
}

static void put_text(struct buf *out, unsigned field, struct str s)
{
    if (s.len == 0)
        return;
    buf_append_varint(out, PB_TAG(field, PB_LEN));
    buf_append_lenstr(out, s);
}

static void put_message_head(struct buf *out, unsigned field, size_t len)
{
    buf_append_varint(out, PB_TAG(field, PB_LEN));
    buf_append_varint(out, len);
}

static const char *rejected_key(enum batch_signal signal)
{
    switch (signal) {
    case BATCH_METRICS:
        return "rejectedDataPoints";
    case BATCH_LOGS:
        return "rejectedLogRecords";
    default:
        return "rejectedSpans";
    }
}

static void write_success_json(struct buf *out, enum batch_signal signal, uint64_t rejected,
                               struct str message)
{
    struct json_writer w = json_writer_of(out);
    json_object_begin(&w);
    if (rejected > 0 || message.len > 0) {
        json_key(&w, "partialSuccess");
        json_object_begin(&w);
        if (rejected > 0) {
            char digits[24]; /* 64-bit numbers are strings in proto3 JSON */
            int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)rejected);
            JSON_STR(&w, rejected_key(signal), ((struct str){digits, (size_t)len}));
        }
        if (message.len > 0)
            JSON_STR(&w, "errorMessage", message);
        json_object_end(&w);
    }
    json_object_end(&w);
}

void otlp_reply_success(struct buf *out, enum batch_encoding encoding, enum batch_signal signal,
                        uint64_t rejected, struct str message)
{
    if (encoding == ENCODING_JSON) {
        write_success_json(out, signal, rejected, message);
        return;
    }
    if (rejected == 0 && message.len == 0)
        return;
    put_message_head(out, 1, number_size(rejected) + text_size(message));
    put_number(out, 1, rejected);
    put_text(out, 2, message);
}

static void write_status_json(struct buf *out, const struct err *e, uint32_t retry_after_ms)
{
    struct json_writer w = json_writer_of(out);
    json_object_begin(&w);
    JSON_U64(&w, "code", status_wire_get(e->status)->grpc);
    JSON_STR(&w, "message", str_from_c(e->msg));
    if (retry_after_ms > 0) {
        char delay[24];
        snprintf(delay, sizeof(delay), "%u.%03us", retry_after_ms / 1000, retry_after_ms % 1000);
        json_key(&w, "details");
        json_array_begin(&w);
        json_object_begin(&w);
        JSON_STR(&w, "@type", STR(RETRY_INFO_TYPE));
        JSON_STR(&w, "retryDelay", str_from_c(delay));
        json_object_end(&w);
        json_array_end(&w);
    }
    json_object_end(&w);
}

/* google.protobuf.Any{type_url = 1, value = 2}{RetryInfo{retry_delay = 1}{Duration{seconds = 1,
 * nanos = 2}}} */
static void put_retry_info(struct buf *out, uint32_t retry_after_ms)
{
    uint64_t seconds = retry_after_ms / 1000, nanos = (uint64_t)(retry_after_ms % 1000) * 1000000;
    size_t duration =
        number_size(seconds) + number_size(nanos); /* at most 12: each length takes one byte */
    size_t info = 2 + duration;
    put_message_head(out, 3, text_size(STR(RETRY_INFO_TYPE)) + 2 + info);
    put_text(out, 1, STR(RETRY_INFO_TYPE));
    put_message_head(out, 2, info);
    put_message_head(out, 1, duration);
    put_number(out, 1, seconds);
    put_number(out, 2, nanos);
}

void otlp_reply_status(struct buf *out, enum batch_encoding encoding, const struct err *e,
                       uint32_t retry_after_ms)
{
    if (encoding == ENCODING_JSON) {
        write_status_json(out, e, retry_after_ms);
        return;
    }
    put_number(out, 1, status_wire_get(e->status)->grpc);
    put_text(out, 2, str_from_c(e->msg));
    if (retry_after_ms > 0)
        put_retry_info(out, retry_after_ms);
}
