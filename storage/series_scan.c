/* series_scan.c - from places in blocks of values to the values that lie there. */
#include "storage/series_scan.h"

static const char *value_at(const struct series_index *x, const struct label_name *name,
                            size_t position)
{
    return index_pair(x, name->pairs.items[position])->value;
}

/* The last of the positions [from, end) whose value begins at or before `at`, as that of from does:
 * doubling steps, then halving. */
static size_t position_of(const struct series_index *x, const struct label_name *name, size_t from,
                          size_t end, const char *at)
{
    size_t step = 1, low = from, high = from + 1;
    while (high < end && value_at(x, name, high) <= at) {
        low = high;
        high = end - high > step ? high + step : end;
        step *= 2;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (value_at(x, name, middle) <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Values lie back to back: what begins in one and ends in the next is none. */
static void scan_block(const struct series_index *x, const struct label_name *name,
                       const struct value_block *block, size_t end, const struct text_search *text,
                       uint64_t *bits)
{
    struct str in = {block->bytes, block->used};
    size_t position = block->first, at = 0;
    while ((at = text_search_next(text, in, at)) < in.len) {
        position = position_of(x, name, position, end, block->bytes + at);
        struct str value = pair_value(index_pair(x, name->pairs.items[position]));
        size_t value_end = (size_t)(value.ptr - block->bytes) + value.len;
        bool is_inside = at + text->text.len <= value_end;
        if (is_inside)
            bits[position / 64] |= UINT64_C(1) << position % 64;
        at = is_inside ? value_end : at + 1;
    }
}

void series_scan(const struct series_index *x, const struct label_name *name, size_t from,
                 struct text_search text, uint64_t *bits)
{
    const struct value_block *blocks = name->values.blocks.items;
    size_t count = name->values.blocks.len;
    for (size_t i = 0; i < count; i++) {
        size_t end = i + 1 < count ? blocks[i + 1].first : name->values.count;
        if (end > from)
            scan_block(x, name, &blocks[i], end, &text, bits);
    }
}
