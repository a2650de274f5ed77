/* trace_index.h - finds spans of a big trace by id, where a list would be walked for each new one.
 * Part of the open table; the collector's thread. Without memory a trace stays a list: slower, not
 * wrong. */
#ifndef WEFT_COLLECTOR_TRACE_INDEX_H
#define WEFT_COLLECTOR_TRACE_INDEX_H

#include "collector/open_table.h"

/* Values are span names, with bit 32 set for remembered ones. */
struct trace_index {
    struct map64 ids;      /* by id and called: every span */
    struct map64 children; /* by parent id: the child that closed last */
};

/* An index of all spans that the trace holds now, unless it has one: tr->index says so. */
void trace_index_make(struct open_table *t, struct trace *tr);
void trace_index_drop(struct open_table *t, struct trace *tr);
void trace_index_drop_all(struct open_table *t);

/* --- of traces that have one --- */

/* Adds an open or a remembered span of the trace by its name. */
void trace_index_open(struct open_table *t, const struct trace *tr, uint32_t span);
void trace_index_closed(struct open_table *t, const struct trace *tr, uint32_t span);
/* Takes out a remembered span, which is still in its slab. */
void trace_index_forget(struct open_table *t, const struct trace *tr, uint32_t span);
/* As trace_each_named(), but of the children of `id` only the one that closed last: one is enough
 * to know that a request is over. */
bool trace_index_each(struct open_table *t, const struct trace *tr, uint64_t id, bool parent,
                      trace_span_fn *fn, void *user);

#endif
