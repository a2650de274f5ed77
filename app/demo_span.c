/* demo_span.c - OTLP bytes of the simulated mesh: attributes as Envoy 1.40 under Istio writes them,
 * all strings. Field numbers: opentelemetry-proto trace/v1 and common/v1. */
#include "app/demo_span.h"

#include <stdio.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
enum { KIND_SERVER = 2, KIND_CLIENT = 3, STATUS_ERROR = 2 };

static void put_tag(struct buf *out, unsigned field, unsigned wire)
{
    buf_append_varint(out, field << 3 | wire);
}

static void put_bytes(struct buf *out, unsigned field, const void *bytes, size_t len)
{
    put_tag(out, field, WIRE_BYTES);
    buf_append_varint(out, len);
    buf_append(out, bytes, len);
}

static void put_text(struct buf *out, unsigned field, const char *text)
{
    put_bytes(out, field, text, strlen(text));
}

static void put_message(struct buf *out, unsigned field, struct buf *inner)
{
    put_bytes(out, field, inner->ptr, inner->len);
    buf_deinit(inner);
}

/* KeyValue{key=1, value=2 AnyValue{string=1}} as field `field`. */
static void put_attr(struct buf *out, unsigned field, const char *key, const char *value)
{
    struct buf any = {0}, pair = {0};
    put_text(&any, 1, value);
    put_text(&pair, 1, key);
    put_message(&pair, 2, &any);
    put_message(out, field, &pair);
}

static void put_attr_number(struct buf *out, unsigned field, const char *key, unsigned value)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", value);
    put_attr(out, field, key, text);
}

char *demo_workload(enum demo_service_id id, unsigned version, char *out, size_t cap)
{
    if (id == DEMO_GATEWAY)
        snprintf(out, cap, "%s", demo_services[id].name);
    else
        snprintf(out, cap, "%s-v%u", demo_services[id].name, version);
    return out;
}

char *demo_authority(enum demo_service_id id, char *out, size_t cap)
{
    const struct demo_service *s = &demo_services[id];
    if (id == DEMO_CARDS)
        snprintf(out, cap, "%s", s->name);
    else if (id == DEMO_POSTGRES)
        snprintf(out, cap, "postgresql:%s@pg.pay.svc.cluster.local", s->name);
    else
        snprintf(out, cap, "%s.%s.svc.cluster.local:%u", s->name, s->space, s->port);
    return out;
}

static void put_cluster(struct buf *out, const struct demo_span *s)
{
    const struct demo_service *target = &demo_services[s->target];
    char text[160];
    if (s->reporter == DEMO_INBOUND)
        snprintf(text, sizeof(text), "inbound|%u||", target->port);
    else if (s->target == DEMO_CARDS)
        snprintf(text, sizeof(text), "PassthroughCluster");
    else
        snprintf(text, sizeof(text), "outbound|%u||%s.%s.svc.cluster.local", target->port,
                 target->name, target->space);
    put_attr(out, 9, "upstream_cluster", text);
    put_attr(out, 9, "upstream_cluster.name", text);
}

static void put_identity(struct buf *out, const struct demo_span *s)
{
    const struct demo_service *owner = &demo_services[s->owner];
    char text[16];
    put_attr(out, 9, "istio.mesh_id", "cluster.local");
    put_attr(out, 9, "istio.cluster_id", "Kubernetes");
    put_attr(out, 9, "istio.namespace", owner->space);
    put_attr(out, 9, "istio.canonical_service", owner->name);
    snprintf(text, sizeof(text), s->owner == DEMO_GATEWAY ? "latest" : "v%u", s->owner_version);
    put_attr(out, 9, "istio.canonical_revision", text);
}

static void put_node(struct buf *out, const struct demo_span *s)
{
    const struct demo_service *owner = &demo_services[s->owner];
    char workload[64], text[224];
    demo_workload(s->owner, s->owner_version, workload, sizeof(workload));
    snprintf(text, sizeof(text), "%s~10.1.%u.%u~%s-7d9f4c5b6-x%02u.%s~%s.svc.cluster.local",
             s->owner == DEMO_GATEWAY ? "router" : "sidecar", (unsigned)s->owner, s->owner_version,
             workload, (unsigned)s->owner * 3 + s->owner_version, owner->space, owner->space);
    put_attr(out, 9, "node_id", text);
    put_attr(out, 9, "zone", "eu-central-1a");
}

/* What an Envoy writes on the span of the request it took (not on a gateway's upstream span). */
static void put_downstream(struct buf *out, const struct demo_span *s)
{
    char host[128], text[256];
    put_node(out, s);
    snprintf(text, sizeof(text), "%08x-%04x-9%03x-8%03x-%012llx", (unsigned)(s->request_id >> 32),
             (unsigned)(s->request_id >> 16) & 0xffff, (unsigned)s->request_id & 0xfff,
             (unsigned)(s->request_id >> 12) & 0xfff,
             (unsigned long long)(s->request_id >> 8) & 0xffffffffffff);
    put_attr(out, 9, "guid:x-request-id", text);
    demo_authority(s->target, host, sizeof(host));
    if (s->reporter == DEMO_GATEWAY_SERVER)
        snprintf(host, sizeof(host), "shop.example.com");
    snprintf(text, sizeof(text), "http://%s%s", host, s->path);
    put_attr(out, 9, "http.url", text);
    put_attr(out, 9, "http.method", s->method);
    put_attr(out, 9, "downstream_cluster", "-");
    put_attr(out, 9, "user_agent", "weft-demo/" WEFT_VERSION);
    put_attr(out, 9, "request_size", (snprintf(text, sizeof(text), "%u", s->request_bytes), text));
    put_attr(out, 9, "response_size",
             (snprintf(text, sizeof(text), "%u", s->response_bytes), text));
    if (s->grpc_code >= 0) {
        put_attr(out, 9, "grpc.path", s->path);
        put_attr(out, 9, "grpc.authority", host);
        put_attr(out, 9, "grpc.content_type", "application/grpc");
    }
}

