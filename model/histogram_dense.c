/* histogram_dense.c - summing encoded histograms over a window of buckets. */
#include "model/histogram_dense.h"

#include "base/mem.h"
#include "model/histogram_codec.h"

void histogram_dense_deinit(struct histogram_dense *d)
{
    mem_free(d->slots);
    histogram_deinit(&d->rest);
    *d = (struct histogram_dense){0};
}

/* Makes the window hold [first, first + span], rounded up to whole groups. */
static bool window_cover(struct histogram_dense *d, int32_t first, uint32_t span)
{
    enum { MARGIN = 32 };
    int32_t end = first + (int32_t)(span / PLANE_GROUP + 1) * PLANE_GROUP;
    int32_t old_end = d->base + (int32_t)d->len;
    if (d->len > 0 && first >= d->base && end <= old_end)
        return true;
    int32_t base = d->len == 0 || first < d->base ? first - MARGIN : d->base;
    int32_t new_end = d->len == 0 || end > old_end ? end + MARGIN : old_end;
    base -= (base - new_end) & (PLANE_GROUP - 1); /* a whole number of groups */
    uint32_t *slots = mem_calloc((size_t)(new_end - base), sizeof(*slots));
    if (!slots)
        return false;
    if (d->len > 0)
        memcpy(slots + (d->base - base), d->slots, d->len * sizeof(*slots));
    mem_free(d->slots);
    d->slots = slots;
    d->base = base;
    d->len = (uint32_t)(new_end - base);
    return true;
}

/* True when the counts are whole requests and no slot can overflow. */
static bool fits_slots(const struct histogram_dense *d, const struct histogram_head *head)
{
    uint64_t scale = head->unit >> WEIGHT_SHIFT, most;
    return head->mode != MODE_WIDE && head->unit % WEIGHT_ONE == 0 &&
           !__builtin_mul_overflow(head->n, scale, &most) && most <= UINT32_MAX - d->bound;
}

static enum status add_buckets(struct histogram_dense *d, const struct histogram_head *head,
                               struct err *e)
{
    struct histogram_bucket buckets[HISTOGRAM_INDEX_COUNT];
    uint32_t count;
    if (!histogram_payload_read(head, buckets, &count))
        return err_set(e, ST_CORRUPT, "an encoded histogram is damaged");
    if (head->from_middles)
        d->rest.sum += histogram_bucket_middles(buckets, count);
    if (!histogram_merge_buckets(&d->rest, buckets, count))
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    return ST_OK;
}

/* Middles are added to the sum when the slots are taken: what has a sum of its own must not count
 * there. False on damage. */
static bool leave_middles_out(struct histogram_dense *d, const struct histogram_head *head)
{
    uint32_t slots[HISTOGRAM_INDEX_COUNT + PLANE_GROUP];
    if (d->without_sums)
        return true;
    memset(slots, 0, (head->span + (size_t)PLANE_GROUP) * sizeof(*slots));
    if (!histogram_payload_add(head, 1, slots))
        return false;
    d->rest.sum -= histogram_slot_middles(head->first, slots, (size_t)head->span + 1) * head->unit;
    return true;
}

static enum status add_slots(struct histogram_dense *d, const struct histogram_head *head,
                             struct err *e)
{
    uint32_t scale = (uint32_t)(head->unit >> WEIGHT_SHIFT);
    if (!window_cover(d, head->first, head->span))
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    if (!histogram_payload_add(head, scale, d->slots + (head->first - d->base)) ||
        (!head->from_middles && !leave_middles_out(d, head)))
        return err_set(e, ST_CORRUPT, "an encoded histogram is damaged");
    d->bound += head->n * scale;
    return ST_OK;
}

enum status histogram_dense_add_item(const struct histogram_item *item,
                                     struct histogram_dense *into, struct err *e)
{
    struct histogram_head head;
    if (!histogram_head_read(item, !into->without_sums, &head))
        return err_set(e, ST_CORRUPT, "an encoded histogram is damaged");
    if (head.unit == 0)
        return ST_OK;
    if (head.mode != MODE_EMPTY)
        TRY(fits_slots(into, &head) ? add_slots(into, &head, e) : add_buckets(into, &head, e));
    struct histogram *all = &into->rest;
    all->min_ns = all->weight == 0 ? head.min_ns : MIN(all->min_ns, head.min_ns);
    all->max_ns = all->weight == 0 ? head.max_ns : MAX(all->max_ns, head.max_ns);
    all->weight += head.zero + head.n * head.unit;
    all->zero += head.zero;
    all->sum += head.sum;
    return ST_OK;
}

