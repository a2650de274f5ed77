/* test_hops_app.c - golden traces of applications without a mesh, queues, databases, and the traps
 * that peers fell into. */
#include <stdio.h>
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>

/* SDKs on both sides; one host named the Kubernetes way teaches the namespace. */
Test(hops_app, client_and_server)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_SERVER, "web", "GET /", "http.response.status_code=#200", 0, 900);
    rig_app(&r, 2, 1, SPAN_CLIENT, "web", "GET",
            "http.request.method=GET;url.full=http://cart.shop.svc:8080/items/"
            "9f86d081?x=1;http.response.status_code=#503",
            10, 500);
    rig_app(&r, 3, 2, SPAN_SERVER, "cart", "GET /items/{id}", "http.response.status_code=#503", 20,
            400);
    rig_app(&r, 4, 1, SPAN_CLIENT, "web", "POST",
            "http.request.method=POST;url.full=http://payments:8080/pay/1/"
            "550e8400-e29b-41d4-a716-446655440000;error.type=timeout",
            600, 100)
        ->span.status = SPAN_STATUS_ERROR;
    rig_expect(&r, "client and server",
               "user > web http 1/0/1 200=1 s1:900us\n"
               "web > payments:8080 http 1/1/1 c1:100us\n"
               "web > shop/cart http 1/1/1 503=1 c1:500us s1:400us t1:100us\n"
               "    user > web [>v1] GET / 200 1 s1:900us\n"
               "    web > payments:8080 [v1>] POST /pay/{}/{} ! 1 c1:100us\n"
               "    web > shop/cart [v1>v1] GET /items/{id} 503 1 c1:500us s1:400us t1:100us\n");
}

/* What some servers answer to clients that they do not like is no failure of theirs. */
Test(hops_app, a_code_beyond_5xx_is_no_error)
{
    static const char *const codes[] = {"499", "599", "600", "999"};
    for (size_t i = 0; i < LEN(codes); i++) {
        struct rig r;
        char attrs[64], want[128];
        rig_init(&r);
        snprintf(attrs, sizeof(attrs), "http.response.status_code=#%s", codes[i]);
        snprintf(want, sizeof(want),
                 "user > web http 1/%d/1 %s=1 s1:900us\n"
                 "    user > web [>v1] GET / %s 1 s1:900us\n",
                 i == 1, codes[i], codes[i]);
        rig_app(&r, 1, 0, SPAN_SERVER, "web", "GET /", attrs, 0, 900);
        rig_expect(&r, codes[i], want);
    }
}

/* CLIENT above CLIENT in one service is one request; in two it is two. SERVER right below SERVER
 * likewise. */
Test(hops_app, same_kinds_in_a_row)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "web", "shop.Cart/Get",
            "rpc.system=grpc;server.address=cart;server.port=#9090;rpc.grpc.status_code=#14", 0,
            900);
    rig_app(&r, 2, 1, SPAN_CLIENT, "web", "HTTP POST",
            "server.address=cart;server.port=#9090;http.request.method=POST;http.response.status_"
            "code=#200",
            10, 800);
    rig_app(&r, 3, 2, SPAN_SERVER, "cart", "shop.Cart/Get",
            "rpc.system=grpc;rpc.grpc.status_code=#14", 20, 700);
    rig_app(&r, 4, 3, SPAN_SERVER, "cart", "inner", NULL, 30, 600);
    rig_app(&r, 5, 4, SPAN_SERVER, "stock", "check", NULL, 40, 300);
    rig_app(&r, 6, 4, SPAN_CLIENT, "cart", "call", "server.address=price", 400, 100);
    rig_app(&r, 7, 6, SPAN_CLIENT, "price", "call", "server.address=db.example.com", 410, 50);
    rig_expect(&r, "same kinds in a row",
               "cart > price unknown 1/0/1 c1:100us\n"
               "cart > stock unknown 1/0/1 s1:300us\n"
               "price > db.example.com unknown 1/0/1 c1:50us\n"
               "web > cart grpc 1/1/1 grpc:14=1 c1:900us s1:700us t1:200us\n"
               "    cart > price [v1>v1] call  1 c1:100us\n"
               "    cart > stock [v1>v1] check  1 s1:300us\n"
               "    price > db.example.com [v1>] call  1 c1:50us\n"
               "    web > cart [v1>v1] shop.Cart/Get grpc:14 1 c1:900us s1:700us t1:200us\n");
}

