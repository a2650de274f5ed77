/* promql_pick.h - which sample of a series an instant selector sees at each step. Private to
 * query/. */
#ifndef WEFT_QUERY_PROMQL_PICK_H
#define WEFT_QUERY_PROMQL_PICK_H

#include "query/promql_run.h"

enum { PROMQL_NO_SAMPLE = UINT32_MAX };

/* Walks the series of one selector. */
struct promql_picker {
    struct promql_run *run;
    const struct promql_selector *selector;
    struct series_list list;
    struct arena *arena;     /* borrowed: of histograms that are made series by series */
    uint32_t at;             /* next in the list */
    struct series_data made; /* the series at hand when they were */
    uint32_t *picks;         /* a slot a step: index of the sample, or PROMQL_NO_SAMPLE */
    const int64_t *times_ms; /* those for which the picks hold */
    uint32_t sample_count;
};

/* Selects the series; the budget holds their samples until promql_picker_close(). Histograms of the
 * series at hand may be made in `arena`. */
enum status promql_picker_open(struct promql_run *run, const struct promql_selector *selector,
                               struct arena *arena, struct promql_picker *out, struct err *e);
/* The next series, with its picks; NULL at the end and on error: ST_NO_MEMORY, ST_TIMEOUT in
 * *status. Valid until the next call. */
const struct series_data *promql_picker_next(struct promql_picker *p, enum status *status,
                                             struct err *e);
void promql_picker_close(struct promql_picker *p);

/* Whether sample i only says that the series ended. */
bool promql_sample_is_stale(const struct series_data *s, uint32_t i);

/* Rows of `selector smoothed`: values interpolated between the samples around each step. */
enum status promql_smoothed_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e);

#endif
