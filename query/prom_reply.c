/* prom_reply.c - writes answers as Prometheus' HTTP API has them. */
#include "query/prom_reply.h"
#include "base/number_text.h"
#include "base/status_wire.h"
#include "query/histogram_json.h"
#include "query/promql_words.h"

/* --- whole answers --- */

void prom_reply_begin(struct http_response *out, struct json_writer *w)
{
    reply_json_begin(out);
    *w = json_writer_of(&out->body);
    json_object_begin(w);
    JSON_STR(w, "status", STR("success"));
    json_key(w, "data");
}

void prom_reply_end(struct json_writer *w, const struct annotations *notes)
{
    if (notes)
        annotations_write(notes, w);
    json_object_end(w);
}

void prom_reply_data(struct http_response *out, struct str json)
{
    struct json_writer w;
    prom_reply_begin(out, &w);
    json_raw(&w, json);
    prom_reply_end(&w, NULL);
}

/* Prometheus says 503 where the asker came at a bad moment; 429 is not among its answers. */
static unsigned http_of(const struct err *e)
{
    return e->status == ST_BUSY ? 503 : status_wire_get(e->status)->http;
}

void prom_reply_error(struct http_response *out, const struct err *e)
{
    const struct status_wire *wire = status_wire_get(e->status);
    buf_deinit(&out->body);
    *out = (struct http_response){0};
    reply_json_begin(out);
    out->status = http_of(e);
    struct json_writer w = json_writer_of(&out->body);
    json_object_begin(&w);
    JSON_STR(&w, "status", STR("error"));
    JSON_STR(&w, "errorType", str_from_c(wire->api_type));
    JSON_STR(&w, "error", str_from_c(e->msg));
    json_object_end(&w);
    if (wire->retryable)
        reply_header(out, "Retry-After", "1");
}

void prom_reply_line(struct http_response *out, unsigned status, const char *line)
{
    buf_deinit(&out->body);
    *out = (struct http_response){0};
    reply_text(out, line);
    out->status = status;
}

