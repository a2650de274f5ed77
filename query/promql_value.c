/* promql_value.c - rows: made, counted, sorted, merged. */
#include "query/promql_value.h"
#include "query/promql_labels.h"

#include <stdlib.h>

double *promql_values_new(struct arena *arena, uint32_t steps)
{
    double *values = arena_calloc(arena, steps, sizeof(*values));
    if (values)
        promql_values_clear(values, steps);
    return values;
}

void promql_values_clear(double *values, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        values[i] = value_absent();
}

uint32_t promql_row_points(const struct promql_row *r, uint32_t steps)
{
    uint32_t points = 0;
    for (uint32_t i = 0; i < steps; i++)
        points += !value_is_absent(r->values[i]);
    for (uint32_t i = 0; r->histograms && i < steps; i++)
        points += r->histograms[i] != NULL;
    return points;
}

uint32_t promql_histogram_weight(const struct native_histogram *h)
{
    return h ? h->positive.count + h->negative.count : 0;
}

bool promql_rows_push(struct promql_rows *rows, struct arena *arena, const struct promql_row *row)
{
    if (rows->count == rows->cap) {
        uint32_t cap = rows->cap ? rows->cap * 2 : 16;
        struct promql_row *items = arena_calloc(arena, cap, sizeof(*items));
        if (!items)
            return false;
        if (rows->count)
            memcpy(items, rows->items, rows->count * sizeof(*items));
        rows->items = items;
        rows->cap = cap;
    }
    rows->items[rows->count++] = *row;
    return true;
}

static int row_order(const void *a, const void *b)
{
    const struct promql_row *x = a, *y = b;
    return label_set_cmp(x->labels, y->labels);
}

void promql_rows_sort(struct promql_rows *rows)
{
    if (rows->count)
        qsort(rows->items, rows->count, sizeof(*rows->items), row_order);
}

static enum status row_merge(struct promql_row *into, const struct promql_row *from,
                             struct arena *arena, uint32_t steps, struct err *e)
{
    if (from->histograms && !into->histograms) {
        into->histograms = arena_calloc(arena, steps, sizeof(struct native_histogram *));
        if (!into->histograms)
            return err_set(e, ST_NO_MEMORY, "no memory to merge series");
    }
    for (uint32_t i = 0; i < steps; i++) {
        if (!promql_row_has(from, i))
            continue;
        if (promql_row_has(into, i))
            return err_set(e, ST_QUERY, "vector cannot contain metrics with the same labelset");
        memcpy(&into->values[i], &from->values[i], sizeof(double));
        if (from->histograms)
            into->histograms[i] = from->histograms[i];
    }
    return ST_OK;
}

enum status promql_rows_merge(struct promql_rows *rows, struct arena *arena, uint32_t steps,
                              struct err *e)
{
    struct promql_table seen = {.arena = arena};
    for (uint32_t i = 0; i < rows->count; i++) {
        bool added;
        uint32_t at = promql_table_put(&seen, rows->items[i].labels, &added);
        if (at == PROMQL_TABLE_NONE)
            return err_set(e, ST_NO_MEMORY, "no memory to merge series");
        if (added)
            rows->items[at] = rows->items[i];
        else
            TRY(row_merge(&rows->items[at], &rows->items[i], arena, steps, e));
    }
    rows->count = seen.count;
    return ST_OK;
}
