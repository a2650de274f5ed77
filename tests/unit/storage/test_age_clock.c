/* test_age_clock.c - which leaps of the wall clock are believed, and when. */
#include "storage/age_clock.h"

#include "base/compiler.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const uint64_t hour = 3600 * NS_PER_S, start = 1700000000 * NS_PER_S;

/* Hours since the start: what both clocks say, and the age clock. */
struct moment {
    uint64_t wall, mono, age;
    bool leapt;
};

static void expect_told(struct age_clock *c, const struct moment *moments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct moment *m = &moments[i];
        bool leapt;
        uint64_t age_ns = age_clock_tell(c, start + m->wall * hour, m->mono * hour, &leapt);
        cr_expect(eq(u64, (age_ns - start) / hour, m->age), "moment %zu", i);
        cr_expect(eq(int, leapt, m->leapt), "moment %zu", i);
    }
}

Test(age_clock, a_leap_is_believed_once_it_stood_for_a_day)
{
    static const struct moment moments[] = {
        {1000, 5, 1000, false}, /* nothing was known */
        {1010, 6, 1010, false}, /* a few hours ahead, as after a sleep */
        {1005, 7, 1005, false}, /* set back */
        {9000, 9, 1007, true},   {9020, 29, 1027, false}, {9023, 32, 1030, false},
        {9024, 33, 9024, false}, {9025, 34, 9025, false},
    };
    struct age_clock c = {0};
    expect_told(&c, moments, LEN(moments));
}

Test(age_clock, a_leap_that_is_taken_back_is_forgotten)
{
    static const struct moment moments[] = {
        {100, 1, 100, false}, {900, 2, 101, true},   {103, 4, 103, false},
        {900, 5, 104, true},  {925, 28, 127, false},
    };
    struct age_clock c = {0};
    expect_told(&c, moments, LEN(moments));
}

Test(age_clock, data_tells_where_the_clock_was)
{
    static const struct moment moments[] = {{148, 0, 100, true}, {172, 24, 172, false}};
    struct age_clock c = {0};
    age_clock_saw(&c, start + 100 * hour, 0);
    age_clock_saw(&c, start + 50 * hour, 0);
    expect_told(&c, moments, LEN(moments));
}
