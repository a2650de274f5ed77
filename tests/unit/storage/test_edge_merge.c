/* test_edge_merge.c - a merged part is the part of the merged cells; age cuts tiers, never
 * requests; few parts stay. */
#include "storage/edge_merge.h"

#include "base/mem.h"
#include "tests/unit/storage/edge_rig.h"
#include "storage/edge_part_file.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY = 86400, START = 1700000000 - 1700000000 % DAY, PARTS = 5, ROWS = 300 };

static const struct retention for_ever = {0};
static const struct retention ninety_days = {.edges_ns = 90ull * DAY * NS_PER_S};

static void split(const struct edge_rig *r, struct edge_part *parts[PARTS])
{
    for (unsigned p = 0; p < PARTS; p++) {
        struct cell_set *set = cell_set_new(p);
        for (size_t i = p; i < r->count; i += PARTS)
            edge_rig_add(set, &r->requests[i]);
        parts[p] = edge_rig_part(set, true);
        cell_set_free(set);
    }
}

static void unref_all(struct edge_part *parts[PARTS])
{
    for (unsigned p = 0; p < PARTS; p++)
        edge_part_unref(parts[p]);
}

static struct edge_part *merge_all(struct edge_part *const *parts, size_t count,
                                   const struct merge_cut *cut)
{
    struct buf bytes = {0};
    struct edge_part *out;
    uint64_t lost;
    struct err e;
    cr_assert_eq(merge_parts(parts, count, cut, &bytes, &lost, &e), ST_OK, "%s", e.msg);
    cr_assert_eq(lost, 0);
    cr_assert_eq(edge_part_open_memory(&bytes, &out, &e), ST_OK, "%s", e.msg);
    return out;
}

