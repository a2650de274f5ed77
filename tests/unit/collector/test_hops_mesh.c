/* test_hops_mesh.c - golden traces of meshes: each must give exactly one count per real hop, in any
 * order, split, repeated and with restarts between. */
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define CART "outbound|8080||cart.shop.svc.cluster.local"
#define PAY  "outbound|8080|v2|payment.pay.svc.cluster.local"
#define IN   "inbound|8080||"

/* (a) Istio with SDK applications under names of their own: app, sidecar, sidecar, app. Trap 7: no
 * edge from a workload to itself. */
Test(hops, istio_with_sdk)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_SERVER, "web", "shop", "v1", IN, "http://web.shop/", 200, "-", 0, 900,
              NULL);
    rig_app(&r, 2, 1, SPAN_SERVER, "web-frontend", "GET /", "http.response.status_code=#200", 10,
            880);
    rig_app(&r, 3, 2, SPAN_INTERNAL, "web-frontend", "render", NULL, 20, 800);
    rig_app(
        &r, 4, 3, SPAN_CLIENT, "web-frontend", "HTTP GET",
        "http.request.method=GET;url.full=http://127.0.0.1:15001/items/42;server.address=127.0.0.1;"
        "server.port=#15001;http.response.status_code=#200",
        30, 700);
    rig_istio(&r, 5, 4, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/items/42", 200, "-", 40, 600, NULL);
    rig_istio(&r, 6, 5, SPAN_SERVER, "cart", "shop", "v2", IN,
              "http://cart.shop.svc.cluster.local:8080/items/42", 200, "-", 50, 500, NULL);
    rig_app(&r, 7, 6, SPAN_SERVER, "CartService", "GET /items/{id}",
            "http.response.status_code=#200", 60, 400);
    rig_expect(
        &r, "istio with sdk",
        "user > shop/web http 1/0/1 200=1 s1:900us\n"
        "shop/web > shop/cart http 1/0/1 200=1 c1:700us s1:500us t1:200us\n"
        "    user > shop/web [>v1] GET / 200 1 s1:900us\n"
        "    shop/web > shop/cart [v1>v2] GET /items/{id} 200 1 c1:700us s1:500us t1:200us\n");
}

/* (b) Istio without SDK: the application copies headers, or does not. */
Test(hops, istio_header_copy)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 0, 900, NULL);
    rig_istio(&r, 2, 1, SPAN_SERVER, "cart", "shop", "v1", IN,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 10, 800, NULL);
    rig_istio(&r, 3, 2, SPAN_CLIENT, "cart", "shop", "v1", PAY,
              "http://payment.pay.svc.cluster.local:8080/b", 500, "-", 20, 700, NULL);
    rig_istio(&r, 4, 3, SPAN_SERVER, "payment", "pay", "v2", IN,
              "http://payment.pay.svc.cluster.local:8080/b", 500, "-", 30, 600, NULL);
    r.trace = 2; /* the same again, but the context was lost inside cart */
    rig_istio(&r, 11, 0, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 0, 900, NULL);
    rig_istio(&r, 12, 11, SPAN_SERVER, "cart", "shop", "v1", IN,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 10, 800, NULL);
    r.trace = 3;
    rig_istio(&r, 13, 0, SPAN_CLIENT, "cart", "shop", "v1", PAY,
              "http://payment.pay.svc.cluster.local:8080/b", 500, "-", 20, 700, NULL);
    rig_istio(&r, 14, 13, SPAN_SERVER, "payment", "pay", "v2", IN,
              "http://payment.pay.svc.cluster.local:8080/b", 500, "-", 30, 600, NULL);
    rig_expect(&r, "header copying",
               "shop/cart > pay/payment http 2/2/2 500=2 c2:1400us s2:1200us t2:200us\n"
               "shop/web > shop/cart http 2/0/2 200=2 c2:1800us s2:1600us t2:200us\n"
               "    shop/cart > pay/payment [v1>v2] GET /b 500 2 c2:1400us s2:1200us t2:200us\n"
               "    shop/web > shop/cart [v1>v1] GET /a 200 2 c2:1800us s2:1600us t2:200us\n");
}

