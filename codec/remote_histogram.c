/* remote_histogram.c - reads the Histogram message of remote write: spans and deltas become
 * absolute buckets, what contradicts itself is turned down. */
#include "codec/remote_histogram.h"

#include "model/stale.h"

#include <math.h>

/* Buckets `length` long behind a gap (the first span: index of its first bucket). */
struct span_item {
    int32_t offset;
    uint32_t length;
};

/* What the message says, before it is checked. */
struct raw {
    uint64_t count_bits, zero_bits; /* whole numbers, or the bits of a double */
    bool is_float, zero_is_float;
    double sum, zero_threshold;
    int64_t schema;
    uint64_t hint;
    int64_t time_ms, start_ms;
};

struct histogram_reader {
    struct metric_builder *m;
    struct histogram_scratch *scratch;
    struct pb_reader r;
    struct raw raw;
    bool no_memory;
};

static double double_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Deltas are kept as whole numbers, counts as doubles: 8 bytes either way, the last kind wins. */
static bool add_word(struct histogram_reader *h, struct item_run *run, uint64_t word)
{
    uint64_t *place = metric_run_add(h->m, run, sizeof(*place));
    if (!place)
        return h->no_memory = true, false;
    *place = word;
    return true;
}

static bool read_packed_varints(struct histogram_reader *h, struct item_run *run, struct str bytes)
{
    struct pb_reader r = pb_reader_of(bytes);
    uint64_t word;
    while (r.at != r.end) {
        if (!pb_read_varint(&r, 10, &word)) {
            h->r = r;
            return false;
        }
        if (!add_word(h, run, (uint64_t)unzigzag(word)))
            return false;
    }
    return true;
}

static bool read_packed_doubles(struct histogram_reader *h, struct item_run *run, struct str bytes)
{
    if (bytes.len % 8 != 0)
        return pb_fail(&h->r, "a fixed-width number is cut off");
    for (size_t i = 0; i < bytes.len; i += 8) {
        uint64_t word;
        memcpy(&word, bytes.ptr + i, sizeof(word));
        if (!add_word(h, run, word))
            return false;
    }
    return true;
}

static bool read_span(struct histogram_reader *h, struct item_run *run, struct str message)
{
    struct span_item *span = metric_run_add(h->m, run, sizeof(*span));
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    if (!span)
        return h->no_memory = true, false;
    *span = (struct span_item){0, 0};
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_VARINT))
            span->offset = (int32_t)unzigzag((uint32_t)f.value);
        else if (f.tag == PB_TAG(2, PB_VARINT))
            span->length = (uint32_t)f.value;
        else if (f.tag >> 3 <= 2)
            pb_fail(&r, "a field has the wrong wire type");
        if (r.fault)
            break;
    }
    if (r.fault)
        h->r = r;
    return !r.fault;
}

/* Fields 8 to 10 and 11 to 13: spans, deltas, counts of the negative and of the positive side. */
static bool read_side(struct histogram_reader *h, const struct pb_field *f)
{
    unsigned side = f->tag >> 3 <= 10, what = ((f->tag >> 3) - 8) % 3;
    enum { SPANS, DELTAS, COUNTS };
    unsigned type = f->tag & 7;
    struct item_run *counts = &h->scratch->counts[side];
    if (what == SPANS && type == PB_LEN)
        return read_span(h, &h->scratch->spans[side], f->bytes);
    if (what == DELTAS && type == PB_LEN)
        return h->raw.is_float || read_packed_varints(h, counts, f->bytes);
    if (what == DELTAS && type == PB_VARINT)
        return h->raw.is_float || add_word(h, counts, (uint64_t)unzigzag(f->value));
    if (what == COUNTS && type == PB_LEN)
        return !h->raw.is_float || read_packed_doubles(h, counts, f->bytes);
    if (what == COUNTS && type == PB_FIXED64)
        return !h->raw.is_float || add_word(h, counts, f->value);
    return pb_fail(&h->r, "a field has the wrong wire type");
}

static bool read_bounds(struct histogram_reader *h, const struct pb_field *f)
{
    if ((f->tag & 7) == PB_LEN)
        return read_packed_doubles(h, &h->scratch->bounds, f->bytes);
    if ((f->tag & 7) == PB_FIXED64)
        return add_word(h, &h->scratch->bounds, f->value);
    return pb_fail(&h->r, "a field has the wrong wire type");
}

