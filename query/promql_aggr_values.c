/* promql_aggr_values.c - quantile and count_values: all values of a group at a step at once. */
#include "query/promql_aggr.h"
#include "base/number_text.h"
#include "model/native_histogram_text.h"
#include "query/promql_math.h"
#include "query/promql_notes.h"

struct members {
    struct promql_run *run;
    const struct promql_node *node;
    struct promql_rows rows;
    struct promql_grouping grouping;
    uint32_t *first, *next; /* rows of a group, chained; UINT32_MAX ends */
};

static enum status members_open(struct members *m, struct err *e)
{
    struct arena *arena = m->run->arena;
    TRY(promql_grouping_init(&m->grouping, m->run, m->node, e));
    TRY(promql_run_keep(m->run, m->node->aggregate.expr, &m->rows, e));
    m->first = arena_calloc(arena, m->rows.count, sizeof(*m->first));
    m->next = arena_calloc(arena, m->rows.count, sizeof(*m->next));
    if (!m->first || !m->next)
        return promql_no_memory(e);
    for (uint32_t r = 0; r < m->rows.count; r++) {
        uint32_t group;
        bool added;
        TRY(promql_grouping_find(&m->grouping, m->rows.items[r].labels, &group, &added, e));
        m->next[r] = added ? UINT32_MAX : m->first[group];
        m->first[group] = r;
    }
    return ST_OK;
}

static void check_quantiles(struct members *m, const double *q)
{
    const struct promql_span *at = &m->node->aggregate.param->span;
    double least = 0, most = 1;
    for (uint32_t i = 0; i < m->run->grid.count; i++) {
        if (isnan(q[i]))
            promql_note_quantile(m->run->notes, at, q[i]);
        least = fmin(least, q[i]);
        most = fmax(most, q[i]);
    }
    promql_note_quantile(m->run->notes, at, most);
    promql_note_quantile(m->run->notes, at, least);
}

static uint32_t gather(struct members *m, uint32_t group, uint32_t step, double *values,
                       bool *drop_name)
{
    uint32_t count = 0;
    for (uint32_t r = m->first[group]; r != UINT32_MAX; r = m->next[r]) {
        const struct promql_row *row = &m->rows.items[r];
        *drop_name |= row->drop_name;
        if (promql_row_histogram(row, step))
            promql_note_ignored(m->run, m->node, &m->node->aggregate.expr->span);
        else if (!value_is_absent(row->values[step]))
            values[count++] = row->values[step];
    }
    return count;
}

enum status promql_quantile_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e)
{
    struct members m = {.run = run, .node = node};
    double *q;
    TRY(promql_run_scalar(run, node->aggregate.param, &q, e));
    TRY(members_open(&m, e));
    check_quantiles(&m, q);
    double *values = arena_calloc(run->arena, m.rows.count, sizeof(*values));
    double *result = promql_values_new(run->arena, run->grid.count);
    if (!values || !result)
        return promql_no_memory(e);
    for (uint32_t g = 0; g < m.grouping.groups.count; g++) {
        struct promql_row row = {promql_table_get(&m.grouping.groups, g), result, NULL, false};
        TRY(query_budget_check(run->budget, e));
        for (uint32_t i = 0; i < run->grid.count; i++) {
            uint32_t count = gather(&m, g, i, values, &row.drop_name);
            TRY(query_budget_work(run->budget, count, e));
            result[i] = count ? promql_quantile(q[i], values, count) : value_absent();
        }
        if (promql_row_points(&row, run->grid.count))
            TRY(out->put(out->self, &row, e));
    }
    promql_run_drop(run, &m.rows);
    return ST_OK;
}

/* Results of count_values: one row for each group and value. */
struct tally {
    struct promql_run *run;
    struct promql_grouping grouping;
    struct str label;
    struct promql_rows rows; /* numbered as the groups */
};

static enum status tally_row(struct tally *t, const struct promql_row *row,
                             struct promql_point point, uint32_t *number, struct err *e)
{
    struct buf text = {0};
    bool added;
    if (point.histogram)
        native_histogram_append_text(&text, point.histogram);
    else
        number_append_plain(&text, point.value);
    struct str value = arena_dup_str(t->run->arena, buf_str(&text));
    bool failed = text.failed || !value.ptr;
    buf_deinit(&text);
    if (failed)
        return promql_no_memory(e);
    struct label_set labels = promql_labels_with(t->run->arena, row->labels, t->label, value);
    if (!labels.items)
        return promql_no_memory(e);
    TRY(promql_grouping_find(&t->grouping, labels, number, &added, e));
    if (!added)
        return ST_OK;
    struct promql_row result = {promql_table_get(&t->grouping.groups, *number),
                                promql_values_new(t->run->arena, t->run->grid.count), NULL, false};
    return result.values ? promql_run_push(t->run, &t->rows, &result, e) : promql_no_memory(e);
}

/* A value often stays from step to step: its row is looked up when it changes. */
static enum status tally_put(void *self, const struct promql_row *row, struct err *e)
{
    struct tally *t = self;
    struct promql_point last = {value_absent(), NULL};
    uint32_t number = 0;
    for (uint32_t i = 0; i < t->run->grid.count; i++) {
        struct promql_point p = promql_row_point(row, i);
        if (promql_point_is_absent(p))
            continue;
        if (p.histogram || memcmp(&p.value, &last.value, sizeof(double)) != 0)
            TRY(tally_row(t, row, p, &number, e));
        last = p;
        double *count = &t->rows.items[number].values[i];
        *count = value_is_absent(*count) ? 1 : *count + 1;
    }
    return ST_OK;
}

static enum status error_label(const struct promql_node *param, struct err *e)
{
    struct buf text = {0};
    promql_print(param, &text);
    err_set(e, ST_QUERY, "invalid label name %.*s", (int)MIN(text.len, (size_t)200), text.ptr);
    buf_deinit(&text);
    return ST_QUERY;
}

enum status promql_count_values_rows(struct promql_run *run, const struct promql_node *node,
                                     const struct promql_sink *out, struct err *e)
{
    struct tally t = {.run = run, .label = promql_run_text(node->aggregate.param)};
    if (t.label.len == 0 || !str_is_utf8(t.label))
        return error_label(node->aggregate.param, e);
    TRY(promql_grouping_init(&t.grouping, run, node, e));
    if (!node->aggregate.without) {
        t.grouping.names = promql_names_sorted(run->arena, node->aggregate.labels,
                                               node->aggregate.label_count, t.label);
        if (!t.grouping.names.items)
            return promql_no_memory(e);
    }
    TRY(promql_run_rows(run, node->aggregate.expr, &(struct promql_sink){tally_put, &t, run->arena},
                        e));
    for (uint32_t i = 0; i < t.rows.count; i++)
        TRY(out->put(out->self, &t.rows.items[i], e));
    promql_run_drop(run, &t.rows);
    return ST_OK;
}