Test(hops_app, messaging)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_SERVER, "shop", "POST /order", "http.response.status_code=#201", 0, 500);
    rig_app(&r, 2, 1, SPAN_PRODUCER, "shop", "orders publish",
            "messaging.system=kafka;messaging.destination.name=orders", 10, 50);
    rig_app(&r, 3, 2, SPAN_CONSUMER, "billing", "orders process",
            "messaging.system=kafka;messaging.destination.name=orders", 2000, 300);
    rig_app(&r, 4, 2, SPAN_CONSUMER, "mail", "orders process", NULL, 2000, 200);
    r.trace = 2; /* a consumer whose producer nobody saw */
    rig_app(&r, 5, 0, SPAN_CONSUMER, "billing", "orders process",
            "messaging.system=kafka;messaging.destination.name=orders", 10, 70);
    rig_expect(&r, "messaging",
               "kafka:orders > billing messaging 2/0/2 s2:370us\n"
               "kafka:orders > mail messaging 1/0/1 s1:200us\n"
               "shop > kafka:orders messaging 1/0/1 c1:50us\n"
               "user > shop http 1/0/1 201=1 s1:500us\n"
               "    kafka:orders > billing [>v1] orders process  2 s2:370us\n"
               "    kafka:orders > mail [>v1] orders process  1 s1:200us\n"
               "    shop > kafka:orders [v1>] orders publish  1 c1:50us\n"
               "    user > shop [>v1] POST /order 201 1 s1:500us\n");
}

/* Celery over Redis, as its own instrumentation and that of the Redis client tell it: the queue was
 * given one message, Redis was asked twice; neither is a try of the other. */
Test(hops_app, broker_client_below_a_producer)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_SERVER, "shop", "GET /run/<n>", "http.status_code=#200", 0, 900);
    rig_app(&r, 2, 1, SPAN_PRODUCER, "shop", "apply_async/tasks.add",
            "celery.action=apply_async;messaging.destination_kind=queue;messaging.destination="
            "celery",
            10, 500);
    rig_app(
        &r, 3, 2, SPAN_CLIENT, "shop", "PING",
        "db.system=redis;db.redis.database_index=#0;net.peer.name=127.0.0.1;net.peer.port=#6379",
        20, 50);
    rig_app(
        &r, 4, 2, SPAN_CLIENT, "shop", "LPUSH",
        "db.system=redis;db.redis.database_index=#0;net.peer.name=127.0.0.1;net.peer.port=#6379",
        80, 70);
    rig_app(&r, 5, 2, SPAN_CONSUMER, "worker", "run/tasks.add",
            "celery.action=run;celery.state=SUCCESS;messaging.destination=celery", 1000, 300);
    rig_expect(&r, "celery over redis",
               "shop > redis@127.0.0.1 database 2/0/2 c2:120us\n"
               "shop > unknown:celery messaging 1/0/1 c1:500us\n"
               "unknown:celery > worker messaging 1/0/1 s1:300us\n"
               "user > shop http 1/0/1 200=1 s1:900us\n"
               "    shop > redis@127.0.0.1 [v1>] LPUSH  1 c1:70us\n"
               "    shop > redis@127.0.0.1 [v1>] PING  1 c1:50us\n"
               "    shop > unknown:celery [v1>] apply_async/tasks.add  1 c1:500us\n"
               "    unknown:celery > worker [>v1] run/tasks.add  1 s1:300us\n"
               "    user > shop [>v1] GET /run/<n> 200 1 s1:900us\n");
}

/* A client library that speaks HTTP to a queue or a database: one request to what the
 * library names, and the last try's answer. */
