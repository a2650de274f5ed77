/* test_derived_windows.c - what is left out of derived series changes no answer: random traffic,
 * expressions and steps, asked of all samples and of those that the windows need. */
#include "query/derived_ask.h"
#include "query/derived_rows.h"
#include "query/promql_eval.h"
#include "storage/edge_merge_job.h"
#include "support/leak.h"
#include "tests/unit/query/world.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

enum { SPAN_S = 5 * 3600, START_S = 1700000000 / 86400 * 86400 + 7200, PARTS = 4, EDGES = 6 };

static uint64_t state;

static uint64_t next_random(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

/* --- traffic --- */

/* Runs and gaps; many gaps about as long as a series stays flat. */
static uint64_t next_gap_s(unsigned edge)
{
    switch (next_random(edge % 3 ? 12 : 60)) {
    case 0:
        return 285 + 15 * next_random(6);
    case 1:
        return 15 * next_random(200);
    default:
        return edge == 5 ? 15 * next_random(60) : 15;
    }
}

static void add_edge(struct world *w, unsigned edge, unsigned part)
{
    static const char *const clients[] = {"shop/web", "shop/web", "pay/api",
                                          "user",     "shop/web", "eu/web"};
    static const char *const servers[] = {"shop/cart", "pay/api",  "pay/bank",
                                          "shop/web",  "ext:mail", "shop/cart"};
    for (uint64_t at = START_S + 15 * next_random(900); at < START_S + SPAN_S;
         at += next_gap_s(edge)) {
        /* Now and then a side was not seen, or something comes late: in another part. */
        if (next_random(PARTS) != part && next_random(8))
            continue;
        bool is_error = next_random(5) == 0;
        struct call c = {.client = clients[edge],
                         .server = servers[edge],
                         .code = edge % 2   ? NULL
                                 : is_error ? "!"
                                            : "",
                         .count = 1 + next_random(4),
                         .error = is_error,
                         .client_ms = next_random(6) ? (double)next_random(900) / 7 : -1,
                         .server_ms = next_random(4) ? (double)next_random(300) / 7 : -1,
                         .client_version = next_random(2) ? "v1" : "v2",
                         .attempts = 1 + next_random(2),
                         .weight = next_random(3) ? 0 : 3.7,
                         .time_s = at};
        world_add(w, &c);
    }
}

/* Parts as the store has them: whole pyramids, one without the fine tiles of joint rows, a head. */
struct mesh {
    struct world worlds[PARTS];
    struct edge_part *parts[PARTS];
    struct edge_view view;
};

static struct edge_part *without_fine_tiles(struct edge_part *whole)
{
    struct merge_cut cut = {.from_s[1] = {[TIER_15S] = TIER_ABSENT, [TIER_5M] = TIER_ABSENT}};
    struct edge_part *parts[] = {whole}, *out;
    struct buf bytes = {0};
    uint64_t lost = 0;
    cr_assert(eq(int, merge_parts(parts, 1, &cut, &bytes, &lost, NULL), ST_OK));
    cr_assert(eq(int, edge_part_open_memory(&bytes, &out, NULL), ST_OK));
    edge_part_unref(whole);
    return out;
}

static void mesh_init_empty(struct mesh *m)
{
    for (unsigned i = 0; i < PARTS; i++)
        world_init(&m->worlds[i]);
}

static void mesh_seal(struct mesh *m)
{
    for (unsigned i = 0; i < PARTS; i++) {
        struct buf bytes = {0};
        cr_assert(eq(int, edge_part_encode(m->worlds[i].cells, i > 0, &bytes, NULL), ST_OK));
        cr_assert(eq(int, edge_part_open_memory(&bytes, &m->parts[i], NULL), ST_OK));
    }
    m->view = (struct edge_view){
        .parts = m->parts, .part_count = PARTS, .registry = m->worlds[0].registry};
}

static void mesh_init(struct mesh *m, bool is_old)
{
    mesh_init_empty(m);
    for (unsigned i = 0; i < PARTS; i++)
        for (unsigned edge = 0; edge < EDGES; edge++)
            add_edge(&m->worlds[i], edge, i);
    mesh_seal(m);
    if (is_old)
        m->parts[1] = without_fine_tiles(m->parts[1]);
}

static void mesh_deinit(struct mesh *m)
{
    for (unsigned i = 0; i < PARTS; i++) {
        edge_part_unref(m->parts[i]);
        world_deinit(&m->worlds[i]);
    }
}

/* --- asking --- */

struct mesh_source {
    struct mesh *mesh;
    bool gives_all; /* whatever the windows are, and all histograms at once */
    uint64_t samples;
};

static enum status select_mesh(void *self, const struct series_request *request,
                               struct series_list *out, struct query_budget *budget,
                               struct annotations *notes, struct err *e)
{
    struct mesh_source *m = self;
    struct derived_settings settings = {.buckets = {0.005, 0.02, 0.0625, 0.1}, .bucket_count = 4};
    struct series_request r = *request;
    struct derived_ask ask;
    uint64_t lost = 0;
    bool wanted;
    (void)notes;
    if (m->gives_all) {
        r.windows = (struct series_windows){0};
        r.takes_later = false;
    }
    TRY(derived_ask_make(&settings, &r, &ask, &wanted, e));
    for (unsigned rows = 0; wanted && rows < ROWS_COUNT; rows++) {
        unsigned sections = derived_ask_sections(&ask, (enum derived_rows)rows);
        if (sections)
            TRY(derived_rows_select(&ask, (enum derived_rows)rows, sections, &m->mesh->view, out,
                                    budget, &lost, e));
    }
    for (uint32_t i = 0; i < out->count; i++)
        m->samples += out->items[i].sample_count;
    return ST_OK;
}

struct asking {
    struct arena arena;
    struct promql_result result;
    uint64_t samples;
};

static void ask(struct mesh *mesh, bool gives_all, const char *text, const struct promql_query *q,
                struct asking *a)
{
    struct mesh_source mine = {mesh, gives_all, 0};
    struct series_source source = {select_mesh, &mine};
    struct series_sources sources = {&source, 1};
    struct query_budget budget = {0};
    struct promql_node *root = NULL;
    struct annotations notes;
    struct err e = {0};
    *a = (struct asking){0};
    annotations_init(&notes, &a->arena, str_from_c(text));
    cr_assert(eq(int, promql_parse(str_from_c(text), &a->arena, &root, &e), ST_OK), "%s: %s", text,
              e.msg);
    cr_assert(eq(int, promql_resolve(root, q->start_ms, q->end_ms, q->step_ms, &e), ST_OK), "%s",
              text);
    cr_assert(
        eq(int, promql_eval(root, q, &sources, &budget, &notes, &a->arena, &a->result, &e), ST_OK),
        "%s: %s", text, e.msg);
    a->samples = mine.samples;
    promql_free(root);
}

static bool points_eq(const struct promql_series *a, const struct promql_series *b)
{
    size_t bytes = a->point_count * sizeof(double);
    if (!label_set_eq(a->labels, b->labels) || a->point_count != b->point_count ||
        memcmp(a->times_ms, b->times_ms, bytes) != 0 || !a->histograms != !b->histograms)
        return false;
    for (uint32_t i = 0; i < a->point_count; i++) {
        const struct native_histogram *x = a->histograms ? a->histograms[i] : NULL;
        const struct native_histogram *y = b->histograms ? b->histograms[i] : NULL;
        if (!x != !y || (x && !native_histogram_equal(x, y)))
            return false;
        if (!x && memcmp(&a->values[i], &b->values[i], sizeof(double)) != 0)
            return false;
    }
    return true;
}

static void expect_same(struct mesh *mesh, const char *text, const struct promql_query *q)
{
    struct asking all, few;
    ask(mesh, true, text, q, &all);
    ask(mesh, false, text, q, &few);
    cr_assert(eq(u32, all.result.series_count, few.result.series_count),
              "%s from %lld to %lld by %lld", text, (long long)q->start_ms, (long long)q->end_ms,
              (long long)q->step_ms);
    for (uint32_t i = 0; i < all.result.series_count; i++)
        cr_assert(points_eq(&all.result.series[i], &few.result.series[i]),
                  "series %u of %s from %lld to %lld by %lld", i, text, (long long)q->start_ms,
                  (long long)q->end_ms, (long long)q->step_ms);
    cr_expect(le(u64, few.samples, all.samples), "%s", text);
    arena_deinit(&all.arena);
    arena_deinit(&few.arena);
}

/* --- expressions --- */

static const char *const ranged[] = {
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "resets",
    "changes",
    "count_over_time",
    "sum_over_time",
    "avg_over_time",
    "max_over_time",
    "min_over_time",
    "last_over_time",
    "first_over_time",
    "present_over_time",
    "ts_of_first_over_time",
    "deriv",
    "ts_of_last_over_time",
    "stddev_over_time",
    "ts_of_max_over_time",
};
static const char *const metrics[] = {
    "traces_service_graph_request_total",
    "traces_service_graph_request_failed_total",
    "traces_service_graph_request_server_seconds_bucket",
    "traces_service_graph_request_client_seconds_sum",
    "traces_service_graph_request_server_seconds_count",
    "traces_service_graph_connection_info",
    "traces_spanmetrics_calls_total",
    "traces_spanmetrics_latency_bucket{le=\"0.02\"}",
    "traces_spanmetrics_latency_count",
    "weft_edge_requests_total",
    "weft_edge_request_bytes_total",
    "weft_request_duration_seconds",
};

static void make_expression(char *text, size_t cap)
{
    const char *metric = metrics[next_random(LEN(metrics))];
    const char *function = ranged[next_random(LEN(ranged))];
    static const unsigned ranges_s[] = {7, 15, 20, 40, 60, 300, 333, 1800, 3600, 7200};
    unsigned range_s = ranges_s[next_random(LEN(ranges_s))];
    int offset_s = (int)next_random(1000) - 300;
    switch (next_random(11)) {
    case 0:
        snprintf(text, cap, "%s", metric);
        return;
    case 1:
        snprintf(text, cap, "%s offset %ds", metric, offset_s);
        return;
    case 2:
        snprintf(text, cap, "%s(%s[%us] offset %ds)", function, metric, range_s, offset_s);
        return;
    case 3:
        snprintf(text, cap, "%s(%s[%us] @ %u)", function, metric, range_s,
                 START_S + (unsigned)next_random(SPAN_S));
        return;
    case 4:
        snprintf(text, cap, "max_over_time(rate(%s[%us])[10m:%us])", metric, range_s,
                 10 + (unsigned)next_random(200));
        return;
    case 5:
        snprintf(text, cap, "%s(%s[%us:%us])", function, metric, range_s,
                 1 + (unsigned)next_random(100));
        return;
    case 6:
        snprintf(text, cap, "timestamp(%s) or absent(%s)", metric, metric);
        return;
    case 7:
        snprintf(text, cap, "absent_over_time(%s[%us])", metric, range_s);
        return;
    case 8:
        snprintf(text, cap, "%s by (client) (%s(%s[%us]))", next_random(2) ? "sum" : "avg",
                 function, metric, range_s);
        return;
    case 9:
        snprintf(
            text, cap,
            "histogram_quantile(0.9, sum by (server) (%s(weft_request_duration_seconds[%us])))",
            next_random(2) ? "rate" : "increase", range_s);
        return;
    default:
        snprintf(text, cap, "%s(%s[%us])", function, metric, range_s);
    }
}

static struct promql_query make_query(void)
{
    struct promql_query q = {.lookback_ms = 300000, .subquery_step_ms = 60000};
    static const int64_t steps_ms[] = {1000,   15000,  15001,  17000,   30000,  60000,
                                       299000, 300000, 777000, 3600000, 7200000};
    q.start_ms = (START_S - 1000 + (int64_t)next_random(SPAN_S)) * 1000;
    if (next_random(2))
        q.start_ms += (int64_t)next_random(1000);
    q.end_ms = q.start_ms;
    if (next_random(6) == 0)
        return q;
    q.step_ms = steps_ms[next_random(LEN(steps_ms))];
    q.end_ms += q.step_ms * (int64_t)next_random(q.step_ms < 20000 ? 300 : 40);
    if (next_random(3) == 0)
        q.lookback_ms = 1000 * (1 + (int64_t)next_random(400));
    return q;
}

static uint64_t samples_of(const struct asking *a)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < a->result.step_count; i++)
        all += a->result.step_samples[i];
    return all;
}

