/* test_collector.c - the thread: views while requests are open, checkpoints, and what is there
 * after a restart. */
#include "base/fileio.h"
#include "storage/edge_store.h"
#include "support/leak.h"
#include "support/patience.h"
#include "support/temp_dir.h"
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static const uint64_t START_S = 1700000000;

struct house {
    struct temp_dir dir;
    struct store *store;
    struct account *account;
    struct budget budget;
    struct collector *collector;
    uint64_t position, sequence, clock_ns;
    _Atomic uint64_t checkpointed;
    uint64_t max_age_ns; /* of the views that are looked at */
    uint64_t closed_bytes_max;
};

static void on_checkpoint(uint64_t position, uint64_t older, void *user)
{
    (void)older;
    ((struct house *)user)->checkpointed = position;
}

static void open_house(struct house *h)
{
    struct err e = {0};
    struct store_config config = {.directory = str_from_c(h->dir.path)};
    cr_assert(store_open(&config, &h->store, &e) == ST_OK, "%s", e.msg);
    h->account = account_new();
    h->budget = (struct budget){.limit = GIB};
    struct collector_config collector = {
        .graph = graph_settings_default(),
        .checkpoint_ns = 30 * NS_PER_S,
        .checkpoint_bytes = 256 * MIB,
        .open_bytes_max = 256 * MIB,
        .closed_bytes_max = h->closed_bytes_max,
        .store = h->store,
        .account = h->account,
        .budget = &h->budget,
        .checkpointed = on_checkpoint,
        .user = h,
    };
    cr_assert(collector_new(&collector, &h->collector, &h->position, &e) == ST_OK, "%s", e.msg);
    cr_assert(collector_start(h->collector, &e) == ST_OK, "%s", e.msg);
}

static void close_house(struct house *h)
{
    collector_stop(h->collector);
    collector_free(h->collector);
    cr_expect(budget_used(&h->budget) == 0, "%llu bytes are still charged",
              (unsigned long long)budget_used(&h->budget));
    account_free(h->account);
    store_close(h->store);
}

/* A client and a server span, in a batch of their own when `half` says so. */
static void send(struct house *h, struct rig *r, uint32_t from, uint32_t count)
{
    struct batch *b = batch_new();
    b->spans = arena_calloc(&b->arena, count, sizeof(*b->spans));
    for (uint32_t i = 0; i < count; i++)
        b->spans[i] = r->spans[from + i].span;
    b->span_count = b->received = count;
    b->sequence = ++h->sequence;
    b->clock_ns = h->clock_ns;
    b->arrival_ns = START_S * NS_PER_S;
    b->charged_bytes = 1000;
    budget_force(&h->budget, b->charged_bytes);
    cr_assert(collector_prepare(b, NULL) == ST_OK);
    collector_batch(h->collector, b);
}

static struct account_row spans_row(struct house *h)
{
    struct account_totals totals;
    account_read(h->account, &totals);
    cr_expect(account_difference(&totals.rows[SIGNAL_SPANS]) == 0);
    return totals.rows[SIGNAL_SPANS];
}

static uint32_t all_in_one(const struct cell_row *row, void *user)
{
    (void)user;
    return row->is_total && row->server.kind == ENTITY_SERVICE ? 0 : UINT32_MAX;
}

/* Requests of all edges in a view that is not older than h->max_age_ns. */
static struct cell look(struct house *h, bool closed, struct edge_result *result)
{
    const struct edge_view *view;
    struct err e = {0};
    struct edge_query q = {.start_s = START_S - 60,
                           .end_s = START_S + 600,
                           .sections = SECTION_ALL,
                           .group = all_in_one,
                           .max_points = 100};
    cr_assert((closed ? edge_store_view_closed : edge_store_view)(h->store, h->max_age_ns, &view,
                                                                  &e) == ST_OK,
              "%s", e.msg);
    struct edge_view part = closed ? edge_view_closed(view) : *view;
    cr_assert(edge_query_run(&part, &q, result, &e) == ST_OK, "%s", e.msg);
    edge_view_unref(view);
    if (result->series_count == 0 || result->series[0].len == 0)
        return (struct cell){0};
    return result->series[0].points[0].cell;
}

static uint64_t requests(struct house *h, uint64_t *servers)
{
    struct edge_result result = {0};
    struct cell c = look(h, false, &result);
    uint64_t count = c.weight >> WEIGHT_SHIFT;
    *servers = histogram_count(&c.server);
    edge_result_deinit(&result);
    return count;
}