Test(hops_app, layers_of_one_client)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_PRODUCER, "shop", "orders send",
            "rpc.system=aws-api;messaging.system=aws_sqs;messaging.destination.name=orders", 0, 90);
    rig_app(&r, 2, 1, SPAN_CLIENT, "shop", "POST",
            "http.request.method=POST;url.full=https://sqs.us-east-1.amazonaws.com/;http.response."
            "status_code=#503",
            10, 20);
    rig_app(&r, 3, 1, SPAN_CLIENT, "shop", "POST",
            "http.request.method=POST;url.full=https://sqs.us-east-1.amazonaws.com/;http.response."
            "status_code=#200",
            40, 20);
    r.trace = 2;
    rig_app(&r, 4, 0, SPAN_CLIENT, "shop", "search products",
            "db.system.name=elasticsearch;db.namespace=logs;server.address=es;server.port=#9200", 0,
            80);
    rig_app(
        &r, 5, 4, SPAN_CLIENT, "shop", "POST",
        "http.request.method=POST;url.full=http://es:9200/products/_search;http.response.status_"
        "code=#200",
        10, 60);
    rig_expect(&r, "layers of one client",
               "shop > aws_sqs:orders http 1/0/2 200=1 c1:90us\n"
               "shop > elasticsearch:logs@es http 1/0/1 200=1 c1:80us\n"
               "    shop > aws_sqs:orders [v1>] orders send 200 1 c1:90us\n"
               "    shop > elasticsearch:logs@es [v1>] search products 200 1 c1:80us\n");
}

/* A client that asks a cache before its own request makes two. */
Test(hops_app, cache_below_a_client)
{
    struct rig r;
    struct buf out = {0};
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "shop", "GET",
            "http.request.method=GET;url.full=http://price/x;http.response.status_code=#200", 0,
            70);
    rig_app(&r, 2, 1, SPAN_CLIENT, "shop", "GET token",
            "db.system.name=redis;server.address=cache;server.port=#6379", 5, 15);
    rig_app(&r, 3, 1, SPAN_SERVER, "price", "GET /x", "http.response.status_code=#200", 30, 30);
    rig_run(&r, &(struct rig_run){0}, &out, NULL);
    buf_append_u8(&out, 0);
    cr_expect_str_eq(out.ptr, "shop > price http 1/0/1 200=1 c1:70us s1:30us t1:40us\n"
                              "shop > redis@cache database 1/0/1 c1:15us\n"
                              "    shop > price [v1>v1] GET /x 200 1 c1:70us s1:30us t1:40us\n"
                              "    shop > redis@cache [v1>] GET token  1 c1:15us\n");
    buf_deinit(&out);
    rig_deinit(&r);
}

/* A function whose runtime names no service goes by its own name; and the callee as the newer
 * conventions name it. */
Test(hops_app, function_and_named_peer)
{
    struct rig r;
    rig_init(&r);
    const char *function = "service.name=unknown_service:python;faas.name=resize";
    rig_add(&r, 1, 0, SPAN_SERVER, "handler", function, "faas.trigger=http;http.status_code=#200",
            0, 90);
    rig_add(&r, 2, 1, SPAN_CLIENT, "GET", function,
            "http.request.method=GET;url.full=http://10.0.0.7/x;http.response.status_code=#200;"
            "service.peer.name=cart;service.peer.namespace=shop",
            10, 40);
    rig_expect(&r, "function and named peer",
               "resize > shop/cart http 1/0/1 200=1 c1:40us\n"
               "user > resize http 1/0/1 200=1 s1:90us\n"
               "    resize > shop/cart [>] GET /x 200 1 c1:40us\n"
               "    user > resize [>] handler 200 1 s1:90us\n");
}

/* The steps of one try (Go's otelhttptrace, Node's instrumentation-dns) are neither tries nor
 * requests, and 80 goes without saying. */
