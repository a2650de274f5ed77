/* derived_natives.c - histograms into what they add, and back. */
#include "query/derived_natives.h"

#include "base/cursor.h"
#include "model/stale.h"

/* Bytes that count as one sample in a query's budget: those of a bucket. */
enum { BYTES_A_SAMPLE = sizeof(struct native_bucket) };

struct later {
    struct series_later base;
    struct derived_form form;
    const struct str *records; /* arena */
    size_t from, to;
};

void derived_natives_deinit(struct derived_natives *n)
{
    vec_deinit(&n->records);
    histogram_deinit(&n->total);
    buf_deinit(&n->scratch);
}

/* --- into bytes --- */

/* Whole requests are most: one bit tells. */
static void put_weight(struct buf *out, uint64_t weight)
{
    if (weight % WEIGHT_ONE == 0)
        buf_append_varint(out, weight / WEIGHT_ONE << 1);
    else
        buf_append_varint(out, weight << 1 | 1);
}

static void put_numbers(struct buf *out, const struct histogram *h, const struct histogram *before)
{
    u128 sum = h->sum - before->sum;
    put_weight(out, h->weight - before->weight);
    put_weight(out, h->zero - before->zero);
    buf_append_varint(out, (uint64_t)sum);
    buf_append_varint(out, (uint64_t)(sum >> 64));
}

/* The buckets of `h` that hold more than those of `before`, which lie all in `h`. */
static void put_increase(struct buf *out, const struct histogram *h, const struct histogram *before)
{
    uint32_t count = 0, k = 0;
    int32_t last = HISTOGRAM_INDEX_MIN;
    put_numbers(out, h, before);
    size_t at = out->len;
    buf_append(out, "\0\0", 2);
    for (uint32_t i = 0; i < h->bucket_count; i++) {
        const struct histogram_bucket *b = &h->buckets[i];
        bool was_there = k < before->bucket_count && before->buckets[k].index == b->index;
        uint64_t weight = b->weight - (was_there ? before->buckets[k++].weight : 0);
        if (weight == 0)
            continue;
        buf_append_varint(out, (uint64_t)(b->index - last));
        put_weight(out, weight);
        last = b->index;
        count++;
    }
    if (out->failed)
        return;
    out->ptr[at] = (char)(count & 0xff);
    out->ptr[at + 1] = (char)(count >> 8);
}

static bool push_record(struct derived_natives *n, struct arena *arena)
{
    struct str record = arena_dup_str(arena, buf_str(&n->scratch));
    n->bytes += record.len;
    return !n->scratch.failed && record.ptr && vec_push(&n->records, record);
}

bool derived_natives_push(struct derived_natives *n, const struct derived_total *total,
                          const struct derived_total *next, double share, struct arena *arena)
{
    static const struct histogram none = {0};
    buf_reset(&n->scratch);
    buf_append(&n->scratch, (const char *)&share, sizeof(share));
    put_increase(&n->scratch, &total->native, &n->total);
    if (next)
        put_increase(&n->scratch, &next->native, &none);
    histogram_reset(&n->total);
    return push_record(n, arena) && histogram_merge(&n->total, &total->native);
}

bool derived_natives_push_stale(struct derived_natives *n)
{
    return vec_push(&n->records, (struct str){0});
}

/* --- and back --- */

static uint64_t get_weight(struct cursor *in)
{
    uint64_t told = cursor_varint(in);
    return told & 1 ? told >> 1 : (told >> 1) * WEIGHT_ONE;
}

/* Adds what put_increase() wrote. */
static bool get_increase(struct cursor *in, struct histogram_bucket *room, struct histogram *to)
{
    to->weight += get_weight(in);
    to->zero += get_weight(in);
    to->sum += cursor_varint(in);
    to->sum += (u128)cursor_varint(in) << 64;
    uint32_t count = cursor_u16(in);
    int32_t index = HISTOGRAM_INDEX_MIN;
    for (uint32_t i = 0; i < count; i++) {
        index += (int32_t)cursor_varint(in);
        room[i] = (struct histogram_bucket){index, get_weight(in)};
    }
    return histogram_merge_buckets(to, room, count);
}

struct making {
    const struct later *later;
    struct derived_total total, next;
    struct histogram_bucket *room;
};

static const struct native_histogram *make_stale(struct arena *arena)
{
    struct native_histogram *h = arena_calloc(arena, 1, sizeof(*h));
    if (h)
        h->sum = value_stale();
    return h;
}

static bool read_record(struct making *m, struct str record, bool *has_next, double *share)
{
    struct cursor in = cursor_of(record);
    memcpy(share, cursor_bytes(&in, sizeof(*share)).ptr, sizeof(*share));
    if (!get_increase(&in, m->room, &m->total.native))
        return false;
    *has_next = in.at < in.end;
    histogram_reset(&m->next.native);
    return !*has_next || get_increase(&in, m->room, &m->next.native);
}

static bool make_all(struct making *m, struct arena *arena, const struct native_histogram **out)
{
    const struct later *l = m->later;
    for (size_t i = 0; i < l->to; i++) {
        struct str record = l->records[i];
        bool has_next = false;
        double share = 0;
        if (record.len > 0 && !read_record(m, record, &has_next, &share))
            return false;
        if (i < l->from)
            continue;
        out[i - l->from] = record.len == 0
                               ? make_stale(arena)
                               : derived_total_native(&m->total, has_next ? &m->next : NULL, share,
                                                      &l->form, arena);
        if (!out[i - l->from])
            return false;
    }
    return true;
}

static const struct native_histogram *const *make(const struct series_later *self,
                                                  struct arena *arena)
{
    struct making m = {.later = (const struct later *)self};
    const struct native_histogram **out =
        arena_alloc(arena, (m.later->to - m.later->from + 1) * sizeof(*out));
    m.room = mem_calloc(HISTOGRAM_INDEX_COUNT, sizeof(*m.room));
    bool ok = out && m.room && make_all(&m, arena, out);
    mem_free(m.room);
    derived_total_deinit(&m.total);
    derived_total_deinit(&m.next);
    return ok ? out : NULL;
}

const struct series_later *derived_natives_later(const struct derived_natives *n,
                                                 const struct derived_form *form, size_t from,
                                                 size_t to, struct arena *arena)
{
    struct later *l = arena_alloc(arena, sizeof(*l));
    struct str *records = arena_alloc(arena, (to + 1) * sizeof(*records));
    if (!l || !records)
        return NULL;
    if (to > 0)
        memcpy(records, n->records.items, to * sizeof(*records));
    *l = (struct later){.base = {make, to - from + n->bytes / BYTES_A_SAMPLE},
                        .form = *form,
                        .records = records,
                        .from = from,
                        .to = to};
    return &l->base;
}
