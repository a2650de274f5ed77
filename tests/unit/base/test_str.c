/* test_str.c - slices: bounds, strict numbers, UTF-8. */
#include "base/str.h"
#include "tests/support/leak.h"

#include <math.h>

static struct str s_of(const char *text)
{
    return str_from_c(text);
}

Test(str, compares)
{
    static const struct {
        const char *a, *b;
        int want;
    } rows[] = {{"", "", 0}, {"a", "", 1}, {"a", "ab", -1}, {"b", "ab", 1}, {"\xff", "a", 1}};
    for (size_t i = 0; i < LEN(rows); i++) {
        int got = str_cmp(s_of(rows[i].a), s_of(rows[i].b));
        cr_expect_eq((got > 0) - (got < 0), rows[i].want, "row %zu", i);
        cr_expect_eq(str_eq(s_of(rows[i].a), s_of(rows[i].b)), rows[i].want == 0, "row %zu", i);
    }
    cr_expect(str_eq((struct str){NULL, 0}, STR("")));
    cr_expect_eq(str_cmp((struct str){NULL, 0}, (struct str){NULL, 0}), 0);
}

Test(str, finds)
{
    cr_expect_eq(str_find(STR("a:b:c"), ':'), 1);
    cr_expect_eq(str_find_last(STR("a:b:c"), ':'), 3);
    cr_expect_eq(str_find(STR("abc"), ':'), 3);
    cr_expect_eq(str_find((struct str){0}, ':'), 0);
    cr_expect_eq(str_find_last((struct str){0}, ':'), 0);
    cr_expect_eq(str_search(STR("one two"), STR("two")), 4);
    cr_expect_eq(str_search(STR("one"), STR("two")), 3);
    cr_expect_eq(str_search(STR("one"), STR("")), 0);
    cr_expect_eq(str_search((struct str){0}, STR("x")), 0);
    cr_expect(str_starts_with(STR("outbound|80"), STR("outbound|")));
    cr_expect_not(str_starts_with(STR("out"), STR("outbound")));
    cr_expect(str_ends_with(STR("a.svc"), STR(".svc")));
    cr_expect_not(str_ends_with(STR("svc"), STR(".svc")));
    cr_expect(str_eq_nocase(STR("Content-Type"), STR("content-TYPE")));
    cr_expect_not(str_eq_nocase(STR("a@"), STR("a`")), "'@' and '`' differ by the case bit only");
}

Test(str, cuts)
{
    static const struct {
        const char *text, *head, *tail;
        bool want;
    } rows[] = {
        {"k=v", "k", "v", true}, {"k=", "k", "", true}, {"=v", "", "v", true},
        {"k", "k", "", false},   {"", "", "", false},   {"a=b=c", "a", "b=c", true},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct str head, tail;
        cr_expect_eq(str_cut(s_of(rows[i].text), '=', &head, &tail), rows[i].want, "row %zu", i);
        cr_expect(str_eq(head, s_of(rows[i].head)), "row %zu", i);
        cr_expect(str_eq(tail, s_of(rows[i].tail)), "row %zu", i);
    }
    cr_expect(str_eq(str_sub(STR("abc"), 2, 9), STR("c")));
    cr_expect_eq(str_sub(STR("abc"), 9, 2).len, 0);
    cr_expect(str_eq(str_trim(STR(" \t a b\r\n")), STR("a b")));
    cr_expect_eq(str_trim(STR(" \n")).len, 0);
}

Test(str, to_u64_is_strict)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t want;
    } rows[] = {
        {"0", true, 0},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"0x1", false, 0},
        {"1e3", false, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t got = 42;
        cr_expect_eq(str_to_u64(s_of(rows[i].text), &got), rows[i].ok, "'%s'", rows[i].text);
        cr_expect_eq(got, rows[i].ok ? rows[i].want : 42, "'%s'", rows[i].text);
    }
}

Test(str, to_i64_is_strict)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = {
        {"-1", true, -1},
        {"-0", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"-", false, 0},
        {"--1", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        int64_t got = 42;
        cr_expect_eq(str_to_i64(s_of(rows[i].text), &got), rows[i].ok, "'%s'", rows[i].text);
        cr_expect_eq(got, rows[i].ok ? rows[i].want : 42, "'%s'", rows[i].text);
    }
}

