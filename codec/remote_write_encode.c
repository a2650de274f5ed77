/* remote_write_encode.c - series to bodies of Prometheus remote write 1.0 and 2.0. */
#include "codec/remote_write_encode.h"

#include "codec/pb_walk.h"
#include "model/native_histogram_wire.h"

#include <math.h>
#include <snappy-c.h>

/* Counts above it are no whole numbers any more that a double tells apart. */
#define WHOLE_MAX 0x1p53

void write_encoder_init(struct write_encoder *w, enum batch_encoding version, uint64_t seed)
{
    *w = (struct write_encoder){.version = version, .seed = seed};
    write_encoder_begin(w);
}

void write_encoder_deinit(struct write_encoder *w)
{
    if (w->symbols)
        intern_free(w->symbols);
    buf_deinit(&w->entries);
    buf_deinit(&w->entry);
    buf_deinit(&w->item);
    buf_deinit(&w->sub);
    arena_deinit(&w->arena);
    *w = (struct write_encoder){.failed = true};
}

void write_encoder_begin(struct write_encoder *w)
{
    buf_reset(&w->entries);
    w->series = w->samples = w->histograms = w->exemplars = 0;
    w->failed = false;
    if (w->version != ENCODING_REMOTE_WRITE_2)
        return;
    if (w->symbols)
        intern_free(w->symbols);
    w->symbols = intern_new(w->seed);
    w->failed = !w->symbols;
}

static bool is_2(const struct write_encoder *w)
{
    return w->version == ENCODING_REMOTE_WRITE_2;
}

/* ---- fields ---- */

static void put_varint(struct buf *out, unsigned field, uint64_t v)
{
    if (v == 0)
        return;
    buf_append_varint(out, PB_TAG(field, PB_VARINT));
    buf_append_varint(out, v);
}

static void put_zigzag(struct buf *out, unsigned field, int64_t v)
{
    if (v == 0)
        return;
    buf_append_varint(out, PB_TAG(field, PB_VARINT));
    buf_append_zigzag(out, v);
}

/* Also a NaN that is not the usual one, bit by bit; a negative zero is no zero. */
static void put_double(struct buf *out, unsigned field, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    if (bits == 0)
        return;
    buf_append_varint(out, PB_TAG(field, PB_FIXED64));
    buf_append_u64(out, bits);
}

static void put_bytes(struct buf *out, unsigned field, struct str bytes)
{
    buf_append_varint(out, PB_TAG(field, PB_LEN));
    buf_append_lenstr(out, bytes);
}

/* Appends `message` as a field and empties it. */
static void put_message(struct write_encoder *w, struct buf *out, unsigned field,
                        struct buf *message)
{
    w->failed |= message->failed;
    put_bytes(out, field, buf_str(message));
    buf_reset(message);
}

/* ---- labels ---- */

static uint32_t symbol(struct write_encoder *w, struct str s)
{
    uint32_t ref = s.len ? intern_add(w->symbols, s) : 0;
    if (ref != INTERN_NONE)
        return ref;
    w->failed = true;
    return 0;
}

/* 1.0: a message a label, as field 1. 2.0: refs, packed in field 1. */
static void put_labels(struct write_encoder *w, struct buf *out, struct label_set labels)
{
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct label *l = &labels.items[i];
        if (is_2(w)) {
            buf_append_varint(&w->sub, symbol(w, l->name));
            buf_append_varint(&w->sub, symbol(w, l->value));
        } else {
            put_bytes(&w->sub, 1, l->name);
            put_bytes(&w->sub, 2, l->value);
            put_message(w, out, 1, &w->sub);
        }
    }
    if (is_2(w) && labels.count > 0)
        put_message(w, out, 1, &w->sub);
}

/* ---- samples ---- */

static void put_sample(struct write_encoder *w, const struct sample *s)
{
    put_double(&w->item, 1, s->value);
    put_varint(&w->item, 2, (uint64_t)s->time_ms);
    if (is_2(w))
        put_varint(&w->item, 3, (uint64_t)s->start_ms);
    put_message(w, &w->entry, 2, &w->item);
    w->samples++;
}

static bool are_whole(const struct native_buckets *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->items[i].count > WHOLE_MAX || b->items[i].count != floor(b->items[i].count))
            return false;
    return true;
}

/* A histogram that counts whole things travels as one; a gauge that was scaled does not. */
static bool is_whole(const struct native_histogram *h)
{
    return h->count >= 0 && h->count <= WHOLE_MAX && h->count == floor(h->count) &&
           h->zero_count >= 0 && h->zero_count == floor(h->zero_count) && are_whole(&h->positive) &&
           are_whole(&h->negative);
}

static void put_counts(struct write_encoder *w, unsigned field, const struct native_spans *side,
                       bool whole)
{
    int64_t last = 0;
    for (uint32_t i = 0; i < side->bucket_count; i++) {
        uint64_t bits;
        memcpy(&bits, &side->counts[i], sizeof(bits));
        if (whole) {
            int64_t count = (int64_t)side->counts[i];
            buf_append_zigzag(&w->sub, count - last);
            last = count;
        } else {
            buf_append_u64(&w->sub, bits);
        }
    }
    if (side->bucket_count > 0)
        put_message(w, &w->item, field, &w->sub);
}

