/* query_series.h - series for those who do not come over HTTP: what app hands to export. */
#ifndef WEFT_QUERY_QUERY_SERIES_H
#define WEFT_QUERY_QUERY_SERIES_H

#include "query/query.h"
#include "storage/series_view.h"

/* Series made of edges, as PromQL sees them: everything closed by now is in them. Appends to *out;
 * all of it is the request's arena's. Any thread, may block. ST_QUERY: more than samples_max;
 * ST_TIMEOUT, ST_NO_MEMORY. */
enum status query_derived_select(struct query *q, const struct series_request *request,
                                 struct series_list *out, struct err *e);
/* Type and help of each of their metrics; strings are static. Any thread. */
void query_derived_metadata(bool (*each)(const struct metric_metadata *m, void *user), void *user);
/* One sample of what /metrics shows: `metadata` has name, type and help of its metric; labels are
 * sorted, without __name__, and borrowed for the call. */
typedef void query_metric_fn(void *user, const struct metric_metadata *metadata,
                             struct label_set labels, double value);
/* Reads all numbers of /metrics and calls for each, metric by metric. Any thread. ST_NO_MEMORY. */
enum status query_metrics_each(struct query *q, struct arena *arena, query_metric_fn *each,
                               void *user, struct err *e);
/* The matchers of a selector ("up{job=\"x\"}"), of which one at least must refuse the empty text.
 * The array is the arena's, texts are borrowed from both; the caller ends each matcher with
 * label_matcher_deinit(). ST_INVALID: the sentence is Prometheus'; ST_NO_MEMORY. */
enum status query_parse_selector(struct str text, struct arena *arena, struct label_matcher **out,
                                 uint32_t *count, struct err *e);

#endif
