/* edge_spans.h - exact sums over many ranges at once, which may overlap. */
#ifndef WEFT_STORAGE_EDGE_SPANS_H
#define WEFT_STORAGE_EDGE_SPANS_H

#include "storage/edge_store.h"

/* [from_s, to_s), multiples of 15 s. */
struct edge_span {
    uint64_t from_s, to_s;
};

/* As edge_query_run() with a step, which is not looked at: q->point (needed) is told the number of
 * the span instead of a time, spans in their order, each with all its groups; the cell's names are
 * *out's. [start_s, end_s) of the query must hold all spans. Ascending spans are read fastest. Any
 * thread. ST_NO_MEMORY, and what q->point returns. The caller ends *out with edge_result_deinit. */
enum status edge_spans_run(const struct edge_view *v, const struct edge_query *q,
                           const struct edge_span *spans, uint32_t count, struct edge_result *out,
                           struct err *e);

#endif
