/* pipeline_close.c - looks at one trace: counts the requests whose wait is over, remembers their
 * spans. */
#include "collector/pipeline.h"

/* --- late --- */

struct lateness {
    struct pipeline *p;
    const struct open_span *span;
    bool newcomer_is_child;
};

static struct link_end end_of_open(const struct pipeline *p, const struct open_span *s)
{
    const struct dest_entry *dest = names_dest_at(p->names, s->dest);
    return (struct link_end){
        .owner = names_owner_at(p->names, s->owner),
        .owner_id = s->owner,
        .dest = s->dest,
        .dest_entity = dest->entity,
        .role = (uint8_t)s->role,
        .kind = (uint8_t)s->kind,
        .dest_kind = dest->kind,
        .own_protocol = dest->own_protocol,
        .is_vague = dest->is_vague,
        .mirror = s->mirror,
    };
}

static struct link_end end_of_closed(const struct pipeline *p, const struct closed_span *s)
{
    struct link_end end = closed_end(s);
    end.owner = names_owner_at(p->names, s->owner);
    return end;
}

static bool joins_counted(const struct open_span *o, const struct closed_span *c, void *user)
{
    const struct lateness *l = user;
    struct link_end newcomer = end_of_open(l->p, l->span);
    struct link_end known = o ? end_of_open(l->p, o) : end_of_closed(l->p, c);
    const struct link_end *parent = l->newcomer_is_child ? &known : &newcomer;
    const struct link_end *child = l->newcomer_is_child ? &newcomer : &known;
    bool answered = o ? o->in_done : true, made = o ? o->out_done : c->made_request;
    enum side parent_side = side_of(parent->role, parent->kind, false);
    enum side child_side = side_of(child->role, child->kind, false);
    /* The request between the two is one that the parent made, or one that both answered. */
    bool counted_by_parent = parent_side == SIDE_GATEWAY ? made : answered || made;
    switch (link_of(parent, parent_side, child, child_side)) {
    case LINK_CHAIN:
    case LINK_FORWARD:
        return l->newcomer_is_child ? counted_by_parent : made;
    case LINK_HOP:
    case LINK_VIA:
        return l->newcomer_is_child ? counted_by_parent : answered;
    case LINK_INNER:
        return answered;
    default:
        return false;
    }
}

bool pipeline_joins_counted(struct pipeline *p, struct trace *tr, struct open_span *s)
{
    struct lateness l = {p, s, true};
    if (s->parent && trace_each_named(&p->table, tr, s->parent, false, joins_counted, &l))
        return true;
    l.newcomer_is_child = false;
    if (!trace_each_named(&p->table, tr, s->id, true, joins_counted, &l))
        return false;
    /* What the gateway was asked for is a request of its own, and still to be counted. */
    bool gateway = side_of(s->role, s->kind, false) == SIDE_GATEWAY;
    s->out_done = gateway;
    return !gateway;
}

/* --- closing --- */

static bool is_due(const struct pipeline *p, uint32_t arrival, bool force)
{
    uint32_t age = clock_steps(p->clock_ns) - arrival;
    return force || age >= steps_over(p->config.graph.wait_ns);
}

/* `shown`: it is in the view as it is. */
static void count(struct pipeline *p, const struct trace *tr, const struct hop *h,
                  enum cell_view views, bool shown)
{
    struct request q;
    if (!request_build(&p->builder, &p->tree, p->names, h, tr->id, &q)) {
        p->lost_requests++;
        return;
    }
    q.views = views;
    if (!cell_feed_add(p->closed, &q, true))
        p->lost_requests++;
    sightings_add(&p->sightings, p->names, &q);
    if (p->watch && !shown)
        p->watch->counted(&q, p->watch->user);
    if (views != VIEW_RAW) {
        p->closed_requests++;
        p->end_before_start += q.end_before_start;
    }
}

static bool has_middle(const struct hop *h)
{
    return h->first_middle != NODE_NONE;
}

/* Counts the requests that are due; `counted` marks them, by hop. */
static void count_due(struct pipeline *p, const struct trace *tr, bool force, bool shown)
{
    for (size_t i = 0; i < p->tree.hops.len; i++) {
        struct hop *h = &p->tree.hops.items[i];
        h->closes = is_due(p, h->last_evidence, force);
        if (h->closes && hop_is_to_count(h))
            count(p, tr, h, has_middle(h) ? VIEW_MESH : VIEW_BOTH, shown);
    }
}

