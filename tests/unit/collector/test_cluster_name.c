/* test_cluster_name.c - names of clusters and hosts, as the meshes write them. */
#include "collector/cluster_name.h"
#include <criterion/criterion.h>

static const struct {
    const char *cluster;
    enum cluster_kind kind;
    const char *id, *subset; /* id NULL: tells no destination */
} clusters[] = {
    {"", CLUSTER_NONE, NULL, ""},
    {"-", CLUSTER_NONE, NULL, ""},
    {"outbound|8080||cart.shop.svc.cluster.local", CLUSTER_OUTBOUND, "shop/cart", ""},
    {"outbound|8080|v2|cart.shop.svc.cluster.local", CLUSTER_OUTBOUND, "shop/cart", "v2"},
    {"outbound_.8080_.v2_.cart.shop.svc.cluster.local", CLUSTER_OUTBOUND, "shop/cart", "v2"},
    {"outbound|9000||db-0.db.shop.svc.cluster.local", CLUSTER_OUTBOUND, "shop/db", ""},
    {"outbound|443||api.stripe.com", CLUSTER_OUTBOUND, "api.stripe.com", ""},
    {"outbound|8443||API.Stripe.com", CLUSTER_OUTBOUND, "api.stripe.com:8443", ""},
    {"outbound|80|||", CLUSTER_OUTBOUND, NULL, ""},
    {"outbound|x", CLUSTER_OUTBOUND, NULL, ""},
    {"inbound|8080||", CLUSTER_INBOUND, NULL, ""},
    {"inbound-vip|8080|http|cart.shop.svc.cluster.local", CLUSTER_WAYPOINT, "shop/cart", ""},
    {"InboundPassthroughCluster", CLUSTER_INBOUND, NULL, ""},
    {"InboundPassthroughClusterIpv4", CLUSTER_INBOUND, NULL, ""},
    {"PassthroughCluster", CLUSTER_PASSTHROUGH, NULL, ""},
    {"BlackHoleCluster", CLUSTER_BLACKHOLE, "blocked", ""},
    {"local_app", CLUSTER_INBOUND, NULL, ""},
    {"original-destination", CLUSTER_PASSTHROUGH, NULL, ""},
    {"pong.default.dc2.internal.e5b08d03.consul", CLUSTER_OUTBOUND, "dc2:default/pong", ""},
    {"v2.pong.default.dc2.internal.e5b08d03.consul", CLUSTER_OUTBOUND, "dc2:default/pong", "v2"},
    {"pong.ns1.part.dc1.internal-v1.e5b08d03.consul", CLUSTER_OUTBOUND, "dc1:ns1/pong", ""},
    {"v1.pong.ns1.part.dc1.internal-v1.e5b08d03.consul", CLUSTER_OUTBOUND, "dc1:ns1/pong", "v1"},
    {"pong.ns1.cloud-2.external.e5b08d03.consul", CLUSTER_OUTBOUND, "cloud-2:ns1/pong", ""},
    {"pong.ns1.part.cloud-2.external.e5b08d03.consul", CLUSTER_OUTBOUND, "cloud-2:ns1/pong", ""},
    {"geo.default.dc1.query.e5b08d03.consul", CLUSTER_OUTBOUND, "dc1:default/geo", ""},
    {"abc123~pong.default.dc1.internal.e5b08d03.consul", CLUSTER_OUTBOUND, "dc1:default/pong", ""},
    {"passthrough~pong.default.dc1.internal.e5b08d03.consul", CLUSTER_OUTBOUND, "dc1:default/pong",
     ""},
    {"pong.consul", CLUSTER_OUTBOUND, NULL, ""},
    {"payments_backend", CLUSTER_OTHER, "payments_backend", ""},
    {"cart.shop.svc.cluster.local", CLUSTER_OTHER, "shop/cart", ""},
    {"api.example.org", CLUSTER_OTHER, "api.example.org", ""},
};

static void expect_id(const char *input, const struct entity *e, const char *want)
{
    struct buf id = {0};
    entity_append_id(&id, e, true);
    cr_expect(str_eq(buf_str(&id), str_from_c(want)), "%s gives %.*s, want %s", input,
              STR_ARG(buf_str(&id)), want);
    buf_deinit(&id);
}

