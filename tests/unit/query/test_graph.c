/* test_graph.c - the graph and its edges: sums, joins, groups, filters, health, and what hostile
 * names become. */
#include "tests/unit/query/world.h"
#include "base/mem.h"
#include "support/leak.h"
#include <stdio.h>
#include <time.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* Three callers and two versions behind shop/cart; retries, a failing bank. */
static const struct call shop[] = {
    {.client = "user", .server = "shop/web", .count = 100, .client_ms = -1, .server_ms = 12},
    {.client = "shop/web",
     .server = "shop/cart",
     .client_version = "v1",
     .server_version = "v1",
     .operation = "GET /cart",
     .count = 90,
     .client_ms = 5,
     .server_ms = 4},
    {.client = "shop/web",
     .server = "shop/cart",
     .client_version = "v1",
     .server_version = "v2",
     .operation = "POST /cart",
     .count = 9,
     .client_ms = 9,
     .server_ms = 8,
     .attempts = 2,
     .flag = "URX"},
    {.client = "shop/web",
     .server = "shop/cart",
     .client_version = "v1",
     .server_version = "v2",
     .operation = "POST /cart",
     .count = 1,
     .error = true,
     .client_ms = 50,
     .server_ms = 49,
     .flag = "UF"},
    {.client = "shop/cart",
     .server = "bank/ledger",
     .protocol = "grpc",
     .client_version = "v1",
     .server_version = "",
     .operation = "Ledger/Post",
     .code = "grpc:0",
     .count = 40,
     .client_ms = 3,
     .server_ms = 2},
    {.client = "shop/cart",
     .server = "bank/ledger",
     .protocol = "tcp",
     .client_version = "v2",
     .server_version = "",
     .operation = "Ledger/Post",
     .code = "grpc:14",
     .error = true,
     .count = 10,
     .client_ms = 30,
     .server_ms = -1},
    {.client = "bank/ledger",
     .server = "ext:api.visa.example",
     .count = 20,
     .client_ms = 80,
     .server_ms = -1},
};

static void make_shop(struct world *w)
{
    world_init(w);
    for (size_t i = 0; i < LEN(shop); i++)
        world_add(w, &shop[i]);
    registry_note_alias(w->registry,
                        registry_note(w->registry,
                                      &(struct entity){.space = STR("shop"), .name = STR("cart")},
                                      &(struct variant){0}, STR(""), WORLD_NOW_S * NS_PER_S),
                        STR("cartservice"), WORLD_NOW_S * NS_PER_S);
    world_seal(w);
}

static void golden(struct world *w, const char *target, const char *name)
{
    struct http_response out = world_get(w, target);
    cr_expect(eq(uint, out.status, 200), "%s: %.*s", target, STR_ARG(out.body));
    expect_golden(&out.body, name);
    buf_deinit(&out.body);
}

/* The answer has the text in it. */
static void expect_says(struct world *w, const char *target, const char *text)
{
    struct http_response out = world_get(w, target);
    cr_expect(str_search(buf_str(&out.body), str_from_c(text)) < out.body.len, "%s: %.*s", target,
              STR_ARG(out.body));
    buf_deinit(&out.body);
}

Test(graph, golden_answers)
{
    static const struct {
        const char *target, *file;
    } rows[] = {
        {"/api/mesh/graph", "graph_service.json"},
        {"/api/mesh/graph?group=workload", "graph_workload.json"},
        {"/api/mesh/graph?group=version", "graph_version.json"},
        {"/api/mesh/graph?group=namespace", "graph_namespace.json"},
        {"/api/mesh/edge?client=shop/web&server=shop/cart&step=15", "edge.json"},
        {"/api/mesh/services", "services.json"},
        {"/api/mesh/services/shop%2Fcart", "service.json"},
        {"/api/mesh/percentiles?server=shop/cart&step=60", "percentiles.json"},
        {"/api/mesh/percentiles?by=server,version,operation,code&side=client&q=0,1",
         "percentiles_by.json"},
        /* a line of two protocols */
        {"/api/mesh/percentiles?server=bank/ledger&protocol=grpc&side=client&step=60",
         "percentiles_protocol.json"},
    };
    struct world w;
    make_shop(&w);
    for (size_t i = 0; i < LEN(rows); i++)
        golden(&w, rows[i].target, rows[i].file);
    world_deinit(&w);
}

