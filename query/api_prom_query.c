/* api_prom_query.c - /api/v1/query and /api/v1/query_range: one expression over one moment or many.
 */
#include "query/api.h"
#include "query/prom_reply.h"
#include "query/prom_names.h"
#include "base/clock.h"

/* Prometheus' defaults of query.max-samples, query.lookback-delta, of a subquery's step, and its
 * limit of points. */
enum {
    SAMPLES_MAX = 50000000,
    LOOKBACK_MS = 5 * 60 * 1000,
    SUBQUERY_STEP_MS = 60 * 1000,
    POINTS_MAX = 11000,
};

/* One question on its way; everything but `root` and `sources` is the arena's. */
struct run {
    struct request *r;
    struct str text;
    struct promql_query q;
    struct query_budget budget;
    struct annotations *notes;
    struct promql_node *root;
    struct prom_sources sources;
    struct promql_result result;
    uint64_t limit;
    struct str stats; /* empty: none are asked for */
    uint64_t began_ns, prepared_ns, evaluated_ns;
};

/* --- parameters --- */

static enum status read_budget(struct run *run, struct err *e)
{
    int64_t timeout_ns;
    struct str given;
    TRY(prom_param_duration_or_0(&run->r->params, "timeout", &timeout_ns, e));
    if (!params_find(&run->r->params, "timeout", &given) || !given.len ||
        timeout_ns > PROM_TIMEOUT_NS)
        timeout_ns = PROM_TIMEOUT_NS;
    run->began_ns = clock_mono_ns();
    run->budget = (struct query_budget){.deadline_mono_ns =
                                            run->began_ns + (uint64_t)MAX(timeout_ns, (int64_t)1),
                                        .ending = run->r->ending,
                                        .payer = run->r->arena,
                                        .samples_max = SAMPLES_MAX};
    return ST_OK;
}

static enum status read_lookback(struct run *run, struct err *e)
{
    struct str text;
    struct err inner = {0};
    int64_t ns = 0;
    if (params_find(&run->r->params, "lookback_delta", &text) && text.len &&
        prom_read_duration(text, &ns, &inner) != ST_OK)
        return err_set(e, ST_INVALID, "error parsing lookback delta duration: %s", inner.msg);
    int64_t ms = ns / (int64_t)NS_PER_MS;
    run->q.lookback_ms = ms > 0 ? ms : LOOKBACK_MS;
    return ST_OK;
}

/* What both calls take besides times. */
static enum status read_common(struct run *run, struct err *e)
{
    TRY(read_budget(run, e));
    TRY(read_lookback(run, e));
    run->q.subquery_step_ms = SUBQUERY_STEP_MS;
    params_find(&run->r->params, "query", &run->text);
    params_find(&run->r->params, "stats", &run->stats);
    run->q.counts_samples = run->stats.len > 0;
    return ST_OK;
}

static enum status read_instant(struct run *run, struct err *e)
{
    const struct params *p = &run->r->params;
    int64_t now_ms = (int64_t)(run->r->now_ns / NS_PER_MS);
    TRY(prom_param_limit(p, &run->limit, e));
    TRY(prom_param_time_or(p, "time", now_ms, &run->q.start_ms, e));
    run->q.end_ms = run->q.start_ms;
    return read_common(run, e);
}

static enum status read_step(struct run *run, struct err *e)
{
    int64_t step_ns;
    TRY(prom_param_duration(&run->r->params, "step", &step_ns, e));
    if (step_ns <= 0)
        return err_set(e, ST_INVALID,
                       "invalid parameter \"step\": zero or negative query resolution step widths "
                       "are not accepted. Try a positive integer");
    run->q.step_ms = MAX(step_ns / (int64_t)NS_PER_MS, (int64_t)1);
    /* Here a step of less than 1 ms still counts as what it is. */
    double steps = (double)(run->q.end_ms - run->q.start_ms) * (double)NS_PER_MS / (double)step_ns;
    if (steps >= POINTS_MAX + 1)
        return err_set(e, ST_INVALID,
                       "exceeded maximum resolution of 11,000 points per timeseries. Try "
                       "decreasing the query resolution (?step=XX)");
    return ST_OK;
}

static enum status read_range(struct run *run, struct err *e)
{
    const struct params *p = &run->r->params;
    TRY(prom_param_limit(p, &run->limit, e));
    TRY(prom_param_time(p, "start", &run->q.start_ms, e));
    TRY(prom_param_time(p, "end", &run->q.end_ms, e));
    if (run->q.end_ms < run->q.start_ms)
        return err_set(e, ST_INVALID,
                       "invalid parameter \"end\": end timestamp must not be before start time");
    TRY(read_step(run, e));
    return read_common(run, e);
}

