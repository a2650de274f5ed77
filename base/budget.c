/* budget.c - one atomic number and its limit. */
#include "base/budget.h"

bool budget_take(struct budget *b, uint64_t bytes, unsigned percent)
{
    uint64_t limit = b->limit / 100 * percent + b->limit % 100 * percent / 100;
    uint64_t used = atomic_load_explicit(&b->used, memory_order_relaxed);
    do {
        if (bytes > limit || used > limit - bytes)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&b->used, &used, used + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void budget_force(struct budget *b, uint64_t bytes)
{
    atomic_fetch_add_explicit(&b->used, bytes, memory_order_relaxed);
}

void budget_give(struct budget *b, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);
}

uint64_t budget_used(struct budget *b)
{
    return atomic_load_explicit(&b->used, memory_order_relaxed);
}

enum status budget_is_used_up(struct err *e)
{
    return err_set(e, ST_BUSY, "the memory budget is used up; send it again later");
}