enum status histogram_dense_add(struct cursor *in, struct histogram_dense *into, struct err *e)
{
    struct histogram_item item;
    if (!histogram_item_read(in, &item))
        return err_set(e, ST_CORRUPT, "an encoded histogram is damaged");
    return histogram_dense_add_item(&item, into, e);
}

static uint32_t used_slots(const struct histogram_dense *d)
{
    uint32_t used = 0;
    for (uint32_t i = 0; d->bound > 0 && i < d->len; i += PLANE_GROUP)
        for (uint32_t j = 0; j < PLANE_GROUP; j++)
            used += d->slots[i + j] != 0;
    return used;
}

/* Completes the sum, before the slots are taken. */
static void add_middles(struct histogram_dense *d)
{
    if (d->without_sums)
        d->rest.sum = 0;
    else if (d->bound > 0)
        d->rest.sum += histogram_slot_middles(d->base, d->slots, d->len) << WEIGHT_SHIFT;
}

/* Moves the slots into `out`, which is empty and has room for all of them. */
static void take_slots(struct histogram_dense *d, struct histogram *out)
{
    struct histogram_bucket *at = out->buckets, *end = at + out->bucket_cap;
    const uint32_t *slots = d->slots;
    int32_t index = d->base;
    for (uint32_t left = d->len; left > 0 && at < end; left--, slots++, index++) {
        uint32_t count = *slots; /* a 0 is overwritten by the next */
        *at = (struct histogram_bucket){index, (uint64_t)count << WEIGHT_SHIFT};
        at += count != 0;
    }
    out->bucket_count = (uint32_t)(at - out->buckets);
    memset(d->slots, 0, d->len * sizeof(*d->slots));
    d->bound = 0;
}

bool histogram_dense_take(struct histogram_dense *d, struct histogram *out)
{
    histogram_reset(out);
    if (out->bucket_cap < d->len && !histogram_reserve(out, used_slots(d)))
        return false;
    add_middles(d);
    if (d->bound > 0 && out->bucket_cap > 0)
        take_slots(d, out);
    if (!histogram_merge(out, &d->rest))
        return false;
    histogram_reset(&d->rest);
    return true;
}