/* --- from text to result --- */

/* What is wrong with the expression is told as a fault of the parameter. */
static enum status blame_query(enum status status, const struct err *inner, struct err *e)
{
    if (status == ST_INVALID)
        return err_set(e, status, "invalid parameter \"query\": %s", inner->msg);
    if (status != ST_OK)
        return err_set(e, status, "%s", inner->msg);
    return ST_OK;
}

static enum status prepare(struct run *run, struct err *e)
{
    TRY(promql_parse(run->text, run->r->arena, &run->root, e));
    return promql_resolve(run->root, run->q.start_ms, run->q.end_ms, run->q.step_ms, e);
}

static enum status evaluate(struct run *run, struct err *e)
{
    struct series_sources sources = prom_sources_list(&run->sources);
    return promql_eval(run->root, &run->q, &sources, &run->budget, run->notes, run->r->arena,
                       &run->result, e);
}

static enum status compute(struct run *run, struct err *e)
{
    struct err inner = {0};
    run->notes = arena_alloc(run->r->arena, sizeof(*run->notes));
    if (!run->notes)
        return err_set(e, ST_NO_MEMORY, "no memory for the query");
    annotations_init(run->notes, run->r->arena, run->text);
    TRY(blame_query(prepare(run, &inner), &inner, e));
    TRY(prom_sources_open(run->r->config, run->r->live, &run->sources, e));
    run->prepared_ns = clock_mono_ns();
    TRY(blame_query(evaluate(run, &inner), &inner, e));
    run->evaluated_ns = clock_mono_ns();
    return ST_OK;
}

/* --- the answer --- */

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

/* What each step looks at, or all together. */
static void write_samples(struct json_writer *w, const struct run *run, bool each_step)
{
    uint64_t all = 0;
    if (each_step) {
        json_key(w, "totalQueryableSamplesPerStep");
        json_array_begin(w);
    }
    for (uint32_t i = 0; i < run->result.step_count; i++) {
        all += run->result.step_samples[i];
        if (!each_step)
            continue;
        json_array_begin(w);
        prom_write_time(w, run->q.start_ms + (int64_t)i * run->q.step_ms);
        json_u64(w, run->result.step_samples[i]);
        json_array_end(w);
    }
    if (each_step)
        json_array_end(w);
    JSON_U64(w, "totalQueryableSamples", all);
    JSON_U64(w, "peakSamples", run->budget.samples_peak);
    JSON_U64(w, "samplesRead", run->budget.samples_read);
}

static void write_stats(struct json_writer *w, const struct run *run)
{
    if (!run->stats.len)
        return;
    json_key(w, "stats");
    json_object_begin(w);
    json_key(w, "timings");
    json_object_begin(w);
    JSON_DOUBLE(w, "evalTotalTime", seconds(run->evaluated_ns - run->prepared_ns));
    JSON_DOUBLE(w, "resultSortTime", 0);
    JSON_DOUBLE(w, "queryPreparationTime", seconds(run->prepared_ns - run->began_ns));
    JSON_DOUBLE(w, "innerEvalTime", seconds(run->evaluated_ns - run->prepared_ns));
    JSON_DOUBLE(w, "execQueueTime", 0);
    JSON_DOUBLE(w, "execTotalTime", seconds(run->evaluated_ns - run->began_ns));
    json_object_end(w);
    json_key(w, "samples");
    json_object_begin(w);
    write_samples(w, run, str_eq(run->stats, STR("all")));
    json_object_end(w);
    json_object_end(w);
}

static enum status write_answer(struct run *run, struct http_response *out, struct err *e)
{
    struct json_writer w;
    if (run->limit && run->result.series_count > run->limit)
        annotations_add_plain(run->notes, ANNOTATION_WARNING,
                              STR("results truncated due to limit"));
    prom_reply_begin(out, &w);
    json_object_begin(&w);
    TRY(prom_write_result(&w, &run->result, &run->q, run->limit, run->r->arena, e));
    write_stats(&w, run);
    json_object_end(&w);
    prom_reply_end(&w, run->notes);
    return ST_OK;
}

static enum status answer(struct run *run, struct http_response *out, struct err *e)
{
    enum status status = compute(run, e);
    if (status == ST_OK)
        status = write_answer(run, out, e);
    prom_sources_close(&run->sources);
    promql_free(run->root);
    return status;
}

enum status prom_query(struct request *r, struct http_response *out, struct err *e)
{
    struct run run = {.r = r};
    TRY(read_instant(&run, e));
    return answer(&run, out, e);
}

enum status prom_query_range(struct request *r, struct http_response *out, struct err *e)
{
    struct run run = {.r = r};
    TRY(read_range(&run, e));
    return answer(&run, out, e);
}
