/* limits.h - the settings under `limits`, `retention` and `graph` of api.md section 5, resolved.
 * Plain data, read-only after start. */
#ifndef WEFT_MODEL_LIMITS_H
#define WEFT_MODEL_LIMITS_H

#include "base/compiler.h"

struct limits {
    uint64_t body_bytes, unpacked_bytes; /* of one request, as it comes and unpacked */
    uint32_t spans, samples;    /* of one request; a bucket of a classic histogram is a sample */
    uint32_t attributes, depth; /* of a span, point or resource; AnyValue nesting */
    uint32_t connections, per_peer, streams; /* in all, per peer address, per HTTP/2 connection */
    uint32_t header_list_bytes;
    uint64_t head_ns, body_time_ns, idle_ns; /* time for the head, for the body, between requests */
};

struct retention {
    uint64_t series_ns, edges_ns, spans_ns, logs_ns; /* 0 = keep for ever */
    uint64_t disk_bytes;                             /* 0 = no limit */
};

struct graph_settings {
    uint64_t wait_ns, remember_ns;
    uint32_t max_edges, max_operations; /* operations per workload */
    double failing_error_ratio, degraded_error_ratio, degraded_p95_factor; /* health */
    uint32_t health_min_requests;
};

/* The defaults of api.md. */
struct limits limits_default(void);
struct retention retention_default(void);
struct graph_settings graph_settings_default(void);

/* Edges that are ever counted apart: max_edges under both their names, some with `other` for one
 * end, and one from `other` to `other`. */
size_t graph_edges_at_most(uint32_t max_edges);

#endif
