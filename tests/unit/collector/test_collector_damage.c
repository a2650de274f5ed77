/* test_collector_damage.c - an image of a checkpoint with a flipped bit, cut short or missing: the
 * collector starts, out of the image before it and the journal as if nothing had been, or else of
 * what is left, and says what is lost. */
#include "base/fileio.h"
#include "base/log.h"
#include "base/mem.h"
#include "collector/collector_private.h"
#include "storage/edge_store.h"
#include "support/leak.h"
#include "support/temp_dir.h"
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static const uint64_t START_S = 1700000000;

enum { TRACES = 50, CHECKPOINT_A = 30, CHECKPOINT_B = 60, RECORDS = 90 };

struct house {
    struct temp_dir dir;
    struct rig rig; /* two spans a trace: client, server */
    struct store *store;
    struct account *account;
    struct budget budget;
    struct collector *collector;
    uint64_t position, journal_from, older;
    char last[300], before[300]; /* paths of the two images */
    char *bytes;                 /* of the last, undamaged */
    size_t len;
};

static void on_checkpoint(uint64_t position, uint64_t older, void *user)
{
    (void)position;
    ((struct house *)user)->older = older;
}

static void house_open(struct house *h)
{
    struct err e = {0};
    struct store_config config = {.directory = str_from_c(h->dir.path)};
    cr_assert(store_open(&config, &h->store, &e) == ST_OK, "%s", e.msg);
    h->account = account_new();
    h->budget = (struct budget){.limit = GIB};
    struct collector_config collector = {
        .graph = graph_settings_default(),
        .open_bytes_max = 256 * MIB,
        .store = h->store,
        .journal_from = h->journal_from,
        .account = h->account,
        .budget = &h->budget,
        .checkpointed = on_checkpoint,
        .user = h,
    };
    cr_assert(collector_new(&collector, &h->collector, &h->position, &e) == ST_OK, "%s", e.msg);
}

/* As kill -9 leaves it when the collector was not started. */
static void house_close(struct house *h)
{
    collector_stop(h->collector);
    collector_free(h->collector);
    account_free(h->account);
    store_close(h->store);
}

/* The journal: record n is a tick, a span, or a span once more; a second passes with each. Requests
 * are halves for a while, then whole, then close; some are open at each checkpoint. */
static void record(struct house *h, uint64_t sequence)
{
    uint64_t clock_ns = (1000 + sequence) * NS_PER_S, wall_ns = (START_S + sequence) * NS_PER_S;
    if (sequence % 10 == 0) {
        collector_tick(h->collector, sequence, wall_ns, clock_ns);
        return;
    }
    struct batch *b = batch_new();
    b->spans = arena_calloc(&b->arena, 1, sizeof(*b->spans));
    uint64_t span = sequence % 10 == 5 ? sequence - 3 : sequence;
    b->spans[0] = h->rig.spans[span * 7 % (2 * TRACES)].span;
    b->span_count = b->received = 1;
    b->sequence = sequence;
    b->clock_ns = clock_ns;
    b->arrival_ns = wall_ns;
    cr_assert(collector_prepare(b, NULL) == ST_OK);
    collector_batch(h->collector, b);
}

static void records(struct house *h, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++)
        record(h, n);
}

static bool note_image(const char *name, void *user)
{
    struct house *h = user;
    char path[300];
    snprintf(path, sizeof(path), "%s/image/%s", h->dir.path, name);
    if (strcmp(path, h->last) > 0) {
        memcpy(h->before, h->last, sizeof(h->before));
        memcpy(h->last, path, sizeof(h->last));
    } else {
        memcpy(h->before, path, sizeof(h->before));
    }
    return true;
}

