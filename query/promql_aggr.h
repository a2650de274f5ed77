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
