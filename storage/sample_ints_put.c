/* sample_ints_put.c - fits a column of integers: which difference, how many bits, and what is left
 * out as an exception. */
#include "storage/sample_ints_format.h"

#include "base/mem.h"
#include <limits.h>
#include <math.h>

/* What is left of a byte's entropy when its low bits are split off: between one less and this. */
#define SYMBOL_BITS 4.05

enum {
    PROBES = 48,     /* numbers looked at to choose the order and the middle */
    WINDOW = 256,    /* distances from the middle that are counted one by one */
    ESCAPE_BITS = 18 /* what an exception costs, about */
};

static int64_t residual(const int64_t *x, uint32_t i, unsigned order)
{
    if (order == 0)
        return x[i];
    int64_t step = ints_sub(x[i], x[i - 1]);
    return order == 1 ? step : ints_sub(step, ints_sub(x[i - 1], x[i - 2]));
}

static unsigned bit_length64(uint64_t v)
{
    return 64 - (unsigned)__builtin_clzll(v | 1) - (v == 0);
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* Numbers looked at, as residuals of one order. */
struct probes {
    int64_t items[PROBES], lowest, highest;
    uint32_t count;
    unsigned guess; /* bits of all distances from a guessed middle */
};

static void insertion_sort(int64_t *v, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        int64_t item = v[i];
        uint32_t at = i;
        for (; at > 0 && v[at - 1] > item; at--)
            v[at] = v[at - 1];
        v[at] = item;
    }
}

/* Counts numbers that lie less than WINDOW from the lowest. */
static void counting_sort(struct probes *p)
{
    uint8_t counts[WINDOW] = {0};
    uint64_t present[WINDOW / 64] = {0};
    uint32_t out = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        uint64_t at = distance(p->items[i], p->lowest);
        counts[at]++;
        present[at / 64] |= UINT64_C(1) << at % 64;
    }
    for (uint32_t word = 0; word < LEN(present); word++)
        for (uint64_t left = present[word]; left; left &= left - 1) {
            uint32_t at = word * 64 + (uint32_t)__builtin_ctzll(left);
            for (unsigned k = counts[at]; k > 0; k--)
                p->items[out++] = p->lowest + at;
        }
}

static void sort_probes(struct probes *p)
{
    if (distance(p->highest, p->lowest) < WINDOW)
        counting_sort(p);
    else
        insertion_sort(p->items, p->count);
}

struct probe {
    int64_t middle;
    uint64_t spread; /* median distance from it */
    unsigned cost;   /* bits of all distances */
};

static unsigned bits_from(const struct probes *p, int64_t middle)
{
    unsigned bits = 0;
    for (uint32_t i = 0; i < p->count; i++)
        bits += bit_length64(distance(p->items[i], middle));
    return bits;
}

static int64_t middle_of_three(int64_t a, int64_t b, int64_t c)
{
    int64_t low = MIN(a, b), high = MAX(a, b);
    return c < low ? low : c > high ? high : c;
}

static void take_probes(const int64_t *x, uint32_t count, unsigned order, struct probes *p)
{
    uint32_t all = count - order;
    p->count = MIN(all, (uint32_t)PROBES);
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t at = all <= PROBES ? i : (uint32_t)((uint64_t)i * all / p->count);
        int64_t item = p->items[i] = residual(x, order + at, order);
        p->lowest = i == 0 ? item : MIN(p->lowest, item);
        p->highest = i == 0 ? item : MAX(p->highest, item);
    }
    uint32_t last = p->count - 1;
    p->guess = bits_from(p, middle_of_three(p->items[0], p->items[last / 2], p->items[last]));
}

/* Sorts the probes. */
static struct probe probe_order(struct probes *p)
{
    const int64_t *v = p->items;
    uint32_t n = p->count;
    sort_probes(p);
    struct probe out = {.middle = v[n / 2]};
    out.cost = bits_from(p, out.middle);
    out.spread = MAX(distance(v[n / 4], out.middle), distance(v[n - 1 - n / 4], out.middle));
    return out;
}

/* Leaves the probes of the order that is chosen sorted. An order whose guess is far from the best
 * guess is not sorted: its middle would not make up for that. */
static struct probe choose_order(const int64_t *x, uint32_t count, struct ints_head *h,
                                 struct probes probes[ORDER_MAX + 1])
{
    struct probe chosen = {.cost = UINT_MAX};
    unsigned least = UINT_MAX, from = 0;
    for (unsigned order = 0; order <= ORDER_MAX && least > 0; order++) {
        take_probes(x, count, order, &probes[order]);
        least = MIN(least, probes[order].guess);
        from = order;
    }
    for (unsigned order = 0; order <= from; order++) {
        if (probes[order].guess > least + probes[order].count / 2)
            continue;
        struct probe p = probe_order(&probes[order]);
        if (p.cost >= chosen.cost)
            continue;
        chosen = p;
        h->order = order;
    }
    return chosen;
}

