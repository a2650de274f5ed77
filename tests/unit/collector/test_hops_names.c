/* test_hops_names.c - golden traces of names: what a workload is called by its proxy, its callers
 * and itself, and which of them are one. */
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define LEDGER_URL "http://ledger.virtual.consul/x"

/* Consul's node id and the application's own name are both other names of the service that the
 * caller's cluster names: what the pod asks for by itself, and what its application says alone, is
 * of that service. */
Test(hops_names, consul_with_sdk)
{
    static const char pod[] = "billing-v2-6c9f7d8b5-q1w3";
    static const char billing[] = "billing.default.dc1.internal.e5b08d03-bfc3.consul";
    static const char ledger[] = "ledger.default.dc1.internal.e5b08d03-bfc3.consul";
    struct rig r;
    rig_init(&r);
    rig_consul(&r, 1, 0, SPAN_CLIENT, "web-6c9f7d8b5-q1w0", billing, "http://billing/x", 200, 0,
               900);
    rig_consul(&r, 2, 1, SPAN_SERVER, pod, "local_app", "http://billing/x", 200, 10, 800);
    rig_app(&r, 3, 2, SPAN_SERVER, "service.name=BillingAPI", "GET /x",
            "http.response.status_code=#200", 20, 700);
    r.trace = 2;
    rig_consul(&r, 4, 0, SPAN_CLIENT, pod, ledger, LEDGER_URL, 200, 0, 500);
    rig_consul(&r, 5, 4, SPAN_SERVER, "ledger-6c9f7d8b5-q1w4", "local_app", LEDGER_URL, 200, 10,
               400);
    r.trace = 3;
    rig_app(&r, 6, 0, SPAN_CLIENT, "service.name=BillingAPI", "SELECT",
            "db.system=postgresql;server.address=db", 0, 30);
    rig_expect(&r, "consul with sdk",
               "default/billing > postgresql@db database 1/0/1 c1:30us\n"
               "default/billing > default/ledger http 1/0/1 200=1 c1:500us s1:400us t1:100us\n"
               "web > default/billing http 1/0/1 200=1 c1:900us s1:800us t1:100us\n"
               "    default/billing > postgresql@db [>] SELECT  1 c1:30us\n"
               "    default/billing > default/ledger [>] GET /x 200 1 c1:500us s1:400us t1:100us\n"
               "    web > default/billing [>] GET /x 200 1 c1:900us s1:800us t1:100us\n");
}

/* A waypoint's span as Istio's ambient mode sends it, before service.space. */
static void add_waypoint(struct rig *r, uint64_t id, uint64_t parent, const char *service,
                         const char *space, uint64_t at, uint64_t us)
{
    char attrs[1024], resource[128];
    snprintf(attrs, sizeof(attrs),
             "node_id=waypoint~10.0.0.5~waypoint-7d9f4c5b6-x2k44.%s~%s.svc.cluster.local;"
             "component=proxy;istio.canonical_service=waypoint;istio.namespace=%s;http.method=GET;"
             "http.url=http://%s.%s.svc.cluster.local:8080/a;http.status_code=200;"
             "response_flags=-;upstream_cluster=inbound-vip|8080|http|%s.%s.svc.cluster.local",
             space, space, space, service, space, service, space);
    snprintf(resource, sizeof(resource), "service.name=waypoint.%s;telemetry.sdk.name=envoy",
             space);
    rig_add(r, id, parent, SPAN_SERVER, "way", resource, attrs, at, us);
}

/* Ambient without SDKs: applications copy headers, so the waypoint of the second service hangs
 * right below that of the first, which is what called it. */
