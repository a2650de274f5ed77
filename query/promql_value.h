/* promql_value.h - what a node of a PromQL expression gives: series of one value a step, all steps
 * at once. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_VALUE_H
#define WEFT_QUERY_PROMQL_VALUE_H

#include "base/arena.h"
#include "base/err.h"
#include "model/label_set.h"
#include "model/native_histogram.h"
#include "model/stale.h"

/* The times at which an expression is evaluated: start_ms + i * step_ms. */
struct promql_grid {
    int64_t start_ms, step_ms;
    uint32_t count; /* at least 1 */
};

static inline int64_t promql_grid_at(const struct promql_grid *g, uint32_t i)
{
    return g->start_ms + (int64_t)i * g->step_ms;
}

static inline int64_t promql_grid_end(const struct promql_grid *g)
{
    return promql_grid_at(g, g->count - 1);
}

/* "No value here" is the stale NaN: a selector never gives it, and no arithmetic makes it. It must
 * be copied as bits. */
static inline double value_absent(void)
{
    return value_stale();
}

static inline bool value_is_absent(double v)
{
    return value_is_stale(v);
}

/* One series over all steps. */
struct promql_row {
    struct label_set labels;
    double *values; /* a slot a step; absent where there is nothing or a histogram */
    const struct native_histogram **histograms; /* NULL: only floats; else a slot a step, NULL where
                                                   there is none */
    bool drop_name; /* name, type and unit leave when the whole query is done */
};

static inline const struct native_histogram *promql_row_histogram(const struct promql_row *r,
                                                                  uint32_t step)
{
    return r->histograms ? r->histograms[step] : NULL;
}

static inline bool promql_row_has(const struct promql_row *r, uint32_t step)
{
    return !value_is_absent(r->values[step]) || promql_row_histogram(r, step);
}

/* One value of a row. */
struct promql_point {
    double value; /* absent when there is a histogram, or nothing */
    const struct native_histogram *histogram;
};

static inline struct promql_point promql_row_point(const struct promql_row *r, uint32_t step)
{
    struct promql_point p = {.histogram = promql_row_histogram(r, step)};
    memcpy(&p.value, &r->values[step], sizeof(p.value));
    return p;
}

static inline bool promql_point_is_absent(struct promql_point p)
{
    return !p.histogram && value_is_absent(p.value);
}

/* Rows that were kept. Everything is the arena's. */
struct promql_rows {
    struct promql_row *items;
    uint32_t count, cap;
    uint64_t weight; /* samples taken from the budget for them */
};

/* Where rows go, one by one. What a row points at may be overwritten once the call returns; its
 * labels stay. */
struct promql_sink {
    enum status (*put)(void *self, const struct promql_row *row, struct err *e);
    void *self;
    struct arena *arena; /* histograms of a row are made here; the sink may empty it between rows */
};

/* `steps` absent values, NULL when memory is short. */
double *promql_values_new(struct arena *arena, uint32_t steps) NODISCARD;
void promql_values_clear(double *values, uint32_t steps);
/* Points of a row, floats and histograms. */
uint32_t promql_row_points(const struct promql_row *r, uint32_t steps);
/* Samples as which a histogram counts beyond the one it is; 0 for NULL. */
uint32_t promql_histogram_weight(const struct native_histogram *h);
/* Appends a copy of the struct; false when memory is short. */
bool promql_rows_push(struct promql_rows *rows, struct arena *arena,
                      const struct promql_row *row) NODISCARD;
/* Ascending by labels; equal ones stay in order. */
void promql_rows_sort(struct promql_rows *rows);
/* Makes one row out of rows of equal labels. ST_QUERY when two have a value at one step: "vector
 * cannot contain metrics with the same labelset". ST_NO_MEMORY. */
enum status promql_rows_merge(struct promql_rows *rows, struct arena *arena, uint32_t steps,
                              struct err *e);

#endif
