/* span.h - one span as OTLP says it, decoded: slices into the request body or the batch's arena.
 * Source: opentelemetry-proto, trace/v1/trace.proto and common/v1/common.proto. */
#ifndef WEFT_MODEL_SPAN_H
#define WEFT_MODEL_SPAN_H

#include "model/trace_id.h"

enum value_type {
    VALUE_EMPTY, /* an AnyValue without a value */
    VALUE_STRING,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_DOUBLE,
    VALUE_BYTES,
    VALUE_NESTED, /* array or kvlist: `text` is its encoded form (protobuf of AnyValue, or JSON
                     text) */
};

struct attr {
    struct str key;  /* borrowed */
    struct str text; /* STRING, BYTES, NESTED; borrowed */
    union {
        int64_t i;
        double d;
        bool b;
    };
    enum value_type type;
};

enum span_kind {
    SPAN_UNSPECIFIED,
    SPAN_INTERNAL,
    SPAN_SERVER,
    SPAN_CLIENT,
    SPAN_PRODUCER,
    SPAN_CONSUMER
};
enum span_status { SPAN_STATUS_UNSET, SPAN_STATUS_OK, SPAN_STATUS_ERROR };

struct scope {
    struct str name, version; /* borrowed */
};

/* Who sent it: one per ResourceSpans. */
struct resource {
    struct attr *attrs; /* borrowed: batch arena */
    uint32_t attr_count;
};

struct span {
    struct trace_id trace;                        /* never all zero */
    uint64_t id;                                  /* never 0 */
    uint64_t parent;                              /* 0 = root */
    uint64_t start_ns, end_ns;                    /* since 1970, as sent: end may be before start */
    struct str name, trace_state, status_message; /* borrowed */
    const struct resource *resource;              /* borrowed: batch arena */
    const struct scope *scope;                    /* borrowed: batch arena; never NULL */
    struct attr *attrs;                           /* borrowed: batch arena */
    uint32_t attr_count;
    uint32_t flags; /* W3C trace flags in bits 0-7; 8 and 9: is the parent remote */
    enum span_kind kind;
    enum span_status status;
    struct str raw; /* the whole Span message as it came (protobuf only, else empty), for stores
                       that keep it */
};

/* When the span happened, for retention and admission: its end, or its start when the end was never
 * set (0, or a mark like the largest number: anything behind the year 2262). */
static inline uint64_t span_event_ns(const struct span *s)
{
    return s->end_ns != 0 && s->end_ns <= INT64_MAX ? s->end_ns : s->start_ns;
}

#endif
