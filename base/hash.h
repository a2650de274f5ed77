/* hash.h - seeded xxh3; keys from the network are hashed with the seed of the data directory. */
#ifndef WEFT_BASE_HASH_H
#define WEFT_BASE_HASH_H

#include "base/str.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, len, seed);
}

static inline uint64_t hash_str(struct str s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.ptr, s.len, seed);
}

/* Mixes one 64-bit word (murmur3 finaliser). */
static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ (x >> 33);
}

/* Checksum of everything we write: CRC-32C would do, xxh3 is already here and faster. */
static inline uint64_t hash_checksum(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}

/* xxHash64, where others compute the same. */
static inline uint64_t hash_xx64(const void *bytes, size_t len)
{
    return XXH64(bytes, len, 0);
}

#endif