Test(derived_windows, samples_are_counted_as_if_none_were_left_out)
{
    static const char text[] = "increase(traces_service_graph_request_total[30m])";
    struct promql_query q = {.lookback_ms = 300000, .subquery_step_ms = 60000, .step_ms = 3600000};
    struct mesh mesh;
    struct asking all, few;
    q.start_ms = (START_S + 3600) * INT64_C(1000);
    q.end_ms = q.start_ms + q.step_ms;
    q.counts_samples = true;
    mesh_init(&mesh, false);
    ask(&mesh, true, text, &q, &all);
    ask(&mesh, false, text, &q, &few);
    cr_expect(samples_of(&all) > 0);
    cr_expect(eq(u64, samples_of(&few), samples_of(&all)));
    arena_deinit(&all.arena);
    arena_deinit(&few.arena);
    mesh_deinit(&mesh);
    EXPECT_NO_LEAK();
}

/* One series' histograms and one group are held at a time, of both nothing when they are done. */
Test(derived_windows, a_p99_holds_no_histograms_of_all_series)
{
    static const char text[] =
        "histogram_quantile(0.99, sum by (server) (rate(weft_request_duration_seconds[5m])))";
    struct promql_query q = {.lookback_ms = 300000, .subquery_step_ms = 60000, .step_ms = 60000};
    struct mesh mesh;
    struct asking all, few;
    state = 4;
    q.start_ms = (START_S + 600) * INT64_C(1000);
    q.end_ms = q.start_ms + 240 * q.step_ms;
    mesh_init(&mesh, false);
    ask(&mesh, true, text, &q, &all);
    ask(&mesh, false, text, &q, &few);
    cr_assert(few.result.series_count > 1);
    cr_expect(lt(sz, few.arena.used_bytes, all.arena.used_bytes / 10));
    arena_deinit(&all.arena);
    arena_deinit(&few.arena);
    mesh_deinit(&mesh);
    EXPECT_NO_LEAK();
}

