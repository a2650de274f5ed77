/* observation.h - what one span says about a request, taken out of it while it is warm. Strings are
 * slices of the batch. */
#ifndef WEFT_COLLECTOR_OBSERVATION_H
#define WEFT_COLLECTOR_OBSERVATION_H

#include "model/entity.h"
#include "model/span.h"

/* What made the span. */
enum maker {
    MAKER_APP,
    MAKER_ENVOY,
    MAKER_LINKERD,
    MAKER_PROXY, /* nginx, Traefik, Caddy, HAProxy: a proxy that is a workload of its own */
};

/* Where it stood on the way of a request. Stored in images: never renumber. */
enum role {
    ROLE_APP,
    ROLE_OUT,      /* sidecar, the caller's side */
    ROLE_IN,       /* sidecar, the callee's side */
    ROLE_GATEWAY,  /* a workload of its own that answers one request by making another */
    ROLE_WAYPOINT, /* the same, but joined through in the mesh view */
};

/* How a destination is named: decides what `dest` holds. Stored in images: never renumber. */
enum dest_kind {
    DEST_NONE,
    DEST_CLUSTER,   /* dest: name of an Envoy cluster */
    DEST_HOST,      /* dest: host, dest_port */
    DEST_DATABASE,  /* dest: system, dest_more: database, dest_host */
    DEST_MESSAGING, /* dest: system, dest_more: queue or topic */
    DEST_SERVICE,   /* dest: name, dest_more: namespace, dest_host: version (peer.service: the name
                       alone; a waypoint's tags) */
};

/* Who sent a span: one workload instance as one of its proxies or its application names it. */
struct owner {
    struct entity entity;
    struct variant variant;
    struct str instance; /* pod */
    enum maker maker;
    bool weak;   /* the name is a guess out of a node id; a caller's cluster name is better */
    bool is_pod; /* `instance` is a pod's name, comparable between a proxy and its application */
};

enum { CODE_NONE = 1023, GRPC_NONE = 31, SIZE_NONE = UINT32_MAX };

struct observation {
    uint32_t owner;     /* index into observations.owners */
    uint32_t source;    /* the same, of the caller that a waypoint names; UINT32_MAX = none */
    uint16_t http_code; /* CODE_NONE; 0 = no answer */
    uint8_t grpc_code;  /* GRPC_NONE */
    uint8_t retries;    /* attempt number - 1, as the proxy says */
    uint8_t role, kind, protocol, dest_kind; /* enum role, span_kind, protocol, dest_kind */
    bool error, mirror, denied;
    uint32_t request_bytes, response_bytes; /* SIZE_NONE; larger ones count as SIZE_NONE - 1 */
    uint64_t weight;                        /* 2^-16, from W3C ot=th */
    struct str dest, dest_more, dest_host;
    uint32_t dest_port;
    struct str operation;
    struct str flags; /* empty when there are none */
};

/* batch->observations: one item a span, in the batch's arena. */
struct observations {
    struct owner *owners;
    uint32_t owner_count, owner_cap;
    struct observation *items;
};

#endif
