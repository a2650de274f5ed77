/* otlp_metric_json.h - the JSON form of ExportMetricsServiceRequest. Source: opentelemetry-proto
 * docs/specification.md, "JSON Protobuf Encoding"; what is taken how: docs/metrics-input.md. */
#ifndef WEFT_CODEC_OTLP_METRIC_JSON_H
#define WEFT_CODEC_OTLP_METRIC_JSON_H

#include "codec/otlp_point.h"

/* Reads the sink's batch. Errors as otlp_metric_decode(). */
enum status otlp_metric_json_read(struct point_sink *sink, struct err *e);

#endif