/* (c) A gateway that tries three times; the application calls itself through the mesh. */
Test(hops, gateway_retries)
{
    struct rig r;
    rig_init(&r);
    rig_gateway(&r, 1, 0, CART, "http://shop.example.com/cart/7", 200, "-", 0, 1000);
    rig_upstream(&r, 2, 1, "gw", "edge", "latest", CART, 503, "UC", 0, 10, 200);
    rig_upstream(&r, 3, 1, "gw", "edge", "latest", CART, 503, "-", 1, 300, 200);
    rig_upstream(&r, 4, 1, "gw", "edge", "latest", CART, 200, "-", 2, 600, 300);
    rig_istio(&r, 5, 3, SPAN_SERVER, "cart", "shop", "v1", IN, "http://shop.example.com/cart/7",
              503, "-", 310, 150, NULL);
    rig_istio(&r, 6, 4, SPAN_SERVER, "cart", "shop", "v2", IN, "http://shop.example.com/cart/7",
              200, "-", 610, 250, NULL);
    rig_istio(&r, 7, 6, SPAN_CLIENT, "cart", "shop", "v2", CART,
              "http://cart.shop.svc.cluster.local:8080/self", 200, "-", 620, 90, NULL);
    rig_istio(&r, 8, 7, SPAN_SERVER, "cart", "shop", "v2", IN,
              "http://cart.shop.svc.cluster.local:8080/self", 200, "-", 630, 50, NULL);
    rig_expect(&r, "gateway retries",
               "user > edge/gw http 1/0/1 200=1 s1:1000us\n"
               "edge/gw > shop/cart http 1/0/3 200=1 UC=1 c1:1000us s2:400us skipped\n"
               "shop/cart > shop/cart http 1/0/1 200=1 c1:90us s1:50us t1:40us\n"
               "    user > edge/gw [>latest] GET /cart/{} 200 1 s1:1000us\n"
               "    edge/gw > shop/cart [latest>v2] GET /cart/{} 200 1 c1:1000us s2:400us skipped\n"
               "    shop/cart > shop/cart [v2>v2] GET /self 200 1 c1:90us s1:50us t1:40us\n");
}

/* spawn_upstream_span on sidecars: SERVER and CLIENT on both sides, one CLIENT a try. */
Test(hops, spawned_upstream_spans)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_SERVER, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 503, "URX,UF", 0, 900, NULL);
    rig_upstream(&r, 2, 1, "web", "shop", "v1", CART, 0, "UF", 0, 10, 100);
    rig_upstream(&r, 3, 1, "web", "shop", "v1", CART, 503, "-", 1, 200, 100);
    rig_istio(&r, 4, 3, SPAN_SERVER, "cart", "shop", "v1", IN,
              "http://cart.shop.svc.cluster.local:8080/a", 503, "-", 210, 80, NULL);
    rig_upstream(&r, 5, 4, "cart", "shop", "v1", IN, 503, "-", 0, 220, 60);
    rig_istio(&r, 6, 5, SPAN_SERVER, "cart", "shop", "v1", NULL,
              "http://nowhere.shop.svc.cluster.local:8080/", 404, "NR", 230, 5, NULL);
    rig_expect(&r, "spawned upstream spans",
               "shop/cart > shop/nowhere http 1/0/1 404=1 NR=1 c1:5us\n"
               "shop/web > shop/cart http 1/1/2 503=1 UF=1 URX=1 c1:900us s1:80us skipped\n"
               "    shop/cart > shop/nowhere [v1>] GET / 404 1 c1:5us\n"
               "    shop/web > shop/cart [v1>v1] GET /a 503 1 c1:900us s1:80us skipped\n");
}

/* A sidecar's listener that finds no route is the outbound one, also where the mesh is entered or
 * an application stands above it. */
Test(hops, no_route_without_a_cluster)
{
    static const char nowhere[] = "http://nowhere.shop.svc.cluster.local:8080/";
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_SERVER, "web", "shop", "v1", NULL, nowhere, 404, "NR", 0, 5, NULL);
    rig_app(&r, 2, 0, SPAN_CLIENT, "job", "GET",
            "http.request.method=GET;http.response.status_code=#404", 0, 9);
    rig_istio(&r, 3, 2, SPAN_SERVER, "job", "shop", "v1", NULL, nowhere, 404, "NR", 1, 5, NULL);
    rig_expect(&r, "no route without a cluster",
               "shop/job > shop/nowhere http 1/0/1 404=1 NR=1 c1:9us\n"
               "shop/web > shop/nowhere http 1/0/1 404=1 NR=1 c1:5us\n"
               "    shop/job > shop/nowhere [v1>] GET / 404 1 c1:9us\n"
               "    shop/web > shop/nowhere [v1>] GET / 404 1 c1:5us\n");
}

/* An application calls itself through its sidecar, whose inbound side denies it: that reached no
 * cluster either, and is no second way out. */
