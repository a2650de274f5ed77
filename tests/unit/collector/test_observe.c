/* test_observe.c - operations, weights, node ids and keys: the small parts of an observation. */
#include "collector/identity.h"
#include "collector/observe_request.h"
#include "collector/operation.h"
#include "model/histogram.h"
#include "support/leak.h"
#include <criterion/criterion.h>

static const struct {
    const char *path, *want;
} paths[] = {
    {"/", "GET /"},
    {"/items/42", "GET /items/{}"},
    {"/items/42/reviews/7/", "GET /items/{}/reviews/{}/"},
    {"/a/550e8400-e29b-41d4-a716-446655440000/b", "GET /a/{}/b"},
    {"/a/9f86d081", "GET /a/{}"},
    {"/a/9f86d08", "GET /a/9f86d08"},
    {"/v1/cafe", "GET /v1/cafe"},
    {"/deadbeef", "GET /{}"},
    {"//x", "GET //x"},
    {"items/1", "GET items/{}"},
};

Test(observe, operations)
{
    struct arena a = {0};
    for (size_t i = 0; i < LEN(paths); i++) {
        struct str got = operation_from_path(&a, STR("GET"), str_from_c(paths[i].path));
        cr_expect(str_eq(got, str_from_c(paths[i].want)), "%s gives %.*s", paths[i].path,
                  STR_ARG(got));
    }
    char path[2000];
    memset(path, 'x', sizeof(path));
    struct str got = operation_from_path(&a, STR("GET"), (struct str){path, sizeof(path)});
    cr_expect(got.len <= 4 + OPERATION_MAX, "%zu bytes", got.len);
    for (size_t i = 0; i + 1 < sizeof(path); i += 2)
        memcpy(path + i, i % 4 ? "1/" : "é", 2);
    got = operation_from_path(&a, STR("GET"), (struct str){path, sizeof(path)});
    cr_expect(str_is_utf8(got));
    arena_deinit(&a);
    EXPECT_NO_LEAK();
}

static const struct {
    const char *state;
    double weight;
} states[] = {
    {"", 1},
    {"ot=th:0", 1},
    {"ot=th:8", 2},
    {"ot=th:c", 4},
    {"a=b, ot=rv:1;th:fffffffffffff8 ,c=d", 9007199254740992.0},
    {"ot=th:", 1},
    {"ot=th:xyz", 1},
    {"ot=th:123456789012345", 1},
    {"other=th:8", 1},
    {"ot=p:3", 1},
};

Test(observe, weights)
{
    for (size_t i = 0; i < LEN(states); i++) {
        uint64_t w = sampling_weight(str_from_c(states[i].state));
        double want = MIN(states[i].weight, 4294967296.0) * (double)WEIGHT_ONE;
        cr_expect((double)w == want, "%s weighs %f", states[i].state,
                  (double)w / (double)WEIGHT_ONE);
    }
}

static const struct {
    const char *pod, *workload;
} pods[] = {
    {"cart-v1-7d9f4c5b6-x2k41", "cart-v1"},
    {"cart-7d9f4c5b6-x2k41", "cart"},
    {"a-b-c", "a"},
    {"web-1", "web-1"},
    {"web", "web"},
    {"", ""},
    {"-a-b", "-a-b"},
};

Test(observe, workloads_of_pods)
{
    for (size_t i = 0; i < LEN(pods); i++)
        cr_expect(str_eq(pod_workload(str_from_c(pods[i].pod)), str_from_c(pods[i].workload)), "%s",
                  pods[i].pod);
}

Test(observe, node_ids)
{
    struct node_name n =
        node_name_of(STR("sidecar~10.1.2.3~cart-v1-7d9f-x2.shop~shop.svc.cluster.local"));
    cr_expect(n.istio && !n.consul);
    cr_expect(str_eq(n.type, STR("sidecar")) && str_eq(n.pod, STR("cart-v1-7d9f-x2")) &&
              str_eq(n.space, STR("shop")));
    n = node_name_of(STR("web-6c9f7d8b5-q1w0-sidecar-proxy"));
    cr_expect(n.consul && !n.istio && str_eq(n.pod, STR("web-6c9f7d8b5-q1w0")));
    n = node_name_of(STR("front-envoy"));
    cr_expect(!n.consul && !n.istio && n.pod.len == 0);
    n = node_name_of(STR("a~b"));
    cr_expect(!n.istio);
}

