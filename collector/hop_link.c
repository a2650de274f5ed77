/* hop_link.c - the table of links: sides across, workloads compared where the sides alone do not
 * decide. */
#include "collector/hop_link.h"

enum side side_of(unsigned role, unsigned kind, bool raw)
{
    switch ((enum role)role) {
    case ROLE_OUT:
        return SIDE_CLIENT;
    case ROLE_IN:
        return SIDE_SERVER;
    case ROLE_GATEWAY:
        return SIDE_GATEWAY;
    case ROLE_WAYPOINT:
        return raw ? SIDE_GATEWAY : SIDE_MIDDLE;
    case ROLE_APP:
        break;
    }
    switch ((enum span_kind)kind) {
    case SPAN_CLIENT:
    case SPAN_PRODUCER:
        return SIDE_CLIENT;
    case SPAN_SERVER:
    case SPAN_CONSUMER:
        return SIDE_SERVER;
    default:
        return SIDE_INTERNAL;
    }
}

static bool is_proxy(const struct link_end *x)
{
    return x->owner->maker != MAKER_APP;
}

/* Two pods are two workloads; a name of an instance that is no pod's cannot be compared with a
 * proxy's. */
static bool pods_differ(const struct owner_entry *a, const struct owner_entry *b)
{
    return a->is_pod && b->is_pod && !str_eq(a->instance, b->instance);
}

/* Envoy's upstream spans name no node: they are their parent's, which is the same Envoy. */
static bool is_upstream_span(const struct link_end *parent, const struct link_end *child)
{
    return parent->owner->maker == MAKER_ENVOY && child->owner->maker == MAKER_ENVOY &&
           child->kind == SPAN_CLIENT && child->owner->instance.len == 0;
}

bool link_same_workload(const struct link_end *p, const struct link_end *c)
{
    if (p->owner_id == c->owner_id)
        return true;
    if (is_upstream_span(p, c))
        return true;
    if (pods_differ(p->owner, c->owner))
        return false;
    if (is_proxy(p) == is_proxy(c)) {
        bool instances_differ = p->owner->instance.len && c->owner->instance.len &&
                                !str_eq(p->owner->instance, c->owner->instance);
        return p->owner->entity == c->owner->entity && !instances_differ;
    }
    /* An application and a proxy that meet on one side of a request are one workload, whatever they
     * are called; only a proxy that is a workload of its own is not. */
    return p->role != ROLE_GATEWAY && c->role != ROLE_GATEWAY && p->owner->maker != MAKER_PROXY &&
           c->owner->maker != MAKER_PROXY;
}

/* One request has one destination. An application may know it as its proxy's address, and layers of
 * one client library name it in different ways: one may leave out a port that goes without saying.
 * Two hosts, or two clusters, are two requests; and a library that speaks to a database or a broker
 * by HTTP is of layers, one that asks a database before it makes its own request is not, nor one
 * that asks by HTTP while it speaks to a system with a protocol of its own. */
static bool same_destination(const struct link_end *p, const struct link_end *c)
{
    if (p->kind == SPAN_PRODUCER && c->dest_kind == DEST_DATABASE)
        return false;
    if (p->is_remembered || c->is_remembered)
        return link_names_system(p) || !link_names_system(c);
    if (p->dest == c->dest || p->dest == NAMES_NONE || c->dest == NAMES_NONE ||
        is_proxy(p) != is_proxy(c))
        return true;
    if (p->own_protocol && c->dest_kind == DEST_HOST)
        return false;
    if (p->dest_kind != c->dest_kind)
        return !link_names_system(c) || is_proxy(c);
    return c->dest_kind != DEST_CLUSTER && p->dest_entity == c->dest_entity;
}

static bool is_messaging(const struct link_end *x)
{
    return x->kind == SPAN_PRODUCER || x->kind == SPAN_CONSUMER;
}

/* A mirrored copy of what the parent asked for: the parent asked for another host. A service may
 * have a name that ends so, too. */
static bool is_copy(const struct link_end *p, const struct link_end *c)
{
    return c->mirror && !p->mirror;
}

static enum link from_client(const struct link_end *p, const struct link_end *c, enum side side)
{
    switch (side) {
    case SIDE_CLIENT:
        if (!link_same_workload(p, c))
            return LINK_NAMES;
        if (is_upstream_span(p, c) && is_copy(p, c))
            return LINK_NONE;
        return same_destination(p, c) ? LINK_CHAIN : LINK_NONE;
    case SIDE_SERVER:
        /* A queue stands between a producer and its consumers: two requests, unless nobody named
         * the queue. */
        if (is_messaging(c) && (c->dest != NAMES_NONE || p->dest != NAMES_NONE))
            return LINK_CALL;
        return is_copy(p, c) ? LINK_CALL : LINK_HOP;
    case SIDE_GATEWAY:
        return is_copy(p, c) ? LINK_CALL : LINK_HOP;
    case SIDE_MIDDLE:
        return is_copy(p, c) ? LINK_CALL : LINK_VIA;
    case SIDE_INTERNAL:
        break;
    }
    return LINK_INSIDE;
}