/* That requests failed without a code shows in no code. */
Test(graph, requests_without_a_code_are_one_line)
{
    struct world w;
    world_init(&w);
    for (unsigned i = 0; i < 2; i++)
        world_add(&w, &(struct call){.client = "shop/web",
                                     .server = "shop/cart",
                                     .code = i ? "!" : "",
                                     .count = 3,
                                     .error = i,
                                     .client_ms = 5,
                                     .server_ms = -1});
    world_seal(&w);
    struct http_response out = world_get(&w, "/api/mesh/percentiles?by=code&side=client&q=0");
    struct str body = buf_str(&out.body);
    cr_expect(str_search(body, STR("{\"code\":\"\",\"count\":6,")) < body.len, "%.*s",
              STR_ARG(body));
    buf_deinit(&out.body);
    world_deinit(&w);
    EXPECT_NO_LEAK();
}

/* Of a caller and a server there is one edge, of the strongest protocol, whichever of its requests
 * are asked for. */
Test(graph, percentiles_know_the_protocol_of_the_edge)
{
    static const struct {
        const char *target, *series;
    } rows[] = {
        {"/api/mesh/percentiles?by=&protocol=grpc&operation=b", "\"series\":[{\"count\":3,"},
        {"/api/mesh/percentiles?by=&protocol=grpc&version=v2", "\"series\":[{\"count\":3,"},
        {"/api/mesh/percentiles?by=&protocol=tcp&operation=b", "\"series\":[]"},
        {"/api/mesh/percentiles?by=&protocol=grpc", "\"series\":[{\"count\":4,"},
    };
    struct world w;
    world_init(&w);
    for (unsigned i = 0; i < 2; i++)
        world_add(&w, &(struct call){.client = "shop/web",
                                     .server = "shop/cart",
                                     .protocol = i ? "tcp" : "grpc",
                                     .server_version = i ? "v2" : "v1",
                                     .operation = i ? "b" : "a",
                                     .count = i ? 3 : 1});
    world_seal(&w);
    for (size_t i = 0; i < LEN(rows); i++) {
        expect_says(&w, rows[i].target, rows[i].series);
    }
    world_deinit(&w);
    EXPECT_NO_LEAK();
}

/* "id id ..." of the edges of an answer, in its order. */
static void expect_edges(struct world *w, const char *target, const char *want)
{
    struct http_response out = world_get(w, target);
    struct buf ids = {0};
    struct str rest = buf_str(&out.body);
    size_t at = str_search(rest, STR("\"edges\":"));
    for (rest = str_sub(rest, at, rest.len);; rest = str_sub(rest, 1, rest.len)) {
        struct str mark = STR("{\"id\":\"");
        at = str_search(rest, mark);
        if (at == rest.len)
            break;
        rest = str_sub(rest, at + mark.len, rest.len);
        struct str id = str_sub(rest, 0, str_find(rest, '"'));
        buf_printf(&ids, "%s%.*s", ids.len ? " " : "", STR_ARG(id));
    }
    cr_expect(str_eq(buf_str(&ids), str_from_c(want)), "%s: %.*s", target, STR_ARG(ids));
    buf_deinit(&ids);
    buf_deinit(&out.body);
}

