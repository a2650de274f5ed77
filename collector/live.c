/* live.c - evaluates open traces for a look, without changing anything that is counted. */
#include "collector/live.h"

struct live {
    struct pipeline *pipeline;
    struct cell_feed *feed;
    struct sightings sightings; /* of open requests */
    struct hop_tree tree;
    struct request_builder builder;
    uint32_t open_hops, open_traces;
};

struct live *live_new(struct pipeline *p)
{
    struct live *l = mem_calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->pipeline = p;
    l->sightings.index.seed = p->config.seed;
    l->feed = cell_feed_new(p->config.seed, p->names, p->caps);
    if (l->feed)
        return l;
    mem_free(l);
    return NULL;
}

void live_free(struct live *l)
{
    if (!l)
        return;
    cell_feed_free(l->feed);
    sightings_deinit(&l->sightings);
    hop_tree_deinit(&l->tree);
    request_builder_deinit(&l->builder);
    mem_free(l);
}

static bool add_request(struct live *l, const struct trace *tr, const struct hop *h,
                        enum cell_view views)
{
    struct pipeline *p = l->pipeline;
    struct request q;
    if (h->is_done || !request_build(&l->builder, &l->tree, p->names, h, tr->id, &q))
        return true;
    q.views = views;
    l->open_hops += views != VIEW_RAW;
    sightings_add(&l->sightings, p->names, &q);
    return cell_feed_add(l->feed, &q, false);
}

static bool add_trace(struct live *l, const struct trace *tr)
{
    struct pipeline *p = l->pipeline;
    struct hop_tree *t = &l->tree;
    if (!hop_tree_load(t, p->names, &p->table, tr, false) || !hop_tree_find(t, p->names, false))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < t->hops.len; i++) {
        const struct hop *h = &t->hops.items[i];
        ok = add_request(l, tr, h, h->first_middle != NODE_NONE ? VIEW_MESH : VIEW_BOTH);
    }
    if (!t->has_middle || !ok)
        return ok;
    if (!hop_tree_find(t, p->names, true))
        return false;
    for (size_t i = 0; ok && i < t->hops.len; i++)
        if (hop_touches_middle(t, &t->hops.items[i], false))
            ok = add_request(l, tr, &t->hops.items[i], VIEW_RAW);
    return ok;
}

static bool add_open(struct live *l)
{
    const struct open_table *t = &l->pipeline->table;
    for (size_t i = 0; i <= t->bucket_mask; i++) {
        for (uint32_t name = t->buckets[i]; name; name = trace_at(t, name)->hash_next) {
            const struct trace *tr = trace_at(t, name);
            if (tr->open_count == 0)
                continue;
            l->open_traces++;
            if (!add_trace(l, tr))
                return false;
        }
    }
    return true;
}

static struct registry *registry_now(const struct live *l)
{
    const struct pipeline *p = l->pipeline;
    struct registry *r = registry_clone(p->registry);
    if (!r)
        return NULL;
    sightings_tell(&p->sightings, p->names, r);
    sightings_tell(&l->sightings, p->names, r);
    return r;
}

enum status live_look(struct live *l, const struct cell_set *in_flight, struct live_view *out,
                      struct err *e)
{
    struct pipeline *p = l->pipeline;
    l->open_hops = l->open_traces = 0;
    sightings_clear(&l->sightings);
    if (!cell_feed_clear(l->feed) || !add_open(l))
        return err_set(e, ST_NO_MEMORY, "no memory for a view of the open requests");
    TRY(cell_set_merge(cell_feed_cells(l->feed), cell_feed_cells(p->closed), e));
    if (in_flight)
        TRY(cell_set_merge(cell_feed_cells(l->feed), in_flight, e));
    *out = (struct live_view){
        .cells = cell_feed_cells(l->feed),
        .registry = registry_now(l),
        .open_hops = l->open_hops,
        .open_traces = l->open_traces,
    };
    return out->registry ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for a copy of the registry");
}
