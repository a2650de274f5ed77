/* api_prom_admin.c - /api/v1/admin/tsdb: deletes series, takes snapshots; with `admin: true`. */
#include "query/api.h"
#include "query/prom_params.h"
#include "query/prom_reply.h"
#include "query/promql_quote.h"
#include "base/unit.h"
#include "base/log.h"

enum { NAME_BYTES = 256 };

/* True: *out says that these calls are off. Prometheus' answer has the code 500. */
static bool is_disabled(const struct request *r, struct http_response *out)
{
    struct err e;
    if (r->config->admin && r->config->series)
        return false;
    err_set(&e, ST_IO, "admin APIs disabled");
    prom_reply_error(out, &e);
    out->status = 500;
    return true;
}

static enum status delete_matching(struct request *r, const struct prom_selectors *selectors,
                                   struct err *e)
{
    int64_t start_ms, end_ms;
    TRY(prom_param_range(&r->params, &start_ms, &end_ms, e));
    for (size_t i = 0; i < selectors->len; i++) {
        const struct promql_selector *s = &selectors->items[i]->selector;
        TRY(series_store_delete(r->config->series, s->matchers, s->matcher_count, start_ms, end_ms,
                                e));
    }
    return ST_OK;
}

enum status prom_delete_series(struct request *r, struct http_response *out, struct err *e)
{
    struct prom_selectors selectors;
    struct str any;
    if (is_disabled(r, out))
        return ST_OK;
    if (!params_find(&r->params, "match[]", &any))
        return err_set(e, ST_INVALID, "no match[] parameter provided");
    enum status status = prom_param_selectors(&r->params, &selectors, e);
    if (status == ST_OK)
        status = prom_selectors_check(&selectors, e);
    if (status == ST_OK)
        status = delete_matching(r, &selectors, e);
    if (status == ST_OK) {
        log_info("query: series deleted matchers=\"%.*s\"", STR_ARG(str_sub(any, 0, 200)));
        out->status = 204;
    }
    prom_selectors_deinit(&selectors);
    return status;
}

/* What is not on disk yet is always in a snapshot; skip_head is read and has no effect. */
static enum status check_skip_head(const struct params *p, struct err *e)
{
    struct str text;
    bool skip;
    if (!params_find(p, "skip_head", &text) || !text.len ||
        unit_parse_bool(text, &skip, NULL) == ST_OK)
        return ST_OK;
    char quoted[PROMQL_SHOWN_BYTES];
    return err_set(e, ST_INVALID, "invalid parameter \"skip_head\": unable to parse boolean %s",
                   promql_quote_shown(text, quoted));
}

enum status prom_snapshot(struct request *r, struct http_response *out, struct err *e)
{
    const struct query_hooks *hooks = &r->config->hooks;
    char name[NAME_BYTES];
    struct json_writer w;
    if (is_disabled(r, out))
        return ST_OK;
    TRY(check_skip_head(&r->params, e));
    if (hooks->checkpoint)
        TRY(hooks->checkpoint(hooks->user, e));
    TRY(series_store_snapshot(r->config->series, name, sizeof(name), e));
    prom_reply_begin(out, &w);
    json_object_begin(&w);
    JSON_STR(&w, "name", str_from_c(name));
    json_object_end(&w);
    prom_reply_end(&w, NULL);
    return ST_OK;
}

/* Deleted samples leave the disk with the next merge of their part: compacting does it now. */
enum status prom_clean_tombstones(struct request *r, struct http_response *out, struct err *e)
{
    if (is_disabled(r, out))
        return ST_OK;
    TRY(series_store_compact(r->config->series, e));
    out->status = 204;
    return ST_OK;
}
