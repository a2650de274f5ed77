/* histogram.c - sparse exponential histograms: which bucket, add, merge, quantiles. */
#include "model/histogram.h"

#include "base/mem.h"
#include "model/histogram_borders.h"
#include "model/histogram_codec.h"
#include <math.h>

/* In the octave [2^29, 2^30) ns, which holds one second, border 57 is bucket border 0. */
enum { SECOND_OCTAVE = 29, SECOND_BORDER = 57, OCTAVE = 1 << HISTOGRAM_SCALE };

/* Harmonic mid-point 2ab/(a+b) of a bucket as a share of its upper border b = 2^(1/64) * a. */
#define MIDPOINT 0.994584840584097431

void histogram_deinit(struct histogram *h)
{
    mem_free(h->buckets);
    *h = (struct histogram){0};
}

void histogram_reset(struct histogram *h)
{
    *h = (struct histogram){.buckets = h->buckets, .bucket_cap = h->bucket_cap};
}

int32_t histogram_index(uint64_t ns)
{
    int octave = 63 - __builtin_clzll(ns | 1);
    uint64_t scaled = ns << (63 - octave);
    unsigned below = octave_guess[(scaled >> 56) & 127];
    if (below < OCTAVE && octave_borders[below] < scaled)
        below++;
    return OCTAVE * (octave - SECOND_OCTAVE) + (int32_t)below - SECOND_BORDER - 1;
}

/* As exp2() would give it, at a tenth of the cost: 64 borders are known, the rest is an exponent.
 */
double histogram_upper_ns(int32_t index)
{
    int32_t border = index + 1 + OCTAVE * SECOND_OCTAVE + SECOND_BORDER;
    uint64_t power = (uint64_t)((border >> HISTOGRAM_SCALE) - 63 + 1023) << 52;
    double scale;
    memcpy(&scale, &power, sizeof(scale));
    return (double)octave_borders[border & (OCTAVE - 1)] * scale;
}

uint64_t histogram_upper_floor_ns(int32_t index)
{
    int32_t border = index + 1 + OCTAVE * SECOND_OCTAVE + SECOND_BORDER;
    if (border < 0)
        return 0;
    if (border >= OCTAVE * 64)
        return UINT64_MAX;
    return octave_borders[border & (OCTAVE - 1)] >> (63 - (border >> HISTOGRAM_SCALE));
}

/* Octave of the upper border of a bucket, and which of its borders that is. */
static inline int32_t octave_of(int32_t index, unsigned *k)
{
    int32_t border = index + 1 + OCTAVE * SECOND_OCTAVE + SECOND_BORDER;
    *k = (unsigned)border & (OCTAVE - 1);
    return border >> HISTOGRAM_SCALE;
}

enum { MIDDLE_OCTAVE = 31 }; /* where octave_middles are whole ns as they stand */

uint64_t histogram_middle_ns(int32_t index)
{
    unsigned k;
    int32_t octave = octave_of(index, &k);
    if (octave < 0)
        return 0;
    if (octave > MIDDLE_OCTAVE)
        return octave < 64 ? (uint64_t)octave_middles[k] << (octave - MIDDLE_OCTAVE) : UINT64_MAX;
    return octave_middles[k] >> (MIDDLE_OCTAVE - octave);
}

/* `count` slots of one octave, the first at its border k. */
static u128 octave_slot_middles(int32_t octave, unsigned k, const uint32_t *slots, size_t count)
{
    unsigned shift = octave < 0 || octave > MIDDLE_OCTAVE ? 0 : (unsigned)(MIDDLE_OCTAVE - octave);
    uint64_t sum = 0;
    if (octave < 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)(octave_middles[k + i] >> shift) * slots[i];
    return octave > MIDDLE_OCTAVE ? (u128)sum << (octave - MIDDLE_OCTAVE) : sum;
}

