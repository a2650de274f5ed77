/* test_otlp_hostile.c - requests that mean harm: cut anywhere, endlessly deep, many times larger
 * inside, without memory. */
#include "base/mem.h"
#include "tests/unit/codec/otlp_requests.h"

/* Every cut of a good request is either a shorter good one or says that something is cut off; never
 * a read behind it. */
Test(otlp_hostile, W4_every_cut_is_noticed)
{
    struct buf whole = {0};
    otlp_build_envoy(&whole, 2, 1);
    for (size_t len = 0; len < whole.len; len++) {
        struct buf cut = {0};
        struct err e;
        buf_append(&cut, whole.ptr, len);
        batch_free(decode(cut, len == 0 ? ST_OK : ST_INVALID, &e));
    }
    buf_deinit(&whole);
    EXPECT_NO_LEAK();
}

/* Arrays inside each other, written from the innermost on, backwards. */
static struct buf nested_value(unsigned levels)
{
    struct buf back = {0};
    for (unsigned i = 0; i < levels * 2; i++) {
        struct buf head = {0};
        buf_append_u8(&head, i % 2 ? 0x2a : 0x0a); /* array_value = 5, values = 1 */
        buf_append_varint(&head, back.len);
        for (size_t k = head.len; k > 0; k--)
            buf_append_u8(&back, (uint8_t)head.ptr[k - 1]);
        buf_deinit(&head);
    }
    for (size_t a = 0, z = back.len; a + 1 < z; a++) {
        char c = back.ptr[a];
        back.ptr[a] = back.ptr[--z];
        back.ptr[z] = c;
    }
    return back;
}

Test(otlp_hostile, S6_depth_costs_no_stack)
{
    static const unsigned levels[] = {10, 1000, 100000, 1000000};
    for (size_t i = 0; i < LEN(levels); i++) {
        struct buf value = nested_value(levels[i]), pair = {0}, event = {0};
        struct buf span = from_hex(SPAN);
        struct err e;
        pb_put_bytes(&pair, 1, STR("deep"));
        pb_put_message(&pair, 2, &value);
        pb_put_bytes(&event, 3, buf_str(&pair));
        pb_put_message(&span, 9, &pair);
        pb_put_message(&span, 11, &event);
        struct buf body = request_of_span(&span);
        struct batch *b = decode(body, ST_OK, &e);
        cr_expect(b->rejected[REJECT_TOO_DEEP] == 1, "%u levels", levels[i]);
        batch_free(b);
        buf_deinit(&value);
        buf_deinit(&pair);
        buf_deinit(&event);
    }
    EXPECT_NO_LEAK();
}

/* Hostile sizes: memory stays in proportion to the body. */
Test(otlp_hostile, memory_stays_in_proportion)
{
    static const struct {
        const char *name, *span;
        unsigned repeats;
        size_t ratio;
    } rows[] = {
        {"empty spans", "", 4000, 1},
        {"empty attributes", "4a00", 20000, 1},
        {"smallest attributes", "4a03 0a0161", 8, 12},
        {"repeated values", "4a07 0a0161 1202 0a00", 8, 12},
    };
    limits.spans = 1000000;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf span = {0}, scope_spans = {0};
        struct err e;
        for (unsigned n = 0; n < 4000; n++) {
            buf_reset(&span);
            pb_put_hex(&span, i ? SPAN : "");
            for (unsigned k = 0; i && k < rows[i].repeats; k++)
                pb_put_hex(&span, rows[i].span);
            pb_put_message(&scope_spans, 2, &span);
            if (rows[i].repeats > 100 && n > 10)
                break;
        }
        struct buf body = request_of_scope_spans(&scope_spans);
        size_t bytes = body.len;
        struct batch *b = decode(body, ST_OK, &e);
        cr_expect(b->arena.used_bytes <= rows[i].ratio * bytes + 4096, "row %s: %zu for %zu bytes",
                  rows[i].name, b->arena.used_bytes, bytes);
        batch_free(b);
        buf_deinit(&span);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_hostile, survives_every_failed_allocation)
{
    struct buf whole = {0};
    long n = 0;
    limits.attributes = 16;
    otlp_build_envoy(&whole, 300, 3);
    for (bool failed = true; failed; n++) {
        struct otlp_trace_rules rules = {.limits = &limits};
        struct batch b = {.plain = buf_str(&whole), .encoding = ENCODING_PROTOBUF};
        struct err e;
        mem_fail_after(n);
        enum status status = otlp_trace_decode(&b, &rules, &e);
        failed = mem_did_fail();
        mem_fail_after(-1);
        cr_expect(status == (failed ? ST_NO_MEMORY : ST_OK), "allocation %ld", n);
        cr_expect(b.span_count == (failed ? 0 : 300), "allocation %ld", n);
        arena_deinit(&b.arena);
    }
    cr_expect(n > 3, "only %ld allocations", n);
    buf_deinit(&whole);
    EXPECT_NO_LEAK();
}