Test(str, to_double_is_strict)
{
    static const struct {
        const char *text;
        bool ok;
        double want;
    } rows[] = {
        {"1", true, 1},      {"-0.5", true, -0.5}, {"1e9", true, 1e9},       {"1E-3", true, 1e-3},
        {"1e400", false, 0}, {"nan", false, 0},    {"inf", false, 0},        {"0x1p3", false, 0},
        {"1.", false, 0},    {".5", false, 0},     {"1e", false, 0},         {"1e+", false, 0},
        {"", false, 0},      {"-", false, 0},      {"1.5x", false, 0},       {" 1", false, 0},
        {"+1", false, 0},    {"1,5", false, 0},    {"5e-324", true, 5e-324},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        double got = 42;
        cr_expect_eq(str_to_double(s_of(rows[i].text), &got), rows[i].ok, "'%s'", rows[i].text);
        cr_expect_eq(got, rows[i].ok ? rows[i].want : 42, "'%s'", rows[i].text);
    }
    char long_text[900];
    memset(long_text, '1', sizeof(long_text));
    double got;
    cr_expect_not(str_to_double((struct str){long_text, sizeof(long_text)}, &got));
}

Test(str, to_c_cuts_and_ends)
{
    char out[4];
    cr_expect_str_eq(str_to_c(STR("abcdef"), out, sizeof(out)), "abc");
    cr_expect_str_eq(str_to_c((struct str){0}, out, sizeof(out)), "");
}

Test(str, utf8_follows_rfc_3629)
{
    static const struct {
        const char *name, *text;
        bool want;
    } rows[] = {
        {"ascii", "plain", true},
        {"empty", "", true},
        {"two bytes", "\xc3\xa9", true},
        {"three bytes", "\xe2\x82\xac", true},
        {"four bytes", "\xf0\x9f\x98\x80", true},
        {"last code point", "\xf4\x8f\xbf\xbf", true},
        {"above it", "\xf4\x90\x80\x80", false},
        {"five bytes", "\xf8\x88\x80\x80\x80", false},
        {"overlong 2", "\xc0\x80", false},
        {"overlong 2 high", "\xc1\xbf", false},
        {"overlong 3", "\xe0\x9f\xbf", false},
        {"overlong 4", "\xf0\x8f\xbf\xbf", false},
        {"before surrogates", "\xed\x9f\xbf", true},
        {"surrogate", "\xed\xa0\x80", false},
        {"lone continuation", "a\x80", false},
        {"cut short", "abcdefg\xe2\x82", false},
        {"bad continuation", "\xe2(\xac", false},
        {"behind eight ascii",
         "12345678\xc3\xa9"
         "12345678\xc3\xa9",
         true},
        {"wrong behind eight ascii",
         "12345678\xc3\xa9"
         "12345678\xff",
         false},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        cr_expect_eq(str_is_utf8(s_of(rows[i].text)), rows[i].want, "row %s", rows[i].name);
    cr_expect_eq(str_utf8_prefix(STR("123456789\xff")), 9);
    cr_expect(str_is_utf8((struct str){"a\0b", 3}), "NUL is a character like others");
    EXPECT_NO_LEAK();
}

/* First and last code point of each length. */
Test(str, code_points_to_utf8)
{
    static const struct {
        uint32_t rune;
        const char *want;
    } rows[] = {
        {0x41, "A"},
        {0x7f, "\x7f"},
        {0x80, "\xc2\x80"},
        {0x7ff, "\xdf\xbf"},
        {0x800, "\xe0\xa0\x80"},
        {0xffff, "\xef\xbf\xbf"},
        {0x10000, "\xf0\x90\x80\x80"},
        {0x10ffff, "\xf4\x8f\xbf\xbf"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char out[4];
        struct str made = {out, str_put_utf8(rows[i].rune, out)};
        cr_expect(str_eq(made, s_of(rows[i].want)), "U+%04X", rows[i].rune);
    }
}

Test(str, hex_digits)
{
    static const char digits[] = "0123456789abcdef", large[] = "ABCDEF";
    for (int c = 0; c < 256; c++) {
        const char *small = c ? strchr(digits, c) : NULL, *capital = c ? strchr(large, c) : NULL;
        int want = small ? (int)(small - digits) : capital ? (int)(capital - large) + 10 : -1;
        cr_expect_eq(str_hex_digit((char)c), want, "byte %d", c);
    }
}
