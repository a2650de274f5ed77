/* budget.h - one shared budget of bytes for everything that is in flight and open. */
#ifndef WEFT_BASE_BUDGET_H
#define WEFT_BASE_BUDGET_H

#include "base/err.h"
#include <stdatomic.h>

struct budget {
    _Atomic uint64_t used;
    uint64_t limit; /* bytes; set before threads start */
};

/* Takes bytes when at most `percent` of the limit is in use afterwards; false takes nothing. Any
 * thread. */
bool budget_take(struct budget *b, uint64_t bytes, unsigned percent);
/* Takes without asking (what must be kept is accounted even over the limit). */
void budget_force(struct budget *b, uint64_t bytes);
void budget_give(struct budget *b, uint64_t bytes);
uint64_t budget_used(struct budget *b);
/* Tells a sender so: ST_BUSY. */
enum status budget_is_used_up(struct err *e);

#endif
