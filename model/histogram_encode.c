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

static unsigned plane_code(uint64_t largest)
{
    unsigned code = 0;
    while (largest >> histogram_code_planes[code])
        code++;
    return code;
}

/* Calls fn for each group of 16 neighbouring indices that starts at the lowest one, empty groups
 * too. */
static void each_group(const struct histogram *h, const struct histogram_plan *plan,
                       void (*fn)(const uint32_t counts[PLANE_GROUP], unsigned code, void *user),
                       void *user)
{
    uint32_t at = 0;
    for (uint32_t g = 0; g < plan->groups; g++) {
        uint32_t counts[PLANE_GROUP] = {0}, bits = 0;
        int32_t start = h->buckets[0].index + (int32_t)(g * PLANE_GROUP);
        for (; at < h->bucket_count && h->buckets[at].index < start + PLANE_GROUP; at++) {
            uint32_t count = (uint32_t)(h->buckets[at].weight / plan->item.unit);
            counts[h->buckets[at].index - start] = count;
            bits |= count;
        }
        fn(counts, plane_code(bits), user);
    }
}

/* Calls fn for each gap that is written: neither the first duration has one nor the last, whose
 * follows from the span. */
static void each_gap(const struct histogram *h, const struct histogram_plan *plan,
                     void (*fn)(uint64_t number, uint32_t gap, void *user), void *user)
{
    const struct histogram_bucket *b = h->buckets;
    uint64_t number = 0, last = plan->item.n - 1;
    for (uint32_t i = 0; i < h->bucket_count && plan->item.span > 0; i++) {
        uint32_t gap = i > 0 ? (uint32_t)(b[i].index - b[i - 1].index) : 0;
        for (uint64_t more = b[i].weight / plan->item.unit; more > 0; more--, number++, gap = 0)
            if (number > 0 && number < last)
                fn(number, gap, user);
    }
}

struct gap_cost {
    unsigned rice, rank;
    uint64_t n, bits;
};

static unsigned gap_rice(unsigned rice, unsigned rank, uint64_t number, uint64_t n)
{
    return rank == RANK_FLAT ? rice : histogram_rank_rice(rank, number, n);
}

static void add_cost(uint64_t number, uint32_t gap, void *user)
{
    struct gap_cost *cost = user;
    unsigned rice = gap_rice(cost->rice, cost->rank, number, cost->n);
    cost->bits += 1 + rice + (gap >> rice);
}

static uint64_t gaps_bits(const struct histogram *h, const struct histogram_plan *plan,
                          unsigned rank)
{
    struct gap_cost cost = {.rice = plan->rice, .rank = rank, .n = plan->item.n};
    each_gap(h, plan, add_cost, &cost);
    return cost.bits;
}

static bool is_ranked(const struct histogram_item *item)
{
    return item->form == HISTOGRAM_FORM_2 && item->n >= RANKED_MIN && item->n <= RANKED_MAX &&
           item->span > 0;
}

/* The code with the fewest bits around where a logistic distribution has it: its gap of rank r is
 * span / (2 H(n) r) long, H the harmonic number. Gives these bits. */
static uint64_t choose_rank(const struct histogram *h, struct histogram_plan *plan)
{
    enum { AROUND = 2 };
    unsigned harmonic = 11 * bit_length(plan->item.n) / 8; /* about twice it */
    unsigned middle = bit_length(plan->item.span / harmonic), best = RANK_FLAT;
    uint64_t least = gaps_bits(h, plan, RANK_FLAT);
    for (unsigned rank = middle > AROUND ? middle - AROUND : 0;
         rank <= middle + AROUND && rank < RANK_FLAT; rank++) {
        uint64_t bits = gaps_bits(h, plan, rank);
        if (bits < least) {
            least = bits;
            best = rank;
        }
    }
    plan->rank = best;
    return least + RANK_BITS;
}

static void sum_planes(const uint32_t counts[PLANE_GROUP], unsigned code, void *user)
{
    (void)counts;
    *(size_t *)user += histogram_code_planes[code] * (size_t)PLANE_GROUP / 8;
}

