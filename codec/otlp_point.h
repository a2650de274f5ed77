/* otlp_point.h - decoded OTLP data points to series: which series a point of each kind becomes, and
 * which points are turned down. What protobuf and JSON share. Source: docs/metrics-input.md. */
#ifndef WEFT_CODEC_OTLP_POINT_H
#define WEFT_CODEC_OTLP_POINT_H

#include "codec/otlp_attr.h"
#include "codec/otlp_labels.h"
#include "codec/otlp_metric.h"
#include "codec/span_judge.h"

enum otlp_kind {
    OTLP_NO_DATA,
    OTLP_GAUGE,
    OTLP_SUM,
    OTLP_HISTOGRAM,
    OTLP_EXPONENTIAL_HISTOGRAM,
    OTLP_SUMMARY,
};
enum otlp_temporality { OTLP_UNSPECIFIED = 0, OTLP_DELTA = 1, OTLP_CUMULATIVE = 2 };

/* A Metric without its points. */
struct otlp_stream {
    struct str name, description, unit; /* borrowed, UTF-8 */
    enum otlp_kind kind;
    uint64_t temporality;
    bool is_monotonic;
};

struct otlp_quantile {
    double quantile, value;
};

/* A point without what comes in lists. */
struct otlp_point {
    uint64_t start_ns, time_ns, flags;
    double value; /* of a number */
    bool has_value;
    uint64_t count, zero_count;
    double sum, zero_threshold;
    bool has_sum;
    int32_t scale;
    int32_t offset[2]; /* positive, negative */
    unsigned faults;   /* enum span_fault bits: of its attributes */
    struct attr *attrs;
    uint32_t attr_count;
};

struct otlp_exemplar {
    uint64_t time_ns;
    double value;
    struct str trace_id, span_id; /* bytes; others than 16 and 8, and zeros,
                                     are left out */
    struct attr *attrs;
    uint32_t attr_count;
};

/* One request. */
struct point_sink {
    struct metric_builder m;
    const struct otlp_metric_rules *rules; /* borrowed */
    struct attr_slab slab;                 /* of resource, scope and point attributes */
    struct label_maker labels;
    unsigned resource_faults; /* enum span_fault bits that all points of the resource inherit */
    const struct attr *resource_attrs; /* of the resource */
    uint32_t resource_attr_count;
    uint64_t newest_ns; /* of the resource's points */
    /* Of the metric. */
    struct otlp_stream stream;
    struct str name;     /* translated; empty: its points are rejected */
    struct str names[3]; /* with _bucket, _sum, _count */
    /* Of the point: its lists, and the labels that all its series have. */
    struct item_run counts[2]; /* uint64_t: of buckets; positive, negative of an exponential one */
    struct item_run bounds;    /* double */
    struct item_run quantiles; /* struct otlp_quantile */
    struct item_run exemplars; /* struct metric_exemplar */
    struct item_run point_labels;
};

/* Begins with an empty batch. ST_NO_MEMORY. One thread at a time, as all below. */
enum status point_sink_begin(struct point_sink *s, struct batch *batch,
                             const struct otlp_metric_rules *rules, struct err *e);

/* All below: ST_NO_MEMORY or ST_TOO_BIG. */

/* A resource, before its points; attributes stay where they are until its end. */
enum status point_sink_resource(struct point_sink *s, const struct attr *attrs, uint32_t count,
                                unsigned faults);
/* Writes target_info. */
enum status point_sink_resource_end(struct point_sink *s);
enum status point_sink_stream(struct point_sink *s, const struct otlp_stream *stream);
/* Empties the lists. */
void point_sink_point_begin(struct point_sink *s);
enum status point_sink_word(struct point_sink *s, struct item_run *run, uint64_t word);
enum status point_sink_quantile(struct point_sink *s, struct otlp_quantile q);
enum status point_sink_exemplar(struct point_sink *s, const struct otlp_exemplar *x);
/* Counts the point and makes its series, or rejects it. */
enum status point_sink_point_end(struct point_sink *s, const struct otlp_point *p);

#endif