Test(edge_merge, equals_the_part_of_merged_cells)
{
    struct edge_rig r = edge_rig_new(5000, ROWS, START + 80000, 9000, 1);
    struct edge_part *parts[PARTS];
    struct cell_set *all = cell_set_new(9);
    struct buf expected = {0}, merged = {0};
    struct merge_cut cut = edge_merge_cut(UINT64_MAX, 0, &for_ever);
    uint64_t lost;
    split(&r, parts);
    for (size_t i = 0; i < r.count; i++)
        edge_rig_add(all, &r.requests[i]);
    cr_assert_eq(edge_part_encode(all, true, &expected, NULL), ST_OK);
    cr_assert_eq(merge_parts(parts, PARTS, &cut, &merged, &lost, NULL), ST_OK);
    cr_assert(str_eq(buf_str(&expected), buf_str(&merged)), "%zu and %zu bytes", expected.len,
              merged.len);
    struct edge_part *ab = merge_all(parts, 2, &cut), *cde = merge_all(parts + 2, 3, &cut);
    struct edge_part *both[] = {cde, ab};
    cr_assert_eq(merge_parts(both, 2, &cut, &merged, &lost, NULL), ST_OK);
    cr_assert(str_eq(buf_str(&expected), buf_str(&merged)), "in any order");
    edge_part_unref(ab);
    edge_part_unref(cde);
    unref_all(parts);
    buf_deinit(&expected);
    buf_deinit(&merged);
    cell_set_free(all);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* What the golden files of all versions hold: docs/formats/edge_part.md. */
enum { GOLDEN_START = 1700000000 - 1700000000 % 86400 };

static void add_all(struct cell_set *set, const struct edge_rig *r)
{
    for (size_t i = 0; i < r->count; i++)
        edge_rig_add(set, &r->requests[i]);
}

static void expect_merged(struct edge_part *const *parts, size_t count, const struct cell_set *all,
                          const char *what)
{
    struct merge_cut cut = edge_merge_cut(UINT64_MAX, 0, &for_ever);
    struct buf expected = {0}, merged = {0};
    uint64_t lost;
    cr_assert_eq(edge_part_encode(all, true, &expected, NULL), ST_OK);
    cr_assert_eq(merge_parts(parts, count, &cut, &merged, &lost, NULL), ST_OK);
    cr_assert_eq(lost, 0);
    cr_assert(str_eq(buf_str(&expected), buf_str(&merged)), "%s: %zu and %zu bytes", what,
              expected.len, merged.len);
    buf_deinit(&expected);
    buf_deinit(&merged);
}

/* Parts of older versions, alone and among others, become what the part of their cells is today. */
Test(edge_merge, parts_of_all_versions_become_one)
{
    struct edge_rig old = edge_rig_new(40, 12, GOLDEN_START, 400, 6),
                    more = edge_rig_new(3000, 30, GOLDEN_START - 200, 3 * 3600, 8);
    struct edge_part *v1 = edge_rig_open_golden(1), *v2 = edge_rig_open_golden(2),
                     *v3 = edge_rig_open_golden(3);
    struct cell_set *set = cell_set_new(1), *others = cell_set_new(2);
    add_all(set, &old);
    expect_merged(&v1, 1, set, "version 1 alone");
    expect_merged(&v2, 1, set, "version 2 alone");
    add_all(set, &old);
    expect_merged((struct edge_part *[]){v1, v2}, 2, set, "versions 1 and 2");
    expect_merged((struct edge_part *[]){v3, v1}, 2, set, "versions 3 and 1");
    add_all(set, &old);
    add_all(set, &more);
    add_all(others, &more);
    struct edge_part *new = edge_rig_part(others, true);
    expect_merged((struct edge_part *[]){v2, new, v1, v3}, 4, set, "all, and another one");
    edge_part_unref(new);
    edge_part_unref(v1);
    edge_part_unref(v2);
    edge_part_unref(v3);
    cell_set_free(set);
    cell_set_free(others);
    edge_rig_free(&old);
    edge_rig_free(&more);
    EXPECT_NO_LEAK();
}

static uint32_t one_group(const struct cell_row *row, void *user)
{
    (void)row, (void)user;
    return 0;
}

/* Observed requests over a range, and at which resolution they could be had. */
static uint64_t observed(struct edge_part *p, uint64_t start_s, uint64_t end_s, bool joint,
                         uint32_t *resolution_s)
{
    struct edge_view view = {.parts = &p, .part_count = 1};
    struct edge_query q = {.start_s = start_s,
                           .end_s = end_s,
                           .joint = joint,
                           .sections = SECTION_ALL & ~SECTION_EXEMPLARS,
                           .group = one_group,
                           .max_points = 10};
    struct edge_result result;
    cr_assert_eq(edge_query_run(&view, &q, &result, NULL), ST_OK);
    uint64_t sum =
        result.series_count && result.series[0].len ? result.series[0].points[0].cell.observed : 0;
    *resolution_s = result.resolution_s;
    edge_result_deinit(&result);
    return sum;
}

/* The tiles of a day come back when a part grows over sixteen hours. */
Test(edge_merge, a_day_begins_with_the_seventeenth_hour)
{
    struct edge_rig r = edge_rig_new(2000, 40, START + 3600, 17 * 3600, 9);
    struct merge_cut cut = edge_merge_cut(UINT64_MAX, 0, &for_ever);
    struct edge_part *hours[2];
    uint32_t resolution_s;
    for (unsigned h = 0; h < 2; h++) {
        struct cell_set *set = cell_set_new(h);
        for (size_t i = 0; i < r.count; i++)
            if (r.requests[i].time_s / 3600 % 24 / 17 == h) /* hours 1 to 16, and hour 17 */
                edge_rig_add(set, &r.requests[i]);
        hours[h] = edge_rig_part(set, true);
        cr_assert_eq(edge_part_tier_from(hours[h], TIER_1D, h), UINT64_MAX);
        cell_set_free(set);
    }
    struct edge_part *both = merge_all(hours, 2, &cut);
    cr_assert_eq(edge_part_tier_from(both, TIER_1D, true), 0);
    uint64_t whole = observed(both, START, START + DAY, true, &resolution_s);
    cr_assert_gt(whole, 0);
    cr_assert_eq(whole, observed(hours[0], START, START + DAY, true, &resolution_s) +
                            observed(hours[1], START, START + DAY, true, &resolution_s));
    edge_part_unref(hours[0]);
    edge_part_unref(hours[1]);
    edge_part_unref(both);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

static uint64_t expected_count(const struct edge_rig *r, uint64_t start_s, uint64_t end_s,
                               bool joint)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->count; i++)
        sum += r->requests[i].time_s >= start_s && r->requests[i].time_s < end_s &&
               (r->requests[i].row % 4 != 0) == joint;
    return sum;
}