Test(cluster_name, clusters)
{
    for (size_t i = 0; i < LEN(clusters); i++) {
        struct destination d;
        struct str cluster = str_from_c(clusters[i].cluster);
        cr_expect(cluster_kind_of(cluster) == clusters[i].kind, "kind of %s", clusters[i].cluster);
        bool known = destination_from_cluster(cluster, &d);
        cr_expect(known == (clusters[i].id != NULL), "%s", clusters[i].cluster);
        if (!known || !clusters[i].id)
            continue;
        expect_id(clusters[i].cluster, &d.entity, clusters[i].id);
        cr_expect(str_eq(d.subset, str_from_c(clusters[i].subset)), "subset of %s",
                  clusters[i].cluster);
    }
}

static const struct {
    const char *host;
    uint32_t port;
    const char *id;
    enum entity_kind kind;
} hosts[] = {
    {"cart.shop.svc", 8080, "shop/cart", ENTITY_SERVICE},
    {"cart.shop.svc.cluster.local.", 8080, "shop/cart", ENTITY_SERVICE},
    {"cart.shop.svc.clusterset.local", 0, "shop/cart", ENTITY_SERVICE},
    {"cart.shop.svc.cluster.local-shadow", 80, "shop/cart", ENTITY_SERVICE},
    {"billing.virtual.consul", 80, "billing", ENTITY_SERVICE},
    {"billing.virtual.fin.ns.part1.ap.dc1.dc.consul", 80, "fin/billing", ENTITY_SERVICE},
    {"primary.db.service.dc1.consul", 5432, "db", ENTITY_SERVICE},
    {"api.example.org", 443, "api.example.org", ENTITY_EXTERNAL},
    {"API.example.org", 8443, "api.example.org:8443", ENTITY_EXTERNAL},
    {"10.0.0.7", 0, "10.0.0.7", ENTITY_EXTERNAL},
    {"2001:db8::7", 443, "2001:db8::7", ENTITY_EXTERNAL},
    {"2001:DB8::7", 8443, "[2001:db8::7]:8443", ENTITY_EXTERNAL},
    {"cart.shop", 80, "cart.shop", ENTITY_EXTERNAL},
    {"svc", 80, "svc", ENTITY_EXTERNAL},
    {"", 81, ":81", ENTITY_EXTERNAL},
};

Test(cluster_name, hosts)
{
    for (size_t i = 0; i < LEN(hosts); i++) {
        struct destination d;
        destination_from_host(str_from_c(hosts[i].host), hosts[i].port, &d);
        expect_id(hosts[i].host, &d.entity, hosts[i].id);
        cr_expect(d.entity.kind == hosts[i].kind, "kind of %s", hosts[i].host);
    }
}

static const struct {
    const char *url, *authority, *path, *host;
    uint32_t port;
    bool shadow;
} urls[] = {
    {"http://cart:8080/a/b?x=1#y", "cart:8080", "/a/b", "cart", 8080, false},
    {"https://user:pw@api.example.org/v1", "user:pw@api.example.org", "/v1", "api.example.org", 0,
     false},
    {"http://[::1]:9/x", "[::1]:9", "/x", "::1", 9, false},
    {"http://cart-shadow:8080", "cart-shadow:8080", "", "cart-shadow", 8080, true},
    {"http://cart?x", "cart", "", "cart", 0, false},
    {"http://cart:99999/", "cart:99999", "/", "cart", 0, false},
    {"", "", "", "", 0, false},
};

Test(cluster_name, urls)
{
    for (size_t i = 0; i < LEN(urls); i++) {
        struct str path;
        struct str authority = url_split(str_from_c(urls[i].url), &path);
        cr_expect(str_eq(authority, str_from_c(urls[i].authority)), "authority of %s: %.*s",
                  urls[i].url, STR_ARG(authority));
        cr_expect(str_eq(path, str_from_c(urls[i].path)), "path of %s: %.*s", urls[i].url,
                  STR_ARG(path));
        uint32_t port;
        struct str host = authority_split(authority, &port);
        cr_expect(str_eq(host, str_from_c(urls[i].host)) && port == urls[i].port, "host of %s",
                  urls[i].url);
        cr_expect(authority_is_shadow(authority) == urls[i].shadow, "shadow %s", urls[i].url);
    }
}

Test(cluster_name, databases_and_queues)
{
    struct destination d;
    destination_from_parts(STR("postgresql"), STR("orders"), STR("db.shop"), &d);
    expect_id("all", &d.entity, "postgresql:orders@db.shop");
    destination_from_parts(STR("redis"), STR(""), STR("10.0.0.7"), &d);
    expect_id("no name", &d.entity, "redis@10.0.0.7");
    destination_from_parts(STR("kafka"), STR("orders"), STR(""), &d);
    expect_id("no host", &d.entity, "kafka:orders");
    destination_from_parts(STR(""), STR("orders"), STR(""), &d);
    expect_id("no system", &d.entity, "unknown:orders");
}
