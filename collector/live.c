/* live.c - evaluates open traces for a look, without changing anything that is counted. Spans in
 * the view are marked as not new; what a changed trace gave before is found again by leaving its
 * new spans out. */
#include "collector/live.h"

struct changed {
    uint32_t name;
    struct trace_id id; /* the name may be another trace's by now */
};

/* Following more changes than this costs more than looking afresh. */
enum { CHANGES_MAX = 1 << 18 };

struct live {
    struct pipeline *pipeline;
    struct pipeline_watch watch;
    struct cell_feed *feed; /* closed cells of the head, and open requests as of the last look */
    struct sightings sightings;
    struct hop_tree tree;
    struct request_builder builder;
    VEC(struct changed) changed;
    size_t cells_max;
    uint64_t caps_generation;
    bool awake, broken, is_stale; /* broken: a change could not be followed */
    uint32_t open_hops;
    size_t bytes; /* of the feed's cells and the tree, at the last look */
};

static bool has_more_than(const struct live *l, size_t cells)
{
    return cell_set_cell_count(cell_feed_cells(l->feed)) > cells;
}

/* --- requests of one trace --- */

static bool put_request(struct live *l, const struct trace *tr, const struct hop *h,
                        enum cell_view views, bool add)
{
    struct pipeline *p = l->pipeline;
    struct request q;
    if (!hop_is_to_count(h) || !request_build(&l->builder, &l->tree, p->names, h, tr->id, &q))
        return true;
    q.views = views;
    if (views != VIEW_RAW)
        l->open_hops += add;
    if (!add) {
        cell_feed_take(l->feed, &q, &l->is_stale);
        return true;
    }
    sightings_add(&l->sightings, p->names, &q);
    return cell_feed_add(l->feed, &q, false);
}

static bool put_hops(struct live *l, const struct trace *tr, bool add)
{
    struct hop_tree *t = &l->tree;
    const struct names *names = l->pipeline->names;
    if (!hop_tree_find(t, names, false))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < t->hops.len; i++) {
        const struct hop *h = &t->hops.items[i];
        ok = put_request(l, tr, h, h->first_middle != NODE_NONE ? VIEW_MESH : VIEW_BOTH, add);
    }
    if (!t->has_middle || !ok)
        return ok;
    if (!hop_tree_find(t, names, true))
        return false;
    for (size_t i = 0; ok && i < t->hops.len; i++)
        if (hop_touches_middle(t, &t->hops.items[i], false))
            ok = put_request(l, tr, &t->hops.items[i], VIEW_RAW, add);
    return ok;
}

static void forget_hops(struct live *l, struct trace *tr)
{
    l->open_hops -= tr->shown_hops;
    tr->shown_hops = 0;
}

/* Takes out what the last look showed of the trace. */
static void hide_trace(struct live *l, struct trace *tr)
{
    struct pipeline *p = l->pipeline;
    forget_hops(l, tr);
    if (trace_any_viewed(&p->table, tr) &&
        (!hop_tree_load(&l->tree, p->names, &p->table, tr, true) || !put_hops(l, tr, false)))
        l->broken = true;
}

static bool show_trace(struct live *l, struct trace *tr)
{
    struct pipeline *p = l->pipeline;
    uint32_t before = l->open_hops;
    tr->changed = false;
    if (!hop_tree_load(&l->tree, p->names, &p->table, tr, false) || !put_hops(l, tr, true))
        return false;
    tr->shown_hops = l->open_hops - before;
    trace_mark_new(&p->table, tr, false);
    return true;
}

/* --- following --- */

static void note_changed(struct live *l, uint32_t name)
{
    struct trace *tr = trace_at(&l->pipeline->table, name);
    if (tr->changed || l->broken)
        return;
    tr->changed = true;
    if (l->changed.len >= CHANGES_MAX || !vec_push(&l->changed, ((struct changed){name, tr->id})))
        l->broken = true;
}

static void on_adding(uint32_t name, void *user)
{
    note_changed(user, name);
}

static bool on_closing(uint32_t name, bool whole, void *user)
{
    struct live *l = user;
    struct trace *tr = trace_at(&l->pipeline->table, name);
    if (l->broken)
        return true;
    if (whole && !tr->changed) {
        forget_hops(l, tr);
        return true;
    }
    hide_trace(l, tr);
    trace_mark_new(&l->pipeline->table, tr, true);
    note_changed(l, name);
    return false;
}

static void on_renamed(void *user)
{
    struct live *l = user;
    l->broken = true;
    sightings_clear(&l->sightings); /* ids of the old table */
    cell_feed_rename(l->feed, l->pipeline->names);
}

static void on_counted(const struct request *q, void *user)
{
    struct live *l = user;
    if (!l->broken && (has_more_than(l, l->cells_max) || !cell_feed_add(l->feed, q, false)))
        l->broken = true;
}

/* NULL when it is gone. */
static struct trace *trace_of(const struct live *l, const struct changed *c)
{
    struct trace *tr = trace_at(&l->pipeline->table, c->name);
    return trace_id_eq(tr->id, c->id) && tr->changed ? tr : NULL;
}

static void on_trimming(void *user)
{
    struct live *l = user;
    size_t kept = 0;
    for (size_t i = 0; i < l->changed.len; i++)
        if (trace_of(l, &l->changed.items[i]))
            l->changed.items[kept++] = l->changed.items[i];
    l->changed.len = kept;
    hop_tree_trim(&l->tree);
}

static bool show_changes(struct live *l)
{
    for (size_t i = 0; i < l->changed.len; i++) {
        struct trace *tr = trace_of(l, &l->changed.items[i]);
        if (!tr)
            continue;
        hide_trace(l, tr);
        if (l->broken || !show_trace(l, tr))
            return false;
    }
    l->changed.len = 0;
    return !has_more_than(l, l->cells_max);
}

