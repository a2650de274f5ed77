/* series_order.c - sorts values by eight of their bytes at a time, and merges what came later. */
#include "storage/series_order.h"
#include <stdlib.h>

enum {
    SORT_AT_ONCE = 1024, /* so many pairs are put in order even for who can do without */
    RADIX_MIN = 256,     /* fewer are compared one with another */
    DEPTH_MAX = 256,     /* bytes that values share before they are compared as a whole */
    DIGITS = 8,
};

struct sort_item {
    uint64_t head; /* eight bytes of the value, zeros behind its end */
    const struct label_pair *pair;
    uint32_t number;
};

struct sorter {
    struct sort_item *items, *spare;
};

static uint64_t head_of(struct str value, size_t depth)
{
    uint64_t head = 0;
    if (depth < value.len)
        memcpy(&head, value.ptr + depth, MIN(value.len - depth, sizeof(head)));
    return __builtin_bswap64(head);
}

/* Heads of one depth, below which the values are alike. */
static int item_cmp(const void *a, const void *b)
{
    const struct sort_item *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return str_cmp(pair_value(x->pair), pair_value(y->pair));
}

/* By one byte of the heads, into spare. */
static void sort_by_digit(struct sorter *s, size_t from, size_t to, unsigned digit,
                          const uint32_t counts[256])
{
    size_t at[256], sum = from;
    for (unsigned i = 0; i < 256; i++) {
        at[i] = sum;
        sum += counts[i];
    }
    for (size_t i = from; i < to; i++)
        s->spare[at[s->items[i].head >> 8 * digit & 0xff]++] = s->items[i];
}

static void sort_by_head(struct sorter *s, size_t from, size_t to)
{
    uint32_t counts[DIGITS][256] = {{0}};
    for (size_t i = from; i < to; i++)
        for (unsigned d = 0; d < DIGITS; d++)
            counts[d][s->items[i].head >> 8 * d & 0xff]++;
    for (unsigned d = 0; d < DIGITS; d++) {
        if (counts[d][s->items[from].head >> 8 * d & 0xff] == to - from)
            continue;
        sort_by_digit(s, from, to, d, counts[d]);
        memcpy(s->items + from, s->spare + from, (to - from) * sizeof(*s->items));
    }
}

/* Values [from, to), alike up to `depth`. Those that are alike for eight bytes more come again. */
static void sort_range(struct sorter *s, size_t from, size_t to, size_t depth)
{
    for (size_t i = from; i < to; i++)
        s->items[i].head = head_of(pair_value(s->items[i].pair), depth);
    if (to - from < RADIX_MIN || depth >= DEPTH_MAX) {
        qsort(s->items + from, to - from, sizeof(*s->items), item_cmp);
        return;
    }
    sort_by_head(s, from, to);
    for (size_t i = from, end; i < to; i = end) {
        for (end = i + 1; end < to && s->items[end].head == s->items[i].head;)
            end++;
        if (end - i > 1)
            sort_range(s, i, end, depth + sizeof(s->items->head));
    }
}

static size_t lower_bound(const struct series_index *x, const uint32_t *order, size_t count,
                          struct str text)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(pair_value(index_pair(x, order[middle])), text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t series_order_find(const struct series_index *x, const struct label_name *name,
                         struct str text)
{
    return lower_bound(x, name->order.items, name->order.len, text);
}

/* Puts sorted newcomers in between, the last first; each moves the pairs above it to their places.
 */
static void merge_items(const struct series_index *x, struct label_name *name,
                        const struct sort_item *items, size_t count)
{
    uint32_t *order = name->order.items;
    size_t left = name->order.len;
    for (size_t i = count; i-- > 0;) {
        size_t at = lower_bound(x, order, left, pair_value(items[i].pair));
        memmove(order + at + i + 1, order + at, (left - at) * sizeof(*order));
        order[at + i] = items[i].number;
        left = at;
    }
    name->order.len += count;
}

static bool order_rest(struct series_index *x, struct label_name *name)
{
    size_t done = name->order.len, count = name->pairs.len - done;
    if (count == 0)
        return true;
    struct sorter s = {0};
    s.items = mem_realloc_array(NULL, 2 * count, sizeof(*s.items));
    if (!s.items || !vec_reserve(&name->order, count)) {
        mem_free(s.items);
        return false;
    }
    s.spare = s.items + count;
    for (size_t i = 0; i < count; i++) {
        uint32_t number = name->pairs.items[done + i];
        s.items[i] = (struct sort_item){0, index_pair(x, number), number};
    }
    sort_range(&s, 0, count, 0);
    merge_items(x, name, s.items, count);
    mem_free(s.items);
    return true;
}

enum status series_order_all(struct series_index *x, struct label_name *name, struct err *e)
{
    pthread_rwlock_wrlock(&x->order_lock);
    bool ordered = order_rest(x, name);
    pthread_rwlock_unlock(&x->order_lock);
    return ordered ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory to sort the values of a label");
}

void series_order_hold(struct series_index *x, struct label_name *name)
{
    pthread_rwlock_rdlock(&x->order_lock);
    size_t missing = name->pairs.len - name->order.len;
    if (missing == 0 || missing > SORT_AT_ONCE)
        return;
    pthread_rwlock_unlock(&x->order_lock);
    (void)series_order_all(x, name, NULL);
    pthread_rwlock_rdlock(&x->order_lock);
}

void series_order_release(struct series_index *x)
{
    pthread_rwlock_unlock(&x->order_lock);
}
