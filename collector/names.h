/* names.h - small numbers for what observations name: owners, destinations, operations, flags,
 * weights. Everything is capped before it is kept: a flood of distinct names ends in the entry
 * `other` and costs no memory. */
#ifndef WEFT_COLLECTOR_NAMES_H
#define WEFT_COLLECTOR_NAMES_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"
#include "collector/observation.h"

/* Ids are dense from 0. Of every table 0 means "none", and NAMES_OTHER is what came after the table
 * was full. */
enum { NAMES_NONE = 0, NAMES_OTHER = 1 };
enum { ENTITY_ID_USER = 2, ENTITY_ID_UNKNOWN = 3 };
enum { NAMES_MAX = 1 << 17, NAMES_FLAGS_MAX = 4096, NAMES_WEIGHTS_MAX = 4096 };
enum { NAMES_VARIANTS = 800 };

struct entity_entry {
    struct entity entity;     /* strings owned by the table */
    uint32_t operation_count; /* distinct ones seen, see names_operation */
    uint32_t variant_count;   /* distinct ones that it was the first to have, see names_owner */
};

struct owner_entry {
    uint32_t entity, variant; /* ids */
    uint32_t source;          /* owner id of the caller that a waypoint names, or NAMES_NONE */
    struct str instance;      /* owned by the table */
    uint8_t maker;            /* enum maker */
    bool weak, is_pod;
};

struct dest_entry {
    uint32_t entity;             /* id */
    struct str subset;           /* owned by the table */
    uint8_t kind;                /* enum dest_kind */
    bool own_protocol, is_vague; /* see struct destination */
};

struct names;

/* One thread at a time. Full when it holds max_bytes (0 = no limit), too. NULL when memory is
 * short. */
struct names *names_new(uint64_t seed, uint32_t max_operations, uint64_t max_bytes);
void names_free(struct names *n);

/* Ids of what is given, added when new; NAMES_OTHER when the table is full or memory is short.
 * Strings are copied. */
uint32_t names_entity(struct names *n, const struct entity *e);
uint32_t names_variant(struct names *n, const struct variant *v);
/* An owner's variant is NAMES_OTHER when its entity has brought NAMES_VARIANTS new ones: no sender
 * can crowd the others out. */
uint32_t names_owner(struct names *n, const struct owner *o);
/* `owner` (id) as it is when it says that `source` (id) called it. */
uint32_t names_owner_with_source(struct names *n, uint32_t owner, uint32_t source);
/* `owner` (id) lends its cluster to a destination that names none. */
uint32_t names_dest(struct names *n, uint32_t owner, const struct observation *x);
/* An operation of an entity: at most a few times max_operations of them, so that none can crowd the
 * others out. */
uint32_t names_operation(struct names *n, uint32_t entity, struct str name);
uint32_t names_flags(struct names *n, struct str flags);
/* The nearest that is known when there is no room for it: senders that adapt their sampling have
 * many. */
uint32_t names_weight(struct names *n, uint64_t weight);

/* Valid until the next addition; strings until names_free. */
struct entity_entry *names_entity_at(const struct names *n, uint32_t id);
const struct variant *names_variant_at(const struct names *n, uint32_t id);
const struct owner_entry *names_owner_at(const struct names *n, uint32_t id);
const struct dest_entry *names_dest_at(const struct names *n, uint32_t id);
struct str names_operation_at(const struct names *n, uint32_t id);
struct str names_flags_at(const struct names *n, uint32_t id);
uint64_t names_weight_at(const struct names *n, uint32_t id);

/* Bytes of heap it holds, and what its names take of them: a function of what they are. */
size_t names_bytes(const struct names *n);
uint64_t names_used(const struct names *n);
/* True when a table, or all of them, is more than half full: time to keep only what is still in
 * use. */
bool names_are_many(const struct names *n);
/* Ids in `to` of what has these ids in `from`, added when new. One thread. */
uint32_t names_move_owner(struct names *to, const struct names *from, uint32_t id);
uint32_t names_move_dest(struct names *to, const struct names *from, uint32_t id);
uint32_t names_move_operation(struct names *to, const struct names *from, uint32_t id);
/* How many additions were answered with NAMES_OTHER: entities' operations, and all else. */
void names_overflow(const struct names *n, uint64_t *operations, uint64_t *others);

/* docs/formats/image.md, chunk NAMES. The decoder fills an empty table with the same ids. */
void names_encode(const struct names *n, struct buf *out);
enum status names_decode(struct cursor *in, struct names *into, struct err *e);

#endif
