/* hop_find.c - walks the tree from the roots down and puts every span into the requests that it
 * observed. */
#include "collector/hop_tree.h"

static struct node *node_at(const struct hop_tree *t, uint32_t i)
{
    return &t->nodes.items[i];
}

static struct hop *hop_at(const struct hop_tree *t, uint32_t i)
{
    return &t->hops.items[i];
}

static uint32_t new_hop(struct hop_tree *t)
{
    static const struct hop empty = {NODE_NONE, NODE_NONE, NODE_NONE, NODE_NONE, NODE_NONE,
                                     NODE_NONE, NODE_NONE, NODE_NONE, 0,         0,
                                     0,         false,     false,     false,     false};
    t->hops.items[t->hops.len] = empty; /* room for two a node was reserved */
    return (uint32_t)t->hops.len++;
}

static void note_evidence(struct hop *h, const struct node *n)
{
    if (!n->span) {
        h->is_done = true;
        return;
    }
    if (h->last_evidence == 0 || (int32_t)(n->span->arrival - h->last_evidence) > 0)
        h->last_evidence = n->span->arrival;
}

static void append(struct hop_tree *t, uint32_t *first, uint32_t *last, uint32_t node)
{
    node_at(t, node)->next_in_list = NODE_NONE;
    if (*first == NODE_NONE)
        *first = node;
    else
        node_at(t, *last)->next_in_list = node;
    *last = node;
}

static void add_client(struct hop_tree *t, uint32_t hop, uint32_t node)
{
    struct hop *h = hop_at(t, hop);
    struct node *n = node_at(t, node);
    append(t, &h->first_client, &h->last_client, node);
    note_evidence(h, n);
    h->is_done |= n->span && n->span->out_done;
    n->made = hop;
}

static void add_server(struct hop_tree *t, uint32_t hop, uint32_t node, bool entry)
{
    struct hop *h = hop_at(t, hop);
    struct node *n = node_at(t, node);
    n->next_server = NODE_NONE;
    if (h->first_server == NODE_NONE)
        h->first_server = node;
    else
        node_at(t, h->last_server)->next_server = node;
    h->last_server = node;
    note_evidence(h, n);
    h->is_done |= n->span && n->span->in_done;
    h->entries += entry;
    n->is_entry = entry;
    n->answered = hop;
}

static void add_middle(struct hop_tree *t, uint32_t hop, uint32_t node)
{
    struct hop *h = hop_at(t, hop);
    struct node *n = node_at(t, node);
    append(t, &h->first_middle, &h->last_middle, node);
    note_evidence(h, n);
    h->is_done |= n->span && n->span->in_done;
    n->answered = n->made = hop;
}

/* Flags of what a proxy answers without turning to anybody: it found no way, refused by its own
 * policy, or had the answer. What it had a way for and could not or would not send (UH, UO, FI) is
 * a request that failed. */
static bool is_own_answer(struct str flags)
{
    static const char *const own[] = {"NR", "NC",  "RL", "RLSE", "UAEX", "LH",
                                      "IH", "DPE", "OM", "RFCF", "NFCF"};
    struct str flag, rest = flags;
    while (rest.len > 0) {
        str_cut(rest, ',', &flag, &rest);
        for (size_t i = 0; i < LEN(own); i++)
            if (str_eq(flag, str_from_c(own[i])))
                return true;
    }
    return false;
}

/* A gateway of which no upstream span is seen: did it ask anybody? */
static bool gateway_answered(const struct names *names, const struct node *n)
{
    const struct open_span *s = n->span;
    if (!s || n->end.dest == NAMES_NONE || n->end.owner->maker != MAKER_ENVOY)
        return true;
    return is_own_answer(names_flags_at(names, s->flags)) || s->denied || s->http_code == 401 ||
           s->http_code == 403 || s->http_code == 429;
}

