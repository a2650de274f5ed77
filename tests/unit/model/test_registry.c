/* test_registry.c - who is who, bounded, as bytes and back. */
#include "model/registry.h"
#include "base/mem.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

#include <stdio.h>
#include <time.h>

static const struct variant none;

static struct entity entity_of(const char *cluster, const char *space, const char *name)
{
    return (struct entity){str_from_c(cluster), str_from_c(space), str_from_c(name),
                           ENTITY_SERVICE};
}

static uint32_t note(struct registry *r, const char *cluster, const char *space, const char *name)
{
    struct entity e = entity_of(cluster, space, name);
    return registry_note(r, &e, &none, STR(""), 1);
}

static void expect_id(const struct registry *r, struct entity e, const char *want)
{
    struct buf b = {0};
    struct entity got = registry_resolve(r, &e);
    entity_append_id(&b, &got, true);
    cr_expect(str_eq(buf_str(&b), str_from_c(want)), "%.*s is not %s", STR_ARG(buf_str(&b)), want);
    buf_deinit(&b);
}

Test(registry, notes_what_it_sees)
{
    struct registry *r = registry_new(1, 10);
    struct entity e = entity_of("", "shop", "cart");
    struct variant v1 = {STR("v1"), STR("cart-v1")}, v2 = {STR("v2"), STR("cart-v2")};
    cr_expect_eq(registry_note(r, &e, &v1, STR("pod-1"), 50), 0);
    cr_expect_eq(registry_note(r, &e, &v2, STR("pod-2"), 70), 0);
    cr_expect_eq(registry_note(r, &e, &v1, STR("pod-1"), 60), 0);
    cr_expect_eq(registry_note(r, &e, &none, STR(""), 40), 0);
    cr_assert_eq(registry_count(r), 1);
    const struct registry_service *s = registry_at(r, 0);
    cr_expect_eq(s->first_seen_ns, 40);
    cr_expect_eq(s->last_seen_ns, 70);
    cr_assert_eq(s->versions.len, 2);
    cr_expect(str_eq(s->versions.items[0].name, STR("v1")));
    cr_expect_eq(s->versions.items[0].last_seen_ns, 60);
    cr_expect_eq(s->workloads.len, 2);
    cr_expect_eq(s->instances.len, 2);
    cr_expect_eq(s->aliases.len, 0);
    registry_free(r);
    EXPECT_NO_LEAK();
}

/* A sender that makes up clusters: a walk over those of a place took 10 s for these. */
Test(registry, many_clusters_of_a_service_are_found_at_once)
{
    enum { CLUSTERS = 40000 };
    struct registry *r = registry_new(1, CLUSTERS);
    clock_t began = clock();
    for (uint32_t i = 0; i < 2 * CLUSTERS; i++) {
        char cluster[16];
        snprintf(cluster, sizeof(cluster), "c%05u", i % CLUSTERS);
        cr_assert_eq(note(r, cluster, "shop", "cart"), i % CLUSTERS);
    }
    cr_expect_lt((double)(clock() - began) / CLOCKS_PER_SEC, 3.0);
    cr_expect_eq(note(r, "one more", "shop", "cart"), UINT32_MAX);
    registry_free(r);
    EXPECT_NO_LEAK();
}

/* A walk over all services of the name took 1.7 s for these. */
Test(registry, a_service_without_namespace_is_found_at_once)
{
    enum { CLUSTERS = 10000, ROUNDS = 40000 };
    struct registry *r = registry_new(1, 3 * CLUSTERS);
    char cluster[16];
    for (uint32_t i = 0; i < CLUSTERS; i++) {
        snprintf(cluster, sizeof(cluster), "c%05u", i);
        note(r, cluster, "shop", "cart");
        note(r, cluster, "", "cart"); /* joins the one with a namespace */
        note(r, cluster, "", "web");
    }
    clock_t began = clock();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        snprintf(cluster, sizeof(cluster), "c%05u", i % CLUSTERS);
        struct entity e = entity_of(i % 3 ? cluster : "", "", i % 2 ? "cart" : "web");
        struct entity got = registry_resolve(r, &e);
        cr_assert(str_eq(got.space, i % 3 && i % 2 ? STR("shop") : STR("")));
        cr_assert(str_eq(got.cluster, e.cluster));
    }
    double took_s = (double)(clock() - began) / CLOCKS_PER_SEC;
    cr_expect(took_s < 0.5, "%.2f s", took_s);
    registry_free(r);
    EXPECT_NO_LEAK();
}

