/* map64.h - open addressing hash map from a 64-bit key (already well mixed, or mixed here) to 64
 * bits. */
#ifndef WEFT_BASE_MAP64_H
#define WEFT_BASE_MAP64_H

#include "base/compiler.h"

/* All-zero is a valid empty map. Any key is allowed. One thread at a time. */
struct map64 {
    struct map64_slot *slots; /* owned, power of two */
    size_t mask, count, grow_at;
    uint64_t seed; /* set before first use when keys come from the network */
};

/* Frees the slots; m is empty again and keeps its seed. */
void map64_deinit(struct map64 *m);
/* Empties, keeps the memory. */
void map64_clear(struct map64 *m);
/* Value slot of key, or NULL when absent. Valid until the next put or remove. */
uint64_t *map64_find(const struct map64 *m, uint64_t key);
/* Value slot of key, added with 0 when absent (*added tells); NULL when memory is short. */
uint64_t *map64_put(struct map64 *m, uint64_t key, bool *added);
bool map64_remove(struct map64 *m, uint64_t key);
/* Bytes of heap it holds. */
size_t map64_bytes(const struct map64 *m);
/* Iterates: start with *at = 0; false at the end. */
bool map64_next(const struct map64 *m, size_t *at, uint64_t *key, uint64_t *value);

#endif
