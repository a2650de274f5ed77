/* promql_histogram_growth.c - sums and differences of native histograms: +, -, and how much one
 * grew over a window (rate, increase, delta, irate, idelta). */
#include "query/promql_histogram.h"
#include "query/promql_notes.h"

#include <stdio.h>

static void note_kind(const struct histogram_ask *ask, const char *kind)
{
    char text[80];
    snprintf(text, sizeof(text), "this native histogram metric is not a %s:", kind);
    promql_note_name(ask->notes, ANNOTATION_WARNING, ask->at, text, ask->metric);
}

static void note_reconciled(const struct histogram_ask *ask, const struct native_sum *sum,
                            const char *operation)
{
    if (sum->is_reconciled)
        promql_note_reconciled(ask->notes, ask->at, operation);
}

/* The sum as *out; out of a mix of schemas, which is ST_INVALID, nothing. */
static enum status take(const struct native_sum *sum, enum status status,
                        struct native_histogram **out)
{
    *out = NULL;
    if (status == ST_INVALID)
        return ST_OK;
    TRY(status);
    *out = native_sum_take(sum);
    return *out ? ST_OK : ST_NO_MEMORY;
}

static enum status binary(const struct histogram_ask *ask, const struct native_histogram *a,
                          const struct native_histogram *b, bool adds,
                          struct native_histogram **out)
{
    const char *operation = adds ? "addition" : "subtraction";
    struct native_sum sum = {.arena = ask->arena};
    TRY(native_sum_add(&sum, a, 1));
    TRY(take(&sum, native_sum_add(&sum, b, adds ? 1 : -1), out));
    if (!*out) {
        annotations_add(ask->notes, ANNOTATION_WARNING, ask->at,
                        "incompatible bucket layout encountered for binary operator %c",
                        adds ? '+' : '-');
        return ST_OK;
    }
    if (sum.reset_seen && sum.no_reset_seen)
        annotations_add(ask->notes, ANNOTATION_WARNING, ask->at,
                        "conflicting counter resets during histogram %s", operation);
    note_reconciled(ask, &sum, operation);
    if (!adds)
        (*out)->hint = RESET_GAUGE;
    return ST_OK;
}

enum status native_binary_add(const struct histogram_ask *ask, const struct native_histogram *a,
                              const struct native_histogram *b, struct native_histogram **out)
{
    return binary(ask, a, b, true, out);
}

enum status native_binary_sub(const struct histogram_ask *ask, const struct native_histogram *a,
                              const struct native_histogram *b, struct native_histogram **out)
{
    return binary(ask, a, b, false, out);
}

/* What the window's points have in common. */
struct window {
    const struct native_histogram *const *points;
    size_t count;
    bool is_counter;
    bool skips_first; /* the counter started anew right behind it: its layout does not matter */
    int8_t schema;    /* the lowest */
};

static bool window_is_mixed(const struct window *w)
{
    bool is_custom = native_histogram_is_custom(w->points[w->skips_first ? 1 : 0]);
    if (native_histogram_is_custom(w->points[w->count - 1]) != is_custom)
        return true;
    for (size_t i = 1; w->is_counter && i + 1 < w->count; i++)
        if (native_histogram_is_custom(w->points[i]) != is_custom)
            return true;
    return false;
}

static void window_note_kind(const struct window *w, const struct histogram_ask *ask)
{
    bool has_gauge = false, has_counter = false;
    for (size_t i = 0; i < w->count; i++) {
        /* Of a gauge, Prometheus looks at both ends only. */
        if (!w->is_counter && i > 0 && i + 1 < w->count)
            continue;
        bool is_gauge = w->points[i]->hint == RESET_GAUGE;
        has_gauge |= is_gauge;
        has_counter |= !is_gauge;
    }
    if (w->is_counter && has_gauge)
        note_kind(ask, "counter");
    if (!w->is_counter && has_counter)
        note_kind(ask, "gauge");
}

static void window_find_schema(struct window *w)
{
    w->schema = w->points[w->count - 1]->schema;
    for (size_t i = w->skips_first ? 1 : 0; i + 1 < w->count; i++)
        if (i == 0 || w->is_counter)
            w->schema = MIN(w->schema, w->points[i]->schema);
}

