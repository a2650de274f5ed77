/* derived_output.h - a finished track as the series that were asked for. Private to
 * query/derived_*. */
#ifndef WEFT_QUERY_DERIVED_OUTPUT_H
#define WEFT_QUERY_DERIVED_OUTPUT_H

#include "query/derived_ask.h"
#include "query/derived_track.h"

/* Finishes the track and appends its series (of a classic histogram: buckets, sum, count), cut to
 * the range. ST_QUERY over budget, ST_NO_MEMORY. */
enum status derived_output(const struct derived_ask *ask, struct derived_track *t,
                           struct series_list *out, struct query_budget *budget, struct err *e);

#endif
