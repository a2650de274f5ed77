/* test_entity.c - ids and words of api.md, and the default limits. */
#include "base/buf.h"
#include "model/entity.h"
#include "model/limits.h"
#include "tests/support/leak.h"

Test(entity, ids_are_those_of_the_api)
{
    static const struct {
        const char *cluster, *space, *name;
        bool with_cluster;
        const char *want;
    } rows[] = {
        {"", "shop", "cart", false, "shop/cart"},
        {"", "", "cart", false, "cart"},
        {"east", "shop", "cart", false, "shop/cart"},
        {"east", "shop", "cart", true, "east:shop/cart"},
        {"", "shop", "cart", true, "shop/cart"},
        {"east", "", "cart", true, "east:cart"},
        {"", "", "mysql:orders@db", true, "mysql:orders@db"},
    };
    struct buf b = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct entity e = {.cluster = str_from_c(rows[i].cluster),
                           .space = str_from_c(rows[i].space),
                           .name = str_from_c(rows[i].name)};
        buf_reset(&b);
        entity_append_id(&b, &e, rows[i].with_cluster);
        cr_expect(str_eq(buf_str(&b), str_from_c(rows[i].want)), "row %s", rows[i].want);
    }
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

/* A shop has a service `user`, and it is not the one who sits before a browser. */
Test(entity, services_keep_off_the_ids_of_nobody)
{
    static const struct {
        const char *space, *name;
        enum entity_kind kind;
        const char *want;
    } rows[] = {
        {"", "user", ENTITY_USER, "user"},
        {"", "user", ENTITY_SERVICE, "/user"},
        {"", "unknown", ENTITY_GATEWAY, "/unknown"},
        {"", "other", ENTITY_EXTERNAL, "/other"},
        {"", "blocked", ENTITY_SERVICE, "/blocked"},
        {"", "blocked", ENTITY_BLOCKED, "blocked"},
        {"shop", "user", ENTITY_SERVICE, "shop/user"},
        {"", "users", ENTITY_SERVICE, "users"},
    };
    struct buf b = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct entity e = {.space = str_from_c(rows[i].space),
                           .name = str_from_c(rows[i].name),
                           .kind = rows[i].kind};
        buf_reset(&b);
        entity_append_id(&b, &e, true);
        cr_expect(str_eq(buf_str(&b), str_from_c(rows[i].want)), "row %s", rows[i].want);
    }
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(entity, equal_means_every_part)
{
    struct entity a = {STR("east"), STR("shop"), STR("cart"), ENTITY_SERVICE}, b = a;
    cr_expect(entity_eq(&a, &b));
    b.kind = ENTITY_GATEWAY;
    cr_expect_not(entity_eq(&a, &b));
    b = a, b.cluster = STR("west");
    cr_expect_not(entity_eq(&a, &b));
    b = a, b.space = STR("");
    cr_expect_not(entity_eq(&a, &b));
    b = a, b.name = STR("carts");
    cr_expect_not(entity_eq(&a, &b));
}

Test(entity, words)
{
    cr_expect_str_eq(entity_kind_name(ENTITY_BLOCKED), "blocked");
    cr_expect_str_eq(entity_kind_name(ENTITY_OTHER), "other");
    cr_expect_str_eq(entity_kind_name(99), "unknown");
    for (unsigned p = PROTOCOL_UNKNOWN; p <= PROTOCOL_GRPC; p++) {
        enum protocol back = 99;
        cr_expect(protocol_from_name(str_from_c(protocol_name(p)), &back));
        cr_expect_eq(back, p);
    }
    enum protocol out = PROTOCOL_TCP;
    cr_expect_not(protocol_from_name(STR("HTTP"), &out));
    cr_expect_eq(out, PROTOCOL_TCP);
    cr_expect_gt(PROTOCOL_GRPC, PROTOCOL_HTTP, "the more specific one is larger");
}

Test(limits, defaults_are_those_of_the_api)
{
    struct limits l = limits_default();
    cr_expect_eq(l.body_bytes, 64ull << 20);
    cr_expect_eq(l.depth, 32);
    cr_expect_eq(l.header_list_bytes, 32768);
    cr_expect_eq(l.idle_ns, 60 * NS_PER_S);
    struct retention r = retention_default();
    cr_expect_eq(r.edges_ns, 90 * 86400 * NS_PER_S);
    cr_expect_eq(r.disk_bytes, 50ull << 30);
    struct graph_settings g = graph_settings_default();
    cr_expect_eq(g.wait_ns, 30 * NS_PER_S);
    cr_expect_eq(g.max_operations, 200);
    cr_expect_eq(g.health_min_requests, 10);
}
