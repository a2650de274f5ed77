/* test_pipeline.c - limits and time: floods of names, memory, long-lived and huge traces, what
 * comes late. */
#include "base/clock.h"
#include "collector/collector.h"
#include "collector/image.h"
#include "collector/live.h"
#include "support/leak.h"
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const uint64_t START_NS = UINT64_C(1700000000) * NS_PER_S;

struct line {
    struct pipeline p;
    uint64_t clock_ns, sequence;
};

static void line_init(struct line *l, uint64_t open_bytes_max, uint32_t max_operations)
{
    struct pipeline_config config = {
        .seed = 3, .graph = graph_settings_default(), .open_bytes_max = open_bytes_max};
    config.graph.max_operations = max_operations;
    *l = (struct line){.clock_ns = 1000 * NS_PER_S};
    cr_assert(pipeline_init(&l->p, &config, NULL) == ST_OK);
}

static void wait_s(struct line *l, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++)
        pipeline_tick(&l->p, ++l->sequence, START_NS, l->clock_ns += NS_PER_S);
}

/* One span of an application; `name` may be unique. */
struct one {
    uint64_t trace, id, parent;
    enum span_kind kind;
    const char *service, *name;
    bool failed;
};

static struct batch *batch_of(struct line *l, const struct one *spans, uint32_t count)
{
    static const struct scope scope = {{"app", 3}, {"", 0}};
    struct batch *b = batch_new();
    struct resource *resources = arena_calloc(&b->arena, count, sizeof(*resources));
    struct attr *attrs = arena_calloc(&b->arena, count, sizeof(*attrs));
    b->spans = arena_calloc(&b->arena, count, sizeof(*b->spans));
    for (uint32_t i = 0; i < count; i++) {
        attrs[i] = (struct attr){.key = STR("service.name"),
                                 .type = VALUE_STRING,
                                 .text = arena_dup_str(&b->arena, str_from_c(spans[i].service))};
        resources[i] = (struct resource){&attrs[i], 1};
        b->spans[i] = (struct span){.trace = {9, spans[i].trace},
                                    .id = spans[i].id,
                                    .parent = spans[i].parent,
                                    .start_ns = START_NS,
                                    .end_ns = START_NS + 1000,
                                    .resource = &resources[i],
                                    .scope = &scope,
                                    .kind = spans[i].kind,
                                    .status = spans[i].failed ? SPAN_STATUS_ERROR : 0,
                                    .name = arena_dup_str(&b->arena, str_from_c(spans[i].name))};
    }
    b->span_count = b->received = count;
    b->clock_ns = l->clock_ns;
    b->arrival_ns = START_NS;
    b->sequence = ++l->sequence;
    cr_assert(collector_prepare(b, NULL) == ST_OK);
    return b;
}

static void send(struct line *l, const struct one *spans, uint32_t count)
{
    struct batch *b = batch_of(l, spans, count);
    pipeline_batch(&l->p, b);
    batch_free(b);
}

static void send_one(struct line *l, uint64_t trace, uint64_t id, uint64_t parent,
                     enum span_kind kind, const char *service)
{
    send(l, &(struct one){trace, id, parent, kind, service, "x", false}, 1);
}

struct sums {
    uint64_t totals, joints, rows, other;
};

static enum status add_up(const struct cell_row *row, uint64_t tile_s, const struct cell *c,
                          void *user, struct err *e)
{
    struct sums *s = user;
    (void)tile_s;
    (void)e;
    s->rows++;
    *(row->is_total ? &s->totals : &s->joints) += c->observed;
    if (!row->is_total && str_eq(row->operation, STR("other")))
        s->other += c->observed;
    return ST_OK;
}

static struct sums sums_of(struct line *l)
{
    struct sums s = {0};
    cr_assert(cell_set_each(cell_feed_cells(l->p.closed), add_up, &s, NULL) == ST_OK);
    return s;
}

/* --- floods --- */