Test(hops, denied_by_itself)
{
    static const char self[] = "http://cart.shop.svc.cluster.local:8080/self";
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "cart", "shop", "v1", CART, self, 403, "-", 0, 90, NULL);
    rig_istio(&r, 2, 1, SPAN_SERVER, "cart", "shop", "v1", NULL, self, 403, "-", 10, 50, NULL);
    rig_expect(&r, "denied by itself",
               "shop/cart > shop/cart http 1/0/1 403=1 c1:90us s1:50us t1:40us\n"
               "    shop/cart > shop/cart [v1>v1] GET /self 403 1 c1:90us s1:50us t1:40us\n");
}

/* The clock of v1's pod is ahead, and the caller got v2's answer all the same. */
Test(hops, tries_on_two_clocks)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 0, 90, NULL);
    rig_istio(&r, 2, 1, SPAN_SERVER, "cart", "shop", "v1", IN,
              "http://cart.shop.svc.cluster.local:8080/a", 503, "-", 500000, 20, NULL);
    rig_istio(&r, 3, 1, SPAN_SERVER, "cart", "shop", "v2", IN,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 50, 20, NULL);
    rig_expect(&r, "tries on two clocks",
               "shop/web > shop/cart http 1/0/2 200=1 c1:90us s2:40us skipped\n"
               "    shop/web > shop/cart [v1>v2] GET /a 200 1 c1:90us s2:40us skipped\n");
}

/* Sidecars that name no version: what stands inside the attempt that answered tells it. */
Test(hops, tries_of_two_versions)
{
    static const char api[] = "api.default.dc1.internal.e5b08d03-bfc3.consul";
    struct rig r;
    rig_init(&r);
    rig_consul(&r, 1, 0, SPAN_CLIENT, "web-6c9f7d8b5-q1w0", api, "http://api.virtual.consul/a", 200,
               0, 90);
    for (uint64_t i = 0; i < 2; i++) {
        int code = i ? 200 : 503;
        rig_consul(&r, 2 + i, 1, SPAN_SERVER, "api-6c9f7d8b5-q1w1", "local_app",
                   "http://api.virtual.consul/a", code, 10 + 40 * i, 30);
        rig_app(&r, 4 + i, 2 + i, SPAN_SERVER,
                i ? "service.name=api-app;service.version=v2"
                  : "service.name=api-app;service.version=v1",
                "GET /a", i ? "http.response.status_code=#200" : "http.response.status_code=#503",
                11 + 40 * i, 20);
    }
    rig_expect(&r, "tries of two versions",
               "web > default/api http 1/0/2 200=1 c1:90us s2:60us skipped\n"
               "    web > default/api [>v2] GET /a 200 1 c1:90us s2:60us skipped\n");
}

/* The application left before the answer that its sidecar already had. */
Test(hops, caller_gave_up)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "web", "GET",
            "http.request.method=GET;url.full=http://cart/a;error.type=timeout", 0, 90)
        ->span.status = SPAN_STATUS_ERROR;
    rig_istio(&r, 2, 1, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 1, 95, NULL);
    rig_expect(&r, "caller gave up",
               "shop/web > shop/cart http 1/1/1 0=1 c1:90us\n"
               "    shop/web > shop/cart [v1>] GET /a 0 1 c1:90us\n");
}

/* (d) A waypoint on the way, with and without its peer tags, with and without evidence around it.
 */
Test(hops, waypoint)
{
    static const char node[] =
        "node_id=waypoint~10.0.0.5~waypoint-7d9f4c5b6-x2k44.shop~shop.svc.cluster.local;component="
        "proxy;"
        "istio.canonical_service=waypoint;istio.namespace=shop;istio.cluster_id=Kubernetes;"
        "http.method=GET;http.url=http://cart.shop.svc.cluster.local:8080/a;http.status_code=200;"
        "response_flags=-;upstream_cluster=inbound-vip|8080|http|cart.shop.svc.cluster.local;";
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 0, 900, NULL);
    rig_add(&r, 2, 1, SPAN_SERVER, "way", "service.name=waypoint.shop;telemetry.sdk.name=envoy",
            node, 10, 700);
    rig_istio(&r, 3, 2, SPAN_SERVER, "cart", "shop", "v1", IN,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 20, 500, NULL);
    r.trace = 2; /* alone, but it knows both ends */
    char tagged[1024];
    snprintf(tagged, sizeof(tagged),
             "%sistio.source_canonical_service=web;istio.source_namespace=shop;istio.source_"
             "cluster_id=Kubernetes;"
             "istio.destination_canonical_service=cart;istio.destination_namespace=shop",
             node);
    rig_add(&r, 4, 0, SPAN_SERVER, "way", "service.name=waypoint.shop;telemetry.sdk.name=envoy",
            tagged, 10, 700);
    rig_expect(&r, "waypoint",
               "shop/waypoint > shop/cart http raw 2/0/2 200=2 c2:1400us s1:500us t1:200us\n"
               "shop/web > shop/cart http mesh 2/0/2 200=2 c2:1600us s1:500us t1:400us\n"
               "shop/web > shop/waypoint http raw 2/0/2 200=2 c1:900us s2:1400us t1:200us\n"
               "    shop/waypoint > shop/cart [>] GET /a 200 1 c1:700us\n"
               "    shop/waypoint > shop/cart [>v1] GET /a 200 1 c1:700us s1:500us t1:200us\n"
               "    shop/web > shop/cart [>] GET /a 200 1 c1:700us\n"
               "    shop/web > shop/cart [v1>v1] GET /a 200 1 c1:900us s1:500us t1:400us\n"
               "    shop/web > shop/waypoint [>] GET /a 200 1 s1:700us\n"
               "    shop/web > shop/waypoint [v1>] GET /a 200 1 c1:900us s1:700us t1:200us\n");
}

