/* promql_aggr.h - aggregation operators: which rows belong together, and the kinds of operators.
 * Private to query/. */
#ifndef WEFT_QUERY_PROMQL_AGGR_H
#define WEFT_QUERY_PROMQL_AGGR_H

#include "query/promql_labels.h"
#include "query/promql_run.h"

/* by (...) or without (...). */
struct promql_grouping {
    struct promql_table groups;
    struct promql_names names;
    bool without;
    struct label *scratch;
    uint32_t scratch_cap;
};

/* ST_NO_MEMORY. */
enum status promql_grouping_init(struct promql_grouping *g, struct promql_run *run,
                                 const struct promql_node *node, struct err *e);
/* Number of the group of a series, a new one when *added. ST_NO_MEMORY. */
enum status promql_grouping_find(struct promql_grouping *g, struct label_set labels,
                                 uint32_t *group, bool *added, struct err *e);

/* Series whose groups should follow each other, so that one group at a time is held. */
struct promql_order {
    struct promql_grouping *grouping; /* borrowed */
    bool is_grouped;                  /* they do, and the grouping has all their groups */
};
/* Series of histograms, which are large, come group by group from then on, else in any order;
 * within a group their order stays. ST_NO_MEMORY. */
enum status promql_order_series(struct promql_order *order, struct series_list *list,
                                struct arena *arena, struct err *e);

/* "ignored histogram in sum aggregation" at the argument, or at the operator itself. */
void promql_note_ignored(struct promql_run *run, const struct promql_node *node,
                         const struct promql_span *at);

/* sum, avg, min, max, group, count, stddev, stdvar: rows are added up as they come. */
enum status promql_fold_rows(struct promql_run *run, const struct promql_node *node,
                             const struct promql_sink *out, struct err *e);
/* topk, bottomk, limitk, limit_ratio: some of the rows, as they are. */
enum status promql_choose_rows(struct promql_run *run, const struct promql_node *node,
                               const struct promql_sink *out, struct err *e);
enum status promql_quantile_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e);
enum status promql_count_values_rows(struct promql_run *run, const struct promql_node *node,
                                     const struct promql_sink *out, struct err *e);

#endif
