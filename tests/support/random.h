/* random.h - the same numbers in every run: Knuth's MMIX generator (The Art of Computer
 * Programming, volume 2, section 3.3.4). The upper bits are the good ones. */
#ifndef WEFT_TESTS_SUPPORT_RANDOM_H
#define WEFT_TESTS_SUPPORT_RANDOM_H

#include <stdint.h>

/* Steps on and gives the new state. */
static inline uint64_t random_step(uint64_t *state)
{
    return *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

#endif