/* A waypoint's tags tell the version of both ends; what they do not know its cluster does. */
Test(hops, waypoint_tags)
{
    static const char node[] =
        "component=proxy;node_id=waypoint~10.1.0.9~way-1-abcde.shop~shop.svc.cluster.local;"
        "upstream_cluster=inbound-vip|80|http|cart.shop.svc.cluster.local;http.method=GET;"
        "http.url=http://cart.shop.svc.cluster.local/a;http.status_code=200;"
        "istio.canonical_service=waypoint;istio.namespace=shop;istio.source_namespace=shop;"
        "istio.source_canonical_service=web;istio.source_canonical_revision=v3;"
        "istio.destination_namespace=shop;";
    char tags[1024];
    struct rig r;
    rig_init(&r);
    snprintf(tags, sizeof(tags),
             "%sistio.destination_canonical_service=cart;istio.destination_canonical_revision=v2",
             node);
    rig_add(&r, 1, 0, SPAN_SERVER, "way", "telemetry.sdk.name=envoy", tags, 10, 700);
    r.trace = 2;
    snprintf(tags, sizeof(tags),
             "%sistio.destination_canonical_service=unknown;istio.destination_canonical_revision="
             "unknown",
             node);
    rig_add(&r, 2, 0, SPAN_SERVER, "way", "telemetry.sdk.name=envoy", tags, 10, 700);
    rig_expect(&r, "waypoint tags",
               "shop/waypoint > shop/cart http raw 2/0/2 200=2 c2:1400us\n"
               "shop/web > shop/cart http mesh 2/0/2 200=2 c2:1400us\n"
               "shop/web > shop/waypoint http raw 2/0/2 200=2 s2:1400us\n"
               "    shop/waypoint > shop/cart [>] GET /a 200 1 c1:700us\n"
               "    shop/waypoint > shop/cart [>v2] GET /a 200 1 c1:700us\n"
               "    shop/web > shop/cart [v3>] GET /a 200 1 c1:700us\n"
               "    shop/web > shop/cart [v3>v2] GET /a 200 1 c1:700us\n"
               "    shop/web > shop/waypoint [v3>] GET /a 200 2 s2:1400us\n");
}

/* (e) Linkerd: four proxy spans, two applications, one hop. */
Test(hops, linkerd)
{
    static const char host[] = "cart.shop.svc.cluster.local";
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "webapp", "GET",
            "http.request.method=GET;url.full=http://cart.shop:8080/items/"
            "42;http.response.status_code=#200",
            0, 900);
    rig_linkerd(&r, 2, 1, SPAN_SERVER, "outbound", "web", "shop", host, 200, 10, 800);
    rig_linkerd(&r, 3, 2, SPAN_CLIENT, "outbound", "web", "shop", host, 200, 20, 700);
    rig_linkerd(&r, 4, 3, SPAN_SERVER, "inbound", "cart", "shop", host, 200, 30, 600);
    rig_linkerd(&r, 5, 4, SPAN_CLIENT, "inbound", "cart", "shop", host, 200, 40, 500);
    rig_app(&r, 6, 5, SPAN_SERVER, "cartapp", "GET /items/{id}", "http.response.status_code=#200",
            50, 400);
    rig_expect(
        &r, "linkerd",
        "shop/web > shop/cart http 1/0/1 200=1 c1:900us s1:600us t1:300us\n"
        "    shop/web > shop/cart [v1>v1] GET /items/{id} 200 1 c1:900us s1:600us t1:300us\n");
}

