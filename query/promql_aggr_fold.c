/* promql_aggr_fold.c - sum, avg, min, max, group, count, stddev, stdvar: each row is added to its
 * group and forgotten. */
#include "query/promql_aggr.h"
#include "query/promql_histogram.h"
#include "query/promql_math.h"

/* One group over all steps. */
struct group {
    double *value; /* a slot a step, absent as long as nothing came: the result, or with `rest` a
                      compensated sum. NULL: no row came, or the group is done */
    double *rest;
    struct promql_mean *means;         /* avg */
    struct promql_variance *variances; /* stddev, stdvar */
    struct histogram_total *totals;    /* sum, avg: NULL until the first histogram comes */
    bool drop_name;
};

struct fold {
    struct promql_run *run;
    const struct promql_node *node;
    const struct promql_sink *out;
    struct promql_grouping grouping;
    struct promql_order order;
    struct group *groups; /* one per group; grows in the arena */
    uint32_t group_count, group_cap;
    uint32_t open;        /* the group at hand, when rows come group by group */
    struct arena room;    /* owned: of that group */
    struct arena scratch; /* owned: histograms of the row at hand */
};

/* Histograms that do not fit each other have ended the sum of this step: nothing more counts. */
static bool is_closed(const struct group *g, uint32_t step)
{
    return g->totals && g->totals[step].is_mixed;
}

/* Where a group is held. */
static struct arena *room_of(struct fold *f)
{
    return f->order.is_grouped ? &f->room : f->run->arena;
}

static void add_sum(struct group *g, const double *v, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        if (value_is_absent(v[i]) || is_closed(g, i))
            continue;
        if (value_is_absent(g->value[i]))
            g->value[i] = v[i];
        else
            promql_sum_add(v[i], &g->value[i], &g->rest[i]);
    }
}

static void add_mean(struct group *g, const double *v, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        if (!value_is_absent(v[i]) && !is_closed(g, i)) {
            g->value[i] = 0;
            promql_mean_add(&g->means[i], v[i]);
        }
}

static void add_variance(struct group *g, const double *v, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        if (!value_is_absent(v[i])) {
            g->value[i] = 0;
            promql_variance_add(&g->variances[i], v[i]);
        }
}

static void add_min(struct group *g, const double *v, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        if (!value_is_absent(v[i]) &&
            (value_is_absent(g->value[i]) || g->value[i] > v[i] || isnan(g->value[i])))
            g->value[i] = v[i];
}

static void add_max(struct group *g, const double *v, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        if (!value_is_absent(v[i]) &&
            (value_is_absent(g->value[i]) || g->value[i] < v[i] || isnan(g->value[i])))
            g->value[i] = v[i];
}

static void add_presence(struct fold *f, struct group *g, const struct promql_row *row)
{
    bool counts = f->node->aggregate.op == AGG_COUNT;
    for (uint32_t i = 0; i < f->run->grid.count; i++)
        if (promql_row_has(row, i))
            g->value[i] = counts && !value_is_absent(g->value[i]) ? g->value[i] + 1 : 1;
}

/* A sum borrows the bounds of its first histogram, which lives no longer than its row. */
static enum status add_histogram(struct fold *f, struct histogram_total *t,
                                 const struct native_histogram *h, struct err *e)
{
    struct native_histogram first = *h;
    if (!t->sum.started && native_histogram_is_custom(h))
        t->sum.arena = f->run->arena; /* what is taken from the sum borrows its bounds */
    if (!t->sum.started && h->bound_count) {
        double *bounds = arena_calloc(f->run->arena, h->bound_count, sizeof(*bounds));
        if (!bounds)
            return promql_no_memory(e);
        memcpy(bounds, h->bounds, h->bound_count * sizeof(*bounds));
        first.bounds = bounds;
    }
    return histogram_total_add(t, &first) == ST_OK ? ST_OK : promql_no_memory(e);
}

