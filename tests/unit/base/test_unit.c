/* test_unit.c - strict units. */
#include "base/unit.h"

#include <criterion/criterion.h>

#define REFUSED UINT64_MAX

Test(unit, bytes)
{
    static const struct {
        const char *text;
        uint64_t want;
    } rows[] = {
        {"0", 0},
        {"512", 512},
        {"1B", 1},
        {"64MiB", 64 * (uint64_t)MIB},
        {"1.5GiB", 3 * (uint64_t)GIB / 2},
        {"2TiB", 2ull << 40},
        {"1KB", 1000},
        {"0.5KiB", 512},
        {"16777215TiB", 16777215ull << 40},
        {"16777216TiB", REFUSED},
        {"0.1KiB", REFUSED},
        {"1.2345678GB", REFUSED},
        {"64mib", REFUSED},
        {"64 MiB", REFUSED},
        {"64K", REFUSED},
        {"", REFUSED},
        {"MiB", REFUSED},
        {".5GiB", REFUSED},
        {"1.GiB", REFUSED},
        {"-1", REFUSED},
        {"1e3", REFUSED},
        {"0x10", REFUSED},
        {"12abc", REFUSED},
        {"99999999999999999999", REFUSED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t got = REFUSED;
        struct err e = {0};
        enum status status = unit_parse_bytes(str_from_c(rows[i].text), &got, &e);
        cr_expect_eq(status, rows[i].want == REFUSED ? ST_INVALID : ST_OK, "row %s", rows[i].text);
        if (status == ST_OK)
            cr_expect_eq(got, rows[i].want, "row %s", rows[i].text);
        else
            cr_expect_not_null(strstr(e.msg, rows[i].text), "'%s' names the text", e.msg);
    }
}

Test(unit, duration)
{
    static const struct {
        const char *text;
        uint64_t want;
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"250ms", 250 * NS_PER_MS},
        {"15s", 15 * NS_PER_S},
        {"1h30m", 5400 * NS_PER_S},
        {"1d12h", 36 * 3600 * NS_PER_S},
        {"2w", 14 * 86400 * NS_PER_S},
        {"1y", 365 * 86400 * NS_PER_S},
        {"1y2w3d4h5m6s7ms",
         ((((365 + 14 + 3) * 24ull + 4) * 60 + 5) * 60 + 6) * NS_PER_S + 7 * NS_PER_MS},
        {"600y", REFUSED},
        {"30m1h", REFUSED},
        {"1s1s", REFUSED},
        {"10", REFUSED},
        {"1.5s", REFUSED},
        {"-1s", REFUSED},
        {"s", REFUSED},
        {"1 s", REFUSED},
        {"1S", REFUSED},
        {"1us", REFUSED},
        {"", REFUSED},
        {"5m3", REFUSED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t got = REFUSED;
        struct err e;
        enum status status = unit_parse_duration(str_from_c(rows[i].text), &got, &e);
        cr_expect_eq(status, rows[i].want == REFUSED ? ST_INVALID : ST_OK, "row %s", rows[i].text);
        cr_expect_eq(got, rows[i].want, "row %s", rows[i].text);
    }
}

Test(unit, boolean)
{
    bool got = false;
    struct err e;
    cr_expect_eq(unit_parse_bool(STR("true"), &got, &e), ST_OK);
    cr_expect(got);
    cr_expect_eq(unit_parse_bool(STR("false"), &got, &e), ST_OK);
    cr_expect_not(got);
    static const char *const wrong[] = {"", "yes", "1", "True", "maybe", "true "};
    for (size_t i = 0; i < LEN(wrong); i++)
        cr_expect_eq(unit_parse_bool(str_from_c(wrong[i]), &got, &e), ST_INVALID, "%s", wrong[i]);
}

Test(unit, address)
{
    static const struct {
        const char *text, *host;
        int port; /* -1: refused */
    } rows[] = {
        {"127.0.0.1:4317", "127.0.0.1", 4317},
        {"[::1]:0", "::1", 0},
        {"[fe80::1%eth0]:80", "fe80::1%eth0", 80},
        {":9600", "", 9600},
        {"localhost:1", "localhost", 1},
        {"a-b.c_d:65535", "a-b.c_d", 65535},
        {"127.0.0.1", "", -1},
        {"127.0.0.1:", "", -1},
        {"127.0.0.1:65536", "", -1},
        {"127.0.0.1:-1", "", -1},
        {"127.0.0.1:8o", "", -1},
        {"::1:80", "", -1},
        {"[]:80", "", -1},
        {"[::1:80", "", -1},
        {"a b:80", "", -1},
        {"http://x:80", "", -1},
        {"", "", -1},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct str host = {0};
        uint16_t port = 0;
        struct err e;
        enum status status = unit_parse_addr(str_from_c(rows[i].text), &host, &port, &e);
        cr_expect_eq(status, rows[i].port < 0 ? ST_INVALID : ST_OK, "row %s", rows[i].text);
        if (status != ST_OK)
            continue;
        cr_expect(str_eq(host, str_from_c(rows[i].host)), "row %s", rows[i].text);
        cr_expect_eq(port, rows[i].port, "row %s", rows[i].text);
    }
}

Test(unit, formats_the_shortest_exact_form)
{
    static const struct {
        uint64_t ns;
        const char *want;
    } durations[] = {{0, "0s"},
                     {15 * NS_PER_S, "15s"},
                     {5400 * NS_PER_S, "1h30m"},
                     {250 * NS_PER_MS, "250ms"},
                     {90 * 86400 * NS_PER_S, "90d"},
                     {1, "1ns"}};
    static const struct {
        uint64_t bytes;
        const char *want;
    } sizes[] = {{0, "0B"},
                 {1500, "1500B"},
                 {64 * (uint64_t)MIB, "64MiB"},
                 {3 * (uint64_t)GIB / 2, "1536MiB"},
                 {50 * (uint64_t)GIB, "50GiB"},
                 {1ull << 40, "1TiB"}};
    char out[64];
    uint64_t back;
    for (size_t i = 0; i < LEN(durations); i++)
        cr_expect_str_eq(unit_format_duration(durations[i].ns, out, sizeof(out)),
                         durations[i].want);
    for (size_t i = 0; i < LEN(sizes); i++) {
        cr_expect_str_eq(unit_format_bytes(sizes[i].bytes, out, sizeof(out)), sizes[i].want);
        cr_expect_eq(unit_parse_bytes(str_from_c(out), &back, NULL), ST_OK);
        cr_expect_eq(back, sizes[i].bytes);
    }
}
