/* histogram_encode.c - a histogram to bytes: the shortest of three ways to write its buckets. */
#include "model/histogram_codec.h"

/* Longer lists of observations are never written as gaps. */
enum { GAPS_MAX = 4096 };

const uint8_t histogram_code_planes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32};

unsigned histogram_rice(uint64_t n, uint32_t span)
{
    uint64_t mean = n > 1 ? span / (n - 1) : 0;
    return mean ? 63u - (unsigned)__builtin_clzll(mean) : 0;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The largest weight of which every bucket is a multiple; a small common factor of whole requests
 * is chance and not worth its bytes. */
static uint64_t common_unit(const struct histogram *h)
{
    enum { CHANCE = 16 };
    uint64_t unit = h->zero;
    for (uint32_t i = 0; i < h->bucket_count; i++)
        if (unit != WEIGHT_ONE || h->buckets[i].weight % WEIGHT_ONE != 0)
            unit = gcd(h->buckets[i].weight, unit);
    return unit % WEIGHT_ONE == 0 && unit < CHANCE * WEIGHT_ONE ? WEIGHT_ONE : unit;
}

/* What encoding needs to know of the buckets. */
struct shape {
    uint64_t unit, n, largest; /* counts of unit */
    uint32_t span, groups;
    unsigned rice;
    size_t gaps_bytes, planes_bytes;
};

static unsigned plane_code(uint64_t largest)
{
    unsigned code = 0;
    while (largest >> histogram_code_planes[code])
        code++;
    return code;
}

/* Calls fn for each group of 16 neighbouring indices that starts at the lowest one, empty groups
 * too. */
static void each_group(const struct histogram *h, const struct shape *s,
                       void (*fn)(const uint32_t counts[PLANE_GROUP], unsigned code, void *user),
                       void *user)
{
    uint32_t at = 0;
    for (uint32_t g = 0; g < s->groups; g++) {
        uint32_t counts[PLANE_GROUP] = {0}, bits = 0;
        int32_t start = h->buckets[0].index + (int32_t)(g * PLANE_GROUP);
        for (; at < h->bucket_count && h->buckets[at].index < start + PLANE_GROUP; at++) {
            uint32_t count = (uint32_t)(h->buckets[at].weight / s->unit);
            counts[h->buckets[at].index - start] = count;
            bits |= count;
        }
        fn(counts, plane_code(bits), user);
    }
}

static void sum_planes(const uint32_t counts[PLANE_GROUP], unsigned code, void *user)
{
    (void)counts;
    *(size_t *)user += histogram_code_planes[code] * (size_t)PLANE_GROUP / 8;
}

static size_t gaps_bytes(const struct histogram *h, const struct shape *s)
{
    if (s->span == 0)
        return 0;
    uint64_t bits = (s->n - 1) * (1 + s->rice), last_gap = 0;
    for (uint32_t i = 1; i < h->bucket_count; i++)
        bits += (uint64_t)(h->buckets[i].index - h->buckets[i - 1].index) >> s->rice;
    if (h->buckets[h->bucket_count - 1].weight == s->unit)
        last_gap = (uint64_t)(h->buckets[h->bucket_count - 1].index -
                              h->buckets[h->bucket_count - 2].index);
    bits -= 1 + s->rice + (last_gap >> s->rice); /* it follows from the span */
    return (bits + 7) / 8;
}

static struct shape shape_of(const struct histogram *h)
{
    struct shape s = {.unit = common_unit(h)};
    if (h->bucket_count == 0)
        return s;
    for (uint32_t i = 0; i < h->bucket_count; i++) {
        uint64_t count = h->buckets[i].weight / s.unit;
        s.n += count;
        s.largest = MAX(s.largest, count);
    }
    s.span = (uint32_t)(h->buckets[h->bucket_count - 1].index - h->buckets[0].index);
    s.groups = s.span / PLANE_GROUP + 1;
    s.rice = histogram_rice(s.n, s.span);
    s.gaps_bytes = s.n <= GAPS_MAX || s.span == 0 ? gaps_bytes(h, &s) : SIZE_MAX / 8;
    s.planes_bytes = (s.groups + 1) / 2;
    if (s.largest <= UINT32_MAX)
        each_group(h, &s, sum_planes, &s.planes_bytes);
    else
        s.planes_bytes = SIZE_MAX / 8;
    return s;
}

/* Planes are read several times faster: gaps must save a tenth. */
static enum histogram_mode choose_mode(const struct histogram *h, const struct shape *s)
{
    if (h->bucket_count == 0)
        return MODE_EMPTY;
    if (s->gaps_bytes == SIZE_MAX / 8 && s->planes_bytes == SIZE_MAX / 8)
        return MODE_WIDE;
    return s->gaps_bytes * 10 < s->planes_bytes * 9 ? MODE_GAPS : MODE_PLANES;
}

void bits_put(struct bit_writer *w, uint64_t value, unsigned count)
{
    w->bits |= value << w->count;
    w->count += count;
    for (; w->count >= 8; w->count -= 8, w->bits >>= 8)
        buf_append_u8(w->out, (uint8_t)w->bits);
}

static void put_gap(struct bit_writer *w, uint32_t gap, unsigned rice)
{
    uint32_t zeros = gap >> rice;
    for (; zeros > 32; zeros -= 32)
        bits_put(w, 0, 32);
    bits_put(w, UINT64_C(1) << zeros, zeros + 1);
    bits_put(w, gap & ((UINT32_C(1) << rice) - 1), rice);
}

void bits_end(struct bit_writer *w)
{
    if (w->count > 0)
        buf_append_u8(w->out, (uint8_t)w->bits);
    *w = (struct bit_writer){.out = w->out};
}

void bits_put_long(struct bit_writer *w, u128 value, unsigned count)
{
    for (unsigned done = 0; done < count; done += 32)
        bits_put(w, (uint32_t)(value >> done), MIN(count - done, 32u));
}

static void put_gaps(const struct histogram *h, const struct shape *s, struct bit_writer *w)
{
    if (s->span == 0)
        return;
    uint64_t left =
        s->n - 2; /* gaps to write: the first observation has none, the last is implied */
    for (uint32_t i = 0; i < h->bucket_count; i++) {
        uint64_t more = h->buckets[i].weight / s->unit;
        if (i > 0 && left > 0) {
            put_gap(w, (uint32_t)(h->buckets[i].index - h->buckets[i - 1].index), s->rice);
            left--;
        }
        for (; more > 1 && left > 0; more--, left--)
            put_gap(w, 0, s->rice);
    }
}

struct plane_writer {
    struct buf *out;
    size_t codes_at; /* offset of the codes, two in a byte */
    uint32_t group;
};

static void put_planes(const uint32_t counts[PLANE_GROUP], unsigned code, void *user)
{
    struct plane_writer *w = user;
    uint16_t planes[32] = {0};
    for (unsigned j = 0; j < PLANE_GROUP; j++)
        for (uint32_t bits = counts[j]; bits; bits &= bits - 1)
            planes[__builtin_ctz(bits)] |= (uint16_t)(1u << j);
    for (unsigned p = 0; p < histogram_code_planes[code]; p++)
        buf_append_u16(w->out, planes[p]);
    if (!w->out->failed)
        w->out->ptr[w->codes_at + w->group / 2] |= (char)(code << (4 * (w->group & 1)));
    w->group++;
}

static void put_pairs(const struct histogram *h, const struct shape *s, struct buf *out)
{
    int32_t next = h->buckets[0].index;
    for (uint32_t i = 0; i < h->bucket_count; i++) {
        buf_append_varint(out, (uint64_t)(h->buckets[i].index - next));
        buf_append_varint(out, h->buckets[i].weight / s->unit);
        next = h->buckets[i].index + 1;
    }
}

static void put_payload(const struct histogram *h, const struct shape *s, enum histogram_mode mode,
                        struct bit_writer *w)
{
    if (mode == MODE_GAPS)
        put_gaps(h, s, w);
    bits_end(w);
    if (mode == MODE_PLANES) {
        struct plane_writer planes = {.out = w->out, .codes_at = w->out->len};
        for (uint32_t i = 0; i < (s->groups + 1) / 2; i++)
            buf_append_u8(w->out, 0);
        each_group(h, s, put_planes, &planes);
    }
    if (mode == MODE_WIDE)
        put_pairs(h, s, w->out);
}

/* Minimum, maximum and sum: each in the bits that its bounds leave open. */
static void put_extent(const struct histogram *h, const struct shape *s, unsigned bits,
                       struct bit_writer *w)
{
    int32_t first = h->buckets[0].index, last = first + (int32_t)s->span;
    if (!h->zero)
        bits_put_long(w, h->min_ns - histogram_upper_floor_ns(first - 1) - 1,
                      bit_length(histogram_bucket_room(first)));
    if (bits & HEAD_SINGLE)
        return;
    bits_put_long(w, histogram_upper_floor_ns(last) - h->max_ns,
                  bit_length(histogram_bucket_room(last)));
    u128 above = h->sum - (u128)h->min_ns * h->weight;
    u128 most = (u128)(h->max_ns - h->min_ns) * h->weight;
    unsigned shift = bits & HEAD_FRACTION ? 0 : WEIGHT_SHIFT;
    bits_put_long(w, above >> shift, bit_length(most >> shift));
}

static uint8_t head_of(const struct histogram *h, const struct shape *s, enum histogram_mode mode)
{
    u128 above = h->sum - (u128)h->min_ns * h->weight;
    bool single = h->zero == 0 && h->min_ns == h->max_ns && above == 0;
    bool fraction = (above & (WEIGHT_ONE - 1)) != 0;
    return (uint8_t)(mode | (h->zero ? HEAD_ZERO : 0u) | (s->unit != WEIGHT_ONE ? HEAD_UNIT : 0u) |
                     (single ? HEAD_SINGLE : 0u) | (fraction ? HEAD_FRACTION : 0u));
}

void histogram_item_make(const struct histogram *h, struct buf *bits, struct histogram_item *out)
{
    size_t start = bits->len;
    *out = (struct histogram_item){0};
    if (h->weight == 0)
        return;
    struct shape s = shape_of(h);
    enum histogram_mode mode = choose_mode(h, &s);
    out->head = head_of(h, &s, mode);
    out->unit = s.unit;
    out->zero = h->zero / s.unit;
    if (mode == MODE_EMPTY)
        return;
    out->n = s.n;
    out->first = h->buckets[0].index;
    out->span = s.span;
    struct bit_writer w = {.out = bits};
    put_extent(h, &s, out->head, &w);
    put_payload(h, &s, mode, &w);
    out->bits_len = bits->len - start;
}

void histogram_move_front(struct buf *out, size_t start, size_t tail)
{
    uint8_t moved[64];
    size_t bytes = out->len - tail;
    if (out->failed || bytes == 0)
        return;
    memcpy(moved, out->ptr + tail, bytes);
    memmove(out->ptr + start + bytes, out->ptr + start, tail - start);
    memcpy(out->ptr + start, moved, bytes);
}

static void put_numbers(const struct histogram_item *item, struct buf *out)
{
    buf_append_u8(out, item->head);
    if (item->head & HEAD_UNIT)
        buf_append_varint(out, item->unit);
    if (item->head & HEAD_ZERO)
        buf_append_varint(out, item->zero);
    if ((item->head & HEAD_MODE) == MODE_EMPTY)
        return;
    buf_append_varint(out, item->n);
    buf_append_zigzag(out, item->first);
    buf_append_varint(out, item->span);
}

void histogram_encode(const struct histogram *h, struct buf *out)
{
    struct histogram_item item;
    size_t start = out->len;
    histogram_item_make(h, out, &item);
    size_t tail = out->len;
    if (item.head)
        put_numbers(&item, out);
    histogram_move_front(out, start, tail);
    size_t body = out->len - start;
    tail = out->len;
    buf_append_varint(out, body);
    histogram_move_front(out, start, tail);
}
