/* query.c - joins the HTTP listener and the pool: the loop decides what is quick, a pool thread
 * computes the rest. */
#include "query/query.h"
#include "base/mem.h"
#include "query/derived_series.h"
#include "query/dispatch.h"
#include "query/metrics_table.h"
#include "query/pool.h"
#include "query/prom_reply.h"
#include "query/query_series.h"
#include "query/route.h"

enum { DEFAULT_THREADS = 3, MAX_WAITING = 1024, DEFAULT_QUERY_BYTES = 64 * MIB };
/* Questions leave the rest of the memory budget to senders that never send again what was refused.
 * Small ones do not ask it, so that the account and the graph are there when memory is used up. */
enum { BUDGET_PERCENT = 85, UNPAID_BYTES = 1 * MIB };

struct query {
    struct dispatcher dispatcher;
    struct pool *pool; /* owned */
};

struct query_job {
    struct pool_job job;
    struct query *query;     /* borrowed */
    struct http_exchange *x; /* ends with the reply */
};

static bool has_form(const struct http_exchange *x)
{
    struct str type, parameters;
    str_cut(http_header(x, "Content-Type"), ';', &type, &parameters);
    return str_eq_nocase(str_trim(type), STR("application/x-www-form-urlencoded"));
}

static struct question question_of(const struct http_exchange *x)
{
    return (struct question){.method = http_method(x),
                             .path = http_path(x),
                             .query = http_query(x),
                             .form = has_form(x) ? http_body(x) : (struct str){0},
                             .origin = http_header(x, "Origin"),
                             .accept = http_header(x, "Accept"),
                             .accept_encoding = http_header(x, "Accept-Encoding"),
                             .if_none_match = http_header(x, "If-None-Match")};
}

static void run_job(struct pool_job *job, struct arena *arena)
{
    struct query_job *j = CONTAINER_OF(job, struct query_job, job);
    struct http_response response = {0};
    struct question question = question_of(j->x);
    dispatch_full(&j->query->dispatcher, &question, arena, &response);
    http_reply(j->x, &response);
    mem_free(j);
}

static bool post(struct query *q, struct http_exchange *x)
{
    struct query_job *j = mem_alloc(sizeof(*j));
    if (!j)
        return false;
    /* Queries of any length must not keep the page and its graph waiting. */
    *j = (struct query_job){
        .job = {.run = run_job, .is_long = route_is_long(http_path(x))}, .query = q, .x = x};
    if (pool_post(q->pool, &j->job))
        return true;
    mem_free(j);
    return false;
}

void query_http(struct http_exchange *x, void *user)
{
    struct query *q = user;
    struct http_response response = {0};
    struct question question = question_of(x);
    if (!dispatch_quick(&q->dispatcher, &question, &response)) {
        if (post(q, x))
            return;
        struct err e;
        err_set(&e, ST_BUSY, "too many questions are waiting: try again later");
        if (route_is_prom(question.path))
            prom_reply_error(&response, &e);
        else
            reply_error(&response, &e);
    }
    http_reply(x, &response);
}

enum status query_new(const struct query_config *config, struct query **out, struct err *e)
{
    struct query *q = *out = mem_calloc(1, sizeof(*q));
    if (!q)
        return err_set(e, ST_NO_MEMORY, "no memory for the query side");
    dispatcher_init(&q->dispatcher);
    q->dispatcher.config = *config;
    q->dispatcher.live.store = config->store;
    unsigned threads = config->threads ? config->threads : DEFAULT_THREADS;
    struct arena arena = {.limit_bytes =
                              config->query_bytes ? config->query_bytes : DEFAULT_QUERY_BYTES,
                          .budget = config->budget,
                          .budget_percent = BUDGET_PERCENT,
                          .unpaid_bytes = UNPAID_BYTES};
    enum status status = pool_new(threads, MAX_WAITING, &arena, &q->pool, e);
    if (status != ST_OK) {
        dispatcher_deinit(&q->dispatcher);
        mem_free(q);
        *out = NULL;
    }
    return status;
}

void query_set_graph(struct query *q, const struct graph_settings *graph)
{
    dispatcher_set_graph(&q->dispatcher, graph);
}

enum status query_derived_select(struct query *q, const struct series_request *request,
                                 struct series_list *out, struct err *e)
{
    struct derived_series derived = {.live = &q->dispatcher.live,
                                     .settings = q->dispatcher.config.derived};
    struct series_source source = derived_series_source(&derived);
    struct query_budget budget = {.samples_max =
                                      request->samples_max ? request->samples_max : UINT64_MAX};
    struct annotations *notes = arena_alloc(request->arena, sizeof(*notes));
    if (!notes)
        return err_set(e, ST_NO_MEMORY, "no memory for derived series");
    annotations_init(notes, request->arena, STR(""));
    enum status status = source.select(source.self, request, out, &budget, notes, e);
    derived_series_close(&derived);
    return status;
}

struct metrics_walk {
    query_metric_fn *each;
    void *user;
};

static void walk_sample(const struct metric_out *out, struct label_set labels, double value)
{
    const struct metrics_walk *walk = out->user;
    bool is_counter = str_eq(str_from_c(out->metric->type), STR("counter"));
    struct metric_metadata m = {.metric = str_from_c(out->metric->name),
                                .help = str_from_c(out->metric->help),
                                .type = is_counter ? METRIC_COUNTER : METRIC_GAUGE};
    walk->each(walk->user, &m, labels, value);
}

enum status query_metrics_each(struct query *q, struct arena *arena, query_metric_fn *each,
                               void *user, struct err *e)
{
    struct metric_facts facts;
    struct metrics_walk walk = {each, user};
    struct metric_out out = {.sample = walk_sample, .user = &walk};
    TRY(metrics_read(&q->dispatcher.config, arena, &facts, e));
    metrics_each(&facts, &out);
    return ST_OK;
}

void query_free(struct query *q)
{
    atomic_store(&q->dispatcher.ending, true);
    pool_free(q->pool);
    dispatcher_deinit(&q->dispatcher);
    mem_free(q);
}
