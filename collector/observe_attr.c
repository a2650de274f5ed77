/* observe_attr.c - a switch on the key's length, then whole comparisons that the compiler turns
 * into a few words. */
#include "collector/observe_attr.h"

#define MATCH(literal, field)                                                                      \
    do {                                                                                           \
        if (key.len == sizeof(literal) - 1 && memcmp(key.ptr, literal, sizeof(literal) - 1) == 0)  \
            return field;                                                                          \
    } while (0)

static enum span_attr short_key(struct str key)
{
    switch (key.len) {
    case 5:
        MATCH("error", ATTR_ERROR);
        break;
    case 7:
        MATCH("node_id", ATTR_NODE_ID);
        MATCH("db.name", ATTR_DB_NAME);
        break;
    case 8:
        MATCH("http.url", ATTR_URL);
        MATCH("url.full", ATTR_URL);
        MATCH("url.path", ATTR_PATH);
        break;
    case 9:
        MATCH("component", ATTR_COMPONENT);
        MATCH("http.host", ATTR_HTTP_HOST);
        MATCH("grpc.path", ATTR_GRPC_PATH);
        MATCH("db.system", ATTR_DB_SYSTEM);
        MATCH("direction", ATTR_DIRECTION);
        break;
    case 10:
        MATCH("http.route", ATTR_ROUTE);
        MATCH("rpc.system", ATTR_RPC_SYSTEM);
        break;
    case 11:
        MATCH("http.target", ATTR_PATH);
        MATCH("net.peer.ip", ATTR_PEER_ADDRESS);
        MATCH("http.method", ATTR_METHOD);
        MATCH("retry.count", ATTR_RETRY);
        MATCH("server.port", ATTR_SERVER_PORT);
        break;
    case 12:
        MATCH("url.template", ATTR_ROUTE);
        MATCH("grpc.message", ATTR_GRPC_MESSAGE);
        MATCH("request_size", ATTR_REQUEST_SIZE);
        MATCH("peer.address", ATTR_PEER_ADDRESS);
        MATCH("peer.service", ATTR_PEER_SERVICE);
        MATCH("db.namespace", ATTR_DB_NAME);
        break;
    default:
        break;
    }
    return ATTR_NONE;
}

static enum span_attr middle_key(struct str key)
{
    switch (key.len) {
    case 13:
        MATCH("http.protocol", ATTR_HTTP_PROTOCOL);
        MATCH("response_size", ATTR_RESPONSE_SIZE);
        MATCH("net.peer.name", ATTR_SERVER_ADDRESS);
        MATCH("net.peer.port", ATTR_SERVER_PORT);
        break;
    case 14:
        MATCH("grpc.authority", ATTR_GRPC_AUTHORITY);
        MATCH("response_flags", ATTR_FLAGS);
        MATCH("server.address", ATTR_SERVER_ADDRESS);
        MATCH("db.system.name", ATTR_DB_SYSTEM);
        break;
    case 15:
        MATCH("rpc.system.name", ATTR_RPC_SYSTEM);
        MATCH("istio.namespace", ATTR_ISTIO_NAMESPACE);
        break;
    case 16:
        MATCH("http.status_code", ATTR_HTTP_CODE);
        MATCH("grpc.status_code", ATTR_GRPC_CODE);
        MATCH("upstream_cluster", ATTR_CLUSTER);
        MATCH("upstream_address", ATTR_UPSTREAM_ADDRESS);
        MATCH("messaging.system", ATTR_MSG_SYSTEM);
        MATCH("istio.cluster_id", ATTR_ISTIO_CLUSTER);
        break;
    default:
        break;
    }
    return ATTR_NONE;
}

