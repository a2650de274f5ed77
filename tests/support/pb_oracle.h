/* pb_oracle.h - what every comparison of our walkers with protobuf-c needs: bounded memory, known
 * differences, mutated bodies. */
#ifndef WEFT_TESTS_SUPPORT_PB_ORACLE_H
#define WEFT_TESTS_SUPPORT_PB_ORACLE_H

#include "base/arena.h"
#include <protobuf-c/protobuf-c.h>

enum oracle_verdict {
    ORACLE_AGREES,  /* both take it, span by span and field by field the same */
    ORACLE_REFUSED, /* both refuse it */
    ORACLE_EXCUSED, /* one of the known differences: groups, tags above 32 bits, field 0, too deep,
                       out of its memory */
    ORACLE_DIFFERS,
};

/* protobuf-c's memory: it cannot explode, and is given back at once with the arena. */
enum { PB_MEMORY_BYTES = 64 * MIB };
struct pb_memory {
    struct arena arena;
    bool ran_out;
};
ProtobufCAllocator pb_memory_allocator(struct pb_memory *m);

/* Which fields of a message are messages, and which of them may come once only. */
struct pb_kind {
    const struct pb_kind *children[17];
    uint32_t single; /* bit per field number */
};

/* True when some field of the message, or of one inside, `is` so. */
bool pb_has_field(struct str message, const struct pb_kind *kind,
                  bool (*is)(const struct pb_kind *kind, uint32_t tag));
/* True when a message holds a message twice that may come once; with `among`, only in kinds for
 * which it is true. */
bool pb_has_repeat(struct str message, const struct pb_kind *kind,
                   bool (*among)(const struct pb_kind *kind));
/* protobuf-c knows no groups and refuses them all. For pb_has_field(). */
bool pb_is_group(const struct pb_kind *kind, uint32_t tag);

/* Changes bytes of `body` (at most body_max long) in 1 to 4 places: bits, bytes, lengths, cuts,
 * copies. Returns its new length. The same *state gives the same changes. */
size_t pb_mutate(char *body, size_t len, size_t body_max, uint64_t *state);

#endif
