/* hop_reading.h - a hop while it is read as a request, shared by hop_request.c and hop_naming.c. */
#ifndef WEFT_COLLECTOR_HOP_READING_H
#define WEFT_COLLECTOR_HOP_READING_H

#include "collector/hop_request.h"

/* All borrowed while one request is built. One thread at a time. */
struct reading {
    const struct hop_tree *tree;
    struct names *names;
    const struct hop *hop;
    struct request *out;
    const struct node *last_entry; /* of the attempt that ended last, or NULL */
};

/* NULL for NODE_NONE. */
static inline const struct node *node_of(const struct reading *r, uint32_t index)
{
    return index == NODE_NONE ? NULL : &r->tree->nodes.items[index];
}

/* The entry of the attempt that a server-side node is of. */
static inline const struct node *entry_of(const struct reading *r, const struct node *n)
{
    while (n && !n->is_entry)
        n = node_of(r, n->logical);
    return n;
}

/* The next node of the last attempt; those of other attempts stand between them. */
static inline uint32_t next_inside(const struct reading *r, const struct node *n)
{
    uint32_t at = n->next_server;
    while (at != NODE_NONE && entry_of(r, node_of(r, at)) != r->last_entry)
        at = node_of(r, at)->next_server;
    return at;
}

/* Fills the server of *r->out: entity, variant, owner, aliases. */
void reading_name_server(const struct reading *r);
/* The same for the client, which needs no server. */
void reading_name_client(const struct reading *r);

#endif
