/* histogram_run.c - runs of encoded histograms: a table of their small numbers, then their bodies.
 */
#include "model/histogram_run.h"

#include "model/histogram_codec.h"

enum {
    HEADS_DIFFER = 64, /* in the byte of the head */
    HEAD_BITS = 6,
    LENGTH_BITS_MAX = 32,
    NIBBLE = 15,
};

/* --- writing --- */

void histogram_run_writer_deinit(struct histogram_run_writer *w)
{
    buf_deinit(&w->bodies);
    *w = (struct histogram_run_writer){0};
}

static bool has_buckets(const struct histogram_entry *x)
{
    return (x->head & HEAD_MODE) != MODE_EMPTY;
}

static void add_entry(struct histogram_run_writer *w, const struct histogram_item *item,
                      size_t length)
{
    w->entries[w->count++] = (struct histogram_entry){
        .length = (uint32_t)length,
        .head = item->head,
        .first = item->first,
        .span = item->span,
        .n = item->n,
    };
}

static void put_scale(const struct histogram_item *item, struct buf *out)
{
    if (item->head & HEAD_UNIT)
        buf_append_varint(out, item->unit);
    if (item->head & HEAD_ZERO)
        buf_append_varint(out, item->zero);
}

void histogram_run_add(struct histogram_run_writer *w, const struct histogram *h)
{
    struct histogram_item item;
    size_t start = w->bodies.len;
    histogram_item_make(h, &w->bodies, &item);
    size_t bits_end = w->bodies.len;
    put_scale(&item, &w->bodies);
    histogram_move_front(&w->bodies, start, bits_end);
    add_entry(w, &item, w->bodies.len - start);
}

void histogram_run_add_item(struct histogram_run_writer *w, const struct histogram_item *item)
{
    size_t start = w->bodies.len;
    put_scale(item, &w->bodies);
    buf_append(&w->bodies, item->bits, item->bits_len);
    add_entry(w, item, w->bodies.len - start);
}

/* The lowest of all, and in *most the highest; of those without buckets only the length counts.
 * The head is that of all, or HEADS_DIFFER. */
static struct histogram_entry lowest_of(const struct histogram_run_writer *w,
                                        struct histogram_entry *most)
{
    struct histogram_entry least = w->entries[0];
    bool any = false;
    *most = least;
    for (unsigned i = 0; i < w->count; i++) {
        const struct histogram_entry *x = &w->entries[i];
        least.length = MIN(least.length, x->length);
        most->length = MAX(most->length, x->length);
        if (x->head != w->entries[0].head)
            least.head = HEADS_DIFFER;
        if (!has_buckets(x))
            continue;
        least.n = any ? MIN(least.n, x->n) : x->n;
        most->n = any ? MAX(most->n, x->n) : x->n;
        least.first = any ? MIN(least.first, x->first) : x->first;
        most->first = any ? MAX(most->first, x->first) : x->first;
        least.span = any ? MIN(least.span, x->span) : x->span;
        most->span = any ? MAX(most->span, x->span) : x->span;
        any = true;
    }
    return least;
}

static void set_widths(struct histogram_run *r, const struct histogram_entry *most)
{
    const struct histogram_entry *least = &r->lowest;
    r->length_bits = (uint8_t)bit_length(most->length - least->length);
    r->head_bits = least->head == HEADS_DIFFER ? HEAD_BITS : 0;
    r->n_bits = (uint8_t)bit_length(most->n - least->n);
    r->first_bits = (uint8_t)bit_length((u128)(most->first - least->first));
    r->span_bits = (uint8_t)bit_length(most->span - least->span);
}

static void put_table(const struct histogram_run_writer *w, const struct histogram_run *r,
                      struct buf *out)
{
    struct bit_writer bits = {.out = out};
    for (unsigned i = 0; i < w->count; i++) {
        const struct histogram_entry *x = &w->entries[i];
        bool some = has_buckets(x);
        bits_put(&bits, x->length - r->lowest.length, r->length_bits);
        bits_put(&bits, r->head_bits ? x->head : 0, r->head_bits);
        bits_put_long(&bits, some ? x->n - r->lowest.n : 0, r->n_bits);
        bits_put(&bits, some ? (uint32_t)(x->first - r->lowest.first) : 0, r->first_bits);
        bits_put(&bits, some ? x->span - r->lowest.span : 0, r->span_bits);
    }
    bits_end(&bits);
}

