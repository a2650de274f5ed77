/* test_clock.c - settable clocks and RFC 3339. */
#include "base/clock.h"

#include <criterion/criterion.h>

Test(clock, stands_where_it_is_set)
{
    clock_set_ns(5, 7);
    cr_expect_eq(clock_wall_ns(), 5);
    cr_expect_eq(clock_mono_ns(), 7);
    clock_set_ns(0, 0);
    uint64_t mono = clock_mono_ns();
    cr_expect_gt(clock_wall_ns(), 1700000000ull * NS_PER_S);
    cr_expect_geq(clock_mono_ns(), mono);
}

Test(clock, parses_rfc3339)
{
    static const struct {
        const char *text;
        uint64_t want;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2023-11-14T22:13:20Z", 1700000000ull * NS_PER_S},
        {"2023-11-14T22:13:20.5Z", 1700000000ull * NS_PER_S + NS_PER_S / 2},
        {"2023-11-14t22:13:20.123456789z", 1700000000ull * NS_PER_S + 123456789},
        {"2023-11-14T22:13:20.1234567899Z", 1700000000ull * NS_PER_S + 123456789},
        {"2023-11-14T23:13:20+01:00", 1700000000ull * NS_PER_S},
        {"2023-11-14T16:43:20-05:30", 1700000000ull * NS_PER_S},
        {"2024-02-29T00:00:00Z", 1709164800ull * NS_PER_S},
        {"2000-03-01T00:00:00Z", 951868800ull * NS_PER_S},
        {"2100-03-01T00:00:00Z", 4107542400ull * NS_PER_S},
        {"1970-01-01T01:00:00+01:00", 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t got = 1;
        cr_expect(clock_parse_rfc3339(str_from_c(rows[i].text), &got), "row %s", rows[i].text);
        cr_expect_eq(got, rows[i].want, "row %s: %llu", rows[i].text, (unsigned long long)got);
    }
}

Test(clock, refuses_what_is_not_rfc3339)
{
    static const char *const rows[] = {
        "",
        "2023",
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13Z",
        "2023-13-14T22:13:20Z",
        "2023-00-14T22:13:20Z",
        "2023-11-00T22:13:20Z",
        "2023-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2023-11-14T24:00:00Z",
        "2023-11-14T22:60:00Z",
        "2023-11-14T22:13:61Z",
        "2023-11-14T22:13:20+0100",
        "2023-11-14T22:13:20Zx",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:30:00+01:00",
        "-2023-11-14T22:13:20Z",
        "9999-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t got = 42;
        cr_expect_not(clock_parse_rfc3339(str_from_c(rows[i]), &got), "row '%s'", rows[i]);
        cr_expect_eq(got, 42, "row '%s'", rows[i]);
    }
}

Test(clock, reads_times_before_1970_and_far_after_in_ms)
{
    static const struct {
        const char *text;
        int64_t want_ms;
    } rows[] = {
        {"0001-01-01T00:00:00Z", -62135596800000},
        {"1969-12-31T23:59:59.9996Z", -1},
        {"1969-11-14T22:13:20Z", -4067200000},
        {"1970-01-01T00:30:00+01:00", -1800000},
        {"1900-03-01T00:00:00Z", -2203891200000},
        {"2023-11-14T22:13:20.123456789Z", 1700000000123},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    int64_t got = 0;
    for (size_t i = 0; i < LEN(rows); i++) {
        cr_expect(clock_parse_rfc3339_ms(str_from_c(rows[i].text), &got), "row %s", rows[i].text);
        cr_expect_eq(got, rows[i].want_ms, "row %s: %lld", rows[i].text, (long long)got);
    }
    cr_expect_not(clock_parse_rfc3339_ms(STR("0000-01-01T00:00:00Z"), &got));
    cr_expect_not(clock_parse_rfc3339_ms(STR("1900-02-29T00:00:00Z"), &got));
}

Test(clock, formats_what_it_parses)
{
    char out[32];
    cr_expect_str_eq(clock_format_rfc3339(0, out, sizeof(out)), "1970-01-01T00:00:00.000Z");
    for (uint64_t day = 0; day < 60000; day += 13) {
        uint64_t want = day * 86400 * NS_PER_S + 45296789 * NS_PER_MS, got;
        clock_format_rfc3339(want, out, sizeof(out));
        cr_assert(clock_parse_rfc3339(str_from_c(out), &got), "%s", out);
        cr_assert_eq(got, want, "%s", out);
    }
}
