/* test_edge_spans.c - sums over many ranges equal one question each; stretches of traffic equal
 * those of the requests themselves. */
#include "storage/edge_spans.h"
#include "storage/edge_stretches.h"

#include "base/mem.h"
#include "support/alloc_walk.h"
#include "support/leak.h"
#include "tests/unit/storage/edge_rig.h"
#include <criterion/criterion.h>

enum { START = 1700000000 - 1700000000 % 86400, PARTS = 4, ROWS = 400, SPANS = 70, GROUPS = 5 };

static uint32_t group_of(const struct cell_row *row, void *user)
{
    unsigned server = edge_rig_row_number(row) / 4;
    (void)user;
    return server % 6 == 5 ? UINT32_MAX : server % 6;
}

/* --- spans --- */

struct comparing {
    const struct edge_view *view;
    const struct edge_query *query;
    const struct edge_span *spans;
    uint64_t last_span, observed;
};

static enum status add_observed(uint32_t group, uint64_t span, const struct cell *cell, void *user,
                                struct err *e)
{
    struct comparing *c = user;
    (void)group, (void)e;
    cr_assert_geq(span, c->last_span, "spans come in their order");
    c->last_span = span;
    c->observed += cell->observed + cell->server.weight + cell->client.bucket_count;
    return ST_OK;
}

/* What each span holds by itself. */
static uint64_t observed_alone(const struct comparing *c, uint32_t count)
{
    uint64_t observed = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct edge_query q = *c->query;
        struct edge_result result;
        q.start_s = c->spans[i].from_s;
        q.end_s = c->spans[i].to_s;
        q.point = NULL;
        cr_assert_eq(edge_query_run(c->view, &q, &result, NULL), ST_OK);
        for (uint32_t g = 0; g < result.series_count; g++)
            for (size_t k = 0; k < result.series[g].len; k++) {
                const struct cell *cell = &result.series[g].points[k].cell;
                observed += cell->observed + cell->server.weight + cell->client.bucket_count;
            }
        edge_result_deinit(&result);
    }
    return observed;
}