static void flood(struct line *l, uint32_t count, bool services)
{
    enum { SIZE = 500 };
    static struct one spans[SIZE];
    static char names[SIZE][32];
    for (uint32_t from = 0; from < count; from += SIZE) {
        for (uint32_t i = 0; i < SIZE; i++) {
            snprintf(names[i], sizeof(names[i]), "name-%u", from + i);
            spans[i] = (struct one){1 + from + i,
                                    5,
                                    0,
                                    SPAN_SERVER,
                                    services ? names[i] : "shop",
                                    services ? "x" : names[i],
                                    false};
        }
        send(l, spans, SIZE);
        if (from % 20000 == 0)
            wait_s(l, 40);
    }
    pipeline_flush(&l->p, ++l->sequence, l->clock_ns);
}

Test(pipeline, a_flood_of_operations_keeps_sums_and_memory)
{
    struct line l;
    line_init(&l, 0, 200);
    flood(&l, 100000, false);
    struct sums s = sums_of(&l);
    cr_expect(s.totals == 100000 && s.joints == 100000);
    cr_expect(s.rows <= 203, "%llu rows", (unsigned long long)s.rows);
    cr_expect(s.other == 100000 - 200, "%llu in other", (unsigned long long)s.other);
    cr_expect(names_bytes(l.p.names) < MIB, "%zu bytes of names", names_bytes(l.p.names));
    struct cap_offender worst[2];
    cr_expect(row_caps_offenders(l.p.caps, worst, 2) == 1);
    cr_expect(worst[0].distinct == 200 && worst[0].refused == 100000 - 200);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* Long names that nobody says twice must not be what makes others' requests close early. */
Test(pipeline, a_flood_of_long_names_closes_nothing_early)
{
    enum { LIMIT = 8 * MIB, SECONDS = 40, A_SECOND = 500, LENGTH = 250 };
    static struct one spans[A_SECOND];
    static char names[A_SECOND][LENGTH + 1];
    struct line l;
    line_init(&l, LIMIT, 200);
    for (uint32_t second = 0; second < SECONDS; second++) {
        for (uint32_t i = 0; i < A_SECOND; i++) {
            memset(names[i], 'n', LENGTH);
            snprintf(names[i] + LENGTH - 10, 11, "%010u", second * A_SECOND + i);
            spans[i] = (struct one){100 + second * A_SECOND + i, 5, 0, SPAN_SERVER, names[i], "x"};
        }
        send(&l, spans, A_SECOND);
        if (second == SECONDS - 10)
            send_one(&l, 1, 1, 0, SPAN_CLIENT, "web");
        if (second == SECONDS - 1)
            send_one(&l, 1, 2, 1, SPAN_SERVER, "cart");
        wait_s(&l, 1);
    }
    cr_expect(l.p.closed_early == 0, "%llu traces", (unsigned long long)l.p.closed_early);
    cr_expect(names_bytes(l.p.names) < LIMIT / 2, "%zu bytes", names_bytes(l.p.names));
    pipeline_flush(&l.p, ++l.sequence, l.clock_ns);
    cr_expect(sums_of(&l).totals == SECONDS * A_SECOND + 1);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

static enum status count_outcomes(const struct cell_row *row, uint64_t tile_s, const struct cell *c,
                                  void *user, struct err *e)
{
    uint64_t *by_outcome = user; /* not failed, failed, mixed */
    (void)tile_s;
    (void)e;
    if (row->is_total)
        return ST_OK;
    by_outcome[c->errors == 0 ? 0 : c->errors == c->weight ? 1 : 2] += c->observed;
    cr_expect(cell_row_code(row).len == 0 && str_eq(row->code, c->errors ? STR("!") : STR("")));
    return ST_OK;
}

Test(pipeline, a_joint_row_holds_requests_of_one_outcome)
{
    struct line l;
    uint64_t by_outcome[3] = {0};
    line_init(&l, 0, 200);
    for (uint64_t i = 1; i <= 40; i++)
        send(&l, &(struct one){i, 5, 0, SPAN_SERVER, "shop", "x", i % 4 == 0}, 1);
    pipeline_flush(&l.p, ++l.sequence, l.clock_ns);
    cr_assert(cell_set_each(cell_feed_cells(l.p.closed), count_outcomes, by_outcome, NULL) ==
              ST_OK);
    cr_expect(by_outcome[0] == 30 && by_outcome[1] == 10 && by_outcome[2] == 0);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline, a_flood_of_services_keeps_sums_and_names_are_forgotten)
{
    struct line l;
    line_init(&l, 0, 200);
    flood(&l, 200000, true);
    struct sums s = sums_of(&l);
    cr_expect(s.totals == 200000 && s.joints == 200000);
    cr_expect(s.rows < 2 * 24000, "%llu rows", (unsigned long long)s.rows);
    cr_expect(names_bytes(l.p.names) < 64 * MIB, "%zu bytes of names", names_bytes(l.p.names));
    cr_expect(names_are_many(l.p.names));
    /* An hour later only what is open is known; then an ordinary service has its own row again. */
    send_one(&l, 999999, 1, 0, SPAN_CLIENT, "late-riser");
    pipeline_tick(&l.p, ++l.sequence, START_NS, l.clock_ns += 3601 * NS_PER_S);
    cr_expect(!names_are_many(l.p.names));
    cr_expect(names_bytes(l.p.names) < MIB, "%zu bytes of names", names_bytes(l.p.names));
    send_one(&l, 1000000, 1, 0, SPAN_SERVER, "late-riser");
    pipeline_flush(&l.p, ++l.sequence, l.clock_ns);
    sightings_tell(&l.p.sightings, l.p.names, l.p.registry);
    s = sums_of(&l);
    cr_expect(s.totals == 200002 && s.joints == 200002);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline, a_resting_trace_keeps_its_names_when_others_are_forgotten)
{
    struct line l;
    line_init(&l, 0, 200);
    flood(&l, 80000, true);
    l.clock_ns = l.p.tidied_ns + 3590 * NS_PER_S;
    wait_s(&l, 0);
    send_one(&l, 999999, 1, 0, SPAN_CLIENT, "late-riser");
    wait_s(&l, 8);
    cr_expect(names_are_many(l.p.names) && l.p.table.resting_spans == 1);
    wait_s(&l, 8);
    cr_expect(!names_are_many(l.p.names) && l.p.table.resting_spans == 1);
    send_one(&l, 999999, 2, 1, SPAN_CLIENT, "late-riser"); /* wakes it */
    const struct open_span *s = slab_at(&l.p.table.spans, 1);
    for (uint32_t name = 1; s->id != 1; name++)
        s = slab_at(&l.p.table.spans, name);
    const struct owner_entry *owner = names_owner_at(l.p.names, s->owner);
    cr_expect(str_eq(names_entity_at(l.p.names, owner->entity)->entity.name, STR("late-riser")));
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline, over_the_limit_the_oldest_close_early)
{
    struct line l;
    line_init(&l, 2 * MIB, 200);
    for (uint64_t t = 1; t <= 100; t++) {
        struct one spans[500];
        for (uint64_t i = 0; i < 500; i++)
            spans[i] = (struct one){t * 1000 + i, 1, 0, SPAN_SERVER, "shop", "x"};
        l.clock_ns += NS_PER_MS;
        send(&l, spans, 500);
        cr_expect(open_table_used(&l.p.table) < 3 * MIB);
    }
    cr_expect(l.p.delta.stored + l.p.delta.pending == 50000);
    pipeline_flush(&l.p, ++l.sequence, l.clock_ns);
    cr_expect(sums_of(&l).totals == 50000);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* Under a view that follows, whether something stays open or nothing does. */
static void flood_and_wait(bool something_stays)
{
    enum { FLOOD = 20000 };
    struct line l;
    struct live_view view;
    line_init(&l, 0, 200);
    struct live *live = live_new(&l.p, 0);
    size_t before = pipeline_open_bytes(&l.p);
    cr_assert(live_look(live, NULL, false, &view, NULL) == ST_OK);
    registry_free(view.registry);
    for (uint64_t t = 1; t <= FLOOD; t++)
        send_one(&l, t, 1, 0, SPAN_SERVER, "shop");
    cr_expect(pipeline_open_bytes(&l.p) > before + MIB);
    uint64_t last = 0;
    for (unsigned second = 0; second < 100; second++) {
        if (something_stays)
            send_one(&l, FLOOD + ++last, 1, 0, SPAN_SERVER, "shop");
        wait_s(&l, 1);
    }
    cr_expect(pipeline_is_idle(&l.p) == !something_stays);
    cr_expect(pipeline_open_bytes(&l.p) < before + MIB + MIB / 2);
    for (int again = 0; again < 2; again++) {
        cr_assert(live_look(live, NULL, again, &view, NULL) == ST_OK);
        struct sums s = {0};
        cr_assert(cell_set_each(view.cells, add_up, &s, NULL) == ST_OK);
        cr_expect_eq(s.totals, FLOOD + last, "kept up or afresh, %d", again);
        registry_free(view.registry);
    }
    live_free(live);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline, memory_of_a_flood_goes_back)
{
    flood_and_wait(false);
    flood_and_wait(true);
}

/* Open requests of many names would make more cells than there is room for. */
Test(pipeline, a_view_has_what_fits)
{
    enum { CELLS = 100, SOME = 40, MANY = 200 };
    static char names[MANY][32];
    struct line l;
    line_init(&l, 0, MANY);
    struct live *live = live_new(&l.p, CELLS);
    const struct {
        const char *what;
        uint32_t send, wait_s;
        uint64_t shown;
        bool closed_only;
    } rows[] = {{"few", SOME, 0, SOME, false},
                {"many", MANY, 0, 0, true},
                {"still many", 0, 10, 0, true},
                {"all closed", 0, 40, SOME + MANY, false},
                {"few again", SOME, 0, SOME + MANY + SOME, false}};
    uint64_t sent = 0;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct live_view view;
        struct sums s = {0};
        for (uint32_t n = 0; n < rows[i].send; n++) {
            snprintf(names[n], sizeof(names[n]), "name-%u", n);
            send(&l, &(struct one){++sent, 1, 0, SPAN_SERVER, "shop", names[n], false}, 1);
        }
        wait_s(&l, rows[i].wait_s);
        cr_assert(live_look(live, NULL, false, &view, NULL) == ST_OK);
        cr_assert(cell_set_each(view.cells, add_up, &s, NULL) == ST_OK);
        cr_expect(view.is_closed_only == rows[i].closed_only, "%s", rows[i].what);
        cr_expect(s.totals == rows[i].shown, "%s: %llu requests", rows[i].what,
                  (unsigned long long)s.totals);
        registry_free(view.registry);
    }
    live_free(live);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* --- time --- */

Test(pipeline, a_request_closes_after_its_wait_and_is_remembered)
{
    struct line l;
    line_init(&l, 0, 200);
    send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    wait_s(&l, 20);
    send_one(&l, 1, 11, 10, SPAN_SERVER, "cart"); /* new evidence: the wait begins again */
    wait_s(&l, 27);
    cr_expect(l.p.delta.pending == 2, "still open");
    wait_s(&l, 6);
    cr_expect(l.p.delta.pending == 0 && l.p.delta.stored == 2);
    send_one(&l, 1, 12, 10, SPAN_SERVER, "cart"); /* another try of a request that is counted */
    cr_expect(l.p.delta.dropped[DROP_LATE] == 1);
    send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    cr_expect(l.p.delta.dropped[DROP_DUPLICATE] == 1);
    send_one(&l, 1, 13, 11, SPAN_CLIENT,
             "cart"); /* a request of its own, below a remembered span */
    cr_expect(l.p.delta.pending == 1);
    wait_s(&l, 75);
    cr_expect(l.p.closed_requests == 2);
    cr_expect(pipeline_is_idle(&l.p));
    send_one(&l, 1, 14, 10, SPAN_SERVER,
             "cart"); /* nothing is known any more: a request of its own */
    wait_s(&l, 40);
    cr_expect(l.p.closed_requests == 3);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline, complete_until_trails_the_arrival_clock)
{
    struct line l;
    line_init(&l, 0, 200);
    cr_expect(pipeline_complete_until(&l.p, 0) == 0, "nothing has arrived");
    send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    uint64_t arrival_ns = START_NS, behind_ns = l.p.config.graph.wait_ns + 15 * NS_PER_S;
    for (unsigned i = 0; i < 60; i++) {
        arrival_ns += NS_PER_S;
        pipeline_tick(&l.p, ++l.sequence, arrival_ns, l.clock_ns += NS_PER_S);
        uint64_t until_ns = pipeline_complete_until(&l.p, arrival_ns + i);
        cr_expect(until_ns == arrival_ns - behind_ns, "what is open counts, not the clock");
        cr_expect(until_ns < START_NS || l.p.delta.pending == 0, "after %u s it is open", i + 1);
    }
    cr_expect(l.p.delta.stored == 1);
    while (!pipeline_is_idle(&l.p))
        pipeline_tick(&l.p, ++l.sequence, arrival_ns += NS_PER_S, l.clock_ns += NS_PER_S);
    cr_expect(pipeline_complete_until(&l.p, arrival_ns + 7) == arrival_ns + 7 - behind_ns);
    cr_expect(pipeline_complete_until(&l.p, 0) == arrival_ns - behind_ns);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* What comes late finds the trace as it was, and so does what closes it. */
Test(pipeline, a_quiet_trace_rests)
{
    struct line l;
    line_init(&l, 0, 200);
    send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    wait_s(&l, 2);
    send_one(&l, 1, 11, 10, SPAN_SERVER, "cart");
    wait_s(&l, 2);
    cr_expect(l.p.table.resting_spans == 0, "its last span came two seconds ago");
    wait_s(&l, 3);
    cr_expect(l.p.table.resting_spans == 2 && l.p.table.spans.live == 0);
    cr_expect(open_table_used(&l.p.table) > 100);
    send_one(&l, 1, 11, 10, SPAN_SERVER, "cart");
    cr_expect(l.p.delta.dropped[DROP_DUPLICATE] == 1);
    send_one(&l, 1, 12, 11, SPAN_CLIENT, "cart");
    cr_expect(l.p.table.resting_spans == 0 && l.p.delta.pending == 3);
    wait_s(&l, 40);
    cr_expect(l.p.closed_requests == 2 && l.p.delta.stored == 3);
    /* One that nothing wakes. */
    send_one(&l, 2, 20, 0, SPAN_CLIENT, "web");
    send_one(&l, 2, 21, 20, SPAN_SERVER, "cart");
    wait_s(&l, 28);
    cr_expect(l.p.table.resting_spans == 2);
    wait_s(&l, 5);
    cr_expect(l.p.table.resting_spans == 0 && l.p.closed_requests == 3 && l.p.delta.stored == 5);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* The journal's clock begins at 0, and may jump in its first second. */
Test(pipeline, a_clock_from_zero)
{
    struct line l;
    line_init(&l, 0, 200);
    l.clock_ns = 0;
    send_one(&l, 1, 10, 0, SPAN_CLIENT, "web");
    pipeline_tick(&l.p, ++l.sequence, START_NS, l.clock_ns += 100 * NS_PER_S);
    cr_expect(l.p.closed_requests == 1);
    pipeline_tick(&l.p, ++l.sequence, START_NS, l.clock_ns += 100 * NS_PER_S);
    cr_expect(pipeline_is_idle(&l.p));
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* A burst of requests closes over the records of one step of the clock, and no later than its end.
 */
Test(pipeline, a_burst_closes_little_by_little)
{
    enum { TRACES = 1000, MOST = 1 + 8, RECORD_MS = 20 };
    static struct one spans[TRACES];
    struct line l;
    line_init(&l, 0, 200);
    for (uint64_t i = 0; i < TRACES; i++)
        spans[i] = (struct one){i + 1, 1, 0, SPAN_CLIENT, "web", "x"};
    send(&l, spans, TRACES);
    wait_s(&l, 29);
    cr_assert(l.p.closed_requests == 0);
    unsigned few = 0, many = 0;
    for (uint64_t i = 0; l.p.closed_requests < TRACES && i < 100; i++) {
        uint64_t before = l.p.closed_requests;
        l.clock_ns += RECORD_MS * (NS_PER_S / 1000);
        send_one(&l, TRACES + 1 + i, 1, 0, SPAN_CLIENT, "web");
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
    struct line l;
    line_init(&l, 0, 200);
    for (uint64_t second = 0; second < 300; second++) {
        send_one(&l, 1, 1000 + 2 * second, 1, SPAN_CLIENT, "web");
        send_one(&l, 1, 1001 + 2 * second, 1000 + 2 * second, SPAN_SERVER, "cart");
        wait_s(&l, 1);
        uint64_t open = l.p.delta.pending / 2;
        cr_assert(open <= 42, "%llu requests open after %llu s", (unsigned long long)open,
                  (unsigned long long)second);
    }
    wait_s(&l, 45);
    cr_expect(l.p.closed_requests == 300);
    cr_expect(l.p.delta.stored == 600);
    wait_s(&l, 45);
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
    struct line l;
    static struct one spans[SIZE];
    line_init(&l, 0, 200);
    uint64_t begun = clock_mono_ns();
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t from = 0; from < SPANS; from += SIZE) {
            for (uint64_t i = 0; i < SIZE; i++)
                spans[i] = (struct one){1,
                                        from + i + 1,
                                        (from + i) / 2,
                                        (from + i) % 2 ? SPAN_SERVER : SPAN_CLIENT,
                                        (from + i) % 3 ? "web" : "cart",
                                        "x"};
            send(&l, spans, SIZE);
        }
        wait_s(&l, 40);
        cr_expect(l.p.delta.stored == SPANS);
    }
    cr_expect(l.p.delta.dropped[DROP_DUPLICATE] == SPANS);
    cr_expect(clock_mono_ns() - begun < 20 * NS_PER_S);
    wait_s(&l, 40);
    cr_expect(pipeline_is_idle(&l.p));
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* `count` spans of one trace, from its span `first` on, in a chain. */
static void send_chain(struct line *l, uint64_t trace, uint64_t first, uint32_t count)
{
    enum { SIZE = 1000 };
    static struct one spans[SIZE];
    for (uint32_t sent = 0; sent < count;) {
        uint32_t now = MIN(count - sent, (uint32_t)SIZE);
        for (uint32_t i = 0; i < now; i++, sent++)
            spans[i] = (struct one){trace,
                                    first + sent,
                                    first + sent - 1,
                                    sent % 2 ? SPAN_SERVER : SPAN_CLIENT,
                                    sent % 2 ? "cart" : "web",
                                    "x",
                                    false};
        send(l, spans, now);
    }
}

/* A map of `count` entries is at most three quarters full, of slots of 17 bytes. */
static size_t map_bytes_at_least(size_t count)
{
    return count * 17 * 4 / 3;
}

Test(pipeline, what_finds_spans_of_a_big_trace_is_memory_too)
{
    enum { SPANS = 30000 };
    struct line l;
    line_init(&l, 0, 200);
    send_chain(&l, 1, 1, SPANS);
    cr_expect(pipeline_open_bytes(&l.p) >
              SPANS * sizeof(struct open_span) + map_bytes_at_least(SPANS));
    wait_s(&l, 20);
    send_chain(&l, 1, SPANS + 1, SPANS / 2);
    wait_s(&l, 20);
    size_t used = open_table_used(&l.p.table);
    cr_expect(used > SPANS / 2 * sizeof(struct open_span) + SPANS * sizeof(struct closed_span) +
                         map_bytes_at_least(2 * SPANS));
    rig_restart(&l.p);
    cr_expect(open_table_used(&l.p.table) == used, "after a restart %zu, before %zu",
              open_table_used(&l.p.table), used);
    wait_s(&l, 100);
    cr_expect(open_table_used(&l.p.table) == 0, "%zu bytes", open_table_used(&l.p.table));
    cr_expect(pipeline_open_bytes(&l.p) < MIB);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* At every moment some big trace is open. */
Test(pipeline, big_traces_that_come_and_go_leave_nothing)
{
    enum { SPANS = BIG_TRACE, ROUNDS = 40, A_ROUND = 100 };
    struct line l;
    size_t held = 0;
    line_init(&l, 0, 200);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t t = 1; t <= A_ROUND; t++)
            send_chain(&l, round * A_ROUND + t, 1, SPANS);
        wait_s(&l, 20);
        if (round == ROUNDS / 4)
            held = pipeline_open_bytes(&l.p);
    }
    cr_expect(pipeline_open_bytes(&l.p) <= held, "%zu bytes, %zu before", pipeline_open_bytes(&l.p),
              held);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* Somebody whose trace ids are all the same takes his share of memory, and from nobody else. */
Test(pipeline, a_trace_that_never_ends_has_its_share_of_memory)
{
    enum { LIMIT = 16 * MIB, A_SECOND = 2500, SECONDS = 60 };
    struct line l;
    line_init(&l, LIMIT, 200);
    for (uint32_t second = 0; second < SECONDS; second++) {
        if (second == 5)
            send_one(&l, 2, 1, 0, SPAN_CLIENT, "web");
        if (second == 30)
            send_one(&l, 2, 2, 1, SPAN_SERVER, "pay");
        send_chain(&l, 1, 1 + second * A_SECOND, A_SECOND);
        wait_s(&l, 1);
        size_t open = pipeline_open_bytes(&l.p), tree = l.p.tree.nodes.cap * sizeof(struct node) +
                                                        l.p.tree.hops.cap * sizeof(struct hop);
        cr_assert(open < LIMIT / 2, "%zu bytes of open state", open);
        cr_assert(tree < LIMIT / 8, "%zu bytes to look at it", tree);
    }
    cr_expect(l.p.closed_early > 20, "%llu", (unsigned long long)l.p.closed_early);
    wait_s(&l, 100);
    cr_expect(pipeline_is_idle(&l.p) && pipeline_open_bytes(&l.p) < MIB);
    const struct account_row *d = &l.p.delta;
    cr_expect(d->stored + d->dropped[DROP_LATE] == A_SECOND * SECONDS + 2);
    cr_expect(d->dropped[DROP_LATE] <= l.p.closed_early);
    /* Each request once, whichever half came behind an early closing. */
    cr_expect(sums_of(&l).totals == A_SECOND * SECONDS / 2 + 1, "%llu",
              (unsigned long long)sums_of(&l).totals);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* --- memory --- */

/* Every allocation fails once: the account balances, nothing leaks. */
Test(pipeline, memory_runs_short_anywhere)
{
    bool failed = true;
    for (long after = 0; failed; after++) {
        struct line l;
        line_init(&l, 0, 200);
        struct one spans[] = {{1, 1, 0, SPAN_CLIENT, "web", "x"},
                              {1, 2, 1, SPAN_SERVER, "cart", "x"},
                              {1, 3, 1, SPAN_SERVER, "cart", "x"}};
        struct batch *b = batch_of(&l, spans, 2), *later = batch_of(&l, spans + 2, 1);
        mem_fail_after(after);
        pipeline_batch(&l.p, b);
        wait_s(&l, 6);
        later->clock_ns = l.clock_ns;
        pipeline_batch(&l.p, later);
        wait_s(&l, 20);
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
