/* hop_tree.c - loads a trace, orders it from the roots down, and gives every span its workload's
 * name. */
#include "collector/hop_tree.h"
#include <stdlib.h>

void hop_tree_deinit(struct hop_tree *t)
{
    vec_deinit(&t->rested);
    vec_deinit(&t->keys);
    vec_deinit(&t->nodes);
    vec_deinit(&t->order);
    vec_deinit(&t->hops);
}

size_t hop_tree_bytes(const struct hop_tree *t)
{
    return t->rested.cap * sizeof(*t->rested.items) + t->keys.cap * sizeof(*t->keys.items) +
           t->nodes.cap * sizeof(*t->nodes.items) + t->order.cap * sizeof(*t->order.items) +
           t->hops.cap * sizeof(*t->hops.items);
}

void hop_tree_trim(struct hop_tree *t)
{
    enum { KEPT_BYTES = 256 * KIB };
    if (hop_tree_bytes(t) > KEPT_BYTES)
        hop_tree_deinit(t);
}

/* --- nodes --- */

/* Only what is not set while the tree is linked and searched: nodes are many, and used again. */
static void fill_node(struct node *n, const struct names *names, const struct link_end *end)
{
    n->end = *end;
    n->end.owner = names_owner_at(names, end->owner_id);
    const struct dest_entry *dest = names_dest_at(names, end->dest);
    if (!end->is_remembered)
        n->end.dest_kind = dest->kind;
    n->end.dest_entity = dest->entity;
    n->end.own_protocol = dest->own_protocol;
    n->end.is_vague = dest->is_vague;
    n->closes = n->is_late = false;
}

static void fill_open(struct node *n, const struct names *names, struct open_span *s, uint32_t name)
{
    n->id = s->id;
    n->parent_id = s->parent;
    n->span = s;
    n->name = name;
    n->made_request = false;
    fill_node(n, names,
              &(struct link_end){.owner_id = s->owner,
                                 .dest = s->dest,
                                 .role = (uint8_t)s->role,
                                 .kind = (uint8_t)s->kind,
                                 .mirror = s->mirror});
}

static void fill_closed(struct node *n, const struct names *names, const struct closed_span *s)
{
    n->id = closed_id(s);
    n->parent_id = closed_parent(s);
    n->span = NULL;
    n->name = 0;
    n->made_request = s->made_request;
    n->remembered_kind = (uint8_t)s->kind;
    struct link_end end = closed_end(s);
    fill_node(n, names, &end);
}

static bool comes_before(const struct node_key *a, const struct node_key *b)
{
    return a->id != b->id ? a->id < b->id : a->called < b->called;
}

static int compare_keys(const void *a, const void *b)
{
    return comes_before(a, b) ? -1 : comes_before(b, a);
}

static void sort_keys(struct node_key *keys, size_t count)
{
    if (count > 24) {
        qsort(keys, count, sizeof(*keys), compare_keys);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct node_key moving = keys[i];
        size_t at = i;
        for (; at > 0 && comes_before(&moving, &keys[at - 1]); at--)
            keys[at] = keys[at - 1];
        keys[at] = moving;
    }
}

static void add_open_key(struct hop_tree *t, const struct open_span *s, uint32_t name,
                         bool only_old)
{
    if (!only_old || !s->is_new)
        t->keys.items[t->keys.len++] =
            (struct node_key){s->id, name, kind_is_called(s->kind), true};
}

/* Names and ids of all spans, in order. */
static void collect_keys(struct hop_tree *t, const struct open_table *table,
                         const struct trace *trace, bool only_old)
{
    t->keys.len = 0;
    if (trace->rests)
        for (uint32_t i = 0; i < trace->open_count; i++)
            add_open_key(t, &t->rested.items[i], i, only_old);
    else
        for (uint32_t name = trace->first_open; name; name = open_span_at(table, name)->next)
            add_open_key(t, open_span_at(table, name), name, only_old);
    for (uint32_t name = trace->first_closed; name;) {
        const struct closed_span *s = closed_span_at(table, name);
        t->keys.items[t->keys.len++] =
            (struct node_key){closed_id(s), name, kind_is_called(s->kind), false};
        name = s->next;
    }
    sort_keys(t->keys.items, t->keys.len);
}