/* (f) Consul: subset, partition, peer; pods that a hop names, and one that none does. */
Test(hops, consul)
{
    struct rig r;
    rig_init(&r);
    rig_consul(&r, 1, 0, SPAN_CLIENT, "web-6c9f7d8b5-q1w0",
               "api.default.dc1.internal.e5b08d03-bfc3.consul", "http://api.virtual.consul/orders",
               200, 0, 900);
    rig_consul(&r, 2, 1, SPAN_SERVER, "api-prod-6c9f7d8b5-q1w1", "local_app",
               "http://api.virtual.consul/orders", 200, 10, 800);
    rig_consul(&r, 3, 2, SPAN_CLIENT, "api-prod-6c9f7d8b5-q1w1",
               "v2.billing.default.dc1.internal.e5b08d03-bfc3.consul",
               "http://billing.virtual.consul/x", 200, 20, 100);
    rig_consul(&r, 4, 3, SPAN_SERVER, "billing-v2-6c9f7d8b5-q1w3", "local_app",
               "http://billing.virtual.consul/x", 200, 30, 50);
    rig_consul(&r, 5, 2, SPAN_CLIENT, "api-prod-6c9f7d8b5-q1w1",
               "fraud.risk.cloud-dc2.external.e5b08d03-bfc3.consul",
               "http://fraud.virtual.consul/x", 504, 200, 100);
    rig_consul(&r, 6, 2, SPAN_CLIENT, "api-prod-6c9f7d8b5-q1w1",
               "ledger.fin.part1.dc1.internal-v1.e5b08d03-bfc3.consul",
               "http://ledger.virtual.consul/x", 503, 400, 100);
    rig_expect(&r, "consul",
               "default/api > risk/fraud http 1/1/1 504=1 c1:100us\n"
               "default/api > default/billing http 1/0/1 200=1 c1:100us s1:50us t1:50us\n"
               "default/api > fin/ledger http 1/1/1 503=1 c1:100us\n"
               "web > default/api http 1/0/1 200=1 c1:900us s1:800us t1:100us\n"
               "    default/api > risk/fraud [>] GET /x 504 1 c1:100us\n"
               "    default/api > default/billing [>v2] GET /x 200 1 c1:100us s1:50us t1:50us\n"
               "    default/api > fin/ledger [>] GET /x 503 1 c1:100us\n"
               "    web > default/api [>] GET /orders 200 1 c1:900us s1:800us t1:100us\n");
}

/* (g) nginx in front: server spans only. */
Test(hops, nginx_in_front)
{
    static const struct scope nginx = {{"nginx", 5}, {"1.27", 4}};
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_SERVER, "service.name=front", "/",
            "http.method=GET;http.target=/a/17?x=1;http.route=/a/;http.status_code=#200", 0, 900)
        ->span.scope = &nginx;
    rig_app(&r, 2, 1, SPAN_SERVER, "auth", "GET /check", "http.response.status_code=#200", 10, 100);
    rig_app(&r, 3, 1, SPAN_SERVER, "shop", "GET /a/{id}", "http.response.status_code=#200", 200,
            500);
    rig_expect(&r, "nginx",
               "front > auth http 1/0/1 200=1 s1:100us\n"
               "front > shop http 1/0/1 200=1 s1:500us\n"
               "user > front http 1/0/1 200=1 s1:900us\n"
               "    front > auth [>v1] GET /check 200 1 s1:100us\n"
               "    front > shop [>v1] GET /a/{id} 200 1 s1:500us\n"
               "    user > front [>] GET /a/ 200 1 s1:900us\n");
}

/* (h) Zipkin's shared spans: both halves under one id. */
Test(hops, shared_span_ids)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_SERVER, "web", "GET /", "http.status_code=#200", 0, 900);
    rig_app(&r, 2, 1, SPAN_CLIENT, "web", "get",
            "http.method=GET;http.url=http://cart/x;http.status_code=#200", 10, 500);
    rig_app(&r, 2, 1, SPAN_SERVER, "cart", "GET /x", "http.status_code=#200", 20, 400);
    rig_app(&r, 3, 2, SPAN_CLIENT, "cart", "get",
            "http.method=GET;http.url=http://stock/y;http.status_code=#200", 30, 300);
    rig_app(&r, 3, 2, SPAN_SERVER, "stock", "GET /y", "http.status_code=#200", 40, 200);
    rig_expect(&r, "shared ids",
               "cart > stock http 1/0/1 200=1 c1:300us s1:200us t1:100us\n"
               "user > web http 1/0/1 200=1 s1:900us\n"
               "web > cart http 1/0/1 200=1 c1:500us s1:400us t1:100us\n"
               "    cart > stock [v1>v1] GET /y 200 1 c1:300us s1:200us t1:100us\n"
               "    user > web [>v1] GET / 200 1 s1:900us\n"
               "    web > cart [v1>v1] GET /x 200 1 c1:500us s1:400us t1:100us\n");
}

