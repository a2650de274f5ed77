/* promql_fn_vector.c - vector, timestamp, start_timestamp, absent, absent_over_time. */
#include "query/promql_fn.h"
#include "query/promql_labels.h"
#include "query/promql_pick.h"

enum status promql_fn_vector_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e)
{
    struct promql_row row = {0};
    TRY(promql_run_scalar(run, node->call.args[0], &row.values, e));
    return out->put(out->self, &row, e);
}

struct stamping {
    struct promql_run *run;
    const struct promql_sink *out;
    double *values;
};

/* The samples of a selector have times of their own. */
static enum status stamp_picks(struct stamping *s, const struct promql_selector *selector,
                               bool wants_start, struct err *e)
{
    struct promql_picker p;
    const struct series_data *d;
    enum status status;
    TRY(promql_picker_open(s->run, selector, s->out->arena, &p, e));
    while ((d = promql_picker_next(&p, &status, e))) {
        struct promql_row row = {d->labels, s->values, NULL, true};
        bool any = false;
        for (uint32_t i = 0; i < s->run->grid.count; i++) {
            uint32_t k = p.picks[i];
            s->values[i] = value_absent();
            if (k == PROMQL_NO_SAMPLE || promql_sample_is_stale(d, k))
                continue;
            int64_t start = d->starts_ms ? d->starts_ms[k] : 0;
            s->values[i] = (double)(wants_start ? start : d->times_ms[k]) / 1000;
            any = true;
        }
        if (any)
            TRY(s->out->put(s->out->self, &row, e));
    }
    promql_picker_close(&p);
    return status;
}

/* What was computed is of the time of its step. */
static enum status stamp_row(void *self, const struct promql_row *row, struct err *e)
{
    struct stamping *s = self;
    struct promql_row r = {row->labels, s->values, NULL, true};
    for (uint32_t i = 0; i < s->run->grid.count; i++)
        s->values[i] = promql_row_has(row, i) ? (double)promql_grid_at(&s->run->grid, i) / 1000
                                              : value_absent();
    return s->out->put(s->out->self, &r, e);
}

/* What was computed has no start. */
static enum status stamp_none(void *self, const struct promql_row *row, struct err *e)
{
    (void)self;
    (void)row;
    (void)e;
    return ST_OK;
}

enum status promql_fn_timestamp_rows(struct promql_run *run, const struct promql_node *node,
                                     const struct promql_sink *out, struct err *e)
{
    const struct promql_node *arg = promql_unwrap(node->call.args[0]);
    bool wants_start = node->call.function->id == FN_START_TIMESTAMP;
    struct stamping s = {run, out, arena_calloc(run->arena, run->grid.count, sizeof(double))};
    if (!s.values)
        return promql_no_memory(e);
    if (arg->kind == PROMQL_SELECTOR)
        return stamp_picks(&s, &arg->selector, wants_start, e);
    return promql_run_rows(
        run, arg, &(struct promql_sink){wants_start ? stamp_none : stamp_row, &s, run->arena}, e);
}

/* Steps at which something was there. */
struct presence {
    uint8_t *seen;
    uint32_t steps;
};

static enum status presence_put(void *self, const struct promql_row *row, struct err *e)
{
    struct presence *p = self;
    (void)e;
    for (uint32_t i = 0; i < p->steps; i++)
        p->seen[i] |= promql_row_has(row, i);
    return ST_OK;
}

static const struct promql_selector *selector_of(const struct promql_node *arg)
{
    arg = promql_unwrap(arg);
    if (arg->kind == PROMQL_SELECTOR)
        return &arg->selector;
    return arg->kind == PROMQL_RANGE ? &arg->range.selector->selector : NULL;
}

/* Whether matcher i says alone what its label is: no other = before it, nothing at all behind. */
static bool is_alone(const struct promql_selector *s, uint32_t i)
{
    const struct label_matcher *m = &s->matchers[i];
    if (m->op != MATCH_EQ || str_eq(m->name, LABEL_METRIC_NAME))
        return false;
    for (uint32_t k = 0; k < s->matcher_count; k++)
        if (k != i && str_eq(s->matchers[k].name, m->name) &&
            (k > i || s->matchers[k].op == MATCH_EQ))
            return false;
    return true;
}

/* What the selector asks for with =, once. */
static enum status absent_labels(struct promql_run *run, const struct promql_node *arg,
                                 struct label_set *out, struct err *e)
{
    const struct promql_selector *s = selector_of(arg);
    *out = (struct label_set){0};
    for (uint32_t i = 0; s && i < s->matcher_count; i++) {
        if (!is_alone(s, i))
            continue;
        *out = promql_labels_with(run->arena, *out, s->matchers[i].name, s->matchers[i].value);
        if (!out->items)
            return promql_no_memory(e);
    }
    return ST_OK;
}

static enum status put_absent(struct promql_run *run, const struct promql_node *arg,
                              const struct presence *p, const struct promql_sink *out,
                              struct err *e)
{
    struct promql_row row = {.values = promql_values_new(run->arena, p->steps)};
    if (!row.values)
        return promql_no_memory(e);
    TRY(absent_labels(run, arg, &row.labels, e));
    bool any = false;
    for (uint32_t i = 0; i < p->steps; i++) {
        if (p->seen[i])
            continue;
        row.values[i] = 1;
        any = true;
    }
    return any ? out->put(out->self, &row, e) : ST_OK;
}

enum status promql_fn_absent_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e)
{
    struct presence p = {arena_calloc(run->arena, run->grid.count, 1), run->grid.count};
    if (!p.seen)
        return promql_no_memory(e);
    TRY(promql_run_rows(run, node->call.args[0],
                        &(struct promql_sink){presence_put, &p, run->arena}, e));
    return put_absent(run, node->call.args[0], &p, out, e);
}

enum status promql_fn_absent_over_time_rows(struct promql_run *run, const struct promql_node *node,
                                            const struct promql_sink *out, struct err *e)
{
    struct presence p = {arena_calloc(run->arena, run->grid.count, 1), run->grid.count};
    struct promql_ranges r;
    enum status s;
    if (!p.seen)
        return promql_no_memory(e);
    TRY(promql_ranges_open(run, node->call.args[0], NEED_LAST, out->arena, &r, e));
    TRY(promql_fn_check_extension(node, &r, e));
    while (promql_ranges_next(&r, &s, e))
        for (uint32_t i = 0; i < p.steps; i++) {
            struct promql_window w = promql_ranges_window(&r, i);
            p.seen[i] |= w.floats.count > 0 || w.histograms.count > 0;
        }
    TRY(s);
    promql_ranges_close(&r);
    return put_absent(run, node->call.args[0], &p, out, e);
}
