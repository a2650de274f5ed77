/* batch.c - the birth and the end of one accepted request. */
#include "model/batch.h"

#include "base/mem.h"

struct batch *batch_new(void)
{
    return mem_calloc(1, sizeof(struct batch));
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    if (b->plain.ptr != b->body.ptr)
        mem_free((void *)(uintptr_t)b->plain.ptr);
    mem_free((void *)(uintptr_t)b->body.ptr);
    arena_deinit(&b->arena);
    mem_free(b);
}
