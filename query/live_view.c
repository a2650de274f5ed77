/* live_view.c - turns "what has been promised" into the age a view may have. */
#include "query/live_view.h"
#include "base/clock.h"

#define MAX_AGE_NS (250 * NS_PER_MS)

void live_view_settle(struct live_view *live, const struct account_totals *totals)
{
    uint64_t received = 0, pending = 0;
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        received += totals->rows[i].received;
        pending += totals->rows[i].pending;
    }
    /* An idle mesh that is polled must not force a new picture each time. The fence is moved before
     * anybody may find that it was. */
    if (pending || atomic_load(&live->settled_items) == received)
        return;
    atomic_store(&live->settled_mono_ns, clock_mono_ns());
    atomic_store(&live->settled_items, received);
}

static uint64_t age_allowed(struct live_view *live)
{
    uint64_t now = clock_mono_ns(), settled = atomic_load(&live->settled_mono_ns);
    uint64_t since = now > settled ? now - settled : 0;
    return MIN(MAX_AGE_NS, since);
}

enum status live_view_get(struct live_view *live, const struct edge_view **out, struct err *e)
{
    return edge_store_view(live->store, age_allowed(live), out, e);
}

enum status live_view_get_closed(struct live_view *live, const struct edge_view **out,
                                 struct err *e)
{
    return edge_store_view_closed(live->store, age_allowed(live), out, e);
}
