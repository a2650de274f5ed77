/* otlp_json.h - the JSON form of ExportTraceServiceRequest. Source: opentelemetry-proto
 * docs/specification.md, "JSON Protobuf Encoding"; what is taken how: docs/otlp-input.md. */
#ifndef WEFT_CODEC_OTLP_JSON_H
#define WEFT_CODEC_OTLP_JSON_H

#include "codec/otlp_trace.h"

/* As otlp_trace_decode() for a batch whose plain bytes are JSON; span.raw stays empty. */
enum status otlp_json_decode(struct batch *batch, const struct otlp_trace_rules *rules,
                             struct err *e);

#endif
