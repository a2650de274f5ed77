/* derived_spans.c - the totals at the times that are looked at, each from one that is known already
 * and a few tiles; the samples between them are only counted. */
#include "query/derived_spans.h"

#include "query/derived_plan.h"
#include <stdlib.h>

/* What a track needs on the way; nothing when it has no traffic. */
struct way {
    struct derived_total levels[DERIVED_LEVELS];
    VEC(struct edge_stretch) stretches;
    struct derived_traffic traffic; /* in stretches */
};

struct spans_run {
    struct derived_groups *groups;
    struct row_sums *range;
    struct derived_plan plan;
    struct way *ways; /* owned; one a track */
    size_t way_count;
    size_t spans_open, looks_done;
};

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for derived series");
}

/* --- traffic --- */

static enum edge_sight sight_of(const struct derived_family *f)
{
    static const enum edge_sight sides[] = {[SIDE_CLIENT] = SIGHT_CLIENT,
                                            [SIDE_SERVER] = SIGHT_SERVER,
                                            [SIDE_TRANSIT] = SIGHT_TRANSIT,
                                            [SIDE_OWN] = SIGHT_ANY};
    return f->shape == SHAPE_LATENCY ? sides[f->side] : SIGHT_ANY;
}

static bool grow_ways(struct spans_run *run)
{
    size_t count = run->groups->tracks.len;
    if (count == run->way_count)
        return true;
    struct way *ways = mem_realloc_array(run->ways, count, sizeof(*ways));
    if (!ways)
        return false;
    memset(ways + run->way_count, 0, (count - run->way_count) * sizeof(*ways));
    run->ways = ways;
    run->way_count = count;
    return true;
}

static bool add_stretches(struct spans_run *run, const struct derived_use *use,
                          const struct edge_stretch_list *sights)
{
    const struct derived_track *t = &run->groups->tracks.items[use->track];
    const struct edge_stretch_list *list = &sights[sight_of(t->form.family)];
    struct way *w = &run->ways[use->track];
    for (size_t i = 0; i < list->len; i++)
        if (!vec_push(&w->stretches, list->items[i]))
            return false;
    return true;
}

static bool has_traffic(const struct edge_stretch_list *sights)
{
    bool any = false;
    for (unsigned sight = 0; sight < SIGHT_COUNT; sight++)
        any |= sights[sight].len > 0;
    return any;
}

static enum status take_stretches(struct spans_run *run, const struct edge_stretches *s,
                                  struct err *e)
{
    for (uint32_t group = 0; group < s->group_count; group++) {
        if (!has_traffic(s->groups[group]))
            continue;
        struct row_key key = row_sums_key(run->range, group);
        const struct derived_uses *uses = derived_groups_find(run->groups, &key);
        if (!uses || !grow_ways(run))
            return no_memory(e);
        for (size_t i = 0; i < uses->all.len; i++)
            if (!add_stretches(run, &uses->all.items[i], s->groups[group]))
                return no_memory(e);
    }
    return grow_ways(run) ? ST_OK : no_memory(e);
}

static int by_start(const void *a, const void *b)
{
    const struct edge_stretch *x = a, *y = b;
    return (x->from_s > y->from_s) - (x->from_s < y->from_s);
}

/* Several groups may add to one track. */
static void join_stretches(struct way *w)
{
    size_t kept = 0;
    if (w->stretches.len > 1)
        qsort(w->stretches.items, w->stretches.len, sizeof(*w->stretches.items), by_start);
    for (size_t i = 0; i < w->stretches.len; i++) {
        struct edge_stretch *last = kept ? &w->stretches.items[kept - 1] : NULL;
        struct edge_stretch next = w->stretches.items[i];
        if (last && (int64_t)next.from_s - (int64_t)last->to_s <= DERIVED_GAP_MS / 1000)
            last->to_s = MAX(last->to_s, next.to_s);
        else
            w->stretches.items[kept++] = next;
    }
    w->stretches.len = kept;
    w->traffic = (struct derived_traffic){w->stretches.items, kept, 0};
}

static enum status find_traffic(struct spans_run *run, const struct row_query *query,
                                uint64_t *lost, struct err *e)
{
    struct edge_stretches s;
    TRY(row_query_stretches(query, run->range, DERIVED_GAP_MS / 1000, &s, e));
    *lost += s.lost_blocks;
    enum status status = take_stretches(run, &s, e);
    edge_stretches_deinit(&s);
    return status;
}

/* --- totals --- */

