/* observe_request.h - outcome, destination and operation of the request that a span observed. Pure,
 * any thread. */
#ifndef WEFT_COLLECTOR_OBSERVE_REQUEST_H
#define WEFT_COLLECTOR_OBSERVE_REQUEST_H

#include "base/arena.h"
#include "collector/observation.h"
#include "collector/observe_attr.h"

/* Codes, flags, sizes, attempts, weight, protocol, mirror. `attrs` by enum span_attr. */
void observe_outcome(const struct attr *const attrs[ATTR_COUNT], const struct span *s,
                     enum maker maker, struct observation *x);
/* Where the request goes, from the caller's side. x->role is set already. */
void observe_destination(const struct attr *const attrs[ATTR_COUNT], const struct span *s,
                         enum maker maker, struct observation *x);
/* False when memory is short. */
bool observe_operation(const struct attr *const attrs[ATTR_COUNT], const struct span *s,
                       enum maker maker, struct arena *a, struct observation *x);

/* 2^-16 weight of a span from its W3C tracestate: 1/p for "ot=th:...", one when it says nothing.
 * Source: OpenTelemetry, TraceState: Probability Sampling. */
uint64_t sampling_weight(struct str trace_state);

#endif