/* Last - first, and what was counted before each reset. */
static enum status window_sum(const struct window *w, const struct histogram_ask *ask,
                              struct native_sum *sum)
{
    TRY(native_sum_add(sum, w->points[w->count - 1], 1));
    if (!w->skips_first)
        TRY(native_sum_add(sum, w->points[0], -1));
    note_reconciled(ask, sum, "subtraction");
    sum->is_reconciled = false;
    for (size_t i = 2; w->is_counter && i < w->count; i++)
        if (native_histogram_is_reset(w->points[i], w->points[i - 1]))
            TRY(native_sum_add(sum, w->points[i - 1], 1));
    note_reconciled(ask, sum, "addition");
    return ST_OK;
}

/* Both count in one layout, above zero alone. */
static bool is_alike(const struct native_histogram *a, const struct native_histogram *b)
{
    return !native_histogram_is_custom(a) && a->schema == b->schema &&
           a->zero_threshold == b->zero_threshold && a->negative.count + b->negative.count == 0;
}

static bool has_late_reset(const struct window *w)
{
    for (size_t i = 2; w->is_counter && i < w->count; i++)
        if (native_histogram_is_reset(w->points[i], w->points[i - 1]))
            return true;
    return false;
}

/* False: a bucket of `from` is not in `h`. */
static bool subtract(const struct native_buckets *h, const struct native_buckets *from,
                     struct native_buckets *out)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < h->count; i++) {
        struct native_bucket b = h->items[i];
        if (k < from->count && from->items[k].index == b.index)
            b.count -= from->items[k++].count;
        out->items[out->count] = b;
        out->count += b.count != 0;
    }
    return k == from->count;
}

/* What most windows are, in one pass: ends of a total that only grew. Of two terms a compensated
 * sum is the plain one. *out NULL: it is not so simple. */
static enum status plain_growth(const struct window *w, const struct histogram_ask *ask,
                                struct native_histogram **out)
{
    const struct native_histogram *first = w->points[0], *last = w->points[w->count - 1];
    *out = NULL;
    if (w->skips_first || !is_alike(first, last) || has_late_reset(w))
        return ST_OK;
    struct native_histogram *h = arena_alloc(ask->arena, sizeof(*h));
    struct native_bucket *room =
        arena_alloc(ask->arena, (last->positive.count + (size_t)1) * sizeof(*room));
    if (!h || !room)
        return ST_NO_MEMORY;
    *h = *last;
    h->count -= first->count;
    h->sum -= first->sum;
    h->zero_count -= first->zero_count;
    h->positive = (struct native_buckets){room, 0};
    if (subtract(&last->positive, &first->positive, &h->positive))
        *out = h;
    return ST_OK;
}

enum status native_window_growth(const struct histogram_ask *ask,
                                 const struct native_histogram *const *points, size_t count,
                                 bool is_counter, struct native_histogram **out)
{
    *out = NULL;
    struct window w = {.points = points, .count = count, .is_counter = is_counter};
    w.skips_first = is_counter && count > 1 && native_histogram_is_reset(points[1], points[0]);
    window_note_kind(&w, ask);
    if (window_is_mixed(&w)) {
        histogram_note_mixed(ask);
        return ST_OK;
    }
    window_find_schema(&w);
    TRY(plain_growth(&w, ask, out));
    struct native_sum sum = {.arena = ask->arena};
    if (!*out)
        TRY(take(&sum, window_sum(&w, ask, &sum), out));
    if (!*out) {
        histogram_note_mixed(ask);
        return ST_OK;
    }
    native_histogram_reduce(*out, w.schema);
    (*out)->hint = RESET_GAUGE;
    return ST_OK;
}

static void instant_note_kind(const struct histogram_ask *ask,
                              const struct native_histogram *before,
                              const struct native_histogram *last, bool is_counter)
{
    int gauges = (before->hint == RESET_GAUGE) + (last->hint == RESET_GAUGE);
    if (is_counter && gauges > 0)
        note_kind(ask, "counter");
    if (!is_counter && gauges < 2)
        note_kind(ask, "gauge");
}

enum status native_instant_growth(const struct histogram_ask *ask,
                                  const struct native_histogram *before,
                                  const struct native_histogram *last, bool is_counter,
                                  struct native_histogram **out)
{
    instant_note_kind(ask, before, last, is_counter);
    struct native_sum sum = {.arena = ask->arena};
    enum status status = native_sum_add(&sum, last, 1);
    if (status == ST_OK && !(is_counter && native_histogram_is_reset(last, before)))
        status = native_sum_add(&sum, before, -1);
    TRY(take(&sum, status, out));
    if (!*out) {
        histogram_note_mixed(ask);
        return ST_OK;
    }
    note_reconciled(ask, &sum, "subtraction");
    (*out)->hint = RESET_GAUGE;
    return ST_OK;
}