/* The request that a gateway made, begun with the first sign of it. */
static uint32_t gateway_request(struct hop_tree *t, uint32_t node)
{
    struct node *n = node_at(t, node);
    if (n->made != NODE_NONE)
        return n->made;
    n->made = new_hop(t);
    /* A gateway that closed before anything showed its own request is only known as the caller. */
    if (n->span || n->made_request)
        add_client(t, n->made, node);
    else
        hop_at(t, n->made)->caller = node;
    return n->made;
}

/* The hop that a link from this parent leads into. */
static uint32_t request_from(struct hop_tree *t, uint32_t parent)
{
    struct node *p = node_at(t, parent);
    if (p->side == SIDE_GATEWAY)
        return gateway_request(t, parent);
    return p->made;
}

static void begin_call(struct hop_tree *t, uint32_t node, uint32_t caller)
{
    struct node *n = node_at(t, node);
    uint32_t hop = new_hop(t);
    struct hop *h = hop_at(t, hop);
    h->caller = caller;
    h->from_root = caller == NODE_NONE && n->parent_id == 0;
    if (n->side == SIDE_MIDDLE)
        add_middle(t, hop, node);
    else
        add_server(t, hop, node, true);
}

static void place_client(struct hop_tree *t, uint32_t node, enum link link)
{
    struct node *n = node_at(t, node);
    if (link == LINK_CHAIN || link == LINK_FORWARD) {
        uint32_t hop = request_from(t, n->logical);
        add_client(t, hop, node);
        return;
    }
    if (link == LINK_VIA) { /* a middle proxy's own upstream span */
        add_middle(t, node_at(t, n->logical)->made, node);
        return;
    }
    if (link == LINK_NAMES) {
        struct hop *above = hop_at(t, node_at(t, n->logical)->made);
        if (above->named_server == NODE_NONE)
            above->named_server = node;
    }
    add_client(t, new_hop(t), node);
}

/* A proxy of which only server spans are seen asks several services below one of them; the same one
 * again is a retry. Its own span does not time what it asked for. */
static void place_relayed(struct hop_tree *t, uint32_t node, uint32_t proxy)
{
    struct node *n = node_at(t, node), *p = node_at(t, proxy);
    if (p->relayed != NODE_NONE) {
        uint32_t first = hop_at(t, p->relayed)->first_server;
        if (node_at(t, first)->end.owner->entity == n->end.owner->entity) {
            add_server(t, p->relayed, node, true);
            return;
        }
    }
    begin_call(t, node, proxy);
    p->relayed = n->answered;
}

static void place_called(struct hop_tree *t, uint32_t node, enum link link)
{
    struct node *n = node_at(t, node);
    uint32_t above = n->logical;
    switch (link) {
    case LINK_HOP:
        if (node_at(t, above)->side == SIDE_GATEWAY &&
            node_at(t, above)->end.owner->maker == MAKER_PROXY)
            place_relayed(t, node, above);
        else
            add_server(t, request_from(t, above), node, true);
        break;
    case LINK_INNER:
        add_server(t, node_at(t, above)->answered, node, false);
        break;
    case LINK_VIA:
        if (n->side == SIDE_MIDDLE)
            add_middle(t, request_from(t, above), node);
        else
            add_server(t, request_from(t, above), node, true);
        break;
    default:
        if (above != NODE_NONE && link_hands_out(&node_at(t, above)->end, &n->end) &&
            node_at(t, above)->answered != NODE_NONE)
            hop_at(t, node_at(t, above)->answered)->is_batch = true;
        begin_call(t, node, n->parent);
        break;
    }
}

/* The nearest ancestor that observes a request, over spans of the same workload that do not. */
static uint32_t logical_parent(const struct hop_tree *t, const struct node *n)
{
    uint32_t p = n->parent;
    if (p == NODE_NONE)
        return NODE_NONE;
    const struct node *parent = node_at(t, p);
    return parent->side == SIDE_INTERNAL && parent->logical != NODE_NONE ? parent->logical : p;
}

