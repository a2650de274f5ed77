/* derived_rows.h - runs the edge queries of one kind of rows and turns them into series. Private to
 * query/derived_*. */
#ifndef WEFT_QUERY_DERIVED_ROWS_H
#define WEFT_QUERY_DERIVED_ROWS_H

#include "query/derived_ask.h"

/* Appends the series of the wanted families that are made of such rows. `view` holds closed
 * requests only. Damaged blocks are added to *lost. ST_QUERY over budget, ST_NO_MEMORY. Pool
 * thread. */
enum status derived_rows_select(const struct derived_ask *ask, enum derived_rows rows,
                                unsigned sections, const struct edge_view *view,
                                struct series_list *out, struct query_budget *budget,
                                uint64_t *lost, struct err *e);

#endif
