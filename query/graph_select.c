/* graph_select.c - which edges of a graph are shown: namespaces, protocol, size, the surroundings
 * of one node. */
#include "query/graph_view.h"
#include <stdlib.h>

#define FAR UINT32_MAX

static bool in_space(const struct graph *g, const struct graph_edge *edge)
{
    return ((node_table_at(&g->nodes, edge->client)->flags |
             node_table_at(&g->nodes, edge->server)->flags) &
            NODE_SPACE) != 0;
}

static bool is_asked(const struct graph *g, const struct graph_show *show,
                     const struct graph_edge *edge)
{
    return (!show->by_space || in_space(g, edge)) &&
           (show->protocol == PROTOCOL_ANY || show->protocol == (int)edge->protocol) &&
           reply_count(edge->total->weight) >= show->min_requests;
}

/* One step of a breadth-first walk, both ways; false when it reached nothing new. */
static bool widen(const struct graph *g, uint32_t *distance, uint32_t reached)
{
    bool grew = false;
    for (size_t i = 0; i < g->edges.len; i++) {
        const struct graph_edge *edge = &g->edges.items[i];
        uint32_t *c = &distance[edge->client], *s = &distance[edge->server];
        if (!edge->shown || (*c != reached && *s != reached))
            continue;
        grew |= *c == FAR || *s == FAR;
        *c = MIN(*c, reached + 1);
        *s = MIN(*s, reached + 1);
    }
    return grew;
}

static enum status focus_on(struct graph *g, const struct graph_show *show, struct err *e)
{
    uint32_t focus = node_table_find(&g->nodes, show->focus);
    uint32_t *distance = arena_alloc(g->arena, (g->state_count + 1) * sizeof(*distance));
    if (!distance)
        return err_set(e, ST_NO_MEMORY, "no memory for the surroundings of a node");
    memset(distance, 0xff, (g->state_count + 1) * sizeof(*distance));
    if (focus < g->state_count)
        distance[focus] = 0;
    else
        warnings_add(&g->warnings, "focus: nothing in this range has the id '%.*s'",
                     (int)MIN(show->focus.len, (size_t)80), show->focus.ptr);
    for (uint32_t hop = 0; hop < show->depth && widen(g, distance, hop); hop++)
        ;
    for (size_t i = 0; i < g->edges.len; i++) {
        struct graph_edge *edge = &g->edges.items[i];
        edge->shown &= MIN(distance[edge->client], distance[edge->server]) < show->depth;
    }
    return ST_OK;
}

static int busiest_first(const void *a, const void *b)
{
    const struct graph_edge *x = *(struct graph_edge *const *)a,
                            *y = *(struct graph_edge *const *)b;
    if (x->total->weight != y->total->weight)
        return x->total->weight > y->total->weight ? -1 : 1;
    return str_cmp(x->id, y->id);
}

static enum status cut_edges(struct graph *g, size_t max_edges, struct err *e)
{
    size_t shown = 0;
    struct graph_edge **order =
        arena_alloc(g->arena, (g->edges.len + 1) * sizeof(struct graph_edge *));
    if (!order)
        return err_set(e, ST_NO_MEMORY, "no memory for the order of the edges");
    for (size_t i = 0; i < g->edges.len; i++)
        if (g->edges.items[i].shown)
            order[shown++] = &g->edges.items[i];
    if (shown <= max_edges)
        return ST_OK;
    qsort(order, shown, sizeof(struct graph_edge *), busiest_first);
    for (size_t i = max_edges; i < shown; i++)
        order[i]->shown = false;
    warnings_add(&g->warnings, "%zu edges with the fewest requests are left out",
                 shown - max_edges);
    g->warnings.truncated = true;
    return ST_OK;
}

static void show_nodes(struct graph *g, const struct graph_show *show)
{
    for (size_t i = 0; i < g->state_count; i++)
        g->states[i].shown = false;
    for (size_t i = 0; i < g->edges.len; i++) {
        const struct graph_edge *edge = &g->edges.items[i];
        if (edge->shown)
            g->states[edge->client].shown = g->states[edge->server].shown = true;
    }
    uint32_t focus = node_table_find(&g->nodes, show->focus);
    if (focus < g->state_count)
        g->states[focus].shown = g->states[focus].serves || g->states[focus].calls;
}

enum status graph_select(struct graph *g, const struct graph_show *show, struct err *e)
{
    for (size_t i = 0; i < g->edges.len; i++)
        g->edges.items[i].shown = is_asked(g, show, &g->edges.items[i]);
    if (show->focus.len)
        TRY(focus_on(g, show, e));
    TRY(cut_edges(g, show->max_edges, e));
    show_nodes(g, show);
    return ST_OK;
}