static void expect_all_same(bool is_old, unsigned rounds, uint64_t seed)
{
    struct mesh mesh;
    state = seed;
    mesh_init(&mesh, is_old);
    for (unsigned i = 0; i < rounds; i++) {
        char text[300];
        make_expression(text, sizeof(text));
        struct promql_query q = make_query();
        expect_same(&mesh, text, &q);
    }
    mesh_deinit(&mesh);
    EXPECT_NO_LEAK();
}

Test(derived_windows, what_is_left_out_changes_no_answer, .timeout = 120)
{
    expect_all_same(false, 1500, 1);
}

Test(derived_windows, nor_when_tiles_are_coarse, .timeout = 120)
{
    expect_all_same(true, 1500, 2);
}

/* The value at the end, of the series of `in` that has these labels. */
static double last_value(const struct promql_result *in, struct label_set labels)
{
    for (uint32_t i = 0; i < in->series_count; i++) {
        const struct promql_series *s = &in->series[i];
        if (label_set_eq(s->labels, labels) && s->point_count > 0)
            return s->values[s->point_count - 1];
    }
    return -1;
}

/* What lies before the range is added up from the coarsest tiles, what is in it from fine ones. */
Test(derived_windows, a_value_does_not_depend_on_where_the_range_begins)
{
    static const char *const texts[] = {
        "sum by (status_code) (traces_spanmetrics_latency_count)",
        "sum by (status_code, span_kind, service) (traces_spanmetrics_latency_sum)",
        "sum by (status_code) (traces_spanmetrics_calls_total)",
    };
    struct promql_query late = {.lookback_ms = 300000, .subquery_step_ms = 60000};
    struct mesh mesh;
    state = 3;
    mesh_init(&mesh, false);
    for (size_t i = 0; i < LEN(texts); i++) {
        struct asking at_once, over_time;
        late.start_ms = late.end_ms = (START_S + 4 * 3600 + 45) * INT64_C(1000);
        struct promql_query early = late;
        early.step_ms = 60000;
        early.start_ms -= 200 * early.step_ms;
        ask(&mesh, true, texts[i], &late, &at_once);
        ask(&mesh, true, texts[i], &early, &over_time);
        cr_assert(at_once.result.series_count >= 2);
        for (uint32_t k = 0; k < at_once.result.series_count; k++) {
            const struct promql_series *s = &at_once.result.series[k];
            cr_expect(ieee_ulp_eq(dbl, s->values[0], last_value(&over_time.result, s->labels), 4),
                      "%s, series %u", texts[i], k);
        }
        arena_deinit(&at_once.arena);
        arena_deinit(&over_time.arena);
    }
    mesh_deinit(&mesh);
    EXPECT_NO_LEAK();
}

