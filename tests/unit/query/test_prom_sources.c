/* test_prom_sources.c - names over stored series and a second source; Prometheus' calls over a real
 * series store, also with every allocation failed. */
#include "query/prom_sources.h"
#include "model/series_hash.h"
#include "query/dispatch.h"
#include "support/alloc_walk.h"
#include "support/leak.h"
#include "support/temp_dir.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define L(n, v)                                                                                    \
    {                                                                                              \
        STR(n), STR(v)                                                                             \
    }
#define AT_MS INT64_C(1700000000000)

static struct label up_a[] = {L("__name__", "up"), L("job", "a")};
static struct label up_b[] = {L("__name__", "up"), L("job", "b")};
static struct label load[] = {L("__name__", "load"), L("zone", "z")};
static struct label up_c[] = {L("__name__", "up"), L("job", "c"), L("site", "s")};
static struct label *const stored[] = {up_a, up_b, load};
/* The second source has one of the stored ones, and one of its own. */
static struct label_set made[] = {{up_c, 3}, {up_b, 2}};

struct world {
    struct temp_dir dir;
    struct store *store;
    struct account *account;
    struct budget budget;
    struct series_store *series;
};

static void write_samples(struct world *w)
{
    struct batch *b = batch_new();
    struct metric_batch *m = arena_calloc(&b->arena, 1, sizeof(*m));
    m->series = arena_calloc(&b->arena, LEN(stored), sizeof(*m->series));
    for (size_t i = 0; i < LEN(stored); i++) {
        struct label_set labels = {stored[i], 2};
        struct sample *sample = arena_calloc(&b->arena, 1, sizeof(*sample));
        *sample = (struct sample){.time_ms = AT_MS - 1000, .value = (double)i};
        m->series[m->series_count++] =
            (struct metric_series){.labels = labels,
                                   .hash = series_hash(labels, store_seed(w->store)),
                                   .samples = sample,
                                   .sample_count = 1,
                                   .item_count = 1};
    }
    b->signal = BATCH_METRICS;
    b->encoding = ENCODING_REMOTE_WRITE_1;
    b->arrival_ns = (uint64_t)AT_MS * NS_PER_MS;
    b->sequence = 1;
    b->received = LEN(stored);
    b->metrics = m;
    series_store_batch(w->series, b);
}

static struct world world_open(void)
{
    struct world w = {.dir = temp_dir_make(), .budget.limit = GIB};
    struct err e = {0};
    uint64_t position;
    struct store_config store = {.directory = str_from_c(w.dir.path)};
    cr_assert(eq(int, store_open(&store, &w.store, &e), ST_OK), "%s", e.msg);
    w.account = account_new();
    struct series_store_config config = {
        .store = w.store, .account = w.account, .budget = &w.budget};
    cr_assert(eq(int, series_store_open(&config, &w.series, &position, &e), ST_OK), "%s", e.msg);
    return w;
}

static void world_close(struct world *w)
{
    series_store_stop(w->series);
    series_store_close(w->series);
    store_close(w->store);
    account_free(w->account);
    temp_dir_remove(&w->dir);
}

/* --- two sources --- */

static enum status select_made(void *self, const struct series_request *request,
                               struct series_list *out, struct query_budget *budget,
                               struct annotations *notes, struct err *e)
{
    struct series_data *items =
        arena_calloc(request->arena, out->count + LEN(made), sizeof(*items));
    (void)self, (void)budget, (void)notes, (void)e;
    if (!items)
        return err_set(e, ST_NO_MEMORY, "no memory");
    if (out->count)
        memcpy(items, out->items, out->count * sizeof(*items));
    out->items = items;
    out->cap = out->count + LEN(made);
    for (size_t i = 0; i < LEN(made); i++)
        if (label_matchers_accept(request->matchers, request->matcher_count, made[i]))
            items[out->count++] = (struct series_data){.labels = made[i]};
    return ST_OK;
}

struct names_world {
    struct arena arena;
    struct params params;
    struct prom_selectors selectors;
    struct prom_sources sources;
    struct query_budget budget;
    struct annotations notes;
    struct prom_names_request request;
};

static void ask_begin(struct names_world *n, struct world *w, const char *query)
{
    struct query_config config = {.series = w->series};
    struct err e = {0};
    *n = (struct names_world){0};
    cr_assert(eq(int,
                 params_parse_lax((struct str){0}, str_from_c(query), &n->arena, 0, &n->params, &e),
                 ST_OK));
    cr_assert(eq(int, prom_param_selectors(&n->params, &n->selectors, &e), ST_OK), "%s", e.msg);
    cr_assert(eq(int, prom_sources_open(&config, NULL, &n->sources, &e), ST_OK), "%s", e.msg);
    n->sources.items[n->sources.count++] = (struct series_source){.select = select_made};
    annotations_init(&n->notes, &n->arena, (struct str){0});
    n->request = (struct prom_names_request){.selectors = &n->selectors,
                                             .start_ms = PROM_TIME_MIN_MS,
                                             .end_ms = PROM_TIME_MAX_MS,
                                             .arena = &n->arena,
                                             .budget = &n->budget,
                                             .notes = &n->notes};
}

static void ask_end(struct names_world *n)
{
    prom_sources_close(&n->sources);
    prom_selectors_deinit(&n->selectors);
    arena_deinit(&n->arena);
}

