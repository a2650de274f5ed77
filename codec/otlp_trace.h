/* otlp_trace.h - ExportTraceServiceRequest (protobuf or JSON) to a batch's spans: a bounded walk,
 * no recursion, slices into the body. Source: opentelemetry-proto collector/trace/v1, trace/v1,
 * common/v1; JSON: docs/specification.md. What is repaired, rejected span by span, or fails the
 * request is the table in docs/otlp-input.md. */
#ifndef WEFT_CODEC_OTLP_TRACE_H
#define WEFT_CODEC_OTLP_TRACE_H

#include "model/batch.h"
#include "model/limits.h"
#include "base/err.h"

struct otlp_trace_rules {
    const struct limits *limits; /* borrowed */
    uint64_t oldest_ns;          /* event times before it are rejected{too_old}; 0 = none are */
    uint64_t newest_ns; /* event times behind it are rejected{too_new} (arrival + 10 min); 0 = none
                           are */
    bool keep_bad_text; /* leave text that is not UTF-8 as it came (the benchmark's other half);
                           else repaired */
};

/* Decodes batch->plain by batch->encoding into batch->spans, span_count, received, rejected and
 * reject_message. Any thread. Errors: ST_INVALID (undecodable: says what and at which byte),
 * ST_TOO_BIG (too many spans), ST_NO_MEMORY. */
enum status otlp_trace_decode(struct batch *batch, const struct otlp_trace_rules *rules,
                              struct err *e);

#endif