static enum span_attr long_key(struct str key)
{
    switch (key.len) {
    case 17:
        MATCH("grpc.content_type", ATTR_CONTENT_TYPE);
        MATCH("network.peer.port", ATTR_PEER_PORT);
        MATCH("service.peer.name", ATTR_PEER_SERVICE);
        break;
    case 18:
        MATCH("net.sock.peer.addr", ATTR_PEER_ADDRESS);
        MATCH("net.sock.peer.port", ATTR_PEER_PORT);
        break;
    case 19:
        MATCH("http.request.method", ATTR_METHOD);
        MATCH("messaging.operation", ATTR_MSG_OPERATION);
        break;
    case 20:
        MATCH("rpc.grpc.status_code", ATTR_GRPC_CODE);
        MATCH("network.peer.address", ATTR_PEER_ADDRESS);
        break;
    case 21:
        MATCH("upstream_cluster.name", ATTR_CLUSTER_NAME);
        MATCH("messaging.destination", ATTR_MSG_DESTINATION);
        MATCH("istio.source_workload", ATTR_SRC_WORKLOAD);
        break;
    case 22:
        MATCH("http.request.body.size", ATTR_REQUEST_SIZE);
        MATCH("istio.source_namespace", ATTR_SRC_NAMESPACE);
        MATCH("service.peer.namespace", ATTR_PEER_NAMESPACE);
        break;
    case 23:
        MATCH("http.response.body.size", ATTR_RESPONSE_SIZE);
        MATCH("istio.canonical_service", ATTR_ISTIO_SERVICE);
        MATCH("istio.source_cluster_id", ATTR_SRC_CLUSTER);
        break;
    default:
        break;
    }
    return ATTR_NONE;
}

static enum span_attr longest_key(struct str key)
{
    switch (key.len) {
    case 24:
        MATCH("rpc.response.status_code", ATTR_RPC_CODE);
        MATCH("istio.canonical_revision", ATTR_ISTIO_REVISION);
        MATCH("messaging.operation.type", ATTR_MSG_OPERATION);
        break;
    case 25:
        MATCH("http.response.status_code", ATTR_HTTP_CODE);
        MATCH("http.request.resend_count", ATTR_RETRY);
        break;
    case 26:
        MATCH("messaging.destination.name", ATTR_MSG_DESTINATION);
        MATCH("istio.destination_workload", ATTR_DST_WORKLOAD);
        break;
    case 27:
        MATCH("http.request_content_length", ATTR_REQUEST_SIZE);
        MATCH("istio.destination_namespace", ATTR_DST_NAMESPACE);
        break;
    case 28:
        MATCH("http.response_content_length", ATTR_RESPONSE_SIZE);
        MATCH("istio.destination_cluster_id", ATTR_DST_CLUSTER);
        break;
    case 30:
        MATCH("istio.source_canonical_service", ATTR_SRC_SERVICE);
        MATCH("messaging.rabbitmq.routing_key", ATTR_MSG_ROUTING_KEY);
        break;
    case 31:
        MATCH("istio.source_canonical_revision", ATTR_SRC_REVISION);
        break;
    case 32:
        MATCH("http.request.header.content-type", ATTR_CONTENT_TYPE);
        break;
    case 35:
        MATCH("istio.destination_canonical_service", ATTR_DST_SERVICE);
        break;
    case 36:
        MATCH("istio.destination_canonical_revision", ATTR_DST_REVISION);
        break;
    case 42:
        MATCH("messaging.rabbitmq.destination.routing_key", ATTR_MSG_ROUTING_KEY);
        break;
    default:
        break;
    }
    return ATTR_NONE;
}

enum span_attr span_attr_of(struct str key)
{
    if (key.len <= 12)
        return short_key(key);
    if (key.len <= 16)
        return middle_key(key);
    return key.len <= 23 ? long_key(key) : longest_key(key);
}