static bool read_field(struct histogram_reader *h, const struct pb_field *f)
{
    struct raw *raw = &h->raw;
    switch (f->tag) {
    case PB_TAG(1, PB_VARINT):
    case PB_TAG(2, PB_FIXED64):
        return true; /* read before the others: they say which of those count */
    case PB_TAG(3, PB_FIXED64):
        raw->sum = double_of(f->value);
        return true;
    case PB_TAG(4, PB_VARINT):
        raw->schema = unzigzag((uint32_t)f->value);
        return true;
    case PB_TAG(5, PB_FIXED64):
        raw->zero_threshold = double_of(f->value);
        return true;
    case PB_TAG(6, PB_VARINT):
    case PB_TAG(7, PB_FIXED64):
        raw->zero_bits = f->value;
        raw->zero_is_float = f->tag == PB_TAG(7, PB_FIXED64);
        return true;
    case PB_TAG(14, PB_VARINT):
        raw->hint = (uint32_t)f->value;
        return true;
    case PB_TAG(15, PB_VARINT):
        raw->time_ms = (int64_t)f->value;
        return true;
    case PB_TAG(17, PB_VARINT):
        raw->start_ms = (int64_t)f->value;
        return true;
    default:
        if (f->tag >> 3 >= 8 && f->tag >> 3 <= 13)
            return read_side(h, f);
        if (f->tag >> 3 == 16)
            return read_bounds(h, f);
        return f->tag >> 3 > 17 || pb_fail(&h->r, "a field has the wrong wire type");
    }
}

/* The count's kind says whether deltas or counts are meant, wherever it stands. */
static void find_kind(struct histogram_reader *h, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag != PB_TAG(1, PB_VARINT) && f.tag != PB_TAG(2, PB_FIXED64))
            continue;
        h->raw.count_bits = f.value;
        h->raw.is_float = f.tag == PB_TAG(2, PB_FIXED64);
    }
}

static double number_of(uint64_t bits, bool is_float)
{
    return is_float ? double_of(bits) : (double)bits;
}

/* One side's buckets. Gives a sentence when spans and counts do not belong together. */
static const char *expand_side(struct histogram_reader *h, unsigned side,
                               struct native_buckets *out, double *sum)
{
    const struct span_item *spans = (const void *)h->scratch->spans[side].first;
    const uint64_t *words = (const void *)h->scratch->counts[side].first;
    size_t span_count = metric_run_bytes(&h->scratch->spans[side]) / sizeof(*spans);
    size_t count = metric_run_bytes(&h->scratch->counts[side]) / sizeof(*words);
    uint64_t covered = 0;
    for (size_t i = 0; i < span_count; i++) {
        covered += spans[i].length;
        if (i > 0 && spans[i].offset < 0)
            return "a histogram has a span that begins before the end of the one before it";
    }
    if (covered != count)
        return "a histogram has spans for another number of buckets than it has";
    if (count == 0)
        return NULL;
    out->items = arena_alloc(&h->m->batch->arena, count * sizeof(*out->items));
    if (!out->items)
        return h->no_memory = true, "no memory";
    int64_t index = 0, whole = 0;
    for (size_t i = 0; i < span_count; i++) {
        index += spans[i].offset;
        for (uint32_t k = 0; k < spans[i].length; k++, index++, words++) {
            double n = double_of(*words);
            if (!h->raw.is_float) {
                whole = (int64_t)((uint64_t)whole + *words);
                n = (double)whole;
            }
            if (n < 0)
                return "a histogram has a bucket with a negative count";
            if (index < INT32_MIN || index > INT32_MAX)
                return "a histogram has a bucket index beyond 32 bits";
            *sum += n;
            if (n != 0)
                out->items[out->count++] = (struct native_bucket){(int32_t)index, n};
        }
    }
    return NULL;
}