Test(edge_merge, age_cuts_tiers_but_no_request)
{
    static const struct {
        const char *name;
        uint64_t age_s; /* of the end of the data */
        uint32_t joint_resolution_s;
    } rows[] = {
        {"young", 0, 15},
        {"a day", DAY, 60},
        {"six days", 6 * DAY, 60},
        {"eight days", 8 * DAY, 300},
        {"eighty days", 80 * DAY, 300},
    };
    struct edge_rig r = edge_rig_new(4000, 40, START + 3600, 5 * 3600, 2);
    struct edge_part *parts[PARTS];
    split(&r, parts);
    uint64_t bytes_before = UINT64_MAX;
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t end_s = START + 6 * 3600, now_ns = (end_s + rows[i].age_s) * NS_PER_S;
        struct merge_cut cut = edge_merge_cut(now_ns, end_s, &ninety_days);
        struct edge_part *sum = merge_all(parts, PARTS, &cut);
        for (unsigned joint = 0; joint < 2; joint++) {
            uint32_t resolution;
            uint64_t start = START + 2 * 3600, end = START + 4 * 3600;
            cr_assert_eq(observed(sum, start, end, joint, &resolution),
                         expected_count(&r, start, end, joint), "%s", rows[i].name);
            cr_assert_eq(resolution, joint ? rows[i].joint_resolution_s : 15, "%s", rows[i].name);
        }
        cr_assert(i != 1 || edge_part_bytes(sum) < bytes_before, "15 s tiles went");
        bytes_before = edge_part_bytes(sum);
        cr_assert_eq(edge_merge_cut_bytes(sum, &cut), 0, "nothing is left to cut");
        struct edge_part *again = merge_all(&sum, 1, &cut);
        cr_assert_eq(edge_part_bytes(again), edge_part_bytes(sum));
        edge_part_unref(again);
        edge_part_unref(sum);
    }
    unref_all(parts);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Blocks of joint minutes from second from_s on. */
static size_t minute_blocks(const struct edge_part *p, uint64_t from_s)
{
    size_t count = 0;
    for (uint32_t i = 0; i < p->block_count; i++)
        count += p->blocks[i].tier == TIER_1M && p->blocks[i].joint &&
                 p->blocks[i].slab * slab_seconds(TIER_1M) >= from_s;
    return count;
}

static void expect_any_range(struct edge_part *p, struct edge_rig *r, uint64_t unit_s,
                             uint64_t hours)
{
    for (unsigned i = 0; i < 300; i++) {
        uint32_t resolution;
        uint64_t units = hours * 3600 / unit_s;
        uint64_t start_s = START + 3600 + edge_rig_random(r, units) * unit_s;
        uint64_t end_s = start_s + (1 + edge_rig_random(r, units)) * unit_s;
        cr_assert_eq(observed(p, start_s, end_s, true, &resolution),
                     expected_count(r, start_s, end_s, true), "%lu to %lu", start_s - START,
                     end_s - START);
        cr_assert_leq(resolution, unit_s);
    }
}

/* Minutes of joint rows are stored just where the 15 s tiles are gone, whatever was merged with
 * what, and any range of whole minutes (of five minutes, later) is still exact. */
