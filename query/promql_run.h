/* promql_run.h - the running of an expression: what its parts call of each other. A vector is
 * handed on row by row, so that an aggregation never holds the series it sums. Private to query/.
 */
#ifndef WEFT_QUERY_PROMQL_RUN_H
#define WEFT_QUERY_PROMQL_RUN_H

#include "query/promql_eval.h"
#include "query/promql_value.h"

struct promql_order; /* promql_aggr.h */

/* The rows of a node that was run before those that need it, so that they need not run it. */
struct promql_ready {
    const struct promql_node *node;
    struct promql_rows rows; /* of as many steps as it was run for, or more */
};

/* One expression over one grid; a subquery runs a copy with a grid of its own. */
struct promql_run {
    const struct promql_query *query;
    const struct series_sources *sources; /* borrowed */
    struct query_budget *budget;          /* borrowed */
    struct annotations *notes;            /* borrowed */
    struct arena *arena;                  /* borrowed: everything that outlives a row */
    struct promql_grid grid;
    uint64_t *step_samples;           /* a slot a step of the grid; NULL: nobody counts them */
    bool tells_resets;                /* histograms are read for their counts and sums alone */
    const struct promql_ready *ready; /* NULL: nothing is. Borrowed */
    struct promql_order *order; /* of the series that the node itself reads; NULL: any. Borrowed */
};

/* Rows of a node of type vector (or one row without labels of a scalar), into `out`. */
enum status promql_run_rows(struct promql_run *run, const struct promql_node *node,
                            const struct promql_sink *out, struct err *e);
/* The same, kept in the arena and taken from the budget until promql_run_drop(). */
enum status promql_run_keep(struct promql_run *run, const struct promql_node *node,
                            struct promql_rows *out, struct err *e);
void promql_run_drop(struct promql_run *run, struct promql_rows *rows);
/* Adds a row, whose arrays are the arena's already, to those that the budget pays for. ST_QUERY,
 * ST_NO_MEMORY. */
enum status promql_run_push(struct promql_run *run, struct promql_rows *rows,
                            const struct promql_row *row, struct err *e);
/* Values of a scalar node, one a step; arena's. */
enum status promql_run_scalar(struct promql_run *run, const struct promql_node *node, double **out,
                              struct err *e);
/* The text of a string node. */
struct str promql_run_text(const struct promql_node *node);
/* ST_NO_MEMORY with the engine's sentence. */
enum status promql_no_memory(struct err *e);
/* An empty arena of a part of the evaluation, which pays as the query's and has its limit; ended by
 * promql_room_end(). */
struct arena promql_room(const struct promql_run *run);
/* Ends it. `status` of what was done in it; ST_QUERY when all that the query may use was not
 * enough.
 */
enum status promql_room_end(struct promql_run *run, struct arena *room, enum status status,
                            struct err *e);
/* Without parentheses around it. */
const struct promql_node *promql_unwrap(const struct promql_node *node);

/* The kinds of nodes; see promql_run_rows(). */
enum status promql_selector_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e);
enum status promql_aggregate_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e);
enum status promql_binary_rows(struct promql_run *run, const struct promql_node *node,
                               const struct promql_sink *out, struct err *e);
enum status promql_unary_rows(struct promql_run *run, const struct promql_node *node,
                              const struct promql_sink *out, struct err *e);
enum status promql_call_rows(struct promql_run *run, const struct promql_node *node,
                             const struct promql_sink *out, struct err *e);
enum status promql_call_scalar(struct promql_run *run, const struct promql_node *node, double **out,
                               struct err *e);

/* Series of a selector with samples in (after_ms, end_ms], of which only the windows are looked at;
 * the budget holds them until promql_series_drop(). */
enum status promql_series_select(struct promql_run *run, const struct promql_selector *selector,
                                 int64_t after_ms, int64_t end_ms,
                                 const struct series_windows *windows, struct series_list *out,
                                 struct err *e);
void promql_series_drop(struct promql_run *run, const struct series_list *list);
/* The series with its histograms, which are made in `arena` when it has them later; `made` is where
 * it is kept then. NULL when memory is short. */
const struct series_data *promql_series_made(const struct series_data *s, struct arena *arena,
                                             struct series_data *made);
/* The time that a selector or subquery looks at when the step is at `at_ms`. */
int64_t promql_when_at(const struct promql_run *run, const struct promql_when *when, int64_t at_ms);
/* The windows of all steps, that long, of a selector with those modifiers. */
struct series_windows promql_windows(const struct promql_run *run, const struct promql_when *when,
                                     enum series_need need, int64_t range_ms);

#endif
