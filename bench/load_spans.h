/* load_spans.h - bodies of OTLP trace requests as Envoy sidecars of a small mesh send them, with
 * fresh ids each time. */
#ifndef WEFT_BENCH_LOAD_SPANS_H
#define WEFT_BENCH_LOAD_SPANS_H

#include "base/buf.h"

enum {
    LOAD_SERVICES = 20,
    LOAD_HOPS = 5
}; /* a trace enters at some service and passes LOAD_HOPS of them */

struct load_spans; /* templates and one cursor a service */

/* Aborts when memory is short: a benchmark. The caller ends it with load_spans_free. */
struct load_spans *load_spans_new(uint64_t seed);
void load_spans_free(struct load_spans *l);
/* Appends one ExportTraceServiceRequest of `count` spans of the service's sidecar, ending about
 * now_ns (wall). Both halves of each hop are made, by the sidecars of its two services, as long as
 * all services send alike. */
void load_spans_request(struct load_spans *l, unsigned service, unsigned count, uint64_t now_ns,
                        struct buf *out);

#endif
