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
    vec_deinit(&s->holes);
    s->next = s->end = s->free = s->live = s->given = 0;
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

/* A chunk of names that nobody has: one that was given back before, else a new one. */
static bool open_chunk(struct slab *s)
{
    size_t at = s->holes.len ? s->holes.items[s->holes.len - 1] : s->chunks.len;
    if ((at + 1) << s->chunk_shift > UINT32_MAX)
        return false;
    char *chunk = mem_alloc(s->item_bytes << s->chunk_shift);
    if (!chunk || (at == s->chunks.len && !vec_push(&s->chunks, NULL))) {
        mem_free(chunk);
        return false;
    }
    s->chunks.items[at] = chunk;
    s->holes.len -= s->holes.len > 0;
    s->next = at == 0 ? 1 : (uint32_t)(at << s->chunk_shift);
    s->end = (uint32_t)((at + 1) << s->chunk_shift);
    return true;
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
        if (s->next == s->end && !open_chunk(s))
            return 0;
        name = s->next++;
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

/* --- what nobody needs any more --- */

#define CHUNK_GOES UINT32_MAX /* in place of how many of its objects are free */

static struct given given_at(const struct slab *s, uint32_t name)
{
    struct given g;
    memcpy(&g, slab_at(s, name), sizeof(g));
    return g;
}

/* Which chunks go: those with all their names given back, and none that nobody had yet. */
static void judge_chunks(const struct slab *s, uint32_t *counts)
{
    for (uint32_t name = s->free; name; name = given_at(s, name).before)
        counts[name >> s->chunk_shift]++;
    for (size_t i = 0; i < s->chunks.len; i++) {
        uint32_t names = (1u << s->chunk_shift) - (i == 0); /* name 0 is never one */
        bool is_open = s->next < s->end && s->next >> s->chunk_shift == i;
        if (counts[i] == names && !is_open)
            counts[i] = CHUNK_GOES;
    }
}

/* Writes the list of free objects anew, from its top down: each also names the one
 * SLAB_AHEAD below it. */
struct relinking {
    struct slab *slab;
    struct given last[SLAB_AHEAD]; /* of the last names; the rest is written */
    uint32_t names[SLAB_AHEAD], count;
};

static void link_below(struct relinking *r, uint32_t name)
{
    struct slab *s = r->slab;
    uint32_t slot = r->count % SLAB_AHEAD;
    if (r->count == 0)
        s->free = name;
    else
        r->last[(r->count - 1) % SLAB_AHEAD].before = name;
    if (r->count < SLAB_AHEAD) {
        s->top[SLAB_AHEAD - 1 - r->count] = name;
    } else {
        r->last[slot].ahead = name;
        memcpy(slab_at(s, r->names[slot]), &r->last[slot], sizeof(r->last[slot]));
    }
    r->names[slot] = name;
    r->last[slot] = (struct given){0};
    r->count++;
}

/* In the order that it had, without what is in chunks that go. */
static void relink(struct slab *s, const uint32_t *counts)
{
    struct relinking r = {.slab = s};
    uint32_t name = s->free;
    s->free = s->given = 0;
    memset(s->top, 0, sizeof(s->top));
    while (name) {
        uint32_t before = given_at(s, name).before;
        if (counts[name >> s->chunk_shift] != CHUNK_GOES)
            link_below(&r, name);
        name = before;
    }
    for (uint32_t i = 0; i < MIN(r.count, (uint32_t)SLAB_AHEAD); i++)
        memcpy(slab_at(s, r.names[i]), &r.last[i], sizeof(r.last[i]));
}

static void free_chunks(struct slab *s, const uint32_t *counts)
{
    for (size_t i = 0; i < s->chunks.len; i++) {
        if (counts[i] != CHUNK_GOES || !vec_push(&s->holes, (uint32_t)i))
            continue;
        mem_free(s->chunks.items[i]);
        s->chunks.items[i] = NULL;
    }
}

void slab_trim(struct slab *s)
{
    if (s->live == 0) {
        slab_deinit(s);
        return;
    }
    uint32_t *counts = mem_calloc(s->chunks.len, sizeof(*counts));
    if (counts && vec_reserve(&s->holes, s->chunks.len)) {
        judge_chunks(s, counts);
        relink(s, counts);
        free_chunks(s, counts);
    }
    mem_free(counts);
}