static bool is_error(const struct demo_span *s)
{
    return s->http_code == 0 || s->http_code >= 500 || s->grpc_code > 0;
}

static void put_proxy_attrs(struct buf *out, const struct demo_span *s)
{
    if (s->reporter != DEMO_GATEWAY_CLIENT)
        put_downstream(out, s);
    else
        put_attr(out, 9, "upstream_address", "10.1.1.1:8080");
    put_attr(out, 9, "http.protocol", s->grpc_code >= 0 ? "HTTP/2" : "HTTP/1.1");
    put_attr(out, 9, "peer.address", "10.1.0.1");
    put_attr(out, 9, "component", "proxy");
    put_cluster(out, s);
    put_attr_number(out, 9, "http.status_code", s->http_code);
    put_attr(out, 9, "response_flags", s->flags);
    if (s->grpc_code >= 0)
        put_attr_number(out, 9, "grpc.status_code", (unsigned)s->grpc_code);
    if (is_error(s))
        put_attr(out, 9, "error", "true");
    put_identity(out, s);
}

static void put_database_attrs(struct buf *out, const struct demo_span *s)
{
    put_attr(out, 9, "db.system", "postgresql");
    put_attr(out, 9, "db.name", demo_services[DEMO_POSTGRES].name);
    put_attr(out, 9, "db.operation", s->method);
    put_attr(out, 9, "server.address", "pg.pay.svc.cluster.local");
}

static void put_name(struct buf *out, const struct demo_span *s)
{
    char host[128], text[192];
    demo_authority(s->target, host, sizeof(host));
    if (s->reporter == DEMO_APPLICATION)
        snprintf(text, sizeof(text), "%s %s", s->method, s->path);
    else if (s->reporter == DEMO_GATEWAY_CLIENT)
        snprintf(text, sizeof(text), "router outbound|%u||%s.%s.svc.cluster.local egress",
                 demo_services[s->target].port, demo_services[s->target].name,
                 demo_services[s->target].space);
    else
        snprintf(text, sizeof(text), "%s/*", host);
    put_text(out, 5, text);
}

static void put_span(struct buf *out, const struct demo_span *s)
{
    struct buf span = {0}, status = {0};
    uint8_t id[16];
    bool server = s->reporter == DEMO_INBOUND || s->reporter == DEMO_GATEWAY_SERVER;
    trace_id_to_bytes(s->trace, id);
    put_bytes(&span, 1, id, 16);
    span_id_to_bytes(s->id, id);
    put_bytes(&span, 2, id, 8);
    if (s->parent) {
        span_id_to_bytes(s->parent, id);
        put_bytes(&span, 4, id, 8);
    }
    put_name(&span, s);
    put_tag(&span, 6, WIRE_VARINT);
    buf_append_varint(&span, server ? KIND_SERVER : KIND_CLIENT);
    put_tag(&span, 7, WIRE_FIXED64);
    buf_append_u64(&span, s->start_ns);
    put_tag(&span, 8, WIRE_FIXED64);
    buf_append_u64(&span, s->end_ns);
    if (s->reporter == DEMO_APPLICATION)
        put_database_attrs(&span, s);
    else
        put_proxy_attrs(&span, s);
    if (is_error(s) && s->reporter != DEMO_APPLICATION) {
        put_tag(&status, 3, WIRE_VARINT);
        buf_append_varint(&status, STATUS_ERROR);
    }
    put_message(&span, 15, &status);
    put_tag(&span, 16, WIRE_FIXED32);
    buf_append_u32(&span, s->parent ? 769 : 257);
    put_message(out, 2, &span);
}

static void put_resource(struct buf *out, const struct demo_span *s)
{
    const struct demo_service *owner = &demo_services[s->owner];
    struct buf resource = {0};
    char name[96];
    if (s->reporter == DEMO_APPLICATION) {
        put_attr(&resource, 1, "service.name", owner->name);
        put_attr(&resource, 1, "service.namespace", owner->space);
        put_attr(&resource, 1, "telemetry.sdk.name", "opentelemetry");
        put_attr(&resource, 1, "telemetry.sdk.language", "go");
    } else {
        snprintf(name, sizeof(name), "%s.%s", owner->name, owner->space);
        put_attr(&resource, 1, "service.name", name);
        put_attr(&resource, 1, "telemetry.sdk.name", "envoy");
        put_attr(&resource, 1, "telemetry.sdk.language", "cpp");
    }
    put_message(out, 1, &resource);
}

void demo_encode(struct buf *out, const struct demo_span *spans, size_t count)
{
    struct buf resource_spans = {0}, scope_spans = {0};
    put_resource(&resource_spans, &spans[0]);
    for (size_t i = 0; i < count; i++)
        put_span(&scope_spans, &spans[i]);
    put_message(&resource_spans, 2, &scope_spans);
    put_message(out, 1, &resource_spans);
}