Test(edge_spans, equal_a_question_each)
{
    enum { SPAN = 2 * 86400 };
    struct edge_rig r = edge_rig_new(8000, ROWS, START + 5000, SPAN, 3);
    struct edge_part *parts[PARTS];
    struct edge_span spans[SPANS];
    edge_rig_split(&r, parts, PARTS);
    struct edge_view view = {.parts = parts, .part_count = PARTS};
    for (int round = 0; round < 6; round++) {
        struct comparing c = {&view, NULL, spans, 0, 0};
        struct edge_query q = {.start_s = START,
                               .end_s = START + 3 * 86400,
                               .joint = round % 2,
                               .sections = SECTION_COUNTS | SECTION_SERVER | SECTION_CLIENT,
                               .group = group_of,
                               .point = add_observed,
                               .user = &c,
                               .max_points = 1000000};
        struct edge_result result;
        c.query = &q;
        for (uint32_t i = 0; i < SPANS; i++) {
            static const uint64_t lengths_s[] = {0, 15, 60, 75, 3600, 7215, 86400};
            uint64_t from = START + 15 * edge_rig_random(&r, (SPAN + 10000) / 15);
            if (i % 3)
                from -= from % 3600;
            spans[i] = (struct edge_span){from, from + lengths_s[edge_rig_random(&r, 7)]};
        }
        cr_assert_eq(edge_spans_run(&view, &q, spans, SPANS, &result, NULL), ST_OK);
        cr_expect_eq(c.observed, observed_alone(&c, SPANS), "round %d", round);
        cr_expect_gt(c.observed, 0);
        edge_result_deinit(&result);
    }
    edge_rig_unref(parts, PARTS);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* --- stretches --- */

enum { TILES = 86400 / 15 };

/* Which tiles of a day a group has traffic in, from the requests. */
static void tiles_of(const struct edge_rig *r, uint32_t group, bool joint, bool of_servers,
                     uint8_t *tiles)
{
    memset(tiles, 0, TILES);
    for (size_t i = 0; i < r->count; i++) {
        const struct rig_request *x = &r->requests[i];
        if (x->row / 4 % 6 == group && (x->row % 4 != 0) == joint && (!of_servers || x->has_server))
            tiles[(x->time_s - START) / 15] = 1;
    }
}

static size_t expect_stretches(const struct edge_stretch_list *list, const uint8_t *tiles,
                               const struct edge_query *q, uint64_t gap_s)
{
    size_t found = 0;
    uint64_t begin = 0, last = 0;
    for (uint64_t t = q->start_s; t <= q->end_s; t += 15) {
        bool is_end = t == q->end_s;
        if (!is_end && !tiles[(t - START) / 15])
            continue;
        if (last && (is_end || t - last > gap_s)) {
            cr_assert_lt(found, list->len, "from %lu", begin - START);
            cr_assert_eq(list->items[found].from_s, begin, "%lu, not %lu",
                         list->items[found].from_s - START, begin - START);
            cr_assert_eq(list->items[found].to_s, last, "to");
            found++;
            last = 0;
        }
        if (is_end)
            break;
        begin = last ? begin : t;
        last = t + 15;
    }
    cr_assert_eq(found, list->len, "no stretch is invented");
    return found;
}

Test(edge_stretches, equal_the_requests)
{
    static uint8_t tiles[TILES];
    size_t found = 0;
    for (unsigned round = 0; round < 24; round++) {
        /* From few requests, most of them alone, to so many that whole hours have no gap. */
        struct edge_rig r = edge_rig_new(200u << round % 6, 24, START, 86400, round + 1);
        struct edge_part *parts[PARTS];
        /* Rows of which every server was seen, or none, are told by the hour. */
        for (size_t i = 0; i < r.count; i++)
            if (r.requests[i].row / 4 % 3)
                r.requests[i].has_server = r.requests[i].row / 4 % 3 == 1;
        edge_rig_split(&r, parts, PARTS);
        struct edge_view view = {.parts = parts, .part_count = PARTS};
        struct edge_query q = {.start_s = START + 15 * edge_rig_random(&r, 300),
                               .joint = round % 2,
                               .sections = SECTION_COUNTS | SECTION_SERVER,
                               .group = group_of};
        struct edge_stretches s;
        uint64_t gap_s = round % 4 ? 315 : STRETCH_GAP_MIN_S;
        q.end_s = q.start_s + 15 + 15 * edge_rig_random(&r, 5400);
        cr_assert_eq(edge_stretches_run(&view, &q, gap_s, &s, NULL), ST_OK);
        for (uint32_t g = 0; g < GROUPS; g++)
            for (unsigned of_servers = 0; of_servers < 2; of_servers++) {
                unsigned sight = of_servers ? SIGHT_SERVER : SIGHT_ANY;
                tiles_of(&r, g, q.joint, of_servers, tiles);
                found += expect_stretches(&s.groups[g][sight], tiles, &q, gap_s);
            }
        edge_stretches_deinit(&s);
        edge_rig_unref(parts, PARTS);
        edge_rig_free(&r);
    }
    cr_expect_gt(found, 500);
    EXPECT_NO_LEAK();
}

Test(edge_stretches, short_memory_is_an_error)
{
    struct edge_rig r = edge_rig_new(300, 24, START, 86400, 5);
    struct edge_part *parts[PARTS];
    edge_rig_split(&r, parts, PARTS);
    struct edge_view view = {.parts = parts, .part_count = PARTS};
    struct edge_query q = {.start_s = START,
                           .end_s = START + 86400,
                           .sections = SECTION_COUNTS | SECTION_SERVER,
                           .group = group_of};
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct edge_stretches s;
        enum status status = edge_stretches_run(&view, &q, 315, &s, NULL);
        cr_assert(status == ST_OK || status == ST_NO_MEMORY);
        if (status == ST_OK)
            edge_stretches_deinit(&s);
    }
    cr_expect_gt(walk.failures, 5);
    edge_rig_unref(parts, PARTS);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}
