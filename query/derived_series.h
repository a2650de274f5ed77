/* derived_series.h - the series_source of edges: traces_service_graph_*, traces_spanmetrics_*,
 * traces_span_metrics_*, weft_*, made of cells when they are asked for and stored nowhere. Samples
 * are running totals of closed requests at multiples of 15 s of event time; they depend neither on
 * the range that is asked for nor on retention. Private to query/. */
#ifndef WEFT_QUERY_DERIVED_SERIES_H
#define WEFT_QUERY_DERIVED_SERIES_H

#include "model/derived_settings.h"
#include "query/live_view.h"
#include "query/series_source.h"

struct derived_series {
    struct live_view *live; /* borrowed */
    struct derived_settings settings;
};

/* A source that borrows `d`. Any number of threads. */
struct series_source derived_series_source(struct derived_series *d);

#endif