Test(hops_names, ambient_header_copy)
{
    struct rig r;
    rig_init(&r);
    rig_gateway(&r, 1, 0, "outbound|8080||cart.shop.svc.cluster.local", "http://shop.example.com/a",
                200, "-", 0, 900);
    add_waypoint(&r, 2, 1, "cart", "shop", 10, 800);
    add_waypoint(&r, 3, 2, "payment", "pay", 20, 300);
    add_waypoint(&r, 4, 2, "cart", "shop", 400, 200); /* one behind another before one service */
    rig_expect(&r, "ambient header copying",
               "user > edge/gw http 1/0/1 200=1 s1:900us\n"
               "pay/waypoint > pay/payment http raw 1/0/1 200=1 c1:300us\n"
               "shop/cart > pay/payment http mesh 1/0/1 200=1 c1:300us\n"
               "shop/cart > pay/waypoint http raw 1/0/1 200=1 s1:300us\n"
               "shop/waypoint > shop/cart http raw 1/0/1 200=1 c1:200us\n"
               "shop/waypoint > shop/waypoint http raw 1/0/1 200=1 c1:800us s1:200us t1:600us\n"
               "edge/gw > shop/cart http mesh 1/0/1 200=1 c1:900us\n"
               "edge/gw > shop/waypoint http raw 1/0/1 200=1 c1:900us s1:800us t1:100us\n"
               "    user > edge/gw [>latest] GET /a 200 1 s1:900us\n"
               "    pay/waypoint > pay/payment [>] GET /a 200 1 c1:300us\n"
               "    shop/cart > pay/payment [>] GET /a 200 1 c1:300us\n"
               "    shop/cart > pay/waypoint [>] GET /a 200 1 s1:300us\n"
               "    shop/waypoint > shop/cart [>] GET /a 200 1 c1:200us\n"
               "    shop/waypoint > shop/waypoint [>] GET /a 200 1 c1:800us s1:200us t1:600us\n"
               "    edge/gw > shop/cart [latest>] GET /a 200 1 c1:900us\n"
               "    edge/gw > shop/waypoint [latest>] GET /a 200 1 c1:900us s1:800us t1:100us\n");
}

/* A waypoint's mirror: a copy from the caller of the original. */
Test(hops_names, waypoint_mirrors)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1",
              "outbound|8080||cart.shop.svc.cluster.local",
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 0, 900, NULL);
    add_waypoint(&r, 2, 1, "cart", "shop", 10, 800);
    rig_istio(&r, 3, 2, SPAN_SERVER, "canary", "shop", "v2", "inbound|8080||",
              "http://cart.shop.svc.cluster.local-shadow:8080/a", 500, "-", 20, 700, NULL);
    rig_expect(&r, "a waypoint mirrors",
               "shop/waypoint > shop/cart http raw 1/0/1 200=1 c1:800us\n"
               "shop/web > shop/cart http mesh 1/0/1 200=1 c1:900us\n"
               "shop/web > shop/waypoint http raw 1/0/1 200=1 c1:900us s1:800us t1:100us\n"
               "shop/web > shop/canary http 1/1/1 500=1 mirror=1 s1:700us\n"
               "    shop/waypoint > shop/cart [>] GET /a 200 1 c1:800us\n"
               "    shop/web > shop/cart [v1>] GET /a 200 1 c1:900us\n"
               "    shop/web > shop/waypoint [v1>] GET /a 200 1 c1:900us s1:800us t1:100us\n"
               "    shop/web > shop/canary [v1>v2] GET /a 500 1 s1:700us\n");
}

/* A service whose name ends as a mirrored host does is asked for under that name: no copy. */
Test(hops_names, named_like_a_copy)
{
    static const char attrs[] =
        "http.request.method=GET;url.full=http://web-shadow:8080/a;http.response.status_code=#200";
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "cart", "GET", attrs, 0, 900);
    rig_app(&r, 2, 1, SPAN_SERVER, "web-shadow", "GET /a", attrs, 10, 800);
    rig_expect(&r, "named like a copy",
               "cart > web-shadow http 1/0/1 200=1 c1:900us s1:800us t1:100us\n"
               "    cart > web-shadow [v1>v1] GET /a 200 1 c1:900us s1:800us t1:100us\n");
}

/* A copy that goes through a gateway of its own is one copy, and no try of the original. */
Test(hops_names, copy_through_a_gateway)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1", "outbound|80||gw.edge.svc.cluster.local",
              "http://cart.example.com/a", 200, "-", 0, 900, NULL);
    rig_gateway(&r, 2, 1, "outbound|8080||cart.shop.svc.cluster.local",
                "http://cart.example.com-shadow/a", 500, "-", 10, 700);
    rig_istio(&r, 3, 2, SPAN_SERVER, "cart", "shop", "v1", "inbound|8080||",
              "http://cart.example.com-shadow/a", 500, "-", 20, 600, NULL);
    rig_expect(&r, "a copy through a gateway",
               "edge/gw > shop/cart http 1/1/1 500=1 c1:700us s1:600us t1:100us\n"
               "shop/web > edge/gw http 1/0/1 200=1 c1:900us\n"
               "shop/web > edge/gw http 1/1/1 500=1 mirror=1 s1:700us\n"
               "    edge/gw > shop/cart [latest>v1] GET /a 500 1 c1:700us s1:600us t1:100us\n"
               "    shop/web > edge/gw [v1>] GET /a 200 1 c1:900us\n"
               "    shop/web > edge/gw [v1>latest] GET /a 500 1 s1:700us\n");
}
