/* otlp_http.c - POST /v1/traces on 4318: content negotiation, then the same way as gRPC. */
#include "ingest/ingest_private.h"

#include "base/mem.h"
#include "base/status_wire.h"
#include "codec/otlp_reply.h"
#include "codec/unpack.h"

#include <stdio.h>

static const char *content_type(enum batch_encoding encoding)
{
    return encoding == ENCODING_JSON ? "application/json" : "application/x-protobuf";
}

static void reply_status(struct http_exchange *x, unsigned http, enum batch_encoding encoding,
                         const struct err *e, uint32_t retry_after_ms, struct http_header extra)
{
    char seconds[16];
    struct http_response r = {.status = http, .content_type = content_type(encoding)};
    unsigned n = 0;
    if (retry_after_ms) {
        snprintf(seconds, sizeof(seconds), "%u", (retry_after_ms + 999) / 1000);
        r.headers[n++] = (struct http_header){"Retry-After", seconds};
    }
    r.headers[n] = extra;
    otlp_reply_status(&r.body, encoding, e, retry_after_ms);
    http_reply(x, &r);
}

void ingest_http_answer(struct submission *s, enum status status, const struct err *e,
                        uint32_t retry_after_ms)
{
    if (status != ST_OK) {
        reply_status(s->exchange, status_wire_get(status)->http, s->encoding, e, retry_after_ms,
                     (struct http_header){0});
        return;
    }
    struct http_response r = {.status = 200, .content_type = content_type(s->encoding)};
    otlp_reply_success(&r.body, s->encoding, s->rejected, str_from_c(s->message));
    http_reply(s->exchange, &r);
}

/* The media type without parameters decides; anything else is 415. */
static bool parse_content_type(struct str value, enum batch_encoding *out)
{
    struct str type, rest;
    str_cut(value, ';', &type, &rest);
    type = str_trim(type);
    if (str_eq_nocase(type, STR("application/x-protobuf")))
        *out = ENCODING_PROTOBUF;
    else if (str_eq_nocase(type, STR("application/json")))
        *out = ENCODING_JSON;
    else
        return false;
    return true;
}

/* Answers a request that is wrong before its body matters; true when it did. */
static bool answer_wrong(struct ingest *in, struct http_exchange *x, enum batch_encoding *encoding,
                         enum batch_compression *compression)
{
    struct err e = {0};
    unsigned http = 0;
    struct http_header extra = {0};
    struct str type = http_header(x, "content-type"), coding = http_header(x, "content-encoding");
    *encoding = ENCODING_JSON;
    bool known_type = parse_content_type(type, encoding);
    if (!str_eq(http_path(x), STR("/v1/traces"))) {
        http = 404;
        err_set(&e, ST_NOT_FOUND, "no such path here: OTLP/HTTP traces go to POST /v1/traces");
    } else if (!str_eq(http_method(x), STR("POST"))) {
        http = 405;
        extra = (struct http_header){"Allow", "POST"};
        err_set(&e, ST_INVALID, "only POST is allowed on /v1/traces");
    } else if (!known_type) {
        http = 415;
        err_set(&e, ST_UNSUPPORTED,
                "content-type %.*s is not spoken here; accepted: application/x-protobuf, "
                "application/json",
                (int)MIN(type.len, (size_t)40), type.ptr);
    } else if (!unpack_from_http(str_trim(coding), compression)) {
        http = 415;
        extra = (struct http_header){"Accept-Encoding", UNPACK_HTTP_ACCEPT};
        err_set(&e, ST_UNSUPPORTED, "content-encoding %.*s is not spoken here; accepted: %s",
                (int)MIN(coding.len, (size_t)40), coding.ptr, UNPACK_HTTP_ACCEPT);
    }
    if (!http)
        return false;
    account_count_request(in->config.account, REQUEST_REJECTED);
    reply_status(x, http, *encoding, &e, 0, extra);
    return true;
}

void ingest_http(struct http_exchange *x, void *user)
{
    struct ingest *in = user;
    enum batch_encoding encoding;
    enum batch_compression compression = COMPRESSION_NONE;
    if (answer_wrong(in, x, &encoding, &compression))
        return;
    struct batch *b;
    struct submission *s = ingest_submission_of(in, x, ingest_http_answer, &b);
    if (!s) {
        struct err e = {0};
        err_set(&e, ST_NO_MEMORY, "out of memory; send it again later");
        account_count_request(in->config.account, REQUEST_REFUSED);
        reply_status(x, 503, encoding, &e, 1000, (struct http_header){0});
        return;
    }
    b->compression = compression;
    b->encoding = s->encoding = encoding;
    submission_run(s, b);
}