/* Fields `first` to first + 2: spans, deltas, counts. */
static void put_side(struct write_encoder *w, unsigned first, const struct native_buckets *buckets,
                     bool whole)
{
    struct native_spans side = {0};
    if (native_buckets_to_spans(buckets, &w->arena, &side) != ST_OK) {
        w->failed = true;
        return;
    }
    for (uint32_t i = 0; i < side.span_count; i++) {
        put_zigzag(&w->sub, 1, side.spans[i].offset);
        put_varint(&w->sub, 2, side.spans[i].length);
        put_message(w, &w->item, first, &w->sub);
    }
    put_counts(w, whole ? first + 1 : first + 2, &side, whole);
}

/* The count is a member of a oneof that says which kind it is: written when it is 0, too. */
static void put_count(struct buf *out, unsigned field, double count, bool whole)
{
    uint64_t bits;
    memcpy(&bits, &count, sizeof(bits));
    buf_append_varint(out, whole ? PB_TAG(field, PB_VARINT) : PB_TAG(field + 1, PB_FIXED64));
    if (whole)
        buf_append_varint(out, (uint64_t)count);
    else
        buf_append_u64(out, bits);
}

static void put_histogram(struct write_encoder *w, const struct sample *s)
{
    const struct native_histogram *h = s->histogram;
    bool whole = is_whole(h);
    put_count(&w->item, 1, h->count, whole);
    put_double(&w->item, 3, h->sum);
    put_zigzag(&w->item, 4, h->schema);
    put_double(&w->item, 5, h->zero_threshold);
    put_count(&w->item, 6, h->zero_count, whole);
    put_side(w, 8, &h->negative, whole);
    put_side(w, 11, &h->positive, whole);
    put_varint(&w->item, 14, h->hint);
    put_varint(&w->item, 15, (uint64_t)s->time_ms);
    if (h->bound_count > 0)
        put_bytes(&w->item, 16,
                  (struct str){(const char *)(const void *)h->bounds,
                               h->bound_count * sizeof(*h->bounds)});
    if (is_2(w))
        put_varint(&w->item, 17, (uint64_t)s->start_ms);
    put_message(w, &w->entry, is_2(w) ? 3 : 4, &w->item);
    arena_reset(&w->arena);
    w->histograms++;
}

static void put_exemplar(struct write_encoder *w, const struct metric_exemplar *x)
{
    put_labels(w, &w->item, x->labels);
    put_double(&w->item, 2, x->value);
    put_varint(&w->item, 3, (uint64_t)x->time_ms);
    put_message(w, &w->entry, is_2(w) ? 4 : 3, &w->item);
    w->exemplars++;
}

/* ---- a request ---- */

void write_encoder_series(struct write_encoder *w, const struct metric_series *series,
                          const struct metric_metadata *metadata)
{
    if (w->failed)
        return;
    put_labels(w, &w->entry, series->labels);
    for (uint32_t i = 0; i < series->sample_count; i++) {
        if (series->samples[i].histogram)
            put_histogram(w, &series->samples[i]);
        else
            put_sample(w, &series->samples[i]);
    }
    for (uint32_t i = 0; i < series->exemplar_count; i++)
        put_exemplar(w, &series->exemplars[i]);
    if (is_2(w) && metadata) {
        put_varint(&w->item, 1, metadata->type);
        put_varint(&w->item, 3, symbol(w, metadata->help));
        put_varint(&w->item, 4, symbol(w, metadata->unit));
        put_message(w, &w->entry, 5, &w->item);
    }
    put_message(w, &w->entries, is_2(w) ? 5 : 1, &w->entry);
    w->series++;
}

void write_encoder_metadata(struct write_encoder *w, const struct metric_metadata *metadata)
{
    if (w->failed || is_2(w))
        return;
    put_varint(&w->item, 1, metadata->type);
    put_bytes(&w->item, 2, metadata->metric);
    put_bytes(&w->item, 4, metadata->help);
    put_bytes(&w->item, 5, metadata->unit);
    put_message(w, &w->entries, 3, &w->item);
}

size_t write_encoder_bytes(const struct write_encoder *w)
{
    return w->entries.len + (w->symbols ? intern_bytes(w->symbols) : 0);
}

static bool pack(struct str body, struct buf *out)
{
    size_t len = snappy_max_compressed_length(body.len);
    if (!buf_reserve(out, len) ||
        snappy_compress(body.len ? body.ptr : "", body.len, out->ptr + out->len, &len) != SNAPPY_OK)
        return false;
    out->len += len;
    return true;
}

bool write_encoder_finish(struct write_encoder *w, struct buf *out)
{
    struct buf body = {0};
    uint32_t symbols = is_2(w) && w->symbols ? intern_count(w->symbols) : 0;
    for (uint32_t i = 0; i < symbols; i++)
        put_bytes(&body, 4, intern_get(w->symbols, i));
    buf_append_str(&body, buf_str(&w->entries));
    bool done = !w->failed && !w->entries.failed && !body.failed && pack(buf_str(&body), out);
    buf_deinit(&body);
    return done;
}