unsigned sample_ints_cost(const int64_t *x, uint32_t count)
{
    struct ints_head unused;
    struct probes probes[ORDER_MAX + 1];
    return count > ORDER_MAX ? choose_order(x, count, &unused, probes).cost : 0;
}

/* How often each distance from the middle occurs, from -128 to 127: those that do, ascending. */
struct spread {
    struct distance_count {
        uint32_t at, count; /* at: the distance + 128 */
    } items[WINDOW];
    uint32_t distinct, inside; /* items; numbers */
    uint32_t most;             /* numbers of one item */
};

static void note_distance(struct spread *s, uint32_t at, uint32_t count)
{
    s->items[s->distinct++] = (struct distance_count){at, count};
    s->inside += count;
    s->most = MAX(s->most, count);
}

static void measure(const int64_t *d, uint32_t count, struct spread *s)
{
    uint32_t counts[WINDOW] = {0};
    s->distinct = s->inside = s->most = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = (uint64_t)d[i] + WINDOW / 2;
        if (at < WINDOW)
            counts[at]++;
    }
    for (uint32_t at = 0; at < WINDOW; at++)
        if (counts[at] > 0)
            note_distance(s, at, counts[at]);
}

/* The same from all numbers in ascending order. */
static void measure_sorted(const struct probes *sorted, int64_t middle, struct spread *s)
{
    s->distinct = s->inside = s->most = 0;
    for (uint32_t i = 0, same = 0; i < sorted->count; i += same) {
        uint64_t at = (uint64_t)sorted->items[i] - (uint64_t)middle + WINDOW / 2;
        for (same = 1; i + same < sorted->count; same++)
            if (sorted->items[i + same] != sorted->items[i])
                break;
        if (at < WINDOW)
            note_distance(s, (uint32_t)at, same);
    }
}

/* n * log2(n) */
static double weight_of(uint32_t n)
{
    static const double few[] = {0, 0, 2, 4.754887502163468, 8, 11.60964047443681};
    return n < LEN(few) ? few[n] : n * log2((double)n);
}

/* Bits that an ideal code takes for a number inside. */
static double entropy(const struct spread *s)
{
    double bits = weight_of(s->inside);
    for (uint32_t i = 0; i < s->distinct; i++)
        bits -= weight_of(s->items[i].count);
    return bits / s->inside;
}

/* The first window of `size` neighbours that holds most numbers. */
static uint32_t best_window(const struct spread *s, uint32_t size, uint32_t *held)
{
    uint32_t first = s->items[0].at, best = first, sum = 0;
    *held = s->inside;
    if (s->items[s->distinct - 1].at < first + size)
        return first;
    *held = 0;
    for (uint32_t i = 0, tail = 0; i < s->distinct; i++) {
        uint32_t at = s->items[i].at;
        sum += s->items[i].count;
        for (; at - s->items[tail].at >= size; tail++)
            sum -= s->items[tail].count;
        if (sum <= *held)
            continue;
        *held = sum;
        best = at < first + size ? first : at - size + 1;
    }
    return best;
}

/* Numbers of nearly the same entropy share an alphabet. */
static unsigned class_of(double ideal, double from, double step, unsigned classes)
{
    double class = (ideal - from) / step;
    return class <= 0 ? 0 : class >= classes ? classes - 1 : (unsigned)class;
}

/* Bits that look like noise go to a stream of their own as they are, so that what remains of any
 * column has nearly the same spread, and one alphabet does for many. */
static void fit_bytes(struct ints_head *h, double ideal, bool sealed)
{
    double most = sealed ? SYMBOL_BITS : 7;
    h->base = 0;
    h->low_bits = ideal > most ? (unsigned)(ideal - most + 1) : 0;
    h->class = class_of(ideal - h->low_bits, most - 1.25, 0.25, WIDE_CLASS);
}

/* Bits of a column of which a window holds so many. */
static double narrow_cost(unsigned bits, double ideal, uint32_t count, uint32_t held)
{
    double each = MIN((double)bits, MAX(ideal, bits / 8.0));
    return count * each + (double)(count - held) * ESCAPE_BITS;
}

/* Chooses a width for numbers near the middle; base is relative to it. Where no window of a width
 * can hold enough to beat whole bytes, none is looked for. */