Test(registry, owns_its_strings)
{
    struct registry *r = registry_new(1, 10);
    char text[] = "cart";
    note(r, "", "shop", text);
    registry_note_alias(r, 0, str_from_c(text), 1);
    cr_expect_eq(registry_at(r, 0)->aliases.len, 0, "its own name is no alias");
    text[0] = 'x';
    cr_expect(str_eq(registry_at(r, 0)->entity.name, STR("cart")));
    registry_free(r);
    EXPECT_NO_LEAK();
}

Test(registry, joins_what_has_no_namespace)
{
    struct registry *r = registry_new(1, 100);
    note(r, "", "", "cart");
    expect_id(r, entity_of("", "", "cart"), "cart");
    expect_id(r, entity_of("", "", "never-seen"), "never-seen");
    uint32_t cart = note(r, "", "shop", "cart");
    expect_id(r, entity_of("", "", "cart"), "shop/cart");
    expect_id(r, entity_of("", "shop", "cart"), "shop/cart");
    expect_id(r, entity_of("", "infra", "cart"), "infra/cart");
    registry_note_alias(r, cart, STR("cartservice"), 1);
    registry_note_alias(r, cart, STR("cartservice"), 2);
    cr_expect_eq(registry_at(r, cart)->aliases.len, 1);
    expect_id(r, entity_of("", "", "cartservice"), "shop/cart");
    note(r, "", "infra", "cart");
    expect_id(r, entity_of("", "", "cart"), "cart");
    expect_id(r, entity_of("", "", "cartservice"), "shop/cart");
    uint32_t web = note(r, "", "shop", "web");
    registry_note_alias(r, web, STR("cartservice"), 1);
    expect_id(r, entity_of("", "", "cartservice"), "cartservice");
    registry_free(r);
    EXPECT_NO_LEAK();
}

Test(registry, joins_what_has_no_cluster)
{
    struct registry *r = registry_new(1, 100);
    note(r, "", "shop", "cart");
    cr_expect_not(registry_many_clusters(r));
    note(r, "east", "shop", "cart");
    cr_expect_not(registry_many_clusters(r));
    expect_id(r, entity_of("", "shop", "cart"), "east:shop/cart");
    expect_id(r, entity_of("", "", "cart"), "east:shop/cart");
    note(r, "west", "shop", "cart");
    cr_expect(registry_many_clusters(r));
    expect_id(r, entity_of("", "shop", "cart"), "shop/cart");
    expect_id(r, entity_of("west", "", "cart"), "west:shop/cart");
    expect_id(r, entity_of("west", "shop", "cart"), "west:shop/cart");
    expect_id(r, entity_of("", "", "cart"), "cart");
    registry_free(r);
    EXPECT_NO_LEAK();
}

Test(registry, a_gateway_is_one_service)
{
    struct registry *r = registry_new(1, 100);
    uint32_t first = note(r, "", "istio", "gw");
    struct entity gateway = entity_of("", "istio", "gw");
    gateway.kind = ENTITY_GATEWAY;
    cr_expect_eq(registry_note(r, &gateway, &none, STR(""), 1), first);
    cr_expect_eq(note(r, "", "istio", "gw"), first);
    struct entity e = entity_of("", "", "gw");
    cr_expect_eq(registry_resolve(r, &e).kind, ENTITY_GATEWAY);
    registry_free(r);
}

Test(registry, other_kinds_join_nothing)
{
    struct registry *r = registry_new(1, 100);
    note(r, "", "shop", "user");
    struct entity user = {.name = STR("user"), .kind = ENTITY_USER};
    cr_expect_eq(registry_note(r, &user, &none, STR(""), 1), 1, "not the service of that name");
    struct entity got = registry_resolve(r, &user);
    cr_expect_eq(got.kind, ENTITY_USER);
    cr_expect_eq(got.space.len, 0);
    struct entity host = {.name = STR("user"), .kind = ENTITY_EXTERNAL};
    cr_expect_eq(registry_note(r, &host, &none, STR(""), 1), 2);
    registry_free(r);
}

Test(registry, is_bounded)
{
    struct registry *r = registry_new(1, 2);
    struct entity e = entity_of("", "shop", "cart");
    char text[32];
    for (uint64_t i = 1; i <= 3000; i++) {
        snprintf(text, sizeof(text), "item-%u", (unsigned)i);
        struct variant v = {str_from_c(text), str_from_c(text)};
        cr_assert_eq(registry_note(r, &e, &v, str_from_c(text), i), 0);
        registry_note_alias(r, 0, str_from_c(text), i);
    }
    const struct registry_service *s = registry_at(r, 0);
    cr_expect_eq(s->instances.len, 1000);
    cr_expect_eq(s->versions.len, 200);
    cr_expect_eq(s->aliases.len, 32);
    for (uint32_t i = 0; i < s->instances.len; i++)
        cr_assert_gt(s->instances.items[i].last_seen_ns, 2000, "the oldest are forgotten");
    /* What is kept is found again, not added again. */
    cr_assert_eq(registry_note(r, &e, &none, STR("item-2500"), 9999), 0);
    unsigned seen = 0;
    for (uint32_t i = 0; i < s->instances.len; i++)
        seen += s->instances.items[i].last_seen_ns == 9999;
    cr_expect_eq(seen, 1);
    cr_expect_eq(note(r, "", "", "two"), 1);
    cr_expect_eq(note(r, "", "", "three"), UINT32_MAX);
    cr_expect_eq(note(r, "", "", "two"), 1, "the known ones are still noted");
    cr_expect_not(registry_is_short_of_memory(r));
    registry_free(r);
    EXPECT_NO_LEAK();
}

