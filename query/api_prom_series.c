/* api_prom_series.c - /api/v1/series, /labels, /label/NAME/values: which series and labels there
 * are. */
#include "query/prom_names.h"
#include "query/prom_reply.h"
#include "query/promql_quote.h"

static enum status write_series(struct http_response *out, struct prom_ask *ask,
                                const struct series_list *list, struct err *e)
{
    struct json_writer w;
    uint32_t shown = prom_ask_cut(ask, list->count);
    prom_reply_begin(out, &w);
    json_array_begin(&w);
    for (uint32_t i = 0; i < shown; i++) {
        prom_write_labels(&w, list->items[i].labels);
        TRY(prom_check_size(&w, ask->request.arena, e));
    }
    json_array_end(&w);
    prom_reply_end(&w, ask->notes);
    return ST_OK;
}

enum status prom_series(struct request *r, struct http_response *out, struct err *e)
{
    struct prom_ask ask;
    struct series_list list = {0};
    enum status status = prom_ask_begin(r, true, &ask, e);
    if (status == ST_OK)
        status = prom_sources_series(&ask.sources, &ask.request, &list, e);
    if (status == ST_OK)
        status = write_series(out, &ask, &list, e);
    prom_ask_end(&ask);
    return status;
}

/* --- labels --- */

static void write_names(struct http_response *out, struct prom_ask *ask,
                        const struct prom_names *names)
{
    struct json_writer w;
    uint32_t shown = prom_ask_cut(ask, names->count);
    prom_reply_begin(out, &w);
    json_array_begin(&w);
    for (uint32_t i = 0; i < shown; i++)
        json_str(&w, names->items[i]);
    json_array_end(&w);
    prom_reply_end(&w, ask->notes);
}

static enum status answer_labels(struct request *r, struct str label, struct http_response *out,
                                 struct err *e)
{
    struct prom_ask ask;
    struct prom_names names;
    enum status status = prom_ask_begin(r, false, &ask, e);
    if (status == ST_OK)
        status = prom_sources_labels(&ask.sources, &ask.request, label, &names, e);
    if (status == ST_OK)
        write_names(out, &ask, &names);
    prom_ask_end(&ask);
    return status;
}

enum status prom_labels(struct request *r, struct http_response *out, struct err *e)
{
    return answer_labels(r, (struct str){0}, out, e);
}

/* --- a label's name in a path --- */

/* "_HEX_" at `text` (behind the first underscore); returns how much of it was read, 0 for what is
 * no escape. */
static size_t read_escape(struct str text, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len && i <= 6; i++) {
        if (text.ptr[i] == '_')
            return i && *out <= 0x10ffff && (*out < 0xd800 || *out > 0xdfff) ? i + 1 : 0;
        int digit = str_hex_digit(text.ptr[i]);
        if (digit < 0)
            return 0;
        *out = *out << 4 | (uint32_t)digit;
    }
    return 0;
}

/* Undoes "U__" escaping (values encoding of Prometheus' UTF-8 proposal): "__" is an underscore,
 * "_2e_" the character 0x2e. False: it is malformed, and means itself then. */
static bool unescape(struct str text, char *to, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < text.len;) {
        if (text.ptr[i] != '_') {
            to[(*len)++] = text.ptr[i++];
            continue;
        }
        struct str rest = str_sub(text, i + 1, text.len);
        uint32_t c = '_';
        size_t read = str_starts_with(rest, STR("_")) ? 1 : read_escape(rest, &c);
        if (!read)
            return false;
        *len += str_put_utf8(c, to + *len); /* never longer than its escape */
        i += 1 + read;
    }
    return true;
}

static enum status read_label(struct request *r, struct str raw, struct str *out, struct err *e)
{
    *out = raw;
    if (str_starts_with(raw, STR("U__"))) {
        char *text = arena_alloc(r->arena, raw.len);
        size_t len;
        if (!text)
            return err_set(e, ST_NO_MEMORY, "no memory for the label's name");
        if (unescape(str_sub(raw, 3, raw.len), text, &len))
            *out = (struct str){text, len};
    }
    if (out->len && str_is_utf8(*out))
        return ST_OK;
    char quoted[PROMQL_SHOWN_BYTES];
    return err_set(e, ST_INVALID, "invalid label name: %s", promql_quote_shown(*out, quoted));
}

enum status prom_label_values(struct request *r, struct http_response *out, struct err *e)
{
    static const struct str tail = {"/values", 7};
    struct str label;
    if (!str_ends_with(r->id, tail)) {
        prom_reply_line(out, 404, "404 page not found");
        return ST_OK;
    }
    TRY(read_label(r, str_sub(r->id, 0, r->id.len - tail.len), &label, e));
    return answer_labels(r, label, out, e);
}
