/* test_edge_query.c - sums over overlapping parts equal brute force, for any range and step. */
#include "storage/edge_store.h"

#include "base/log.h"
#include "base/mem.h"
#include "storage/edge_part_file.h"
#include "tests/unit/storage/edge_rig.h"
#include "support/alloc_walk.h"
#include "support/leak.h"
#include <criterion/criterion.h>

enum { START = 1700000000 - 1700000000 % 86400, PARTS = 7, ROWS = 60 };

/* Groups by server: four rows each. Totals and joint rows are asked for apart. */
static uint32_t group_of(const struct cell_row *row, void *user)
{
    unsigned server = edge_rig_row_number(row) / 4;
    (void)user;
    return server % 5 == 4 ? UINT32_MAX : server % 5;
}

struct brute {
    struct intern *names;
    struct cell *cells; /* by group, then step */
    size_t steps;
    uint64_t first;
};

static struct brute brute_of(const struct edge_rig *r, const struct edge_query *q,
                             const struct edge_result *result)
{
    uint64_t step = q->step_s ? result->step_s : UINT64_MAX;
    struct brute b = {.names = intern_new(0), .first = result->start_s / step};
    b.steps = result->end_s / step - b.first + 1;
    b.cells = mem_calloc(4 * b.steps, sizeof(*b.cells));
    for (size_t i = 0; i < r->count; i++) {
        const struct rig_request *x = &r->requests[i];
        if (x->time_s < result->start_s || x->time_s >= result->end_s ||
            (x->row % 4 != 0) != q->joint || x->row / 4 % 5 == 4)
            continue;
        size_t at = (x->row / 4 % 5) * b.steps + x->time_s / step - b.first;
        edge_rig_add_cell(&b.cells[at], b.names, x);
    }
    return b;
}

static void brute_free(struct brute *b)
{
    for (size_t i = 0; i < 4 * b->steps; i++)
        cell_deinit(&b->cells[i]);
    mem_free(b->cells);
    intern_free(b->names);
}

static void expect_brute_force(const struct edge_rig *r, const struct edge_query *q,
                               const struct edge_result *result)
{
    struct brute b = brute_of(r, q, result);
    size_t points = 0, expected = 0;
    uint64_t step = q->step_s ? result->step_s : UINT64_MAX;
    for (size_t i = 0; i < 4 * b.steps; i++)
        expected += b.cells[i].observed > 0;
    for (uint32_t g = 0; g < result->series_count; g++) {
        for (size_t i = 0; i < result->series[g].len; i++, points++) {
            const struct edge_point *p = &result->series[g].points[i];
            size_t at = g * b.steps + p->time_s / step - b.first;
            if (q->without_sums)
                b.cells[at].client.sum = b.cells[at].server.sum = b.cells[at].transit.sum = 0;
            cr_assert(i == 0 || p->time_s > p[-1].time_s);
            cr_assert(q->step_s == 0 || p->time_s % step == 0);
            cr_assert(
                edge_rig_cells_equal(&b.cells[at], b.names, &p->cell, result->names, q->sections),
                "group %u at +%lu step %u range %lu..%lu", g, p->time_s - START, q->step_s,
                q->start_s, q->end_s);
        }
    }
    cr_assert_eq(points, expected, "no step is missing, none is invented");
    brute_free(&b);
}