/* First node with this id, or NODE_NONE. */
static uint32_t find_node(const struct hop_tree *t, uint64_t id)
{
    size_t low = 0, high = t->nodes.len;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (t->nodes.items[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < t->nodes.len && t->nodes.items[low].id == id ? (uint32_t)low : NODE_NONE;
}

/* Zipkin's two halves share an id: the called half hangs below the calling one, and children belong
 * to the called half unless the calling workload made them. */
static uint32_t find_parent(const struct hop_tree *t, uint32_t child)
{
    const struct node *c = &t->nodes.items[child];
    if (child > 0 && t->nodes.items[child - 1].id == c->id)
        return child - 1;
    if (c->parent_id == 0)
        return NODE_NONE;
    uint32_t found = find_node(t, c->parent_id);
    if (found == NODE_NONE || found == child)
        return NODE_NONE;
    const struct node *calling = &t->nodes.items[found];
    if (found + 1 >= t->nodes.len || calling[1].id != calling->id)
        return found;
    bool caller_made_it = calling->end.owner->entity == c->end.owner->entity &&
                          calling[1].end.owner->entity != c->end.owner->entity;
    return caller_made_it ? found : found + 1;
}

/* --- order --- */

static void link_parents(struct hop_tree *t)
{
    for (uint32_t i = 0; i < t->nodes.len; i++) {
        struct node *n = &t->nodes.items[i];
        n->first_child = n->next_sibling = NODE_NONE;
        n->placed = false;
        n->parent = find_parent(t, i);
    }
    /* Backwards, so that each list of children ascends by id. */
    for (uint32_t i = (uint32_t)t->nodes.len; i-- > 0;) {
        struct node *n = &t->nodes.items[i];
        if (n->parent == NODE_NONE)
            continue;
        struct node *p = &t->nodes.items[n->parent];
        n->next_sibling = p->first_child;
        p->first_child = i;
    }
}

/* Appends the node and all that hangs below it. */
static void place(struct hop_tree *t, uint32_t root)
{
    size_t at = t->order.len;
    t->order.items[t->order.len++] = root;
    t->nodes.items[root].placed = true;
    for (; at < t->order.len; at++) {
        for (uint32_t c = t->nodes.items[t->order.items[at]].first_child; c != NODE_NONE;
             c = t->nodes.items[c].next_sibling) {
            if (t->nodes.items[c].placed)
                continue;
            t->nodes.items[c].placed = true;
            t->order.items[t->order.len++] = c;
        }
    }
}

static void order_nodes(struct hop_tree *t)
{
    t->order.len = 0;
    for (uint32_t i = 0; i < t->nodes.len; i++)
        if (t->nodes.items[i].parent == NODE_NONE)
            place(t, i);
    /* What is left goes round in circles: cut each at its smallest id. */
    for (uint32_t i = 0; i < t->nodes.len && t->order.len < t->nodes.len; i++) {
        if (t->nodes.items[i].placed)
            continue;
        t->nodes.items[i].parent = NODE_NONE;
        place(t, i);
    }
}

/* --- names --- */

/* The owner under whose name a workload goes: its sidecar's, for an application that was called
 * through one. */
static uint32_t identity_of(const struct hop_tree *t, const struct node *n)
{
    uint32_t own = n->end.owner_id;
    if (n->parent == NODE_NONE)
        return own;
    const struct node *p = &t->nodes.items[n->parent];
    if (n->end.owner->maker == MAKER_APP) {
        if (p->end.owner->maker == MAKER_APP)
            return p->end.owner->entity == n->end.owner->entity ? p->identity : own;
        bool inside = p->end.role == ROLE_IN && link_same_workload(&p->end, &n->end);
        return inside ? p->identity : own;
    }
    /* Envoy's upstream spans name no node. */
    bool upstream = n->end.owner->maker == MAKER_ENVOY && p->end.owner->maker == MAKER_ENVOY &&
                    n->end.kind == SPAN_CLIENT && n->end.owner->instance.len == 0;
    return upstream ? p->identity : own;
}

static bool found_no_route(const struct names *names, const struct node *n)
{
    struct str flag, rest = n->span ? names_flags_at(names, n->span->flags) : (struct str){0};
    while (rest.len > 0) {
        str_cut(rest, ',', &flag, &rest);
        if (str_eq(flag, STR("NR")))
            return true;
    }
    return false;
}

/* A sidecar's server span that reached no cluster looks the same on both sides. It is the outbound
 * one when it found no route, for inbound there is only one, or when it is below its own
 * workload. */
static bool is_outbound(const struct hop_tree *t, const struct names *names, const struct node *n)
{
    if (n->end.role != ROLE_IN || n->end.dest == NAMES_NONE)
        return false;
    const struct node *p = n->parent == NODE_NONE ? NULL : &t->nodes.items[n->parent];
    if (p && (p->end.role == ROLE_OUT || p->end.role == ROLE_GATEWAY))
        return false;
    if (found_no_route(names, n))
        return true;
    const struct owner_entry *above = p ? names_owner_at(names, p->identity) : NULL;
    return above && above->maker != MAKER_APP && above->entity == n->end.owner->entity &&
           str_eq(above->instance, n->end.owner->instance);
}

static void name_nodes(struct hop_tree *t, const struct names *names)
{
    for (size_t i = 0; i < t->order.len; i++) {
        struct node *n = &t->nodes.items[t->order.items[i]];
        n->identity = identity_of(t, n);
        if (is_outbound(t, names, n))
            n->end.role = ROLE_OUT;
        t->has_middle |= n->end.role == ROLE_WAYPOINT;
    }
}

bool hop_tree_load(struct hop_tree *t, const struct names *names, const struct open_table *table,
                   const struct trace *trace, bool only_old)
{
    size_t count = (size_t)trace->open_count + trace->closed_count;
    t->nodes.len = t->order.len = 0;
    t->has_middle = false;
    if (!vec_reserve(&t->keys, count) || !vec_reserve(&t->nodes, count) ||
        !vec_reserve(&t->order, count))
        return false;
    if (trace->rests) {
        if (!vec_reserve(&t->rested, RESTING_SPANS))
            return false;
        (void)resting_get(&table->resting, trace->first_open, t->rested.items);
    }
    collect_keys(t, table, trace, only_old);
    for (size_t i = 0; i < t->keys.len; i++) {
        const struct node_key *k = &t->keys.items[i];
        struct node *n = &t->nodes.items[t->nodes.len++];
        if (k->is_open)
            fill_open(n, names,
                      trace->rests ? &t->rested.items[k->name] : open_span_at(table, k->name),
                      k->name);
        else
            fill_closed(n, names, closed_span_at(table, k->name));
    }
    link_parents(t);
    order_nodes(t);
    name_nodes(t, names);
    return true;
}