/* Two checkpoints, then a crash: both images are there. */
static void house_make(struct house *h)
{
    struct err e = {0};
    char folder[300];
    *h = (struct house){.dir = temp_dir_make(), .journal_from = 1};
    rig_init(&h->rig);
    for (uint64_t i = 0; i < TRACES; i++) {
        h->rig.trace = i + 1;
        rig_app(&h->rig, 1, 0, SPAN_CLIENT, "web", "GET",
                "http.request.method=GET;url.full=http://cart.shop.svc/"
                "x;http.response.status_code=#200",
                0, 900);
        rig_app(&h->rig, 2, 1, SPAN_SERVER, "cart", "GET /x", "http.response.status_code=#200", 10,
                100);
    }
    house_open(h);
    uint64_t checkpoints[] = {CHECKPOINT_A, CHECKPOINT_B}, first = 1;
    for (size_t i = 0; i < LEN(checkpoints); i++) {
        /* Started only for the checkpoint: everything else is as in a replay. */
        records(h, first, checkpoints[i]);
        first = checkpoints[i] + 1;
        collector_save_begin(h->collector);
        while (h->collector->in_flight) {
            struct list mails;
            list_init(&mails);
            mailbox_wait(h->collector->inbox, &mails, 0);
            if (list_pop(&mails))
                collector_save_finished(h->collector);
        }
        cr_assert(h->collector->save_status == ST_OK, "%s", h->collector->save_error.msg);
    }
    cr_expect(h->older == CHECKPOINT_A + 1, "the journal is kept for the image before");
    house_close(h);
    snprintf(folder, sizeof(folder), "%s/image", h->dir.path);
    cr_assert(dir_each(folder, note_image, h, &e) == ST_OK);
    cr_assert(h->before[0] && file_read_all(h->last, MIB, &h->bytes, &h->len, &e) == ST_OK);
}

static void house_end(struct house *h)
{
    mem_free(h->bytes);
    rig_deinit(&h->rig);
    temp_dir_remove(&h->dir);
}

static void overwrite(const char *path, const char *bytes, size_t len)
{
    struct err e;
    cr_assert(file_replace(path, (struct str){bytes, len}, &e) == ST_OK, "%s", e.msg);
}

/* What a start makes of the directory and the journal. */
struct found {
    struct account_row row;
    uint64_t closed, open, in_cells, lost, requests;
};

static uint32_t all_in_one(const struct cell_row *row, void *user)
{
    (void)user;
    return row->is_total && row->server.kind == ENTITY_SERVICE ? 0 : UINT32_MAX;
}

static uint64_t closed_requests_shown(struct house *h)
{
    const struct edge_view *view;
    struct edge_result result = {0};
    struct edge_query q = {.start_s = START_S - 3600,
                           .end_s = START_S + 3600,
                           .sections = SECTION_ALL,
                           .group = all_in_one,
                           .max_points = 1000};
    cr_assert(edge_store_view_closed(h->store, 0, &view, NULL) == ST_OK);
    struct edge_view part = edge_view_closed(view);
    cr_assert(edge_query_run(&part, &q, &result, NULL) == ST_OK);
    edge_view_unref(view);
    uint64_t count = 0;
    for (size_t i = 0; i < result.series_count; i++)
        for (size_t p = 0; p < result.series[i].len; p++)
            count += result.series[i].points[p].cell.weight >> WEIGHT_SHIFT;
    edge_result_deinit(&result);
    return count;
}

static struct found start(struct house *h, bool show)
{
    struct found f = {0};
    struct account_totals totals;
    struct store_stats stats;
    house_open(h);
    records(h, h->position, RECORDS);
    collector_catch_up(h->collector, UINT64_MAX);
    account_read(h->account, &totals);
    store_stats(h->store, &stats);
    f.row = totals.rows[SIGNAL_SPANS];
    f.closed = h->collector->pipeline.closed_requests;
    f.open = open_table_spans(&h->collector->pipeline.table);
    f.in_cells = cell_set_cell_count(cell_feed_cells(h->collector->pipeline.closed));
    f.lost = stats.lost_blocks;
    cr_expect(account_difference(&f.row) == 0);
    if (show) {
        cr_assert(collector_start(h->collector, NULL) == ST_OK);
        f.requests = closed_requests_shown(h);
    }
    house_close(h);
    return f;
}

static void expect_same(const struct found *a, const struct found *b, const char *what, size_t at)
{
    cr_expect(memcmp(&a->row, &b->row, sizeof(a->row)) == 0,
              "%s %zu: the account differs: received %llu pending %llu", what, at,
              (unsigned long long)b->row.received, (unsigned long long)b->row.pending);
    cr_expect(a->closed == b->closed && a->open == b->open && a->in_cells == b->in_cells,
              "%s %zu: closed %llu open %llu cells %llu, not %llu %llu %llu", what, at,
              (unsigned long long)b->closed, (unsigned long long)b->open,
              (unsigned long long)b->in_cells, (unsigned long long)a->closed,
              (unsigned long long)a->open, (unsigned long long)a->in_cells);
}