Test(edge_merge, minutes_of_joint_rows_follow_the_15_s_tiles)
{
    struct edge_rig r = edge_rig_new(6000, 150, START + 3600, 12 * 3600, 11);
    struct edge_part *parts[PARTS];
    uint64_t end_s = START + 13 * 3600, limit = START + 7 * 3600;
    split(&r, parts);
    struct merge_cut none = edge_merge_cut(0, 0, &for_ever);
    struct merge_cut now = edge_merge_cut(end_s * NS_PER_S, end_s, &ninety_days);
    struct merge_cut old = edge_merge_cut((end_s + 8 * DAY) * NS_PER_S, end_s, &ninety_days);
    cr_assert_eq(minute_blocks(parts[0], 0), 0, "a checkpoint has none");
    struct edge_part *young = merge_all(parts, PARTS, &none), *half = merge_all(parts, 2, &now);
    struct edge_part *mixed[] = {half, parts[2], parts[3], parts[4]};
    struct edge_part *sum = merge_all(mixed, 4, &now), *direct = merge_all(parts, PARTS, &now);
    uint64_t minutes_end_s = edge_part_tier_end(sum, TIER_1M, true);
    cr_assert_eq(minute_blocks(young, 0), 0);
    cr_assert(minutes_end_s >= limit && minutes_end_s < limit + slab_seconds(TIER_1M));
    cr_assert_gt(minute_blocks(sum, 0), 0);
    cr_assert_eq(minute_blocks(sum, minutes_end_s), 0);
    cr_assert_eq(edge_part_bytes(sum), edge_part_bytes(direct), "whatever the order of merging");
    expect_any_range(young, &r, 15, 12);
    expect_any_range(sum, &r, 60, 12);
    struct edge_part *aged = merge_all(&sum, 1, &old); /* from minutes and 15 s tiles */
    cr_assert_eq(minute_blocks(aged, 0), 0);
    expect_any_range(aged, &r, 300, 12);
    struct edge_part *all[] = {young, half, sum, direct, aged};
    for (size_t i = 0; i < LEN(all); i++)
        edge_part_unref(all[i]);
    unref_all(parts);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Points of a minute, over hours without a request that lie on both sides of where the minutes
 * end. */
Test(edge_merge, a_gap_where_the_minutes_end_hides_nothing)
{
    struct edge_rig r = edge_rig_new(500, 40, START + 3600, 600, 12);
    struct cell_set *set = cell_set_new(1);
    for (size_t i = 0; i < r.count; i++) {
        r.requests[i].time_s += i % 2 ? 12 * 3600 : 0;
        edge_rig_add(set, &r.requests[i]);
    }
    struct edge_part *part = edge_rig_part(set, true);
    struct merge_cut cut = {.from_s[1] = {START + 7 * 3600, 0, TIER_ABSENT}};
    struct edge_part *sum = merge_all(&part, 1, &cut);
    struct edge_view view = {.parts = &sum, .part_count = 1};
    struct edge_query q = {.start_s = START,
                           .end_s = START + DAY,
                           .step_s = 60,
                           .joint = true,
                           .sections = SECTION_COUNTS,
                           .group = one_group,
                           .max_points = 2000};
    struct edge_result result;
    uint64_t seen = 0;
    cr_assert_eq(edge_query_run(&view, &q, &result, NULL), ST_OK);
    for (uint32_t i = 0; i < result.series[0].len; i++)
        seen += result.series[0].points[i].cell.observed;
    cr_assert_eq(seen, expected_count(&r, START, START + DAY, true));
    edge_result_deinit(&result);
    edge_part_unref(sum);
    edge_part_unref(part);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(edge_merge, old_minutes_and_old_five_minutes_meet)
{
    struct edge_rig r = edge_rig_new(3000, 40, START + 3600, 3600, 3);
    struct edge_part *parts[PARTS];
    uint64_t end_s = START + 2 * 3600;
    uint32_t resolution;
    split(&r, parts);
    struct merge_cut old = edge_merge_cut((end_s + 8 * DAY) * NS_PER_S, end_s, &ninety_days);
    struct merge_cut none = edge_merge_cut(0, 0, &for_ever);
    struct edge_part *mixed[] = {merge_all(parts, 2, &old), merge_all(parts + 2, 3, &none)};
    const struct merge_cut *cuts[] = {&old, &none};
    for (size_t i = 0; i < LEN(cuts); i++) {
        struct edge_part *sum = merge_all(mixed, 2, cuts[i]);
        cr_assert_eq(observed(sum, START + 3600, end_s, true, &resolution),
                     expected_count(&r, START + 3600, end_s, true));
        cr_assert_eq(resolution, 300);
        edge_part_unref(sum);
    }
    edge_part_unref(mixed[0]);
    edge_part_unref(mixed[1]);
    unref_all(parts);
    edge_rig_free(&r);
}

/* A day of checkpoints every 30 s, by size alone: parts stay few, and bytes are not written too
 * often. */
static void expect_small_day(const struct retention *r)
{
    enum { CHECKPOINTS = 2880, BYTES = 100000 };
    static struct edge_part made[2 * CHECKPOINTS];
    static struct stored_part list[CHECKPOINTS];
    size_t count = 0, most = 0, next = 0, chosen;
    uint64_t written = 0;
    for (size_t i = 0; i < CHECKPOINTS; i++) {
        uint64_t end_s = START + 30 * (i + 1);
        made[next] = (struct edge_part){.size = BYTES, .start_s = end_s - 30, .end_s = end_s};
        list[count++] = (struct stored_part){.id = next, .part = &made[next]};
        for (next++;; next++) {
            edge_merge_choose(list, count, end_s * NS_PER_S, false, r, &chosen);
            if (chosen == 0)
                break;
            made[next] = (struct edge_part){0};
            for (size_t j = 0; j < chosen; j++) {
                made[next].size += list[j].part->size;
                made[next].end_s = MAX(made[next].end_s, list[j].part->end_s);
            }
            written += made[next].size;
            count -= chosen;
            memmove(list, list + chosen, count * sizeof(*list));
            list[count++] = (struct stored_part){.id = next, .part = &made[next]};
        }
        most = MAX(most, count);
    }
    cr_assert_leq(most, 40, "%zu parts", most);
    cr_assert_leq(written, 8ull * CHECKPOINTS * BYTES, "each byte was written %g times",
                  (double)written / CHECKPOINTS / BYTES);
    edge_merge_choose(list, count, (START + DAY + 1) * NS_PER_S, true, r, &chosen);
    cr_assert_eq(chosen, count, "compact takes all");
}

Test(edge_merge, a_day_of_checkpoints_stays_small)
{
    expect_small_day(&for_ever);
    expect_small_day(&ninety_days);
}

/* Parts of like size, one every half hour: as long as tiles of 15 s will go, only those of an hour
 * meet. */
Test(edge_merge, young_parts_meet_in_their_hour)
{
    enum { HALVES = 16, HALF_S = 1800 };
    static const struct {
        uint64_t age_s; /* of the last part */
        const struct retention *retention;
        bool compact;
        size_t chosen;
        uint64_t first_end, last_end; /* in halves of an hour */
    } rows[] = {
        {0, &ninety_days, false, 4, 1, 4},    /* 2 h are 6 h old or more */
        {0, &for_ever, false, HALVES, 1, 16}, /* nothing is ever cut */
        {0, &ninety_days, true, HALVES, 1, 16},
        {3600, &ninety_days, false, 6, 1, 6},
        {6 * 3600, &ninety_days, false, HALVES, 1, 16},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct edge_part parts[HALVES];
        struct stored_part list[HALVES];
        size_t chosen;
        for (size_t j = 0; j < HALVES; j++) {
            uint64_t end_s = START + (j + 1) * HALF_S;
            parts[j] = (struct edge_part){.size = 1000, .start_s = end_s - HALF_S, .end_s = end_s};
            list[j] = (struct stored_part){.id = j, .part = &parts[j]};
        }
        uint64_t now_ns = (START + HALVES * HALF_S + rows[i].age_s) * NS_PER_S;
        edge_merge_choose(list, HALVES, now_ns, rows[i].compact, rows[i].retention, &chosen);
        cr_assert_eq(chosen, rows[i].chosen, "row %zu chose %zu", i, chosen);
        for (size_t j = 0; j < chosen; j++)
            cr_assert(list[j].part->end_s >= START + rows[i].first_end * HALF_S &&
                      list[j].part->end_s <= START + rows[i].last_end * HALF_S);
        if (chosen == HALVES)
            continue;
        /* Without those, the first hour of the others. */
        edge_merge_choose(list + chosen, HALVES - chosen, now_ns, false, &ninety_days, &chosen);
        cr_assert_eq(chosen, 2);
        cr_assert_eq((list[rows[i].chosen].part->end_s - 1) / 3600,
                     (list[rows[i].chosen + 1].part->end_s - 1) / 3600);
    }
}

/* Whatever is left to cut when the last of it is old enough goes, and then there is peace. */
Test(edge_merge, old_tiles_do_not_stay_for_ever)
{
    struct edge_rig r = edge_rig_new(6000, 40, START + 3600, 6 * 3600, 7);
    struct cell_set *set = cell_set_new(1);
    uint64_t end_s = START + 7 * 3600;
    for (size_t i = 0; i < r.count; i++)
        edge_rig_add(set, &r.requests[i]);
    struct edge_part *part = edge_rig_part(set, true);
    for (uint64_t age = 0; age < 9 * DAY; age += 1800) {
        struct stored_part list = {.id = 1, .part = part};
        size_t chosen;
        uint64_t now_ns = (end_s + age) * NS_PER_S;
        for (int writes = 0;; writes++) {
            edge_merge_choose(&list, 1, now_ns, false, &ninety_days, &chosen);
            if (chosen == 0)
                break;
            struct merge_cut cut = edge_merge_cut(now_ns, end_s, &ninety_days);
            part = merge_all(&list.part, 1, &cut);
            edge_part_unref(list.part);
            list.part = part;
            cr_assert_eq(writes, 0, "once is enough");
        }
        struct merge_cut cut = edge_merge_cut(now_ns, end_s, &ninety_days);
        if (age == 7 * 3600 || age == 8 * DAY)
            cr_assert_lt(edge_merge_cut_bytes(part, &cut), edge_part_bytes(part) / 32);
    }
    cr_assert_eq(edge_part_tier_from(part, TIER_1M, true), UINT64_MAX);
    cr_assert_eq(edge_part_tier_from(part, TIER_5M, true), 0);
    edge_part_unref(part);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Five minutes that took the place of minutes stay whatever the clock or the settings say
 * afterwards: they were cut off and came back, for ever. */
Test(edge_merge, what_cannot_be_cut_is_left_alone)
{
    static const struct {
        const char *name;
        uint64_t age_s;
        bool compact;
        const struct retention *keep;
    } rows[] = {
        {"the clock went back", 3600, false, &ninety_days},
        {"the clock went back, compact", 3600, true, &ninety_days},
        {"kept for ever from now on", 8 * DAY, false, &for_ever},
        {"kept for ever from now on, compact", 8 * DAY, true, &for_ever},
    };
    struct edge_rig r = edge_rig_new(3000, 40, START + 3600, 3600, 3);
    struct cell_set *set = cell_set_new(1);
    uint64_t end_s = START + 2 * 3600;
    add_all(set, &r);
    struct merge_cut cut = edge_merge_cut((end_s + 8 * DAY) * NS_PER_S, end_s, &ninety_days);
    struct edge_part *whole = edge_rig_part(set, true), *old = merge_all(&whole, 1, &cut);
    cr_assert_eq(edge_part_tier_from(old, TIER_5M, true), 0);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct stored_part list = {.id = 1, .part = old};
        uint64_t now_ns = (end_s + rows[i].age_s) * NS_PER_S;
        size_t chosen;
        edge_merge_choose(&list, 1, now_ns, rows[i].compact, rows[i].keep, &chosen);
        cr_expect_eq(chosen, 0, "%s", rows[i].name);
    }
    edge_part_unref(whole);
    edge_part_unref(old);
    cell_set_free(set);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* --- through a store --- */

static void checkpoint_done(void *user, enum status status, const struct err *e)
{
    atomic_int *done = user;
    (void)e;
    atomic_store(done, status == ST_OK ? 1 : 2);
}

static void checkpoint(struct store *s, const struct edge_rig *r, unsigned p)
{
    struct cell_set *set = cell_set_new(p);
    struct image_writer *w;
    struct buf part = {0};
    atomic_int done = 0;
    for (size_t i = p; i < r->count; i += PARTS)
        edge_rig_add(set, &r->requests[i]);
    cr_assert_eq(edge_part_encode(set, true, &part, NULL), ST_OK);
    cr_assert_eq(store_checkpoint_begin(s, &w, NULL), ST_OK);
    store_checkpoint_commit(w, &part, p + 1, checkpoint_done, &done);
    while (atomic_load(&done) == 0)
        sched_yield();
    cr_assert_eq(atomic_load(&done), 1);
    cell_set_free(set);
}

static uint64_t observed_in_store(struct store *s, size_t *parts)
{
    const struct edge_view *view;
    struct edge_result result;
    struct edge_query q = {.start_s = START,
                           .end_s = START + DAY,
                           .sections = SECTION_ALL,
                           .group = one_group,
                           .max_points = 1};
    edge_store_publish(s, &(struct edge_head){.checkpointed = PARTS});
    cr_assert_eq(edge_store_view(s, NS_PER_S, &view, NULL), ST_OK);
    cr_assert_eq(edge_query_run(view, &q, &result, NULL), ST_OK);
    *parts = view->part_count;
    uint64_t sum = result.series[0].points[0].cell.observed;
    edge_result_deinit(&result);
    edge_view_unref(view);
    return sum;
}

Test(edge_merge, compact_makes_one_part_of_a_day)
{
    struct edge_rig r = edge_rig_new(4000, ROWS, START + 100, 3000, 5);
    char folder[] = "/tmp/weft-test-XXXXXX", command[64];
    struct store_config config = {.directory = str_from_c(mkdtemp(folder))};
    struct store *s;
    struct err e;
    size_t parts;
    cr_assert_eq(store_open(&config, &s, &e), ST_OK, "%s", e.msg);
    for (unsigned p = 0; p < PARTS; p++)
        checkpoint(s, &r, p);
    uint64_t all = expected_count(&r, START, START + DAY, false);
    cr_assert_eq(observed_in_store(s, &parts), all);
    cr_assert_eq(store_compact(s, &e), ST_OK, "%s", e.msg);
    cr_assert_eq(observed_in_store(s, &parts), all);
    cr_assert_eq(parts, 1);
    store_close(s);
    cr_assert_eq(store_open(&config, &s, &e), ST_OK, "%s", e.msg);
    cr_assert_eq(observed_in_store(s, &parts), all);
    cr_assert_eq(parts, 1);
    store_close(s);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    edge_rig_free(&r);
    EXPECT_NO_LEAK();
}