/* A node is finished when both requests that it took part in are. */
static bool node_closes(const struct pipeline *p, const struct node *n, bool force)
{
    const struct hop *hops = p->tree.hops.items;
    if (n->side == SIDE_INTERNAL)
        return is_due(p, n->span->arrival, force);
    bool answered = n->answered == NODE_NONE || n->span->in_done || hops[n->answered].closes;
    bool made = n->made == NODE_NONE || n->span->out_done || hops[n->made].closes;
    return answered && made;
}

/* Marks what was counted, and decides which spans close. A late span that slipped in joined a
 * request that was counted before it came. */
static void mark(struct pipeline *p, struct trace *tr, bool force)
{
    const struct hop *hops = p->tree.hops.items;
    for (size_t i = 0; i < p->tree.nodes.len; i++) {
        struct node *n = &p->tree.nodes.items[i];
        if (!n->span)
            continue;
        n->closes = node_closes(p, n, force);
        bool joined_late =
            n->answered != NODE_NONE && hops[n->answered].is_done && !n->span->in_done;
        joined_late |= n->made != NODE_NONE && hops[n->made].is_done && !n->span->out_done;
        n->is_late = joined_late;
        if (n->answered != NODE_NONE && hops[n->answered].closes)
            n->span->in_done = true;
        if (n->made != NODE_NONE && hops[n->made].closes)
            n->span->out_done = true;
        tr->partly_done |= !n->closes && (n->span->in_done || n->span->out_done);
    }
}

/* The pictures in which proxies on the way are nodes: of the requests that just closed. */
static void count_raw(struct pipeline *p, const struct trace *tr, bool shown)
{
    struct hop_tree *t = &p->tree;
    if (!t->has_middle || !hop_tree_find(t, p->names, true))
        return;
    for (size_t i = 0; i < t->hops.len; i++) {
        struct hop *h = &t->hops.items[i];
        bool closes = hop_touches_middle(t, h, true);
        if (closes)
            count(p, tr, h, VIEW_RAW, shown);
    }
}

static void settle_span(struct pipeline *p, const struct node *n)
{
    p->delta.pending--;
    if (n->is_late)
        p->delta.dropped[DROP_LATE]++;
    else
        p->delta.stored++;
}

/* Takes the spans that close out of the list of open ones. */
static void close_some(struct pipeline *p, struct trace *tr)
{
    uint32_t keep = 0, now = clock_steps(p->clock_ns);
    for (size_t i = 0; i < p->tree.nodes.len; i++) {
        const struct node *n = &p->tree.nodes.items[i];
        if (!n->span)
            continue;
        if (!n->closes) {
            uint32_t arrival = n->span->arrival;
            if (!keep || (int32_t)(arrival - tr->oldest) < 0)
                tr->oldest = arrival;
            if (!keep || (int32_t)(arrival - tr->newest) > 0)
                tr->newest = arrival;
            n->span->next = keep;
            keep = n->name;
            continue;
        }
        settle_span(p, n);
        (void)trace_close_span(&p->table, tr, n->name, now);
    }
    tr->first_open = keep;
}

/* A trace of which everything closes is packed as it stands. False: it is not, or stays as it is.
 * What rests cannot stay: without memory it is not remembered. */
static bool close_whole(struct pipeline *p, uint32_t name, const struct trace *tr)
{
    struct packed_span spans[PACKED_SPANS];
    size_t count = p->tree.nodes.len;
    if (count == 0 || count > PACKED_SPANS || tr->index)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct node *n = &p->tree.nodes.items[i];
        if (n->span && !n->closes)
            return false;
        bool made = n->span ? n->span->out_done : n->made_request;
        unsigned kind = n->span ? remembered_kind(n->span) : n->remembered_kind;
        spans[i] = (struct packed_span){
            n->id, n->parent_id,
            packed_bits(n->end.owner_id, n->end.role, kind, made, n->end.mirror)};
    }
    if (!packed_add(&p->table.packed, tr->id, clock_steps(p->clock_ns), spans, (uint32_t)count) &&
        !tr->rests)
        return false;
    for (size_t i = 0; i < count; i++)
        if (p->tree.nodes.items[i].span)
            settle_span(p, &p->tree.nodes.items[i]);
    trace_remove(&p->table, name);
    return true;
}