u128 histogram_slot_middles(int32_t first, const uint32_t *slots, size_t len)
{
    u128 sum = 0;
    for (size_t done = 0; done < len;) {
        unsigned k;
        int32_t octave = octave_of(first + (int32_t)done, &k);
        size_t count = MIN(len - done, (size_t)(OCTAVE - k));
        if (octave < 64)
            sum += octave_slot_middles(octave, k, slots + done, count);
        else if (slots[done]) /* the last bucket of all */
            sum += (u128)UINT64_MAX * slots[done];
        done += count;
    }
    return sum;
}

uint64_t histogram_bucket_room(int32_t index)
{
    uint64_t count = histogram_upper_floor_ns(index) - histogram_upper_floor_ns(index - 1);
    return count ? count - 1 : 0;
}

bool histogram_reserve(struct histogram *h, uint32_t need)
{
    if (need <= h->bucket_cap)
        return true;
    uint32_t cap = MAX(need, h->bucket_cap + h->bucket_cap / 2 + 4);
    struct histogram_bucket *buckets = mem_realloc_array(h->buckets, cap, sizeof(*buckets));
    if (!buckets)
        return false;
    h->buckets = buckets;
    h->bucket_cap = cap;
    return true;
}

/* First bucket with an index not below `index`. Indices are distinct and ascending, so it lies at
 * most index - first buckets behind the first one and at most last - index before the last one:
 * where few buckets are missing, little is left to search. */
