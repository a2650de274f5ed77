/* derived_times.h - at which multiples of 15 s a selection looks. Private to query/derived_*. */
#ifndef WEFT_QUERY_DERIVED_TIMES_H
#define WEFT_QUERY_DERIVED_TIMES_H

#include "storage/series_view.h"

enum { DERIVED_STEP_MS = 15000 };

/* Where a window looks when no sample is left out and a series has a sample at every step; where it
 * has none, a first time stands for the sample behind it, a last one for the sample before it. */
struct derived_times {
    int64_t start_ms, end_ms; /* inclusive */
    struct series_windows windows;
};

struct derived_time {
    int64_t at_ms;
    bool is_first, is_last; /* of some window */
};

/* Of one selection; plain data. */
struct derived_times derived_times_of(const struct series_request *request);
/* The first time behind after_ms; false: there is none. */
bool derived_times_next(const struct derived_times *t, int64_t after_ms, struct derived_time *out);
/* Every step is looked at. */
bool derived_times_are_dense(const struct derived_times *t);

#endif
