/* test_derived_plan.c - every time that is looked at is reached, from totals that are there, by few
 * tiles. */
#include "query/derived_plan.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { HOUR_S = 3600, DAY_S = 86400, END_S = 1700006400 / DAY_S * DAY_S };

static struct derived_times hours(uint32_t count, int64_t late_s, enum series_need need)
{
    int64_t last_ms = (END_S + late_s) * INT64_C(1000);
    int64_t first_ms = last_ms - (count - 1) * INT64_C(3600000);
    return (struct derived_times){.start_ms = first_ms - 3600000 + 1,
                                  .end_ms = last_ms,
                                  .windows = {need, count, first_ms, 3600000, 3600000}};
}

/* Goes along the plan with times for totals. */
static void expect_reached(const struct derived_plan *p, const struct derived_times *times,
                           uint64_t start_s)
{
    uint64_t at_s[DERIVED_LEVELS] = {start_s};
    struct derived_time next;
    int64_t after_ms = times->start_ms - 1;
    size_t span = 0;
    for (size_t i = 0; i < p->looks.len; i++) {
        const struct derived_look *l = &p->looks.items[i];
        for (; span < l->spans; span++) {
            cr_assert(eq(u64, at_s[p->steps.items[span].from], p->spans.items[span].from_s));
            at_s[p->steps.items[span].to] = p->spans.items[span].to_s;
        }
        cr_assert(derived_times_next(times, after_ms, &next));
        cr_assert(eq(i64, next.at_ms, l->at_ms));
        cr_assert(eq(i64, (int64_t)at_s[l->level] * 1000, l->at_ms));
        after_ms = l->at_ms;
    }
    cr_expect(eq(int, derived_times_next(times, after_ms, &next), 0), "no time is left out");
    cr_expect(eq(sz, span, p->spans.len));
}

Test(derived_plan, an_hour_further_is_one_tile)
{
    enum { COUNT = 720 };
    struct derived_times times = hours(COUNT, 0, NEED_ENDS);
    uint64_t start_s = (uint64_t)times.start_ms / 1000 - 330;
    struct derived_plan p;
    size_t tiles = 0;
    cr_assert(eq(int, derived_plan_make(&times, start_s, END_S, &p, NULL), ST_OK));
    expect_reached(&p, &times, start_s);
    for (size_t i = 0; i < p.spans.len; i++) {
        uint64_t s = p.spans.items[i].to_s - p.spans.items[i].from_s;
        tiles += s == 15 || s == HOUR_S || s == DAY_S ? 1 : s / 15;
    }
    /* The hour and the first step behind it; the way to the first hour. */
    cr_expect(le(sz, tiles, 2 * COUNT + COUNT / 24 + 60), "%zu tiles", tiles);
    derived_plan_deinit(&p);
    EXPECT_NO_LEAK();
}

Test(derived_plan, reaches_every_time)
{
    static const int64_t late_s[] = {0, 7, 15, 435, 1800, 3599};
    for (size_t i = 0; i < LEN(late_s); i++)
        for (int need = NEED_ENDS; need <= NEED_LAST_TWO; need++) {
            struct derived_times times = hours(100, late_s[i], (enum series_need)need);
            uint64_t start_s = (uint64_t)times.start_ms / 1000 / 15 * 15 - 330;
            uint64_t end_s = (uint64_t)times.end_ms / 1000 / 15 * 15;
            struct derived_plan p;
            cr_assert(eq(int, derived_plan_make(&times, start_s, end_s, &p, NULL), ST_OK));
            cr_expect(p.looks.len > 99);
            expect_reached(&p, &times, start_s);
            derived_plan_deinit(&p);
        }
    EXPECT_NO_LEAK();
}
