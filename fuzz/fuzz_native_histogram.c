/* fuzz_native_histogram.c - two native histograms out of arbitrary bytes, as remote write brings
 * them. No crash; one that is taken comes back whole out of its spans, sums do not depend on their
 * order, quantiles do not fall, and cutting makes nothing more. What is left of the bytes are the
 * counts of an OTLP point, exponential and with bounds: nothing of them is lost. */
#include "base/buf.h"
#include "base/cursor.h"
#include "model/native_histogram_text.h"
#include "model/native_histogram_wire.h"
#include "query/histogram_json.h"
#include "query/promql_histogram.h"
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { SPANS_MAX = 8, ITEMS_MAX = 64 };

/* Room behind the pointers of one side. */
struct side {
    struct native_span spans[SPANS_MAX];
    int64_t deltas[ITEMS_MAX];
    double counts[ITEMS_MAX];
};

static double read_double(struct cursor *c)
{
    uint64_t bits = cursor_u64(c);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

/* Small numbers mostly: those of which a histogram is taken. */
static double read_number(struct cursor *c)
{
    uint8_t kind = cursor_u8(c);
    return kind < 250 ? kind : read_double(c);
}

static struct native_span_buckets read_side(struct cursor *c, bool is_float, struct side *room)
{
    struct native_span_buckets side = {.spans = room->spans,
                                       .span_count = cursor_u8(c) % SPANS_MAX};
    for (uint32_t i = 0; i < side.span_count; i++) {
        room->spans[i].offset = (int32_t)cursor_zigzag(c);
        room->spans[i].length = cursor_u8(c) % 16;
        side.bucket_count += room->spans[i].length;
    }
    side.bucket_count = MIN(side.bucket_count + (cursor_u8(c) == 255), ITEMS_MAX);
    for (uint32_t i = 0; i < side.bucket_count; i++) {
        room->deltas[i] = cursor_zigzag(c);
        room->counts[i] = is_float ? read_number(c) : 0;
    }
    if (is_float)
        side.counts = room->counts;
    else
        side.deltas = room->deltas;
    return side;
}

static bool read_histogram(struct cursor *c, struct arena *arena, struct native_histogram *out)
{
    struct side positive, negative;
    double bounds[ITEMS_MAX];
    uint8_t flags = cursor_u8(c);
    struct native_wire wire = {.is_float = flags & 1, .hint = flags >> 1 & 3};
    wire.schema = flags & 8 ? NATIVE_SCHEMA_CUSTOM : (int8_t)cursor_u8(c);
    wire.count = read_number(c);
    wire.sum = read_number(c);
    wire.zero_count = read_number(c);
    wire.zero_threshold = read_number(c) / 64;
    wire.positive = read_side(c, wire.is_float, &positive);
    wire.negative = read_side(c, wire.is_float, &negative);
    wire.bounds = bounds;
    wire.bound_count = flags & 8 ? cursor_u8(c) % ITEMS_MAX : 0;
    for (uint32_t i = 0; i < wire.bound_count; i++)
        bounds[i] = read_number(c);
    return native_histogram_from_wire(&wire, arena, out, NULL) == ST_OK;
}

static void check_spans(const struct native_buckets *side, struct arena *arena)
{
    struct native_spans spans;
    if (native_buckets_to_spans(side, arena, &spans) != ST_OK)
        abort();
    int64_t index = 0;
    uint32_t bucket = 0, found = 0;
    for (uint32_t i = 0; i < spans.span_count; i++) {
        index += spans.spans[i].offset;
        for (uint32_t k = 0; k < spans.spans[i].length; k++, index++, bucket++) {
            if (spans.counts[bucket] == 0)
                continue;
            if (side->items[found].index != index ||
                memcmp(&side->items[found].count, &spans.counts[bucket], sizeof(double)) != 0)
                abort();
            found++;
        }
    }
    if (found != side->count || bucket != spans.bucket_count)
        abort();
}

/* Counts whole numbers, of which doubles lose nothing, and the buckets hold all of them. */
static bool is_whole(const struct native_histogram *h)
{
    double total = 0;
    uint32_t ranges = native_histogram_range_count(h);
    for (uint32_t i = 0; i < ranges; i++) {
        double count = native_histogram_range(h, i).count;
        if (count != floor(count) || count > 1e12)
            return false;
        total += count;
    }
    return total == h->count && h->sum == floor(h->sum) && fabs(h->sum) < 1e12;
}

/* Whole numbers add up exactly in any order. */
static void check_sum(const struct native_histogram *a, const struct native_histogram *b,
                      struct arena *arena)
{
    struct native_sum there = {.arena = arena}, back = {.arena = arena};
    if (native_sum_add(&there, a, 1) != ST_OK || native_sum_add(&there, b, 1) != ST_OK)
        return;
    if (native_sum_add(&back, b, 1) != ST_OK || native_sum_add(&back, a, 1) != ST_OK)
        abort();
    struct native_histogram *x = native_sum_take(&there), *y = native_sum_take(&back);
    if (!x || !y || (is_whole(a) && is_whole(b) && !native_histogram_equal(x, y)))
        abort();
}

/* Real ones count nothing twice; on others no order of values can be relied on. */
static bool overlaps_zero(const struct native_histogram *h)
{
    return !native_histogram_is_custom(h) &&
           (native_zero_fit(h, h->zero_threshold) != h->zero_threshold ||
            native_zero_covers(&h->positive, h->schema, h->zero_threshold) > 0 ||
            native_zero_covers(&h->negative, h->schema, h->zero_threshold) > 0);
}

static void check_questions(const struct native_histogram *h, const struct histogram_ask *ask)
{
    bool is_sound = is_whole(h) && !overlaps_zero(h);
    double before = -INFINITY;
    for (int i = 0; i <= 10; i++) {
        double q = native_quantile(ask, h, i / 10.0);
        double slack = 1e-9 * (fabs(q) + fabs(before));
        if (is_sound && isfinite(q) && isfinite(before) && q < before - slack)
            abort();
        before = q;
        native_fraction(ask, h, -1, q);
        struct native_histogram *below, *above;
        if (native_trim_above(h, q, ask->arena, &below) != ST_OK ||
            native_trim_below(h, q, ask->arena, &above) != ST_OK)
            abort();
        native_variance(below);
    }
}

static void check_binary(const struct native_histogram *a, const struct native_histogram *b,
                         const struct histogram_ask *ask)
{
    struct native_histogram *sum, *back, *growth;
    if (native_binary_add(ask, a, b, &sum) != ST_OK ||
        native_instant_growth(ask, a, b, true, &growth) != ST_OK ||
        native_instant_growth(ask, a, b, false, &growth) != ST_OK)
        abort();
    if (!sum)
        return;
    if (native_binary_sub(ask, sum, b, &back) != ST_OK)
        abort();
    if (is_whole(a) && is_whole(b) && (!back || back->count != a->count))
        abort();
    struct native_histogram *turned = native_histogram_scale(a, -1, ask->arena);
    if (!turned || turned->hint != RESET_GAUGE || (is_whole(a) && turned->count != -a->count))
        abort();
    if (is_whole(a) && a->count > 0 && fabs(native_average(a) * a->count - a->sum) > 1)
        abort();
}

/* The average of the same is what it is; sums overflow before averages do. */
static void check_totals(const struct native_histogram *a, const struct native_histogram *b,
                         const struct histogram_ask *ask)
{
    for (int is_average = 0; is_average < 2; is_average++) {
        struct histogram_total same = {.sum = {.arena = ask->arena}, .is_average = is_average};
        struct histogram_total both = same;
        struct native_histogram *out;
        for (int i = 0; i < 2; i++)
            if (histogram_total_add(&same, a) != ST_OK ||
                histogram_total_add(&both, i ? b : a) != ST_OK)
                abort();
        if (histogram_total_take(&both, ask, &out) != ST_OK ||
            histogram_total_take(&same, ask, &out) != ST_OK || !out)
            abort();
        if (is_whole(a) && out->count != a->count * (is_average ? 1 : 2))
            abort();
    }
}

static void check_otlp(struct cursor *c, struct arena *arena)
{
    uint64_t counts[ITEMS_MAX + 1] = {0}, total = 0;
    double bounds[ITEMS_MAX];
    struct native_histogram h;
    uint32_t count = cursor_u8(c) % ITEMS_MAX;
    struct native_otlp point = {.scale = (int8_t)cursor_u8(c), .zero_count = cursor_u8(c)};
    point.positive = (struct native_dense){(int32_t)cursor_zigzag(c), counts, count};
    point.negative = (struct native_dense){0, counts, count / 2};
    point.zero_threshold = read_number(c);
    for (uint32_t i = 0; i < count; i++) {
        counts[i] = cursor_varint(c) & 0xffffff;
        bounds[i] = read_number(c);
        total += counts[i];
        point.count += counts[i] * (i < count / 2 ? 2 : 1);
    }
    point.count += point.zero_count;
    if (native_histogram_from_otlp(&point, arena, &h, NULL) == ST_OK &&
        h.count != (double)point.count)
        abort();
    if (native_histogram_from_bounds(bounds, count, counts, 1, arena, &h, NULL) == ST_OK &&
        h.count != (double)total)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_of((struct str){(const char *)data, len});
    struct arena arena = {0};
    struct native_histogram a, b;
    if (!read_histogram(&c, &arena, &a) || !read_histogram(&c, &arena, &b)) {
        arena_deinit(&arena);
        return 0;
    }
    struct annotations *notes = arena_calloc(&arena, 1, sizeof(*notes));
    annotations_init(notes, &arena, STR("h"));
    struct histogram_ask ask = {.arena = &arena, .notes = notes};
    check_spans(&a.positive, &arena);
    check_spans(&a.negative, &arena);
    check_sum(&a, &b, &arena);
    check_questions(&a, &ask);
    check_binary(&a, &b, &ask);
    check_totals(&a, &b, &ask);
    check_otlp(&c, &arena);
    const struct native_histogram *window[] = {&a, &b, &a};
    struct native_histogram *growth;
    if (native_window_growth(&ask, window, LEN(window), true, &growth) != ST_OK)
        abort();
    struct buf out = {0};
    struct json_writer w = json_writer_of(&out);
    histogram_json_write(&w, &a);
    native_histogram_append_text(&out, &b);
    buf_deinit(&out);
    arena_deinit(&arena);
    return 0;
}
