/* test_pipeline.c - time: when requests close, what comes late, what memory that runs short does.
 */
#include "support/leak.h"
#include "unit/collector/span_line.h"
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>
#include <time.h>

Test(pipeline, a_request_closes_after_its_wait_and_is_remembered)
{
    struct span_line l;
    span_line_init(&l, 0, 200);
    span_line_send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    span_line_wait(&l, 20);
    span_line_send_one(&l, 1, 11, 10, SPAN_SERVER,
                       "cart"); /* new evidence: the wait begins again */
    span_line_wait(&l, 27);
    cr_expect(l.p.delta.pending == 2, "still open");
    span_line_wait(&l, 6);
    cr_expect(l.p.delta.pending == 0 && l.p.delta.stored == 2);
    span_line_send_one(&l, 1, 12, 10, SPAN_SERVER,
                       "cart"); /* another try of a request that is counted */
    cr_expect(l.p.delta.dropped[DROP_LATE] == 1);
    span_line_send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    cr_expect(l.p.delta.dropped[DROP_DUPLICATE] == 1);
    span_line_send_one(&l, 1, 13, 11, SPAN_CLIENT,
                       "cart"); /* a request of its own, below a remembered span */
    cr_expect(l.p.delta.pending == 1);
    span_line_wait(&l, 75);
    cr_expect(l.p.closed_requests == 2);
    cr_expect(pipeline_is_idle(&l.p));
    span_line_send_one(&l, 1, 14, 10, SPAN_SERVER,
                       "cart"); /* nothing is known any more: a request of its own */
    span_line_wait(&l, 40);
    cr_expect(l.p.closed_requests == 3);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline, complete_until_trails_the_arrival_clock)
{
    struct span_line l;
    span_line_init(&l, 0, 200);
    cr_expect(pipeline_complete_until(&l.p, 0) == 0, "nothing has arrived");
    span_line_send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    uint64_t arrival_ns = SPAN_LINE_START_NS, behind_ns = l.p.config.graph.wait_ns + 15 * NS_PER_S;
    for (unsigned i = 0; i < 60; i++) {
        arrival_ns += NS_PER_S;
        pipeline_tick(&l.p, ++l.sequence, arrival_ns, l.clock_ns += NS_PER_S);
        uint64_t until_ns = pipeline_complete_until(&l.p, arrival_ns + i);
        cr_expect(until_ns == arrival_ns - behind_ns, "what is open counts, not the clock");
        cr_expect(until_ns < SPAN_LINE_START_NS || l.p.delta.pending == 0, "after %u s it is open",
                  i + 1);
    }
    cr_expect(l.p.delta.stored == 1);
    while (!pipeline_is_idle(&l.p))
        pipeline_tick(&l.p, ++l.sequence, arrival_ns += NS_PER_S, l.clock_ns += NS_PER_S);
    cr_expect(pipeline_complete_until(&l.p, arrival_ns + 7) == arrival_ns + 7 - behind_ns);
    cr_expect(pipeline_complete_until(&l.p, 0) == arrival_ns - behind_ns);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline, complete_until_follows_a_clock_that_is_set_back)
{
    struct span_line l;
    const uint64_t year_ns = 365 * 86400 * NS_PER_S;
    span_line_init(&l, 0, 200);
    uint64_t now_ns = SPAN_LINE_START_NS, behind_ns = l.p.config.graph.wait_ns + 15 * NS_PER_S;
    span_line_send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    pipeline_tick(&l.p, ++l.sequence, now_ns + year_ns, l.clock_ns += NS_PER_S);
    cr_expect(pipeline_complete_until(&l.p, 0) == now_ns + year_ns - behind_ns);
    pipeline_tick(&l.p, ++l.sequence, now_ns, l.clock_ns += NS_PER_S);
    cr_expect(pipeline_complete_until(&l.p, 0) == now_ns - behind_ns);
    while (!pipeline_is_idle(&l.p))
        pipeline_tick(&l.p, ++l.sequence, now_ns + year_ns, l.clock_ns += NS_PER_S);
    cr_expect(pipeline_complete_until(&l.p, now_ns) == now_ns - behind_ns);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* What comes late finds the trace as it was, and so does what closes it. */
Test(pipeline, a_quiet_trace_rests)
{
    struct span_line l;
    span_line_init(&l, 0, 200);
    span_line_send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    span_line_wait(&l, 2);
    span_line_send_one(&l, 1, 11, 10, SPAN_SERVER, "cart");
    span_line_wait(&l, 2);
    cr_expect(l.p.table.resting_spans == 0, "its last span came two seconds ago");
    span_line_wait(&l, 3);
    cr_expect(l.p.table.resting_spans == 2 && l.p.table.spans.live == 0);
    cr_expect(open_table_used(&l.p.table) > 100);
    span_line_send_one(&l, 1, 11, 10, SPAN_SERVER, "cart");
    cr_expect(l.p.delta.dropped[DROP_DUPLICATE] == 1);
    span_line_send_one(&l, 1, 12, 11, SPAN_CLIENT, "cart");
    cr_expect(l.p.table.resting_spans == 0 && l.p.delta.pending == 3);
    span_line_wait(&l, 40);
    cr_expect(l.p.closed_requests == 2 && l.p.delta.stored == 3);
    /* One that nothing wakes. */
    span_line_send_one(&l, 2, 20, 0, SPAN_CLIENT, "web");
    span_line_send_one(&l, 2, 21, 20, SPAN_SERVER, "cart");
    span_line_wait(&l, 28);
    cr_expect(l.p.table.resting_spans == 2);
    span_line_wait(&l, 5);
    cr_expect(l.p.table.resting_spans == 0 && l.p.closed_requests == 3 && l.p.delta.stored == 5);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* The journal's clock begins at 0, and may jump in its first second. */
Test(pipeline, a_clock_from_zero)
{
    struct span_line l;
    span_line_init(&l, 0, 200);
    l.clock_ns = 0;
    span_line_send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    pipeline_tick(&l.p, ++l.sequence, SPAN_LINE_START_NS, l.clock_ns += 100 * NS_PER_S);
    cr_expect(l.p.closed_requests == 1);
    pipeline_tick(&l.p, ++l.sequence, SPAN_LINE_START_NS, l.clock_ns += 100 * NS_PER_S);
    cr_expect(pipeline_is_idle(&l.p));
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* A burst of requests closes over the records of one step of the clock, and no later than its end.
 */
Test(pipeline, a_burst_closes_little_by_little)
{
    enum { TRACES = 1000, MOST = 1 + 8, RECORD_MS = 20 };
    static struct line_span spans[TRACES];
    struct span_line l;
    span_line_init(&l, 0, 200);
    for (uint64_t i = 0; i < TRACES; i++)
        spans[i] = (struct line_span){i + 1, 1, 0, SPAN_CLIENT, "web", "x"};
    span_line_send(&l, spans, TRACES);
    span_line_wait(&l, 29);
    cr_assert(l.p.closed_requests == 0);
    unsigned few = 0, many = 0;
    for (uint64_t i = 0; l.p.closed_requests < TRACES && i < 100; i++) {
        uint64_t before = l.p.closed_requests;
        l.clock_ns += RECORD_MS * (NS_PER_S / 1000);
        span_line_send_one(&l, TRACES + 1 + i, 1, 0, SPAN_CLIENT, "web");
        few += l.p.closed_requests > before && l.p.closed_requests <= before + MOST;
        many += l.p.closed_requests > before + MOST;
    }
    cr_expect(l.p.closed_requests == TRACES);
    cr_expect(few >= 5 && many == 1, "%u records closed few, %u the rest", few, many);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* A trace that never ends still closes each of its requests, at most ten seconds after its wait. */
Test(pipeline, a_long_lived_trace_closes_its_requests)
{
    struct span_line l;
    span_line_init(&l, 0, 200);
    for (uint64_t second = 0; second < 300; second++) {
        span_line_send_one(&l, 1, 1000 + 2 * second, 1, SPAN_CLIENT, "web");
        span_line_send_one(&l, 1, 1001 + 2 * second, 1000 + 2 * second, SPAN_SERVER, "cart");
        span_line_wait(&l, 1);
        uint64_t open = l.p.delta.pending / 2;
        cr_assert(open <= 42, "%llu requests open after %llu s", (unsigned long long)open,
                  (unsigned long long)second);
    }
    span_line_wait(&l, 45);
    cr_expect(l.p.closed_requests == 300);
    cr_expect(l.p.delta.stored == 600);
    span_line_wait(&l, 45);
    cr_expect(pipeline_is_idle(&l.p));
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* A gateway's two requests close each in its time; the half that comes after is late for one of
 * them only. */
Test(pipeline, a_gateway_after_its_own_request_was_counted)
{
    struct rig r;
    rig_init(&r);
    rig_upstream(&r, 2, 1, "gw", "edge", "latest", "outbound|8080||cart.shop.svc.cluster.local",
                 200, "-", 0, 10, 400);
    rig_gateway(&r, 1, 0, "outbound|8080||cart.shop.svc.cluster.local",
                "http://shop.example.com/cart", 200, "-", 0, 500);
    struct buf out = {0};
    struct pipeline p;
    rig_run(&r, &(struct rig_run){.batch_spans = 1, .seconds_between = 40, .by_clock = true}, &out,
            &p);
    cr_expect(p.closed_requests == 2, "%llu", (unsigned long long)p.closed_requests);
    cr_expect(p.delta.stored == 2);
    pipeline_deinit(&p);
    buf_deinit(&out);
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}

/* 100,000 spans of one trace: linear, and every repeat is known. */
Test(pipeline, a_huge_trace)
{
    enum { SPANS = 100000, SIZE = 1000 };
    struct span_line l;
    static struct line_span spans[SIZE];
    span_line_init(&l, 0, 200);
    clock_t begun = clock(); /* CPU time, so that who else runs does not count */
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t from = 0; from < SPANS; from += SIZE) {
            for (uint64_t i = 0; i < SIZE; i++)
                spans[i] = (struct line_span){1,
                                              from + i + 1,
                                              (from + i) / 2,
                                              (from + i) % 2 ? SPAN_SERVER : SPAN_CLIENT,
                                              (from + i) % 3 ? "web" : "cart",
                                              "x"};
            span_line_send(&l, spans, SIZE);
        }
        span_line_wait(&l, 40);
        cr_expect(l.p.delta.stored == SPANS);
    }
    cr_expect(l.p.delta.dropped[DROP_DUPLICATE] == SPANS);
    cr_expect((clock() - begun) / CLOCKS_PER_SEC < 20);
    span_line_wait(&l, 40);
    cr_expect(pipeline_is_idle(&l.p));
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* --- memory --- */

/* Every allocation fails once: the account balances, nothing leaks. */
Test(pipeline, memory_runs_short_anywhere)
{
    bool failed = true;
    for (long after = 0; failed; after++) {
        struct span_line l;
        span_line_init(&l, 0, 200);
        struct line_span spans[] = {{1, 1, 0, SPAN_CLIENT, "web", "x"},
                                    {1, 2, 1, SPAN_SERVER, "cart", "x"},
                                    {1, 3, 1, SPAN_SERVER, "cart", "x"}};
        struct batch *b = span_line_batch(&l, spans, 2), *later = span_line_batch(&l, spans + 2, 1);
        mem_fail_after(after);
        pipeline_batch(&l.p, b);
        span_line_wait(&l, 6);
        later->clock_ns = l.clock_ns;
        pipeline_batch(&l.p, later);
        span_line_wait(&l, 20);
        pipeline_flush(&l.p, ++l.sequence, l.clock_ns);
        failed = mem_did_fail();
        mem_fail_after(-1);
        const struct account_row *d = &l.p.delta;
        cr_expect(d->stored + d->pending + d->dropped[DROP_MEMORY] == 3, "allocation %ld", after);
        batch_free(b);
        batch_free(later);
        pipeline_deinit(&l.p);
        cr_assert(after < 1000);
    }
    EXPECT_NO_LEAK();
}

Test(pipeline, versions_with_a_place_keep_it_over_a_restart)
{
    const struct graph_settings graph = graph_settings_default();
    struct row_caps *caps = row_caps_new(7, &graph), *again = row_caps_new(7, &graph);
    for (uint32_t variant = 2; variant < 2 + ROW_CAPS_VARIANTS + 50; variant++)
        cr_expect(row_caps_variant(caps, 5, variant, true) ==
                  (variant < 2 + ROW_CAPS_VARIANTS ? variant : NAMES_OTHER));
    struct buf image = {0};
    row_caps_encode(caps, &image);
    struct cursor in = cursor_of(buf_str(&image));
    cr_expect(row_caps_decode(&in, again, true, NULL) == ST_OK && in.at == in.end);
    cr_expect(row_caps_variant(again, 5, 2, true) == 2);
    cr_expect(row_caps_variant(again, 5, 999, true) == NAMES_OTHER);
    cr_expect(row_caps_variant(again, 6, 999, true) == 999);
    cr_expect(row_caps_variant(again, 5, NAMES_NONE, true) == NAMES_NONE);
    struct cap_offender worst;
    cr_expect(row_caps_offenders(again, &worst, 1) == 1 && worst.kind == CAP_VARIANTS);
    cr_expect(worst.entity == 5 && worst.distinct == ROW_CAPS_VARIANTS && worst.refused == 51);
    buf_deinit(&image);
    row_caps_free(caps);
    row_caps_free(again);
    EXPECT_NO_LEAK();
}
