/* node_table.h - who is who in one answer: entities and their variants become nodes, numbered from
 * 0, under the ids of api.md section 3 for the asked grouping. */
#ifndef WEFT_QUERY_NODE_TABLE_H
#define WEFT_QUERY_NODE_TABLE_H

#include "base/arena.h"
#include "base/intern.h"
#include "base/vec.h"
#include "model/registry.h"
#include "query/params.h"

enum group { GROUP_SERVICE, GROUP_WORKLOAD, GROUP_VERSION, GROUP_NAMESPACE };

/* What the call asked for by name; set on a node when it is made. */
enum node_flag { NODE_CLIENT = 1, NODE_SERVER = 2, NODE_SPACE = 4 };

struct node_wanted {
    struct str_list clients, servers; /* ids */
    struct str_list spaces;           /* namespaces */
};

struct node {
    struct str id, name, space, cluster; /* arena */
    enum entity_kind kind;
    unsigned flags; /* enum node_flag */
};

#define NODE_NONE UINT32_MAX
enum { NODE_MEMO_SLOTS = 512 };

/* The last entities that were looked up, by the addresses of their strings: rows of one part share
 * them. */
struct node_memo {
    struct entity entity;
    struct str variant;
    uint32_t node;
};

/* One thread at a time; init with node_table_init, end with node_table_deinit. */
struct node_table {
    struct arena *arena;             /* borrowed */
    const struct registry *registry; /* borrowed */
    struct node_wanted wanted;       /* lists borrowed */
    enum group group;
    bool with_cluster;
    struct intern *ids; /* owned; id of node n is n + 1 */
    VEC(struct node) nodes;
    struct buf scratch;
    struct node_memo memo[NODE_MEMO_SLOTS];
};

/* An empty table; registry, lists and arena are borrowed as long as it. ST_NO_MEMORY; ended by
 * deinit also then. */
enum status node_table_init(struct node_table *t, const struct registry *registry, enum group group,
                            const struct node_wanted *wanted, struct arena *arena, struct err *e);
/* Frees the table; ids and names live on in the arena. */
void node_table_deinit(struct node_table *t);
/* Node of an entity, made when new; its strings must stay where they are as long as the table.
 * NODE_NONE: no memory. */
uint32_t node_table_add(struct node_table *t, const struct entity *entity, const struct variant *v);
/* NODE_NONE when no node has that id. */
uint32_t node_table_find(const struct node_table *t, struct str id);

static inline struct node *node_table_at(const struct node_table *t, uint32_t node)
{
    return &t->nodes.items[node];
}

#endif
