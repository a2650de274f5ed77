/* hop_tree.h - the spans of one trace as a tree, and the requests in it: links inside one workload
 * are contracted, every other link is one request (docs/hops.md). A function of the set of spans,
 * not of the order in which they came. */
#ifndef WEFT_COLLECTOR_HOP_TREE_H
#define WEFT_COLLECTOR_HOP_TREE_H

#include "collector/hop_link.h"
#include "collector/open_table.h"

#define NODE_NONE UINT32_MAX

struct node {
    uint64_t id, parent_id;
    struct open_span *span; /* NULL for a remembered span; borrowed from the table or the tree */
    uint32_t name;          /* of the open span in the table */
    struct link_end end;
    uint32_t parent;   /* node, or NODE_NONE: none, or its span never came */
    uint32_t logical;  /* nearest ancestor that observes a request; the spans between are of its
                          workload */
    uint32_t identity; /* owner id under which its workload goes: the mesh's name when it has one */
    uint32_t first_child, next_sibling;
    uint32_t answered, made; /* hops: that it is the server of, the client of */
    uint32_t next_in_list;   /* of the hop's clients, servers or middles */
    uint32_t next_server;    /* a gateway is in two lists */
    uint32_t relayed;        /* the last hop that a proxy without upstream spans made */
    uint32_t tried;          /* client spans of the same request right below */
    uint8_t side;            /* enum side */
    uint8_t remembered_kind; /* without a span: the kind as it was remembered */
    bool is_entry;           /* the first server-side span of an attempt */
    bool made_request;       /* a remembered gateway whose own request was counted */
    bool placed;
    bool closes, is_late; /* for whoever counts */
};

/* One request. Lists run through nodes, parents first. */
struct hop {
    uint32_t first_client,
        last_client; /* the client-most first; a middle proxy when nobody else stood there */
    uint32_t first_server, last_server; /* entries and what they contain */
    uint32_t first_middle, last_middle;
    uint32_t caller;         /* the node whose workload called; NODE_NONE = not known */
    uint32_t named_server;   /* a node of the called workload that did not observe the request, or
                                NODE_NONE */
    uint32_t entries, tries; /* server-side attempts seen; how many the client side says it made */
    uint32_t last_evidence;  /* clock steps */
    bool from_root;          /* without a client side: the trace begins here */
    bool is_done;            /* was counted already */
    bool is_batch;           /* none itself: a fetch of messages, which are requests */
    bool closes;             /* for whoever counts */
};

/* What nodes are sorted by. */
struct node_key {
    uint64_t id;
    uint32_t name; /* of the open or the remembered span, place of the rested one */
    bool called, is_open;
};

static inline bool hop_is_to_count(const struct hop *h)
{
    return !h->is_done && !h->is_batch;
}

/* Reused from trace to trace. All-zero is valid. One thread at a time. */
struct hop_tree {
    VEC(struct open_span) rested; /* of a trace that rests: changes to them are not kept */
    VEC(struct node_key) keys;
    VEC(struct node) nodes; /* ascending by id, the calling half of a shared id first */
    VEC(uint32_t) order;    /* parents before children */
    VEC(struct hop) hops;
    bool has_middle;
};

/* What a remembered span still tells; without its owner's entry. */
static inline struct link_end closed_end(const struct closed_span *s)
{
    bool asked = s->kind == KIND_SYSTEM_CLIENT;
    return (struct link_end){
        .owner_id = s->owner,
        .role = (uint8_t)s->role,
        .kind = asked ? SPAN_CLIENT : (uint8_t)s->kind,
        .dest_kind = asked                      ? DEST_DATABASE
                     : s->kind == SPAN_PRODUCER ? DEST_MESSAGING
                                                : DEST_NONE,
        .mirror = s->mirror,
        .is_remembered = true,
    };
}

/* Frees what the tree owns; it is empty again. */
void hop_tree_deinit(struct hop_tree *t);
/* The same when it is much, as a big trace leaves it. */
void hop_tree_trim(struct hop_tree *t);
/* Bytes of heap it holds. */
size_t hop_tree_bytes(const struct hop_tree *t);
/* Builds nodes and their tree from a trace; `only_old` leaves out the spans that are new since the
 * last view. False when memory is short. */
bool hop_tree_load(struct hop_tree *t, const struct names *names, const struct open_table *table,
                   const struct trace *trace, bool only_old);
/* Whether a proxy in the middle (of the mesh view) took part in a hop of the raw view; `closing`:
 * one that closes. */
bool hop_touches_middle(const struct hop_tree *t, const struct hop *h, bool closing);
/* Finds the requests. `raw`: proxies in the middle are workloads of their own. False when memory is
 * short. */
bool hop_tree_find(struct hop_tree *t, const struct names *names, bool raw);

#endif
