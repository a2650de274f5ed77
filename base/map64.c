/* map64.c - linear probing with one tag byte a slot; removal shifts back, so there are no
 * tombstones. */
#include "base/map64.h"
#include "base/hash.h"
#include "base/mem.h"

enum { FIRST_SLOTS = 16, TAG_USED = 0x80 };

struct map64_slot {
    uint64_t key, value;
};

/* The tags follow the slots in the same allocation: 0 = empty, else TAG_USED and 7 bits of the
 * hash. */
static uint8_t *tags_of(const struct map64 *m)
{
    return (uint8_t *)(m->slots + m->mask + 1);
}

static uint64_t hash_key(const struct map64 *m, uint64_t key)
{
    return hash_u64(key ^ m->seed);
}

static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(hash >> 57 | TAG_USED);
}

/* Slot that holds the key, or the empty one where it would go. */
static size_t probe(const struct map64 *m, uint64_t key, uint64_t hash)
{
    const uint8_t *tags = tags_of(m);
    size_t at = hash & m->mask;
    while (tags[at] && (tags[at] != tag_of(hash) || m->slots[at].key != key))
        at = (at + 1) & m->mask;
    return at;
}

size_t map64_bytes(const struct map64 *m)
{
    return m->slots ? (m->mask + 1) * (sizeof(struct map64_slot) + 1) : 0;
}

void map64_deinit(struct map64 *m)
{
    mem_free(m->slots);
    *m = (struct map64){.seed = m->seed};
}

void map64_clear(struct map64 *m)
{
    if (m->slots)
        memset(tags_of(m), 0, m->mask + 1);
    m->count = 0;
}

uint64_t *map64_find(const struct map64 *m, uint64_t key)
{
    if (!m->count)
        return NULL;
    size_t at = probe(m, key, hash_key(m, key));
    return tags_of(m)[at] ? &m->slots[at].value : NULL;
}

static bool grow(struct map64 *m)
{
    size_t slots = m->slots ? (m->mask + 1) * 2 : FIRST_SLOTS;
    struct map64 bigger = {.mask = slots - 1, .grow_at = slots / 4 * 3, .seed = m->seed};
    bigger.slots = mem_calloc(slots, sizeof(struct map64_slot) + 1); /* with its tag */
    if (!bigger.slots)
        return false;
    size_t at = 0;
    uint64_t key, value;
    while (map64_next(m, &at, &key, &value)) {
        uint64_t hash = hash_key(m, key);
        size_t to = probe(&bigger, key, hash);
        tags_of(&bigger)[to] = tag_of(hash);
        bigger.slots[to] = (struct map64_slot){key, value};
    }
    bigger.count = m->count;
    mem_free(m->slots);
    *m = bigger;
    return true;
}

uint64_t *map64_put(struct map64 *m, uint64_t key, bool *added)
{
    *added = false;
    uint64_t *found = map64_find(m, key);
    if (found)
        return found;
    if (m->count >= m->grow_at && !grow(m))
        return NULL;
    uint64_t hash = hash_key(m, key);
    size_t at = probe(m, key, hash);
    tags_of(m)[at] = tag_of(hash);
    m->slots[at] = (struct map64_slot){key, 0};
    m->count++;
    *added = true;
    return &m->slots[at].value;
}

bool map64_remove(struct map64 *m, uint64_t key)
{
    if (!m->count)
        return false;
    uint8_t *tags = tags_of(m);
    size_t hole = probe(m, key, hash_key(m, key));
    if (!tags[hole])
        return false;
    /* Move back whatever would no longer be found behind the hole. */
    for (size_t at = (hole + 1) & m->mask; tags[at]; at = (at + 1) & m->mask) {
        size_t home = hash_key(m, m->slots[at].key) & m->mask;
        if (((at - home) & m->mask) < ((at - hole) & m->mask))
            continue;
        m->slots[hole] = m->slots[at];
        tags[hole] = tags[at];
        hole = at;
    }
    tags[hole] = 0;
    m->count--;
    return true;
}

bool map64_next(const struct map64 *m, size_t *at, uint64_t *key, uint64_t *value)
{
    if (!m->slots)
        return false;
    const uint8_t *tags = tags_of(m);
    for (; *at <= m->mask; ++*at) {
        if (!tags[*at])
            continue;
        *key = m->slots[*at].key;
        *value = m->slots[*at].value;
        ++*at;
        return true;
    }
    return false;
}
