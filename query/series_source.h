/* series_source.h - where PromQL's samples come from: stored series, and series made of edges and
 * of weft's own counters. Whole series in arrays, so that an evaluation walks memory and calls
 * nothing per sample. Private to query/. */
#ifndef WEFT_QUERY_SERIES_SOURCE_H
#define WEFT_QUERY_SERIES_SOURCE_H

#include "model/label_matcher.h"
#include "query/annotations.h"
#include "query/query_budget.h"
#include "storage/series_view.h"

/* One kind of source. `self` is the source's own. Both calls may block: pool thread. */
struct series_source {
    /* Appends the series that match and have a sample in [start_ms, end_ms] (with
     * `names_only`: or may have one), labels only then. Order does not matter; the same label set
     * comes at most once from one source. ST_QUERY over budget, ST_TIMEOUT, ST_NO_MEMORY,
     * ST_CORRUPT never: damage is a warning. */
    enum status (*select)(void *self, const struct series_request *request, struct series_list *out,
                          struct query_budget *budget, struct annotations *notes, struct err *e);
    void *self;
};

/* All sources of one query. Series of equal labels out of two sources are joined by time (the first
 * source wins where both have a sample). */
struct series_sources {
    const struct series_source *items;
    size_t count;
};
enum status series_sources_select(const struct series_sources *sources,
                                  const struct series_request *request, struct series_list *out,
                                  struct query_budget *budget, struct annotations *notes,
                                  struct err *e);

#endif
