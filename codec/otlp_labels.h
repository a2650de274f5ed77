/* otlp_labels.h - resource, scope and attributes of an OTLP point to one label set. Source:
 * OpenTelemetry, compatibility/prometheus_and_openmetrics.md; docs/metrics-input.md. */
#ifndef WEFT_CODEC_OTLP_LABELS_H
#define WEFT_CODEC_OTLP_LABELS_H

#include "codec/metric_build.h"
#include "codec/metric_name.h"
#include "model/span.h"

/* An attribute on its way to a label. */
struct raw_label {
    struct str name, value; /* translated */
    struct str key;         /* as sent */
    uint32_t order;         /* as sent */
};

enum { NAME_CACHE = 64, FIXED_FIRST = 2 };

/* Label sets of one request after the other owner. Everything lives in the batch's arena. */
struct label_maker {
    struct metric_builder *m; /* borrowed */
    enum metric_translation translation;
    struct str peer; /* borrowed: the connection's, "10.0.0.1:4242", as the instance of a resource
                        that names none; may be empty */
    struct item_run raw, fixed;
    struct label resource[FIXED_FIRST]; /* instance, job: of the resource */
    uint32_t resource_count;
    bool resource_named; /* it says itself who it is */
    struct {
        struct str key, name;
    } names[NAME_CACHE]; /* last translations, by hash of the key */
};

/* For one request; everything is borrowed. One thread at a time, as all below, whose errors are
 * ST_NO_MEMORY and ST_TOO_BIG. */
struct label_maker label_maker_of(struct metric_builder *m, enum metric_translation translation,
                                  struct str peer);

/* The labels job and instance of a resource, for all its points. */
enum status label_maker_resource(struct label_maker *l, const struct attr *attrs, uint32_t count);
/* The labels otel_scope_* of a scope, for all its points; an unnamed scope has none. */
enum status label_maker_scope(struct label_maker *l, const struct scope *scope,
                              struct str schema_url, const struct attr *attrs, uint32_t count);
/* All labels of a point but its metric's name: attributes, resource, scope; sorted, in `run`, which
 * is begun anew. `reserved` (may be empty) is a label that the metric's kind makes itself. */
enum status label_maker_point(struct label_maker *l, const struct attr *attrs, uint32_t count,
                              struct str reserved, struct item_run *run);
/* target_info's labels: what the resource says beyond who it is. *wanted: there is something. */
enum status label_maker_target(struct label_maker *l, const struct attr *attrs, uint32_t count,
                               struct item_run *run, bool *wanted);
/* The attributes alone, sorted, without resource and scope, in `run`. */
enum status label_maker_plain(struct label_maker *l, const struct attr *attrs, uint32_t count,
                              struct item_run *run);

#endif