static enum resource_attr short_resource_key(struct str key)
{
    switch (key.len) {
    case 3:
        MATCH("app", RES_APP_LABEL);
        break;
    case 7:
        MATCH("version", RES_VERSION_LABEL);
        break;
    case 9:
        MATCH("host.name", RES_HOST);
        MATCH("faas.name", RES_FAAS);
        break;
    case 12:
        MATCH("service.name", RES_SERVICE);
        MATCH("k8s.job.name", RES_JOB);
        MATCH("k8s.pod.name", RES_POD);
        break;
    case 14:
        MATCH("webengine.name", RES_WEBENGINE);
        break;
    case 15:
        MATCH("service.version", RES_VERSION);
        break;
    case 16:
        MATCH("k8s.cluster.name", RES_CLUSTER);
        MATCH("k8s.cronjob.name", RES_CRONJOB);
        break;
    case 17:
        MATCH("service.namespace", RES_NAMESPACE);
        MATCH("k8s.pod.label.app", RES_APP_LABEL);
        break;
    default:
        break;
    }
    return RES_NONE;
}

static enum resource_attr long_resource_key(struct str key)
{
    switch (key.len) {
    case 18:
        MATCH("telemetry.sdk.name", RES_SDK);
        MATCH("k8s.namespace.name", RES_K8S_NAMESPACE);
        MATCH("k8s.daemonset.name", RES_DAEMONSET);
        MATCH("k8s.container.name", RES_CONTAINER);
        MATCH("k8s.pod.labels.app", RES_APP_LABEL);
        break;
    case 19:
        MATCH("service.instance.id", RES_INSTANCE);
        MATCH("k8s.deployment.name", RES_DEPLOYMENT);
        MATCH("k8s.replicaset.name", RES_REPLICASET);
        break;
    case 20:
        MATCH("k8s.statefulset.name", RES_STATEFULSET);
        MATCH("linkerd.io/proxy-job", RES_JOB);
        break;
    case 21:
        MATCH("k8s.pod.label.version", RES_VERSION_LABEL);
        break;
    case 22:
        MATCH("linkerd.io/workload-ns", RES_L5D_NAMESPACE);
        MATCH("app.kubernetes.io/name", RES_APP_LABEL);
        MATCH("k8s.pod.labels.version", RES_VERSION_LABEL);
        break;
    case 24:
        MATCH("linkerd.io/proxy-cronjob", RES_CRONJOB);
        break;
    case 25:
        MATCH("app.kubernetes.io/version", RES_VERSION_LABEL);
        break;
    case 26:
        MATCH("linkerd.io/proxy-daemonset", RES_DAEMONSET);
        break;
    case 27:
        MATCH("linkerd.io/proxy-deployment", RES_DEPLOYMENT);
        MATCH("linkerd.io/proxy-replicaset", RES_REPLICASET);
        MATCH("linkerd.io/control-plane-ns", RES_L5D_CONTROL);
        break;
    case 28:
        MATCH("linkerd.io/proxy-statefulset", RES_STATEFULSET);
        break;
    case 31:
        MATCH("service.istio.io/canonical-name", RES_CANONICAL);
        break;
    case 35:
        MATCH("service.istio.io/canonical-revision", RES_CANONICAL_REVISION);
        break;
    default:
        break;
    }
    return RES_NONE;
}

enum resource_attr resource_attr_of(struct str key)
{
    return key.len <= 17 ? short_resource_key(key) : long_resource_key(key);
}

struct str attr_text(const struct attr *a)
{
    if (!a || a->type != VALUE_STRING || (a->text.len == 1 && a->text.ptr[0] == '-'))
        return (struct str){0};
    return a->text;
}

struct str attr_known(const struct attr *a)
{
    struct str s = attr_text(a);
    return str_eq(s, STR("unknown")) ? (struct str){0} : s;
}

bool attr_number(const struct attr *a, uint64_t *out)
{
    if (!a)
        return false;
    if (a->type == VALUE_STRING)
        return str_to_u64(a->text, out);
    if (a->type == VALUE_DOUBLE && a->d >= 0 && a->d < 1e15 && a->d == (double)(uint64_t)a->d) {
        *out = (uint64_t)a->d;
        return true;
    }
    if (a->type != VALUE_INT || a->i < 0)
        return false;
    *out = (uint64_t)a->i;
    return true;
}
