/* test_hops_gateway.c - golden traces of gateways: what they were asked for, what they asked for,
 * and what they answered themselves. */
#include <stdio.h>
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>

#define CART "outbound|8080||cart.shop.svc.cluster.local"

/* In through one gateway, out through another. */
Test(hops_gateway, egress_gateway)
{
    static const char stripe[] = "outbound|443||api.stripe.com";
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1", "outbound|80||gw.edge.svc.cluster.local",
              "http://api.stripe.com/v1/charges", 200, "-", 0, 900, NULL);
    rig_gateway(&r, 2, 1, stripe, "http://api.stripe.com/v1/charges", 200, "-", 10, 800);
    rig_upstream(&r, 3, 2, "gw", "edge", "latest", stripe, 200, "-", 0, 20, 700);
    rig_expect(
        &r, "egress gateway",
        "edge/gw > api.stripe.com http 1/0/1 200=1 c1:700us\n"
        "shop/web > edge/gw http 1/0/1 200=1 c1:900us s1:800us t1:100us\n"
        "    edge/gw > api.stripe.com [latest>] GET /v1/charges 200 1 c1:700us\n"
        "    shop/web > edge/gw [v1>latest] GET /v1/charges 200 1 c1:900us s1:800us t1:100us\n");
}

/* A gateway that had a way and could not or would not send: its request failed, and says so. */
Test(hops_gateway, gateway_could_not_send)
{
    struct rig r;
    rig_init(&r);
    rig_gateway(&r, 1, 0, CART, "http://shop.example.com/cart", 503, "UH", 0, 5);
    r.trace = 2;
    rig_gateway(&r, 2, 0, CART, "http://shop.example.com/cart", 503, "FI", 0, 5);
    r.trace = 3;
    rig_gateway(&r, 3, 0, CART, "http://shop.example.com/cart", 0, "DI,DC", 0, 5);
    r.trace = 4; /* its own policy */
    rig_gateway(&r, 4, 0, CART, "http://shop.example.com/cart", 403, "-", 0, 5);
    rig_expect(&r, "gateway could not send",
               "user > edge/gw http 4/3/4 0=1 403=1 503=2 DC=1 DI=1 FI=1 UH=1 s4:20us\n"
               "edge/gw > shop/cart http 3/3/3 0=1 503=2 DC=1 DI=1 FI=1 UH=1 c3:15us\n"
               "    user > edge/gw [>latest] GET /cart 0 1 s1:5us\n"
               "    user > edge/gw [>latest] GET /cart 403 1 s1:5us\n"
               "    user > edge/gw [>latest] GET /cart 503 2 s2:10us\n"
               "    edge/gw > shop/cart [latest>] GET /cart 0 1 c1:5us\n"
               "    edge/gw > shop/cart [latest>] GET /cart 503 2 c2:10us\n");
}

/* Envoy's own span of a copy that it sends to a mirror, as the real one writes it. */
static void add_mirror(struct rig *r, uint64_t id, uint64_t parent, const char *service,
                       const char *cluster, int code, uint64_t at, uint64_t us)
{
    char resource[64], attrs[200];
    snprintf(resource, sizeof(resource), "service.name=%s;telemetry.sdk.name=envoy", service);
    snprintf(attrs, sizeof(attrs),
             "component=proxy;http.protocol=HTTP/"
             "1.1;upstream_cluster=%s;http.status_code=%d;response_flags=-",
             cluster, code);
    rig_add(r, id, parent, SPAN_CLIENT, "mirror", resource, attrs, at, us);
}

#define CANARY   "outbound|8080||canary.shop.svc.cluster.local"
#define CART_URL "http://shop.example.com/cart"

/* A copy to a mirror is one request, below a gateway and below a sidecar, to another service and to
 * the same one, with and without `-shadow` behind its host; and no try of the original. */
Test(hops_gateway, mirrored_with_a_span)
{
    struct rig r;
    rig_init(&r);
    rig_gateway(&r, 1, 0, CART, CART_URL, 200, "-", 0, 900);
    rig_upstream(&r, 2, 1, "gw", "edge", "latest", CART, 200, "-", 0, 10, 800);
    add_mirror(&r, 3, 1, "gw.edge", CANARY, 500, 15, 60);
    rig_istio(&r, 4, 3, SPAN_SERVER, "canary", "shop", "v1", "inbound|8080||",
              "http://shop.example.com-shadow/cart", 500, "-", 20, 40, NULL);
    rig_expect(&r, "mirrored by a gateway",
               "user > edge/gw http 1/0/1 200=1 s1:900us\n"
               "edge/gw > shop/canary http 1/1/1 500=1 mirror=1 c1:60us s1:40us t1:20us\n"
               "edge/gw > shop/cart http 1/0/1 200=1 c1:800us\n"
               "    user > edge/gw [>latest] GET /cart 200 1 s1:900us\n"
               "    edge/gw > shop/canary [latest>v1] GET /cart 500 1 c1:60us s1:40us t1:20us\n"
               "    edge/gw > shop/cart [latest>] GET /cart 200 1 c1:800us\n");
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1", CART, CART_URL, 200, "-", 0, 100, NULL);
    rig_istio(&r, 2, 1, SPAN_SERVER, "cart", "shop", "v1", "inbound|8080||", CART_URL, 200, "-", 10,
              80, NULL);
    add_mirror(&r, 3, 1, "web.shop", CART, 200, 15, 300);
    rig_istio(&r, 4, 3, SPAN_SERVER, "cart", "shop", "v1", "inbound|8080||", CART_URL, 200, "-", 20,
              250, NULL);
    rig_expect(&r, "mirrored by a sidecar",
               "shop/web > shop/cart http 2/0/2 200=2 mirror=1 c2:400us s2:330us t2:70us\n"
               "    shop/web > shop/cart [v1>v1] GET /cart 200 2 c2:400us s2:330us t2:70us\n");
}