static enum status begin_ways(struct spans_run *run, struct err *e)
{
    struct arena *arena = run->groups->ask->request->arena;
    for (size_t i = 0; i < run->way_count; i++) {
        struct way *w = &run->ways[i];
        const struct derived_track *t = &run->groups->tracks.items[i];
        join_stretches(w);
        for (unsigned k = 0; k < DERIVED_LEVELS && w->stretches.len > 0; k++)
            if (!derived_total_init(&w->levels[k], &t->form, arena))
                return no_memory(e);
        if (w->stretches.len > 0 && !derived_total_copy(&w->levels[0], &t->total, &t->form))
            return no_memory(e);
    }
    return ST_OK;
}

static enum status look_at(struct spans_run *run, const struct derived_look *l, size_t track,
                           struct err *e)
{
    struct derived_groups *g = run->groups;
    struct derived_track *t = &g->tracks.items[track];
    struct way *w = &run->ways[track];
    if (w->stretches.len == 0)
        return ST_OK;
    struct derived_held before = derived_track_held(t);
    derived_track_look(t, l->at_ms, &w->levels[l->level], &w->traffic, g->ask->request->arena);
    return derived_groups_count(g, t, before, e);
}

/* Every time whose total is known now. */
static enum status look(struct spans_run *run, struct err *e)
{
    const struct derived_plan *p = &run->plan;
    for (; run->looks_done < p->looks.len; run->looks_done++) {
        const struct derived_look *l = &p->looks.items[run->looks_done];
        if (l->spans > run->spans_open)
            break;
        for (size_t i = 0; i < run->way_count; i++)
            TRY(look_at(run, l, i, e));
    }
    return ST_OK;
}

/* All spans before `count` are whole but for the last one, which begins at the total of its start.
 */
static enum status open_spans(struct spans_run *run, size_t count, struct err *e)
{
    for (; run->spans_open < count; run->spans_open++) {
        TRY(look(run, e));
        struct derived_step s = run->plan.steps.items[run->spans_open];
        for (size_t i = 0; i < run->way_count && s.from != s.to; i++) {
            struct way *w = &run->ways[i];
            if (w->stretches.len > 0 && !derived_total_copy(&w->levels[s.to], &w->levels[s.from],
                                                            &run->groups->tracks.items[i].form))
                return no_memory(e);
        }
    }
    return ST_OK;
}

static enum status on_span(uint32_t series, uint64_t span, const struct cell *cell, void *user,
                           struct err *e)
{
    struct spans_run *run = user;
    struct row_key key = row_sums_key(run->range, series);
    const struct derived_uses *uses = derived_groups_find(run->groups, &key);
    TRY(open_spans(run, (size_t)span + 1, e));
    unsigned level = run->plan.steps.items[span].to;
    for (size_t i = 0; uses && i < uses->all.len; i++) {
        const struct derived_use *use = &uses->all.items[i];
        const struct derived_track *t = &run->groups->tracks.items[use->track];
        struct derived_increase by;
        if (use->track >= run->way_count || run->ways[use->track].stretches.len == 0 ||
            !derived_increase_of(run->groups, use, cell, &by))
            continue;
        if (!derived_total_add(&run->ways[use->track].levels[level], &t->form, &by))
            return no_memory(e);
    }
    return uses ? ST_OK : no_memory(e);
}

static enum status run_spans(struct spans_run *run, const struct row_query *query, uint64_t *lost,
                             struct err *e)
{
    const struct derived_plan *p = &run->plan;
    TRY(find_traffic(run, query, lost, e));
    TRY(begin_ways(run, e));
    TRY(derived_plan_make(&run->groups->times, query->start_s, query->end_s, &run->plan, e));
    TRY(row_query_spans(query, run->range, p->spans.items, (uint32_t)p->spans.len, on_span, run,
                        lost, e));
    TRY(open_spans(run, p->spans.len, e));
    return look(run, e);
}

enum status derived_spans_add(struct derived_groups *groups, const struct row_query *query,
                              struct row_sums *range, uint64_t *lost, struct err *e)
{
    struct spans_run run = {.groups = groups, .range = range};
    enum status status = run_spans(&run, query, lost, e);
    for (size_t i = 0; i < run.way_count; i++) {
        for (unsigned k = 0; k < DERIVED_LEVELS; k++)
            derived_total_deinit(&run.ways[i].levels[k]);
        vec_deinit(&run.ways[i].stretches);
    }
    mem_free(run.ways);
    derived_plan_deinit(&run.plan);
    return status;
}
