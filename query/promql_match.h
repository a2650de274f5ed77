/* promql_match.h - binary operators between two vectors: who meets whom. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_MATCH_H
#define WEFT_QUERY_PROMQL_MATCH_H

#include "query/promql_labels.h"
#include "query/promql_run.h"

enum { PROMQL_NO_ROW = UINT32_MAX };

/* The rows of one side, chained by the labels by which they are matched. */
struct promql_side {
    struct promql_rows rows;
    uint32_t *next;  /* a slot a row: the next row of its group */
    uint32_t *first; /* a slot a group */
};

/* Both sides of an operation. Group numbers are those of `groups`. */
struct promql_meeting {
    struct promql_table groups; /* their labels: those that are compared */
    struct promql_side left, right;
};

/* Runs both sides and groups them. ST_QUERY, ST_TIMEOUT, ST_NO_MEMORY. */
enum status promql_meeting_open(struct promql_run *run, const struct promql_node *node,
                                struct promql_meeting *out, struct err *e);
/* Gives both sides back to the budget. */
void promql_meeting_close(struct promql_run *run, struct promql_meeting *m);

/* and, or, unless. */
enum status promql_set_rows(struct promql_run *run, const struct promql_node *node,
                            const struct promql_sink *out, struct err *e);
/* All other operators. */
enum status promql_match_rows(struct promql_run *run, const struct promql_node *node,
                              const struct promql_sink *out, struct err *e);

#endif
