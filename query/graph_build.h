/* graph_build.h - the steps of graph_build(), one file each. Private to graph_*.c. */
#ifndef WEFT_QUERY_GRAPH_BUILD_H
#define WEFT_QUERY_GRAPH_BUILD_H

#include "query/graph_view.h"

/* The query of the graph's range, picture and filter; the caller adds sections and dimensions. */
struct row_query graph_query_of(struct graph *g, const struct graph_ask *ask);
/* The graph takes over the range that was summed, and says what was lost. */
void graph_note_result(struct graph *g, const struct edge_result *r);

/* Counts by versions into g->joint; the first sum, because it may widen the range. Errors of
 * edge_query_run. */
enum status graph_versions_sum(struct graph *g, const struct graph_ask *ask, struct err *e);
/* Version rows of the finished edges, with latencies. `pairs`: row_pair() to index in g->edges. */
enum status graph_versions_fill(struct graph *g, const struct graph_ask *ask,
                                const struct map64 *pairs, struct err *e);

/* Fills g->states from the edges, the range before and the registry. Errors of edge_query_run. */
enum status graph_nodes_fill(struct graph *g, const struct graph_ask *ask, struct err *e);
/* Idle, failing, degraded or healthy by how many of the requests (weights) failed. */
enum health graph_health_by_errors(const struct graph_settings *settings, uint64_t requests,
                                   uint64_t errors);
/* Ends what graph_nodes_fill() allocated; may be called without it. */
void graph_nodes_free(struct graph *g);

#endif