bool histogram_run_end(struct histogram_run_writer *w, struct buf *out)
{
    struct histogram_entry most;
    struct histogram_run r = {.lowest = lowest_of(w, &most)};
    set_widths(&r, &most);
    buf_append_u8(out, r.lowest.head);
    buf_append_varint(out, r.lowest.length);
    buf_append_varint(out, r.lowest.n);
    buf_append_zigzag(out, r.lowest.first);
    buf_append_varint(out, r.lowest.span);
    if (w->count > 1) {
        buf_append_u8(out, r.length_bits);
        buf_append_u8(out, r.n_bits);
        buf_append_u8(out, (uint8_t)(r.first_bits | r.span_bits << 4));
        put_table(w, &r, out);
    }
    buf_append_str(out, buf_str(&w->bodies));
    out->failed |= w->bodies.failed;
    buf_reset(&w->bodies);
    w->count = 0;
    return r.lowest.head != 0;
}

/* --- reading --- */

static bool read_widths(struct cursor *c, struct histogram_run *r)
{
    r->length_bits = cursor_u8(c);
    r->n_bits = cursor_u8(c);
    unsigned indices = cursor_u8(c);
    r->first_bits = indices & NIBBLE;
    r->span_bits = (uint8_t)(indices >> 4);
    if (r->length_bits > LENGTH_BITS_MAX || r->n_bits > 64)
        return false;
    r->entry_bits =
        (uint8_t)(r->length_bits + r->head_bits + r->n_bits + r->first_bits + r->span_bits);
    return true;
}

bool histogram_run_open(struct cursor in, unsigned count, struct histogram_run *out)
{
    struct cursor *c = &in;
    *out = (struct histogram_run){.lowest.head = cursor_u8(c), .end = in.end};
    uint64_t length = cursor_varint(c);
    out->lowest.n = cursor_varint(c);
    int64_t first = cursor_zigzag(c);
    uint64_t span = cursor_varint(c);
    if (length > UINT32_MAX || first < HISTOGRAM_INDEX_MIN || first > HISTOGRAM_INDEX_MAX ||
        span > HISTOGRAM_INDEX_COUNT || out->lowest.head > HEADS_DIFFER)
        return false;
    out->lowest.length = (uint32_t)length;
    out->lowest.first = (int32_t)first;
    out->lowest.span = (uint32_t)span;
    out->head_bits = out->lowest.head == HEADS_DIFFER ? HEAD_BITS : 0;
    if (count > 1 ? !read_widths(c, out) : out->head_bits > 0)
        return false;
    size_t table = ((size_t)count * out->entry_bits + 7) / 8;
    out->table = in.at;
    out->body = in.at + MIN(table, (size_t)(in.end - in.at));
    return !in.failed && table <= (size_t)(in.end - in.at);
}

/* At most 57 bits from bit `at` of the table. */
static inline uint64_t table_bits(const struct histogram_run *r, uint32_t at, unsigned count)
{
    const uint8_t *from = r->table + at / 8;
    uint64_t word = 0;
    if (LIKELY(r->end - from >= 8))
        memcpy(&word, from, sizeof(word));
    else
        memcpy(&word, from, (size_t)(r->end - from));
    return word >> at % 8 & ((UINT64_C(1) << count) - 1);
}

bool histogram_run_next(struct histogram_run *r)
{
    r->body += r->length; /* of the one before */
    r->length = r->lowest.length + table_bits(r, r->next_bit, r->length_bits);
    r->next_bit += r->entry_bits;
    return r->length <= (size_t)(r->end - r->body);
}

bool histogram_run_item(const struct histogram_run *r, struct histogram_item *out)
{
    uint32_t at = r->next_bit - r->entry_bits + r->length_bits;
    struct cursor c = {r->body, r->body + r->length, false};
    unsigned low = MIN(r->n_bits, 32u), high = r->n_bits - low;
    out->head = r->head_bits ? (uint8_t)table_bits(r, at, HEAD_BITS) : r->lowest.head;
    at += r->head_bits;
    out->n = r->lowest.n + (table_bits(r, at, low) | table_bits(r, at + low, high) << 32);
    at += r->n_bits;
    out->first = r->lowest.first + (int32_t)table_bits(r, at, r->first_bits);
    at += r->first_bits;
    out->span = r->lowest.span + (uint32_t)table_bits(r, at, r->span_bits);
    if ((out->head & HEAD_MODE) == MODE_EMPTY) {
        out->n = out->span = 0;
        out->first = 0;
    }
    histogram_item_scale_read(&c, out);
    out->bits = c.at;
    out->bits_len = (size_t)(c.end - c.at);
    return !c.failed;
}
