/* cluster_name.h - what the name of an Envoy cluster, or of a host, says about where a request
 * goes. Sources: Istio's "dir|port|subset|host" and its DNS-SRV form, Consul's SNI names
 * (agent/connect/sni.go), Kubernetes and Consul DNS. */
#ifndef WEFT_COLLECTOR_CLUSTER_NAME_H
#define WEFT_COLLECTOR_CLUSTER_NAME_H

#include "model/entity.h"

enum cluster_kind {
    CLUSTER_NONE,        /* no cluster was chosen */
    CLUSTER_INBOUND,     /* to the proxy's own application */
    CLUSTER_OUTBOUND,    /* to another workload */
    CLUSTER_WAYPOINT,    /* Istio's inbound-vip: a waypoint forwards for a service */
    CLUSTER_PASSTHROUGH, /* to wherever the application said */
    CLUSTER_BLACKHOLE,
    CLUSTER_OTHER, /* a name of somebody's own */
};

enum { DESTINATION_TEXT = 288 };

/* Where a request goes. `text` holds what is not a part of the input (host:port). */
struct destination {
    struct entity entity; /* strings point into the input or into text */
    struct str subset;
    bool own_protocol; /* of a database or a queue: its clients speak neither HTTP nor gRPC to it */
    bool is_vague;     /* a system of which neither name nor host is known */
    char text[DESTINATION_TEXT];
};

/* Any thread, pure. */
enum cluster_kind cluster_kind_of(struct str cluster);

/* Fills *out from a cluster that leads to another workload. False when the name tells nothing.
 * Pure; *out borrows `cluster`. */
bool destination_from_cluster(struct str cluster, struct destination *out);

/* From a host as a client names it. Kubernetes and Consul names become services; everything else is
 * external under "host", or "host:port" when the port is neither 0, 80 nor 443. `host` has no port.
 * Pure; *out borrows `host`. */
void destination_from_host(struct str host, uint32_t port, struct destination *out);

/* "system:name@host" with what is known of it, of a database or a queue; the caller sets the kind.
 * Pure. */
void destination_from_parts(struct str system, struct str name, struct str host,
                            struct destination *out);

/* Splits "host:port", "[::1]:80", "user@host"; *port is 0 without one. Pure. */
struct str authority_split(struct str authority, uint32_t *port);
/* The authority of "scheme://authority/path?query", empty without one; *path gets the path without
 * query and fragment. */
struct str url_split(struct str url, struct str *path);
/* Envoy marks the copy it sends to a mirror by "-shadow" behind the host name. */
bool authority_is_shadow(struct str authority);

#endif
