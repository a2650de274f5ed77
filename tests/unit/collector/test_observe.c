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
static const struct {
    const char *key;
    enum span_attr want;
} span_keys[] = {
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
    {"error", ATTR_ERROR},
    {"node_id", ATTR_NODE_ID},
    {"component", ATTR_COMPONENT},
    {"http.host", ATTR_HTTP_HOST},
    {"grpc.path", ATTR_GRPC_PATH},
    {"direction", ATTR_DIRECTION},
    {"rpc.system", ATTR_RPC_SYSTEM},
    {"grpc.message", ATTR_GRPC_MESSAGE},
    {"peer.service", ATTR_PEER_SERVICE},
    {"http.protocol", ATTR_HTTP_PROTOCOL},
    {"grpc.authority", ATTR_GRPC_AUTHORITY},
    {"rpc.system.name", ATTR_RPC_SYSTEM},
    {"istio.namespace", ATTR_ISTIO_NAMESPACE},
    {"upstream_address", ATTR_UPSTREAM_ADDRESS},
    {"messaging.system", ATTR_MSG_SYSTEM},
    {"istio.cluster_id", ATTR_ISTIO_CLUSTER},
    {"grpc.content_type", ATTR_CONTENT_TYPE},
    {"network.peer.port", ATTR_PEER_PORT},
    {"service.peer.name", ATTR_PEER_SERVICE},
    {"net.sock.peer.addr", ATTR_PEER_ADDRESS},
    {"net.sock.peer.port", ATTR_PEER_PORT},
    {"istio.source_workload", ATTR_SRC_WORKLOAD},
    {"istio.source_namespace", ATTR_SRC_NAMESPACE},
    {"service.peer.namespace", ATTR_PEER_NAMESPACE},
    {"istio.source_cluster_id", ATTR_SRC_CLUSTER},
    {"istio.canonical_revision", ATTR_ISTIO_REVISION},
    {"istio.destination_workload", ATTR_DST_WORKLOAD},
    {"istio.destination_namespace", ATTR_DST_NAMESPACE},
    {"istio.destination_cluster_id", ATTR_DST_CLUSTER},
    {"istio.source_canonical_service", ATTR_SRC_SERVICE},
    {"istio.source_canonical_revision", ATTR_SRC_REVISION},
    {"http.request.header.content-type", ATTR_CONTENT_TYPE},
    {"istio.destination_canonical_service", ATTR_DST_SERVICE},
    {"messaging.operation", ATTR_MSG_OPERATION},
    {"messaging.operation.type", ATTR_MSG_OPERATION},
    {"messaging.rabbitmq.routing_key", ATTR_MSG_ROUTING_KEY},
    {"messaging.rabbitmq.destination.routing_key", ATTR_MSG_ROUTING_KEY},
    {"http.status_cods", ATTR_NONE},
    {"", ATTR_NONE},
    {"x", ATTR_NONE},
    {"http.response.status_codx", ATTR_NONE},
};

Test(observe, keys)
{
    for (size_t i = 0; i < LEN(span_keys); i++)
        cr_expect(span_attr_of(str_from_c(span_keys[i].key)) == span_keys[i].want, "%s",
                  span_keys[i].key);
}

/* Each name that a resource, a Kubernetes label or Linkerd's proxy has for a fact. */
static const struct {
    const char *key;
    enum resource_attr want;
} resource_keys[] = {
    {"app", RES_APP_LABEL},
    {"version", RES_VERSION_LABEL},
    {"host.name", RES_HOST},
    {"faas.name", RES_FAAS},
    {"service.name", RES_SERVICE},
    {"k8s.job.name", RES_JOB},
    {"k8s.pod.name", RES_POD},
    {"webengine.name", RES_WEBENGINE},
    {"service.version", RES_VERSION},
    {"k8s.cluster.name", RES_CLUSTER},
    {"k8s.cronjob.name", RES_CRONJOB},
    {"service.namespace", RES_NAMESPACE},
    {"k8s.pod.label.app", RES_APP_LABEL},
    {"telemetry.sdk.name", RES_SDK},
    {"k8s.namespace.name", RES_K8S_NAMESPACE},
    {"k8s.daemonset.name", RES_DAEMONSET},
    {"k8s.container.name", RES_CONTAINER},
    {"k8s.pod.labels.app", RES_APP_LABEL},
    {"service.instance.id", RES_INSTANCE},
    {"k8s.deployment.name", RES_DEPLOYMENT},
    {"k8s.replicaset.name", RES_REPLICASET},
    {"k8s.statefulset.name", RES_STATEFULSET},
    {"linkerd.io/proxy-job", RES_JOB},
    {"k8s.pod.label.version", RES_VERSION_LABEL},
    {"linkerd.io/workload-ns", RES_L5D_NAMESPACE},
    {"app.kubernetes.io/name", RES_APP_LABEL},
    {"k8s.pod.labels.version", RES_VERSION_LABEL},
    {"linkerd.io/proxy-cronjob", RES_CRONJOB},
    {"app.kubernetes.io/version", RES_VERSION_LABEL},
    {"linkerd.io/proxy-daemonset", RES_DAEMONSET},
    {"linkerd.io/proxy-deployment", RES_DEPLOYMENT},
    {"linkerd.io/proxy-replicaset", RES_REPLICASET},
    {"linkerd.io/control-plane-ns", RES_L5D_CONTROL},
    {"linkerd.io/proxy-statefulset", RES_STATEFULSET},
    {"service.istio.io/canonical-name", RES_CANONICAL},
    {"service.istio.io/canonical-revision", RES_CANONICAL_REVISION},
    {"service.nam", RES_NONE},
    {"", RES_NONE},
    {"k8s.pod.nane", RES_NONE},
    {"service.istio.io/canonical-nome", RES_NONE},
};

Test(observe, resource_keys)
{
    for (size_t i = 0; i < LEN(resource_keys); i++)
        cr_expect(resource_attr_of(str_from_c(resource_keys[i].key)) == resource_keys[i].want, "%s",
                  resource_keys[i].key);
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
