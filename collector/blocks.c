/* blocks.c - slabs by size. */
#include "collector/blocks.h"

/* Of a slab of one class; larger ones would waste more where traces are few. */
enum { CHUNK_BYTES = 64 * KIB };

void blocks_deinit(struct blocks *b)
{
    for (size_t i = 0; i < BLOCK_CLASSES; i++)
        slab_deinit(&b->classes[i]);
    b->used_bytes = b->held_bytes = 0;
}

uint32_t block_take(struct blocks *b, size_t bytes)
{
    uint32_t class = (uint32_t)((bytes + BLOCK_STEP - 1) / BLOCK_STEP);
    struct slab *s = &b->classes[class];
    if (!s->item_bytes) {
        s->item_bytes = (size_t) class * BLOCK_STEP;
        for (s->chunk_shift = 4; s->item_bytes << s->chunk_shift < CHUNK_BYTES;)
            s->chunk_shift++;
    }
    size_t held = slab_bytes(s);
    uint32_t name = slab_take_dirty(s);
    b->held_bytes += slab_bytes(s) - held;
    if (name >> BLOCK_CLASS_SHIFT) {
        slab_give(s, name);
        return 0;
    }
    if (name == 0)
        return 0;
    b->used_bytes += s->item_bytes;
    return class << BLOCK_CLASS_SHIFT | name;
}

void block_give(struct blocks *b, uint32_t name)
{
    struct slab *s = &b->classes[name >> BLOCK_CLASS_SHIFT];
    b->used_bytes -= s->item_bytes;
    slab_give(s, name & ((1u << BLOCK_CLASS_SHIFT) - 1));
}

void blocks_trim(struct blocks *b)
{
    b->held_bytes = 0;
    for (size_t i = 0; i < BLOCK_CLASSES; i++) {
        slab_trim(&b->classes[i]);
        b->held_bytes += slab_bytes(&b->classes[i]);
    }
}