/* A consumer's span of which is known what it took from: each is a delivery of its own. A
 * remembered one was. */
static bool is_message(const struct link_end *x)
{
    return x->kind == SPAN_CONSUMER && (x->dest != NAMES_NONE || x->is_remembered);
}

bool link_hands_out(const struct link_end *p, const struct link_end *c)
{
    return p->kind == SPAN_CONSUMER && is_message(c) && link_same_workload(p, c) &&
           (p->dest == c->dest || p->is_vague || p->dest == NAMES_NONE || c->is_remembered);
}

static enum link from_server(const struct link_end *p, const struct link_end *c, enum side side)
{
    switch (side) {
    case SIDE_SERVER:
        if (!link_same_workload(p, c))
            return LINK_CALL;
        if (c->kind == SPAN_CONSUMER && (p->kind != SPAN_CONSUMER || is_message(c)))
            return LINK_CALL;
        /* Proxy to application, a proxy's own upstream span, or one server span inside another. An
         * application does not contain its proxy: that is a call to itself. */
        return !is_proxy(c) || (is_proxy(p) && c->kind == SPAN_CLIENT) ? LINK_INNER : LINK_CALL;
    case SIDE_GATEWAY:
    case SIDE_MIDDLE:
        return LINK_CALL;
    case SIDE_CLIENT:
        return LINK_NONE;
    case SIDE_INTERNAL:
        break;
    }
    return LINK_INSIDE;
}

/* Two waypoints that stand before two services: the first one's service, which shows nothing of
 * itself, called the second. */
static bool passed_a_service(const struct link_end *p, const struct link_end *c)
{
    return p->role == ROLE_WAYPOINT && c->role == ROLE_WAYPOINT && p->dest != NAMES_NONE &&
           c->dest != NAMES_NONE && p->dest_entity != c->dest_entity;
}

static enum link from_gateway(const struct link_end *p, const struct link_end *c, enum side side)
{
    switch (side) {
    case SIDE_CLIENT:
        /* An Envoy asks others on the way (authorisation, rate limits): those go to another
         * cluster. Of what is passed through, the upstream span names nobody. */
        return link_same_workload(p, c) && !is_copy(p, c) &&
                       (p->dest == c->dest || c->dest == NAMES_NONE || p->is_remembered ||
                        c->is_remembered || p->owner->maker != MAKER_ENVOY)
                   ? LINK_FORWARD
                   : LINK_NONE;
    case SIDE_SERVER:
        return is_copy(p, c) ? LINK_CALL : LINK_HOP;
    case SIDE_GATEWAY:
        return is_copy(p, c) || passed_a_service(p, c) ? LINK_CALL : LINK_HOP;
    case SIDE_MIDDLE:
        return LINK_VIA;
    case SIDE_INTERNAL:
        break;
    }
    return LINK_INSIDE;
}

static enum link from_middle(const struct link_end *p, const struct link_end *c, enum side side)
{
    switch (side) {
    case SIDE_CLIENT:
        return link_same_workload(p, c) && !is_copy(p, c) ? LINK_VIA : LINK_NONE;
    case SIDE_SERVER:
        return is_copy(p, c) ? LINK_CALL : LINK_VIA;
    case SIDE_GATEWAY:
        return LINK_VIA;
    case SIDE_MIDDLE:
        return is_copy(p, c) || passed_a_service(p, c) ? LINK_CALL : LINK_VIA;
    case SIDE_INTERNAL:
        break;
    }
    return LINK_INSIDE;
}

enum link link_of(const struct link_end *p, enum side parent_side, const struct link_end *c,
                  enum side child_side)
{
    switch (parent_side) {
    case SIDE_CLIENT:
        return from_client(p, c, child_side);
    case SIDE_SERVER:
        return from_server(p, c, child_side);
    case SIDE_GATEWAY:
        return from_gateway(p, c, child_side);
    case SIDE_MIDDLE:
        return from_middle(p, c, child_side);
    case SIDE_INTERNAL:
        break;
    }
    /* Below an internal span without anything above it: its workload called. */
    return child_side == SIDE_SERVER || child_side == SIDE_GATEWAY || child_side == SIDE_MIDDLE
               ? LINK_CALL
               : LINK_NONE;
}