static const char *check_bounds(const struct native_histogram *n)
{
    for (uint32_t i = 0; i < n->bound_count; i++) {
        if (isnan(n->bounds[i]) || n->bounds[i] == INFINITY)
            return "a histogram has a custom bound that is NaN or +Inf";
        if (i > 0 && n->bounds[i] <= n->bounds[i - 1])
            return "a histogram has custom bounds that do not ascend";
    }
    if (n->zero_count != 0 || n->zero_threshold != 0)
        return "a histogram with custom bounds has a zero bucket";
    if (n->negative.count > 0)
        return "a histogram with custom bounds has negative buckets";
    if (n->positive.count > 0 &&
        (n->positive.items[0].index < 0 ||
         (uint32_t)n->positive.items[n->positive.count - 1].index > n->bound_count))
        return "a histogram has more buckets than its custom bounds allow";
    return NULL;
}

static const char *check(const struct raw *raw, const struct native_histogram *n, double buckets)
{
    bool custom = raw->schema == NATIVE_SCHEMA_CUSTOM;
    if (!custom && (raw->schema < NATIVE_SCHEMA_MIN || raw->schema > NATIVE_SCHEMA_MAX))
        return "a histogram has an unknown schema";
    if (n->count < 0 || n->zero_count < 0 || !(n->zero_threshold >= 0))
        return "a histogram has a negative count or zero threshold";
    if (custom) {
        const char *why = check_bounds(n);
        if (why)
            return why;
    } else if (n->bound_count > 0) {
        return "a histogram of an exponential schema has custom bounds";
    }
    /* Observations of NaN are in the count and in no bucket. Floats need not add up. */
    double known = buckets + n->zero_count;
    if (!raw->is_float && (isnan(n->sum) ? known > n->count : known != n->count))
        return "a histogram has a count that its buckets do not add up to";
    return NULL;
}

static const char *expand(struct histogram_reader *h, struct native_histogram *n)
{
    const struct raw *raw = &h->raw;
    double buckets = 0;
    for (unsigned side = 0; side < 2; side++) {
        struct native_buckets *out = side ? &n->negative : &n->positive;
        const char *why = expand_side(h, side, out, &buckets);
        if (why)
            return why;
    }
    n->bound_count = (uint32_t)(metric_run_bytes(&h->scratch->bounds) / sizeof(double));
    if (n->bound_count > 0) {
        n->bounds = (const double *)(const void *)h->scratch->bounds.first;
        metric_run_begin(&h->scratch->bounds); /* they stay where they are */
    }
    n->count = number_of(raw->count_bits, raw->is_float);
    n->zero_count = number_of(raw->zero_bits, raw->zero_is_float);
    n->zero_threshold = raw->zero_threshold;
    n->schema = (int8_t)raw->schema;
    n->hint = raw->hint <= RESET_GAUGE ? (uint8_t)raw->hint : RESET_UNKNOWN;
    return check(raw, n, buckets);
}

static void begin(struct histogram_scratch *s)
{
    for (unsigned side = 0; side < 2; side++) {
        metric_run_undo(&s->spans[side]);
        metric_run_undo(&s->counts[side]);
    }
    metric_run_undo(&s->bounds);
}

enum histogram_result remote_histogram_read(struct metric_builder *m,
                                            struct histogram_scratch *scratch, struct str message,
                                            struct sample *out, struct pb_reader *fault,
                                            const char **why)
{
    struct histogram_reader h = {.m = m, .scratch = scratch, .r = pb_reader_of(message)};
    struct pb_field f;
    begin(scratch);
    find_kind(&h, message);
    while (pb_next(&h.r, &f)) {
        if (!read_field(&h, &f))
            break;
    }
    if (h.no_memory)
        return HISTOGRAM_NO_MEMORY;
    if (h.r.fault) {
        *fault = h.r;
        return HISTOGRAM_BROKEN;
    }
    struct native_histogram *n = arena_calloc(&m->batch->arena, 1, sizeof(*n));
    if (!n)
        return HISTOGRAM_NO_MEMORY;
    *out = (struct sample){.time_ms = h.raw.time_ms, .start_ms = h.raw.start_ms, .histogram = n};
    n->sum = h.raw.sum;
    if (value_is_stale(n->sum))
        return HISTOGRAM_OK;
    *why = expand(&h, n);
    if (h.no_memory)
        return HISTOGRAM_NO_MEMORY;
    return *why ? HISTOGRAM_REJECTED : HISTOGRAM_OK;
}
