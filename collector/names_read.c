/* names_read.c - what is behind an id, and how much all of them take. An id that is none reads as
 * nobody's. */
#include "collector/names_private.h"

struct entity_entry *names_entity_at(const struct names *n, uint32_t id)
{
    return &n->entities.items[id < n->entities.len ? id : NAMES_OTHER];
}

const struct variant *names_variant_at(const struct names *n, uint32_t id)
{
    return &n->variants.items[id < n->variants.len ? id : NAMES_NONE];
}

const struct owner_entry *names_owner_at(const struct names *n, uint32_t id)
{
    return &n->owners.items[id < n->owners.len ? id : NAMES_OTHER];
}

const struct dest_entry *names_dest_at(const struct names *n, uint32_t id)
{
    return &n->dests.items[id < n->dests.len ? id : NAMES_OTHER];
}

struct str names_operation_at(const struct names *n, uint32_t id)
{
    return n->operations.items[id < n->operations.len ? id : NAMES_OTHER];
}

struct str names_flags_at(const struct names *n, uint32_t id)
{
    return intern_get(n->flags, id < intern_count(n->flags) ? id : NAMES_OTHER);
}

uint64_t names_weight_at(const struct names *n, uint32_t id)
{
    return n->weights.items[id < n->weights.len ? id : 0];
}

size_t names_bytes(const struct names *n)
{
    return intern_bytes(n->entity_keys) + intern_bytes(n->variant_keys) +
           intern_bytes(n->owner_keys) + intern_bytes(n->dest_keys) +
           intern_bytes(n->operation_keys) + intern_bytes(n->flags) +
           n->entities.cap * sizeof(*n->entities.items) +
           n->variants.cap * sizeof(*n->variants.items) + n->owners.cap * sizeof(*n->owners.items) +
           n->dests.cap * sizeof(*n->dests.items) +
           n->operations.cap * sizeof(*n->operations.items) +
           n->weights.cap * sizeof(*n->weights.items) + map64_bytes(&n->weight_ids);
}

uint64_t names_used(const struct names *n)
{
    return n->bytes;
}

void names_overflow(const struct names *n, uint64_t *operations, uint64_t *others)
{
    *operations = n->overflow_operations;
    *others = n->overflow_others;
}
