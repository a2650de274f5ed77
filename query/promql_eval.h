/* promql_eval.h - runs a checked PromQL tree over series. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_EVAL_H
#define WEFT_QUERY_PROMQL_EVAL_H

#include "query/promql_parse.h"
#include "query/series_source.h"

struct promql_query {
    int64_t start_ms, end_ms; /* equal for an instant query */
    int64_t step_ms;          /* > 0 for a range query, 0 for an instant one */
    int64_t lookback_ms;      /* 5 minutes unless asked otherwise */
    int64_t subquery_step_ms; /* of subqueries without one: 1 minute */
    bool counts_samples;      /* tell promql_result.step_samples */
};

/* One series of a result. Points in order of time. */
struct promql_series {
    struct label_set labels;
    const int64_t *times_ms;
    const double *values;                             /* of float points */
    const struct native_histogram *const *histograms; /* NULL: no histogram; else a slot a point,
                                                          NULL where the point is a float */
    uint32_t point_count;
};

struct promql_result {
    enum promql_type type;        /* of the answer: a range query always gives TYPE_MATRIX */
    struct promql_series *series; /* sorted by labels, but for an instant query whose outermost
                                     function orders */
    uint32_t series_count;
    double scalar;                /* TYPE_SCALAR, at start_ms */
    struct str text;              /* TYPE_STRING */
    const uint64_t *step_samples; /* NULL unless asked for: samples that each step of the query
                                     looks at, a histogram counting as several; a sample counts in
                                     every window that it lies in. Points of a subquery count, not
                                     what they were made of. As Prometheus' totalQueryableSamples */
    uint32_t step_count;
};

/* All of the result lives in `arena`. ST_QUERY: it cannot be run (execution), ST_TIMEOUT,
 * ST_NO_MEMORY, ST_INVALID: a range query of a matrix or string. Pool thread. */
enum status promql_eval(const struct promql_node *root, const struct promql_query *q,
                        const struct series_sources *sources, struct query_budget *budget,
                        struct annotations *notes, struct arena *arena, struct promql_result *out,
                        struct err *e);

#endif
