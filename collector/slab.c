/* slab.c - takes from the free list first, then from the newest chunk. */
#include "collector/slab.h"
#include <string.h>

void slab_deinit(struct slab *s)
{
    for (size_t i = 0; i < s->chunks.len; i++)
        mem_free(s->chunks.items[i]);
    vec_deinit(&s->chunks);
    s->used = s->free = s->live = 0;
}

uint32_t slab_take(struct slab *s)
{
    uint32_t name = s->free;
    if (name) {
        memcpy(&s->free, slab_at(s, name), sizeof(s->free));
        if (s->free)
            __builtin_prefetch(slab_at(s, s->free), 1);
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
    memset(slab_at(s, name), 0, s->item_bytes);
    return name;
}

void slab_give(struct slab *s, uint32_t name)
{
    memcpy(slab_at(s, name), &s->free, sizeof(s->free));
    s->free = name;
    s->live--;
}
