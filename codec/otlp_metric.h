/* otlp_metric.h - ExportMetricsServiceRequest (protobuf or JSON) to series in Prometheus' form.
 * Source: opentelemetry-proto collector/metrics/v1, metrics/v1; OpenTelemetry,
 * compatibility/prometheus_and_openmetrics.md. What is repaired, rejected point by point, or fails
 * the request is the table in docs/metrics-input.md. */
#ifndef WEFT_CODEC_OTLP_METRIC_H
#define WEFT_CODEC_OTLP_METRIC_H

#include "base/err.h"
#include "codec/metric_name.h"
#include "model/batch.h"
#include "model/limits.h"

struct otlp_metric_rules {
    const struct limits *limits; /* borrowed */
    uint64_t seed;               /* of metric_series.hash: the data directory's */
    enum metric_translation translation;
};

/* Decodes batch->plain by batch->encoding into batch->metrics, received (points), rejected and
 * reject_message. Any thread. Errors: ST_INVALID (undecodable: says what and at which byte),
 * ST_TOO_BIG (too many samples), ST_NO_MEMORY. */
enum status otlp_metric_decode(struct batch *batch, const struct otlp_metric_rules *rules,
                               struct err *e);

#endif
