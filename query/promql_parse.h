/* promql_parse.h - text to a checked tree, and its way back to text. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_PARSE_H
#define WEFT_QUERY_PROMQL_PARSE_H

#include "base/json_write.h"
#include "query/promql_ast.h"

/* Most nodes, and levels of nodes, of one expression; text of at most 1 MiB. "a + b + c" has three
 * levels, but a chain of operators never more than PROMQL_LINKS_DEEP: longer ones are walked, and
 * evaluated in pieces of that many. */
enum { PROMQL_NODES_MAX = 100000, PROMQL_DEPTH_MAX = 500, PROMQL_TEXT_MAX = 1024 * 1024 };
enum { PROMQL_LINKS_DEEP = 64 };
/* Most memory of all its regular expressions together: RE2's automata grow as they match. */
enum { PROMQL_REGEX_BYTES_MAX = 256 * 1024 * 1024 };

/* Parses and checks types. ST_INVALID: the sentence is Prometheus' ("1:5: parse error: ..."), as
 * long as struct err allows. ST_NO_MEMORY. `text` is borrowed as long as the tree. The tree owns
 * compiled expressions: the caller ends it with promql_free(), whatever becomes of the arena. */
enum status promql_parse(struct str text, struct arena *arena, struct promql_node **out,
                         struct err *e);
/* The same for `metric{...}` alone, as match[] takes it: a PROMQL_SELECTOR, which may be wide. */
enum status promql_parse_selector(struct str text, struct arena *arena, struct promql_node **out,
                                  struct err *e);
/* No matcher refuses the empty text: what has none of the labels, which is nearly everything, is
 * selected too. */
bool promql_selector_is_wide(const struct promql_selector *s);
/* Frees compiled expressions; nodes stay the arena's. NULL is allowed. */
void promql_free(struct promql_node *node);

/* Replaces duration expressions by their values for one query: step() and range() (end - start) are
 * known now. Ranges must be above 0. ST_INVALID. */
enum status promql_resolve(struct promql_node *node, int64_t start_ms, int64_t end_ms,
                           int64_t step_ms, struct err *e);

/* One line, as Prometheus' String(). */
void promql_print(const struct promql_node *node, struct buf *out);
/* Over several lines, as its formatter (/api/v1/format_query). */
void promql_print_pretty(const struct promql_node *node, struct buf *out);
/* The tree of /api/v1/parse_query. */
void promql_print_tree(const struct promql_node *node, struct json_writer *w);

#endif