/* Planes can hold any shape, gaps are shorter when there are few observations. Planes are read
 * faster: they win unless gaps save more than a tenth. */
static enum histogram_mode choose_mode(const struct histogram *h, struct histogram_plan *plan)
{
    if (h->bucket_count == 0)
        return MODE_EMPTY;
    if (plan->item.span == 0)
        return MODE_GAPS;
    if (plan->largest > UINT32_MAX)
        return MODE_WIDE;
    if (plan->item.n > GAPS_MAX)
        return MODE_PLANES;
    uint64_t bits = is_ranked(&plan->item) ? choose_rank(h, plan) : gaps_bits(h, plan, RANK_FLAT);
    size_t planes = (plan->groups + 1) / 2;
    each_group(h, plan, sum_planes, &planes);
    return (bits + 7) / 8 * 10 < planes * 9 ? MODE_GAPS : MODE_PLANES;
}

/* The sum above the minimum, which its bounds leave open. */
static void plan_sum_apart(const struct histogram *h, struct histogram_plan *plan)
{
    u128 above = h->sum - (u128)h->min_ns * h->weight;
    u128 most = (u128)(h->max_ns - h->min_ns) * h->weight;
    bool single = h->zero == 0 && h->min_ns == h->max_ns && above == 0;
    bool fraction = (above & (WEIGHT_ONE - 1)) != 0;
    unsigned shift = fraction ? 0 : WEIGHT_SHIFT;
    plan->item.head |= (uint8_t)((single ? HEAD_SINGLE : 0u) | (fraction ? HEAD_FRACTION : 0u));
    plan->sum = above >> shift;
    plan->sum_bits = single ? 0 : bit_length(most >> shift);
}

/* What the durations between the extremes are longer than the middles of their buckets, together,
 * when that is whole and as little as is usual. */
static bool plan_sum_near(const struct histogram *h, struct histogram_plan *plan)
{
    const struct histogram_item *item = &plan->item;
    unsigned bits = histogram_sum_bits(item->first, item->span, item->n);
    u128 expected = histogram_bucket_middles(h->buckets, h->bucket_count) +
                    histogram_extremes_apart(item, h->min_ns, h->max_ns) * item->unit;
    bool less = h->sum < expected;
    u128 far = less ? expected - h->sum : h->sum - expected;
    u128 half = bits ? (u128)1 << (bits - 1) : 0, units = far / item->unit;
    if (far % item->unit != 0 || (less ? units > half : units + (bits > 0) > half))
        return false;
    plan->sum = less ? half - units : half + units;
    plan->sum_bits = bits;
    return true;
}

static void plan_counts(const struct histogram *h, struct histogram_plan *plan)
{
    struct histogram_item *item = &plan->item;
    item->unit = common_unit(h);
    item->zero = h->zero / item->unit;
    for (uint32_t i = 0; i < h->bucket_count; i++) {
        uint64_t count = h->buckets[i].weight / item->unit;
        item->n += count;
        plan->largest = MAX(plan->largest, count);
    }
    if (h->bucket_count > 0) {
        item->first = h->buckets[0].index;
        item->span = (uint32_t)(h->buckets[h->bucket_count - 1].index - item->first);
    }
    plan->groups = item->span / PLANE_GROUP + 1;
    plan->rice = histogram_rice(item->n, item->span);
}

