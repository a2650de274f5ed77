/* test_ascending.c - against walking through. */
#include "base/ascending.h"
#include <criterion/criterion.h>

Test(ascending, positions_are_those_of_a_walk)
{
    static const int64_t items[] = {INT64_MIN, -3, -3, 0, 5, 5, 5, 9, INT64_MAX};
    static const int64_t limits[] = {INT64_MIN, -4, -3, -2, 0, 1, 5, 6, 9, 10, INT64_MAX};
    enum { COUNT = sizeof(items) / sizeof(items[0]) };
    for (uint32_t from = 0; from <= COUNT; from++) {
        for (uint32_t to = from; to <= COUNT; to++) {
            for (uint32_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
                uint32_t not_below = from, above = from;
                while (not_below < to && items[not_below] < limits[i])
                    not_below++;
                while (above < to && items[above] <= limits[i])
                    above++;
                cr_assert(not_below_i64(items, from, to, limits[i]) == not_below);
                cr_assert(above_i64(items, from, to, limits[i]) == above);
            }
        }
    }
}

Test(ascending, large_unsigned_numbers)
{
    static const uint32_t large[] = {1, UINT32_C(1) << 31, UINT32_MAX};
    cr_expect(not_below_u32(large, 0, 3, 2) == 1 && not_below_u32(large, 0, 3, UINT32_MAX) == 2);
    cr_expect(not_below_u32(NULL, 0, 0, 5) == 0);
}
