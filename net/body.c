/* body.c - grows a request body: reserved from the announced length up to a bound, then by what
 * really arrives. */
#include "net/body.h"
#include "base/mem.h"

enum {
    FIRST_BYTES = 2 * KIB,
    TRUSTED_BYTES = MIB, /* of an announced length; pages that never fill are never resident */
    BUDGET_STEP = 64 * KIB,
    BUDGET_PERCENT = 95, /* of the shared budget: the rest is for what was accepted already */
};

static bool take_budget(struct body *b, size_t need)
{
    if (b->budget == NULL || need <= b->taken)
        return true;
    size_t step = MAX(need - b->taken, (size_t)BUDGET_STEP);
    if (!budget_take(b->budget, step, BUDGET_PERCENT))
        return false;
    b->taken += step;
    return true;
}

static bool grow(struct body *b, size_t need)
{
    if (need <= b->cap)
        return true;
    size_t cap = MAX(b->cap * 2, (size_t)FIRST_BYTES);
    if (b->promised > b->len)
        cap = MAX(MIN(b->promised, (size_t)TRUSTED_BYTES), MIN(b->promised, cap));
    cap = MAX(cap, need);
    char *ptr = mem_realloc(b->ptr, cap);
    if (ptr == NULL)
        return false;
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

enum status body_append(struct body *b, struct str bytes, size_t max_bytes, struct err *e)
{
    if (bytes.len > max_bytes - MIN(b->len, max_bytes))
        return err_set(e, ST_TOO_BIG, "the request is larger than %zu bytes", max_bytes);
    if (!take_budget(b, b->len + bytes.len))
        return budget_is_used_up(e);
    if (!grow(b, b->len + bytes.len))
        return err_set(e, ST_NO_MEMORY, "no memory for the request");
    if (bytes.len)
        memcpy(b->ptr + b->len, bytes.ptr, bytes.len);
    b->len += bytes.len;
    return ST_OK;
}

struct str body_take(struct body *b)
{
    struct str all = {b->ptr, b->len};
    b->ptr = NULL;
    body_deinit(b);
    return all;
}

void body_deinit(struct body *b)
{
    mem_free(b->ptr);
    if (b->taken)
        budget_give(b->budget, b->taken);
    *b = (struct body){.budget = b->budget};
}