/* Both names of each fact, and neighbours of the same length that mean nothing. */
Test(observe, keys)
{
    static const struct {
        const char *key;
        enum span_attr want;
    } rows[] = {
        {"http.status_code", ATTR_HTTP_CODE},
        {"http.response.status_code", ATTR_HTTP_CODE},
        {"http.method", ATTR_METHOD},
        {"http.request.method", ATTR_METHOD},
        {"http.url", ATTR_URL},
        {"url.full", ATTR_URL},
        {"http.target", ATTR_PATH},
        {"url.path", ATTR_PATH},
        {"http.route", ATTR_ROUTE},
        {"url.template", ATTR_ROUTE},
        {"grpc.status_code", ATTR_GRPC_CODE},
        {"rpc.grpc.status_code", ATTR_GRPC_CODE},
        {"rpc.response.status_code", ATTR_RPC_CODE},
        {"retry.count", ATTR_RETRY},
        {"http.request.resend_count", ATTR_RETRY},
        {"request_size", ATTR_REQUEST_SIZE},
        {"http.request.body.size", ATTR_REQUEST_SIZE},
        {"http.request_content_length", ATTR_REQUEST_SIZE},
        {"response_size", ATTR_RESPONSE_SIZE},
        {"http.response.body.size", ATTR_RESPONSE_SIZE},
        {"http.response_content_length", ATTR_RESPONSE_SIZE},
        {"server.address", ATTR_SERVER_ADDRESS},
        {"net.peer.name", ATTR_SERVER_ADDRESS},
        {"net.peer.ip", ATTR_PEER_ADDRESS},
        {"server.port", ATTR_SERVER_PORT},
        {"net.peer.port", ATTR_SERVER_PORT},
        {"peer.address", ATTR_PEER_ADDRESS},
        {"network.peer.address", ATTR_PEER_ADDRESS},
        {"db.system", ATTR_DB_SYSTEM},
        {"db.system.name", ATTR_DB_SYSTEM},
        {"db.name", ATTR_DB_NAME},
        {"db.namespace", ATTR_DB_NAME},
        {"messaging.destination", ATTR_MSG_DESTINATION},
        {"messaging.destination.name", ATTR_MSG_DESTINATION},
        {"upstream_cluster", ATTR_CLUSTER},
        {"upstream_cluster.name", ATTR_CLUSTER_NAME},
        {"response_flags", ATTR_FLAGS},
        {"istio.canonical_service", ATTR_ISTIO_SERVICE},
        {"istio.destination_canonical_revision", ATTR_DST_REVISION},
        {"http.status_cods", ATTR_NONE},
        {"", ATTR_NONE},
        {"x", ATTR_NONE},
        {"http.response.status_codx", ATTR_NONE},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        cr_expect(span_attr_of(str_from_c(rows[i].key)) == rows[i].want, "%s", rows[i].key);
    cr_expect(resource_attr_of(STR("service.name")) == RES_SERVICE);
    cr_expect(resource_attr_of(STR("linkerd.io/proxy-deployment")) == RES_DEPLOYMENT);
    cr_expect(resource_attr_of(STR("k8s.deployment.name")) == RES_DEPLOYMENT);
    cr_expect(resource_attr_of(STR("service.nam")) == RES_NONE);
}

/* Numbers as whichever type a client makes of them. */
Test(observe, numbers)
{
    static const struct {
        struct attr attr;
        bool is_number;
        uint64_t want;
    } rows[] = {
        {{.type = VALUE_INT, .i = 503}, true, 503},
        {{.type = VALUE_INT, .i = -1}, false, 0},
        {{.type = VALUE_STRING, .text = {"503", 3}}, true, 503},
        {{.type = VALUE_STRING, .text = {"5xx", 3}}, false, 0},
        {{.type = VALUE_DOUBLE, .d = 503.0}, true, 503},
        {{.type = VALUE_DOUBLE, .d = 503.5}, false, 0},
        {{.type = VALUE_DOUBLE, .d = -1.0}, false, 0},
        {{.type = VALUE_DOUBLE, .d = 1e300}, false, 0},
        {{.type = VALUE_DOUBLE, .d = __builtin_nan("")}, false, 0},
        {{.type = VALUE_BOOL, .b = true}, false, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t n = 0;
        cr_expect(attr_number(&rows[i].attr, &n) == rows[i].is_number && n == rows[i].want, "%zu",
                  i);
    }
}
