/* histogram_run.c - runs of encoded histograms: a table of their small numbers, then their bodies.
 */
#include "model/histogram_run.h"

#include "model/histogram_codec.h"

enum {
    LENGTH_BITS_MAX = 32,
    NIBBLE = 15,
    WORD_BITS = 57, /* bits that one load of eight bytes holds wherever they begin */
};

/* In the byte of the head: they differ. */
static unsigned heads_differ(enum histogram_form form)
{
    return form == HISTOGRAM_FORM_2 ? HEAD_END : HEAD_FAR;
}

static uint8_t head_bits(enum histogram_form form)
{
    return form == HISTOGRAM_FORM_2 ? 7 : 6;
}

static inline bool is_bytewise(unsigned head)
{
    return (head & HEAD_MODE) >= MODE_PLANES;
}

/* Bits of a body of form 2 that follow from its entry: those of extremes and sum, and of gaps what
 * does not depend on them. */
static inline uint64_t sure_bits(const struct histogram_entry *x)
{
    int32_t last = x->first + (int32_t)x->span;
    uint64_t bits = x->head & HEAD_ZERO ? 0 : histogram_room_bits(x->first);
    if ((x->head & HEAD_MODE) == MODE_EMPTY)
        return 0;
    if (!(x->head & HEAD_SINGLE))
        bits += histogram_room_bits(last);
    if (!(x->head & HEAD_SUM_APART))
        bits += histogram_sum_bits(x->first, x->span, x->n);
    if ((x->head & HEAD_MODE) == MODE_GAPS && x->span > 0 && x->n < RANKED_MIN)
        bits += (x->n - 2) * (1 + histogram_rice(x->n, x->span));
    return bits;
}

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

static uint64_t bits_written(const struct bit_writer *w)
{
    return 8 * (uint64_t)w->out->len + w->count;
}

static struct bit_writer body_begin(struct histogram_run_writer *w,
                                    const struct histogram_item *item, uint64_t *start)
{
    struct bit_writer bits = {.out = &w->bodies, .bits = w->bits, .count = w->bit_count};
    if (is_bytewise(item->head))
        bits_end(&bits);
    *start = bits_written(&bits);
    return bits;
}

static void body_end(struct histogram_run_writer *w, const struct histogram_item *item,
                     const struct bit_writer *bits, uint64_t start)
{
    struct histogram_entry *x = &w->entries[w->count++];
    *x = (struct histogram_entry){
        .head = item->head, .first = item->first, .span = item->span, .n = item->n};
    x->length = (uint32_t)(bits_written(bits) - start - sure_bits(x));
    w->bits = bits->bits;
    w->bit_count = bits->count;
}

static void put_varint(struct bit_writer *w, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        bits_put(w, (value & 0x7f) | 0x80, 8);
    bits_put(w, value, 8);
}

static void put_scale(struct bit_writer *w, const struct histogram_item *item)
{
    if (item->head & HEAD_UNIT)
        put_varint(w, item->unit);
    if (item->head & HEAD_ZERO)
        put_varint(w, item->zero);
}

void histogram_run_add(struct histogram_run_writer *w, const struct histogram *h)
{
    struct histogram_plan plan;
    uint64_t start;
    histogram_plan_make(h, HISTOGRAM_FORM_2, &plan);
    struct bit_writer bits = body_begin(w, &plan.item, &start);
    put_scale(&bits, &plan.item);
    histogram_plan_put(h, &plan, &bits);
    body_end(w, &plan.item, &bits, start);
}

