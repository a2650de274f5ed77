/* promql_window.h - range vectors: the samples of each series that each step's window holds.
 * Private to query/. */
#ifndef WEFT_QUERY_PROMQL_WINDOW_H
#define WEFT_QUERY_PROMQL_WINDOW_H

#include "query/promql_run.h"

/* Floats and histograms of one series, each in order of time, without stale markers. */
struct promql_floats {
    const int64_t *times_ms;
    const double *values;
    const int64_t *starts_ms; /* NULL: none is told */
    const uint32_t *ordinals; /* NULL: none is left out; else the place of each among all */
    uint32_t count;
};
struct promql_histograms {
    const int64_t *times_ms;
    const struct native_histogram *const *items;
    const int64_t *starts_ms; /* NULL: none is told */
    const uint32_t *ordinals; /* as of floats */
    uint32_t count;
};

/* How many there are from the first to the last, those left out included. */
static inline uint32_t promql_floats_total(const struct promql_floats *f)
{
    return f->ordinals && f->count ? f->ordinals[f->count - 1] - f->ordinals[0] + 1 : f->count;
}

static inline uint32_t promql_histograms_total(const struct promql_histograms *h)
{
    return h->ordinals && h->count ? h->ordinals[h->count - 1] - h->ordinals[0] + 1 : h->count;
}

/* What one step sees of one series. */
struct promql_window {
    struct promql_floats floats;
    struct promql_histograms histograms;
    int64_t at_ms;            /* of the step */
    int64_t after_ms, end_ms; /* the range is (after, end]; samples beyond it are there only for
                                 anchored and smoothed */
};

/* Index bounds [low, high) of every step's window in one array of times. */
struct promql_bounds {
    uint32_t *low, *high;    /* a slot a step */
    const int64_t *times_ms; /* those for which they hold; NULL: for none */
    uint32_t count;
    uint32_t generation; /* counts up whenever they are found anew */
};

struct promql_scratch {
    int64_t *times_ms, *starts_ms, *histogram_times_ms, *histogram_starts_ms;
    uint32_t *ordinals, *histogram_ordinals;
    double *values;
    const struct native_histogram **histograms;
    uint32_t cap;
};

/* A range selector or a subquery, series by series. */
struct promql_ranges {
    struct promql_run *run;
    const struct promql_node *node; /* PROMQL_RANGE or PROMQL_SUBQUERY, no parentheses */
    const struct promql_when *when; /* its modifiers */
    struct arena *arena;            /* borrowed: of histograms that are made series by series */
    int64_t range_ms;
    enum promql_extension extension;
    struct series_list list;
    struct promql_rows rows; /* of a subquery: they hold the samples of `list` */
    uint32_t at;             /* next in the list */
    struct promql_scratch scratch;
    struct promql_bounds float_bounds, histogram_bounds;
    /* The series at hand: */
    struct label_set labels;
    bool drop_name;
    bool is_rising; /* only floats, none below its predecessor, none NaN; false: not known */
    struct promql_floats floats;
    struct promql_histograms histograms;
};

/* Selects series or runs the subquery; the budget holds their samples until promql_ranges_close().
 * `need`: what is looked at in a window; sources may leave out the rest. Histograms of the series
 * at hand may be made in `arena`. ST_QUERY, ST_TIMEOUT, ST_NO_MEMORY. */
enum status promql_ranges_open(struct promql_run *run, const struct promql_node *arg,
                               enum series_need need, struct arena *arena,
                               struct promql_ranges *out, struct err *e);
/* Makes the next series the one at hand. False at the end. ST_NO_MEMORY, ST_TIMEOUT in *status. */
bool promql_ranges_next(struct promql_ranges *r, enum status *status, struct err *e);
void promql_ranges_close(struct promql_ranges *r);
/* The window of the series at hand at a step. */
struct promql_window promql_ranges_window(const struct promql_ranges *r, uint32_t step);

/* The answer of an instant query for a range vector. */
enum status promql_matrix_result(struct promql_run *run, const struct promql_node *root,
                                 struct promql_result *out, struct err *e);

#endif
