/* trace_rig.h - spans of our own making, by kind of proxy, and what the collector counts of them as
 * text. */
#ifndef WEFT_TESTS_UNIT_COLLECTOR_TRACE_RIG_H
#define WEFT_TESTS_UNIT_COLLECTOR_TRACE_RIG_H

#include "collector/collector.h"
#include "collector/pipeline.h"

enum { RIG_SPANS = 512, RIG_ATTRS = 24 };

struct rig_span {
    struct span span;
    struct resource resource;
    struct attr attrs[RIG_ATTRS], resource_attrs[RIG_ATTRS];
};

/* All spans belong to one trace unless rig.trace is changed. Strings are kept by the rig's arena.
 */
struct rig {
    struct arena arena;
    struct rig_span *spans;
    uint32_t count;
    uint64_t trace;
    struct graph_settings graph;
};

/* The caller ends it with rig_deinit(). */
void rig_init(struct rig *r);
void rig_deinit(struct rig *r);

/* Adds a span that lasts `us` from `at` us after the test's start; id and parent are small numbers.
 * `resource` and `attrs` are "key=value;key=value", a value that begins with # is an integer.
 * Returns it for finishing touches. */
struct rig_span *rig_add(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                         const char *name, const char *resource, const char *attrs, uint64_t at,
                         uint64_t us);

/* What one proxy or application sees, with the attributes that the real ones send. `pod` of service
 * web-v1 is "web-v1-7d9f4c5b6-x2k41". `more` is appended to the attributes. */
struct rig_span *rig_istio(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                           const char *service, const char *space, const char *version,
                           const char *cluster, const char *url, int code, const char *flags,
                           uint64_t at, uint64_t us, const char *more);
struct rig_span *rig_gateway(struct rig *r, uint64_t id, uint64_t parent, const char *cluster,
                             const char *url, int code, const char *flags, uint64_t at,
                             uint64_t us);
/* The upstream span of an Envoy with spawn_upstream_span: it names no node and no URL. */
struct rig_span *rig_upstream(struct rig *r, uint64_t id, uint64_t parent, const char *service,
                              const char *space, const char *version, const char *cluster, int code,
                              const char *flags, int retry, uint64_t at, uint64_t us);
struct rig_span *rig_consul(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                            const char *pod, const char *cluster, const char *url, int code,
                            uint64_t at, uint64_t us);
struct rig_span *rig_linkerd(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                             const char *direction, const char *deployment, const char *space,
                             const char *host, int code, uint64_t at, uint64_t us);
struct rig_span *rig_app(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                         const char *service, const char *name, const char *attrs, uint64_t at,
                         uint64_t us);

/* --- running --- */

struct rig_run {
    const uint32_t *order;  /* of the spans; NULL = as added */
    uint32_t batch_spans;   /* spans a batch; 0 = all in one */
    bool twice;             /* every span comes twice */
    uint32_t restart_after; /* batches after which the state goes through an image; 0 = never */
    uint32_t look_every; /* batches after which a view is kept up and held against a fresh one; 0 =
                            never */
    uint64_t seconds_between; /* batches */
    bool by_clock;            /* closed by time that passes, not by a flush */
};

/* Feeds all spans and closes everything. The text has one line an edge, sorted:
 *   client > server protocol views requests/errors/attempts [codes] {flags} c<n> s<n> t<n> |
 * version>version operation code ... The caller ends *out. `p` (may be NULL) gets the pipeline to
 * look at; the caller ends it then. */
void rig_run(const struct rig *r, const struct rig_run *run, struct buf *out, struct pipeline *p);
/* p goes through an image and back: what a checkpoint and a start after it make of it. */
void rig_restart(struct pipeline *p);
/* What was counted so far, as rig_run() writes it. Tells the registry who was seen. */
void rig_counted(struct pipeline *p, struct buf *out);
/* Runs in many orders, splits, with repeats and restarts; each must give the same text as the plain
 * run, which must be `want` (not looked at when NULL). Ends the rig; nothing may be left. */
void rig_expect(struct rig *r, const char *name, const char *want);

#endif
