/* sample_ints_format.h - the head of an integer column, shared by its writer and its reader.
 * Private to storage/sample_ints*. */
#ifndef WEFT_STORAGE_SAMPLE_INTS_FORMAT_H
#define WEFT_STORAGE_SAMPLE_INTS_FORMAT_H

#include "storage/sample_ints.h"

/* How a residual is written. Stored: never renumber. */
enum ints_width {
    WIDTH_NONE,   /* all are the base */
    WIDTH_BIT,    /* base + 0 .. 1 */
    WIDTH_PAIR,   /* base + 0 .. 3 */
    WIDTH_NIBBLE, /* base + 0 .. 15 */
    WIDTH_BYTE,   /* base + (-128 .. 127 << low_bits) + low bits */
    WIDTH_WORD,   /* as it is */
    WIDTH_TINY,   /* few numbers: differences in the plan */
};

/* Bits of the head's first byte; nibbles and bytes have a second one, their alphabet. */
enum {
    HEAD_WIDTH = 7,
    HEAD_ORDER_SHIFT = 3,
    HEAD_ORDER = 3,
    HEAD_EXCEPTIONS = 32,
    HEAD_BITS = 63,
};

enum {
    TINY_COUNT = 8, /* up to so many numbers are tiny */
    ORDER_MAX = 2,  /* 0: the number itself, 1: its difference to the last one, 2: that one's */
    NIBBLE_CLASSES = STREAM_BYTES - STREAM_NIBBLES,
    BYTE_CLASSES = STREAM_LOW - STREAM_BYTES,
    WIDE_CLASS = BYTE_CLASSES - 1, /* the alphabet of numbers far from the middle */
    LOW_BITS_MAX = 56,             /* so that a word holds them from any bit of a byte on */
};

struct ints_head {
    enum ints_width width;
    unsigned order, class, low_bits;
    bool exceptions;
    int64_t seed[ORDER_MAX]; /* the first number, the first difference */
    int64_t base;
};

static inline size_t ints_low_bytes(uint32_t count, unsigned low_bits)
{
    return ((size_t)count * low_bits + 7) / 8;
}

/* Bytes of `count` residuals in the stream of their width. */
static inline size_t ints_width_bytes(enum ints_width width, uint32_t count)
{
    static const uint8_t bits[] = {0, 1, 2, 4, 8, 0, 0};
    return ((size_t)count * bits[width] + 7) / 8;
}

static inline enum sample_stream ints_stream(const struct ints_head *h)
{
    return h->width == WIDTH_BIT      ? STREAM_BITS
           : h->width == WIDTH_PAIR   ? STREAM_PAIRS
           : h->width == WIDTH_NIBBLE ? (enum sample_stream)(STREAM_NIBBLES + h->class)
                                      : (enum sample_stream)(STREAM_BYTES + h->class);
}

#endif
