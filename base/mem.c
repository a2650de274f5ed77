/* mem.c - the C heap behind a hook that can fail one allocation of this thread. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local long fail_countdown = -1;
static _Thread_local bool did_fail;

static bool must_fail(void)
{
    if (LIKELY(fail_countdown < 0))
        return false;
    if (fail_countdown-- > 0)
        return false;
    did_fail = true;
    return true;
}

void mem_fail_after(long after)
{
    fail_countdown = after;
    did_fail = false;
}

bool mem_did_fail(void)
{
    return did_fail;
}

void *mem_alloc(size_t bytes)
{
    return must_fail() ? NULL : malloc(bytes);
}

void *mem_calloc(size_t count, size_t bytes)
{
    size_t total; /* asked here, since ASan's calloc aborts instead of refusing */
    return must_fail() || size_mul_overflow(count, bytes, &total) ? NULL : calloc(count, bytes);
}

void *mem_realloc(void *ptr, size_t bytes)
{
    return must_fail() ? NULL : realloc(ptr, bytes);
}

void *mem_realloc_array(void *ptr, size_t count, size_t bytes)
{
    size_t total;
    if (must_fail() || size_mul_overflow(count, bytes, &total))
        return NULL;
    return realloc(ptr, total);
}

void mem_free(void *ptr)
{
    free(ptr);
}

void *mem_need(size_t bytes)
{
    void *ptr = malloc(bytes);
    if (!ptr) {
        fprintf(stderr, "weft: no memory for %zu bytes while starting\n", bytes);
        abort();
    }
    return ptr;
}