Test(collector_damage, a_damaged_image_costs_nothing_while_the_journal_reaches_back, .timeout = 240)
{
    enum { HEAD_BYTES = 24 };
    struct house h;
    log_set_level(LOG_ERROR);
    house_make(&h);
    struct found whole = start(&h, false);
    cr_assert(whole.lost == 0 && whole.closed > 20 && whole.open > 4 && whole.in_cells > 0,
              "closed %llu open %llu cells %llu", (unsigned long long)whole.closed,
              (unsigned long long)whole.open, (unsigned long long)whole.in_cells);
    for (size_t at = 0; at < h.len; at += 13) {
        h.bytes[at] ^= (char)(1 << at % 8);
        overwrite(h.last, h.bytes, h.len);
        h.bytes[at] ^= (char)(1 << at % 8);
        struct found f = start(&h, false);
        expect_same(&whole, &f, "byte", at);
        cr_expect(f.lost == (at >= HEAD_BYTES), "byte %zu: counted %llu times", at,
                  (unsigned long long)f.lost);
    }
    for (size_t len = 0; len < h.len; len += 101) {
        overwrite(h.last, h.bytes, len);
        struct found f = start(&h, false);
        expect_same(&whole, &f, "cut to", len);
    }
    unlink(h.last);
    struct found f = start(&h, false);
    expect_same(&whole, &f, "missing", 0);
    house_end(&h);
    EXPECT_NO_LEAK();
}

Test(collector_damage, answers_count_everything_once_after_it)
{
    struct house whole_house, h;
    log_set_level(LOG_ERROR);
    house_make(&whole_house);
    house_make(&h);
    struct found whole = start(&whole_house, true);
    h.bytes[h.len / 2] ^= 1;
    overwrite(h.last, h.bytes, h.len);
    struct found f = start(&h, true);
    cr_expect(whole.requests > 20);
    cr_expect(f.requests == whole.requests, "%llu, not %llu", (unsigned long long)f.requests,
              (unsigned long long)whole.requests);
    char aside[320];
    snprintf(aside, sizeof(aside), "%s.damaged", h.last);
    cr_expect(access(aside, F_OK) == 0, "it is kept");
    /* A clean stop wrote the image twice: the next damage costs nothing either, without a journal.
     */
    h.journal_from = RECORDS + 1;
    char folder[300];
    h.last[0] = h.before[0] = '\0';
    snprintf(folder, sizeof(folder), "%s/image", h.dir.path);
    unlink(aside);
    cr_assert(dir_each(folder, note_image, &h, NULL) == ST_OK);
    overwrite(h.last, h.bytes, h.len / 2);
    struct found again = start(&h, true);
    cr_expect(again.lost == 1);
    cr_expect(again.requests == whole.requests);
    cr_expect(again.open == whole.open);
    house_end(&whole_house);
    house_end(&h);
    EXPECT_NO_LEAK();
}

/* Damage everywhere: it starts, what is lost is in the account, and what comes is counted. */
Test(collector_damage, without_the_journal_what_is_left_is_kept_and_the_rest_is_dropped_by_name,
     .timeout = 240)
{
    struct house h;
    log_set_level(LOG_ERROR);
    house_make(&h);
    struct found whole = start(&h, false);
    h.journal_from = CHECKPOINT_B + 1;
    size_t kept = 0, anew = 0;
    for (size_t at = 24; at < h.len; at += 29) {
        h.bytes[at] ^= 0x40;
        overwrite(h.last, h.bytes, h.len);
        h.bytes[at] ^= 0x40;
        struct found f = start(&h, false);
        cr_expect(f.lost == 1, "byte %zu", at);
        if (f.row.received == whole.row.received) {
            kept++;
            cr_expect(f.row.dropped[DROP_CORRUPT_IMAGE] > 0 || f.open == whole.open, "byte %zu",
                      at);
        } else {
            anew++;
            cr_expect(f.row.received == (RECORDS - CHECKPOINT_B) - 3, "byte %zu: %llu", at,
                      (unsigned long long)f.row.received);
        }
    }
    cr_expect(kept > 1 && anew > 0, "kept %zu anew %zu", kept, anew);
    h.journal_from = 1;
    overwrite(h.last, h.bytes, h.len - 1);
    overwrite(h.before, h.bytes, h.len / 3);
    struct found both = start(&h, false);
    cr_expect(both.lost == 2, "%llu", (unsigned long long)both.lost);
    house_end(&h);
    EXPECT_NO_LEAK();
}
