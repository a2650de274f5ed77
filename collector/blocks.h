/* blocks.h - objects of many sizes under 32-bit names: a slab for each step of 16 bytes. */
#ifndef WEFT_COLLECTOR_BLOCKS_H
#define WEFT_COLLECTOR_BLOCKS_H

#include "collector/slab.h"

/* A name is the block's class and its name in the class' slab. */
enum {
    BLOCK_STEP = 16,
    BLOCK_CLASSES = 128,
    BLOCK_BYTES_MAX = (BLOCK_CLASSES - 1) * BLOCK_STEP,
    BLOCK_CLASS_SHIFT = 25
};

/* All-zero is valid and empty. One thread at a time. */
struct blocks {
    struct slab classes[BLOCK_CLASSES];
    size_t used_bytes, held_bytes; /* of blocks that are taken; of heap */
};

/* Frees all blocks; every name is void. */
void blocks_deinit(struct blocks *b);
/* Name of a block, not cleared, of 1 to BLOCK_BYTES_MAX bytes, 0 when memory is short. */
uint32_t block_take(struct blocks *b, size_t bytes);
void block_give(struct blocks *b, uint32_t name);
/* As slab_trim(). */
void blocks_trim(struct blocks *b);

/* Its size, rounded up to a step. */
static inline uint32_t block_bytes(uint32_t name)
{
    return (name >> BLOCK_CLASS_SHIFT) * BLOCK_STEP;
}

/* Aligned to 16 bytes. */
static inline void *block_at(const struct blocks *b, uint32_t name)
{
    return slab_at(&b->classes[name >> BLOCK_CLASS_SHIFT], name & ((1u << BLOCK_CLASS_SHIFT) - 1));
}

#endif
