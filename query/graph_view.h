/* graph_view.h - rows of cells become the graph: nodes, edges, versions, health. What the calls
 * graph, services and edge share. */
#ifndef WEFT_QUERY_GRAPH_VIEW_H
#define WEFT_QUERY_GRAPH_VIEW_H

#include "model/limits.h"
#include "query/reply.h"
#include "query/row_query.h"

enum health { HEALTH_IDLE, HEALTH_HEALTHY, HEALTH_DEGRADED, HEALTH_FAILING };
/* The word of api.md; static storage. */
const char *health_name(enum health h);

enum { PROTOCOL_ANY = -1 };

/* What is asked. Everything is borrowed for the life of the graph. */
struct graph_ask {
    const struct edge_view *view;
    struct query_budget *budget; /* may be NULL */
    const struct graph_settings *settings;
    struct time_range range;
    uint32_t step_s; /* 0 = one point for the range */
    enum group group;
    enum cell_view picture;
    struct node_wanted wanted;
    struct row_filter rows; /* what is summed at all: others are as if they did not exist */
    bool with_versions;     /* the version rows of edges */
    bool with_health;       /* looks at the range before, too */
    bool with_registry;     /* nodes and versions that were silent in the range, too */
};

/* What is shown of a graph that is there; numbers of nodes stay those of the whole. */
struct graph_show {
    bool by_space; /* edges with an end in node_wanted.spaces */
    int protocol;  /* enum protocol or PROTOCOL_ANY */
    uint64_t min_requests;
    struct str focus; /* id; empty = all */
    unsigned depth;   /* hops around it, both ways */
    size_t max_edges; /* the busiest stay */
};

struct version_row {
    uint32_t edge;                           /* index in edges */
    uint32_t client_version, server_version; /* words */
    struct cell *cell;                       /* counts; borrowed from the sums */
    const struct histogram *client,
        *server; /* borrowed: the cell's, or those of the edge's total */
};

struct graph_edge {
    uint32_t client, server; /* nodes */
    enum protocol protocol;  /* the strongest that any of its rows knows */
    struct str id;           /* arena */
    struct edge_series points;
    struct cell *total; /* the range; borrowed from `points` when there is one point, else owned */
    struct version_row *versions; /* sorted; in the graph's array */
    size_t version_count;
    enum health health; /* by its errors alone */
    bool shown;
};

/* One direction of a node: what it served, or what it made. Weights. */
struct node_sums {
    uint64_t requests, errors;
    struct histogram latency; /* owned */
};

struct node_state {
    struct node_sums served, made;
    bool serves, calls, shown;
    enum health health;
    uint64_t first_seen_ns, last_seen_ns; /* of the registry; 0 = not asked or not in it */
};

/* All-zero is valid and empty. */
struct graph {
    struct arena *arena; /* borrowed */
    struct node_table nodes;
    struct node_state *states; /* by node; owned */
    size_t state_count;
    struct str_list *versions_of, *aliases_of; /* by node; sorted; arena */
    uint32_t *order;                           /* nodes by id; arena */
    struct intern *words;                      /* owned */
    struct row_sums totals, joint, latencies, before;
    VEC(struct graph_edge) edges;     /* sorted by id */
    VEC(struct version_row) versions; /* sorted by edge, client version, server version */
    uint64_t start_s, end_s;          /* as widened */
    uint32_t resolution_s, step_s;
    uint64_t complete_until_ns;
    struct warnings warnings;
};

/* Says when the view is without what is open. */
void graph_warn_view(const struct edge_view *view, struct warnings *w);
/* Sums and joins. Any thread. Errors of edge_query_run. The caller ends *out with graph_free (also
 * on error). */
enum status graph_build(const struct graph_ask *ask, struct arena *arena, struct graph **out,
                        struct err *e);
/* Marks what is shown; nodes without a shown edge are not. */
enum status graph_select(struct graph *g, const struct graph_show *show, struct err *e);
void graph_free(struct graph *g); /* NULL is allowed */

/* What the answer says of a node: what it served, or what it made when it only calls. */
const struct node_sums *graph_node_sums(const struct graph *g, uint32_t node);
/* The edge between two ids, or NULL. */
struct graph_edge *graph_find_edge(const struct graph *g, struct str client, struct str server);

#endif
