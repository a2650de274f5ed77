/* demo_span.h - one finished span of the simulated mesh, and its OTLP bytes as an Envoy sidecar
 * would write them. */
#ifndef WEFT_APP_DEMO_SPAN_H
#define WEFT_APP_DEMO_SPAN_H

#include "app/demo_mesh.h"
#include "base/buf.h"
#include "model/trace_id.h"

/* Who made the span. */
enum demo_reporter {
    DEMO_OUTBOUND,       /* caller's sidecar: CLIENT */
    DEMO_INBOUND,        /* callee's sidecar: SERVER */
    DEMO_GATEWAY_SERVER, /* the gateway towards the driver: SERVER, root */
    DEMO_GATEWAY_CLIENT, /* the gateway towards the service: CLIENT child of the above */
    DEMO_APPLICATION,    /* the application's database client: CLIENT */
};

struct demo_span {
    uint64_t start_ns, end_ns;
    struct trace_id trace;
    uint64_t id, parent; /* parent 0: root */
    uint64_t request_id;
    enum demo_reporter reporter;
    enum demo_service_id owner;  /* whose workload reports it */
    unsigned owner_version;      /* 1 or 2 */
    enum demo_service_id target; /* what is called */
    const char *method;
    char path[64];
    unsigned http_code; /* 0: no answer */
    int grpc_code;      /* -1: not gRPC */
    const char *flags;  /* "-", "UF,URX", ...; static */
    unsigned request_bytes, response_bytes;
};

/* Names that spans and the truth share. Return out. */
char *demo_workload(enum demo_service_id id, unsigned version, char *out,
                    size_t cap); /* "payment-v2" */
char *demo_authority(enum demo_service_id id, char *out,
                     size_t cap); /* "payment.pay.svc.cluster.local:8080" */

/* Appends ExportTraceServiceRequest bytes of spans that one pod reports (all with the same owner,
 * version and kind of reporter). */
void demo_encode(struct buf *out, const struct demo_span *spans, size_t count);

#endif