Test(hops_app, steps_of_one_try)
{
    static const struct scope dns = {{"@opentelemetry/instrumentation-dns", 34}, {"0.1", 3}};
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "web", "HTTP GET",
            "http.request.method=GET;url.full=http://cart/ok;server.address=cart;http.response."
            "status_code=#200",
            0, 900);
    rig_app(&r, 2, 1, SPAN_CLIENT, "web", "http.getconn",
            "server.address=cart:80;http.remote=10.0.0.9:80;http.conn.reused=false", 10, 100);
    rig_app(&r, 3, 2, SPAN_CLIENT, "web", "http.connect", "http.remote=10.0.0.9:80", 20, 80);
    rig_app(&r, 4, 1, SPAN_CLIENT, "web", "http.headers", NULL, 110, 5);
    rig_app(&r, 5, 1, SPAN_CLIENT, "web", "http.send", NULL, 115, 10);
    rig_app(&r, 6, 1, SPAN_SERVER, "cart", "GET /ok", "http.response.status_code=#200", 130, 600);
    r.trace = 2;
    rig_app(&r, 7, 0, SPAN_SERVER, "api", "GET /", "http.response.status_code=#200", 0, 500);
    rig_app(&r, 8, 7, SPAN_CLIENT, "api", "dns.lookup", "peer.ipv4=127.0.0.1", 10, 20)->span.scope =
        &dns;
    rig_app(&r, 9, 7, SPAN_CLIENT, "api", "GET",
            "http.request.method=GET;url.full=http://stock/ok;http.response.status_code=#200", 40,
            100);
    rig_expect(&r, "steps of one try",
               "api > stock http 1/0/1 200=1 c1:100us\n"
               "user > api http 1/0/1 200=1 s1:500us\n"
               "web > cart http 1/0/1 200=1 c1:900us s1:600us t1:300us\n"
               "    api > stock [v1>] GET /ok 200 1 c1:100us\n"
               "    user > api [>v1] GET / 200 1 s1:500us\n"
               "    web > cart [v1>v1] GET /ok 200 1 c1:900us s1:600us t1:300us\n");
}

/* Trap 1 and 14: an unobserved side has no observation, never a zero or a copy. */
Test(hops_app, database)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_SERVER, "shop", "GET /", "http.response.status_code=#200", 0, 500);
    rig_app(&r, 2, 1, SPAN_CLIENT, "shop", "SELECT orders",
            "db.system=postgresql;db.name=orders;server.address=db.shop;server.port=#5432", 10, 50);
    rig_app(&r, 3, 1, SPAN_CLIENT, "shop", "GET", "db.system.name=redis;server.address=10.0.0.7",
            70, 5);
    rig_expect(&r, "database",
               "shop > postgresql:orders@db.shop database 1/0/1 c1:50us\n"
               "shop > redis@10.0.0.7 database 1/0/1 c1:5us\n"
               "user > shop http 1/0/1 200=1 s1:500us\n"
               "    shop > postgresql:orders@db.shop [v1>] SELECT orders  1 c1:50us\n"
               "    shop > redis@10.0.0.7 [v1>] GET  1 c1:5us\n"
               "    user > shop [>v1] GET / 200 1 s1:500us\n");
}

/* Trap 2: one client span, three server spans: one request, three attempts. */
Test(hops_app, retries_below_one_client_span)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "web", "GET",
            "http.request.method=GET;url.full=http://cart/x;http.response.status_code=#200", 0,
            900);
    rig_app(&r, 2, 1, SPAN_SERVER, "cart", "GET /x", "http.response.status_code=#503", 10, 100);
    rig_app(&r, 3, 1, SPAN_SERVER, "cart", "GET /x", "http.response.status_code=#503", 200, 100);
    rig_app(&r, 4, 1, SPAN_SERVER, "service.name=cart;service.version=v2", "GET /x",
            "http.response.status_code=#200", 400, 100);
    rig_expect(&r, "retries",
               "web > cart http 1/0/3 200=1 c1:900us s3:300us skipped\n"
               "    web > cart [v1>v2] GET /x 200 1 c1:900us s3:300us skipped\n");
}

/* Trap 5, 9, 10: asymmetric latencies stay on their sides; both ends disagree; 40 us are 40 us. */
Test(hops_app, sides_disagree)
{
    struct rig r;
    rig_init(&r);
    rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1",
              "outbound|8080||cart.shop.svc.cluster.local",
              "http://cart.shop.svc.cluster.local:8080/a", 503, "UC", 0, 90, NULL);
    rig_istio(&r, 2, 1, SPAN_SERVER, "cart", "shop", "v1", "inbound|8080||",
              "http://cart.shop.svc.cluster.local:8080/a", 200, "-", 10, 40, NULL);
    rig_expect(&r, "sides disagree",
               "shop/web > shop/cart http 1/1/1 503=1 UC=1 c1:90us s1:40us t1:50us\n"
               "    shop/web > shop/cart [v1>v1] GET /a 503 1 c1:90us s1:40us t1:50us\n");
}