/* What a gateway passes through is one request, to the host that was asked for. */
Test(hops_gateway, gateway_passes_through)
{
    struct rig r;
    rig_init(&r);
    rig_gateway(&r, 1, 0, "PassthroughCluster", "http://api.example.org/rates", 200, "-", 0, 900);
    rig_upstream(&r, 2, 1, "gw", "edge", "latest", "PassthroughCluster", 200, "-", 0, 10, 800);
    rig_expect(&r, "gateway passes through",
               "user > edge/gw http 1/0/1 200=1 s1:900us\n"
               "edge/gw > api.example.org http 1/0/1 200=1 c1:800us\n"
               "    user > edge/gw [>latest] GET /rates 200 1 s1:900us\n"
               "    edge/gw > api.example.org [latest>] GET /rates 200 1 c1:800us\n");
}

/* gRPC carries the words of a denial back through everybody: denied is who the callee's proxy
 * denied, not who asked the gateway, unless the gateway itself did it. */
Test(hops_gateway, denial_passes_through)
{
    static const char words[] = "grpc.status_code=7;grpc.message=RBAC: access denied";
    struct rig r;
    rig_init(&r);
    for (uint64_t i = 0; i < 2; i++) {
        r.trace = i + 1;
        struct rig_span *s = rig_gateway(
            &r, 1, 0, CART, i ? "http://shop/own" : "http://shop/passed", 200, "-", 0, 900);
        s->attrs[s->span.attr_count++] =
            (struct attr){.key = STR("grpc.status_code"), .type = VALUE_INT, .i = 7};
        s->attrs[s->span.attr_count++] = (struct attr){
            .key = STR("grpc.message"), .type = VALUE_STRING, .text = STR("RBAC: access denied")};
    }
    r.trace = 1;
    rig_istio(&r, 2, 1, SPAN_SERVER, "cart", "shop", "v1", "inbound|8080||", "http://shop/passed",
              200, "-", 10, 20, words);
    rig_expect(&r, "a denial passes through",
               "user > edge/gw grpc 2/0/2 grpc:7=2 s2:1800us denied\n"
               "edge/gw > shop/cart grpc 1/0/1 grpc:7=1 c1:900us s1:20us t1:880us denied\n"
               "    user > edge/gw [>latest] GET /own grpc:7 1 s1:900us denied\n"
               "    user > edge/gw [>latest] GET /passed grpc:7 1 s1:900us\n"
               "    edge/gw > shop/cart [latest>v1] GET /passed grpc:7 1 c1:900us s1:20us t1:880us "
               "denied\n");
}

/* A gateway is known by the cluster that it chose; what its other spans are does not hang on which
 * of them stands in front. */
Test(hops_gateway, consul_gateway_that_chose_no_cluster)
{
    static const char *const resource = "service.name=consul-mesh;telemetry.sdk.name=envoy";
    struct rig r;
    rig_init(&r);
    struct rig_span *first =
        rig_add(&r, 1, 0, SPAN_SERVER, "ingress", resource,
                "node_id=mesh-gateway-5d9c7b8f6-abcde;component=proxy;http.status_code=404;"
                "response_flags=NR;http.url=http://api.virtual.consul/a",
                0, 10);
    r.trace = 2;
    struct rig_span *second =
        rig_add(&r, 2, 0, SPAN_SERVER, "ingress", resource,
                "node_id=mesh-gateway-5d9c7b8f6-abcde;component=proxy;http.status_code=200;"
                "upstream_cluster=api.default.dc1.internal.e5b08d03-bfc3.consul;"
                "http.url=http://api.virtual.consul/a",
                0, 100);
    second->span.resource = first->span.resource;
    rig_expect(&r, "consul gateway",
               "consul-mesh > default/api http 1/0/1 404=1 NR=1 c1:10us\n"
               "mesh-gateway > default/api http 1/0/1 200=1 c1:100us\n"
               "user > mesh-gateway http 1/0/1 200=1 s1:100us\n"
               "    consul-mesh > default/api [>] ingress 404 1 c1:10us\n"
               "    mesh-gateway > default/api [>] ingress 200 1 c1:100us\n"
               "    user > mesh-gateway [>] ingress 200 1 s1:100us\n");
}
