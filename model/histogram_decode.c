/* histogram_decode.c - bytes to histograms; trusts nothing but the bounds it checks. */
#include "model/histogram_codec.h"

/* Fills up to at least 56 bits, while there are any. */
static inline void bits_load(struct bit_reader *r)
{
    if (r->end - r->at >= 8 && r->count < 64) { /* eight bytes at once, as many as fit are taken */
        uint64_t word;
        memcpy(&word, r->at, sizeof(word));
        unsigned bytes = (63 - r->count) / 8;
        uint64_t mask = bytes ? UINT64_MAX >> (64 - 8 * bytes) : 0;
        r->bits |= (word & mask) << r->count;
        r->at += bytes;
        r->count += 8 * bytes;
        return;
    }
    while (r->count <= 56 && r->at < r->end) {
        r->bits |= (uint64_t)*r->at++ << r->count;
        r->count += 8;
    }
}

enum { LOADED_MIN = 56 }; /* bits, but at the end */

/* At most LOADED_MIN. */
static inline uint64_t bits_take(struct bit_reader *r, unsigned count)
{
    bits_load(r);
    if (r->count < count) {
        r->failed = true;
        return 0;
    }
    uint64_t value = r->bits & ((UINT64_C(1) << count) - 1);
    r->bits >>= count;
    r->count -= count;
    return value;
}

uint32_t bits_get(struct bit_reader *r, unsigned count)
{
    return (uint32_t)bits_take(r, count);
}

static inline u128 bits_get_long(struct bit_reader *r, unsigned count)
{
    if (LIKELY(count <= LOADED_MIN))
        return bits_take(r, count);
    u128 value = 0;
    for (unsigned done = 0; done < count; done += 32)
        value |= (u128)bits_get(r, MIN(count - done, 32u)) << done;
    return value;
}

static void bits_skip(struct bit_reader *r, unsigned count)
{
    if (count > r->count) {
        size_t bytes = (count - r->count) / 8;
        count = (count - r->count) % 8;
        r->bits = r->count = 0;
        if (bytes > (size_t)(r->end - r->at)) {
            r->failed = true;
            return;
        }
        r->at += bytes;
    }
    bits_take(r, count);
}

/* Zeros before the next set bit, and over it. */
static uint32_t bits_get_zeros(struct bit_reader *r)
{
    uint32_t zeros = 0;
    bits_load(r);
    while (r->bits == 0 && r->at < r->end) {
        zeros += r->count;
        r->count = 0;
        bits_load(r);
    }
    if (r->bits == 0) {
        r->failed = true;
        return 0;
    }
    unsigned run = (unsigned)__builtin_ctzll(r->bits) + 1;
    r->bits = run < 64 ? r->bits >> run : 0;
    r->count -= run;
    return zeros + run - 1;
}

struct bit_reader histogram_item_bits(const struct histogram_item *item)
{
    struct bit_reader r = {.at = item->bits, .end = item->bits + histogram_item_bytes(item)};
    if (item->skip)
        bits_get(&r, item->skip);
    return r;
}

static inline unsigned room_bits(enum histogram_form form, int32_t index)
{
    return form == HISTOGRAM_FORM_2 ? histogram_room_bits(index)
                                    : bit_length(histogram_bucket_room(index));
}

/* What the sum is more than the middles, modulo 2^128. */
static u128 read_sum_near(struct bit_reader *r, const struct histogram_item *item,
                          const struct histogram_head *head, unsigned bits)
{
    u128 half = bits ? (u128)1 << (bits - 1) : 0;
    u128 more = bits_get_long(r, bits) - half;
    return (more + histogram_extremes_apart(item, head->min_ns, head->max_ns)) * head->unit;
}

/* The sum, or the middles' part of it, behind the extremes. */
static void read_sum(struct bit_reader *r, const struct histogram_item *item, bool is_wanted,
                     struct histogram_head *out)
{
    uint64_t weight = out->zero + out->n * out->unit;
    unsigned shift = item->head & HEAD_FRACTION ? 0 : WEIGHT_SHIFT, bits = 0;
    out->from_middles = item->form == HISTOGRAM_FORM_2 && !(item->head & HEAD_SUM_APART);
    if (out->from_middles)
        bits = histogram_sum_bits(out->first, out->span, out->n);
    else if (!(item->head & HEAD_SINGLE))
        bits = bit_length((u128)(out->max_ns - out->min_ns) * weight >> shift);
    if (!is_wanted)
        bits_skip(r, bits);
    else if (out->from_middles)
        out->sum = read_sum_near(r, item, out, bits);
    else
        out->sum = (u128)out->min_ns * weight + (bits_get_long(r, bits) << shift);
}