/* (i) What the caller's side alone saw: no host, no connection, no route. And what sides answered
 * by themselves. */
Test(hops, failures_on_one_side)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_SERVER, "web", "shop", "v1", IN, "http://web/", 200, "-", 0, 900,
              NULL);
    rig_istio(&r, 2, 1, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 503, "UH", 10, 5, NULL);
    rig_istio(&r, 3, 1, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 503, "URX,UF", 20, 5, NULL);
    rig_istio(&r, 4, 1, SPAN_CLIENT, "web", "shop", "v1", NULL,
              "http://nowhere.shop.svc.cluster.local:8080/", 404, "NR", 30, 5, NULL);
    rig_istio(&r, 5, 1, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 403, "-", 40, 50, NULL);
    rig_istio(&r, 6, 5, SPAN_SERVER, "cart", "shop", "v1", IN,
              "http://cart.shop.svc.cluster.local:8080/a", 403, "-", 45, 5,
              "response_code_details=rbac_access_denied_matched_policy[none]");
    rig_istio(&r, 7, 1, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 429, "-", 60, 50, NULL);
    rig_istio(&r, 8, 7, SPAN_SERVER, "cart", "shop", "v1", IN,
              "http://cart.shop.svc.cluster.local:8080/a", 429, "RL", 65, 5, NULL);
    r.trace = 2;
    rig_gateway(&r, 11, 0, NULL, "http://unknown.example.com/", 404, "NR", 0, 5);
    r.trace = 3;
    rig_gateway(&r, 12, 0, CART, "http://shop.example.com/cart", 429, "RL", 0, 5);
    r.trace = 4;
    rig_gateway(&r, 13, 0, CART, "http://shop.example.com/cart", 0, "DC", 0, 500);
    rig_upstream(&r, 14, 13, "gw", "edge", "latest", CART, 0, "-", 0, 10, 400);
    rig_istio(&r, 15, 14, SPAN_SERVER, "cart", "shop", "v1", IN, "http://shop.example.com/cart", 0,
              "DC", 20, 380, NULL);
    rig_expect(&r, "failures on one side",
               "user > edge/gw http 3/1/3 0=1 404=1 429=1 DC=1 NR=1 RL=1 s3:510us\n"
               "user > shop/web http 1/0/1 200=1 s1:900us\n"
               "edge/gw > shop/cart http 1/1/1 0=1 DC=1 c1:400us s1:380us t1:20us\n"
               "shop/web > shop/cart http 4/2/4 403=1 429=1 503=2 UF=1 UH=1 URX=1 c4:110us s2:10us "
               "t2:90us denied\n"
               "shop/web > shop/nowhere http 1/0/1 404=1 NR=1 c1:5us\n"
               "    user > edge/gw [>latest] GET / 404 1 s1:5us\n"
               "    user > edge/gw [>latest] GET /cart 0 1 s1:500us\n"
               "    user > edge/gw [>latest] GET /cart 429 1 s1:5us\n"
               "    user > shop/web [>v1] GET / 200 1 s1:900us\n"
               "    edge/gw > shop/cart [latest>v1] GET /cart 0 1 c1:400us s1:380us t1:20us\n"
               "    shop/web > shop/cart [v1>] GET /a 503 2 c2:10us\n"
               "    shop/web > shop/cart [v1>v1] GET /a 403 1 c1:50us s1:5us t1:45us denied\n"
               "    shop/web > shop/cart [v1>v1] GET /a 429 1 c1:50us s1:5us t1:45us\n"
               "    shop/web > shop/nowhere [v1>] GET / 404 1 c1:5us\n");
}

