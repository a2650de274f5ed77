/* promql_words.h - how operators, aggregations and types are written, and of what sort they are.
 * Private to query/. */
#ifndef WEFT_QUERY_PROMQL_WORDS_H
#define WEFT_QUERY_PROMQL_WORDS_H

#include "query/promql_ast.h"

/* "+", "and", "</": static. Any thread. */
const char *promql_op_word(enum promql_op op);
bool promql_op_is_comparison(enum promql_op op); /* == != > < >= <= */
bool promql_op_is_set(enum promql_op op);        /* and or unless */
/* "sum": static. Any thread. */
const char *promql_aggregation_word(enum promql_aggregation op);
/* Takes a parameter before the expression: topk(3, x). */
bool promql_aggregation_has_param(enum promql_aggregation op);
/* "instant vector", as messages say it: static. Any thread. */
const char *promql_type_word(enum promql_type type);
/* "vector", as the API says it: static. Any thread. */
const char *promql_type_name(enum promql_type type);

#endif