static uint64_t closed_requests(struct house *h)
{
    struct edge_result result = {0};
    uint64_t count = look(h, true, &result).weight >> WEIGHT_SHIFT;
    edge_result_deinit(&result);
    return count;
}

static void make_spans(struct rig *r)
{
    rig_init(r);
    for (uint64_t i = 0; i < 20; i++) {
        r->trace = i + 1;
        rig_app(r, 1, 0, SPAN_CLIENT, "web", "GET",
                "http.request.method=GET;url.full=http://cart.shop.svc/"
                "x;http.response.status_code=#200",
                0, 900);
        rig_app(r, 2, 1, SPAN_SERVER, "cart", "GET /x", "http.response.status_code=#200", 10, 100);
    }
}

Test(collector, open_requests_show_and_survive)
{
    struct house h = {.clock_ns = 1000 * NS_PER_S};
    struct rig r;
    struct err e;
    uint64_t servers;
    make_spans(&r);
    h.dir = temp_dir_make();
    open_house(&h);
    cr_expect(h.position == 0);

    send(&h, &r, 0, 20); /* ten whole requests */
    send(&h, &r, 20, 1); /* and a half */
    cr_expect(requests(&h, &servers) == 11);
    cr_expect(servers == 10);
    cr_expect(spans_row(&h).pending == 21);
    cr_expect(closed_requests(&h) == 0);

    cr_expect(collector_checkpoint(h.collector, &e) == ST_OK);
    cr_expect(h.checkpointed == h.sequence + 1);
    cr_expect(requests(&h, &servers) == 11);
    close_house(&h);

    open_house(&h);
    cr_expect(h.position == h.sequence + 1);
    cr_expect(spans_row(&h).pending == 21);
    cr_expect(spans_row(&h).received == 21);
    send(&h, &r, 21, 1); /* the other half */
    send(&h, &r, 0, 4);  /* four that are known */
    cr_expect(requests(&h, &servers) == 11);
    cr_expect(servers == 11);
    collector_flush(h.collector, ++h.sequence, h.clock_ns);
    cr_expect(requests(&h, &servers) == 11);
    cr_expect(closed_requests(&h) == 11);
    cr_expect(collector_checkpoint(h.collector, &e) == ST_OK);
    cr_expect(closed_requests(&h) == 11);
    cr_expect(spans_row(&h).pending == 0);
    cr_expect(spans_row(&h).stored == 22);
    cr_expect(spans_row(&h).dropped[DROP_DUPLICATE] == 4);
    send(&h, &r, 0, 2);
    cr_expect(requests(&h, &servers) == 11);
    cr_expect(spans_row(&h).dropped[DROP_DUPLICATE] == 6);
    close_house(&h);

    open_house(&h);
    cr_expect(requests(&h, &servers) == 11);
    cr_expect(spans_row(&h).stored == 22);
    struct collector_stats stats;
    collector_stats(h.collector, &stats);
    cr_expect(stats.closed_requests == 11);
    close_house(&h);
    temp_dir_remove(&h.dir);
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}

/* What a checkpoint publishes while nobody looks is without open requests, and for no reader. */
Test(collector, the_first_reader_after_a_checkpoint_sees_what_is_open)
{
    struct house h = {.clock_ns = 1000 * NS_PER_S, .max_age_ns = 10 * NS_PER_S};
    struct rig r;
    struct err e;
    uint64_t servers;
    make_spans(&r);
    h.dir = temp_dir_make();
    open_house(&h);
    send(&h, &r, 0, 20);
    cr_assert(collector_checkpoint(h.collector, &e) == ST_OK);
    cr_expect(requests(&h, &servers) == 10);
    send(&h, &r, 20, 20);
    collector_flush(h.collector, ++h.sequence, h.clock_ns);
    cr_assert(collector_checkpoint(h.collector, &e) == ST_OK);
    h.max_age_ns = 0;
    cr_expect(requests(&h, &servers) == 20);
    close_house(&h);
    temp_dir_remove(&h.dir);
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}

/* Time passes only by records: a request closes after its wait, and the checkpoint comes by itself.
 */
Test(collector, ticks_close_and_save)
{
    struct house h = {.clock_ns = 1000 * NS_PER_S};
    struct rig r;
    uint64_t servers;
    make_spans(&r);
    h.dir = temp_dir_make();
    open_house(&h);
    send(&h, &r, 0, 40);
    for (int i = 0; i < 42; i++)
        collector_tick(h.collector, ++h.sequence, START_S * NS_PER_S, h.clock_ns += NS_PER_S);
    cr_expect(requests(&h, &servers) == 20);
    cr_expect(spans_row(&h).pending == 0);
    cr_expect(spans_row(&h).stored == 40);
    close_house(&h);
    cr_expect(h.checkpointed == h.sequence + 1);
    temp_dir_remove(&h.dir);
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}

