/* metric_name.h - OpenTelemetry's names to Prometheus': metric names with unit and type suffixes,
 * label names. Source: OpenTelemetry, compatibility/prometheus_and_openmetrics.md; Prometheus,
 * otlp.translation_strategy. Rules and examples: docs/metrics-input.md, section "Names". */
#ifndef WEFT_CODEC_METRIC_NAME_H
#define WEFT_CODEC_METRIC_NAME_H

#include "base/arena.h"

/* Setting series.translation. */
enum metric_translation {
    TRANSLATE_UNDERSCORES, /* UnderscoreEscapingWithSuffixes */
    TRANSLATE_NOTHING,     /* NoTranslation: what was sent, UTF-8 and all */
};

enum metric_name_kind {
    NAME_PLAIN,   /* sums that fall, histograms, summaries */
    NAME_COUNTER, /* ends with _total */
    NAME_GAUGE,   /* of unit 1: ends with _ratio */
};

/* The series name of a metric, in the arena or part of `name`. Empty: nothing of it is left, the
 * metric is to be rejected. {NULL, 0}: memory is short. */
struct str metric_name_translate(struct arena *arena, enum metric_translation how, struct str name,
                                 struct str unit, enum metric_name_kind kind);
/* The unit in words ("seconds", "bytes_per_second"), for metadata; the same results. */
struct str metric_unit_translate(struct arena *arena, enum metric_translation how, struct str unit);
/* The label name of an attribute's key; the same results. */
struct str label_name_translate(struct arena *arena, enum metric_translation how, struct str key);

#endif
