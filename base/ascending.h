/* ascending.h - where a number belongs among ascending ones. Positions are in [from, to]; equal
 * numbers may repeat. */
#ifndef WEFT_BASE_ASCENDING_H
#define WEFT_BASE_ASCENDING_H

#include <stdint.h>

/* The first of items[from, to) that is not below `limit`, `to` when all are. */
#define DEFINE_NOT_BELOW(name, type)                                                               \
    static inline uint32_t name(const type *items, uint32_t from, uint32_t to, type limit)         \
    {                                                                                              \
        while (from < to) {                                                                        \
            uint32_t middle = from + (to - from) / 2;                                              \
            if (items[middle] < limit)                                                             \
                from = middle + 1;                                                                 \
            else                                                                                   \
                to = middle;                                                                       \
        }                                                                                          \
        return from;                                                                               \
    }

DEFINE_NOT_BELOW(not_below_u32, uint32_t)
DEFINE_NOT_BELOW(not_below_i64, int64_t)

/* The first that is above `limit`. */
static inline uint32_t above_i64(const int64_t *items, uint32_t from, uint32_t to, int64_t limit)
{
    return limit == INT64_MAX ? to : not_below_i64(items, from, to, limit + 1);
}

#endif
