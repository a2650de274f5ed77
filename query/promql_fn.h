/* promql_fn.h - PromQL's functions, as the dispatcher calls them. Each takes the rows of the call
 * `node` and gives them to `out`; errors are those of promql_eval(). Private to query/. */
#ifndef WEFT_QUERY_PROMQL_FN_H
#define WEFT_QUERY_PROMQL_FN_H

#include "query/promql_window.h"

/* Rows of one call. */
typedef enum status (*promql_fn_rows)(struct promql_run *run, const struct promql_node *node,
                                      const struct promql_sink *out, struct err *e);

/* A function of floats alone, by its id; NULL: it is none. */
double (*promql_fn_math(enum promql_function_id id))(double v);

/* abs, ceil, exp, sin, ..., clamp, clamp_min, clamp_max, round. */
enum status promql_fn_math_rows(struct promql_run *run, const struct promql_node *node,
                                const struct promql_sink *out, struct err *e);
enum status promql_fn_clamp_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e);
enum status promql_fn_round_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e);
/* minute, hour, day_of_week, ... */
enum status promql_fn_date_rows(struct promql_run *run, const struct promql_node *node,
                                const struct promql_sink *out, struct err *e);
/* vector, timestamp, start_timestamp. */
enum status promql_fn_vector_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e);
enum status promql_fn_timestamp_rows(struct promql_run *run, const struct promql_node *node,
                                     const struct promql_sink *out, struct err *e);
/* absent, absent_over_time. */
enum status promql_fn_absent_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e);
enum status promql_fn_absent_over_time_rows(struct promql_run *run, const struct promql_node *node,
                                            const struct promql_sink *out, struct err *e);
/* label_replace, label_join, sort, sort_desc, sort_by_label, sort_by_label_desc, info. */
enum status promql_fn_label_replace_rows(struct promql_run *run, const struct promql_node *node,
                                         const struct promql_sink *out, struct err *e);
enum status promql_fn_label_join_rows(struct promql_run *run, const struct promql_node *node,
                                      const struct promql_sink *out, struct err *e);
enum status promql_fn_sort_rows(struct promql_run *run, const struct promql_node *node,
                                const struct promql_sink *out, struct err *e);
enum status promql_fn_info_rows(struct promql_run *run, const struct promql_node *node,
                                const struct promql_sink *out, struct err *e);
/* histogram_count, _sum, _avg, _stddev, _stdvar; histogram_quantile, _quantiles, _fraction. */
enum status promql_fn_histogram_rows(struct promql_run *run, const struct promql_node *node,
                                     const struct promql_sink *out, struct err *e);
enum status promql_fn_bucket_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e);
/* Every function of a range vector but absent_over_time. */
enum status promql_fn_window_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e);

/* anchored and smoothed give samples beyond the range, which few functions know to handle: ST_QUERY
 * for the others. */
enum status promql_fn_check_extension(const struct promql_node *node,
                                      const struct promql_ranges *ranges, struct err *e);

/* One call on a range vector, and the series at hand. */
struct promql_fn_call {
    struct promql_run *run;
    const struct promql_node *node;
    const struct promql_span *at; /* of the range vector */
    struct promql_ranges ranges;
    struct arena *arena;     /* of histograms that are made */
    struct str metric;       /* of the series, for notes */
    const double *params[2]; /* scalar arguments, a slot a step; NULL: not given */
    double *scratch;         /* arena; of one window at a time */
    uint32_t scratch_cap;
};

/* What the function says of one window, which holds at least one sample; *out comes absent. */
typedef enum status (*promql_fn_window)(struct promql_fn_call *call, const struct promql_window *w,
                                        uint32_t step, struct promql_point *out, struct err *e);

/* Functions on windows; NULL: the id is of another file's function. */
promql_fn_window promql_fn_over_time(enum promql_function_id id); /* sum_over_time, ... */
promql_fn_window promql_fn_trend(enum promql_function_id id);     /* deriv, predict_linear, ... */
promql_fn_window promql_fn_counter(enum promql_function_id id);   /* rate, irate, resets, ... */

/* rate, increase, delta of a whole series of floats at once: no extension, start timestamps that
 * say nothing. `plan` is kept between series: what depends on times alone is computed once. */
struct promql_rate_plan {
    struct promql_rate_step *steps; /* arena; a slot a step */
    uint32_t generation;            /* of the bounds for which it holds; 0: of none */
};
enum status promql_fn_rate_row(struct promql_fn_call *call, struct promql_rate_plan *plan,
                               double *out, struct err *e);

/* rate, increase, delta of one window. */
enum status promql_fn_rate(struct promql_fn_call *call, const struct promql_window *w,
                           uint32_t step, struct promql_point *out, struct err *e);
/* Growth over a window of histograms without extrapolation, resets added up; with `from_zero` the
 * first one counts in full. *out NULL: there is none, and a note says why. ST_NO_MEMORY. */
enum status promql_fn_rate_histograms(struct promql_fn_call *call, const struct promql_window *w,
                                      bool from_zero, struct native_histogram **out, struct err *e);
/* The same three functions for anchored and smoothed selectors: from border to border of the range.
 */
enum status promql_fn_extended_floats(struct promql_fn_call *call, const struct promql_window *w,
                                      double *out);
enum status promql_fn_extended_histograms(struct promql_fn_call *call,
                                          const struct promql_window *w, struct promql_point *out,
                                          struct err *e);
/* What an anchored or smoothed range of floats, at least one, is without a function: the values at
 * both borders and the samples between. Room for two more than the window has; how many are made.
 */
uint32_t promql_extended_samples(enum promql_extension extension, const struct promql_window *w,
                                 int64_t *times_ms, double *values);
/* The index of the first sample that an anchored range of `count` times keeps: the last one at or
 * before after_ms, else 0. */
uint32_t promql_anchor(const int64_t *times_ms, uint32_t count, int64_t after_ms);
/* Does the sample that began at start_ms say that its counter began anew behind its predecessor? */
bool promql_is_start_reset(int64_t before_start_ms, int64_t before_ms, int64_t start_ms,
                           int64_t time_ms);

#endif
