/* slab.c - takes what was given back last, then from the newest chunk. */
#include "collector/slab.h"
#include <string.h>

/* What an object holds while nobody has it. */
struct given {
    uint32_t before; /* given back before it */
    uint32_t ahead;  /* SLAB_AHEAD before it: what will be taken by then */
};

void slab_deinit(struct slab *s)
{
    for (size_t i = 0; i < s->chunks.len; i++)
        mem_free(s->chunks.items[i]);
    vec_deinit(&s->chunks);
    s->used = s->free = s->live = s->given = 0;
    memset(s->top, 0, sizeof(s->top));
}

/* Inlined by force: GCC 12 drops calls of a function that does nothing but prefetch. */
static ALWAYS_INLINE void prefetch(const struct slab *s, uint32_t name)
{
    enum { LINE = 64, BYTES_MAX = 6 * LINE };
    const char *at = slab_at(s, name);
    for (size_t i = 0; i < MIN(s->item_bytes, (size_t)BYTES_MAX); i += LINE)
        __builtin_prefetch(at + i, 1);
}

uint32_t slab_take_dirty(struct slab *s)
{
    uint32_t name = s->free;
    if (name) {
        struct given g;
        memcpy(&g, slab_at(s, name), sizeof(g));
        s->free = g.before;
        s->given = (s->given - 1) % SLAB_AHEAD;
        s->top[s->given] = g.ahead;
        if (g.ahead)
            prefetch(s, g.ahead);
    } else {
        if (s->used == 0)
            s->used = 1;
        if (s->used == UINT32_MAX)
            return 0;
        if (s->used >> s->chunk_shift >= s->chunks.len) {
            char *chunk = mem_alloc(s->item_bytes << s->chunk_shift);
            if (!chunk || !vec_push(&s->chunks, chunk)) {
                mem_free(chunk);
                return 0;
            }
        }
        name = s->used++;
    }
    s->live++;
    return name;
}

uint32_t slab_take(struct slab *s)
{
    uint32_t name = slab_take_dirty(s);
    if (name)
        memset(slab_at(s, name), 0, s->item_bytes);
    return name;
}

void slab_give(struct slab *s, uint32_t name)
{
    struct given g = {s->free, s->top[s->given]};
    memcpy(slab_at(s, name), &g, sizeof(g));
    s->top[s->given] = s->free = name;
    s->given = (s->given + 1) % SLAB_AHEAD;
    s->live--;
}