/* (j) PassthroughCluster and BlackHoleCluster. */
Test(hops, passthrough_and_blackhole)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1", "PassthroughCluster",
              "http://api.example.org/v1/rates", 200, "-", 0, 90, NULL);
    rig_istio(&r, 2, 0, SPAN_CLIENT, "web", "shop", "v1", "PassthroughCluster",
              "http://API.example.org:8443/v1/rates", 200, "-", 0, 90, NULL);
    rig_istio(&r, 3, 0, SPAN_CLIENT, "web", "shop", "v1", "BlackHoleCluster",
              "http://evil.example/", 502, "-", 0, 90, NULL);
    rig_istio(&r, 4, 0, SPAN_CLIENT, "web", "shop", "v1", "outbound|443||api.stripe.com",
              "https://api.stripe.com/v1/charges", 200, "-", 0, 90, NULL);
    rig_expect(&r, "passthrough",
               "shop/web > api.example.org http 1/0/1 200=1 c1:90us\n"
               "shop/web > api.example.org:8443 http 1/0/1 200=1 c1:90us\n"
               "shop/web > api.stripe.com http 1/0/1 200=1 c1:90us\n"
               "shop/web > blocked http 1/1/1 502=1 c1:90us\n"
               "    shop/web > api.example.org [v1>] GET /v1/rates 200 1 c1:90us\n"
               "    shop/web > api.example.org:8443 [v1>] GET /v1/rates 200 1 c1:90us\n"
               "    shop/web > api.stripe.com [v1>] GET /v1/charges 200 1 c1:90us\n"
               "    shop/web > blocked [v1>] GET / 502 1 c1:90us\n");
}

/* Mirrored copies are requests of their own, from the same caller, never tries of the original. */
Test(hops, mirrored)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1", CART,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 0, 900, NULL);
    rig_istio(&r, 2, 1, SPAN_SERVER, "cart", "shop", "v1", IN,
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 10, 800, NULL);
    rig_istio(&r, 3, 1, SPAN_SERVER, "canary", "shop", "v2", IN,
              "http://cart.shop.svc.cluster.local-shadow:8080/a", 500, "-", 10, 700, NULL);
    rig_expect(&r, "mirrored",
               "shop/web > shop/canary http 1/1/1 500=1 mirror=1 s1:700us\n"
               "shop/web > shop/cart http 1/0/1 200=1 c1:900us s1:800us t1:100us\n"
               "    shop/web > shop/canary [v1>v2] GET /a 500 1 s1:700us\n"
               "    shop/web > shop/cart [v1>v1] GET /a 200 1 c1:900us s1:800us t1:100us\n");
}

/* Consul's sidecars with spawn_upstream_span: the upstream spans name nobody. */
Test(hops, consul_spawned)
{
    static const char api[] = "api.default.dc1.internal.e5b08d03-bfc3.consul";
    struct rig r;
    rig_init(&r);
    rig_consul(&r, 1, 0, SPAN_SERVER, "web-6c9f7d8b5-q1w0", api, "http://api.virtual.consul/orders",
               503, 0, 900);
    for (uint64_t i = 0; i < 2; i++) {
        rig_add(&r, 2 + 10 * i, 1, SPAN_CLIENT, "router",
                "service.name=consul-mesh;telemetry.sdk.name=envoy",
                "component=proxy;upstream_cluster=api.default.dc1.internal.e5b08d03-bfc3.consul;"
                "http.status_code=503;response_flags=-",
                10 + 400 * i, 300);
        rig_consul(&r, 3 + 10 * i, 2 + 10 * i, SPAN_SERVER, "api-6c9f7d8b5-q1w1", "local_app",
                   "http://api.virtual.consul/orders", 503, 20 + 400 * i, 200);
        rig_add(&r, 4 + 10 * i, 3 + 10 * i, SPAN_CLIENT, "router",
                "service.name=consul-mesh;telemetry.sdk.name=envoy",
                "component=proxy;upstream_cluster=local_app;http.status_code=503;response_flags=-",
                30 + 400 * i, 100);
    }
    rig_expect(&r, "consul spawned",
               "web > default/api http 1/1/2 503=1 c1:900us s2:400us skipped\n"
               "    web > default/api [>] GET /orders 503 1 c1:900us s2:400us skipped\n");
}

/* Traefik: server, internal and client spans of its own. */
Test(hops, traefik)
{
    static const struct scope traefik = {{"github.com/traefik/traefik", 26}, {"3.1", 3}};
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_SERVER, "service.name=traefik", "EntryPoint",
            "http.request.method=GET;url.path=/cart/7;http.response.status_code=#200", 0, 900)
        ->span.scope = &traefik;
    rig_app(&r, 2, 1, SPAN_INTERNAL, "service.name=traefik", "Router", NULL, 10, 800)->span.scope =
        &traefik;
    rig_app(&r, 3, 2, SPAN_CLIENT, "service.name=traefik", "ReverseProxy",
            "http.request.method=GET;url.full=http://10.0.0.4:8080/cart/"
            "7;http.response.status_code=#200",
            20, 700)
        ->span.scope = &traefik;
    rig_app(&r, 4, 3, SPAN_SERVER, "cart", "GET /cart/{id}", "http.response.status_code=#200", 30,
            600);
    rig_expect(&r, "traefik",
               "traefik > cart http 1/0/1 200=1 c1:700us s1:600us t1:100us\n"
               "user > traefik http 1/0/1 200=1 s1:900us\n"
               "    traefik > cart [>v1] GET /cart/{id} 200 1 c1:700us s1:600us t1:100us\n"
               "    user > traefik [>] GET /cart/{} 200 1 s1:900us\n");
}

