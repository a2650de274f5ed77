/* api_prom_federate.c - /federate: the newest sample of each matching series as a text exposition.
 * Source: Prometheus, "Federation" and "Exposition formats" 0.0.4. */
#include "query/prom_names.h"
#include "query/prom_reply.h"
#include "query/promql_quote.h"
#include "base/number_text.h"
#include "model/stale.h"
#include <stdlib.h>

enum { LOOKBACK_MS = 5 * 60 * 1000, SAMPLES_MAX = 50000000 };

/* How names of more than letters, digits and underscores are written: most readers of the format
 * know no quoted ones, and fail on the whole page. */
enum names { NAMES_ESCAPED, NAMES_UTF8 };

/* Escapes a label's value: backslash, quote, line feed. */
static void append_quoted(struct buf *out, struct str s)
{
    buf_append_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '\\' || c == '"')
            buf_append_u8(out, '\\');
        if (c == '\n')
            buf_append_str(out, STR("\\n"));
        else
            buf_append_u8(out, (uint8_t)c);
    }
    buf_append_u8(out, '"');
}

static bool is_plain_name(struct str s, bool colons)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(c == ':' && colons) && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return s.len > 0;
}

/* Each other character becomes an underscore. */
static void append_escaped(struct buf *out, struct str name)
{
    struct str rest = name;
    uint32_t rune;
    for (size_t len; (len = promql_rune_read(rest, &rune)) > 0;
         rest = str_sub(rest, len, rest.len)) {
        bool is_digit = rest.ptr[0] >= '0' && rest.ptr[0] <= '9' && rest.ptr != name.ptr;
        bool is_kept = is_digit || is_plain_name(str_sub(rest, 0, len), true);
        buf_append_u8(out, is_kept ? (uint8_t)rest.ptr[0] : '_');
    }
}

static void append_name(struct buf *out, struct str name, bool colons, enum names names)
{
    if (is_plain_name(name, colons))
        buf_append_str(out, name);
    else if (names == NAMES_ESCAPED)
        append_escaped(out, name);
    else
        append_quoted(out, name);
}

static void append_pair(struct buf *out, bool *first, struct str name, struct str value,
                        enum names names)
{
    if (!*first)
        buf_append_u8(out, ',');
    *first = false;
    append_name(out, name, false, names);
    buf_append_u8(out, '=');
    append_quoted(out, value);
}

/* The reader of a federation takes its own instance label for a series that has none, unless the
 * empty one is written out. */
static void append_labels(struct buf *out, struct label_set labels, struct str quoted_metric,
                          enum names names)
{
    bool first = true, has_instance = false;
    buf_append_u8(out, '{');
    if (quoted_metric.len) {
        append_quoted(out, quoted_metric);
        first = false;
    }
    for (uint32_t i = 0; i < labels.count; i++) {
        if (str_eq(labels.items[i].name, LABEL_METRIC_NAME))
            continue;
        has_instance |= str_eq(labels.items[i].name, STR("instance"));
        append_pair(out, &first, labels.items[i].name, labels.items[i].value, names);
    }
    if (!has_instance)
        append_pair(out, &first, STR("instance"), (struct str){0}, names);
    buf_append_u8(out, '}');
}

static void append_type(struct buf *out, struct str metric, enum names names)
{
    buf_append_str(out, STR("# TYPE "));
    append_name(out, metric, true, names);
    buf_append_str(out, STR(" untyped\n"));
}

/* Text has no form for native histograms. */
static bool newest(const struct series_data *s, uint32_t *at)
{
    if (!s->sample_count)
        return false;
    *at = s->sample_count - 1;
    return !(s->histograms && s->histograms[*at]) && !value_is_stale(s->values[*at]);
}

static void append_series(struct buf *out, const struct series_data *s, struct str *last_metric,
                          enum names names)
{
    uint32_t at;
    struct str metric = label_set_metric(s->labels);
    if (!metric.len || !newest(s, &at))
        return;
    if (!str_eq(metric, *last_metric))
        append_type(out, metric, names);
    *last_metric = metric;
    bool is_quoted = names == NAMES_UTF8 && !is_plain_name(metric, true);
    if (!is_quoted)
        append_name(out, metric, true, names);
    append_labels(out, s->labels, is_quoted ? metric : (struct str){0}, names);
    buf_append_u8(out, ' ');
    number_append_general(out, s->values[at] == 0 ? 0 : s->values[at]); /* never -0 */
    buf_printf(out, " %lld\n", (long long)s->times_ms[at]);
}

static int by_metric(const void *a, const void *b)
{
    const struct series_data *left = a, *right = b;
    int order = str_cmp(label_set_metric(left->labels), label_set_metric(right->labels));
    return order ? order : label_set_cmp(left->labels, right->labels);
}

static enum status select_all(struct prom_ask *ask, struct series_list *out, struct err *e)
{
    struct series_sources sources = prom_sources_list(&ask->sources);
    for (size_t i = 0; i < ask->selectors.len; i++) {
        const struct promql_selector *s = &ask->selectors.items[i]->selector;
        struct series_request request = {.matchers = s->matchers,
                                         .matcher_count = s->matcher_count,
                                         .start_ms = ask->request.start_ms,
                                         .end_ms = ask->request.end_ms,
                                         .arena = ask->request.arena,
                                         .samples_max = SAMPLES_MAX};
        TRY(series_sources_select(&sources, &request, out, &ask->budget, ask->notes, e));
    }
    return ST_OK;
}

static enum names names_of(struct str accept)
{
    return str_search(accept, STR("escaping=allow-utf-8")) < accept.len ? NAMES_UTF8
                                                                        : NAMES_ESCAPED;
}

static void write_exposition(struct http_response *out, struct series_list *list, enum names names)
{
    struct str last_metric = {0};
    reply_json_begin(out);
    out->content_type = names == NAMES_UTF8
                            ? "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"
                            : "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    if (list->count)
        qsort(list->items, list->count, sizeof(*list->items), by_metric);
    for (uint32_t i = 0; i < list->count; i++)
        if (!i || !label_set_eq(list->items[i - 1].labels, list->items[i].labels))
            append_series(&out->body, &list->items[i], &last_metric, names);
}

/* Scrapers get plain text, without the words about the parameter. */
static void refuse(struct http_response *out, const struct err *e)
{
    struct str text = str_from_c(e->msg), prefix = STR("invalid parameter \"match[]\": ");
    bool is_prefixed = str_starts_with(text, prefix);
    prom_reply_line(out, 400, e->msg + (is_prefixed ? prefix.len : 0));
}

enum status prom_federate(struct request *r, struct http_response *out, struct err *e)
{
    struct prom_ask ask;
    struct series_list list = {0};
    int64_t now_ms = (int64_t)(r->now_ns / NS_PER_MS);
    enum status status = prom_ask_begin_within(r, now_ms - LOOKBACK_MS, now_ms, &ask, e);
    if (status == ST_OK)
        status = select_all(&ask, &list, e);
    if (status == ST_OK)
        write_exposition(out, &list, names_of(r->accept));
    prom_ask_end(&ask);
    if (status != ST_INVALID)
        return status;
    refuse(out, e);
    return ST_OK;
}