Test(graph, shows_what_is_asked)
{
#define USER_WEB    "user\\u003eshop/web\\u003ehttp"
#define WEB_CART    "shop/web\\u003eshop/cart\\u003ehttp"
#define CART_LEDGER "shop/cart\\u003ebank/ledger\\u003egrpc"
#define LEDGER_VISA "bank/ledger\\u003eapi.visa.example\\u003ehttp"
    static const struct {
        const char *target, *edges;
    } rows[] = {
        {"/api/mesh/graph", LEDGER_VISA " " CART_LEDGER " " WEB_CART " " USER_WEB},
        {"/api/mesh/graph?namespace=shop", CART_LEDGER " " WEB_CART " " USER_WEB},
        {"/api/mesh/graph?namespace=bank", LEDGER_VISA " " CART_LEDGER},
        {"/api/mesh/graph?namespace=bank&namespace=shop",
         LEDGER_VISA " " CART_LEDGER " " WEB_CART " " USER_WEB},
        {"/api/mesh/graph?namespace=nobody", ""},
        {"/api/mesh/graph?protocol=grpc", CART_LEDGER},
        {"/api/mesh/graph?protocol=tcp", ""},
        {"/api/mesh/graph?min_requests=50", CART_LEDGER " " WEB_CART " " USER_WEB},
        {"/api/mesh/graph?min_requests=51", WEB_CART " " USER_WEB},
        {"/api/mesh/graph?focus=shop/cart", CART_LEDGER " " WEB_CART},
        {"/api/mesh/graph?focus=shop/cart&depth=2",
         LEDGER_VISA " " CART_LEDGER " " WEB_CART " " USER_WEB},
        {"/api/mesh/graph?focus=user&depth=1", USER_WEB},
        {"/api/mesh/graph?focus=nobody&depth=5", ""},
        {"/api/mesh/graph?start=-2h&end=-1h", ""},
    };
    struct world w;
    make_shop(&w);
    for (size_t i = 0; i < LEN(rows); i++)
        expect_edges(&w, rows[i].target, rows[i].edges);
    world_deinit(&w);
}

Test(graph, warns_of_names_that_nothing_has)
{
    static const struct {
        const char *target, *warnings;
    } rows[] = {
        {"/api/mesh/graph?namespace=shop", "\"warnings\":[]"},
        {"/api/mesh/graph?namespace=shop&namespace=nobody",
         "\"warnings\":[\"namespace: nothing is in 'nobody'\"]"},
        {"/api/mesh/graph?focus=nobody",
         "\"warnings\":[\"focus: nothing in this range has the id 'nobody'\"]"},
        {"/api/mesh/percentiles?namespace=nobody",
         "\"warnings\":[\"namespace: nothing is in 'nobody'\"]"},
        {"/api/mesh/percentiles?server=nobody",
         "\"warnings\":[\"server: nothing has the id 'nobody'\"]"},
    };
    struct world w;
    make_shop(&w);
    for (size_t i = 0; i < LEN(rows); i++) {
        expect_says(&w, rows[i].target, rows[i].warnings);
    }
    world_deinit(&w);
}

Test(graph, a_node_without_namespace_joins_the_one_that_has_it)
{
    struct world w;
    world_init(&w);
    world_add(&w,
              &(struct call){
                  .client = "user", .server = "cart", .count = 3, .server_ms = 1, .client_ms = -1});
    world_add(
        &w,
        &(struct call){
            .client = "user", .server = "shop/cart", .count = 4, .server_ms = 1, .client_ms = -1});
    world_seal(&w);
    expect_says(&w, "/api/mesh/graph", "\"requests\":7");
    expect_edges(&w, "/api/mesh/graph", "user\\u003eshop/cart\\u003ehttp");
    world_deinit(&w);
}

Test(graph, mesh_and_raw_are_two_pictures)
{
    struct world w;
    world_init(&w);
    world_add(&w, &(struct call){.client = "a/x",
                                 .server = "a/y",
                                 .count = 1,
                                 .client_ms = 1,
                                 .server_ms = 1,
                                 .views = VIEW_MESH});
    world_add(&w, &(struct call){.client = "a/x",
                                 .server = "a/waypoint",
                                 .count = 1,
                                 .client_ms = 1,
                                 .server_ms = 1,
                                 .views = VIEW_RAW});
    world_add(&w, &(struct call){.client = "a/waypoint",
                                 .server = "a/y",
                                 .count = 1,
                                 .client_ms = 1,
                                 .server_ms = 1,
                                 .views = VIEW_RAW});
    world_seal(&w);
    expect_edges(&w, "/api/mesh/graph", "a/x\\u003ea/y\\u003ehttp");
    expect_edges(&w, "/api/mesh/graph?view=raw",
                 "a/waypoint\\u003ea/y\\u003ehttp a/x\\u003ea/waypoint\\u003ehttp");
    world_deinit(&w);
}