/* Trap 6: fifty hosts are fifty nodes. */
Test(hops_app, fifty_hosts)
{
    struct rig r;
    rig_init(&r);
    for (uint64_t i = 0; i < 50; i++) {
        char attrs[128];
        r.trace = i + 1;
        snprintf(attrs, sizeof(attrs),
                 "http.request.method=GET;server.address=host%02d.example.com;server.port=#443;"
                 "http.response.status_code=#200",
                 (int)i);
        rig_app(&r, 1, 0, SPAN_CLIENT, "web", "GET", attrs, 0, 10);
    }
    struct buf out = {0};
    struct pipeline p;
    rig_run(&r, &(struct rig_run){0}, &out, &p);
    cr_expect(registry_count(p.registry) == 51);
    for (int i = 0; i < 50; i++) {
        char line[64];
        snprintf(line, sizeof(line), "web > host%02d.example.com http 1/0/1", i);
        cr_expect(str_search(buf_str(&out), str_from_c(line)) < out.len, "%s", line);
    }
    buf_deinit(&out);
    pipeline_deinit(&p);
    /* Over the cap: one node more, sums right. */
    r.graph.max_edges = 20;
    rig_run(&r, &(struct rig_run){0}, &out, NULL);
    cr_expect(str_search(buf_str(&out), STR("web > other http 30/0/30")) < out.len, "%.*s",
              STR_ARG(buf_str(&out)));
    buf_deinit(&out);
    rig_deinit(&r);
}

/* Callers: a root is `user`, a caller whose span never came is `unknown`. */
Test(hops_app, callers_nobody_named)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_SERVER, "shop", "GET /", "http.response.status_code=#200", 0, 500);
    r.trace = 2;
    rig_app(&r, 2, 99, SPAN_SERVER, "shop", "GET /", "http.response.status_code=#200", 0, 500);
    r.trace = 3;
    rig_app(&r, 3, 0, SPAN_INTERNAL, "cron", "nightly", NULL, 0, 500);
    rig_app(&r, 4, 3, SPAN_SERVER, "shop", "GET /", "http.response.status_code=#200", 0, 500);
    rig_expect(&r, "callers",
               "cron > shop http 1/0/1 200=1 s1:500us\n"
               "unknown > shop http 1/0/1 200=1 s1:500us\n"
               "user > shop http 1/0/1 200=1 s1:500us\n"
               "    cron > shop [v1>v1] GET / 200 1 s1:500us\n"
               "    unknown > shop [>v1] GET / 200 1 s1:500us\n"
               "    user > shop [>v1] GET / 200 1 s1:500us\n");
}

/* Trap 12: what is an error, by protocol; the same on either side, and a code overrules the span's
 * status, which SDKs set to ERROR for a client's 4xx. */
static const struct {
    const char *code, *counted;
    bool status_error, is_error;
} outcomes[] = {
    {"http.response.status_code=#200", "200=1", false, false},
    {"http.response.status_code=#404", "404=1", true, false},
    {"http.response.status_code=#429", "429=1", true, false},
    {"http.response.status_code=#499", "499=1", true, false},
    {"http.response.status_code=#500", "500=1", false, true},
    {"http.response.status_code=#599", "599=1", true, true},
    {"http.response.status_code=#0", "0=1", false, true},
    {"rpc.grpc.status_code=#0", "grpc:0=1", true, false},
    {"rpc.grpc.status_code=#1", "grpc:1=1", true, false},
    {"rpc.grpc.status_code=#2", "grpc:2=1", false, true},
    {"rpc.grpc.status_code=#3", "grpc:3=1", true, false},
    {"rpc.grpc.status_code=#4", "grpc:4=1", false, true},
    {"rpc.grpc.status_code=#5", "grpc:5=1", true, false},
    {"rpc.grpc.status_code=#6", "grpc:6=1", true, false},
    {"rpc.grpc.status_code=#7", "grpc:7=1", true, false},
    {"rpc.grpc.status_code=#8", "grpc:8=1", false, true},
    {"rpc.grpc.status_code=#9", "grpc:9=1", true, false},
    {"rpc.grpc.status_code=#10", "grpc:10=1", true, false},
    {"rpc.grpc.status_code=#11", "grpc:11=1", true, false},
    {"rpc.grpc.status_code=#12", "grpc:12=1", false, true},
    {"rpc.grpc.status_code=#13", "grpc:13=1", false, true},
    {"rpc.grpc.status_code=#14", "grpc:14=1", false, true},
    {"rpc.grpc.status_code=#15", "grpc:15=1", false, true},
    {"rpc.grpc.status_code=#16", "grpc:16=1", true, false},
    {NULL, "c1:10us", false, false},
    {NULL, "c1:10us", true, true},
};

