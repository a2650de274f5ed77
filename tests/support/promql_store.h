/* promql_store.h - series in memory, loaded from the notation of Prometheus' test scripts, as a
 * source for query/promql_eval.h. */
#ifndef WEFT_TESTS_SUPPORT_PROMQL_STORE_H
#define WEFT_TESTS_SUPPORT_PROMQL_STORE_H

#include "query/series_source.h"

enum { STORE_SERIES_MAX = 4000 };

/* All-zero is an empty store. A failure to allocate ends the test. */
struct promql_store {
    struct arena arena;
    struct series_data series[STORE_SERIES_MAX];
    uint32_t count;
};

void promql_store_deinit(struct promql_store *s);
/* The lines behind "load STEP" or "load_with_nhcb STEP". False: one is not understood. */
bool promql_store_load(struct promql_store *s, int64_t step_ms, bool with_nhcb,
                       const struct str *lines, size_t count);
/* Borrows the store. */
struct series_source promql_store_source(struct promql_store *s);

#endif