static const struct {
    const char *name;
    uint64_t good, bad;
    double ms, ms_before;
    const char *health;
} health_rows[] = {
    {"nine are idle", 9, 0, 5, 5, "idle"},
    {"ten are enough", 10, 0, 5, 5, "healthy"},
    {"under one percent", 1000, 9, 5, 5, "healthy"},
    {"one percent", 990, 10, 5, 5, "degraded"},
    {"ten percent", 90, 10, 5, 5, "failing"},
    {"twice as slow is well", 100, 0, 10, 5, "healthy"},
    {"more than twice", 100, 0, 11, 5, "degraded"},
};

Test(graph, health_follows_errors_and_the_range_before)
{
    for (size_t i = 0; i < LEN(health_rows); i++) {
        struct world w;
        char want[64];
        world_init(&w);
        world_add(&w, &(struct call){.client = "user",
                                     .server = "a/b",
                                     .count = health_rows[i].good,
                                     .client_ms = -1,
                                     .server_ms = health_rows[i].ms});
        if (health_rows[i].bad)
            world_add(&w, &(struct call){.client = "user",
                                         .server = "a/b",
                                         .count = health_rows[i].bad,
                                         .error = true,
                                         .client_ms = -1,
                                         .server_ms = health_rows[i].ms});
        world_add(&w, &(struct call){.client = "user",
                                     .server = "a/b",
                                     .count = 100,
                                     .client_ms = -1,
                                     .server_ms = health_rows[i].ms_before,
                                     .time_s = WORLD_NOW_S - 1200});
        world_seal(&w);
        struct http_response out = world_get(&w, "/api/mesh/services");
        snprintf(want, sizeof(want), "\"health\":\"%s\"", health_rows[i].health);
        cr_expect(str_search(buf_str(&out.body), str_from_c(want)) < out.body.len, "%s: %.*s",
                  health_rows[i].name, STR_ARG(out.body));
        buf_deinit(&out.body);
        world_deinit(&w);
    }
}

Test(graph, an_edge_has_the_health_of_its_errors)
{
    static const struct {
        double degraded, failing;
        const char *health;
    } rows[] = {{0.01, 0.1, "degraded"}, {0.01, 0.05, "failing"}, {0.06, 0.1, "healthy"}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct world w;
        char want[64];
        world_init(&w);
        w.config.graph.degraded_error_ratio = rows[i].degraded;
        w.config.graph.failing_error_ratio = rows[i].failing;
        for (unsigned bad = 0; bad < 2; bad++)
            world_add(&w, &(struct call){.client = "user",
                                         .server = "a/b",
                                         .count = bad ? 5 : 95,
                                         .error = bad,
                                         .client_ms = -1,
                                         .server_ms = 5});
        world_seal(&w);
        struct http_response out = world_get(&w, "/api/mesh/graph");
        struct str edges = buf_str(&out.body);
        edges = str_sub(edges, str_search(edges, STR("\"edges\":")), edges.len);
        snprintf(want, sizeof(want), "\"health\":\"%s\"", rows[i].health);
        cr_expect(str_search(edges, str_from_c(want)) < edges.len, "%.*s", STR_ARG(edges));
        buf_deinit(&out.body);
        world_deinit(&w);
    }
}

Test(graph, sampled_requests_have_an_interval)
{
    struct world w;
    world_init(&w);
    world_add(&w, &(struct call){.client = "user",
                                 .server = "a/b",
                                 .count = 100,
                                 .client_ms = -1,
                                 .server_ms = 5,
                                 .weight = 10});
    world_seal(&w);
    struct http_response out = world_get(&w, "/api/mesh/graph");
    /* 1000 +- 1.96 * sqrt(100 * 10 * 9) = 185.9 */
    cr_expect(str_search(buf_str(&out.body), STR("\"requests\":1000,\"errors\":0")) < out.body.len);
    cr_expect(str_search(buf_str(&out.body), STR("\"interval\":[814,1186]")) < out.body.len, "%.*s",
              STR_ARG(out.body));
    buf_deinit(&out.body);
    world_deinit(&w);
}

