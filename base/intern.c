/* intern.c - a hash table of ids over an array of slices; the bytes are packed into arena blocks.
 */
#include "base/intern.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/vec.h"

enum { FIRST_SLOTS = 32, FIRST_BLOCK = 512, LARGEST_BLOCK = 64 * KIB };

struct entry {
    const char *ptr; /* in the arena */
    uint32_t len;
    uint32_t hash; /* lower half, so that growing the table does not read the strings */
};

struct intern {
    uint64_t seed;
    VEC(struct entry) entries; /* by id */
    uint32_t *slots;           /* owned; id + 1, 0 = empty */
    size_t mask;
    struct arena arena;
    char *block; /* in the arena: free bytes for the next short strings */
    size_t block_left, block_size;
};

static size_t slot_of(const struct intern *t, struct str s, uint32_t hash)
{
    size_t at = hash & t->mask;
    for (; t->slots[at]; at = (at + 1) & t->mask) {
        const struct entry *e = &t->entries.items[t->slots[at] - 1];
        if (e->hash == hash && str_eq((struct str){e->ptr, e->len}, s))
            break;
    }
    return at;
}

static uint32_t hash_of(const struct intern *t, struct str s)
{
    return s.len ? (uint32_t)hash_str(s, t->seed) : 0;
}

struct intern *intern_new(uint64_t seed)
{
    struct intern *t = mem_calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->seed = seed;
    t->slots = mem_calloc(FIRST_SLOTS, sizeof(*t->slots));
    t->mask = FIRST_SLOTS - 1;
    if (!t->slots || intern_add(t, STR("")) == INTERN_NONE) {
        intern_free(t);
        return NULL;
    }
    return t;
}

void intern_free(struct intern *t)
{
    if (!t)
        return;
    arena_deinit(&t->arena);
    vec_deinit(&t->entries);
    mem_free(t->slots);
    mem_free(t);
}

/* Twice the slots. They are sized to stay at most half full: ids are small, probing is short. */
static bool grow_slots(struct intern *t)
{
    size_t count = (t->mask + 1) * 2;
    uint32_t *slots = mem_calloc(count, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t id = 0; id < t->entries.len; id++) {
        size_t at = t->entries.items[id].hash & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)id + 1;
    }
    mem_free(t->slots);
    t->slots = slots;
    t->mask = count - 1;
    return true;
}

/* Room for len bytes, packed: the arena itself would round each string up to 16. */
static char *reserve_bytes(struct intern *t, size_t len)
{
    if (len > t->block_left) {
        if (len > LARGEST_BLOCK / 4)
            return arena_alloc(&t->arena, len);
        size_t size = MIN(MAX(t->block_size * 2, (size_t)FIRST_BLOCK), (size_t)LARGEST_BLOCK);
        size = MAX(size, len);
        char *block = arena_alloc(&t->arena, size);
        if (!block)
            return NULL;
        t->block = block;
        t->block_left = t->block_size = size;
    }
    char *at = t->block;
    t->block += len;
    t->block_left -= len;
    return at;
}

uint32_t intern_add(struct intern *t, struct str s)
{
    uint32_t hash = hash_of(t, s);
    size_t at = slot_of(t, s, hash);
    if (t->slots[at])
        return t->slots[at] - 1;
    if (s.len > UINT32_MAX || t->entries.len >= UINT32_MAX - 1)
        return INTERN_NONE;
    if ((t->entries.len + 1) * 2 > t->mask + 1) {
        if (!grow_slots(t))
            return INTERN_NONE;
        at = slot_of(t, s, hash);
    }
    if (!vec_reserve(&t->entries, 1))
        return INTERN_NONE;
    char *copy = s.len ? reserve_bytes(t, s.len) : NULL;
    if (s.len && !copy)
        return INTERN_NONE;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    t->entries.items[t->entries.len++] = (struct entry){copy, (uint32_t)s.len, hash};
    t->slots[at] = (uint32_t)t->entries.len;
    return (uint32_t)t->entries.len - 1;
}

uint32_t intern_find(const struct intern *t, struct str s)
{
    /* An empty slot holds 0, and 0 - 1 is INTERN_NONE. */
    return t->slots[slot_of(t, s, hash_of(t, s))] - 1;
}

struct str intern_get(const struct intern *t, uint32_t id)
{
    const struct entry *e = &t->entries.items[id];
    return (struct str){e->ptr, e->len};
}

uint32_t intern_count(const struct intern *t)
{
    return (uint32_t)t->entries.len;
}

size_t intern_bytes(const struct intern *t)
{
    return sizeof(*t) + t->arena.used_bytes + t->entries.cap * sizeof(struct entry) +
           (t->mask + 1) * sizeof(*t->slots);
}
