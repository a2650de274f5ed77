/* remote_histogram.c - reads the Histogram message of remote write; what it means is judged by
 * model/native_histogram_wire. */
#include "codec/remote_histogram.h"

#include "model/native_histogram_wire.h"

struct histogram_reader {
    struct metric_builder *m;
    struct histogram_scratch *scratch;
    struct pb_reader r;
    struct native_wire wire;
    int64_t time_ms, start_ms;
    bool no_memory;
};

/* A delta, a count or a bound: 8 bytes each. */
static bool add_word(struct histogram_reader *h, struct item_run *run, uint64_t word)
{
    uint64_t *place = metric_run_add(h->m, run, sizeof(*place));
    if (!place)
        return h->no_memory = true, false;
    *place = word;
    return true;
}

static bool read_deltas(struct histogram_reader *h, struct item_run *run, const struct pb_field *f)
{
    if ((f->tag & 7) == PB_VARINT)
        return add_word(h, run, (uint64_t)pb_unzigzag(f->value));
    if ((f->tag & 7) != PB_LEN)
        return pb_fail(&h->r, "a field has the wrong wire type");
    struct pb_reader r = pb_reader_of(f->bytes);
    uint64_t word;
    while (r.at != r.end) {
        if (!pb_read_varint(&r, 10, &word)) {
            h->r = r;
            return false;
        }
        if (!add_word(h, run, (uint64_t)pb_unzigzag(word)))
            return false;
    }
    return true;
}

static bool read_doubles(struct histogram_reader *h, struct item_run *run, const struct pb_field *f)
{
    if ((f->tag & 7) == PB_FIXED64)
        return add_word(h, run, f->value);
    if ((f->tag & 7) != PB_LEN)
        return pb_fail(&h->r, "a field has the wrong wire type");
    if (f->bytes.len % 8 != 0)
        return pb_fail(&h->r, "a fixed-width number is cut off");
    for (size_t i = 0; i < f->bytes.len; i += 8) {
        uint64_t word;
        memcpy(&word, f->bytes.ptr + i, sizeof(word));
        if (!add_word(h, run, word))
            return false;
    }
    return true;
}

static bool read_span(struct histogram_reader *h, struct item_run *run, const struct pb_field *f)
{
    if ((f->tag & 7) != PB_LEN)
        return pb_fail(&h->r, "a field has the wrong wire type");
    struct native_span *span = metric_run_add(h->m, run, sizeof(*span));
    struct pb_reader r = pb_reader_of(f->bytes);
    struct pb_field member;
    if (!span)
        return h->no_memory = true, false;
    *span = (struct native_span){0, 0};
    while (!r.fault && pb_next(&r, &member)) {
        if (member.tag == PB_TAG(1, PB_VARINT))
            span->offset = (int32_t)pb_unzigzag((uint32_t)member.value);
        else if (member.tag == PB_TAG(2, PB_VARINT))
            span->length = (uint32_t)member.value;
        else if (member.tag >> 3 <= 2)
            pb_fail(&r, "a field has the wrong wire type");
    }
    if (r.fault)
        h->r = r;
    return !r.fault;
}

/* Lists: spans, deltas and counts of both sides, and custom bounds. */
static bool read_list(struct histogram_reader *h, const struct pb_field *f)
{
    struct histogram_scratch *s = h->scratch;
    switch (f->tag >> 3) {
    case 8:
        return read_span(h, &s->negative.spans, f);
    case 9:
        return read_deltas(h, &s->negative.deltas, f);
    case 10:
        return read_doubles(h, &s->negative.counts, f);
    case 11:
        return read_span(h, &s->positive.spans, f);
    case 12:
        return read_deltas(h, &s->positive.deltas, f);
    case 13:
        return read_doubles(h, &s->positive.counts, f);
    case 16:
        return read_doubles(h, &s->bounds, f);
    default:
        return f->tag >> 3 > 17 || pb_fail(&h->r, "a field has the wrong wire type");
    }
}

