/* hop_link.h - what the link between a parent span and its child means. Pure functions, any thread.
 */
#ifndef WEFT_COLLECTOR_HOP_LINK_H
#define WEFT_COLLECTOR_HOP_LINK_H

#include "collector/names.h"

/* Which end of a request a span observed. */
enum side {
    SIDE_INTERNAL, /* neither */
    SIDE_CLIENT,
    SIDE_SERVER,
    SIDE_GATEWAY, /* both: it answered one by making another */
    SIDE_MIDDLE,  /* on the way between the ends, joined through */
};

enum link {
    LINK_NONE, /* nothing in common but the order: a client span below the server span that made it
                */
    LINK_INSIDE,  /* an internal span of the same workload */
    LINK_CHAIN,   /* both are the client side of one request */
    LINK_FORWARD, /* a gateway and its own client span */
    LINK_HOP,     /* client (or gateway) to server: one request */
    LINK_INNER,   /* both are the server side of one request */
    LINK_VIA,     /* to or from a middle proxy: part of the request that passes it */
    LINK_NAMES,   /* a client span whose callee shows only by a request of its own */
    LINK_CALL, /* the caller's side of the child's request was not observed, but its workload is the
                  parent's */
};

struct link_end {
    const struct owner_entry *owner;
    uint32_t owner_id, dest, dest_entity;
    uint8_t role, kind, dest_kind; /* enum role, span_kind, dest_kind */
    bool own_protocol;             /* of its destination, see struct destination */
    bool is_vague;                 /* its destination */
    bool mirror;
    bool is_remembered; /* of its destination only dest_kind is known, roughly */
};

/* Its destination is a database or a queue, which a client library may reach by HTTP. */
static inline bool link_names_system(const struct link_end *x)
{
    return x->dest_kind == DEST_DATABASE || x->dest_kind == DEST_MESSAGING;
}

/* Which side of a hop a span of this role and kind saw; `raw` as in view=raw. */
enum side side_of(unsigned role, unsigned kind, bool raw);
/* What lies between a span and its parent. */
enum link link_of(const struct link_end *parent, enum side parent_side,
                  const struct link_end *child, enum side child_side);
/* The parent fetched a batch, the child is one of its messages. */
bool link_hands_out(const struct link_end *parent, const struct link_end *child);
/* True when both ends are one workload, as far as their names tell. */
bool link_same_workload(const struct link_end *parent, const struct link_end *child);

#endif
