/* observe_request.h - outcome, destination and operation of the request that a span observed. Pure,
 * any thread. */
#ifndef WEFT_COLLECTOR_OBSERVE_REQUEST_H
#define WEFT_COLLECTOR_OBSERVE_REQUEST_H

#include "base/arena.h"
#include "collector/observation.h"
#include "collector/observe_attr.h"

/* A span by the meaning of its attributes. */
struct span_facts {
    const struct span *span;
    const struct attr *attrs[ATTR_COUNT]; /* NULL where the span has none */
    struct str authority, path;           /* that the request asked for; empty when not told */
    enum maker maker;
};

/* Fills authority and path. */
void observe_url(struct span_facts *f);
/* Codes, flags, sizes, attempts, weight, protocol, mirror. */
void observe_outcome(const struct span_facts *f, struct observation *x);
/* Where the request goes, from the caller's side. x->role is set already. */
void observe_destination(const struct span_facts *f, struct observation *x);
/* False when memory is short. */
bool observe_operation(const struct span_facts *f, struct arena *a, struct observation *x);

/* 2^-16 weight of a span from its W3C tracestate: 1/p for "ot=th:...", one when it says nothing.
 * Source: OpenTelemetry, TraceState: Probability Sampling. */
uint64_t sampling_weight(struct str trace_state);

#endif
