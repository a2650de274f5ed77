/* test_promql_bounds.c - whatever is asked of many series or many steps, the clock is looked at
 * before long. */
#include "query/promql_eval.h"
#include "base/clock.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <time.h>

enum { SERIES = 60000, LONG_SAMPLES = 300000 };

#define DEADLINE_NS (100 * NS_PER_MS)

/* `many`: SERIES series of one sample at 0, each value above the one before, le being its number.
 * `long`: one counter with a reset at its very start, a sample a second. */
static struct label *labels_of(struct arena *arena, struct str metric, struct str name,
                               struct str value)
{
    struct label *labels = arena_calloc(arena, 2, sizeof(*labels));
    cr_assert(labels != NULL);
    labels[0] = (struct label){LABEL_METRIC_NAME, metric};
    labels[1] = (struct label){name, value};
    return labels;
}

static struct series_data many_of(struct arena *arena, uint32_t number, const int64_t *times)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%u", number);
    struct str le = arena_dup_str(arena, (struct str){text, (size_t)len});
    double *value = arena_alloc(arena, sizeof(*value));
    cr_assert(value && le.ptr);
    *value = number;
    struct label *labels = labels_of(arena, STR("many"), STR("le"), le);
    return (struct series_data){
        .labels = {labels, 2}, .sample_count = 1, .times_ms = times, .values = value};
}

static struct series_data long_of(struct arena *arena)
{
    int64_t *times = arena_calloc(arena, LONG_SAMPLES, sizeof(*times));
    double *values = arena_calloc(arena, LONG_SAMPLES, sizeof(*values));
    cr_assert(times && values);
    for (int i = 0; i < LONG_SAMPLES; i++) {
        times[i] = i * INT64_C(1000);
        values[i] = i == 0 ? 5 : i;
    }
    struct label *labels = labels_of(arena, STR("long"), STR("a"), STR("b"));
    return (struct series_data){
        .labels = {labels, 2}, .sample_count = LONG_SAMPLES, .times_ms = times, .values = values};
}

static enum status select_made(void *self, const struct series_request *request,
                               struct series_list *out, struct query_budget *budget,
                               struct annotations *notes, struct err *e)
{
    (void)self, (void)budget, (void)notes, (void)e;
    bool is_many = label_matcher_accepts(&request->matchers[0], STR("many"));
    bool is_long = label_matcher_accepts(&request->matchers[0], STR("long"));
    uint32_t count = is_many ? SERIES : is_long ? 1 : 0;
    int64_t *times = arena_calloc(request->arena, 1, sizeof(*times));
    out->items = arena_calloc(request->arena, count, sizeof(*out->items));
    cr_assert(times && out->items);
    for (uint32_t i = 0; i < count; i++)
        out->items[out->count++] =
            is_many ? many_of(request->arena, i, times) : long_of(request->arena);
    out->cap = count;
    return ST_OK;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* How long the query works, its deadline being DEADLINE_NS away: CPU time, so that who else runs
 * does not count. */
static uint64_t work_ns(const char *text, int64_t end_ms, int64_t step_ms, enum status *status)
{
    static struct annotations notes; /* large */
    struct arena arena = {0};
    struct series_source source = {.select = select_made};
    struct series_sources sources = {&source, 1};
    struct promql_query q = {0, end_ms, step_ms, 300000, 60000};
    struct query_budget budget = {0};
    struct promql_result result;
    struct promql_node *root;
    struct err e;
    annotations_init(&notes, &arena, str_from_c(text));
    *status = promql_parse(str_from_c(text), &arena, &root, &e);
    cr_assert(eq(int, *status, ST_OK), "%s: %s", text, e.msg);
    uint64_t began = cpu_ns();
    budget.deadline_mono_ns = clock_mono_ns() + DEADLINE_NS;
    *status = promql_eval(root, &q, &sources, &budget, &notes, &arena, &result, &e);
    uint64_t used = cpu_ns() - began;
    promql_free(root);
    arena_deinit(&arena);
    return used;
}

/* Without looks inside their loops these took from half a second to hours. */
Test(promql_bounds, no_query_works_long_behind_its_deadline, .timeout = 60)
{
    static const struct {
        const char *query;
        int64_t end_ms, step_ms;
    } rows[] = {
        {"topk(1e9, many)", 0, 0},
        {"bottomk(1e9, -many)", 0, 0},
        {"none + on() many", 0, 0},
        {"none + on() many", 60000, 1000},
        {"quantile(0.5, many)", 250000, 1000},
        {"histogram_quantile(0.5, many)", 250000, 1000},
        {"rate(long[150000s])", 300000000, 30000},
        {"max_over_time(histogram_quantiles(none, \"q\", time())[5000h:3s])", 0, 0},
        {"max_over_time(histogram_quantile(time(), none)[5000h:3s])", 0, 0},
        {"max_over_time(sum(timestamp(many))[5000h:3s])", 0, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        enum status status;
        uint64_t used = work_ns(rows[i].query, rows[i].end_ms, rows[i].step_ms, &status);
        cr_expect(status == ST_OK || status == ST_TIMEOUT, "%s: %s", rows[i].query,
                  status_name(status));
        cr_expect(used < DEADLINE_NS + NS_PER_S / 2, "%s: %.1f s", rows[i].query,
                  (double)used / 1e9);
    }
    EXPECT_NO_LEAK();
}
