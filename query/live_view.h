/* live_view.h - how fresh a picture an answer needs: at most 250 ms old, and never older than what
 * status called settled. */
#ifndef WEFT_QUERY_LIVE_VIEW_H
#define WEFT_QUERY_LIVE_VIEW_H

#include "model/account.h"
#include "storage/edge_store.h"
#include <stdatomic.h>

struct live_view {
    struct store *store;              /* borrowed */
    _Atomic uint64_t settled_mono_ns; /* answers must show everything up to here */
    _Atomic uint64_t settled_items;   /* what was received by then */
};

/* When nothing is pending in `totals`: whoever is told so finds everything in any later answer. Any
 * thread. */
void live_view_settle(struct live_view *live, const struct account_totals *totals);
/* Pool thread; as edge_store_view(). The caller ends *out with edge_view_unref. */
enum status live_view_get(struct live_view *live, const struct edge_view **out, struct err *e);
/* The same, as edge_store_view_closed(). */
enum status live_view_get_closed(struct live_view *live, const struct edge_view **out,
                                 struct err *e);

#endif
