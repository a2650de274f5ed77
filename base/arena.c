/* arena.c - a list of chunks, each twice the one before it, bumped from the newest. */
#include "base/arena.h"
#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

enum { ARENA_ALIGN = 16, FIRST_CHUNK = 4 * KIB, LARGEST_CHUNK = 1 * MIB };

struct arena_chunk {
    struct arena_chunk *older;
    size_t cap, used; /* of bytes[]; used is a multiple of ARENA_ALIGN */
    _Alignas(ARENA_ALIGN) char bytes[];
};

/* What the budget is asked for when so much is held. */
static size_t payable(const struct arena *a, size_t bytes)
{
    return bytes - MIN(bytes, a->unpaid_bytes);
}

static bool take_budget(struct arena *a, size_t bytes)
{
    size_t more = payable(a, a->counted_bytes + bytes) - payable(a, a->counted_bytes);
    if (a->budget && more > 0 && !budget_take(a->budget, more, a->budget_percent)) {
        a->is_refused = true;
        return false;
    }
    a->counted_bytes += bytes;
    a->most_bytes = MAX(a->most_bytes, a->counted_bytes);
    return true;
}

static void give_budget(struct arena *a, size_t bytes)
{
    size_t before = payable(a, a->counted_bytes);
    a->counted_bytes -= bytes;
    if (a->budget)
        budget_give(a->budget, before - payable(a, a->counted_bytes));
}

void arena_enter_budget(struct arena *a, struct budget *budget, unsigned percent)
{
    a->budget = budget;
    a->budget_percent = percent;
    budget_force(budget, payable(a, a->counted_bytes));
}

size_t arena_leave_budget(struct arena *a)
{
    a->budget = NULL;
    a->cancelled = NULL;
    return payable(a, a->counted_bytes);
}

static bool is_cancelled(const struct arena *a)
{
    return a->cancelled && atomic_load_explicit(a->cancelled, memory_order_relaxed);
}

static struct arena_chunk *chunk_new(struct arena *a, size_t need)
{
    size_t cap = a->head ? a->head->cap * 2 : FIRST_CHUNK - sizeof(struct arena_chunk);
    cap = MAX(MIN(cap, (size_t)LARGEST_CHUNK), need);
    size_t bytes;
    if (size_add_overflow(cap, sizeof(struct arena_chunk), &bytes))
        return NULL;
    if (is_cancelled(a) || !take_budget(a, bytes))
        return NULL;
    struct arena_chunk *chunk = a->spare && a->spare->cap == cap ? a->spare : mem_alloc(bytes);
    if (chunk == a->spare)
        a->spare = NULL;
    if (!chunk) {
        give_budget(a, bytes);
        return NULL;
    }
    chunk->cap = cap;
    chunk->used = 0;
    ASAN_POISON_MEMORY_REGION(chunk->bytes, cap);
    return chunk;
}

static void chunk_free(struct arena *a, struct arena_chunk *chunk)
{
    give_budget(a, sizeof(*chunk) + chunk->cap);
    ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, chunk->cap);
    mem_free(chunk);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    size_t need;
    if (size_add_overflow(MAX(bytes, (size_t)1), ARENA_ALIGN - 1, &need))
        return NULL;
    need &= ~(size_t)(ARENA_ALIGN - 1);
    if (a->limit_bytes && (need > a->limit_bytes || a->used_bytes > a->limit_bytes - need))
        return NULL;
    struct arena_chunk *chunk = a->head;
    if (!chunk || chunk->cap - chunk->used < need) {
        chunk = chunk_new(a, need);
        if (!chunk)
            return NULL;
        chunk->older = a->head;
        a->head = chunk;
    }
    void *at = chunk->bytes + chunk->used;
    chunk->used += need;
    a->used_bytes += need;
    ASAN_UNPOISON_MEMORY_REGION(at, bytes);
    return at;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (size_mul_overflow(count, size, &bytes))
        return NULL;
    void *at = arena_alloc(a, bytes);
    return at ? memset(at, 0, bytes) : NULL;
}

struct str arena_dup_str(struct arena *a, struct str s)
{
    if (s.len == 0)
        return STR("");
    char *copy = arena_alloc(a, s.len);
    return copy ? (struct str){memcpy(copy, s.ptr, s.len), s.len} : (struct str){NULL, 0};
}

static void chunks_free(struct arena *a, struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *older = chunk->older;
        chunk_free(a, chunk);
        chunk = older;
    }
}

bool arena_hold(struct arena *a, size_t more)
{
    bool taken = take_budget(a, more);
    a->held_bytes += taken ? more : 0;
    return taken;
}

void arena_let_go(struct arena *a, size_t bytes)
{
    give_budget(a, bytes);
    a->held_bytes -= bytes;
}

static void forget_uses(struct arena *a)
{
    give_budget(a, a->held_bytes);
    a->held_bytes = 0;
    a->used_bytes = a->most_bytes = 0;
    a->is_refused = false;
}

/* Without it a heap whose last chunk goes gives its pages back to the kernel, and the next query
 * takes them again one fault at a time: half as much CPU again for one of 20 MiB. */
static void set_aside(struct arena *a)
{
    struct arena_chunk *chunk = a->head;
    a->head = NULL;
    if (a->spare || chunk->cap > LARGEST_CHUNK) {
        chunk_free(a, chunk);
        return;
    }
    give_budget(a, sizeof(*chunk) + chunk->cap);
    chunk->used = 0;
    ASAN_POISON_MEMORY_REGION(chunk->bytes, chunk->cap);
    a->spare = chunk;
}

/* What is kept must leave most of the unpaid bytes to the next use. */
static bool may_keep(const struct arena *a)
{
    return !a->unpaid_bytes || a->head->cap <= a->unpaid_bytes / 8;
}

void arena_reset(struct arena *a)
{
    forget_uses(a);
    if (!a->head)
        return;
    chunks_free(a, a->head->older);
    a->head->older = NULL;
    if (!may_keep(a)) {
        set_aside(a);
        return;
    }
    a->head->used = 0;
    ASAN_POISON_MEMORY_REGION(a->head->bytes, a->head->cap);
}

void arena_deinit(struct arena *a)
{
    chunks_free(a, a->head);
    a->head = NULL;
    if (a->spare) {
        ASAN_UNPOISON_MEMORY_REGION(a->spare->bytes, a->spare->cap);
        mem_free(a->spare);
        a->spare = NULL;
    }
    forget_uses(a);
}

size_t arena_held_bytes(const struct arena *a)
{
    size_t bytes = 0;
    for (const struct arena_chunk *chunk = a->head; chunk; chunk = chunk->older)
        bytes += sizeof(*chunk) + chunk->cap;
    return bytes;
}
