/* slab.h - objects of one size under 32-bit names: chunks that never move, a free list, no doubling
 * copies. */
#ifndef WEFT_COLLECTOR_SLAB_H
#define WEFT_COLLECTOR_SLAB_H

#include "base/vec.h"

/* So many takes ahead the object is brought near. */
enum { SLAB_AHEAD = 8 };

/* item_bytes (at least 8) and chunk_shift must be set; the rest all-zero is a valid empty slab. One
 * thread at a time. */
struct slab {
    size_t item_bytes;
    unsigned chunk_shift;     /* a chunk holds 1 << chunk_shift items */
    VEC(char *) chunks;       /* owned; NULL: given back */
    VEC(uint32_t) holes;      /* chunks that are NULL */
    uint32_t next, end;       /* names that nobody had yet, of one chunk; name 0 is never one */
    uint32_t free;            /* the last of those given back, each of which names the one before */
    uint32_t top[SLAB_AHEAD]; /* the last of them, as a ring */
    uint32_t given;           /* modulo SLAB_AHEAD: where the next goes */
    uint32_t live;
};

static inline void *slab_at(const struct slab *s, uint32_t name)
{
    uint32_t at = name & ((1u << s->chunk_shift) - 1);
    return s->chunks.items[name >> s->chunk_shift] + at * s->item_bytes;
}

static inline size_t slab_bytes(const struct slab *s)
{
    return ((s->chunks.len - s->holes.len) << s->chunk_shift) * s->item_bytes;
}

/* Frees all objects; every name is void. */
void slab_deinit(struct slab *s);
/* Name of a zeroed object, 0 when memory is short. */
uint32_t slab_take(struct slab *s);
/* The same with whatever is in it. */
uint32_t slab_take_dirty(struct slab *s);
void slab_give(struct slab *s, uint32_t name);
/* Frees the chunks of which nothing is taken. Visits every object that was given back, unless none
 * is taken. */
void slab_trim(struct slab *s);

#endif
