/* packed_trace.h - traces of which nothing is open any more, packed: what is remembered of a span
 * takes 13 bytes. Whoever needs one of them unpacks it whole. */
#ifndef WEFT_COLLECTOR_PACKED_TRACE_H
#define WEFT_COLLECTOR_PACKED_TRACE_H

#include "base/hash.h"
#include "collector/blocks.h"
#include "model/trace_id.h"

/* Larger traces stay as they are. */
enum { PACKED_SPANS = 64 };

/* A remembered span as it goes in and comes out. */
struct packed_span {
    uint64_t id, parent;
    uint32_t bits; /* owner | role << 24 | kind << 27 | made_request << 30 | mirror << 31 */
};

static inline uint32_t packed_bits(uint32_t owner, uint32_t role, uint32_t kind,
                                   uint32_t made_request, uint32_t mirror)
{
    return owner | role << 24 | kind << 27 | made_request << 30 | mirror << 31;
}

struct packed_trace; /* its bytes in the table */

/* By which a trace is found, here and among the open ones. */
static inline uint64_t trace_id_hash(struct trace_id id, uint64_t seed)
{
    return hash_u64(id.lo ^ seed) ^ hash_u64(id.hi + seed);
}

/* All-zero is a valid empty table. One thread at a time. */
struct packed_table {
    struct blocks blocks;
    uint32_t *buckets; /* owned; heads by hash of the trace id */
    size_t bucket_mask;
    uint32_t live;
    uint32_t first, last; /* in the order of packing */
    uint64_t seed;        /* set before first use */
};

/* Frees every block. */
void packed_deinit(struct packed_table *t);
/* Bytes of heap it holds. */
size_t packed_bytes(const struct packed_table *t);

/* Packs `count` (1 to PACKED_SPANS) spans. False when memory is short. What is packed later is
 * forgotten later. */
bool packed_add(struct packed_table *t, struct trace_id id, uint32_t closed,
                const struct packed_span *spans, uint32_t count);
/* Takes a trace out: how many spans went to `spans` (PACKED_SPANS long), 0 when it is not there. */
uint32_t packed_take(struct packed_table *t, struct trace_id id, uint32_t *closed,
                     struct packed_span *spans);
/* A trace with this hash is about to be packed or looked for; the second, a little later: the first
 * of its bucket. */
void packed_prefetch(const struct packed_table *t, uint64_t hash);
void packed_prefetch_first(const struct packed_table *t, uint64_t hash);
/* Forgets those closed at or before `before`. */
void packed_forget(struct packed_table *t, uint32_t before);
/* Forgets the oldest; false when there is none. */
bool packed_forget_one(struct packed_table *t);
/* Visits all, oldest first: start with *at = 0; false at the end. Of one that was taken out its
 * block still waits for its turn: it has no spans, and an id of zero. *bytes: of the block. */
bool packed_next(const struct packed_table *t, uint32_t *at, struct trace_id *id, uint32_t *closed,
                 uint32_t *bytes, struct packed_span *spans, uint32_t *count);
/* Whether a block can have so many bytes. */
bool packed_block_fits(uint32_t bytes);
/* A block that waits for its turn, as packed_next() gave it, of bytes that fit. False when memory
 * is short. */
bool packed_add_waiting(struct packed_table *t, uint32_t closed, uint32_t bytes);
/* Calls fn for the owner of each span, which it may change. */
void packed_each_owner(struct packed_table *t, uint32_t (*fn)(uint32_t owner, void *user),
                       void *user);

#endif
