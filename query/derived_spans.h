/* derived_spans.h - tracks out of the few totals that somebody looks at, and of when there was
 * traffic. Private to query/derived_*. */
#ifndef WEFT_QUERY_DERIVED_SPANS_H
#define WEFT_QUERY_DERIVED_SPANS_H

#include "query/derived_groups.h"

/* Fills the tracks of pairs of services over the range of the query, whose step is not looked at;
 * their totals are those at its start. Needs tiles of 15 s. ST_NO_MEMORY. */
enum status derived_spans_add(struct derived_groups *groups, const struct row_query *query,
                              struct row_sums *range, uint64_t *lost, struct err *e);

#endif
