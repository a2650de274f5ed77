/* api_prom_metadata.c - /api/v1/metadata: type, help and unit of each metric. */
#include "query/prom_params.h"
#include "query/prom_reply.h"
#include "query/prom_sources.h"
#include "query/query_series.h"
#include "query/api.h"

struct writing {
    struct json_writer *w;
    struct series_view *view; /* borrowed; may be NULL */
    struct str wanted;        /* metric to tell alone; empty: all */
    struct buf last;          /* name of the metric whose list is open */
    bool has_open;
    uint64_t metrics, metrics_max; /* 0 = no limit */
    uint64_t of_metric, per_metric_max;
};

static const char *type_name(enum metric_type type)
{
    static const char *const names[] = {
        [METRIC_UNKNOWN] = "unknown", [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",     [METRIC_HISTOGRAM] = "histogram",
        [METRIC_SUMMARY] = "summary", [METRIC_GAUGE_HISTOGRAM] = "gaugehistogram",
        [METRIC_INFO] = "info",       [METRIC_STATESET] = "stateset",
    };
    return (unsigned)type < LEN(names) ? names[type] : names[METRIC_UNKNOWN];
}

static void close_metric(struct writing *x)
{
    if (x->has_open)
        json_array_end(x->w);
    x->has_open = false;
}

/* False: enough metrics were told. */
static bool open_metric(struct writing *x, struct str metric)
{
    if (x->has_open && str_eq(buf_str(&x->last), metric))
        return true;
    close_metric(x);
    if (x->metrics_max && x->metrics == x->metrics_max)
        return false;
    x->metrics++;
    x->of_metric = 0;
    x->has_open = true;
    buf_reset(&x->last);
    buf_append_str(&x->last, metric);
    json_key_str(x->w, metric);
    json_array_begin(x->w);
    return true;
}

static bool write_one(const struct metric_metadata *m, void *user)
{
    struct writing *x = user;
    if (!open_metric(x, m->metric))
        return false;
    if (x->per_metric_max && x->of_metric == x->per_metric_max)
        return true;
    x->of_metric++;
    json_object_begin(x->w);
    JSON_STR(x->w, "type", str_from_c(type_name(m->type)));
    JSON_STR(x->w, "help", m->help);
    JSON_STR(x->w, "unit", m->unit);
    json_object_end(x->w);
    return true;
}

static bool note_stored(const struct metric_metadata *m, void *user)
{
    (void)m;
    *(bool *)user = true;
    return false;
}

/* Of one metric, or of any when none is named; what a sender says of it goes before. */
static bool write_wanted(const struct metric_metadata *m, void *user)
{
    struct writing *x = user;
    bool is_stored = false;
    if (x->wanted.len > 0 && !str_eq(x->wanted, m->metric))
        return true;
    if (x->view)
        series_view_metadata(x->view, m->metric, note_stored, &is_stored);
    return is_stored || write_one(m, x);
}

/* Grafana sends 0 for "all". */
static enum status read_count(const struct params *p, const char *name, uint64_t *out,
                              struct err *e)
{
    struct str text;
    int64_t count = 0;
    *out = 0;
    if (!params_find(p, name, &text) || !text.len)
        return ST_OK;
    if (!str_to_i64(text, &count))
        return err_set(e, ST_INVALID, "%s must be a number", name);
    *out = count > 0 ? (uint64_t)count : 0;
    return ST_OK;
}

enum status prom_metadata(struct request *r, struct http_response *out, struct err *e)
{
    struct json_writer w;
    struct writing x = {.w = &w};
    struct prom_sources sources;
    TRY(read_count(&r->params, "limit", &x.metrics_max, e));
    TRY(read_count(&r->params, "limit_per_metric", &x.per_metric_max, e));
    params_find(&r->params, "metric", &x.wanted);
    TRY(prom_sources_open(r->config, r->live, &sources, e));
    x.view = sources.view;
    prom_reply_begin(out, &w);
    json_object_begin(&w);
    if (sources.view)
        series_view_metadata(sources.view, x.wanted, write_one, &x);
    if (sources.derived.live)
        query_derived_metadata(write_wanted, &x);
    close_metric(&x);
    json_object_end(&w);
    prom_reply_end(&w, NULL);
    out->body.failed |= x.last.failed;
    buf_deinit(&x.last);
    prom_sources_close(&sources);
    return ST_OK;
}
