/* test_packed_trace.c - what is packed comes out as it went in, and goes in its turn. */
#include "collector/packed_trace.h"
#include "support/leak.h"
#include <criterion/criterion.h>

static uint32_t make(struct packed_span *spans, uint64_t seed)
{
    uint32_t count = 1 + (uint32_t)(seed % PACKED_SPANS);
    for (uint32_t i = 0; i < count; i++) {
        spans[i].id = seed * 1000 + i + 1;
        spans[i].parent = i == 0       ? 0
                          : i % 3 == 0 ? seed * 7919 + i
                                       : seed * 1000 + i; /* none, outside, inside */
        spans[i].bits = (uint32_t)(seed * 31 + i) | (i & 1u) << 31;
    }
    return count;
}

static bool same(const struct packed_span *a, const struct packed_span *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (a[i].id != b[i].id || a[i].parent != b[i].parent || a[i].bits != b[i].bits)
            return false;
    return true;
}

Test(packed_trace, round_trip)
{
    enum { TRACES = 5000 };
    struct packed_table t = {.seed = 5};
    struct packed_span in[PACKED_SPANS], out[PACKED_SPANS];
    for (uint64_t i = 0; i < TRACES; i++)
        cr_assert(packed_add(&t, (struct trace_id){1, i}, (uint32_t)i / 10, in, make(in, i)));
    cr_expect(t.live == TRACES);
    uint32_t closed, at = 0, bytes, count, seen = 0;
    struct trace_id id;
    while (packed_next(&t, &at, &id, &closed, &bytes, out, &count)) {
        cr_expect(id.lo == seen && count == make(in, seen) && same(in, out, count));
        seen++;
    }
    cr_expect(seen == TRACES);
    for (uint64_t i = 0; i < TRACES; i += 3) {
        cr_expect(packed_take(&t, (struct trace_id){1, i}, &closed, out) == make(in, i));
        cr_expect(closed == i / 10 && same(in, out, make(in, i)), "trace %llu",
                  (unsigned long long)i);
        cr_expect(packed_take(&t, (struct trace_id){1, i}, &closed, out) == 0);
    }
    packed_forget(&t, TRACES / 20 - 1); /* the first half */
    cr_expect(packed_take(&t, (struct trace_id){1, 1}, &closed, out) == 0);
    cr_expect(packed_take(&t, (struct trace_id){1, TRACES / 2 + 1}, &closed, out) > 0);
    while (packed_forget_one(&t))
        continue;
    cr_expect(t.live == 0 && t.blocks.used_bytes == 0);
    packed_deinit(&t);
    EXPECT_NO_LEAK();
}
