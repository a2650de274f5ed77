/* test_node_table.c - the id of every kind of entity in every grouping. */
#include "query/node_table.h"
#include "support/alloc_walk.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define SERVICE(c, s, n)                                                                           \
    {                                                                                              \
        .cluster = STR(c), .space = STR(s), .name = STR(n), .kind = ENTITY_SERVICE                 \
    }

static const struct {
    const char *name;
    struct entity entity;
    struct variant variant;
    const char *service, *workload, *version, *space; /* ids by grouping */
} rows[] = {
    {"all known",
     SERVICE("", "shop", "cart"),
     {STR("v1"), STR("cart-v1")},
     "shop/cart",
     "shop/cart-v1",
     "shop/cart@v1",
     "shop"},
    {"no variant",
     SERVICE("", "shop", "cart"),
     {{0}, {0}},
     "shop/cart",
     "shop/cart",
     "shop/cart",
     "shop"},
    {"no namespace", SERVICE("", "", "lone"), {STR("v1"), {0}}, "lone", "lone", "lone@v1", "lone"},
    {"gateway",
     {.space = STR("edge"), .name = STR("gw"), .kind = ENTITY_GATEWAY},
     {STR("v1"), STR("gw-1")},
     "edge/gw",
     "edge/gw-1",
     "edge/gw@v1",
     "edge"},
    {"user",
     {.name = STR("user"), .kind = ENTITY_USER},
     {STR("v9"), STR("w")},
     "user",
     "user",
     "user",
     "user"},
    {"external",
     {.name = STR("api.example:8443"), .kind = ENTITY_EXTERNAL},
     {{0}, {0}},
     "api.example:8443",
     "api.example:8443",
     "api.example:8443",
     "api.example:8443"},
};

Test(node_table, ids_by_grouping)
{
    struct registry *registry = registry_new(1, 10);
    for (size_t i = 0; i < LEN(rows); i++) {
        const char *want[] = {rows[i].service, rows[i].workload, rows[i].version, rows[i].space};
        for (unsigned group = GROUP_SERVICE; group <= GROUP_NAMESPACE; group++) {
            struct arena arena = {0};
            struct node_table t;
            cr_assert(eq(int, node_table_init(&t, registry, (enum group)group, NULL, &arena, NULL),
                         ST_OK));
            uint32_t node = node_table_add(&t, &rows[i].entity, &rows[i].variant);
            cr_assert(ne(u32, node, NODE_NONE));
            cr_expect(str_eq(node_table_at(&t, node)->id, str_from_c(want[group])),
                      "%s, grouping %u: %.*s", rows[i].name, group,
                      STR_ARG(node_table_at(&t, node)->id));
            cr_expect(eq(u32, node_table_add(&t, &rows[i].entity, &rows[i].variant), node));
            cr_expect(eq(u32, node_table_find(&t, str_from_c(want[group])), node));
            node_table_deinit(&t);
            arena_deinit(&arena);
        }
    }
    registry_free(registry);
    EXPECT_NO_LEAK();
}

Test(node_table, two_clusters_are_told_apart)
{
    static const struct entity east = SERVICE("east", "shop", "cart"),
                               west = SERVICE("west", "shop", "cart");
    struct registry *registry = registry_new(1, 10);
    struct arena arena = {0};
    struct node_table t;
    registry_note(registry, &east, &(struct variant){0}, STR(""), 1);
    registry_note(registry, &west, &(struct variant){0}, STR(""), 1);
    cr_assert(eq(int, node_table_init(&t, registry, GROUP_SERVICE, NULL, &arena, NULL), ST_OK));
    uint32_t a = node_table_add(&t, &east, &(struct variant){0});
    uint32_t b = node_table_add(&t, &west, &(struct variant){0});
    cr_expect(str_eq(node_table_at(&t, a)->id, STR("east:shop/cart")));
    cr_expect(str_eq(node_table_at(&t, b)->id, STR("west:shop/cart")));
    node_table_deinit(&t);
    arena_deinit(&arena);
    registry_free(registry);
    EXPECT_NO_LEAK();
}

Test(node_table, what_was_asked_for_is_marked)
{
    static const struct entity cart = SERVICE("", "shop", "cart"), web = SERVICE("", "shop", "web");
    struct str servers[] = {STR("shop/cart")}, spaces[] = {STR("shop")};
    struct node_wanted wanted = {.servers = {servers, 1}, .spaces = {spaces, 1}};
    struct registry *registry = registry_new(1, 10);
    struct arena arena = {0};
    struct node_table t;
    cr_assert(eq(int, node_table_init(&t, registry, GROUP_SERVICE, &wanted, &arena, NULL), ST_OK));
    uint32_t a = node_table_add(&t, &cart, &(struct variant){0});
    uint32_t b = node_table_add(&t, &web, &(struct variant){0});
    cr_expect(eq(uint, node_table_at(&t, a)->flags, NODE_SERVER | NODE_SPACE));
    cr_expect(eq(uint, node_table_at(&t, b)->flags, NODE_SPACE));
    cr_expect(eq(u32, node_table_find(&t, STR("")), NODE_NONE));
    node_table_deinit(&t);
    arena_deinit(&arena);
    registry_free(registry);
    EXPECT_NO_LEAK();
}

Test(node_table, each_allocation_may_fail)
{
    static const struct entity cart = SERVICE("", "shop", "cart");
    struct registry *registry = registry_new(1, 10);
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct arena arena = {0};
        struct node_table t;
        struct err e;
        if (node_table_init(&t, registry, GROUP_VERSION, NULL, &arena, &e) == ST_OK)
            (void)node_table_add(&t, &cart, &(struct variant){STR("v1"), {0}});
        node_table_deinit(&t);
        arena_deinit(&arena);
    }
    cr_expect(walk.failures > 2);
    registry_free(registry);
    EXPECT_NO_LEAK();
}
