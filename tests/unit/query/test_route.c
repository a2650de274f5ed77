/* test_route.c - which path is whose, which method is taken, and which paths are never looked at.
 */
#include "query/route.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const struct {
    const char *path, *route, *id; /* route NULL: nothing is there */
} rows[] = {
    {"/api/mesh/graph", "/api/mesh/graph", ""},
    {"/api/mesh/graph/", NULL, ""},
    {"/api/mesh/Graph", NULL, ""},
    {"/api/mesh", NULL, ""},
    {"/api/mesh/services", "/api/mesh/services", ""},
    {"/api/mesh/services/", NULL, ""},
    {"/api/mesh/services/shop/cart", "/api/mesh/services/", "shop/cart"},
    {"/api/mesh/services/shop%2Fcart", "/api/mesh/services/", "shop/cart"},
    {"/api/mesh/services/east:shop/cart%40v1", "/api/mesh/services/", "east:shop/cart@v1"},
    {"/api/mesh/traces", NULL, ""},
    {"/api/mesh/logs", NULL, ""},
    {"/api/v1/query", "/api/v1/query", ""},
    {"/api/v1/query/", NULL, ""},
    {"/api/v1/label/job/values", "/api/v1/label/", "job/values"},
    {"/api/v1/label/", NULL, ""},
    {"/federate", "/federate", ""},
    {"/metrics", "/metrics", ""},
    {"/-/healthy", "/-/healthy", ""},
    {"/-/reload", "/-/reload", ""},
    {"/", "/", ""},
    {"/index.html", "/", ""},
    {"/nothing.js", NULL, ""},
    {"", NULL, ""},
};

Test(route, an_empty_path_is_nothing_to_look_through)
{
    struct arena arena = {0};
    struct str path, id;
    cr_expect(eq(int, route_decode_path((struct str){0}, &arena, &path, NULL), ST_OK));
    cr_expect(route_find(path, &id) == NULL);
    arena_deinit(&arena);
}

Test(route, finds_by_path)
{
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena = {0};
        struct str path, id;
        struct err e;
        cr_assert(eq(int, route_decode_path(str_from_c(rows[i].path), &arena, &path, &e), ST_OK),
                  "%s", rows[i].path);
        const struct route *route = route_find(path, &id);
        cr_expect(eq(int, route != NULL, rows[i].route != NULL), "row %s", rows[i].path);
        if (route)
            cr_expect(eq(str, (char *)route->path, (char *)rows[i].route), "row %s", rows[i].path);
        cr_expect(str_eq(id, str_from_c(rows[i].id)), "row %s", rows[i].path);
        arena_deinit(&arena);
    }
}

Test(route, refuses_odd_paths)
{
    static const char *const paths[] = {
        "/api/%00", "/../etc/passwd", "/api/..", "/api/%2e%2E/mesh", "/a%2f..", "/%", "/%g0", ".."};
    for (size_t i = 0; i < LEN(paths); i++) {
        struct arena arena = {0};
        struct str path;
        struct err e;
        cr_expect(eq(int, route_decode_path(str_from_c(paths[i]), &arena, &path, &e), ST_INVALID),
                  "%s", paths[i]);
        arena_deinit(&arena);
    }
}

Test(route, methods)
{
    struct str id;
    const struct route *get = route_find(STR("/api/mesh/graph"), &id);
    const struct route *post = route_find(STR("/-/flush"), &id);
    cr_expect(route_takes(get, STR("GET")) && route_takes(get, STR("HEAD")));
    static const char *const others[] = {"POST", "get", "", "GETS"};
    for (size_t i = 0; i < LEN(others); i++)
        cr_expect(eq(int, route_takes(get, str_from_c(others[i])), false), "%s", others[i]);
    cr_expect(route_takes(post, STR("POST")) && !route_takes(post, STR("GET")));
    cr_expect(eq(str, (char *)route_allow(get), (char *)"GET, HEAD, OPTIONS"));
    cr_expect(eq(str, (char *)route_allow(post), (char *)"POST, OPTIONS"));
}

Test(route, methods_of_prometheus)
{
    struct str id;
    const struct route *query = route_find(STR("/api/v1/query"), &id);
    const struct route *admin = route_find(STR("/api/v1/admin/tsdb/snapshot"), &id);
    cr_expect(route_takes(query, STR("GET")) && route_takes(query, STR("HEAD")));
    cr_expect(route_takes(query, STR("POST")) && !route_takes(query, STR("PUT")));
    cr_expect(route_takes(admin, STR("POST")) && route_takes(admin, STR("PUT")));
    cr_expect(eq(int, route_takes(admin, STR("GET")), false));
    cr_expect(eq(str, (char *)route_allow(query), (char *)"GET, HEAD, POST, OPTIONS"));
    cr_expect(eq(str, (char *)route_allow(admin), (char *)"POST, PUT, OPTIONS"));
    cr_expect(route_is_prom(STR("/api/v1/nothing")) && route_is_prom(STR("/federate")));
    cr_expect(eq(int, route_is_prom(STR("/api/mesh/graph")), false));
    cr_expect(eq(int, route_is_prom(STR("/federate/x")), false));
}

/* The threads for short answers were given what was written in escapes. */
Test(route, what_takes_long_in_any_spelling)
{
    static const struct {
        const char *raw;
        bool want;
    } rows[] = {
        {"/api/v1/query", true},    {"/api/v1/quer%79", true},      {"/%61pi/v1/query_range", true},
        {"/federate", true},        {"/api/v1/status/tsdb", false}, {"/api/mesh/graph", false},
        {"/api/v1/nothing", false}, {"/api/v1/query%zz", false},    {"", false},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        cr_expect(eq(int, route_is_long(str_from_c(rows[i].raw)), rows[i].want), "%s", rows[i].raw);
    EXPECT_NO_LEAK();
}