/* Requests of many times: a cell for each, and for each of its row of totals. */
static void send_many_tiles(struct house *h, struct rig *r, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        uint64_t at_ns = (START_S - (uint64_t)i * 15) * NS_PER_S;
        r->trace = 1000 + i;
        r->count = 0;
        struct rig_span *s = rig_app(r, 1, 0, SPAN_SERVER, "cart", "GET /x", "", 0, 100);
        s->span.start_ns = s->span.end_ns = at_ns;
        send(h, r, 0, 1);
    }
}

Test(collector, closed_cells_count_as_memory_until_a_part_has_them)
{
    enum { TILES = 2000 };
    struct house h = {.clock_ns = 1000 * NS_PER_S};
    struct rig r;
    struct err e;
    uint64_t servers;
    rig_init(&r);
    h.dir = temp_dir_make();
    open_house(&h);
    send_many_tiles(&h, &r, 0, TILES);
    cr_assert(collector_checkpoint(h.collector, &e) == ST_OK);
    uint64_t open = budget_used(&h.budget);
    collector_flush(h.collector, ++h.sequence, h.clock_ns);
    uint64_t all = open + 3 * TILES * sizeof(struct cell), used;
    for (struct patience p = {0}; (used = budget_used(&h.budget)) <= all && patience_left(&p);)
        (void)requests(&h, &servers);
    cr_expect(used > all, "%llu bytes, %llu while open", (unsigned long long)used,
              (unsigned long long)open);
    cr_assert(collector_checkpoint(h.collector, &e) == ST_OK);
    collector_flush(h.collector, ++h.sequence, h.clock_ns += 100 * NS_PER_S);
    cr_assert(collector_checkpoint(h.collector, &e) == ST_OK);
    cr_expect(budget_used(&h.budget) < 2 * MIB, "%llu bytes",
              (unsigned long long)budget_used(&h.budget));
    close_house(&h);
    temp_dir_remove(&h.dir);
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}

/* Each round closes more cells than may wait, and each checkpoint takes a quarter of a second. */
Test(collector, what_closes_waits_for_a_slow_checkpoint)
{
    enum { ROUNDS = 10, TILES = 500 };
    struct house h = {.clock_ns = 1000 * NS_PER_S, .closed_bytes_max = 256 * KIB};
    struct rig r;
    struct store_stats stats;
    setenv("WEFT_FAULT", "slow:checkpoint_image:1-1000", 1);
    file_faults_init();
    rig_init(&r);
    h.dir = temp_dir_make();
    open_house(&h);
    for (unsigned i = 0; i < ROUNDS; i++) {
        send_many_tiles(&h, &r, i * TILES, (i + 1) * TILES);
        collector_flush(h.collector, ++h.sequence, h.clock_ns += NS_PER_S);
    }
    for (struct patience p = {0}; spans_row(&h).pending > 0 && patience_left(&p);)
        ;
    store_stats(h.store, &stats);
    cr_expect(stats.checkpoints >= ROUNDS - 2, "only %llu checkpoints",
              (unsigned long long)stats.checkpoints);
    cr_expect(spans_row(&h).stored == ROUNDS * TILES);
    close_house(&h);
    temp_dir_remove(&h.dir);
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}

Test(collector, many_closed_cells_do_not_wait_for_the_next_checkpoint)
{
    struct house h = {.clock_ns = 1000 * NS_PER_S, .closed_bytes_max = 256 * KIB};
    struct rig r;
    uint64_t servers;
    rig_init(&r);
    h.dir = temp_dir_make();
    open_house(&h);
    send_many_tiles(&h, &r, 0, 20);
    collector_flush(h.collector, ++h.sequence, h.clock_ns);
    (void)requests(&h, &servers);
    cr_expect(h.checkpointed == 0, "few cells wait");
    send_many_tiles(&h, &r, 0, 1000);
    collector_flush(h.collector, ++h.sequence, h.clock_ns);
    for (struct patience p = {0}; h.checkpointed <= h.sequence && patience_left(&p);)
        (void)requests(&h, &servers);
    cr_expect(h.checkpointed == h.sequence + 1);
    close_house(&h);
    temp_dir_remove(&h.dir);
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}
