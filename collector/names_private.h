/* names_private.h - the tables of names, shared by names.c, which fills them, and names_read.c. */
#ifndef WEFT_COLLECTOR_NAMES_PRIVATE_H
#define WEFT_COLLECTOR_NAMES_PRIVATE_H

#include "base/intern.h"
#include "base/map64.h"
#include "base/vec.h"
#include "collector/names.h"

struct names {
    uint32_t max_operations;   /* per entity, in this table */
    uint64_t max_bytes, bytes; /* of keys and entries, nearly */
    uint64_t overflow_operations, overflow_others;
    struct intern *entity_keys, *variant_keys, *owner_keys, *dest_keys, *operation_keys, *flags;
    VEC(struct entity_entry) entities;
    VEC(struct variant) variants;
    VEC(struct owner_entry) owners;
    VEC(struct dest_entry) dests;
    VEC(struct str) operations;
    VEC(uint64_t) weights; /* few, but of senders that adapt theirs */
    struct map64 weight_ids;
};

#endif
