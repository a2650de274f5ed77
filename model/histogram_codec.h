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
    HEAD_FRACTION = 32, /* the sum is no whole number of ns above the minimum */
    HEAD_FAR = 64,      /* form 2: the sum is far from where its buckets let expect it */
    HEAD_END = 128,
};
/* Form 2 without one of these: the sum is told by what it differs from the extremes and, for the
 * durations between, the middles of their buckets. */
enum { HEAD_SUM_APART = HEAD_SINGLE | HEAD_FAR };

enum {
    PLANE_GROUP = 16,
    RANKED_MIN = 64, /* form 2: gaps of so many durations are split by rank */
    RANKED_MAX = 1024,
    RANK_BITS = 4,
    RANK_FLAT = (1 << RANK_BITS) - 1, /* all gaps alike, after all */
};

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
    u128 sum;          /* 2^-16 ns; the middles of the buckets are to be added when */
    bool from_middles; /* this says so (modulo 2^128) */
    bool ranked;
    struct bit_reader bits; /* behind the sum: where gaps go on */
    struct cursor payload;  /* the next whole byte: where planes and pairs begin; borrowed */
};

/* Checks an item and reads its extremes and, when it is wanted, its sum (else 0). False on damage;
 * an empty one has unit 0. */
bool histogram_head_read(const struct histogram_item *item, bool with_sum,
                         struct histogram_head *out) NODISCARD;
/* Reads unit and zero, as far as the head says that they are there. */
void histogram_item_scale_read(struct cursor *c, struct histogram_item *item);
/* A reader at the first bit of the item. */
struct bit_reader histogram_item_bits(const struct histogram_item *item);
/* At most 32; 0 and r->failed at the end. */
uint32_t bits_get(struct bit_reader *r, unsigned count);

/* How a histogram is going to be written. */
struct histogram_plan {
    struct histogram_item item; /* but for its bits; head 0: nothing is written */
    uint64_t largest;           /* count of a bucket */
    uint32_t groups;            /* of planes */
    unsigned rice, rank;        /* of gaps: for all alike; by rank, RANK_FLAT */
    u128 sum;                   /* the number that is written, and in how many bits */
    unsigned sum_bits;
};
void histogram_plan_make(const struct histogram *h, enum histogram_form form,
                         struct histogram_plan *out);
/* Writes extremes, sum and payload. Planes and pairs begin and end with whole bytes. */
void histogram_plan_put(const struct histogram *h, const struct histogram_plan *plan,
                        struct bit_writer *w);
/* Calls of the payload readers; each gives false on damage. */

/* Ascending buckets, distinct, at most HISTOGRAM_INDEX_COUNT of them. */
bool histogram_payload_read(const struct histogram_head *head, struct histogram_bucket *out,
                            uint32_t *count) NODISCARD;
/* Adds count * scale to slots[index - head->first]; slots has room for span + 1 rounded up to
 * PLANE_GROUP. */
bool histogram_payload_add(const struct histogram_head *head, uint32_t scale,
                           uint32_t *slots) NODISCARD;

/* Weight that lies at or below the q-quantile, 0 < q < 1. */
uint64_t histogram_rank_of(uint64_t weight, double q);
/* What a quantile in the bucket is answered with: its middle, within the extremes of h. */
double histogram_value_ns(const struct histogram *h, int32_t index);

/* histogram_payload_add() of planes: by the fastest way that this processor has. */
bool histogram_planes_add(const struct histogram_head *head, uint32_t scale,
                          uint32_t *slots) NODISCARD;
/* The ways: one for every processor; the other only where histogram_planes_is_wide(). */
bool histogram_planes_add_plain(const struct histogram_head *head, uint32_t scale,
                                uint32_t *slots) NODISCARD;
bool histogram_planes_add_wide(const struct histogram_head *head, uint32_t scale,
                               uint32_t *slots) NODISCARD;
bool histogram_planes_is_wide(void);

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
/* A duration near the middle of the bucket: what form 2 expects of one. */
uint64_t histogram_middle_ns(int32_t index);
/* The middles of `len` buckets from index `first` on, each as often as its slot says; the slots sum
 * up to 32 bits. */
u128 histogram_slot_middles(int32_t first, const uint32_t *slots, size_t len);

/* The same of buckets by weight: 2^-16 ns. */
u128 histogram_bucket_middles(const struct histogram_bucket *buckets, uint32_t count);

enum {
    ROOM_LOG = 1496, /* 64 * log2 of the room of bucket 0 (one second), rounded up */
    OCTAVE_LOG = 6,  /* log2 of 64 */
};

static inline unsigned log_bits(int32_t log)
{
    return log > 0 ? (unsigned)log >> OCTAVE_LOG : 0;
}

/* Form 2: bits that hold histogram_bucket_room(index), or one more. */
static inline unsigned histogram_room_bits(int32_t index)
{
    return log_bits(index + ROOM_LOG + (1 << OCTAVE_LOG));
}

/* Form 2: bits of what n durations differ from the middles of their buckets together: about 1.4 to
 * 2.8 rooms, a quarter below the longest, times the root of n. */
static inline unsigned histogram_sum_bits(int32_t first, uint32_t span, uint64_t n)
{
    enum { HALF = 1 << (OCTAVE_LOG - 1) };
    int32_t room = first + (int32_t)(span - span / 4) + ROOM_LOG;
    unsigned log = 63u - (unsigned)__builtin_clzll(n | 1);
    uint64_t fine = log < OCTAVE_LOG ? n << (OCTAVE_LOG - 1) >> log : n >> (log + 1 - OCTAVE_LOG);
    int32_t root = (int32_t)(log * HALF + fine) - HALF; /* 64 * log2(sqrt(n)) */
    return log_bits(room + (1 << OCTAVE_LOG) + HALF + root);
}
/* Form 2: what the extremes, which are known, differ from the middles of their buckets, modulo
 * 2^128, in ns. */
static inline u128 histogram_extremes_apart(const struct histogram_item *item, uint64_t min_ns,
                                            uint64_t max_ns)
{
    u128 apart = (u128)max_ns - histogram_middle_ns(item->first + (int32_t)item->span);
    return item->zero ? apart : apart + min_ns - histogram_middle_ns(item->first);
}
/* Bits of a count in each of the 16 codes that a group may have. */
extern const uint8_t histogram_code_planes[16];
/* log2 of the divisor that splits a gap into unary and binary part: near the mean gap. */
unsigned histogram_rice(uint64_t n, uint32_t span);
/* The same of gap `number` (from 1 on) of n durations under a rank code: those at the ends are
 * longer than those in the middle. */
static inline unsigned histogram_rank_rice(unsigned rank, uint64_t number, uint64_t n)
{
    unsigned log = 63u - (unsigned)__builtin_clzll(MIN(number, n - number));
    return rank > log ? rank - log : 0;
}

#endif
