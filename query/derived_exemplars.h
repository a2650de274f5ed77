/* derived_exemplars.h - traces behind derived histograms: the slowest and the slowest failing
 * requests of edges. Private to query/. */
#ifndef WEFT_QUERY_DERIVED_EXEMPLARS_H
#define WEFT_QUERY_DERIVED_EXEMPLARS_H

#include "query/derived_series.h"

/* Exemplars of the matching series, in the request's range; each under the labels of its histogram
 * without `le`, without versions and without `span_name`: they are kept by pair of services.
 * Arena's. ST_NO_MEMORY, errors of the budget. Pool thread. */
enum status derived_exemplars(const struct derived_series *d, const struct series_request *request,
                              struct query_budget *budget, struct series_exemplars **out,
                              uint32_t *count, struct err *e);

#endif
