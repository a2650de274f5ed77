/* observe_attr.h - from the key of an attribute to the one meaning that both its old and its new
 * name have. Sources: Envoy's common_values.h, OpenTelemetry semantic conventions (HTTP, RPC,
 * database, messaging; old and stable names), Istio's and Linkerd's tags. */
#ifndef WEFT_COLLECTOR_OBSERVE_ATTR_H
#define WEFT_COLLECTOR_OBSERVE_ATTR_H

#include "model/span.h"

enum span_attr {
    ATTR_NONE,
    ATTR_COMPONENT,
    ATTR_NODE_ID,
    ATTR_URL,
    ATTR_PATH,
    ATTR_ROUTE,
    ATTR_METHOD,
    ATTR_HTTP_CODE,
    ATTR_HTTP_HOST,
    ATTR_HTTP_PROTOCOL,
    ATTR_GRPC_CODE,
    ATTR_RPC_CODE, /* number or name: "UNAVAILABLE" */
    ATTR_RPC_SYSTEM,
    ATTR_GRPC_PATH,
    ATTR_GRPC_AUTHORITY,
    ATTR_CONTENT_TYPE,
    ATTR_GRPC_MESSAGE,
    ATTR_FLAGS,
    ATTR_CLUSTER,
    ATTR_CLUSTER_NAME, /* the alternative statistics name */
    ATTR_RETRY,        /* attempt number - 1 */
    ATTR_REQUEST_SIZE,
    ATTR_RESPONSE_SIZE,
    ATTR_ERROR,
    ATTR_UPSTREAM_ADDRESS,
    ATTR_PEER_ADDRESS,
    ATTR_PEER_PORT,
    ATTR_SERVER_ADDRESS,
    ATTR_SERVER_PORT,
    ATTR_PEER_SERVICE,
    ATTR_PEER_NAMESPACE,
    ATTR_DB_SYSTEM,
    ATTR_DB_NAME,
    ATTR_MSG_SYSTEM,
    ATTR_MSG_OPERATION,
    ATTR_MSG_DESTINATION,
    ATTR_MSG_ROUTING_KEY, /* RabbitMQ's */
    ATTR_DIRECTION,
    ATTR_ISTIO_SERVICE,
    ATTR_ISTIO_REVISION,
    ATTR_ISTIO_NAMESPACE,
    ATTR_ISTIO_CLUSTER,
    ATTR_SRC_SERVICE,
    ATTR_SRC_REVISION,
    ATTR_SRC_NAMESPACE,
    ATTR_SRC_WORKLOAD,
    ATTR_SRC_CLUSTER,
    ATTR_DST_SERVICE,
    ATTR_DST_REVISION,
    ATTR_DST_NAMESPACE,
    ATTR_DST_WORKLOAD,
    ATTR_DST_CLUSTER,
    ATTR_COUNT,
};

enum resource_attr {
    RES_NONE,
    RES_SERVICE,
    RES_NAMESPACE,
    RES_VERSION,
    RES_INSTANCE,
    RES_SDK,
    RES_HOST,
    RES_FAAS, /* a function's name */
    RES_CLUSTER,
    RES_K8S_NAMESPACE,
    RES_DEPLOYMENT,
    RES_STATEFULSET,
    RES_DAEMONSET,
    RES_CRONJOB,
    RES_JOB,
    RES_REPLICASET,
    RES_POD,
    RES_CONTAINER,
    RES_L5D_NAMESPACE,
    RES_L5D_CONTROL,
    RES_APP_LABEL,
    RES_VERSION_LABEL,
    RES_CANONICAL,
    RES_CANONICAL_REVISION,
    RES_WEBENGINE,
    RES_COUNT,
};

/* Any thread, pure. ATTR_NONE and RES_NONE: a key that means nothing here. */
enum span_attr span_attr_of(struct str key);
enum resource_attr resource_attr_of(struct str key);

/* The value as text: empty unless it is a string, and for Envoy's null value "-". */
struct str attr_text(const struct attr *a);
/* As attr_text(); empty too for "unknown", which Istio writes where it does not know. */
struct str attr_known(const struct attr *a);
/* The value as a whole number, from an integer, a double that is one, or decimal text; false
 * otherwise or when negative.
 */
bool attr_number(const struct attr *a, uint64_t *out);

#endif