static void fit_narrow(struct ints_head *h, const struct spread *s, uint32_t count, bool sealed)
{
    static const uint8_t bits[] = {0, 1, 2, 4, 8};
    double ideal = sealed ? entropy(s) : 7, least = HUGE_VAL;
    double enough = narrow_cost(8, ideal, count, s->inside) * 1.05;
    for (enum ints_width width = WIDTH_NONE; width <= WIDTH_BYTE; width++) {
        uint32_t size = 1u << bits[width], held = MIN(s->inside, size * s->most);
        if (narrow_cost(bits[width], ideal, count, held) > enough)
            continue;
        uint32_t first = best_window(s, size, &held);
        double cost = narrow_cost(bits[width], ideal, count, held);
        if (cost * 1.02 >= least)
            continue;
        least = cost;
        h->width = width;
        h->base = (int64_t)first - WINDOW / 2;
        h->exceptions = held < count;
    }
    if (h->width == WIDTH_BYTE)
        fit_bytes(h, ideal, sealed);
    if (h->width == WIDTH_NIBBLE)
        h->class = class_of(ideal, 0.9, 0.3, NIBBLE_CLASSES);
}

/* Numbers far from the middle, `spread` being about what one of them is away from it. */
static void fit_wide(struct ints_head *h, const int64_t *d, uint32_t count, uint64_t spread,
                     bool sealed)
{
    double sum = 0, most = 32 * (double)spread;
    for (uint32_t i = 0; i < count; i++)
        sum += MIN(fabs((double)d[i]), most);
    /* The entropy of a normal distribution, from its mean deviation. */
    double ideal = log2(MAX(sum / count, 1.0) * 1.2533 * 4.1327);
    fit_bytes(h, ideal, sealed);
    h->class = WIDE_CLASS;
    h->width = h->low_bits > LOW_BITS_MAX ? WIDTH_WORD : WIDTH_BYTE;
    h->exceptions = h->width == WIDTH_BYTE; /* perhaps; none is an empty list */
}

static void fit(struct ints_head *h, const struct probe *p, const struct probes *sorted,
                const int64_t *d, uint32_t count, bool sealed)
{
    struct spread s;
    if (p->spread < WINDOW / 4) {
        if (sorted->count == count)
            measure_sorted(sorted, p->middle, &s);
        else
            measure(d, count, &s);
        if (s.inside >= count - count / 16) {
            fit_narrow(h, &s, count, sealed);
            return;
        }
    }
    fit_wide(h, d, count, p->spread, sealed);
}

static int64_t highest_symbol(const struct ints_head *h)
{
    static const int64_t highest[] = {0, 1, 3, 15, 127};
    return highest[h->width];
}

/* The symbol of a distance from the base; false: it is an exception. */
static inline bool symbol_of(int64_t d, int64_t lowest, int64_t highest, unsigned low_bits,
                             int64_t *out)
{
    *out = d >> low_bits;
    return *out >= lowest && *out <= highest;
}

static void put_exceptions(struct buf *plan, const struct ints_head *h, const int64_t *d,
                           uint32_t count)
{
    int64_t highest = highest_symbol(h), lowest = h->width == WIDTH_BYTE ? -128 : 0, unused;
    uint32_t exceptions = 0, next = 0;
    for (uint32_t i = 0; i < count; i++)
        exceptions += !symbol_of(d[i], lowest, highest, h->low_bits, &unused);
    buf_append_varint(plan, exceptions);
    for (uint32_t i = 0; exceptions > 0 && i < count; i++) {
        if (symbol_of(d[i], lowest, highest, h->low_bits, &unused))
            continue;
        buf_append_varint(plan, i - next);
        buf_append_zigzag(plan, d[i]);
        next = i + 1;
        exceptions--;
    }
}

static void put_bytes(struct buf *out, const struct ints_head *h, const int64_t *d, uint32_t count)
{
    if (!buf_reserve(out, count))
        return;
    char *to = out->ptr + out->len;
    for (uint32_t i = 0; i < count; i++) {
        int64_t symbol = d[i] >> h->low_bits;
        to[i] = (char)(symbol >= -128 && symbol <= 127 ? symbol : 0);
    }
    out->len += count;
}