void histogram_plan_make(const struct histogram *h, enum histogram_form form,
                         struct histogram_plan *out)
{
    *out = (struct histogram_plan){.item.form = form, .rank = RANK_FLAT};
    if (h->weight == 0)
        return;
    plan_counts(h, out);
    enum histogram_mode mode = choose_mode(h, out);
    out->item.head = (uint8_t)(mode | (h->zero ? HEAD_ZERO : 0u) |
                               (out->item.unit != WEIGHT_ONE ? HEAD_UNIT : 0u));
    plan_sum_apart(h, out);
    if (form == HISTOGRAM_FORM_1 || mode == MODE_EMPTY || out->item.head & HEAD_SINGLE)
        return;
    uint8_t apart = out->item.head;
    out->item.head &= (uint8_t)~HEAD_FRACTION;
    if (!plan_sum_near(h, out))
        out->item.head = apart | HEAD_FAR;
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

struct gap_writer {
    const struct histogram_plan *plan;
    struct bit_writer *bits;
};

static void put_next_gap(uint64_t number, uint32_t gap, void *user)
{
    const struct gap_writer *w = user;
    const struct histogram_plan *plan = w->plan;
    put_gap(w->bits, gap, gap_rice(plan->rice, plan->rank, number, plan->item.n));
}

static void put_gaps(const struct histogram *h, const struct histogram_plan *plan,
                     struct bit_writer *bits)
{
    struct gap_writer w = {plan, bits};
    if (is_ranked(&plan->item))
        bits_put(bits, plan->rank, RANK_BITS);
    each_gap(h, plan, put_next_gap, &w);
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

static void put_pairs(const struct histogram *h, uint64_t unit, struct buf *out)
{
    int32_t next = h->buckets[0].index;
    for (uint32_t i = 0; i < h->bucket_count; i++) {
        buf_append_varint(out, (uint64_t)(h->buckets[i].index - next));
        buf_append_varint(out, h->buckets[i].weight / unit);
        next = h->buckets[i].index + 1;
    }
}

static void put_payload(const struct histogram *h, const struct histogram_plan *plan,
                        struct bit_writer *w)
{
    enum histogram_mode mode = plan->item.head & HEAD_MODE;
    if (mode == MODE_GAPS) {
        put_gaps(h, plan, w);
        return;
    }
    bits_end(w);
    if (mode == MODE_PLANES) {
        struct plane_writer planes = {.out = w->out, .codes_at = w->out->len};
        for (uint32_t i = 0; i < (plan->groups + 1) / 2; i++)
            buf_append_u8(w->out, 0);
        each_group(h, plan, put_planes, &planes);
    }
    if (mode == MODE_WIDE)
        put_pairs(h, plan->item.unit, w->out);
}

static unsigned room_bits(enum histogram_form form, int32_t index)
{
    return form == HISTOGRAM_FORM_2 ? histogram_room_bits(index)
                                    : bit_length(histogram_bucket_room(index));
}

/* Minimum, maximum and sum: each in the bits that its bounds leave open. */
static void put_extent(const struct histogram *h, const struct histogram_plan *plan,
                       struct bit_writer *w)
{
    const struct histogram_item *item = &plan->item;
    int32_t last = item->first + (int32_t)item->span;
    if (!h->zero)
        bits_put_long(w, h->min_ns - histogram_upper_floor_ns(item->first - 1) - 1,
                      room_bits(item->form, item->first));
    if (item->head & HEAD_SINGLE)
        return;
    bits_put_long(w, histogram_upper_floor_ns(last) - h->max_ns, room_bits(item->form, last));
    bits_put_long(w, plan->sum, plan->sum_bits);
}

void histogram_plan_put(const struct histogram *h, const struct histogram_plan *plan,
                        struct bit_writer *w)
{
    if ((plan->item.head & HEAD_MODE) == MODE_EMPTY)
        return;
    put_extent(h, plan, w);
    put_payload(h, plan, w);
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

/* Moves the bytes from `tail` on, at most 16, to `start`, before what lies there. */
static void move_front(struct buf *out, size_t start, size_t tail)
{
    uint8_t moved[16];
    size_t bytes = out->len - tail;
    if (out->failed || bytes == 0)
        return;
    memcpy(moved, out->ptr + tail, bytes);
    memmove(out->ptr + start + bytes, out->ptr + start, tail - start);
    memcpy(out->ptr + start, moved, bytes);
}

void histogram_encode(const struct histogram *h, struct buf *out)
{
    struct histogram_plan plan;
    struct bit_writer w = {.out = out};
    size_t start = out->len;
    histogram_plan_make(h, HISTOGRAM_FORM_1, &plan);
    if (plan.item.head)
        put_numbers(&plan.item, out);
    histogram_plan_put(h, &plan, &w);
    bits_end(&w);
    size_t end = out->len;
    buf_append_varint(out, end - start);
    move_front(out, start, end);
}