Test(graph, hostile_names_come_out_as_text)
{
    struct world w;
    world_init(&w);
    world_add(&w, &(struct call){.client = "user",
                                 .server = "a/<img src=x onerror=alert(1)>",
                                 .count = 1,
                                 .client_ms = -1,
                                 .server_ms = 1});
    world_add(&w, &(struct call){.client = "user",
                                 .server = "a/\xff\"\\\x01",
                                 .count = 1,
                                 .client_ms = -1,
                                 .server_ms = 1});
    world_seal(&w);
    struct http_response out = world_get(&w, "/api/mesh/graph");
    cr_expect(str_is_utf8(buf_str(&out.body)));
    cr_expect(str_find(buf_str(&out.body), '<') == out.body.len &&
              str_find(buf_str(&out.body), '>') == out.body.len);
    cr_expect(str_search(buf_str(&out.body), STR("a/\\u003cimg src=x onerror=alert(1)\\u003e")) <
              out.body.len);
    buf_deinit(&out.body);
    world_deinit(&w);
}

Test(graph, errors_name_what_is_wrong)
{
    static const struct {
        const char *target;
        unsigned status;
        const char *words;
    } rows[] = {
        {"/api/mesh/graph?group=pod", 400, "parameter 'group'"},
        {"/api/mesh/graph?depth=9", 400, "parameter 'depth'"},
        {"/api/mesh/graph?step=60", 400, "unknown parameter 'step'"},
        {"/api/mesh/edge", 400, "parameter 'client' is missing"},
        {"/api/mesh/edge?client=shop/web", 400, "parameter 'server' is missing"},
        {"/api/mesh/edge?client=shop/web&server=nobody", 404, "no such edge"},
        {"/api/mesh/edge?client=shop/web&server=shop/cart&protocol=grpc", 404, "no such edge"},
        {"/api/mesh/edge?client=shop/web&server=shop/cart&step=0", 400, "parameter 'step'"},
        {"/api/mesh/services/nobody", 404, "no service has the id 'nobody'"},
        {"/api/mesh/percentiles?side=left", 400, "parameter 'side'"},
        {"/api/mesh/percentiles?q=2", 400, "parameter 'q'"},
        {"/api/mesh/percentiles?by=pod", 400, "parameter 'by'"},
    };
    struct world w;
    make_shop(&w);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct http_response out = world_get(&w, rows[i].target);
        cr_expect(eq(uint, out.status, rows[i].status), "%s", rows[i].target);
        cr_expect(str_search(buf_str(&out.body), str_from_c(rows[i].words)) < out.body.len,
                  "%s: %.*s", rows[i].target, STR_ARG(out.body));
        buf_deinit(&out.body);
    }
    world_deinit(&w);
}

/* Whatever allocation fails: an error answer, no crash, no leak (ASan). */
Test(graph, each_allocation_may_fail)
{
    static const char *const targets[] = {
        "/api/mesh/graph?group=version", "/api/mesh/edge?client=shop/web&server=shop/cart",
        "/api/mesh/services/shop/cart", "/api/mesh/percentiles?protocol=http&step=15"};
    struct world w;
    make_shop(&w);
    for (size_t i = 0; i < LEN(targets); i++)
        for (long after = 0;; after++) {
            mem_fail_after(after);
            struct http_response out = world_get(&w, targets[i]);
            bool failed = mem_did_fail();
            mem_fail_after(-1);
            cr_expect(out.body.failed || out.status == (failed ? 503u : 200u),
                      "%s, allocation %ld: %u", targets[i], after, out.status);
            buf_deinit(&out.body);
            if (!failed)
                break;
        }
    world_deinit(&w);
}

/* CPU time, so that who else runs does not count. */
static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Two services that keep all the versions they may during rollouts that never end. Latencies find
 * their pair of versions by its order: walking all pairs for each took 4 s. */
