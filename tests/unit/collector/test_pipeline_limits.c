/* test_pipeline_limits.c - floods of names and spans, big traces: sums stay right, and memory what
 * it may be. */
#include "collector/cluster_name.h"
#include "collector/live.h"
#include "support/leak.h"
#include "unit/collector/span_line.h"
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>
#include <stdio.h>

/* --- floods --- */

static void flood(struct span_line *l, uint32_t count, bool services)
{
    enum { SIZE = 500 };
    static struct line_span spans[SIZE];
    static char names[SIZE][32];
    for (uint32_t from = 0; from < count; from += SIZE) {
        for (uint32_t i = 0; i < SIZE; i++) {
            snprintf(names[i], sizeof(names[i]), "name-%u", from + i);
            spans[i] = (struct line_span){1 + from + i,
                                          5,
                                          0,
                                          SPAN_SERVER,
                                          services ? names[i] : "shop",
                                          services ? "x" : names[i],
                                          false};
        }
        span_line_send(l, spans, SIZE);
        if (from % 20000 == 0)
            span_line_wait(l, 40);
    }
    pipeline_flush(&l->p, ++l->sequence, l->clock_ns);
}

Test(pipeline_limits, a_flood_of_operations_keeps_sums_and_memory)
{
    struct span_line l;
    span_line_init(&l, 0, 200);
    flood(&l, 100000, false);
    struct line_sums s = span_line_sums(&l);
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
Test(pipeline_limits, a_flood_of_long_names_closes_nothing_early)
{
    enum { LIMIT = 8 * MIB, SECONDS = 40, A_SECOND = 500, LENGTH = 250 };
    static struct line_span spans[A_SECOND];
    static char names[A_SECOND][LENGTH + 1];
    struct span_line l;
    span_line_init(&l, LIMIT, 200);
    for (uint32_t second = 0; second < SECONDS; second++) {
        for (uint32_t i = 0; i < A_SECOND; i++) {
            memset(names[i], 'n', LENGTH);
            snprintf(names[i] + LENGTH - 10, 11, "%010u", second * A_SECOND + i);
            spans[i] =
                (struct line_span){100 + second * A_SECOND + i, 5, 0, SPAN_SERVER, names[i], "x"};
        }
        span_line_send(&l, spans, A_SECOND);
        if (second == SECONDS - 10)
            span_line_send_one(&l, 1, 1, 0, SPAN_CLIENT, "web");
        if (second == SECONDS - 1)
            span_line_send_one(&l, 1, 2, 1, SPAN_SERVER, "cart");
        span_line_wait(&l, 1);
    }
    cr_expect(l.p.closed_early == 0, "%llu traces", (unsigned long long)l.p.closed_early);
    cr_expect(names_bytes(l.p.names) < LIMIT / 2, "%zu bytes", names_bytes(l.p.names));
    pipeline_flush(&l.p, ++l.sequence, l.clock_ns);
    cr_expect(span_line_sums(&l).totals == SECONDS * A_SECOND + 1);
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

Test(pipeline_limits, a_joint_row_holds_requests_of_one_outcome)
{
    struct span_line l;
    uint64_t by_outcome[3] = {0};
    span_line_init(&l, 0, 200);
    for (uint64_t i = 1; i <= 40; i++)
        span_line_send(&l, &(struct line_span){i, 5, 0, SPAN_SERVER, "shop", "x", i % 4 == 0}, 1);
    pipeline_flush(&l.p, ++l.sequence, l.clock_ns);
    cr_assert(cell_set_each(cell_feed_cells(l.p.closed), count_outcomes, by_outcome, NULL) ==
              ST_OK);
    cr_expect(by_outcome[0] == 30 && by_outcome[1] == 10 && by_outcome[2] == 0);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline_limits, a_flood_of_services_keeps_sums_and_names_are_forgotten)
{
    struct span_line l;
    span_line_init(&l, 0, 200);
    flood(&l, 200000, true);
    struct line_sums s = span_line_sums(&l);
    cr_expect(s.totals == 200000 && s.joints == 200000);
    cr_expect(s.rows < 2 * 24000, "%llu rows", (unsigned long long)s.rows);
    cr_expect(names_bytes(l.p.names) < 64 * MIB, "%zu bytes of names", names_bytes(l.p.names));
    cr_expect(names_are_many(l.p.names));
    /* An hour later only what is open is known; then an ordinary service has its own row again. */
    span_line_send_one(&l, 999999, 1, 0, SPAN_CLIENT, "late-riser");
    pipeline_tick(&l.p, ++l.sequence, SPAN_LINE_START_NS, l.clock_ns += 3601 * NS_PER_S);
    cr_expect(!names_are_many(l.p.names));
    cr_expect(names_bytes(l.p.names) < MIB, "%zu bytes of names", names_bytes(l.p.names));
    span_line_send_one(&l, 1000000, 1, 0, SPAN_SERVER, "late-riser");
    pipeline_flush(&l.p, ++l.sequence, l.clock_ns);
    sightings_tell(&l.p.sightings, l.p.names, l.p.registry);
    s = span_line_sums(&l);
    cr_expect(s.totals == 200002 && s.joints == 200002);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline_limits, a_resting_trace_keeps_its_names_when_others_are_forgotten)
{
    struct span_line l;
    span_line_init(&l, 0, 200);
    flood(&l, 80000, true);
    l.clock_ns = l.p.tidied_ns + 3590 * NS_PER_S;
    span_line_wait(&l, 0);
    span_line_send_one(&l, 999999, 1, 0, SPAN_CLIENT, "late-riser");
    span_line_wait(&l, 8);
    cr_expect(names_are_many(l.p.names) && l.p.table.resting_spans == 1);
    span_line_wait(&l, 8);
    cr_expect(!names_are_many(l.p.names) && l.p.table.resting_spans == 1);
    span_line_send_one(&l, 999999, 2, 1, SPAN_CLIENT, "late-riser"); /* wakes it */
    const struct open_span *s = slab_at(&l.p.table.spans, 1);
    for (uint32_t name = 1; s->id != 1; name++)
        s = slab_at(&l.p.table.spans, name);
    const struct owner_entry *owner = names_owner_at(l.p.names, s->owner);
    cr_expect(str_eq(names_entity_at(l.p.names, owner->entity)->entity.name, STR("late-riser")));
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* A label that is not UTF-8 would have a remote write refused as a whole. */
Test(pipeline_limits, a_long_name_is_not_cut_inside_a_character)
{
    char text[401] = "x";
    for (size_t i = 1; i < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    struct names *n = names_new(1, 100, 0);
    for (size_t from = 0; from < 2; from++) { /* one of the two has a border where it is cut */
        struct str name = {text + from, sizeof(text) - from};
        struct entity e = {.name = name};
        struct str kept = names_entity_at(n, names_entity(n, &e))->entity.name;
        cr_expect(kept.len >= 254 && str_is_utf8(kept), "%zu bytes", kept.len);
        struct destination d;
        destination_from_parts(STR("redis"), name, name, &d);
        cr_expect(d.entity.name.len > 200 && str_is_utf8(d.entity.name));
    }
    names_free(n);
    EXPECT_NO_LEAK();
}

/* Of more sampling probabilities than are told apart each weighs as the nearest. */
Test(pipeline_limits, a_flood_of_weights_keeps_sums_near)
{
    struct names *n = names_new(1, 100, 0);
    for (uint64_t i = 1; i < NAMES_WEIGHTS_MAX; i++)
        cr_assert_eq(names_weight(n, i * 1000), i);
    cr_expect_eq(names_weight_at(n, names_weight(n, 7499)), 7000u);
    cr_expect_eq(names_weight_at(n, names_weight(n, 7501)), 8000u);
    cr_expect_eq(names_weight_at(n, names_weight(n, UINT64_MAX)), (NAMES_WEIGHTS_MAX - 1) * 1000u);
    names_free(n);
    EXPECT_NO_LEAK();
}

Test(pipeline_limits, over_the_limit_the_oldest_close_early)
{
    struct span_line l;
    span_line_init(&l, 2 * MIB, 200);
    for (uint64_t t = 1; t <= 100; t++) {
        struct line_span spans[500];
        for (uint64_t i = 0; i < 500; i++)
            spans[i] = (struct line_span){t * 1000 + i, 1, 0, SPAN_SERVER, "shop", "x"};
        l.clock_ns += NS_PER_MS;
        span_line_send(&l, spans, 500);
        cr_expect(open_table_used(&l.p.table) < 3 * MIB);
    }
    cr_expect(l.p.delta.stored + l.p.delta.pending == 50000);
    pipeline_flush(&l.p, ++l.sequence, l.clock_ns);
    cr_expect(span_line_sums(&l).totals == 50000);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* What closes makes cells, each many times as large as the open span. */
Test(pipeline_limits, a_record_closes_no_more_than_it_may)
{
    enum { SPANS = 1000, TRACES = SPANS / 2, MAX = 100 };
    static struct line_span spans[SPANS];
    struct span_line l;
    span_line_init(&l, 0, 200);
    l.p.config.record_spans_max = MAX;
    for (uint64_t i = 0; i < SPANS; i += 2) {
        spans[i] = (struct line_span){1 + i, 1, 0, SPAN_CLIENT, "shop", "x", false};
        spans[i + 1] = (struct line_span){1 + i, 2, 1, SPAN_SERVER, "cart", "x", false};
    }
    span_line_send(&l, spans, SPANS);
    uint64_t wait_ns = l.p.config.graph.wait_ns, complete_ns = 0;
    l.clock_ns += wait_ns + 20 * NS_PER_S;
    for (uint64_t records = 1, stored = 0; stored < SPANS; records++) {
        cr_assert(records <= 1 + SPANS / MAX);
        if (records % 3)
            pipeline_tick(&l.p, ++l.sequence, SPAN_LINE_START_NS, l.clock_ns);
        else
            span_line_send(&l, NULL, 0);
        cr_expect(l.p.delta.stored - stored <= MAX + 1, "%llu at once",
                  (unsigned long long)(l.p.delta.stored - stored));
        stored = l.p.delta.stored;
        cr_expect(pipeline_is_behind(&l.p) || stored == SPANS);
        cr_expect(pipeline_complete_until(&l.p, 0) >= complete_ns);
        complete_ns = pipeline_complete_until(&l.p, 0);
        cr_expect(complete_ns < SPAN_LINE_START_NS - wait_ns - 15 * NS_PER_S);
    }
    span_line_wait(&l, 1);
    cr_expect(!pipeline_is_behind(&l.p));
    cr_expect(pipeline_complete_until(&l.p, 0) == SPAN_LINE_START_NS - wait_ns - 15 * NS_PER_S);
    cr_expect(span_line_sums(&l).totals == TRACES);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* Under a view that follows, whether something stays open or nothing does. */
static void flood_and_wait(bool something_stays)
{
    enum { FLOOD = 20000 };
    struct span_line l;
    struct live_view view;
    span_line_init(&l, 0, 200);
    struct live *live = live_new(&l.p, 0);
    size_t before = pipeline_open_bytes(&l.p);
    cr_assert(live_look(live, NULL, false, &view, NULL) == ST_OK);
    registry_free(view.registry);
    for (uint64_t t = 1; t <= FLOOD; t++)
        span_line_send_one(&l, t, 1, 0, SPAN_SERVER, "shop");
    cr_expect(pipeline_open_bytes(&l.p) > before + MIB);
    uint64_t last = 0;
    for (unsigned second = 0; second < 100; second++) {
        if (something_stays)
            span_line_send_one(&l, FLOOD + ++last, 1, 0, SPAN_SERVER, "shop");
        span_line_wait(&l, 1);
    }
    cr_expect(pipeline_is_idle(&l.p) == !something_stays);
    cr_expect(pipeline_open_bytes(&l.p) < before + MIB + MIB / 2);
    for (int again = 0; again < 2; again++) {
        cr_assert(live_look(live, NULL, again, &view, NULL) == ST_OK);
        struct line_sums s = line_sums_of(view.cells);
        cr_expect_eq(s.totals, FLOOD + last, "kept up or afresh, %d", again);
        registry_free(view.registry);
    }
    live_free(live);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

Test(pipeline_limits, memory_of_a_flood_goes_back)
{
    flood_and_wait(false);
    flood_and_wait(true);
}

/* Open requests of many names would make more cells than there is room for. */
Test(pipeline_limits, a_view_has_what_fits)
{
    enum { CELLS = 100, SOME = 40, MANY = 200 };
    static char names[MANY][32];
    struct span_line l;
    span_line_init(&l, 0, MANY);
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
                {"few beside many closed ones", SOME, 0, SOME + MANY, true}};
    uint64_t sent = 0;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct live_view view;
        for (uint32_t n = 0; n < rows[i].send; n++) {
            snprintf(names[n], sizeof(names[n]), "name-%u", n);
            span_line_send(
                &l, &(struct line_span){++sent, 1, 0, SPAN_SERVER, "shop", names[n], false}, 1);
        }
        span_line_wait(&l, rows[i].wait_s);
        cr_assert(live_look(live, NULL, false, &view, NULL) == ST_OK);
        struct line_sums s = line_sums_of(view.cells);
        cr_expect(view.is_closed_only == rows[i].closed_only, "%s", rows[i].what);
        cr_expect(s.totals == rows[i].shown, "%s: %llu requests", rows[i].what,
                  (unsigned long long)s.totals);
        registry_free(view.registry);
    }
    live_free(live);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* --- big traces --- */

/* `count` spans of one trace, from its span `first` on, in a chain. */
static void send_chain(struct span_line *l, uint64_t trace, uint64_t first, uint32_t count)
{
    enum { SIZE = 1000 };
    static struct line_span spans[SIZE];
    for (uint32_t sent = 0; sent < count;) {
        uint32_t now = MIN(count - sent, (uint32_t)SIZE);
        for (uint32_t i = 0; i < now; i++, sent++)
            spans[i] = (struct line_span){trace,
                                          first + sent,
                                          first + sent - 1,
                                          sent % 2 ? SPAN_SERVER : SPAN_CLIENT,
                                          sent % 2 ? "cart" : "web",
                                          "x",
                                          false};
        span_line_send(l, spans, now);
    }
}

/* A map of `count` entries is at most three quarters full, of slots of 17 bytes. */
static size_t map_bytes_at_least(size_t count)
{
    return count * 17 * 4 / 3;
}

Test(pipeline_limits, what_finds_spans_of_a_big_trace_is_memory_too)
{
    enum { SPANS = 30000 };
    struct span_line l;
    span_line_init(&l, 0, 200);
    send_chain(&l, 1, 1, SPANS);
    cr_expect(pipeline_open_bytes(&l.p) >
              SPANS * sizeof(struct open_span) + map_bytes_at_least(SPANS));
    span_line_wait(&l, 20);
    send_chain(&l, 1, SPANS + 1, SPANS / 2);
    span_line_wait(&l, 20);
    size_t used = open_table_used(&l.p.table);
    cr_expect(used > SPANS / 2 * sizeof(struct open_span) + SPANS * sizeof(struct closed_span) +
                         map_bytes_at_least(2 * SPANS));
    rig_restart(&l.p);
    cr_expect(open_table_used(&l.p.table) == used, "after a restart %zu, before %zu",
              open_table_used(&l.p.table), used);
    span_line_wait(&l, 100);
    cr_expect(open_table_used(&l.p.table) == 0, "%zu bytes", open_table_used(&l.p.table));
    cr_expect(pipeline_open_bytes(&l.p) < MIB);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* At every moment some big trace is open. */
Test(pipeline_limits, big_traces_that_come_and_go_leave_nothing)
{
    enum { SPANS = BIG_TRACE, ROUNDS = 40, A_ROUND = 100 };
    struct span_line l;
    size_t held = 0;
    span_line_init(&l, 0, 200);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t t = 1; t <= A_ROUND; t++)
            send_chain(&l, round * A_ROUND + t, 1, SPANS);
        span_line_wait(&l, 20);
        if (round == ROUNDS / 4)
            held = pipeline_open_bytes(&l.p);
    }
    cr_expect(pipeline_open_bytes(&l.p) <= held, "%zu bytes, %zu before", pipeline_open_bytes(&l.p),
              held);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}

/* Somebody whose trace ids are all the same takes his share of memory, and from nobody else. */
Test(pipeline_limits, a_trace_that_never_ends_has_its_share_of_memory)
{
    enum { LIMIT = 16 * MIB, A_SECOND = 2500, SECONDS = 60 };
    struct span_line l;
    span_line_init(&l, LIMIT, 200);
    for (uint32_t second = 0; second < SECONDS; second++) {
        if (second == 5)
            span_line_send_one(&l, 2, 1, 0, SPAN_CLIENT, "web");
        if (second == 30)
            span_line_send_one(&l, 2, 2, 1, SPAN_SERVER, "pay");
        send_chain(&l, 1, 1 + second * A_SECOND, A_SECOND);
        span_line_wait(&l, 1);
        size_t open = pipeline_open_bytes(&l.p), tree = l.p.tree.nodes.cap * sizeof(struct node) +
                                                        l.p.tree.hops.cap * sizeof(struct hop);
        cr_assert(open < LIMIT / 2, "%zu bytes of open state", open);
        cr_assert(tree < LIMIT / 8, "%zu bytes to look at it", tree);
    }
    cr_expect(l.p.closed_early > 20, "%llu", (unsigned long long)l.p.closed_early);
    span_line_wait(&l, 100);
    cr_expect(pipeline_is_idle(&l.p) && pipeline_open_bytes(&l.p) < MIB);
    const struct account_row *d = &l.p.delta;
    cr_expect(d->stored + d->dropped[DROP_LATE] == A_SECOND * SECONDS + 2);
    cr_expect(d->dropped[DROP_LATE] <= l.p.closed_early);
    /* Each request once, whichever half came behind an early closing. */
    cr_expect(span_line_sums(&l).totals == A_SECOND * SECONDS / 2 + 1, "%llu",
              (unsigned long long)span_line_sums(&l).totals);
    pipeline_deinit(&l.p);
    EXPECT_NO_LEAK();
}