/* Minimum, maximum and sum: each in the bits that its bounds leave open. */
static bool read_extent(const struct histogram_item *item, bool with_sum,
                        struct histogram_head *out)
{
    struct bit_reader r = histogram_item_bits(item);
    int32_t last = out->first + (int32_t)out->span;
    if (!out->zero)
        out->min_ns = histogram_upper_floor_ns(out->first - 1) + 1 +
                      (uint64_t)bits_get_long(&r, room_bits(item->form, out->first));
    out->max_ns = out->min_ns;
    if (!(item->head & HEAD_SINGLE))
        out->max_ns = histogram_upper_floor_ns(last) -
                      (uint64_t)bits_get_long(&r, room_bits(item->form, last));
    read_sum(&r, item, with_sum, out);
    out->bits = r;
    out->payload = (struct cursor){r.at - r.count / 8, r.end, false};
    return !r.failed && out->min_ns <= out->max_ns;
}

void histogram_item_scale_read(struct cursor *c, struct histogram_item *item)
{
    item->unit = item->head & HEAD_UNIT ? cursor_varint(c) : WEIGHT_ONE;
    item->zero = item->head & HEAD_ZERO ? cursor_varint(c) : 0;
}

bool histogram_item_read(struct cursor *in, struct histogram_item *out)
{
    *out = (struct histogram_item){0};
    struct str body = cursor_lenstr(in);
    if (in->failed || body.len == 0)
        return !in->failed;
    struct cursor c = cursor_of(body);
    out->head = cursor_u8(&c);
    histogram_item_scale_read(&c, out);
    if ((out->head & HEAD_MODE) != MODE_EMPTY) {
        out->n = cursor_varint(&c);
        int64_t first = cursor_zigzag(&c);
        uint64_t span = cursor_varint(&c);
        if (first < HISTOGRAM_INDEX_MIN || first > HISTOGRAM_INDEX_MAX ||
            span > HISTOGRAM_INDEX_COUNT)
            return false;
        out->first = (int32_t)first;
        out->span = (uint32_t)span;
    }
    out->bits = c.at;
    out->bit_count = 8 * (uint64_t)(c.end - c.at);
    return !c.failed && out->head != 0;
}

bool histogram_head_read(const struct histogram_item *item, bool with_sum,
                         struct histogram_head *out)
{
    unsigned bits = item->head;
    *out = (struct histogram_head){0};
    if (bits == 0)
        return true;
    out->mode = bits & HEAD_MODE;
    out->unit = item->unit;
    out->zero = item->zero * item->unit;
    out->n = item->n;
    out->first = item->first;
    out->span = item->span;
    out->ranked = item->form == HISTOGRAM_FORM_2 && item->n >= RANKED_MIN && item->n <= RANKED_MAX;
    if (bits >= (item->form == HISTOGRAM_FORM_2 ? HEAD_END : HEAD_FAR) || out->unit == 0 ||
        (bits & HEAD_ZERO && !out->zero) || (out->zero && bits & HEAD_SINGLE))
        return false;
    if (out->mode == MODE_EMPTY)
        return out->zero > 0;
    if (out->n == 0 || out->first > HISTOGRAM_INDEX_MAX ||
        out->span > (uint32_t)(HISTOGRAM_INDEX_MAX - out->first) ||
        (out->span > 0 && (out->n == 1 || bits & HEAD_SINGLE)))
        return false;
    return read_extent(item, with_sum, out);
}

enum { GAP_COMMON = 24 }; /* bits that nearly every gap fits into */

static inline uint32_t gap_read(struct bit_reader *r, unsigned rice)
{
    if (r->count < GAP_COMMON)
        bits_load(r);
    unsigned zeros = r->bits ? (unsigned)__builtin_ctzll(r->bits) : 64, used = zeros + 1 + rice;
    if (LIKELY(used <= r->count && used < 64)) { /* nearly always both halves are loaded */
        uint32_t low = (uint32_t)(r->bits >> (zeros + 1)) & ((1u << rice) - 1);
        r->bits >>= used;
        r->count -= used;
        return zeros << rice | low;
    }
    uint32_t high = bits_get_zeros(r);
    return high << rice | bits_get(r, rice);
}

/* Where a walk over gaps stands. */
struct gap_walk {
    struct bit_reader bits;
    uint64_t offset, span;
};

/* Calls add() for the durations behind the next `count` gaps; false when one lies behind the span.
 * Inlined with what it calls: a call for each would cost more than reading it. */
static inline __attribute__((always_inline)) bool
gaps_read(struct gap_walk *w, uint64_t count, unsigned rice,
          void (*add)(uint32_t offset, uint64_t count, void *user), void *user)
{
    for (; count > 0 && !w->bits.failed; count--) {
        w->offset += gap_read(&w->bits, rice);
        if (w->offset > w->span)
            return false;
        add((uint32_t)w->offset, 1, user);
    }
    return true;
}

/* The first gap behind `number`, of n durations, that is split in another way. */
static inline uint64_t rank_end(uint64_t number, uint64_t n)
{
    uint64_t middle = n / 2;
    if (number <= middle)
        return MIN(UINT64_C(2) << (63 - __builtin_clzll(number)), middle + 1);
    return n + 1 - (UINT64_C(1) << (63 - __builtin_clzll(n - number)));
}

