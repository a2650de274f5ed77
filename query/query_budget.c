/* query_budget.c - counts the samples a query holds, and looks at the clock for it. */
#include "query/query_budget.h"
#include "base/clock.h"

enum status query_budget_take(struct query_budget *b, uint64_t count, struct err *e)
{
    b->samples_used += count;
    b->samples_peak = MAX(b->samples_peak, b->samples_used);
    if (b->samples_max && b->samples_used > b->samples_max)
        return err_set(e, ST_QUERY,
                       "query processing would load too many samples into memory in query "
                       "execution");
    return ST_OK;
}

void query_budget_give(struct query_budget *b, uint64_t count)
{
    b->samples_used -= MIN(count, b->samples_used);
}

enum status query_budget_hold(struct query_budget *b, size_t more, struct err *e)
{
    size_t most = b->payer ? 2 * b->payer->limit_bytes : 0;
    if (most && more > most - MIN(most, b->held_bytes))
        return err_set(
            e, ST_QUERY,
            "the answer needs more than %zu MiB: ask for a longer step, a shorter range or "
            "fewer services",
            most / MIB);
    if (b->payer && !arena_hold(b->payer, more))
        return err_set(e, ST_NO_MEMORY, "the memory budget is used up");
    b->held_bytes += b->payer ? more : 0;
    return ST_OK;
}

void query_budget_let_go(struct query_budget *b, size_t bytes)
{
    if (!b->payer)
        return;
    arena_let_go(b->payer, bytes);
    b->held_bytes -= bytes;
}

enum { PARTS_PER_CHECK = 100000 };

enum status query_budget_check(struct query_budget *b, struct err *e)
{
    b->unchecked = 0;
    if (b->ending && atomic_load_explicit(b->ending, memory_order_relaxed))
        return err_set(e, ST_IO, "weft is shutting down: ask again later");
    if (b->deadline_mono_ns && clock_mono_ns() > b->deadline_mono_ns)
        return err_set(e, ST_TIMEOUT, "%s",
                       b->late ? b->late : "query timed out in expression evaluation");
    return ST_OK;
}

enum status query_budget_work(struct query_budget *b, uint64_t parts, struct err *e)
{
    b->unchecked += parts;
    return b->unchecked < PARTS_PER_CHECK ? ST_OK : query_budget_check(b, e);
}
