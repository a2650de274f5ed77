/* histogram_codec.h - the parts of an encoded histogram, shared by its two readers. Private to
 * model/. Format: docs/formats/histogram.md. */
#ifndef WEFT_MODEL_HISTOGRAM_CODEC_H
#define WEFT_MODEL_HISTOGRAM_CODEC_H

#include "model/histogram_run.h"

/* How the counts of the buckets are written. Stored: never renumber. */
enum histogram_mode {
    MODE_EMPTY = 0,  /* no bucket */
    MODE_GAPS = 1,   /* Rice-coded distances between observations: few of them, far apart */
    MODE_PLANES = 2, /* groups of 16 neighbouring buckets, bit by bit */
    MODE_WIDE = 3,   /* varint pairs: any count */
};

/* Bits of the first byte. */
enum {
    HEAD_MODE = 3,
    HEAD_ZERO = 4,      /* some durations are 0 */
    HEAD_UNIT = 8,      /* one count is not one request */
    HEAD_SINGLE = 16,   /* all durations are the same */
    HEAD_FRACTION = 32, /* the sum is no whole number of ns */
    HEAD_END = 64,
};

enum { PLANE_GROUP = 16 };

/* Reads bits, the lowest of a byte first. */
struct bit_reader {
    const uint8_t *at, *end; /* borrowed */
    uint64_t bits;           /* loaded, not read */
    unsigned count;          /* of them */
    bool failed;             /* ran past the end */
};

/* Writes bits, the lowest of a byte first. */
struct bit_writer {
    struct buf *out; /* borrowed */
    uint64_t bits;
    unsigned count;
};
/* At most 32. */
void bits_put(struct bit_writer *w, uint64_t value, unsigned count);
void bits_put_long(struct bit_writer *w, u128 value, unsigned count);
/* Fills the last byte with zeros. */
void bits_end(struct bit_writer *w);

struct histogram_head {
    enum histogram_mode mode;
    uint64_t unit; /* weight of one count, 2^-16 */
    uint64_t zero; /* weight */
    uint64_t n;    /* counts in buckets */
    int32_t first; /* index of the lowest bucket */
    uint32_t span; /* highest index - first */
    uint64_t min_ns, max_ns;
    u128 sum;
    struct bit_reader bits; /* behind the sum: where gaps go on */
    struct cursor payload;  /* the next whole byte: where planes and pairs begin; borrowed */
};

/* Checks an item and reads its extremes and sum. False on damage; an empty one has unit 0. */
bool histogram_head_read(const struct histogram_item *item, struct histogram_head *out) NODISCARD;
/* Reads unit and zero, as far as the head says that they are there. */
void histogram_item_scale_read(struct cursor *c, struct histogram_item *item);
/* Moves the bytes from `tail` on, at most 64, to `start`, before what lies there. */
void histogram_move_front(struct buf *out, size_t start, size_t tail);
/* Calls of the payload readers; each gives false on damage. */

/* Ascending buckets, distinct, at most HISTOGRAM_INDEX_COUNT of them. */
bool histogram_payload_read(const struct histogram_head *head, struct histogram_bucket *out,
                            uint32_t *count) NODISCARD;
/* Adds count * scale to slots[index - head->first]; slots has room for span + 1 rounded up to
 * PLANE_GROUP. */
bool histogram_payload_add(const struct histogram_head *head, uint32_t scale,
                           uint32_t *slots) NODISCARD;

/* Bits that hold every number up to `largest`. */
static inline unsigned bit_length(u128 largest)
{
    uint64_t high = (uint64_t)(largest >> 64), low = (uint64_t)largest;
    if (high)
        return 128u - (unsigned)__builtin_clzll(high);
    return low ? 64u - (unsigned)__builtin_clzll(low) : 0;
}
/* One less than the whole ns in a bucket. */
uint64_t histogram_bucket_room(int32_t index);
/* Bits of a count in each of the 16 codes that a group may have. */
extern const uint8_t histogram_code_planes[16];
/* log2 of the divisor that splits a gap into unary and binary part: near the mean gap. */
unsigned histogram_rice(uint64_t n, uint32_t span);

#endif