/* Calls add() for each duration, in order; several of the same bucket may come at once. */
static inline __attribute__((always_inline)) bool
gaps_each(const struct histogram_head *head,
          void (*add)(uint32_t offset, uint64_t count, void *user), void *user)
{
    struct gap_walk w = {.bits = head->bits, .span = head->span};
    uint64_t last = head->n - 1; /* number of the gap that is not written */
    bool ok = true;
    if (head->span == 0) {
        add(0, head->n, user);
        return true;
    }
    unsigned rank = head->ranked ? bits_get(&w.bits, RANK_BITS) : RANK_FLAT;
    add(0, 1, user);
    if (rank == RANK_FLAT)
        ok = gaps_read(&w, last - 1, histogram_rice(head->n, head->span), add, user);
    for (uint64_t at = 1, end; rank != RANK_FLAT && at < last && ok; at = end) {
        end = MIN(rank_end(at, head->n), last);
        ok = gaps_read(&w, end - at, histogram_rank_rice(rank, at, head->n), add, user);
    }
    add(head->span, 1, user);
    return ok && !w.bits.failed;
}

struct slot_adder {
    uint32_t *slots, scale;
};

static void add_to_slot(uint32_t offset, uint64_t count, void *user)
{
    const struct slot_adder *a = user;
    a->slots[offset] += (uint32_t)count * a->scale;
}

bool histogram_payload_add(const struct histogram_head *head, uint32_t scale, uint32_t *slots)
{
    if (head->mode == MODE_PLANES)
        return histogram_planes_add(head, scale, slots);
    struct slot_adder a = {slots, scale};
    return head->mode == MODE_GAPS && gaps_each(head, add_to_slot, &a);
}

struct bucket_list {
    struct histogram_bucket *items;
    uint32_t len;
    int32_t first;
    uint64_t unit;
};

static void add_to_list(uint32_t offset, uint64_t count, void *user)
{
    struct bucket_list *l = user;
    int32_t index = l->first + (int32_t)offset;
    if (l->len == 0 || l->items[l->len - 1].index != index)
        l->items[l->len++] = (struct histogram_bucket){.index = index};
    l->items[l->len - 1].weight += count * l->unit;
}

static bool wide_each(const struct histogram_head *head, struct bucket_list *list)
{
    struct cursor c = head->payload;
    for (uint64_t next = 0; c.at < c.end;) {
        uint64_t gap = cursor_varint(&c), count = cursor_varint(&c);
        if (c.failed || count == 0 || next > head->span || gap > head->span - next)
            return false;
        add_to_list((uint32_t)(next + gap), count, list);
        next += gap + 1;
    }
    return true;
}

static bool planes_each(const struct histogram_head *head, struct bucket_list *list)
{
    uint32_t slots[HISTOGRAM_INDEX_COUNT + PLANE_GROUP];
    memset(slots, 0, (head->span + (size_t)PLANE_GROUP) * sizeof(*slots));
    if (!histogram_planes_add(head, 1, slots))
        return false;
    for (uint32_t i = 0; i <= head->span; i++)
        if (slots[i])
            add_to_list(i, slots[i], list);
    return true;
}

bool histogram_payload_read(const struct histogram_head *head, struct histogram_bucket *out,
                            uint32_t *count)
{
    struct bucket_list list = {.items = out, .first = head->first, .unit = head->unit};
    bool ok = true;
    if (head->mode == MODE_GAPS)
        ok = gaps_each(head, add_to_list, &list);
    else if (head->mode == MODE_PLANES)
        ok = planes_each(head, &list);
    else if (head->mode == MODE_WIDE)
        ok = wide_each(head, &list);
    *count = list.len;
    return ok;
}

u128 histogram_bucket_middles(const struct histogram_bucket *buckets, uint32_t count)
{
    u128 sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += (u128)histogram_middle_ns(buckets[i].index) * buckets[i].weight;
    return sum;
}

enum status histogram_item_add(const struct histogram_item *item, struct histogram *into,
                               struct err *e)
{
    struct histogram_head head;
    struct histogram_bucket buckets[HISTOGRAM_INDEX_COUNT];
    uint32_t count;
    if (!histogram_head_read(item, true, &head) || !histogram_payload_read(&head, buckets, &count))
        return err_set(e, ST_CORRUPT, "an encoded histogram is damaged");
    if (head.unit == 0)
        return ST_OK;
    if (head.from_middles)
        head.sum += histogram_bucket_middles(buckets, count);
    struct histogram from = {.weight = head.zero + head.n * head.unit,
                             .zero = head.zero,
                             .sum = head.sum,
                             .min_ns = head.min_ns,
                             .max_ns = head.max_ns,
                             .buckets = buckets,
                             .bucket_count = count};
    if (!histogram_merge(into, &from))
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    return ST_OK;
}

enum status histogram_decode_add(struct cursor *in, struct histogram *into, struct err *e)
{
    struct histogram_item item;
    if (!histogram_item_read(in, &item))
        return err_set(e, ST_CORRUPT, "an encoded histogram is damaged");
    return histogram_item_add(&item, into, e);
}

enum status histogram_skip(struct cursor *in, struct err *e)
{
    cursor_lenstr(in);
    return in->failed ? err_set(e, ST_CORRUPT, "an encoded histogram is cut off") : ST_OK;
}
