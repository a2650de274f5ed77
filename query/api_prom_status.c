/* api_prom_status.c - /api/v1/status and the parts of Prometheus' API that weft has nothing for:
 * rules, alerts, targets. */
#include "query/api.h"
#include "query/prom_params.h"
#include "query/promql_parse.h"
#include "query/prom_reply.h"
#include "query/promql_quote.h"
#include "base/clock.h"
#include "base/unit.h"
#include <stdio.h>
#include <unistd.h>

/* The version of Prometheus whose API and PromQL this is: Grafana and Kiali choose by it what they
 * ask. Without "features", or Grafana takes weft for Mimir. */
#define PROMETHEUS_VERSION "3.5.0"

enum { TOPS_DEFAULT = 10, TOPS_MAX = 10000 };

/* --- what there is none of --- */

static bool find_filled(const struct request *r, const char *name, struct str *out)
{
    *out = (struct str){0};
    return params_find(&r->params, name, out) && out->len;
}

static enum status check_rule_type(const struct request *r, struct err *e)
{
    struct str type;
    if (!find_filled(r, "type", &type) || str_eq_nocase(type, STR("alert")) ||
        str_eq_nocase(type, STR("record")))
        return ST_OK;
    char quoted[PROMQL_SHOWN_BYTES];
    return err_set(e, ST_INVALID, "invalid parameter \"type\": not supported value %s",
                   promql_quote_shown(type, quoted));
}

static enum status check_exclude_alerts(const struct request *r, struct err *e)
{
    static const char *const words[] = {"1", "t", "true", "0", "f", "false"};
    struct str text;
    if (!find_filled(r, "exclude_alerts", &text))
        return ST_OK;
    for (size_t i = 0; i < LEN(words); i++)
        if (str_eq_nocase(text, str_from_c(words[i])))
            return ST_OK;
    char quoted[PROMQL_SHOWN_BYTES];
    return err_set(e, ST_INVALID,
                   "invalid parameter \"exclude_alerts\": error converting exclude_alerts: "
                   "strconv.ParseBool: parsing %s: invalid syntax",
                   promql_quote_shown(text, quoted));
}

static enum status check_rule_page(const struct request *r, struct err *e)
{
    struct str limit, token;
    int64_t count;
    bool has_limit = find_filled(r, "group_limit", &limit);
    if (!has_limit && find_filled(r, "group_next_token", &token))
        return err_set(e, ST_INVALID,
                       "invalid parameter \"group_next_token\": group_limit needs to be present in "
                       "order to paginate over the groups");
    if (!has_limit)
        return ST_OK;
    char quoted[PROMQL_SHOWN_BYTES];
    if (!str_to_i64(limit, &count))
        return err_set(e, ST_INVALID,
                       "invalid parameter \"group_limit\": group_limit needs to be a valid number: "
                       "strconv.ParseInt: parsing %s: invalid syntax",
                       promql_quote_shown(limit, quoted));
    if (count <= 0)
        return err_set(e, ST_INVALID,
                       "invalid parameter \"group_limit\": group_limit needs to be greater than 0");
    return ST_OK;
}

static enum status check_selectors(const struct request *r, struct err *e)
{
    struct prom_selectors selectors;
    enum status status = prom_param_selectors(&r->params, &selectors, e);
    if (status == ST_OK)
        status = prom_selectors_check(&selectors, e);
    prom_selectors_deinit(&selectors);
    return status;
}

enum status prom_rules(struct request *r, struct http_response *out, struct err *e)
{
    TRY(check_rule_type(r, e));
    TRY(check_exclude_alerts(r, e));
    TRY(check_selectors(r, e));
    TRY(check_rule_page(r, e));
    prom_reply_data(out, STR("{\"groups\":[]}"));
    return ST_OK;
}

enum status prom_alerts(struct request *r, struct http_response *out, struct err *e)
{
    (void)r, (void)e;
    prom_reply_data(out, STR("{\"alerts\":[]}"));
    return ST_OK;
}

enum status prom_alertmanagers(struct request *r, struct http_response *out, struct err *e)
{
    (void)r, (void)e;
    prom_reply_data(out, STR("{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}"));
    return ST_OK;
}