static enum status add_histograms(struct fold *f, struct group *g, const struct promql_row *row,
                                  struct err *e)
{
    uint32_t steps = f->run->grid.count;
    bool is_average = f->node->aggregate.op == AGG_AVG;
    if (!g->totals) {
        g->totals = arena_calloc(room_of(f), steps, sizeof(*g->totals));
        if (!g->totals)
            return promql_no_memory(e);
        for (uint32_t i = 0; i < steps; i++)
            g->totals[i] =
                (struct histogram_total){.sum.arena = room_of(f), .is_average = is_average};
    }
    struct histogram_ask ask = {.notes = f->run->notes,
                                .at = &f->node->aggregate.expr->span,
                                .metric = label_set_metric(row->labels)};
    for (uint32_t i = 0; i < steps; i++) {
        struct histogram_total *t = &g->totals[i];
        if (!row->histograms[i] || t->is_mixed)
            continue;
        if (!t->sum.started && !value_is_absent(g->value[i])) {
            t->count++; /* behind a float there is no sum to come */
            continue;
        }
        TRY(add_histogram(f, t, row->histograms[i], e));
        if (t->is_mixed)
            histogram_note_mixed(&ask);
    }
    return ST_OK;
}

static void note_ignored(struct fold *f, const struct promql_row *row)
{
    for (uint32_t i = 0; i < f->run->grid.count; i++)
        if (row->histograms[i]) {
            promql_note_ignored(f->run, f->node, &f->node->aggregate.expr->span);
            return;
        }
}

static enum status add_row(struct fold *f, struct group *g, const struct promql_row *row,
                           struct err *e)
{
    uint32_t steps = f->run->grid.count;
    switch (f->node->aggregate.op) {
    case AGG_SUM:
        add_sum(g, row->values, steps);
        return row->histograms ? add_histograms(f, g, row, e) : ST_OK;
    case AGG_AVG:
        add_mean(g, row->values, steps);
        return row->histograms ? add_histograms(f, g, row, e) : ST_OK;
    case AGG_MIN:
        add_min(g, row->values, steps);
        break;
    case AGG_MAX:
        add_max(g, row->values, steps);
        break;
    case AGG_STDDEV:
    case AGG_STDVAR:
        add_variance(g, row->values, steps);
        break;
    default:
        add_presence(f, g, row);
        return ST_OK;
    }
    if (row->histograms)
        note_ignored(f, row);
    return ST_OK;
}

/* --- groups --- */

static enum status group_begin(struct fold *f, struct group *g, struct err *e)
{
    struct arena *arena = room_of(f);
    uint32_t steps = f->run->grid.count;
    enum promql_aggregation op = f->node->aggregate.op;
    /* A group takes room for all steps, however few of them have a value. */
    TRY(query_budget_take(f->run->budget, steps / 4, e));
    *g = (struct group){.value = promql_values_new(arena, steps)};
    bool ok = g->value != NULL;
    if (op == AGG_SUM)
        ok = ok && (g->rest = arena_calloc(arena, steps, sizeof(*g->rest)));
    if (op == AGG_AVG)
        ok = ok && (g->means = arena_calloc(arena, steps, sizeof(*g->means)));
    if (op == AGG_STDDEV || op == AGG_STDVAR)
        ok = ok && (g->variances = arena_calloc(arena, steps, sizeof(*g->variances)));
    return ok ? ST_OK : promql_no_memory(e);
}

/* Room for the numbers of all groups that are known. */
static enum status grow_groups(struct fold *f, struct err *e)
{
    uint32_t count = f->grouping.groups.count;
    if (count > f->group_cap) {
        uint32_t cap = MAX(MAX(f->group_cap * 2, 16u), count);
        struct group *groups = arena_calloc(f->run->arena, cap, sizeof(*groups));
        if (!groups)
            return promql_no_memory(e);
        if (f->group_count)
            memcpy(groups, f->groups, f->group_count * sizeof(*groups));
        f->groups = groups;
        f->group_cap = cap;
    }
    f->group_count = count;
    return ST_OK;
}

static void finish_floats(const struct fold *f, struct group *g)
{
    enum promql_aggregation op = f->node->aggregate.op;
    for (uint32_t i = 0; i < f->run->grid.count; i++) {
        if (value_is_absent(g->value[i]))
            continue;
        if (op == AGG_SUM)
            g->value[i] = g->value[i] + g->rest[i];
        else if (op == AGG_AVG)
            g->value[i] = promql_mean_take(&g->means[i]);
        else if (op == AGG_STDVAR)
            g->value[i] = promql_variance_take(&g->variances[i]);
        else if (op == AGG_STDDEV)
            g->value[i] = sqrt(promql_variance_take(&g->variances[i]));
    }
}

