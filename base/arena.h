/* arena.h - bump allocator: many small objects, freed together. */
#ifndef WEFT_BASE_ARENA_H
#define WEFT_BASE_ARENA_H

#include "base/budget.h"
#include "base/str.h"

struct arena_chunk;

/* All-zero is a valid empty arena. One thread at a time. */
struct arena {
    struct arena_chunk *head;     /* owned list, newest first */
    struct arena_chunk *spare;    /* owned; a large one set aside, not counted until it is used */
    size_t used_bytes;            /* handed out, padding included */
    size_t limit_bytes;           /* 0 = no limit; over it arena_alloc gives NULL */
    struct budget *budget;        /* borrowed; NULL: none. What the arena holds is taken from it */
    unsigned budget_percent;      /* up to here; over it arena_alloc gives NULL */
    size_t unpaid_bytes;          /* so much is held without asking the budget */
    bool is_refused;              /* the budget had no more; until reset */
    const atomic_bool *cancelled; /* borrowed, may be NULL; once true there are no more chunks */
    size_t held_bytes;            /* elsewhere, by arena_hold() */
    size_t counted_bytes;         /* chunks and held: what exceeds unpaid_bytes is taken */
    size_t most_bytes;            /* of counted_bytes, at once since reset */
};

/* 16-byte aligned, not zeroed; NULL when memory or the limit is short. Lives until reset or deinit.
 */
void *arena_alloc(struct arena *a, size_t bytes) NODISCARD;
/* count*size checked for overflow, zeroed. */
void *arena_calloc(struct arena *a, size_t count, size_t size) NODISCARD;
/* A copy of s that lives as long as the arena; {NULL, 0} with s.len > 0 means no memory. */
struct str arena_dup_str(struct arena *a, struct str s);
/* An empty arena takes from the budget of another, all that it holds. */
static inline void arena_share_budget(struct arena *a, const struct arena *from)
{
    a->budget = from->budget;
    a->budget_percent = from->budget_percent;
}
/* From now on what the arena holds is taken from `budget`: what it holds by now without asking. */
void arena_enter_budget(struct arena *a, struct budget *budget, unsigned percent);
/* From now on nothing is taken or given back, and nobody cancels. What it had taken is the caller's
 * to give back. */
size_t arena_leave_budget(struct arena *a);
/* Counts as the arena's `more` bytes that are held elsewhere for the same purpose, until
 * arena_let_go() of them, reset or deinit. False: the budget has no more. */
bool arena_hold(struct arena *a, size_t more) NODISCARD;
void arena_let_go(struct arena *a, size_t bytes);
/* Gives all objects back but keeps one chunk for the next use; poisons it under ASan. A large one
 * that would leave the next use no unpaid bytes is set aside until chunks are as large again. */
void arena_reset(struct arena *a);
void arena_deinit(struct arena *a);
/* Bytes of heap it holds, used or not. */
size_t arena_held_bytes(const struct arena *a);

#endif
