/* body.h - the bytes of one request while they arrive: memory follows what came, never what was
 * promised. */
#ifndef WEFT_NET_BODY_H
#define WEFT_NET_BODY_H

#include "base/budget.h"
#include "base/err.h"
#include "base/str.h"

/* All-zero is a valid empty body. One thread at a time. */
struct body {
    char *ptr; /* owned */
    size_t len, cap;
    size_t promised;       /* length the peer announced; 0 = not known */
    struct budget *budget; /* borrowed; may be NULL */
    size_t taken;          /* of the budget */
};

/* ST_TOO_BIG: more than max_bytes in all; ST_BUSY: the budget is used up; ST_NO_MEMORY. */
enum status body_append(struct body *b, struct str bytes, size_t max_bytes, struct err *e);
/* Moves the bytes out (mem_alloc'ed, the caller owns them; NULL when empty); the budget is given
 * back. */
struct str body_take(struct body *b);
void body_deinit(struct body *b);

#endif