Test(edge_query, equals_brute_force)
{
    enum { SPAN = 3 * 3600 };
    static const uint32_t steps[] = {0, 0, 15, 30, 60, 90, 300, 3600, 7, 86400};
    static const unsigned sections[] = {SECTION_ALL, SECTION_SERVER,
                                        SECTION_COUNTS | SECTION_TALLIES};
    struct edge_rig r = edge_rig_new(6000, ROWS, START + 5000, SPAN, 1);
    struct edge_part *parts[PARTS];
    edge_rig_split(&r, parts, PARTS);
    struct edge_view view = {.parts = parts, .part_count = PARTS};
    for (int round = 0; round < 60; round++) {
        struct edge_query q = {.step_s = steps[edge_rig_random(&r, LEN(steps))],
                               .joint = edge_rig_random(&r, 2),
                               .sections = sections[edge_rig_random(&r, LEN(sections))],
                               .group = group_of,
                               .without_sums = round % 4 == 0,
                               .max_points = 1000000};
        struct edge_result result;
        struct err e;
        q.start_s = START + edge_rig_random(&r, SPAN + 8000);
        q.end_s = q.start_s + edge_rig_random(&r, round % 3 ? SPAN : 2 * 86400);
        cr_assert_eq(edge_query_run(&view, &q, &result, &e), ST_OK, "%s", e.msg);
        cr_assert_eq(result.resolution_s, 15);
        cr_assert(result.start_s <= q.start_s && q.start_s - result.start_s < 15);
        cr_assert(result.end_s >= q.end_s && result.end_s - q.end_s < 15);
        expect_brute_force(&r, &q, &result);
        edge_result_deinit(&result);
    }
    edge_rig_unref(parts, PARTS);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Minutes take theirs from tiles of 15 s: where one of their blocks is damaged, nothing else is
 * missing. */
Test(edge_query, damaged_exemplars_of_minutes_cost_exemplars)
{
    struct edge_rig r = edge_rig_new(800, 8, START, 960, 3);
    struct cell_set *set = edge_rig_set(&r);
    struct edge_part *p = edge_rig_part(set, true);
    struct edge_view view = {.parts = &p, .part_count = 1};
    struct edge_query q = {.start_s = START,
                           .end_s = START + 960,
                           .step_s = 60,
                           .sections = SECTION_ALL,
                           .group = group_of,
                           .max_points = 1000};
    const struct block_entry *first = &p->blocks[0]; /* totals, the first four minutes */
    uint64_t exemplars_at = first->at;
    for (unsigned s = 0; s < STORED_EXEMPLARS; s++)
        exemplars_at += first->bytes[s];
    log_set_level(LOG_ERROR);
    for (unsigned damaged = 0; damaged < 2; damaged++) {
        struct edge_result result;
        if (damaged)
            p->memory[exemplars_at] ^= 1;
        cr_assert_eq(edge_query_run(&view, &q, &result, NULL), ST_OK);
        cr_assert_eq(result.lost_blocks, damaged);
        for (uint32_t g = 0; g < result.series_count; g++)
            for (size_t i = 0; i < result.series[g].len; i++) {
                const struct edge_point *point = &result.series[g].points[i];
                bool lost = damaged && point->time_s < START + 240;
                cr_assert_gt(point->cell.observed, 0);
                cr_assert_eq(point->cell.exemplar_count == 0, lost, "minute +%lu",
                             point->time_s - START);
            }
        edge_result_deinit(&result);
    }
    log_set_level(LOG_INFO);
    edge_part_unref(p);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

struct streamed {
    uint64_t points, observed, last_time;
};

static enum status count_point(uint32_t group, uint64_t time_s, const struct cell *cell, void *user,
                               struct err *e)
{
    struct streamed *s = user;
    (void)group, (void)e;
    cr_assert_geq(time_s, s->last_time);
    s->last_time = time_s;
    s->points++;
    s->observed += cell->observed;
    return ST_OK;
}

Test(edge_query, points_can_be_streamed_and_are_bounded)
{
    struct edge_rig r = edge_rig_new(3000, ROWS, START, 1800, 2);
    struct edge_part *parts[PARTS];
    struct edge_result kept, streamed;
    struct streamed seen = {0};
    uint64_t points = 0, observed = 0;
    struct err e;
    edge_rig_split(&r, parts, PARTS);
    struct edge_view view = {.parts = parts, .part_count = PARTS};
    struct edge_query q = {.start_s = START,
                           .end_s = START + 1800,
                           .step_s = 60,
                           .sections = SECTION_COUNTS,
                           .group = group_of,
                           .user = &seen,
                           .max_points = 200};
    cr_assert_eq(edge_query_run(&view, &q, &kept, NULL), ST_OK);
    for (uint32_t g = 0; g < kept.series_count; g++)
        for (size_t i = 0; i < kept.series[g].len; i++, points++)
            observed += kept.series[g].points[i].cell.observed;
    q.point = count_point;
    cr_assert_eq(edge_query_run(&view, &q, &streamed, NULL), ST_OK);
    cr_assert_eq(seen.points, points);
    cr_assert_eq(seen.observed, observed);
    cr_assert(points <= 120 && points > 110, "%lu points of 4 groups in 30 minutes", points);
    q.max_points = points - 1;
    seen = (struct streamed){0};
    edge_result_deinit(&streamed);
    cr_assert_eq(edge_query_run(&view, &q, &streamed, &e), ST_QUERY);
    edge_result_deinit(&kept);
    edge_rig_unref(parts, PARTS);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

static const double asked[] = {0, 0.5, 0.9, 1};

struct told {
    const struct edge_result *kept;
    size_t next[4]; /* point of each group */
    uint64_t points;
};

static enum status expect_quantiles(uint32_t group, uint64_t time_s, uint64_t weight,
                                    const double *ns, void *user, struct err *e)
{
    struct told *t = user;
    const struct edge_point *point = &t->kept->series[group].points[t->next[group]++];
    const struct histogram *h = &point->cell.transit;
    (void)e;
    cr_assert(point->time_s == time_s && h->weight == weight);
    for (size_t i = 0; i < LEN(asked); i++)
        cr_assert_eq(ns[i], histogram_quantile_ns(h, asked[i]));
    t->points += weight > 0;
    return ST_OK;
}

Test(edge_query, quantiles_are_those_of_the_points)
{
    struct edge_rig r = edge_rig_new(3000, ROWS, START, 1800, 2);
    struct edge_part *parts[PARTS];
    struct edge_result kept, streamed;
    edge_rig_split(&r, parts, PARTS);
    struct edge_view view = {.parts = parts, .part_count = PARTS};
    struct edge_query q = {.start_s = START,
                           .end_s = START + 1800,
                           .step_s = 60,
                           .sections = SECTION_TRANSIT,
                           .group = group_of,
                           .max_points = 200};
    cr_assert_eq(edge_query_run(&view, &q, &kept, NULL), ST_OK);
    struct told told = {.kept = &kept};
    q.user = &told;
    q.quantiles = expect_quantiles;
    q.q = asked;
    q.q_count = LEN(asked);
    cr_assert_eq(edge_query_run(&view, &q, &streamed, NULL), ST_OK);
    cr_assert_gt(told.points, 50);
    for (uint32_t g = 0; g < kept.series_count; g++)
        cr_assert_eq(told.next[g], kept.series[g].len);
    edge_result_deinit(&kept);
    edge_result_deinit(&streamed);
    edge_rig_unref(parts, PARTS);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(edge_query, nothing_is_an_answer)
{
    struct edge_view view = {0};
    struct edge_result result;
    static const struct {
        uint64_t start_s, end_s;
        uint32_t step_s;
    } rows[] = {{0, 0, 0}, {100, 10, 60}, {7, 22, 0}, {0, UINT64_MAX, 15}, {UINT64_MAX, 0, 1}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct edge_query q = {.start_s = rows[i].start_s,
                               .end_s = rows[i].end_s,
                               .step_s = rows[i].step_s,
                               .group = group_of};
        cr_assert_eq(edge_query_run(&view, &q, &result, NULL), ST_OK);
        cr_assert_eq(result.series_count, 0);
        edge_result_deinit(&result);
    }
    cr_assert_eq(result.resolution_s, 0, "a result that was ended is empty");
}

/* Two requests half a century apart, in steps of 15 s: what lies between costs nothing. */
Test(edge_query, years_without_data_are_skipped, .timeout = 60)
{
    struct edge_rig r = edge_rig_new(2, 1, START, 10, 4);
    struct cell_set *set = cell_set_new(1);
    struct edge_result result;
    r.requests[0].time_s = 5;
    for (size_t i = 0; i < r.count; i++)
        edge_rig_add(set, &r.requests[i]);
    for (int sealed = 0; sealed < 2; sealed++) {
        struct edge_part *part = edge_rig_part(set, sealed);
        struct edge_view view = {.parts = &part, .part_count = 1};
        struct edge_query q = {.end_s = UINT64_MAX,
                               .step_s = 15,
                               .sections = SECTION_COUNTS,
                               .group = group_of,
                               .max_points = 1000};
        cr_assert_eq(edge_query_run(&view, &q, &result, NULL), ST_OK);
        cr_assert_eq(result.series_count, 1);
        cr_assert_eq(result.series[0].len, 2);
        cr_assert_eq(result.series[0].points[0].time_s, 0);
        cr_assert_eq(result.series[0].points[1].time_s, START);
        edge_result_deinit(&result);
        edge_part_unref(part);
    }
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Of an asker: what it was told, and when it has had enough. */
struct patience {
    size_t calls, held, most;
    size_t calls_left;
};

static struct patience patience;

static enum status count_check(size_t held_bytes, void *user, struct err *e)
{
    (void)user;
    patience.calls++;
    patience.held = held_bytes;
    patience.most = MAX(patience.most, held_bytes);
    if (patience.calls_left-- > 0)
        return ST_OK;
    return err_set(e, ST_TIMEOUT, "enough");
}

Test(edge_query, asks_whether_to_go_on)
{
    struct edge_rig r = edge_rig_new(2000, ROWS, START, 3600, 3);
    struct edge_part *parts[PARTS];
    edge_rig_split(&r, parts, PARTS);
    struct edge_view view = {.parts = parts, .part_count = PARTS};
    for (uint32_t step_s = 0; step_s <= 60; step_s += 60) {
        struct edge_query q = {.start_s = START,
                               .end_s = START + 3600,
                               .step_s = step_s,
                               .sections = SECTION_ALL,
                               .group = group_of,
                               .check = count_check,
                               .max_points = 100000};
        struct edge_result result;
        struct err e;
        patience = (struct patience){.calls_left = SIZE_MAX};
        cr_assert_eq(edge_query_run(&view, &q, &result, &e), ST_OK);
        cr_expect(result.held_bytes > 0 && patience.held >= result.held_bytes);
        cr_expect(patience.most > result.held_bytes, "accumulators, too");
        size_t calls = patience.calls;
        cr_expect(calls > 2 * PARTS, "once a part, once a block: %zu", calls);
        edge_result_deinit(&result);
        for (size_t left = 0; left < calls; left += 1 + calls / 50) {
            patience = (struct patience){.calls_left = left};
            cr_expect_eq(edge_query_run(&view, &q, &result, &e), ST_TIMEOUT);
            cr_expect(patience.calls == left + 1 && strcmp(e.msg, "enough") == 0);
        }
    }
    edge_rig_unref(parts, PARTS);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(edge_query, survives_short_memory)
{
    struct edge_rig r = edge_rig_new(200, ROWS, START, 120, 3);
    struct edge_part *parts[PARTS];
    edge_rig_split(&r, parts, PARTS);
    struct edge_view view = {.parts = parts, .part_count = PARTS};
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct edge_query q = {.start_s = START,
                               .end_s = START + 120,
                               .step_s = 60,
                               .sections = SECTION_ALL,
                               .group = group_of,
                               .max_points = 1000};
        struct edge_result result;
        enum status status = edge_query_run(&view, &q, &result, NULL);
        cr_assert(status == ST_OK || status == ST_NO_MEMORY);
        if (status == ST_OK)
            edge_result_deinit(&result);
    }
    cr_assert_gt(walk.failures, 20);
    edge_rig_unref(parts, PARTS);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}
