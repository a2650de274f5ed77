/* promql_print.h - the pieces of an expression's text that both printers write. Private to
 * promql_print*.c. */
#ifndef WEFT_QUERY_PROMQL_PRINT_H
#define WEFT_QUERY_PROMQL_PRINT_H

#include "query/promql_parse.h"

/* "sum by (a, b) ", up to the parenthesis. */
void promql_print_aggregation(const struct promql_node *node, struct buf *out);
/* "* on (a) group_left (b)", between the operands. */
void promql_print_operator(const struct promql_node *node, struct buf *out);
/* "[5m:1m] @ 3.000 offset 1m" of a subquery. */
void promql_print_subquery(const struct promql_node *node, struct buf *out);

#endif