Test(graph, an_edge_of_many_versions, .timeout = 60)
{
    enum { VERSIONS = 150 };
    static const char last[] =
        "{\"client_version\":\"c99\",\"server_version\":\"s99\",\"requests\":1,\"errors\":0,"
        "\"error_ratio\":0,\"client_latency\":{\"count\":1,\"mean\":5,";
    struct world w;
    char client[16], server[16];
    world_init(&w);
    for (unsigned i = 0; i < VERSIONS * VERSIONS; i++) {
        snprintf(client, sizeof(client), "c%u", i / VERSIONS);
        snprintf(server, sizeof(server), "s%u", i % VERSIONS);
        world_add(&w, &(struct call){.client = "shop/web",
                                     .server = "shop/cart",
                                     .client_version = client,
                                     .server_version = server,
                                     .count = 1,
                                     .client_ms = 5,
                                     .server_ms = 4});
    }
    world_seal(&w);
    double start_s = cpu_s();
    struct http_response out = world_get(&w, "/api/mesh/edge?client=shop/web&server=shop/cart");
    double took_s = cpu_s() - start_s;
    struct str body = buf_str(&out.body);
    cr_expect(took_s < 2, "%.1f s", took_s);
    cr_expect(str_search(body, str_from_c(last)) < body.len);
    buf_deinit(&out.body);
    world_deinit(&w);
    EXPECT_NO_LEAK();
}

/* All calls that add cells up have the deadline and the memory of questions. */
Test(graph, questions_have_limits)
{
    static const char *const targets[] = {
        "/api/mesh/graph",       "/api/mesh/edge?client=shop/web&server=shop/cart",
        "/api/mesh/services",    "/api/mesh/services/shop/cart",
        "/api/mesh/percentiles", "/api/mesh/percentiles?step=15&by=client,operation",
    };
    struct world w;
    struct budget all = {.limit = 64 * KIB};
    struct arena payer = {.budget = &all, .budget_percent = 100};
    struct query_budget limits[] = {
        {.deadline_mono_ns = 1}, {.payer = &payer}, {.payer = &(struct arena){.limit_bytes = 512}}};
    static const struct {
        unsigned status;
        const char *words;
    } wants[] = {{503, "\"timeout\""}, {503, "memory budget is used up"}, {422, "needs more than"}};
    world_init(&w);
    for (size_t i = 0; i < LEN(shop); i++)
        world_add(&w, &shop[i]);
    world_seal(&w);
    budget_force(&all, 64 * KIB);
    for (size_t l = 0; l < LEN(limits); l++)
        for (size_t i = 0; i < LEN(targets); i++) {
            w.budget = &limits[l];
            struct http_response out = world_get(&w, targets[i]);
            cr_expect(eq(uint, out.status, wants[l].status), "%s", targets[i]);
            cr_expect(str_search(buf_str(&out.body), str_from_c(wants[l].words)) < out.body.len,
                      "%s: %.*s", targets[i], STR_ARG(out.body));
            buf_deinit(&out.body);
        }
    cr_expect(eq(u64, budget_used(&all), 64 * KIB), "what was taken was given back");
    world_deinit(&w);
    EXPECT_NO_LEAK();
}

Test(graph, what_is_left_out_of_the_view_is_said)
{
    static const char *const targets[] = {"/api/mesh/graph", "/api/mesh/services",
                                          "/api/mesh/percentiles",
                                          "/api/mesh/edge?client=shop/web&server=shop/cart"};
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < LEN(shop); i++)
        world_add(&w, &shop[i]);
    world_seal(&w);
    for (size_t i = 0; i < 2 * LEN(targets); i++) {
        w.view.is_closed_only = i % 2;
        struct http_response r = world_get(&w, targets[i / 2]);
        bool says = str_search(buf_str(&r.body), STR("still open are left out")) < r.body.len;
        bool truncated = str_search(buf_str(&r.body), STR("\"truncated\":true")) < r.body.len;
        cr_expect(r.status == 200, "%s: %d", targets[i / 2], (int)r.status);
        cr_expect(says == w.view.is_closed_only && truncated == says, "%s", targets[i / 2]);
        buf_deinit(&r.body);
    }
    world_deinit(&w);
    EXPECT_NO_LEAK();
}