void prom_reply_cors(struct http_response *out)
{
    reply_header(out, "Access-Control-Allow-Headers",
                 "Accept, Authorization, Content-Type, Origin");
    reply_header(out, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    reply_header(out, "Access-Control-Allow-Origin", "*");
    reply_header(out, "Access-Control-Expose-Headers", "Date");
    reply_header(out, "Vary", "Origin");
}

/* --- values --- */

void prom_append_time(struct buf *out, int64_t time_ms)
{
    char text[32];
    size_t at = sizeof(text);
    uint64_t left = time_ms < 0 ? 0 - (uint64_t)time_ms : (uint64_t)time_ms;
    unsigned ms = (unsigned)(left % 1000);
    for (int i = 0; ms && i < 3; i++, left /= 10)
        text[--at] = (char)('0' + left % 10);
    if (ms)
        text[--at] = '.';
    else
        left /= 1000;
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (time_ms < 0)
        text[--at] = '-';
    buf_append(out, text + at, sizeof(text) - at);
}

void prom_write_time(struct json_writer *w, int64_t time_ms)
{
    json_raw(w, STR(""));
    prom_append_time(w->out, time_ms);
}

static void append_value(struct buf *out, double v)
{
    buf_append_u8(out, '"');
    number_append_shortest(out, v);
    buf_append_u8(out, '"');
}

void prom_write_value(struct json_writer *w, double v)
{
    json_raw(w, STR(""));
    append_value(w->out, v);
}

void prom_write_labels(struct json_writer *w, struct label_set labels)
{
    json_object_begin(w);
    for (uint32_t i = 0; i < labels.count; i++) {
        json_key_str(w, labels.items[i].name);
        json_str(w, labels.items[i].value);
    }
    json_object_end(w);
}

/* --- results --- */

static const struct native_histogram *histogram_at(const struct promql_series *s, uint32_t i)
{
    return s->histograms ? s->histograms[i] : NULL;
}

/* [time,"value"]: most of a large answer, so past the writer. */
static void append_point(struct buf *out, int64_t time_ms, double v)
{
    buf_append_u8(out, '[');
    prom_append_time(out, time_ms);
    buf_append_u8(out, ',');
    append_value(out, v);
    buf_append_u8(out, ']');
}

static void write_histogram_point(struct json_writer *w, int64_t time_ms,
                                  const struct native_histogram *h)
{
    json_array_begin(w);
    prom_write_time(w, time_ms);
    histogram_json_write(w, h);
    json_array_end(w);
}

static void write_floats(struct json_writer *w, const struct promql_series *s)
{
    bool first = true;
    for (uint32_t i = 0; i < s->point_count; i++) {
        if (histogram_at(s, i))
            continue;
        if (first) {
            json_key(w, "values");
            json_raw(w, STR("["));
        } else {
            buf_append_u8(w->out, ',');
        }
        first = false;
        append_point(w->out, s->times_ms[i], s->values[i]);
    }
    if (!first)
        buf_append_u8(w->out, ']');
}

static void write_histograms(struct json_writer *w, const struct promql_series *s)
{
    bool first = true;
    for (uint32_t i = 0; i < s->point_count; i++) {
        const struct native_histogram *h = histogram_at(s, i);
        if (!h)
            continue;
        if (first) {
            json_key(w, "histograms");
            json_array_begin(w);
        }
        first = false;
        write_histogram_point(w, s->times_ms[i], h);
    }
    if (!first)
        json_array_end(w);
}

static void write_vector_item(struct json_writer *w, const struct promql_series *s)
{
    const struct native_histogram *h = histogram_at(s, 0);
    json_key(w, h ? "histogram" : "value");
    if (h) {
        write_histogram_point(w, s->times_ms[0], h);
        return;
    }
    json_raw(w, STR(""));
    append_point(w->out, s->times_ms[0], s->values[0]);
}

enum status prom_check_size(const struct json_writer *w, struct arena *arena, struct err *e)
{
    size_t max_bytes = arena->limit_bytes;
    if (!w->out->failed && (!max_bytes || w->out->len <= max_bytes))
        return ST_OK;
    if (!max_bytes || arena->is_refused || w->out->len <= max_bytes / 2)
        return err_set(e, ST_NO_MEMORY, "no memory for the answer");
    return err_set(e, ST_QUERY,
                   "the answer is larger than %zu MiB: ask for a larger step, or for less",
                   max_bytes / MIB);
}

static enum status write_series(struct json_writer *w, const struct promql_result *result,
                                uint64_t limit, struct arena *arena, struct err *e)
{
    json_array_begin(w);
    for (uint32_t i = 0; i < result->series_count && (!limit || i < limit); i++) {
        const struct promql_series *s = &result->series[i];
        if (!s->point_count)
            continue;
        json_object_begin(w);
        json_key(w, "metric");
        prom_write_labels(w, s->labels);
        if (result->type == TYPE_VECTOR) {
            write_vector_item(w, s);
        } else {
            write_floats(w, s);
            write_histograms(w, s);
        }
        json_object_end(w);
        TRY(prom_check_size(w, arena, e));
    }
    json_array_end(w);
    return ST_OK;
}

enum status prom_write_result(struct json_writer *w, const struct promql_result *result,
                              const struct promql_query *q, uint64_t limit, struct arena *arena,
                              struct err *e)
{
    JSON_STR(w, "resultType", str_from_c(promql_type_name(result->type)));
    json_key(w, "result");
    if (result->type == TYPE_VECTOR || result->type == TYPE_MATRIX)
        return write_series(w, result, limit, arena, e);
    json_array_begin(w);
    prom_write_time(w, q->start_ms);
    if (result->type == TYPE_SCALAR)
        prom_write_value(w, result->scalar);
    else
        json_str(w, result->text);
    json_array_end(w);
    return ST_OK;
}
