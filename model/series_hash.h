/* series_hash.h - the hash by which a series is known: of its labels as remote write 1.0 sends
 * them, so that the bytes of a body can be hashed in one go. Only in memory, never stored. */
#ifndef WEFT_MODEL_SERIES_HASH_H
#define WEFT_MODEL_SERIES_HASH_H

#include "base/hash.h"
#include "model/label_set.h"

/* XXH3 of each label as a field of prometheus.TimeSeries: 0a, its length, 0a, length, name, 12,
 * length, value, all lengths as short as they can be. Names in order, as in any set. */
uint64_t series_hash(struct label_set labels, uint64_t seed);

/* The same of those bytes. */
static inline uint64_t series_hash_wire(struct str wire, uint64_t seed)
{
    return hash_str(wire, seed);
}

#endif