static void fill(struct registry *r)
{
    char text[32];
    for (unsigned i = 0; i < 40; i++) {
        snprintf(text, sizeof(text), "s-%u", i % 20);
        struct entity e = entity_of(i % 3 ? "" : "east", i % 2 ? "shop" : "", text);
        e.kind = i % 7 == 6 ? ENTITY_EXTERNAL : ENTITY_SERVICE;
        struct variant v = {STR("v1"), str_from_c(text)};
        uint32_t at = registry_note(r, &e, &v, str_from_c(text), i + 1);
        for (unsigned k = 0; at != UINT32_MAX && k < 12; k++) {
            snprintf(text, sizeof(text), "i-%u", k * 7 % 12);
            registry_note(r, &e, &none, str_from_c(text), i + k);
        }
        if (at != UINT32_MAX)
            registry_note_alias(r, at, STR("alias"), i);
    }
}

Test(registry, a_clone_is_equal_and_apart)
{
    struct registry *r = registry_new(3, 1000);
    fill(r);
    struct registry *copy = registry_clone(r);
    struct buf before = {0}, after = {0};
    registry_encode(r, &before);
    registry_encode(copy, &after);
    cr_expect(str_eq(buf_str(&before), buf_str(&after)));
    cr_expect_eq(registry_many_clusters(copy), registry_many_clusters(r));
    note(r, "", "new", "one");
    cr_expect_eq(registry_count(copy) + 1, registry_count(r));
    registry_free(r);
    expect_id(copy, entity_of("", "", "s-5"), "shop/s-5");
    registry_free(copy);
    buf_deinit(&before);
    buf_deinit(&after);
    EXPECT_NO_LEAK();
}

Test(registry, damaged_images_are_told)
{
    struct registry *r = registry_new(3, 1000);
    struct buf b = {0};
    struct err e;
    fill(r);
    registry_encode(r, &b);
    registry_free(r);
    for (size_t len = 0; len < b.len; len += len < 200 ? 1 : 37) {
        struct cursor in = cursor_of((struct str){b.ptr, len});
        struct registry *into = registry_new(3, 1000);
        cr_assert_eq(registry_decode(&in, into, &e), ST_CORRUPT, "cut at %zu", len);
        registry_free(into);
    }
    for (size_t at = 0; at < MIN(b.len, (size_t)400); at++) {
        b.ptr[at] ^= (char)0xa5;
        struct cursor in = cursor_of(buf_str(&b));
        struct registry *into = registry_new(3, 1000);
        enum status status = registry_decode(&in, into, &e);
        cr_assert(status == ST_OK || status == ST_CORRUPT, "byte %zu", at);
        registry_free(into);
        b.ptr[at] ^= (char)0xa5;
    }
    struct registry *small = registry_new(3, 2);
    struct cursor in = cursor_of(buf_str(&b));
    cr_expect_eq(registry_decode(&in, small, &e), ST_OK, "smaller limits keep what fits");
    cr_expect_eq(registry_count(small), 2);
    registry_free(small);
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(registry, survives_each_failing_allocation)
{
    struct registry *full = registry_new(3, 1000);
    struct buf b = {0};
    fill(full);
    registry_encode(full, &b);
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct registry *r = registry_new(3, 1000);
        struct cursor in = cursor_of(buf_str(&b));
        if (r) {
            enum status status = registry_decode(&in, r, NULL);
            cr_assert_eq(status, mem_did_fail() ? ST_NO_MEMORY : ST_OK);
            for (uint32_t i = 0; i < registry_count(r); i++)
                registry_resolve(r, &registry_at(r, i)->entity);
        }
        registry_free(r);
    }
    cr_expect_gt(walk.failures, 100);
    walk = (struct alloc_walk){0};
    while (alloc_walk_next(&walk)) {
        struct registry *copy = registry_clone(full);
        cr_assert_eq(copy == NULL, mem_did_fail());
        registry_free(copy);
    }
    registry_free(full);
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}