/* They fit 32 bits together (bound). Lanes, so that the compiler makes vectors of it. */
static uint32_t sum_slots(const uint32_t *slots, size_t count)
{
    enum { LANES = 16 };
    uint32_t lanes[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lanes[k] += slots[i + k];
    for (size_t k = 0; k < LANES; k++)
        sum += lanes[k];
    for (; i < count; i++)
        sum += slots[i];
    return sum;
}

/* Appends the slots from *at up to `end` (exclusive) as one bucket. */
static void take_range(const struct histogram_dense *d, int32_t *at, int32_t end,
                       struct histogram *out)
{
    end = MIN(end, d->base + (int32_t)d->len);
    if (end <= *at)
        return;
    uint32_t count = sum_slots(d->slots + (*at - d->base), (size_t)(end - *at));
    if (count)
        out->buckets[out->bucket_count++] =
            (struct histogram_bucket){end - 1, (uint64_t)count << WEIGHT_SHIFT};
    *at = end;
}

bool histogram_dense_take_coarse(struct histogram_dense *d, const int32_t *apart, size_t count,
                                 struct histogram *out)
{
    if (d->rest.bucket_count > 0)
        return histogram_dense_take(d, out);
    histogram_reset(out);
    if (!histogram_reserve(out, (uint32_t)(2 * count + 1)))
        return false;
    add_middles(d);
    int32_t at = d->base;
    for (size_t i = 0; d->bound > 0 && i < count; i++) {
        take_range(d, &at, apart[i], out);
        take_range(d, &at, apart[i] < INT32_MAX ? apart[i] + 1 : apart[i], out);
    }
    if (d->bound > 0) {
        take_range(d, &at, d->base + (int32_t)d->len, out);
        memset(d->slots, 0, d->len * sizeof(*d->slots));
        d->bound = 0;
    }
    if (!histogram_merge(out, &d->rest))
        return false;
    histogram_reset(&d->rest);
    return true;
}

/* --- quantiles --- */

typedef uint32_t words4 __attribute__((vector_size(16)));

/* A window is never longer: all buckets, a margin and a group at both ends. */
enum { GROUPS_MAX = HISTOGRAM_INDEX_COUNT / PLANE_GROUP + 8 };

static inline uint32_t sum_group(const uint32_t slots[PLANE_GROUP])
{
    words4 x[PLANE_GROUP / 4];
    memcpy(x, slots, sizeof(x));
    words4 sum = x[0] + x[1] + (x[2] + x[3]);
    sum += __builtin_shufflevector(sum, sum, 2, 3, 0, 1);
    sum += __builtin_shufflevector(sum, sum, 1, 0, 3, 2);
    return sum[0];
}

/* Counts in each group of slots and in those below. */
static uint32_t sum_groups(const struct histogram_dense *d, uint32_t upto[GROUPS_MAX])
{
    uint32_t groups = MIN(d->len / PLANE_GROUP, (uint32_t)GROUPS_MAX), sum = 0;
    for (uint32_t g = 0; g < groups; g++)
        upto[g] = sum += sum_group(d->slots + (size_t)g * PLANE_GROUP);
    return groups;
}

/* The bucket of the rank-th count, from 1 on; the last one when there are fewer, which is damage.
 */
static int32_t bucket_of_count(const struct histogram_dense *d, const uint32_t *upto,
                               uint32_t groups, uint64_t rank)
{
    uint32_t g = 0, slot = 0;
    while (g + 1 < groups && upto[g] < rank)
        g++;
    const uint32_t *slots = d->slots + (size_t)g * PLANE_GROUP;
    for (uint64_t sum = g ? upto[g - 1] : 0; slot + 1 < PLANE_GROUP; slot++)
        if ((sum += slots[slot]) >= rank)
            break;
    return d->base + (int32_t)(g * PLANE_GROUP + slot);
}

static double slot_quantile(const struct histogram_dense *d, const uint32_t *upto, uint32_t groups,
                            double q)
{
    const struct histogram *all = &d->rest;
    if (!(q > 0))
        return (double)all->min_ns;
    if (q >= 1)
        return (double)all->max_ns;
    uint64_t target = histogram_rank_of(all->weight, q);
    if (all->zero >= target || d->bound == 0)
        return 0;
    uint64_t rank = (target - all->zero + WEIGHT_ONE - 1) >> WEIGHT_SHIFT;
    return histogram_value_ns(all, bucket_of_count(d, upto, groups, rank));
}

static bool take_listed_quantiles(struct histogram_dense *d, const double *q, size_t count,
                                  uint64_t *weight, double *ns)
{
    struct histogram all = {0};
    bool ok = histogram_dense_take(d, &all);
    *weight = all.weight;
    for (size_t i = 0; ok && i < count; i++)
        ns[i] = histogram_quantile_ns(&all, q[i]);
    histogram_deinit(&all);
    return ok;
}

bool histogram_dense_take_quantiles(struct histogram_dense *d, const double *q, size_t count,
                                    uint64_t *weight, double *ns)
{
    uint32_t upto[GROUPS_MAX];
    if (d->rest.bucket_count > 0)
        return take_listed_quantiles(d, q, count, weight, ns);
    *weight = d->rest.weight;
    uint32_t groups = d->bound > 0 && *weight > 0 ? sum_groups(d, upto) : 0;
    for (size_t i = 0; i < count; i++)
        ns[i] = *weight > 0 ? slot_quantile(d, upto, groups, q[i]) : 0;
    if (d->bound > 0)
        memset(d->slots, 0, d->len * sizeof(*d->slots));
    d->bound = 0;
    histogram_reset(&d->rest);
    return true;
}