static void expect_outcome(enum span_kind kind, size_t i)
{
    struct rig r;
    struct buf out = {0};
    char attrs[128], line[64];
    const char *rpc = outcomes[i].code && outcomes[i].code[0] == 'r' ? "rpc.system=grpc;" : "";
    snprintf(attrs, sizeof(attrs), "%sserver.address=cart;%s", rpc,
             outcomes[i].code ? outcomes[i].code : "server.port=#80");
    rig_init(&r);
    struct rig_span *s = rig_app(&r, 1, 0, kind, "web", "call", attrs, 0, 10);
    s->span.status = outcomes[i].status_error ? SPAN_STATUS_ERROR : SPAN_STATUS_UNSET;
    rig_run(&r, &(struct rig_run){0}, &out, NULL);
    snprintf(line, sizeof(line), " 1/%d/1 ", outcomes[i].is_error);
    cr_expect(str_search(buf_str(&out), str_from_c(line)) < out.len, "%s, kind %d: %.*s", attrs,
              (int)kind, STR_ARG(buf_str(&out)));
    const char *counted =
        kind == SPAN_SERVER && !outcomes[i].code ? "s1:10us" : outcomes[i].counted;
    cr_expect(str_search(buf_str(&out), str_from_c(counted)) < out.len, "%s, kind %d: %.*s", attrs,
              (int)kind, STR_ARG(buf_str(&out)));
    buf_deinit(&out);
    rig_deinit(&r);
}

Test(hops_app, outcomes)
{
    for (size_t i = 0; i < LEN(outcomes); i++) {
        expect_outcome(SPAN_CLIENT, i);
        expect_outcome(SPAN_SERVER, i);
    }
}

/* Trap 3: no last writer. Senders that sampled: weights, and the side that was sampled harder
 * decides, in whatever order they come. */
Test(hops_app, sampled)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "web", "GET",
            "http.request.method=GET;url.full=http://cart/x;http.response.status_code=#200", 0, 900)
        ->span.trace_state = STR("a=b,ot=rv:1;th:8");
    rig_app(&r, 2, 1, SPAN_SERVER, "cart", "GET /x", "http.response.status_code=#200", 10, 100)
        ->span.trace_state = STR("ot=th:c");
    rig_expect(&r, "sampled",
               "web > cart http 4/0/4 200=4 c4:3600us s4:400us t4:3200us\n"
               "    web > cart [v1>v1] GET /x 200 4 c4:3600us s4:400us t4:3200us\n");
}

Test(hops_app, end_before_start)
{
    struct rig r;
    rig_init(&r);
    struct span *s =
        &rig_app(&r, 1, 0, SPAN_CLIENT, "web", "GET",
                 "http.request.method=GET;url.full=http://cart/x;http.response.status_code=#200",
                 100, 0)
             ->span;
    s->start_ns = s->end_ns + 50;
    rig_app(&r, 2, 1, SPAN_SERVER, "cart", "GET /x", "http.response.status_code=#200", 10, 100);
    rig_expect(&r, "end before start",
               "web > cart http 1/0/1 200=1 s1:100us backwards\n"
               "    web > cart [v1>v1] GET /x 200 1 s1:100us backwards\n");
}

/* A circle of parents ends somewhere, and each request in it counts. */
Test(hops_app, parents_in_a_circle)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 2, SPAN_SERVER, "a", "x", NULL, 0, 10);
    rig_app(&r, 2, 1, SPAN_SERVER, "b", "y", NULL, 0, 10);
    rig_app(&r, 3, 3, SPAN_CLIENT, "c", "z", "server.address=d", 0, 10);
    rig_expect(&r, "circle",
               "b > a unknown 1/0/1 s1:10us\n"
               "c > d unknown 1/0/1 c1:10us\n"
               "unknown > b unknown 1/0/1 s1:10us\n"
               "    b > a [v1>v1] x  1 s1:10us\n"
               "    c > d [v1>] z  1 c1:10us\n"
               "    unknown > b [>v1] y  1 s1:10us\n");
}
