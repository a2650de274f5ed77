/* test_promql_number.c - numbers and durations, both ways. */
#include "query/promql_number.h"
#include "tests/support/leak.h"

#include <math.h>

Test(promql_number, reads)
{
    static const struct {
        const char *text;
        enum promql_number_fault fault;
        double want;
    } rows[] = {
        {"0", NUMBER_OK, 0},
        {"12", NUMBER_OK, 12},
        {"0755", NUMBER_OK, 493},
        {"0799", NUMBER_OK, 799},
        {"0x1F", NUMBER_OK, 31},
        {"0X_ff", NUMBER_OK, 255},
        {"1_000.5", NUMBER_OK, 1000.5},
        {".5", NUMBER_OK, .5},
        {"5.", NUMBER_OK, 5},
        {"1e3", NUMBER_OK, 1000},
        {"iNf", NUMBER_OK, INFINITY},
        {"0x", NUMBER_SYNTAX, 0},
        {"1_", NUMBER_SYNTAX, 0},
        {"1__0", NUMBER_SYNTAX, 0},
        {"1.2.3", NUMBER_SYNTAX, 0},
        {"1e", NUMBER_SYNTAX, 0},
        {"1e999", NUMBER_RANGE, 0},
        {"9223372036854775807", NUMBER_OK, 9223372036854775807.0},
        {"9223372036854775808", NUMBER_OK, 9223372036854775808.0},
        {"0xffffffffffffffffff", NUMBER_SYNTAX, 0},
    };
    double v;
    for (size_t i = 0; i < LEN(rows); i++) {
        cr_expect_eq(promql_number_read(str_from_c(rows[i].text), &v), rows[i].fault, "%s",
                     rows[i].text);
        if (rows[i].fault == NUMBER_OK)
            cr_expect_eq(v, rows[i].want, "%s", rows[i].text);
    }
    cr_expect(promql_number_read(STR("nAN"), &v) == NUMBER_OK && isnan(v));
}

Test(promql_number, writes_shortest_without_exponent)
{
    static const struct {
        double v;
        const char *want;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {1e21, "1000000000000000000000"},
        {1e-7, "0.0000001"},
        {123.456, "123.456"},
        {NAN, "NaN"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {100, "100"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, NULL},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf out = {0};
        promql_number_write(rows[i].v, &out);
        if (rows[i].want)
            cr_expect(str_eq(buf_str(&out), str_from_c(rows[i].want)), "row %zu: %.*s", i,
                      (int)out.len, out.ptr);
        else
            cr_expect_eq(out.len, 326, "a zero, a point, 324 digits");
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}

Test(promql_number, durations_both_ways)
{
    static const struct {
        const char *text;
        enum promql_number_fault fault;
        int64_t ms;
        const char *again;
    } rows[] = {
        {"5m", NUMBER_OK, 300000, "5m"},
        {"90s", NUMBER_OK, 90000, "1m30s"},
        {"1h30m", NUMBER_OK, 5400000, "1h30m"},
        {"14d", NUMBER_OK, 1209600000, "2w"},
        {"15d", NUMBER_OK, 1296000000, "15d"},
        {"1y", NUMBER_OK, 31536000000, "1y"},
        {"0s", NUMBER_OK, 0, "0s"},
        {"1500ms", NUMBER_OK, 1500, "1s500ms"},
        {"5m5h", NUMBER_SYNTAX, 0, NULL},
        {"5m5m", NUMBER_SYNTAX, 0, NULL},
        {"5", NUMBER_SYNTAX, 0, NULL},
        {"5x", NUMBER_UNIT, 0, NULL},
        {"300y", NUMBER_RANGE, 0, NULL},
        {"99999999999999999999d", NUMBER_RANGE, 0, NULL},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf out = {0};
        struct str unit;
        int64_t ms;
        cr_expect_eq(promql_duration_read(str_from_c(rows[i].text), &ms, &unit), rows[i].fault,
                     "%s", rows[i].text);
        if (rows[i].again) {
            cr_expect_eq(ms, rows[i].ms, "%s", rows[i].text);
            promql_duration_write(ms, &out);
            cr_expect(str_eq(buf_str(&out), str_from_c(rows[i].again)), "%s", rows[i].text);
        }
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}
