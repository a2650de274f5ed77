/* derived_series.h - the series_source of edges: traces_service_graph_*, traces_spanmetrics_*,
 * traces_span_metrics_*, weft_*, made of cells when they are asked for and stored nowhere. Samples
 * are running totals of closed requests at multiples of 15 s of event time; they depend neither on
 * the range that is asked for nor on retention. Private to query/. */
#ifndef WEFT_QUERY_DERIVED_SERIES_H
#define WEFT_QUERY_DERIVED_SERIES_H

#include "model/derived_settings.h"
#include "query/live_view.h"
#include "query/series_source.h"

/* Of one question; one thread. */
struct derived_series {
    struct live_view *live; /* borrowed */
    struct derived_settings settings;
    const struct edge_view *view; /* taken by the first selection: all see one moment */
};

/* A source that borrows `d`; ends with derived_series_close(). */
struct series_source derived_series_source(struct derived_series *d);
/* Gives the view back, if there is one. */
void derived_series_close(struct derived_series *d);

#endif