void histogram_run_add_item(struct histogram_run_writer *w, const struct histogram_item *item)
{
    uint64_t start;
    struct bit_writer bits = body_begin(w, item, &start);
    put_scale(&bits, item);
    struct bit_reader from = item->bit_count ? histogram_item_bits(item) : (struct bit_reader){0};
    for (uint64_t left = item->bit_count, some; left > 0; left -= some) {
        some = MIN(left, (uint64_t)32);
        bits_put(&bits, bits_get(&from, (unsigned)some), (unsigned)some);
    }
    body_end(w, item, &bits, start);
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
            least.head = (uint8_t)heads_differ(HISTOGRAM_FORM_2);
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
    r->head_bits = least->head == heads_differ(r->form) ? head_bits(r->form) : 0;
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
    struct histogram_run r = {.form = HISTOGRAM_FORM_2, .lowest = lowest_of(w, &most)};
    struct bit_writer bits = {.out = &w->bodies, .bits = w->bits, .count = w->bit_count};
    bits_end(&bits);
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
    w->bits = 0;
    w->bit_count = w->count = 0;
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

bool histogram_run_open(struct cursor in, unsigned count, enum histogram_form form,
                        struct histogram_run *out)
{
    struct cursor *c = &in;
    *out = (struct histogram_run){.form = form, .lowest.head = cursor_u8(c), .end = in.end};
    uint64_t length = cursor_varint(c);
    out->lowest.n = cursor_varint(c);
    int64_t first = cursor_zigzag(c);
    uint64_t span = cursor_varint(c);
    if (length > UINT32_MAX || first < HISTOGRAM_INDEX_MIN || first > HISTOGRAM_INDEX_MAX ||
        span > HISTOGRAM_INDEX_COUNT || out->lowest.head > heads_differ(form))
        return false;
    out->lowest.length = (uint32_t)length;
    out->lowest.first = (int32_t)first;
    out->lowest.span = (uint32_t)span;
    out->head_bits = out->lowest.head == heads_differ(form) ? head_bits(form) : 0;
    if (count > 1 ? !read_widths(c, out) : out->head_bits > 0)
        return false;
    size_t table = ((size_t)count * out->entry_bits + 7) / 8;
    out->table = in.at;
    out->bodies = in.at + MIN(table, (size_t)(in.end - in.at));
    return !in.failed && table <= (size_t)(in.end - in.at);
}

/* At most WORD_BITS from bit `at` of the table. */
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

/* The lowest `count` of *word, which goes on behind them. */
static inline uint64_t take_bits(uint64_t *word, unsigned count)
{
    uint64_t value = *word & ((UINT64_C(1) << count) - 1);
    *word >>= count;
    return value;
}

static inline struct histogram_entry entry_read(const struct histogram_run *r)
{
    const struct histogram_entry *least = &r->lowest;
    struct histogram_entry x = {.head = least->head};
    uint32_t at = r->next_bit;
    unsigned low = MIN(r->n_bits, 32u), high = r->n_bits - low;
    uint64_t length, head, n, first, span;
    if (LIKELY(r->entry_bits <= WORD_BITS && high == 0)) {
        uint64_t word = table_bits(r, at, r->entry_bits);
        length = take_bits(&word, r->length_bits);
        head = take_bits(&word, r->head_bits);
        n = take_bits(&word, r->n_bits);
        first = take_bits(&word, r->first_bits);
        span = take_bits(&word, r->span_bits);
    } else {
        length = table_bits(r, at, r->length_bits);
        head = table_bits(r, at += r->length_bits, r->head_bits);
        n = table_bits(r, at += r->head_bits, low);
        n |= table_bits(r, at += low, high) << 32;
        first = table_bits(r, at += high, r->first_bits);
        span = table_bits(r, at + r->first_bits, r->span_bits);
    }
    if (r->head_bits)
        x.head = (uint8_t)head;
    x.length = (uint32_t)(least->length + length);
    if ((x.head & HEAD_MODE) == MODE_EMPTY)
        return x;
    x.n = least->n + n;
    x.first = least->first + (int32_t)first;
    x.span = least->span + (uint32_t)span;
    return x;
}

bool histogram_run_next(struct histogram_run *r)
{
    const uint64_t readable = 8 * (uint64_t)(r->end - r->bodies);
    r->body_at += r->body_bits; /* of the one before */
    r->now = entry_read(r);
    r->next_bit += r->entry_bits;
    if (r->form == HISTOGRAM_FORM_1) {
        r->body_bits = 8 * (uint64_t)r->now.length;
    } else {
        if (is_bytewise(r->now.head))
            r->body_at = (r->body_at + 7) / 8 * 8;
        r->body_bits = r->now.length + sure_bits(&r->now);
    }
    return r->body_at <= readable && r->body_bits <= readable - r->body_at;
}

static uint64_t read_varint(struct bit_reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint32_t byte = bits_get(r, 8);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    r->failed = true;
    return 0;
}

static unsigned varint_bits(uint64_t value)
{
    unsigned bits = 8;
    for (; value >= 0x80; value >>= 7)
        bits += 8;
    return bits;
}

/* Reads unit and zero, as far as they are there, and steps over them. */
static bool read_scale(struct histogram_item *item)
{
    unsigned used = 0;
    if (item->bit_count == 0)
        return !(item->head & (HEAD_UNIT | HEAD_ZERO));
    struct bit_reader r = histogram_item_bits(item);
    if (item->head & HEAD_UNIT)
        used += varint_bits(item->unit = read_varint(&r));
    if (item->head & HEAD_ZERO)
        used += varint_bits(item->zero = read_varint(&r));
    if (r.failed || used > item->bit_count)
        return false;
    item->bits += used / 8;
    item->bit_count -= used;
    return true;
}

bool histogram_run_item(const struct histogram_run *r, struct histogram_item *out)
{
    *out = (struct histogram_item){
        .form = r->form,
        .head = r->now.head,
        .first = r->now.first,
        .span = r->now.span,
        .unit = WEIGHT_ONE,
        .n = r->now.n,
        .bits = r->bodies + r->body_at / 8,
        .skip = (unsigned)(r->body_at % 8),
        .bit_count = r->body_bits,
    };
    return !(out->head & (HEAD_UNIT | HEAD_ZERO)) || read_scale(out);
}