/* --- afresh --- */

/* False: memory is short, or they are more than `room` cells. */
static bool show_some(struct live *l, const uint32_t *names, size_t count, size_t room)
{
    const struct open_table *t = &l->pipeline->table;
    open_table_prefetch(t, names, count);
    for (size_t i = 0; i < count; i++) {
        struct trace *tr = trace_at(t, names[i]);
        tr->shown_hops = 0; /* of a view that was not kept up */
        if (tr->open_count > 0 && !show_trace(l, tr))
            return false;
        tr->changed = false;
    }
    return !has_more_than(l, room);
}

static bool show_all(struct live *l, size_t room)
{
    const struct open_table *t = &l->pipeline->table;
    uint32_t names[PREFETCH_TRACES];
    size_t count = 0;
    for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++) {
        for (uint32_t name = t->wheel[slot]; name; name = trace_at(t, name)->wheel_next) {
            names[count++] = name;
            if (count < PREFETCH_TRACES)
                continue;
            if (!show_some(l, names, count, room))
                return false;
            count = 0;
        }
    }
    return show_some(l, names, count, room);
}

/* Cells of what is closed, which a view holds in any case. */
static size_t closed_cells(const struct live *l, const struct cell_set *in_flight)
{
    size_t count = cell_set_cell_count(cell_feed_cells(l->pipeline->closed));
    return count + (in_flight ? cell_set_cell_count(in_flight) : 0);
}

/* *closed_only: what is open did not fit, and is not followed. */
static enum status look_afresh(struct live *l, struct cell_set *in_flight, bool *closed_only,
                               struct err *e)
{
    struct pipeline *p = l->pipeline;
    live_sleep(l);
    sightings_clear(&l->sightings);
    cell_feed_rename(l->feed, p->names); /* they may have changed while nobody looked */
    l->open_hops = 0;
    l->is_stale = l->broken = false;
    l->caps_generation = row_caps_generation(p->caps);
    size_t closed = closed_cells(l, in_flight);
    size_t room = l->cells_max - MIN(closed, l->cells_max);
    if (!cell_feed_clear(l->feed) || (!show_all(l, room) && !has_more_than(l, room)))
        return err_set(e, ST_NO_MEMORY, "no memory for a view of the open requests");
    *closed_only = has_more_than(l, room);
    if (*closed_only) {
        cell_set_clear(cell_feed_cells(l->feed));
        sightings_clear(&l->sightings);
    }
    TRY(cell_set_merge(cell_feed_cells(l->feed), cell_feed_cells(p->closed), e));
    if (in_flight)
        TRY(cell_set_merge(cell_feed_cells(l->feed), in_flight, e));
    l->awake = !*closed_only && closed <= l->cells_max;
    p->watch = l->awake ? &l->watch : NULL;
    return ST_OK;
}

/* --- looking --- */

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

enum status live_look(struct live *l, struct cell_set *in_flight, bool afresh,
                      struct live_view *out, struct err *e)
{
    struct pipeline *p = l->pipeline;
    bool follow =
        l->awake && !afresh && !l->broken && l->caps_generation == row_caps_generation(p->caps);
    bool closed_only = false;
    follow = follow && show_changes(l);
    if (!follow)
        TRY(look_afresh(l, in_flight, &closed_only, e));
    cell_set_drop_empty(cell_feed_cells(l->feed));
    l->bytes = cell_set_bytes(cell_feed_cells(l->feed)) + hop_tree_bytes(&l->tree);
    *out = (struct live_view){
        .cells = cell_feed_cells(l->feed),
        .registry = registry_now(l),
        .open_hops = l->open_hops,
        .open_traces = p->table.traces.live,
        .is_afresh = !follow && l->awake,
        .is_closed_only = closed_only,
    };
    return out->registry ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for a copy of the registry");
}

enum status live_look_closed(struct live *l, struct live_view *out, struct err *e)
{
    struct pipeline *p = l->pipeline;
    live_sleep(l);
    sightings_clear(&l->sightings); /* their ids may be another table's at the next look */
    *out = (struct live_view){
        .cells = cell_feed_cells(p->closed),
        .registry = registry_now(l),
        .open_hops = l->open_hops,
        .open_traces = p->table.traces.live,
    };
    return out->registry ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for a copy of the registry");
}

void live_saved(struct live *l, const struct cell_set *saved)
{
    if (l->awake && !l->broken && cell_feed_take_cells(l->feed, saved, &l->is_stale, NULL) != ST_OK)
        l->broken = true;
}

bool live_is_stale(const struct live *l)
{
    return l->is_stale;
}

size_t live_bytes(const struct live *l)
{
    return l->bytes;
}

void live_sleep(struct live *l)
{
    if (l->bytes)
        cell_set_clear(cell_feed_cells(l->feed));
    l->awake = false;
    l->bytes = 0;
    l->pipeline->watch = NULL;
    l->changed.len = 0;
    hop_tree_trim(&l->tree);
}

/* --- life --- */

struct live *live_new(struct pipeline *p, size_t cells_max)
{
    struct live *l = mem_calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->pipeline = p;
    l->cells_max = cells_max ? cells_max : SIZE_MAX;
    l->watch = (struct pipeline_watch){.adding = on_adding,
                                       .closing = on_closing,
                                       .renamed = on_renamed,
                                       .counted = on_counted,
                                       .trimming = on_trimming,
                                       .user = l};
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
    live_sleep(l);
    cell_feed_free(l->feed);
    sightings_deinit(&l->sightings);
    hop_tree_deinit(&l->tree);
    request_builder_deinit(&l->builder);
    vec_deinit(&l->changed);
    mem_free(l);
}