/* A plain Envoy in front, its clusters named as somebody liked. */
Test(hops, plain_envoy)
{
    static const char envoy[] = "service.name=front-proxy;telemetry.sdk.name=envoy";
    struct rig r;
    rig_init(&r);
    rig_add(&r, 1, 0, SPAN_SERVER, "ingress", envoy,
            "component=proxy;node_id=front;upstream_cluster=cart;http.url=http://shop/cart/"
            "7;http.method=GET;http.status_code=200;response_flags=-",
            0, 900);
    rig_app(&r, 2, 1, SPAN_SERVER, "cart", "GET /cart/{id}", "http.response.status_code=#200", 30,
            600);
    r.trace = 2;
    rig_add(&r, 3, 0, SPAN_SERVER, "ingress", envoy,
            "component=proxy;node_id=front;upstream_cluster=old_stock;http.url=http://shop/"
            "stock;http.method=GET;http.status_code=200;response_flags=-",
            0, 900);
    rig_expect(&r, "plain envoy",
               "front-proxy > cart http 1/0/1 200=1 c1:900us s1:600us t1:300us\n"
               "front-proxy > old_stock http 1/0/1 200=1 c1:900us\n"
               "user > front-proxy http 2/0/2 200=2 s2:1800us\n"
               "    front-proxy > cart [>v1] GET /cart/{id} 200 1 c1:900us s1:600us t1:300us\n"
               "    front-proxy > old_stock [>] GET /stock 200 1 c1:900us\n"
               "    user > front-proxy [>] GET /cart/{} 200 1 s1:900us\n"
               "    user > front-proxy [>] GET /stock 200 1 s1:900us\n");
}

/* Envoy asks an authorisation service on the way: a request of its own, no try of the one it
 * serves. */
Test(hops, external_authorisation)
{
    struct rig r;
    rig_init(&r);
    rig_gateway(&r, 1, 0, CART, "http://shop.example.com/cart/7", 200, "-", 0, 900);
    rig_upstream(&r, 2, 1, "gw", "edge", "latest", "outbound|9000||authz.sec.svc.cluster.local",
                 200, "-", 0, 5, 50);
    rig_istio(&r, 3, 2, SPAN_SERVER, "authz", "sec", "v1", IN,
              "http://authz.sec.svc.cluster.local:9000/check", 200, "-", 8, 40, NULL);
    rig_upstream(&r, 4, 1, "gw", "edge", "latest", CART, 200, "-", 0, 100, 700);
    rig_istio(&r, 5, 4, SPAN_SERVER, "cart", "shop", "v1", IN, "http://shop.example.com/cart/7",
              200, "-", 110, 600, NULL);
    rig_expect(
        &r, "external authorisation",
        "user > edge/gw http 1/0/1 200=1 s1:900us\n"
        "edge/gw > sec/authz http 1/0/1 200=1 c1:50us s1:40us t1:10us\n"
        "edge/gw > shop/cart http 1/0/1 200=1 c1:700us s1:600us t1:100us\n"
        "    user > edge/gw [>latest] GET /cart/{} 200 1 s1:900us\n"
        "    edge/gw > sec/authz [latest>v1] GET /check 200 1 c1:50us s1:40us t1:10us\n"
        "    edge/gw > shop/cart [latest>v1] GET /cart/{} 200 1 c1:700us s1:600us t1:100us\n");
}

/* Semantic-convention names in place of Envoy's own. */
Test(hops, new_attribute_names)
{
    struct rig r;
    rig_init(&r);
    rig_add(&r, 1, 0, SPAN_CLIENT, "x", "service.name=web.shop;telemetry.sdk.name=envoy",
            "component=proxy;node_id=sidecar~10.0.0.1~web-v1-7d9f4c5b6-x2k41.shop~shop.svc.cluster."
            "local;upstream_cluster=" CART
            ";url.full=http://cart.shop.svc.cluster.local:8080/items/"
            "7;http.request.method=GET;http.response.status_code=#503;response_flags=URX;"
            "http.request.resend_count=2;http.request.body.size=#7;http.response.body.size=#9",
            0, 900);
    rig_expect(&r, "new names",
               "shop/web > shop/cart http 1/1/3 503=1 URX=1 c1:900us\n"
               "    shop/web > shop/cart [>] GET /items/{} 503 1 c1:900us\n");
}
