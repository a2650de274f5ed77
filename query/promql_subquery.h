/* promql_subquery.h - expr[range:step]: an expression run over a grid of its own. Private to
 * query/.
 */
#ifndef WEFT_QUERY_PROMQL_SUBQUERY_H
#define WEFT_QUERY_PROMQL_SUBQUERY_H

#include "query/promql_run.h"

/* Runs `node` (PROMQL_SUBQUERY) for all steps of `run` at once. *out: its series as samples at
 * multiples of its step, with stale markers where there is no value; they share their times and
 * borrow their values from *rows, which the budget holds. */
enum status promql_subquery_run(struct promql_run *run, const struct promql_node *node,
                                struct series_list *out, struct promql_rows *rows, struct err *e);

#endif
