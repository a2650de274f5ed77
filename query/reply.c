/* reply.c - the parts of an answer that every call writes alike. */
#include "query/reply.h"
#include "base/status_wire.h"
#include <stdarg.h>
#include <stdio.h>

void reply_header(struct http_response *out, const char *name, const char *value)
{
    for (size_t i = 0; i + 1 < LEN(out->headers); i++)
        if (!out->headers[i].name) {
            out->headers[i] = (struct http_header){name, value};
            return;
        }
}

void reply_json_begin(struct http_response *out)
{
    out->status = 200;
    out->content_type = "application/json";
    reply_header(out, "Cache-Control", "no-store");
}

void reply_text(struct http_response *out, const char *line)
{
    out->status = 200;
    out->content_type = "text/plain; charset=utf-8";
    reply_header(out, "Cache-Control", "no-store");
    buf_printf(&out->body, "%s\n", line);
}

static void write_envelope(struct http_response *out, unsigned http, const char *type,
                           const char *sentence)
{
    buf_deinit(&out->body);
    *out = (struct http_response){.status = http, .content_type = "application/json"};
    reply_header(out, "Cache-Control", "no-store");
    struct json_writer w = json_writer_of(&out->body);
    json_object_begin(&w);
    JSON_STR(&w, "status", STR("error"));
    JSON_STR(&w, "error_type", str_from_c(type));
    JSON_STR(&w, "error", str_from_c(sentence));
    json_object_end(&w);
}

void reply_error(struct http_response *out, const struct err *e)
{
    const struct status_wire *wire = status_wire_get(e->status);
    write_envelope(out, wire->http, wire->api_type, e->msg);
    if (wire->retryable)
        reply_header(out, "Retry-After", "1");
}

void reply_method_not_allowed(struct http_response *out, const char *allow)
{
    char sentence[120];
    snprintf(sentence, sizeof(sentence), "this path does not take that method: allowed are %s",
             allow);
    write_envelope(out, 405, "bad_data", sentence);
    reply_header(out, "Allow", allow);
}

/* --- milliseconds --- */

enum { PS_DIGITS = 9 }; /* behind the point of a ms */
#define PS_PER_MS 1000000000u
#define EXACT_NS  9007199254740.0 /* below it a double of ps is whole: 2^53 / 1000 */

/* `ms` and a fraction in ps, without trailing zeros: a tenth of the time of a general double. From
 * the back, as digits come. */
static void write_decimal(struct json_writer *w, uint64_t ms, uint64_t ps)
{
    char text[48];
    size_t at = sizeof(text), end = sizeof(text);
    if (ps) {
        for (int i = 0; i < PS_DIGITS; i++, ps /= 10)
            text[--at] = (char)('0' + ps % 10);
        while (text[end - 1] == '0')
            end--;
        text[--at] = '.';
    }
    do {
        text[--at] = (char)('0' + ms % 10);
        ms /= 10;
    } while (ms);
    json_raw(w, (struct str){text + at, end - at});
}

void reply_ms(struct json_writer *w, uint64_t ns)
{
    write_decimal(w, ns / NS_PER_MS, ns % NS_PER_MS * 1000);
}

/* A picosecond is far below the bound of every quantile. */
void reply_quantile_ns(struct json_writer *w, double ns)
{
    if (ns >= EXACT_NS) {
        json_double(w, ns / 1e6);
        return;
    }
    uint64_t ps = (uint64_t)(ns * 1000 + 0.5);
    write_decimal(w, ps / PS_PER_MS, ps % PS_PER_MS);
}

#define TEXT_OF(x)  #x
#define VALUE_OF(x) TEXT_OF(x)

void reply_error_bound(struct json_writer *w)
{
    json_key(w, "error");
    json_raw(w, STR(VALUE_OF(HISTOGRAM_REPORTED_ERROR)));
}

void reply_quantile(struct json_writer *w, const struct histogram *h, double q)
{
    if (h->weight)
        reply_quantile_ns(w, histogram_quantile_ns(h, q));
    else
        json_null(w);
}

void reply_latency(struct json_writer *w, const struct histogram *h)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}};

    if (!h || !h->weight) {
        json_null(w);
        return;
    }
    json_object_begin(w);
    JSON_U64(w, "count", histogram_count(h));
    JSON_DOUBLE(w, "mean", histogram_mean_ns(h) / 1e6);
    for (size_t i = 0; i < LEN(quantiles); i++) {
        json_key(w, quantiles[i].name);
        reply_quantile(w, h, quantiles[i].q);
    }
    json_key(w, "max");
    reply_ms(w, h->max_ns);
    reply_error_bound(w);
    json_object_end(w);
}

uint64_t reply_count(uint64_t weight)
{
    return (weight >> WEIGHT_SHIFT) + ((weight >> (WEIGHT_SHIFT - 1)) & 1);
}

double reply_ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

void reply_time(struct json_writer *w, uint64_t time_ns)
{
    if (time_ns)
        json_double(w, (double)time_ns / 1e9);
    else
        json_null(w);
}

void warnings_add(struct warnings *w, const char *fmt, ...)
{
    if (w->len == WARNINGS_MAX)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(w->text[w->len++], sizeof(w->text[0]), fmt, args);
    va_end(args);
}

void reply_warnings(struct json_writer *w, const struct warnings *warnings)
{
    json_key(w, "warnings");
    json_array_begin(w);
    for (size_t i = 0; i < warnings->len; i++)
        json_str(w, str_from_c(warnings->text[i]));
    json_array_end(w);
    JSON_BOOL(w, "truncated", warnings->truncated);
}
