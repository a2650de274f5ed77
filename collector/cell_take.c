/* cell_take.c - subtraction, field by field as cell.c and histogram.c add. */
#include "collector/cell_take.h"
#include <string.h>

static void bucket_take(struct histogram *h, int32_t index, uint64_t weight)
{
    uint32_t low = 0, high = h->bucket_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (h->buckets[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == h->bucket_count || h->buckets[low].index != index)
        return;
    h->buckets[low].weight -= weight;
    if (h->buckets[low].weight)
        return;
    h->bucket_count--;
    memmove(&h->buckets[low], &h->buckets[low + 1], (h->bucket_count - low) * sizeof(*h->buckets));
}

/* Extremes that are not known any more lie at the borders of the outermost buckets that are left:
 * outside of them they could not be encoded. */
static void settle_extremes(struct histogram *h)
{
    if (h->bucket_count == 0) {
        h->min_ns = h->max_ns = 0;
        return;
    }
    int32_t first = h->buckets[0].index, last = h->buckets[h->bucket_count - 1].index;
    if (h->zero == 0)
        h->min_ns = MAX(h->min_ns, histogram_upper_floor_ns(first - 1) + 1);
    h->max_ns = MIN(h->max_ns, histogram_upper_floor_ns(last));
}

void histogram_take(struct histogram *h, uint64_t ns, uint64_t weight, bool *stale)
{
    if (weight == 0)
        return;
    if (ns == 0)
        h->zero -= weight;
    else
        bucket_take(h, histogram_index(ns), weight);
    h->weight -= weight;
    h->sum -= (u128)ns * weight;
    *stale |= ns == h->min_ns || ns == h->max_ns;
    settle_extremes(h);
}

static void histogram_take_all(struct histogram *from, const struct histogram *what, bool *stale)
{
    if (what->weight == 0)
        return;
    for (uint32_t i = 0; i < what->bucket_count; i++)
        bucket_take(from, what->buckets[i].index, what->buckets[i].weight);
    from->zero -= what->zero;
    from->weight -= what->weight;
    from->sum -= what->sum;
    *stale |= what->min_ns <= from->min_ns || what->max_ns >= from->max_ns;
    settle_extremes(from);
}

void cell_tally_take(struct cell_tallies *t, uint32_t name, uint64_t weight)
{
    for (uint32_t i = 0; i < t->len; i++) {
        if (t->items[i].name != name)
            continue;
        t->items[i].weight -= weight;
        if (t->items[i].weight == 0)
            t->items[i] = t->items[--t->len];
        return;
    }
}

void cell_take_exemplar(struct cell *c, const struct exemplar *x, bool *stale)
{
    for (uint32_t i = 0; i < c->exemplar_count; i++) {
        const struct exemplar *y = &c->exemplars[i];
        if (!trace_id_eq(x->trace, y->trace) || x->latency_ns != y->latency_ns ||
            x->time_ns != y->time_ns)
            continue;
        c->exemplar_count--;
        memmove(&c->exemplars[i], &c->exemplars[i + 1], (c->exemplar_count - i) * sizeof(*y));
        *stale = true;
        return;
    }
}

static void tallies_take(struct cell_tallies *from, const struct cell_tallies *what,
                         uint32_t (*map)(uint32_t name, void *user), void *user)
{
    for (uint32_t i = 0; i < what->len; i++) {
        uint32_t name = map ? map(what->items[i].name, user) : what->items[i].name;
        cell_tally_take(from, name, what->items[i].weight);
    }
}

void cell_take(struct cell *from, const struct cell *what,
               uint32_t (*map)(uint32_t name, void *user), void *user, bool *stale)
{
    from->observed -= what->observed;
    from->weight -= what->weight;
    from->variance -= what->variance;
    from->errors -= what->errors;
    from->attempts -= what->attempts;
    from->retried -= what->retried;
    from->denied -= what->denied;
    from->transit_skipped -= what->transit_skipped;
    from->end_before_start -= what->end_before_start;
    from->request_bytes -= what->request_bytes;
    from->response_bytes -= what->response_bytes;
    from->request_sized -= what->request_sized;
    from->response_sized -= what->response_sized;
    histogram_take_all(&from->client, &what->client, stale);
    histogram_take_all(&from->server, &what->server, stale);
    histogram_take_all(&from->transit, &what->transit, stale);
    tallies_take(&from->codes, &what->codes, map, user);
    tallies_take(&from->grpc_codes, &what->grpc_codes, map, user);
    tallies_take(&from->flags, &what->flags, map, user);
    for (uint32_t i = 0; i < what->exemplar_count; i++)
        cell_take_exemplar(from, &what->exemplars[i], stale);
}
