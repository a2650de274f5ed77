/* native_histogram_text.c - prints a native histogram as Prometheus does. */
#include "model/native_histogram_text.h"

#include "base/number_text.h"

static void append_range(struct buf *out, const struct native_range *r)
{
    buf_append_str(out, r->has_lower ? STR(", [") : STR(", ("));
    number_append_general(out, r->lower);
    buf_append_u8(out, ',');
    number_append_general(out, r->upper);
    buf_append_str(out, r->has_upper ? STR("]:") : STR("):"));
    number_append_general(out, r->count);
}

void native_histogram_append_text(struct buf *out, const struct native_histogram *h)
{
    buf_append_str(out, STR("{count:"));
    number_append_general(out, h->count);
    buf_append_str(out, STR(", sum:"));
    number_append_general(out, h->sum);
    uint32_t count = native_histogram_range_count(h);
    for (uint32_t i = 0; i < count; i++) {
        struct native_range range = native_histogram_range(h, i);
        if (range.count != 0)
            append_range(out, &range);
    }
    buf_append_u8(out, '}');
}
