/* sample_values_format.h - the head of a column of doubles, shared by its writer and its reader.
 * Private to storage/sample_values*. */
#ifndef WEFT_STORAGE_SAMPLE_VALUES_FORMAT_H
#define WEFT_STORAGE_SAMPLE_VALUES_FORMAT_H

#include "storage/sample_values.h"

/* How values become integers. Stored: never renumber. */
enum value_kind {
    KIND_DECIMAL, /* value = integer / 10^decimals */
    KIND_BINARY,  /* value = integer * 2^exponent */
    KIND_XOR,     /* words, each changed by the one before it, in planes of bytes */
    KIND_GUESS,   /* as KIND_DECIMAL, the integers are distances to what a family's sum should be */
};

/* Bits of the head's byte. */
enum {
    VALUE_KIND = 3,
    VALUE_EXCEPTIONS = 4,
    VALUE_FOLLOWS = 8, /* what is written is the distance to the column below */
    VALUE_DECIMALS_SHIFT = 4,
};

enum { DECIMALS_MAX = 15, EXPONENT_MAX = 1000, WORD_BYTES = 8 };

/* Doubles that no integer stands for. Stored: never renumber. */
enum odd_value { ODD_STALE, ODD_NAN, ODD_INF, ODD_MINUS_INF, ODD_MINUS_ZERO, ODD_OTHER };

static inline uint64_t value_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static inline double value_of_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static inline double power_of_ten(unsigned decimals)
{
    static const double powers[DECIMALS_MAX + 1] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    return powers[decimals];
}

/* The bits of the odd values; ODD_OTHER has none. NaN is the one that Go makes. */
static inline uint64_t odd_bits(enum odd_value odd)
{
    static const uint64_t bits[] = {
        [ODD_STALE] = UINT64_C(0x7ff0000000000002), [ODD_NAN] = UINT64_C(0x7ff8000000000001),
        [ODD_INF] = UINT64_C(0x7ff0000000000000),   [ODD_MINUS_INF] = UINT64_C(0xfff0000000000000),
        [ODD_MINUS_ZERO] = UINT64_C(1) << 63,       [ODD_OTHER] = 0};
    return bits[odd];
}

/* Room for `count` integers; false when memory is short. */
bool sample_whole_room(struct sample_whole *w, uint32_t count) NODISCARD;

#endif