/* Late data: a part that ended before the range has minutes only, what came later lies beside it in
 * one of these minutes, within the range. */
Test(derived_windows, requests_before_the_range_count_once_beside_coarse_tiles)
{
    static const uint64_t times_s[] = {START_S + 3585, START_S + 3540, START_S + 4080};
    struct promql_query q = {.lookback_ms = 300000, .subquery_step_ms = 60000};
    struct mesh mesh;
    mesh_init_empty(&mesh);
    for (size_t i = 0; i < LEN(times_s); i++)
        world_add(&mesh.worlds[i], &(struct call){.client = "shop/web",
                                                  .server = "shop/cart",
                                                  .count = 1,
                                                  .time_s = times_s[i]});
    mesh_seal(&mesh);
    mesh.parts[1] = without_fine_tiles(mesh.parts[1]);
    for (uint64_t at_s = START_S + 4140; at_s <= START_S + 4380; at_s += 15) {
        struct asking a;
        q.start_ms = q.end_ms = (int64_t)at_s * 1000;
        ask(&mesh, true, "weft_edge_requests_total", &q, &a);
        cr_expect(eq(dbl, a.result.series[0].values[0], 3), "%llu", (unsigned long long)at_s);
        arena_deinit(&a.arena);
    }
    mesh_deinit(&mesh);
    EXPECT_NO_LEAK();
}