static bool read_field(struct histogram_reader *h, const struct pb_field *f)
{
    struct native_wire *w = &h->wire;
    switch (f->tag) {
    case PB_TAG(1, PB_VARINT):
        w->count = (double)f->value;
        w->is_float = false;
        return true;
    case PB_TAG(2, PB_FIXED64):
        w->count = pb_double(f->value);
        w->is_float = true;
        return true;
    case PB_TAG(3, PB_FIXED64):
        w->sum = pb_double(f->value);
        return true;
    case PB_TAG(4, PB_VARINT):
        w->schema = (int32_t)pb_unzigzag((uint32_t)f->value);
        return true;
    case PB_TAG(5, PB_FIXED64):
        w->zero_threshold = pb_double(f->value);
        return true;
    case PB_TAG(6, PB_VARINT):
        w->zero_count = (double)f->value;
        return true;
    case PB_TAG(7, PB_FIXED64):
        w->zero_count = pb_double(f->value);
        return true;
    case PB_TAG(14, PB_VARINT):
        w->hint = (uint32_t)f->value;
        return true;
    case PB_TAG(15, PB_VARINT):
        h->time_ms = (int64_t)f->value;
        return true;
    case PB_TAG(17, PB_VARINT):
        h->start_ms = (int64_t)f->value;
        return true;
    default:
        return read_list(h, f);
    }
}

static void side_undo(struct histogram_side *side)
{
    metric_run_undo(&side->spans);
    metric_run_undo(&side->deltas);
    metric_run_undo(&side->counts);
}

/* The count's kind says whether deltas or counts are meant. */
static struct native_span_buckets side_of(const struct histogram_side *side, bool is_float)
{
    const struct item_run *buckets = is_float ? &side->counts : &side->deltas;
    return (struct native_span_buckets){
        .spans = (const void *)side->spans.first,
        .span_count = (uint32_t)(metric_run_bytes(&side->spans) / sizeof(struct native_span)),
        .deltas = is_float ? NULL : (const void *)buckets->first,
        .counts = is_float ? (const void *)buckets->first : NULL,
        .bucket_count = (uint32_t)(metric_run_bytes(buckets) / sizeof(uint64_t))};
}

static enum status judge(struct histogram_reader *h, struct native_histogram *out, struct err *why)
{
    struct histogram_scratch *s = h->scratch;
    h->wire.positive = side_of(&s->positive, h->wire.is_float);
    h->wire.negative = side_of(&s->negative, h->wire.is_float);
    h->wire.bounds = (const void *)s->bounds.first;
    h->wire.bound_count = (uint32_t)(metric_run_bytes(&s->bounds) / sizeof(double));
    return native_histogram_from_wire(&h->wire, &h->m->batch->arena, out, why);
}

enum histogram_result remote_histogram_read(struct metric_builder *m,
                                            struct histogram_scratch *scratch, struct str message,
                                            struct sample *out, struct pb_reader *fault,
                                            struct err *why)
{
    struct histogram_reader h = {.m = m, .scratch = scratch, .r = pb_reader_of(message)};
    struct pb_field f;
    side_undo(&scratch->positive);
    side_undo(&scratch->negative);
    metric_run_undo(&scratch->bounds);
    while (pb_next(&h.r, &f) && read_field(&h, &f))
        continue;
    if (h.no_memory)
        return HISTOGRAM_NO_MEMORY;
    if (h.r.fault) {
        *fault = h.r;
        return HISTOGRAM_BROKEN;
    }
    struct native_histogram *n = arena_calloc(&m->batch->arena, 1, sizeof(*n));
    enum status status = n ? judge(&h, n, why) : ST_NO_MEMORY;
    *out = (struct sample){.time_ms = h.time_ms, .start_ms = h.start_ms, .histogram = n};
    if (status == ST_NO_MEMORY)
        return HISTOGRAM_NO_MEMORY;
    return status == ST_OK ? HISTOGRAM_OK : HISTOGRAM_REJECTED;
}
