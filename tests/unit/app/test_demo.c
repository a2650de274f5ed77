/* test_demo.c - the simulated mesh: the same seed tells the same story, and its bytes are real
 * OTLP. */
#include "app/demo_traffic.h"

#include "base/mem.h"
#include "base/vec.h"
#include "codec/otlp_trace.h"

#include <criterion/criterion.h>

struct heard {
    VEC(struct demo_span) spans;
};

static bool hear(void *user, const struct demo_span *span)
{
    struct heard *h = user;
    return vec_push(&h->spans, *span);
}

static void tell(struct heard *h, uint64_t seed, unsigned requests)
{
    struct demo_truth *truth = demo_truth_new(seed, true);
    struct demo_traffic t = {.random = {seed},
                             .truth = truth,
                             .began_ns = 1700000000 * NS_PER_S,
                             .emit = hear,
                             .user = h};
    for (unsigned i = 0; i < requests; i++)
        demo_traffic_request(&t, t.began_ns + i * 100 * NS_PER_MS);
    cr_expect_not(t.failed);
    demo_truth_free(truth);
}

Test(demo, same_seed_same_story)
{
    struct heard a = {0}, b = {0}, other = {0};
    tell(&a, 7, 200);
    tell(&b, 7, 200);
    tell(&other, 8, 200);
    cr_assert_eq(a.spans.len, b.spans.len);
    cr_expect_eq(memcmp(a.spans.items, b.spans.items, a.spans.len * sizeof(struct demo_span)), 0);
    cr_expect_neq(a.spans.len, other.spans.len);
    vec_deinit(&a.spans);
    vec_deinit(&b.spans);
    vec_deinit(&other.spans);
}

Test(demo, every_span_hangs_on_its_parent_and_fits_inside)
{
    struct heard h = {0};
    tell(&h, 3, 50);
    for (size_t i = 0; i < h.spans.len; i++) {
        const struct demo_span *s = &h.spans.items[i];
        const struct demo_span *parent = NULL;
        for (size_t k = 0; k < h.spans.len && s->parent; k++)
            if (h.spans.items[k].id == s->parent)
                parent = &h.spans.items[k];
        cr_expect((parent == NULL) == (s->reporter == DEMO_GATEWAY_SERVER), "span %zu", i);
        cr_expect(s->start_ns < s->end_ns, "span %zu", i);
        if (parent)
            cr_expect(s->start_ns >= parent->start_ns && s->end_ns <= parent->end_ns &&
                          trace_id_eq(s->trace, parent->trace),
                      "span %zu", i);
    }
    vec_deinit(&h.spans);
}

Test(demo, bytes_decode_to_what_was_meant)
{
    struct heard h = {0};
    struct buf body = {0};
    struct err e = {0};
    tell(&h, 5, 3);
    demo_encode(&body, &h.spans.items[0], 1);
    struct batch *b = batch_new();
    b->encoding = ENCODING_PROTOBUF;
    size_t len;
    char *bytes = buf_take(&body, &len);
    b->body = b->plain = (struct str){bytes, len};
    struct limits limits = limits_default();
    struct otlp_trace_rules rules = {.limits = &limits, .newest_ns = UINT64_MAX};
    cr_assert_eq(otlp_trace_decode(b, &rules, &e), ST_OK, "%s", e.msg);
    cr_assert_eq(b->span_count, 1);
    const struct demo_span *want = &h.spans.items[0];
    cr_expect_eq(b->spans[0].id, want->id);
    cr_expect_eq(b->spans[0].parent, want->parent);
    cr_expect_eq(b->spans[0].start_ns, want->start_ns);
    cr_expect_eq(b->spans[0].end_ns, want->end_ns);
    cr_expect(trace_id_eq(b->spans[0].trace, want->trace));
    cr_expect_geq(b->spans[0].attr_count, 18);
    batch_free(b);
    vec_deinit(&h.spans);
}