/* Selects all samples of the mesh's five hours under one name (and of one bound, unless it is
 * NULL), within the given limits. */
static enum status select_le(struct mesh *mesh, const char *metric, const char *le,
                             uint64_t samples_max, struct arena *arena, struct query_budget *budget,
                             struct series_list *list, struct err *e)
{
    struct mesh_source source = {.mesh = mesh, .gives_all = true};
    struct label_matcher matchers[] = {
        {.name = LABEL_METRIC_NAME, .value = str_from_c(metric), .op = MATCH_EQ},
        {.name = STR("le"), .value = str_from_c(le ? le : ""), .op = MATCH_EQ}};
    struct series_request r = {.matchers = matchers,
                               .matcher_count = le ? 2 : 1,
                               .start_ms = START_S * INT64_C(1000),
                               .end_ms = (START_S + SPAN_S) * INT64_C(1000),
                               .arena = arena,
                               .samples_max = samples_max};
    return select_mesh(&source, &r, list, budget, NULL, e);
}

static enum status select_all(struct mesh *mesh, const char *metric, uint64_t samples_max,
                              struct arena *arena, struct query_budget *budget, struct err *e)
{
    struct series_list list = {0};
    return select_le(mesh, metric, NULL, samples_max, arena, budget, &list, e);
}

/* Samples are made outside of the arena: there, too, they have its limits, and before the last of
 * them is made. */