static uint32_t bucket_position(const struct histogram *h, int32_t index)
{
    const struct histogram_bucket *b = h->buckets;
    uint32_t last = h->bucket_count - 1;
    if (h->bucket_count == 0 || index <= b[0].index)
        return 0;
    if (index > b[last].index)
        return h->bucket_count;
    uint32_t behind = (uint32_t)(b[last].index - index);
    uint32_t high = MIN(last, (uint32_t)(index - b[0].index));
    uint32_t low = last > behind ? last - behind : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (b[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool bucket_add(struct histogram *h, int32_t index, uint64_t weight)
{
    uint32_t at = bucket_position(h, index);
    if (at < h->bucket_count && h->buckets[at].index == index) {
        h->buckets[at].weight += weight;
        return true;
    }
    if (!histogram_reserve(h, h->bucket_count + 1))
        return false;
    memmove(&h->buckets[at + 1], &h->buckets[at], (h->bucket_count - at) * sizeof(*h->buckets));
    h->buckets[at] = (struct histogram_bucket){.index = index, .weight = weight};
    h->bucket_count++;
    return true;
}

static void widen(struct histogram *h, uint64_t min_ns, uint64_t max_ns)
{
    if (h->weight == 0 || min_ns < h->min_ns)
        h->min_ns = min_ns;
    if (h->weight == 0 || max_ns > h->max_ns)
        h->max_ns = max_ns;
}

bool histogram_add(struct histogram *h, uint64_t ns, uint64_t weight)
{
    if (weight == 0)
        return true;
    if (ns == 0)
        h->zero += weight;
    else if (!bucket_add(h, histogram_index(ns), weight))
        return false;
    widen(h, ns, ns);
    h->weight += weight;
    h->sum += (u128)ns * weight;
    return true;
}

static uint32_t union_count(const struct histogram *to, const struct histogram_bucket *from,
                            uint32_t count)
{
    uint32_t a = 0, b = 0, distinct = 0;
    for (; a < to->bucket_count && b < count; distinct++) {
        int32_t x = to->buckets[a].index, y = from[b].index;
        a += x <= y;
        b += y <= x;
    }
    return distinct + (to->bucket_count - a) + (count - b);
}

/* The last bucket up to `index`, which is not below that of bucket `at`. Indices are distinct, so
 * it is no further away than they are. */
static uint32_t reach(const struct histogram *h, uint32_t at, int32_t index)
{
    uint32_t distance = (uint32_t)(index - h->buckets[at].index);
    at += MIN(distance, h->bucket_count - 1 - at);
    while (h->buckets[at].index > index)
        at--;
    return at;
}

static bool has_all(const struct histogram *h, const struct histogram_bucket *from, uint32_t count)
{
    if (count == 0 || h->bucket_count == 0 || from[0].index < h->buckets[0].index)
        return count == 0;
    for (uint32_t i = 0, at = 0; i < count; i++) {
        at = reach(h, at, from[i].index);
        if (h->buckets[at].index != from[i].index)
            return false;
    }
    return true;
}

bool histogram_merge_buckets(struct histogram *to, const struct histogram_bucket *from,
                             uint32_t count)
{
    if (has_all(to, from, count)) { /* what most sums over time are */
        for (uint32_t i = 0, at = 0; i < count; i++) {
            at = reach(to, at, from[i].index);
            to->buckets[at].weight += from[i].weight;
        }
        return true;
    }
    uint32_t end = union_count(to, from, count);
    if (!histogram_reserve(to, end))
        return false;
    uint32_t a = to->bucket_count, b = count, at = end;
    while (b > 0) { /* from the back, so that nothing unread is overwritten */
        struct histogram_bucket *slot = &to->buckets[--at];
        if (a > 0 && to->buckets[a - 1].index > from[b - 1].index) {
            *slot = to->buckets[--a];
            continue;
        }
        struct histogram_bucket sum = from[--b];
        if (a > 0 && to->buckets[a - 1].index == sum.index)
            sum.weight += to->buckets[--a].weight;
        *slot = sum;
    }
    to->bucket_count = end;
    return true;
}

bool histogram_merge(struct histogram *to, const struct histogram *from)
{
    if (from->weight == 0)
        return true;
    if (!histogram_merge_buckets(to, from->buckets, from->bucket_count))
        return false;
    widen(to, from->min_ns, from->max_ns);
    to->weight += from->weight;
    to->zero += from->zero;
    to->sum += from->sum;
    return true;
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* The bucket that holds the target-th part of the weight, counted from the nearer end; needs zero <
 * target <= weight. */
static uint32_t bucket_of_rank(const struct histogram *h, uint64_t target)
{
    if (target <= h->weight / 2) {
        uint32_t i = 0;
        for (uint64_t below = h->zero; i + 1 < h->bucket_count; i++) {
            below += h->buckets[i].weight;
            if (below >= target)
                break;
        }
        return i;
    }
    uint32_t i = h->bucket_count - 1;
    for (uint64_t left = h->weight; i > 0; i--) {
        left -= h->buckets[i].weight;
        if (left < target)
            break;
    }
    return i;
}

uint64_t histogram_rank_of(uint64_t weight, double q)
{
    /* Scaling by 2^16 is exact in a double: for whole requests this is the rank ceil(q*n). */
    double rank = ceil(q * (double)weight);
    return rank < (double)weight ? (uint64_t)rank : weight;
}

double histogram_value_ns(const struct histogram *h, int32_t index)
{
    return clamp(histogram_upper_ns(index) * MIDPOINT, (double)h->min_ns, (double)h->max_ns);
}

double histogram_quantile_ns(const struct histogram *h, double q)
{
    if (h->weight == 0)
        return 0;
    if (!(q > 0))
        return (double)h->min_ns;
    if (q >= 1)
        return (double)h->max_ns;
    uint64_t target = histogram_rank_of(h->weight, q);
    if (h->zero >= target || h->bucket_count == 0)
        return 0;
    return histogram_value_ns(h, h->buckets[bucket_of_rank(h, target)].index);
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t half = WEIGHT_ONE / 2;
    return (h->weight >> WEIGHT_SHIFT) + ((h->weight & (WEIGHT_ONE - 1)) >= half);
}

double histogram_mean_ns(const struct histogram *h)
{
    return h->weight ? (double)h->sum / (double)h->weight : 0;
}
