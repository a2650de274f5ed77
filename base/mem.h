/* mem.h - the heap, with a hook that lets tests fail the n-th allocation. */
#ifndef WEFT_BASE_MEM_H
#define WEFT_BASE_MEM_H

#include "base/compiler.h"

/* As malloc, calloc, realloc, reallocarray and free; NULL when memory is short or a product
 * overflows. The caller owns the result. Any thread. */
void *mem_alloc(size_t bytes);
void *mem_calloc(size_t count, size_t bytes);
void *mem_realloc(void *ptr, size_t bytes);
void *mem_realloc_array(void *ptr, size_t count, size_t bytes);
void mem_free(void *ptr);

/* For what cannot go on without it while the process starts: aborts with a sentence instead of
 * NULL. */
void *mem_need(size_t bytes);

/* Tests only, calling thread only: allocation number `after` (0 = the next) returns NULL, once. -1
 * switches it off. */
void mem_fail_after(long after);
/* True when a failure was injected since the last mem_fail_after(). */
bool mem_did_fail(void);

#endif
