/* identity.h - one name for whoever sent a span. Source: api.md section 3 (service id, version,
 * kinds). */
#ifndef WEFT_COLLECTOR_IDENTITY_H
#define WEFT_COLLECTOR_IDENTITY_H

#include "collector/observation.h"
#include "collector/observe_attr.h"

/* What a resource says, once per ResourceSpans. */
struct resource_facts {
    struct str text[RES_COUNT];
    bool envoy, linkerd, proxy; /* who made its spans, as far as the resource tells */
};

/* An Envoy node id taken apart: "sidecar~10.0.0.1~pod.namespace~domain" or Consul's
 * "pod-sidecar-proxy". */
struct node_name {
    struct str type, pod, space;
    bool istio, consul;
};

/* All pure, any thread. Results borrow from the input. */
void resource_read(const struct resource *r, struct resource_facts *out);
struct node_name node_name_of(struct str node_id);
/* "cart-v1-7d9f4c5b6-x2k41" without its last two parts; the whole name when it has fewer than
 * three. */
struct str pod_workload(struct str pod);
/* `attrs` by enum span_attr, NULL where the span has none. `scope` tells proxies apart that say so
 * there. */
void owner_of_span(const struct resource_facts *r, const struct attr *const attrs[ATTR_COUNT],
                   const struct node_name *node, struct str scope, struct owner *out);

#endif