enum status prom_targets(struct request *r, struct http_response *out, struct err *e)
{
    (void)r, (void)e;
    prom_reply_data(out,
                    STR("{\"activeTargets\":[],\"droppedTargets\":[],\"droppedTargetCounts\":{}}"));
    return ST_OK;
}

static enum status check_match_target(const struct request *r, struct err *e)
{
    struct str text;
    struct err inner = {0};
    struct promql_node *node = NULL;
    if (!find_filled(r, "match_target", &text))
        return ST_OK;
    enum status status = promql_parse_selector(text, r->arena, &node, &inner);
    promql_free(node);
    if (status == ST_INVALID)
        return err_set(e, status, "invalid parameter \"match_target\": %s", inner.msg);
    return status == ST_OK ? ST_OK : err_set(e, status, "%s", inner.msg);
}

enum status prom_targets_metadata(struct request *r, struct http_response *out, struct err *e)
{
    struct str text;
    int64_t limit;
    if (find_filled(r, "limit", &text) && !str_to_i64(text, &limit))
        return err_set(e, ST_INVALID, "limit must be a number");
    TRY(check_match_target(r, e));
    prom_reply_data(out, STR("[]"));
    return ST_OK;
}

enum status prom_scrape_pools(struct request *r, struct http_response *out, struct err *e)
{
    (void)r, (void)e;
    prom_reply_data(out, STR("{\"scrapePools\":[]}"));
    return ST_OK;
}

/* --- what is running --- */

enum status prom_buildinfo(struct request *r, struct http_response *out, struct err *e)
{
    struct json_writer w;
    (void)r, (void)e;
    prom_reply_begin(out, &w);
    json_object_begin(&w);
    JSON_STR(&w, "version", STR(PROMETHEUS_VERSION));
    JSON_STR(&w, "revision", STR("weft-" WEFT_VERSION));
    JSON_STR(&w, "branch", STR("weft"));
    JSON_STR(&w, "buildUser", STR(""));
    JSON_STR(&w, "buildDate", STR(""));
    JSON_STR(&w, "goVersion", STR(""));
    json_object_end(&w);
    prom_reply_end(&w, NULL);
    return ST_OK;
}

static void write_wall(struct json_writer *w, const char *key, uint64_t wall_ns)
{
    char text[32];
    JSON_STR(w, key, str_from_c(clock_format_rfc3339(wall_ns, text, sizeof(text))));
}

/* "15d", or "0s" for ever. */
static const char *retention_text(const struct request *r, char *out, size_t cap)
{
    uint64_t ns = r->config->retention.series_ns;
    return ns ? unit_format_duration(ns, out, cap) : "0s";
}

enum status prom_runtimeinfo(struct request *r, struct http_response *out, struct err *e)
{
    struct json_writer w;
    struct series_stats stats = {0};
    char host[256] = "", retention[64];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    (void)e;
    if (r->config->series)
        series_store_stats(r->config->series, &stats);
    gethostname(host, sizeof(host) - 1);
    prom_reply_begin(out, &w);
    json_object_begin(&w);
    write_wall(&w, "startTime", r->config->started_wall_ns);
    JSON_STR(&w, "CWD", STR(""));
    JSON_STR(&w, "hostname", str_from_c(host));
    write_wall(&w, "serverTime", r->now_ns);
    JSON_BOOL(&w, "reloadConfigSuccess", true);
    write_wall(&w, "lastConfigTime", r->config->started_wall_ns);
    JSON_U64(&w, "corruptionCount", stats.lost_blocks);
    JSON_U64(&w, "goroutineCount", 0);
    JSON_U64(&w, "GOMAXPROCS", cores > 0 ? (uint64_t)cores : 1);
    JSON_U64(&w, "GOMEMLIMIT", 0);
    JSON_STR(&w, "GOGC", STR(""));
    JSON_STR(&w, "GODEBUG", STR(""));
    JSON_STR(&w, "storageRetention", str_from_c(retention_text(r, retention, sizeof(retention))));
    json_object_end(&w);
    prom_reply_end(&w, NULL);
    return ST_OK;
}