/* A step with floats and histograms has no sum. */
static enum status finish_histograms(struct fold *f, struct group *g, struct promql_row *row,
                                     struct err *e)
{
    const struct promql_span *at = &f->node->aggregate.expr->span;
    struct histogram_ask ask = {.arena = f->out->arena, .notes = f->run->notes, .at = at};
    row->histograms = arena_calloc(room_of(f), f->run->grid.count, sizeof(*row->histograms));
    if (!row->histograms)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < f->run->grid.count; i++) {
        struct native_histogram *h = NULL;
        if (g->totals[i].count == 0 && !g->totals[i].is_mixed)
            continue;
        if (!value_is_absent(g->value[i])) {
            annotations_add(f->run->notes, ANNOTATION_WARNING, at,
                            "encountered a mix of histograms and floats for aggregation");
            g->value[i] = value_absent();
            continue;
        }
        g->totals[i].sum.arena = f->out->arena; /* of what is taken */
        if (histogram_total_take(&g->totals[i], &ask, &h) != ST_OK)
            return promql_no_memory(e);
        row->histograms[i] = h;
    }
    return ST_OK;
}

static enum status group_finish(struct fold *f, uint32_t number, struct err *e)
{
    struct group *g = &f->groups[number];
    if (!g->value)
        return ST_OK;
    struct promql_row row = {promql_table_get(&f->grouping.groups, number), g->value, NULL,
                             g->drop_name};
    finish_floats(f, g);
    if (g->totals)
        TRY(finish_histograms(f, g, &row, e));
    if (promql_row_points(&row, f->run->grid.count))
        TRY(f->out->put(f->out->self, &row, e));
    query_budget_give(f->run->budget, f->run->grid.count / 4);
    g->value = NULL;
    return ST_OK;
}

/* What was held of the group before goes when another begins. */
static enum status open_group(struct fold *f, uint32_t number, struct err *e)
{
    if (number == f->open)
        return ST_OK;
    TRY(group_finish(f, f->open, e));
    arena_reset(&f->room);
    f->open = number;
    return ST_OK;
}

static enum status fold_put(void *self, const struct promql_row *row, struct err *e)
{
    struct fold *f = self;
    uint32_t number;
    bool added;
    TRY(promql_grouping_find(&f->grouping, row->labels, &number, &added, e));
    TRY(grow_groups(f, e));
    if (f->order.is_grouped)
        TRY(open_group(f, number, e));
    struct group *g = &f->groups[number];
    if (!g->value)
        TRY(group_begin(f, g, e));
    g->drop_name |= row->drop_name;
    TRY(add_row(f, g, row, e));
    arena_reset(&f->scratch);
    return ST_OK;
}

/* Series, or a function of the window of each: rows have the labels of series, in their order. */
static bool reads_series(const struct promql_node *node)
{
    node = promql_unwrap(node);
    if (node->kind == PROMQL_SELECTOR)
        return true;
    return node->kind == PROMQL_CALL && node->call.arg_count == 1 &&
           node->call.function->id != FN_ABSENT_OVER_TIME &&
           promql_unwrap(node->call.args[0])->kind == PROMQL_RANGE;
}

static enum status fold_rows(struct fold *f, struct err *e)
{
    struct promql_run inner = *f->run;
    const struct promql_node *expr = f->node->aggregate.expr;
    inner.order = reads_series(expr) ? &f->order : NULL;
    TRY(promql_run_rows(&inner, expr, &(struct promql_sink){fold_put, f, &f->scratch}, e));
    for (uint32_t n = 0; n < f->group_count; n++)
        TRY(group_finish(f, n, e));
    return ST_OK;
}

enum status promql_fold_rows(struct promql_run *run, const struct promql_node *node,
                             const struct promql_sink *out, struct err *e)
{
    struct fold f = {.run = run, .node = node, .out = out};
    TRY(promql_grouping_init(&f.grouping, run, node, e));
    f.order.grouping = &f.grouping;
    f.room = promql_room(run);
    f.scratch = promql_room(run);
    enum status s = fold_rows(&f, e);
    s = promql_room_end(run, &f.room, s, e);
    return promql_room_end(run, &f.scratch, s, e);
}
