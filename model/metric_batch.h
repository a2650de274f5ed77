/* metric_batch.h - what a request of metrics says, decoded to Prometheus' form whatever its wire
 * format was: series with samples, exemplars, metadata. Hangs on a batch (model/batch.h). */
#ifndef WEFT_MODEL_METRIC_BATCH_H
#define WEFT_MODEL_METRIC_BATCH_H

#include "model/label_set.h"
#include "model/native_histogram.h"

/* Numbers of remote write's MetricMetadata.MetricType. Stored: never renumber. */
enum metric_type {
    METRIC_UNKNOWN = 0,
    METRIC_COUNTER = 1,
    METRIC_GAUGE = 2,
    METRIC_HISTOGRAM = 3,
    METRIC_GAUGE_HISTOGRAM = 4,
    METRIC_SUMMARY = 5,
    METRIC_INFO = 6,
    METRIC_STATESET = 7,
};

/* Longest text that metadata keeps; the rest is cut. */
enum { METADATA_TEXT_MAX = 1024 };

struct sample {
    int64_t time_ms;
    int64_t start_ms; /* 0 = not told: when the counter began to count */
    double value;     /* of a float sample; a stale NaN is kept bit by bit */
    const struct native_histogram *histogram; /* NULL: a float sample. Borrowed: batch arena */
};

struct metric_exemplar {
    struct label_set labels; /* trace_id, span_id, ...; borrowed */
    double value;
    int64_t time_ms;
};

/* One series of a request. Everything is borrowed from the batch's body and arena. */
struct metric_series {
    struct label_set labels; /* with __name__ */
    uint64_t hash;           /* series_hash(labels, seed of the data directory) */
    struct sample *samples;  /* as they came: the receiver's order is the sender's */
    struct metric_exemplar *exemplars;
    uint32_t sample_count, exemplar_count;
    uint32_t item_count; /* of the account: points or samples that it stands for, see below */
    bool is_delta;       /* values are increases: the store adds them up */
};

struct metric_metadata {
    struct str metric, help, unit; /* borrowed */
    enum metric_type type;
};

/* Reasons for which a store turns a sample down after the request was decoded. */
enum sample_fault {
    SAMPLE_OK,
    SAMPLE_DUPLICATE_OTHER_VALUE, /* same series and time, other value */
    SAMPLE_TOO_OLD,               /* beyond the retention */
    SAMPLE_TOO_NEW,               /* more than 10 minutes ahead of its arrival */
    SAMPLE_SERIES_LIMIT,          /* a new series over the limit */
    SAMPLE_NO_MEMORY,
    SAMPLE_FAULT_COUNT,
};

struct metric_batch {
    struct metric_series *series; /* batch arena */
    struct metric_metadata *metadata;
    uint32_t series_count, metadata_count;
    uint32_t sample_count, histogram_count, exemplar_count; /* sums, for answers and limits */
};

/* What the store made of it: told to the sender after the batch was applied. Every sample of the
 * batch is in exactly one of stored, known and faults[]. */
struct metric_outcome {
    uint32_t samples, histograms, exemplars; /* stored, or known already with the same value */
    uint32_t faults[SAMPLE_FAULT_COUNT];     /* samples and histograms turned down */
    char message[200];                       /* one sentence about the first fault */
};

#endif
