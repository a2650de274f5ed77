/* alloc_walk.h - runs a scenario again and again, failing its first, second, third ... allocation.
 *
 *     for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);)
 *         the scenario, which must end well or with an error value, and leak nothing
 *     cr_expect(walk.failures > 3);
 */
#ifndef WEFT_TESTS_SUPPORT_ALLOC_WALK_H
#define WEFT_TESTS_SUPPORT_ALLOC_WALK_H

#include "base/mem.h"

struct alloc_walk {
    long next;     /* the allocation that fails in the coming run, counted from 0 */
    long failures; /* runs in which an allocation did fail */
};

/* True: run the scenario (once more). False: its last run met no failure, so every allocation was
 * tried; allocations work again. Calling thread only. */
static inline bool alloc_walk_next(struct alloc_walk *walk)
{
    bool failed = mem_did_fail();
    if (walk->next > 0 && !failed) {
        mem_fail_after(-1);
        return false;
    }
    walk->failures = walk->next;
    mem_fail_after(walk->next++);
    return true;
}

#endif