/* Symbols of less than a byte. */
static void put_narrow(struct buf *out, const struct ints_head *h, const int64_t *d, uint32_t count)
{
    unsigned bits = (unsigned)(ints_width_bytes(h->width, 8)), at = 0;
    int64_t highest = highest_symbol(h), symbol;
    if (!buf_reserve(out, ints_width_bytes(h->width, count)))
        return;
    uint8_t *to = (uint8_t *)out->ptr + out->len, byte = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!symbol_of(d[i], 0, highest, 0, &symbol))
            symbol = 0;
        byte |= (uint8_t)((uint64_t)symbol << at);
        at += bits;
        if (at == 8 || i + 1 == count) {
            *to++ = byte;
            byte = 0;
            at = 0;
        }
    }
    out->len = (size_t)(to - (uint8_t *)out->ptr);
}

static void put_low_bits(struct sample_writer *w, const struct ints_head *h, const int64_t *d,
                         uint32_t count)
{
    struct buf *out = &w->stream[STREAM_LOW];
    uint64_t mask = (UINT64_C(1) << h->low_bits) - 1, word = 0;
    int64_t unused;
    unsigned filled = 0;
    if (h->low_bits == 0 || !buf_reserve(out, ints_low_bytes(count, h->low_bits) + 8))
        return;
    uint8_t *to = (uint8_t *)out->ptr + out->len;
    for (uint32_t i = 0; i < count; i++) {
        bool held = symbol_of(d[i], -128, 127, h->low_bits, &unused);
        word |= (held ? (uint64_t)d[i] & mask : 0) << filled;
        filled += h->low_bits;
        memcpy(to, &word, sizeof(word));
        to += filled / 8;
        word >>= filled / 8 * 8;
        filled %= 8;
    }
    out->len = (size_t)(to - (uint8_t *)out->ptr) + (filled > 0);
}

static void put_head(struct buf *plan, const struct ints_head *h)
{
    buf_append_u8(plan, (uint8_t)(h->width | h->order << HEAD_ORDER_SHIFT |
                                  (h->exceptions ? HEAD_EXCEPTIONS : 0u)));
    if (h->width == WIDTH_NIBBLE || h->width == WIDTH_BYTE)
        buf_append_u8(plan, (uint8_t)h->class);
    for (unsigned i = 0; i < h->order; i++)
        buf_append_zigzag(plan, h->seed[i]);
    if (h->width != WIDTH_WORD)
        buf_append_zigzag(plan, h->base);
    if (h->width == WIDTH_BYTE)
        buf_append_u8(plan, (uint8_t)h->low_bits);
}

static void put_tiny(struct buf *plan, const int64_t *x, uint32_t count)
{
    int64_t last = 0;
    buf_append_u8(plan, WIDTH_TINY);
    for (uint32_t i = 0; i < count; i++) {
        buf_append_zigzag(plan, ints_sub(x[i], last));
        last = x[i];
    }
}

/* Room for the residuals. */
static bool scratch_room(struct sample_writer *w, uint32_t count)
{
    if (w->ints_cap >= count)
        return true;
    int64_t *moved = mem_realloc_array(w->ints, count, sizeof(*moved));
    if (!moved)
        return false;
    w->ints = moved;
    w->ints_cap = count;
    return true;
}

void sample_ints_put(struct sample_writer *w, const int64_t *x, uint32_t count)
{
    struct buf *plan = &w->stream[STREAM_PLAN];
    struct ints_head h = {0};
    if (count <= TINY_COUNT) {
        put_tiny(plan, x, count);
        return;
    }
    if (!scratch_room(w, count)) {
        plan->failed = true;
        return;
    }
    struct probes probes[ORDER_MAX + 1];
    struct probe p = choose_order(x, count, &h, probes);
    uint32_t n = count - h.order;
    int64_t *d = w->ints;
    for (uint32_t i = 0; i < n; i++)
        d[i] = ints_sub(residual(x, i + h.order, h.order), p.middle);
    fit(&h, &p, &probes[h.order], d, n, w->sealed);
    for (uint32_t i = 0; i < n && h.base != 0; i++)
        d[i] = ints_sub(d[i], h.base);
    h.base = ints_add(h.base, p.middle);
    h.seed[0] = x[0];
    h.seed[1] = ints_sub(x[1], x[0]);
    put_head(plan, &h);
    if (h.width == WIDTH_WORD) {
        for (uint32_t i = 0; i < n; i++)
            buf_append_u64(&w->stream[STREAM_LOW], (uint64_t)residual(x, i + h.order, h.order));
        return;
    }
    if (h.exceptions)
        put_exceptions(plan, &h, d, n);
    if (h.width == WIDTH_BYTE)
        put_bytes(&w->stream[ints_stream(&h)], &h, d, n);
    else if (h.width != WIDTH_NONE)
        put_narrow(&w->stream[ints_stream(&h)], &h, d, n);
    put_low_bits(w, &h, d, n);
}
