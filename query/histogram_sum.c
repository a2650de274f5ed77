/* histogram_sum.c - a window of plain counters from the lowest to the highest bucket of all. */
#include "query/histogram_sum.h"
#include "base/mem.h"

struct window {
    int32_t low, high; /* bucket indexes, both inside; low > high: no bucket */
    uint64_t *weights; /* owned; of bucket low + i */
};

static struct window window_of(const struct histogram *const *all, size_t count)
{
    struct window w = {.low = INT32_MAX, .high = INT32_MIN};
    for (size_t i = 0; i < count; i++) {
        if (!all[i]->bucket_count)
            continue;
        w.low = MIN(w.low, all[i]->buckets[0].index);
        w.high = MAX(w.high, all[i]->buckets[all[i]->bucket_count - 1].index);
    }
    return w;
}

static void add(struct histogram *out, struct window *w, const struct histogram *h)
{
    if (!h->weight)
        return;
    out->min_ns = out->weight ? MIN(out->min_ns, h->min_ns) : h->min_ns;
    out->max_ns = MAX(out->max_ns, h->max_ns);
    out->weight += h->weight;
    out->zero += h->zero;
    out->sum += h->sum;
    for (uint32_t i = 0; i < h->bucket_count; i++)
        w->weights[h->buckets[i].index - w->low] += h->buckets[i].weight;
}

static bool take_buckets(struct histogram *out, const struct window *w, size_t slots)
{
    uint32_t used = 0;
    for (size_t i = 0; i < slots; i++)
        used += w->weights[i] != 0;
    out->buckets = mem_realloc_array(NULL, used + 1, sizeof(*out->buckets));
    if (!out->buckets)
        return false;
    out->bucket_cap = used + 1;
    for (size_t i = 0; i < slots; i++)
        if (w->weights[i])
            out->buckets[out->bucket_count++] =
                (struct histogram_bucket){w->low + (int32_t)i, w->weights[i]};
    return true;
}

bool histogram_sum(struct histogram *out, const struct histogram *const *all, size_t count)
{
    struct window w = window_of(all, count);
    size_t slots = w.low <= w.high ? (size_t)((int64_t)w.high - w.low) + 1 : 0;
    w.weights = mem_calloc(slots + 1, sizeof(*w.weights));
    if (!w.weights)
        return false;
    for (size_t i = 0; i < count; i++)
        add(out, &w, all[i]);
    bool ok = take_buckets(out, &w, slots);
    mem_free(w.weights);
    return ok;
}
