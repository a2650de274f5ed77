/* graph_nodes.h - the second half of graph_build: what the edges say about their nodes. Private to
 * graph_view.c. */
#ifndef WEFT_QUERY_GRAPH_NODES_H
#define WEFT_QUERY_GRAPH_NODES_H

#include "query/graph_view.h"

/* Fills g->states from the edges, the range before and the registry. Errors of edge_query_run. */
enum status graph_nodes_fill(struct graph *g, const struct graph_ask *ask, struct err *e);
void graph_nodes_free(struct graph *g);

#endif