/* Kiali reads the interval of samples from here: that of weft's own series. */
enum status prom_config(struct request *r, struct http_response *out, struct err *e)
{
    (void)r, (void)e;
    prom_reply_data(out, STR("{\"yaml\":\"global:\\n  scrape_interval: 15s\\n  scrape_timeout: "
                             "10s\\n  evaluation_interval: 1m\\n\"}"));
    return ST_OK;
}

enum status prom_flags(struct request *r, struct http_response *out, struct err *e)
{
    char retention[64];
    (void)e;
    const struct {
        const char *name, *value;
    } flags[] = {
        {"query.lookback-delta", "5m"},
        {"query.max-samples", "50000000"},
        {"query.timeout", "2m"},
        {"storage.tsdb.retention.time", retention_text(r, retention, sizeof(retention))},
        {"web.enable-admin-api", r->config->admin ? "true" : "false"},
        {"web.enable-otlp-receiver", "true"},
        {"web.enable-remote-write-receiver", "true"},
    };
    struct json_writer w;
    prom_reply_begin(out, &w);
    json_object_begin(&w);
    for (size_t i = 0; i < LEN(flags); i++)
        JSON_STR(&w, flags[i].name, str_from_c(flags[i].value));
    json_object_end(&w);
    prom_reply_end(&w, NULL);
    return ST_OK;
}

enum status prom_walreplay(struct request *r, struct http_response *out, struct err *e)
{
    const char *reason;
    (void)e;
    prom_reply_data(out,
                    api_is_ready(r->config, &reason)
                        ? STR("{\"min\":0,\"max\":0,\"current\":0,\"state\":\"done\"}")
                        : STR("{\"min\":0,\"max\":1,\"current\":0,\"state\":\"in progress\"}"));
    return ST_OK;
}

/* --- status/tsdb --- */

static void write_head(struct json_writer *w, const struct series_stats *s)
{
    json_key(w, "headStats");
    json_object_begin(w);
    JSON_U64(w, "numSeries", s->series);
    JSON_U64(w, "numLabelPairs", s->label_pairs);
    JSON_U64(w, "chunkCount", s->part_files);
    json_key(w, "minTime");
    json_i64(w, s->min_time_ms);
    json_key(w, "maxTime");
    json_i64(w, s->max_time_ms);
    json_object_end(w);
}

static void write_tops(struct json_writer *w, const char *key, const struct series_top *tops,
                       uint32_t count)
{
    json_key(w, key);
    json_array_begin(w);
    for (uint32_t i = 0; i < count; i++) {
        json_object_begin(w);
        JSON_STR(w, "name", tops[i].name);
        JSON_U64(w, "value", tops[i].value);
        json_object_end(w);
    }
    json_array_end(w);
}

static enum status read_top_limit(const struct params *p, uint32_t *out, struct err *e)
{
    struct str text;
    uint64_t limit;
    *out = TOPS_DEFAULT;
    if (!params_find(p, "limit", &text) || !text.len)
        return ST_OK;
    if (!str_to_u64(text, &limit) || limit < 1)
        return err_set(e, ST_INVALID, "limit must be a positive number");
    if (limit > TOPS_MAX)
        return err_set(e, ST_INVALID, "limit must not exceed %d", TOPS_MAX);
    *out = (uint32_t)limit;
    return ST_OK;
}

enum status prom_tsdb(struct request *r, struct http_response *out, struct err *e)
{
    struct json_writer w;
    struct series_stats stats = {0};
    struct series_tops tops = {0};
    uint32_t limit;
    TRY(read_top_limit(&r->params, &limit, e));
    if (r->config->series) {
        series_store_stats(r->config->series, &stats);
        TRY(series_store_tops(r->config->series, limit, r->arena, &tops, e));
    }
    prom_reply_begin(out, &w);
    json_object_begin(&w);
    write_head(&w, &stats);
    write_tops(&w, "seriesCountByMetricName", tops.series_by_metric, tops.series_by_metric_count);
    write_tops(&w, "labelValueCountByLabelName", tops.values_by_label, tops.values_by_label_count);
    write_tops(&w, "memoryInBytesByLabelName", tops.bytes_by_label, tops.bytes_by_label_count);
    write_tops(&w, "seriesCountByLabelValuePair", tops.series_by_pair, tops.series_by_pair_count);
    json_object_end(&w);
    prom_reply_end(&w, NULL);
    return ST_OK;
}
