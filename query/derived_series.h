/* derived_series.h - the series_source of edges: traces_service_graph_*, traces_spanmetrics_*,
 * traces_span_metrics_*, weft_*, made of cells when they are asked for and stored nowhere. Samples
 * are running totals of closed requests at multiples of 15 s of event time; they depend neither on
 * the range that is asked for nor on retention. Private to query/. */
#ifndef WEFT_QUERY_DERIVED_SERIES_H
#define WEFT_QUERY_DERIVED_SERIES_H

#include "query/live_view.h"
#include "query/series_source.h"

enum { DERIVED_BUCKETS_MAX = 64 };

/* Settings under `series`, as far as they concern derived series. Plain data. */
struct derived_settings {
    bool native; /* the peers' names as native histograms instead of classic buckets */
    double buckets[DERIVED_BUCKETS_MAX]; /* seconds, ascending, without +Inf */
    uint32_t bucket_count;
};
/* The defaults of docs/config.md. */
struct derived_settings derived_settings_default(void);

struct derived_series {
    struct live_view *live; /* borrowed */
    struct derived_settings settings;
};

/* A source that borrows `d`. Any number of threads. */
struct series_source derived_series_source(struct derived_series *d);

#endif