/* An internal span of another workload than its parent's is where a request came in. */
static bool enters_workload(const struct hop_tree *t, const struct node *n)
{
    if (n->parent == NODE_NONE)
        return false;
    const struct node *p = node_at(t, n->parent);
    if (p->end.owner->maker == MAKER_APP || p->end.owner->maker == MAKER_PROXY)
        return p->end.owner->entity != n->end.owner->entity;
    return p->end.role != ROLE_IN;
}

/* Libraries show the steps of one try as spans too (getting a connection, sending the headers):
 * those speak no protocol of requests. */
static bool is_step_of_try(const struct node *n)
{
    return n->end.owner->maker == MAKER_APP && n->span && n->span->protocol < PROTOCOL_HTTP;
}

/* The client side says how often it tried by its upstream spans below one span. */
static void count_tries(struct hop_tree *t, const struct node *n, enum link link)
{
    if ((link != LINK_CHAIN && link != LINK_FORWARD) || is_step_of_try(n))
        return;
    struct node *above = node_at(t, n->logical);
    struct hop *h = hop_at(t, n->made);
    above->tried++;
    h->tries = MAX(h->tries, above->tried);
}

static void place_node(struct hop_tree *t, uint32_t index, bool raw)
{
    struct node *n = node_at(t, index);
    n->side = (uint8_t)side_of(n->end.role, n->end.kind, raw);
    n->answered = n->made = n->logical = NODE_NONE;
    n->is_entry = false;
    n->tried = 0;
    n->relayed = NODE_NONE;
    if (n->side == SIDE_INTERNAL && enters_workload(t, n))
        n->side = SIDE_SERVER;
    n->logical = logical_parent(t, n);
    if (n->side == SIDE_INTERNAL)
        return;
    enum link link = LINK_CALL;
    if (n->logical != NODE_NONE) {
        const struct node *p = node_at(t, n->logical);
        link = link_of(&p->end, p->side, &n->end, n->side);
    }
    if (n->side == SIDE_CLIENT) {
        place_client(t, index, link == LINK_CALL ? LINK_NONE : link);
        count_tries(t, node_at(t, index), link);
    } else {
        place_called(t, index, link);
    }
}

/* Without a client side the proxy on the way, or nothing at all, is the client-most observation. A
 * gateway that shows no upstream span made a request all the same, unless it answered by itself. */
static void finish(struct hop_tree *t, const struct names *names)
{
    for (uint32_t i = 0; i < t->nodes.len; i++) {
        struct node *n = node_at(t, i);
        if (n->side == SIDE_GATEWAY && n->made == NODE_NONE && !gateway_answered(names, n))
            (void)gateway_request(t, i);
    }
    for (size_t i = 0; i < t->hops.len; i++) {
        struct hop *h = &t->hops.items[i];
        for (uint32_t c = h->first_client; c != NODE_NONE; c = node_at(t, c)->next_in_list) {
            const struct open_span *s = node_at(t, c)->span;
            if (s)
                h->tries = MAX(h->tries, (uint32_t)s->retries + 1);
        }
    }
}

bool hop_tree_find(struct hop_tree *t, const struct names *names, bool raw)
{
    t->hops.len = 0;
    if (!vec_reserve(&t->hops, 2 * t->nodes.len + 1))
        return false;
    for (size_t i = 0; i < t->order.len; i++)
        place_node(t, t->order.items[i], raw);
    finish(t, names);
    return true;
}

bool hop_touches_middle(const struct hop_tree *t, const struct hop *h, bool closing)
{
    for (uint32_t i = h->first_client; i != NODE_NONE; i = node_at(t, i)->next_in_list)
        if (node_at(t, i)->end.role == ROLE_WAYPOINT && (!closing || node_at(t, i)->closes))
            return true;
    for (uint32_t i = h->first_server; i != NODE_NONE; i = node_at(t, i)->next_server)
        if (node_at(t, i)->end.role == ROLE_WAYPOINT && (!closing || node_at(t, i)->closes))
            return true;
    return false;
}
