/* remote_write_http.c - POST /api/v1/write on 9600: Prometheus remote write 1.0 and 2.0. Source:
 * Prometheus, docs/specs/prw: 204 means everything is written, 400 with a sentence that something
 * was not (the rest is), 5xx that all of it should be sent again. Not 429: what Prometheus is told
 * that about it drops, unless its `retry_on_http_429` is set. */
#include "ingest/ingest_private.h"

#include "base/mem.h"
#include "base/status_wire.h"

#include <stdio.h>

enum { COUNT_CHARS = 12 };

/* Texts that live until the reply. */
struct counts {
    char samples[COUNT_CHARS], histograms[COUNT_CHARS], exemplars[COUNT_CHARS];
};

static void add_header(struct http_response *r, const char *name, const char *value)
{
    unsigned n = 0;
    while (r->headers[n].name)
        n++;
    r->headers[n] = (struct http_header){name, value};
}

/* 2.0 wants to know what was written of a request, whatever became of the rest. */
static void add_counts(struct http_response *r, const struct metric_outcome *o, struct counts *text)
{
    snprintf(text->samples, COUNT_CHARS, "%u", o->samples);
    snprintf(text->histograms, COUNT_CHARS, "%u", o->histograms);
    snprintf(text->exemplars, COUNT_CHARS, "%u", o->exemplars);
    add_header(r, "X-Prometheus-Remote-Write-Samples-Written", text->samples);
    add_header(r, "X-Prometheus-Remote-Write-Histograms-Written", text->histograms);
    add_header(r, "X-Prometheus-Remote-Write-Exemplars-Written", text->exemplars);
}

static void set_sentence(struct http_response *r, unsigned status, const char *sentence)
{
    r->status = status;
    r->content_type = "text/plain; charset=utf-8";
    buf_printf(&r->body, "%s\n", sentence);
}

void ingest_write_answer(struct submission *s, enum status status, const struct err *e,
                         uint32_t retry_after_ms)
{
    struct http_response r = {.status = 204};
    struct counts text;
    char seconds[16];
    if (status != ST_OK)
        set_sentence(&r, status == ST_BUSY ? 503 : status_wire_get(status)->http, e->msg);
    else if (s->rejected > 0 || s->message[0])
        set_sentence(&r, 400, s->message);
    if (retry_after_ms) {
        snprintf(seconds, sizeof(seconds), "%u", (retry_after_ms + 999) / 1000);
        add_header(&r, "Retry-After", seconds);
    }
    if (s->encoding == ENCODING_REMOTE_WRITE_2)
        add_counts(&r, &s->outcome, &text);
    http_reply(s->exchange, &r);
}

/* `application/x-protobuf`, or nothing (senders of the first days), is 1.0; the parameter `proto`
 * names either message. */
static bool parse_content_type(struct str value, enum batch_encoding *out)
{
    struct str type, rest, parameter, name, message;
    str_cut(value, ';', &type, &rest);
    *out = ENCODING_REMOTE_WRITE_1;
    if (str_trim(type).len > 0 && !str_eq_nocase(str_trim(type), STR("application/x-protobuf")))
        return false;
    while (rest.len > 0) {
        str_cut(rest, ';', &parameter, &rest);
        str_cut(parameter, '=', &name, &message);
        if (!str_eq_nocase(str_trim(name), STR("proto")))
            continue;
        message = str_trim(message);
        if (str_eq(message, STR("io.prometheus.write.v2.Request")))
            *out = ENCODING_REMOTE_WRITE_2;
        else if (!str_eq(message, STR("prometheus.WriteRequest")))
            return false;
    }
    return true;
}

/* Answers a request that is wrong before its body matters; true when it did. */
static bool answer_wrong(struct ingest *in, struct http_exchange *x, enum batch_encoding *encoding)
{
    struct http_response r = {0};
    struct str coding = str_trim(http_header(x, "content-encoding"));
    if (!str_eq(http_method(x), STR("POST"))) {
        set_sentence(&r, 405, "only POST is allowed on /api/v1/write");
        add_header(&r, "Allow", "POST");
    } else if (!parse_content_type(http_header(x, "content-type"), encoding)) {
        set_sentence(&r, 415,
                     "this content-type is not spoken here; accepted: application/x-protobuf, with "
                     "proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request");
    } else if (http_header_count(x, "content-encoding") > 1 ||
               (coding.len > 0 && !str_eq_nocase(coding, STR("snappy")))) {
        set_sentence(&r, 415, "this content-encoding is not spoken here; accepted: snappy");
        add_header(&r, "Accept-Encoding", "snappy");
    } else {
        return false;
    }
    account_count_request(in->config.account, REQUEST_REJECTED);
    http_reply(x, &r);
    return true;
}

void ingest_write_http(struct ingest *in, struct http_exchange *x)
{
    enum batch_encoding encoding;
    struct batch *b;
    if (answer_wrong(in, x, &encoding))
        return;
    struct submission *s = ingest_submission_of(in, x, ingest_write_answer, &b);
    if (!s) {
        struct http_response r = {0};
        set_sentence(&r, 503, "out of memory; send it again later");
        add_header(&r, "Retry-After", "1");
        account_count_request(in->config.account, REQUEST_REFUSED);
        http_reply(x, &r);
        return;
    }
    b->signal = BATCH_METRICS;
    b->compression = COMPRESSION_SNAPPY_BLOCK;
    b->encoding = s->encoding = encoding;
    submission_run(s, b);
}