/* --- scheduling --- */

/* When an open trace is worth looking at: when all of it has waited, but not long after its oldest
 * part has. */
static uint32_t open_due(const struct pipeline *p, const struct trace *tr)
{
    uint32_t wait = steps_over(p->config.graph.wait_ns);
    uint32_t all = tr->newest + wait, most = tr->oldest + wait + CLOSE_SLACK_STEPS;
    return (int32_t)(all - most) < 0 ? all : most;
}

/* When the first of the remembered spans may be forgotten. */
static uint32_t closed_due(const struct pipeline *p, const struct trace *tr)
{
    const struct closed_span *s = closed_span_at(&p->table, tr->first_closed);
    uint32_t oldest = s->closed;
    for (uint32_t name = s->next; name; name = s->next) {
        s = closed_span_at(&p->table, name);
        if ((int32_t)(s->closed - oldest) < 0)
            oldest = s->closed;
    }
    return oldest + steps_over(p->config.graph.remember_ns);
}

/* Not one that closes soon after. */
static bool is_worth_a_rest(const struct pipeline *p, const struct trace *tr)
{
    return tr->open_count && tr->closed_count == 0 && !tr->rests &&
           open_due(p, tr) - tr->newest >= 2 * REST_STEPS;
}

/* How long nothing was added. */
static uint32_t quiet_steps(const struct pipeline *p, const struct trace *tr)
{
    return clock_steps(p->clock_ns) - tr->newest;
}

static void let_rest(struct pipeline *p, struct trace *tr)
{
    if (is_worth_a_rest(p, tr) && quiet_steps(p, tr) >= REST_STEPS)
        (void)trace_rest(&p->table, tr);
}

static void schedule(struct pipeline *p, uint32_t name, struct trace *tr)
{
    if (tr->open_count == 0 && tr->closed_count == 0) {
        trace_remove(&p->table, name);
        return;
    }
    if (trace_pack(&p->table, name))
        return;
    let_rest(p, tr);
    uint32_t due = tr->open_count ? open_due(p, tr) : closed_due(p, tr);
    if (is_worth_a_rest(p, tr) && quiet_steps(p, tr) < REST_STEPS)
        due = tr->newest + REST_STEPS;
    wheel_add(&p->table, name, MAX(due, p->wheel_step + 1));
}

/* True: the trace is gone, packed. Only one that closes as a whole may rest. */
static bool close_due(struct pipeline *p, uint32_t name, struct trace *tr, bool force, bool shown)
{
    if (!hop_tree_load(&p->tree, p->names, &p->table, tr, false) ||
        !hop_tree_find(&p->tree, p->names, false))
        return false; /* no memory now: a later look closes it */
    count_due(p, tr, force, shown);
    mark(p, tr, force);
    count_raw(p, tr, shown);
    if (close_whole(p, name, tr))
        return true;
    close_some(p, tr);
    return false;
}

void pipeline_look(struct pipeline *p, uint32_t name, enum look how)
{
    struct trace *tr = trace_at(&p->table, name);
    uint32_t now = clock_steps(p->clock_ns);
    bool force = how != LOOK_DUE, shown = false;
    bool closes = tr->open_count && (force || (int32_t)(now - open_due(p, tr)) >= 0);
    bool whole = closes && (force || is_due(p, tr->newest, false));
    if (p->watch && tr->open_count && (closes || tr->closed_count))
        shown = p->watch->closing(name, whole, p->watch->user);
    /* No memory for either now: a later look closes it. */
    p->closed_early += tr->open_count && (how == LOOK_EVICT || how == LOOK_BIG);
    bool ready = closes && ((whole && tr->closed_count == 0) || trace_wake(&p->table, tr));
    if (ready && close_due(p, name, tr, force, shown))
        return;
    if (tr->closed_count)
        trace_forget(&p->table, tr, how == LOOK_EVICT ? now : pipeline_forgotten(p));
    if (tr->closed_count > p->trace_spans_max)
        trace_forget(&p->table, tr, now - 1);
    schedule(p, name, tr);
}
