/* graph_json.h - nodes and edges as api.md section 2 writes them. */
#ifndef WEFT_QUERY_GRAPH_JSON_H
#define WEFT_QUERY_GRAPH_JSON_H

#include "query/graph_view.h"

/* Members start, end, resolution (and step when there is one) of the object that is open. */
void graph_json_range(struct json_writer *w, const struct graph *g);
/* The members of a node that every call shows: id, name, namespace, cluster, kind. */
void graph_json_identity(struct json_writer *w, const struct node *n);
/* requests, errors, error_ratio of the object that is open. */
void graph_json_counts(struct json_writer *w, uint64_t requests, uint64_t errors);
void graph_json_words(struct json_writer *w, const char *key, const struct str_list *list);
/* One whole node or edge object. */
void graph_json_node(struct json_writer *w, const struct graph *g, uint32_t node);
void graph_json_edge(struct json_writer *w, const struct graph *g, const struct graph_edge *edge);
/* Their members without the braces, so that a call may add its own. */
void graph_json_node_members(struct json_writer *w, const struct graph *g, uint32_t node);
void graph_json_edge_members(struct json_writer *w, const struct graph *g,
                             const struct graph_edge *edge);
/* {"UF":3,"URX":2}, by name. */
void graph_json_tallies(struct json_writer *w, const char *key, const struct cell_tallies *tallies,
                        const struct intern *names);

#endif
