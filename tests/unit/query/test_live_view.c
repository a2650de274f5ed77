/* test_live_view.c - what status called settled moves the fence, once. */
#include "query/live_view.h"
#include "base/clock.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(live_view, the_fence_moves_when_something_new_is_settled)
{
    static const struct {
        const char *name;
        uint64_t received, pending, now_ns, settled_ns;
    } rows[] = {
        {"something is pending", 10, 1, 100, 0},       {"all of it is settled", 10, 0, 200, 200},
        {"asked again, nothing new", 10, 0, 300, 200}, {"more came", 12, 2, 400, 200},
        {"and is settled", 12, 0, 500, 500},
    };
    struct live_view live = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct account_totals totals = {0};
        totals.rows[SIGNAL_SPANS].received = rows[i].received;
        totals.rows[SIGNAL_SPANS].pending = rows[i].pending;
        clock_set_ns(rows[i].now_ns, rows[i].now_ns);
        live_view_settle(&live, &totals);
        cr_expect(eq(u64, atomic_load(&live.settled_mono_ns), rows[i].settled_ns), "%s",
                  rows[i].name);
    }
    clock_set_ns(0, 0);
}
