/* otlp_http.c - POST /v1/traces and /v1/metrics on 4318: content negotiation, then the same way as
 * gRPC. */
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
    otlp_reply_success(&r.body, s->encoding, s->kind, s->rejected, str_from_c(s->message));
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

/* What a listener says before the body matters. */
struct refusal {
    unsigned http; /* 0: none */
    struct http_header extra;
    struct err e;
};

static void refuse(struct refusal *r, unsigned http, enum status status, const char *sentence)
{
    r->http = http;
    err_set(&r->e, status, "%s", sentence);
}

static void answer_refusal(struct ingest *in, struct http_exchange *x, enum batch_encoding encoding,
                           const struct refusal *r)
{
    account_count_request(in->config.account, REQUEST_REJECTED);
    reply_status(x, r->http, encoding, &r->e, 0, r->extra);
}

/* Judges method, type and coding. */
static struct refusal judge_head(const struct http_exchange *x, enum batch_encoding *encoding,
                                 enum batch_compression *compression)
{
    struct refusal r = {0};
    struct str type = http_header(x, "content-type"), coding = http_header(x, "content-encoding");
    *encoding = ENCODING_JSON;
    bool known_type = parse_content_type(type, encoding);
    if (!str_eq(http_method(x), STR("POST"))) {
        r.extra = (struct http_header){"Allow", "POST"};
        refuse(&r, 405, ST_INVALID, "only POST is allowed here");
    } else if (!known_type) {
        r.http = 415;
        err_set(&r.e, ST_UNSUPPORTED,
                "content-type %.*s is not spoken here; accepted: application/x-protobuf, "
                "application/json",
                (int)MIN(type.len, (size_t)40), type.ptr);
    } else if (http_header_count(x, "content-encoding") > 1) {
        r.extra = (struct http_header){"Accept-Encoding", UNPACK_HTTP_ACCEPT};
        refuse(&r, 415, ST_UNSUPPORTED,
               "one content-encoding is taken; accepted: " UNPACK_HTTP_ACCEPT);
    } else if (!unpack_from_http(str_trim(coding), compression)) {
        r.http = 415;
        r.extra = (struct http_header){"Accept-Encoding", UNPACK_HTTP_ACCEPT};
        err_set(&r.e, ST_UNSUPPORTED, "content-encoding %.*s is not spoken here; accepted: %s",
                (int)MIN(coding.len, (size_t)40), coding.ptr, UNPACK_HTTP_ACCEPT);
    }
    return r;
}

void ingest_otlp_http(struct ingest *in, struct http_exchange *x, enum batch_signal signal)
{
    enum batch_encoding encoding;
    enum batch_compression compression = COMPRESSION_NONE;
    struct refusal refusal = judge_head(x, &encoding, &compression);
    if (refusal.http) {
        answer_refusal(in, x, encoding, &refusal);
        return;
    }
    struct batch *b;
    struct submission *s = ingest_submission_of(in, x, ingest_http_answer, &b);
    if (!s) {
        struct err e = {0};
        err_set(&e, ST_NO_MEMORY, "out of memory; send it again later");
        account_count_request(in->config.account, REQUEST_REFUSED);
        reply_status(x, 503, encoding, &e, 1000, (struct http_header){0});
        return;
    }
    b->signal = signal;
    b->compression = compression;
    b->encoding = s->encoding = encoding;
    submission_run(s, b);
}

void ingest_http(struct http_exchange *x, void *user)
{
    struct ingest *in = user;
    struct refusal refusal = {0};
    enum batch_encoding encoding = ENCODING_JSON;
    if (str_eq(http_path(x), STR("/v1/traces"))) {
        ingest_otlp_http(in, x, BATCH_SPANS);
    } else if (str_eq(http_path(x), STR("/v1/metrics"))) {
        ingest_otlp_http(in, x, BATCH_METRICS);
    } else {
        parse_content_type(http_header(x, "content-type"), &encoding);
        refuse(&refusal, 404, ST_NOT_FOUND,
               "no such path here: OTLP/HTTP goes to POST /v1/traces and POST /v1/metrics");
        answer_refusal(in, x, encoding, &refusal);
    }
}