static const struct {
    const char *query, *label, *want; /* names joined by blanks */
} names[] = {
    {"", "", "__name__ job site zone "},
    {"", "job", "a b c "},
    {"match[]=up", "", "__name__ job site "},
    {"match[]=up", "__name__", "up "},
    {"match[]=up&match[]=load", "__name__", "load up "},
    {"match[]=load", "job", ""},
    {"match[]={site!=\"\"}", "job", "c "},
    {"match[]={job=~\"a|b\"}", "job", "a b "},
};

Test(prom_sources, names_are_joined_sorted_and_distinct)
{
    struct world w = world_open();
    write_samples(&w);
    for (size_t i = 0; i < LEN(names); i++) {
        struct names_world n;
        struct prom_names got;
        struct err e = {0};
        struct buf text = {0};
        ask_begin(&n, &w, names[i].query);
        cr_assert(
            eq(int,
               prom_sources_labels(&n.sources, &n.request, str_from_c(names[i].label), &got, &e),
               ST_OK),
            "%s", e.msg);
        for (uint32_t k = 0; k < got.count; k++)
            buf_printf(&text, "%.*s ", STR_ARG(got.items[k]));
        cr_expect(str_eq(buf_str(&text), str_from_c(names[i].want)), "%s %s: %.*s", names[i].query,
                  names[i].label, STR_ARG(buf_str(&text)));
        buf_deinit(&text);
        ask_end(&n);
    }
    world_close(&w);
    EXPECT_NO_LEAK();
}

Test(prom_sources, series_are_joined_sorted_and_distinct)
{
    struct world w = world_open();
    struct names_world n;
    struct series_list list = {0};
    struct err e = {0};
    write_samples(&w);
    ask_begin(&n, &w, "match[]=up&match[]={job!=\"\"}");
    cr_assert(eq(int, prom_sources_series(&n.sources, &n.request, &list, &e), ST_OK), "%s", e.msg);
    cr_assert(eq(u32, list.count, 3));
    for (uint32_t i = 0; i < 3; i++) {
        char want[] = {(char)('a' + i), 0};
        cr_expect(str_eq(label_set_get(list.items[i].labels, STR("job")), str_from_c(want)));
    }
    ask_end(&n);
    world_close(&w);
    EXPECT_NO_LEAK();
}

/* --- over the dispatcher --- */

static const struct {
    const char *path, *query, *body;
} rows[] = {
    {"/api/v1/query", "query=sum(up)&time=1700000000",
     "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{},"
     "\"value\":[1700000000,\"1\"]}]}}"},
    {"/api/v1/query_range", "query=load&start=1700000000&end=1700000600&step=300",
     "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{"
     "\"__name__\":\"load\",\"zone\":\"z\"},\"values\":[[1700000000,\"2\"]]}]}}"},
    {"/api/v1/query", "query=up&time=1700000000&limit=1",
     "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{"
     "\"__name__\":\"up\",\"job\":\"a\"},\"value\":[1700000000,\"0\"]}]},\"warnings\":[\"results "
     "truncated due to limit\"]}"},
    {"/api/v1/series", "match[]=up&match[]=load",
     "{\"status\":\"success\",\"data\":[{\"__name__\":\"load\",\"zone\":\"z\"},{\"__name__\":\"up\""
     ",\"job\":\"a\"},{\"__name__\":\"up\",\"job\":\"b\"}]}"},
    {"/api/v1/series", "match[]=up&end=1600000000", "{\"status\":\"success\",\"data\":[]}"},
    {"/api/v1/labels", "match[]=load&limit=1",
     "{\"status\":\"success\",\"data\":[\"__name__\"],\"warnings\":[\"results truncated due to "
     "limit\"]}"},
    {"/api/v1/label/job/values", "", "{\"status\":\"success\",\"data\":[\"a\",\"b\"]}"},
};

static struct http_response ask(struct dispatcher *d, size_t row)
{
    struct question q = {.method = STR("GET"),
                         .path = str_from_c(rows[row].path),
                         .query = str_from_c(rows[row].query)};
    struct http_response out = {0};
    struct arena arena = {0};
    if (!dispatch_quick(d, &q, &out))
        dispatch_full(d, &q, &arena, &out);
    arena_deinit(&arena);
    return out;
}

Test(prom_sources, calls_over_a_store)
{
    struct world w = world_open();
    struct dispatcher d = {.config.series = w.series};
    write_samples(&w);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct http_response out = ask(&d, i);
        cr_expect(str_eq(buf_str(&out.body), str_from_c(rows[i].body)), "%s?%s: %.*s", rows[i].path,
                  rows[i].query, STR_ARG(buf_str(&out.body)));
        buf_deinit(&out.body);
    }
    world_close(&w);
    EXPECT_NO_LEAK();
}

Test(prom_sources, short_memory_is_an_answer_too)
{
    struct world w = world_open();
    struct dispatcher d = {.config.series = w.series};
    write_samples(&w);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct alloc_walk walk = {0};
        while (alloc_walk_next(&walk)) {
            struct http_response out = ask(&d, i);
            cr_expect(out.status == 200 || out.status == 503, "%s: %u", rows[i].path, out.status);
            buf_deinit(&out.body);
        }
        cr_expect(walk.failures > 3, "%s", rows[i].path);
    }
    world_close(&w);
    EXPECT_NO_LEAK();
}