Test(derived_windows, what_is_made_has_the_limits_of_the_query)
{
    static const char *const names[] = {"traces_spanmetrics_latency_bucket",
                                        "traces_service_graph_request_total",
                                        "weft_request_duration_seconds"};
    struct mesh mesh;
    state = 5;
    mesh_init(&mesh, false);
    for (size_t i = 0; i < LEN(names); i++) {
        struct arena free = {0}, small = {.limit_bytes = 32 * KIB}, poor = {.budget_percent = 100};
        struct budget budget = {.limit = 128 * KIB};
        struct query_budget endless = {0}, late = {.deadline_mono_ns = 1};
        struct err e = {0};
        poor.budget = &budget;
        cr_expect(eq(int, select_all(&mesh, names[i], 0, &free, &endless, &e), ST_OK), "%s", e.msg);
        cr_expect(eq(int, select_all(&mesh, names[i], 1000, &free, &endless, &e), ST_QUERY));
        cr_expect(eq(str, e.msg, "the query would load more than 1000 samples"));
        cr_expect(ne(int, select_all(&mesh, names[i], 0, &small, &endless, &e), ST_OK));
        cr_expect(eq(int, select_all(&mesh, names[i], 0, &poor, &endless, &e), ST_NO_MEMORY));
        cr_expect(poor.is_refused);
        cr_expect(eq(int, select_all(&mesh, names[i], 0, &free, &late, &e), ST_TIMEOUT));
        arena_deinit(&free);
        arena_deinit(&small);
        arena_deinit(&poor);
        cr_expect(eq(u64, budget_used(&budget), 0));
    }
    mesh_deinit(&mesh);
    EXPECT_NO_LEAK();
}

/* Whoever asks for counts does not pay for the buckets beside them. */
Test(derived_windows, counts_are_made_without_buckets)
{
    struct budget budget = {.limit = 1 * GIB};
    struct arena counts = {.budget = &budget, .budget_percent = 100}, buckets = counts;
    struct query_budget endless = {0};
    struct mesh mesh;
    struct err e;
    state = 6;
    mesh_init(&mesh, false);
    cr_expect(eq(int,
                 select_all(&mesh, "traces_spanmetrics_latency_count", 0, &counts, &endless, &e),
                 ST_OK));
    cr_expect(eq(int,
                 select_all(&mesh, "traces_spanmetrics_latency_bucket", 0, &buckets, &endless, &e),
                 ST_OK));
    cr_expect(lt(sz, counts.most_bytes, buckets.most_bytes * 2 / 3));
    arena_deinit(&counts);
    arena_deinit(&buckets);
    mesh_deinit(&mesh);
    EXPECT_NO_LEAK();
}

static const struct series_data *series_of(const struct series_list *list, struct label_set labels)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (label_set_eq(list->items[i].labels, labels))
            return &list->items[i];
    return NULL;
}

/* Who asks for one bound does not pay for the others, and gets what stands among them. */
Test(derived_windows, a_bound_is_made_without_the_others)
{
    static const struct {
        const char *metric, *le;
    } rows[] = {{"traces_spanmetrics_latency_bucket", "0.0625"},
                {"traces_service_graph_request_server_seconds_bucket", "+Inf"},
                {"traces_span_metrics_duration_milliseconds_bucket", "20"}};
    struct budget budget = {.limit = 1 * GIB};
    struct query_budget endless = {0};
    struct mesh mesh;
    struct err e = {0};
    state = 7;
    mesh_init(&mesh, false);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena one = {.budget = &budget, .budget_percent = 100}, every = one;
        struct series_list some = {0}, all = {0};
        cr_assert(eq(int,
                     select_le(&mesh, rows[i].metric, rows[i].le, 0, &one, &endless, &some, &e),
                     ST_OK),
                  "%s", e.msg);
        cr_assert(
            eq(int, select_le(&mesh, rows[i].metric, NULL, 0, &every, &endless, &all, &e), ST_OK),
            "%s", e.msg);
        cr_expect(some.count > 0, "%s", rows[i].metric);
        cr_expect(lt(sz, one.most_bytes, every.most_bytes * 2 / 3), "%s", rows[i].metric);
        for (uint32_t k = 0; k < some.count; k++) {
            const struct series_data *there = series_of(&all, some.items[k].labels);
            cr_assert(there && there->sample_count == some.items[k].sample_count);
            cr_expect(memcmp(there->values, some.items[k].values,
                             there->sample_count * sizeof(double)) == 0);
        }
        arena_deinit(&one);
        arena_deinit(&every);
    }
    mesh_deinit(&mesh);
    EXPECT_NO_LEAK();
}
