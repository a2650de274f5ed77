/* test_utf8.c - what is ASCII, and what repair makes of broken text (Unicode 15, table 3-8 and
 * neighbours). */
#include "codec/utf8.h"

#include "base/mem.h"
#include "codec/base64.h"
#include "tests/support/leak.h"

#define R "\xef\xbf\xbd"

static const struct {
    struct str text, want;
} rows[] = {
    {{"", 0}, {"", 0}},
    {{"plain", 5}, {"plain", 5}},
    {{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}},
    {{"a\x00"
      "b",
      3},
     {"a\x00"
      "b",
      3}},
    {{"\x80", 1}, {R, 3}},
    {{"\xff\xfe", 2}, {R R, 6}},
    {{"\xc0\xaf", 2}, {R R, 6}},              /* overlong */
    {{"\xe0\x9f\xbf", 3}, {R R R, 9}},        /* overlong */
    {{"\xed\xa0\x80", 3}, {R R R, 9}},        /* surrogate */
    {{"\xf4\x90\x80\x80", 4}, {R R R R, 12}}, /* above U+10FFFF */
    {{"\xe2\x82", 2}, {R, 3}},                /* cut off: one mark */
    {{"\xf0\x9f\x98", 3}, {R, 3}},
    {{"\xf0\x9f\x98"
      "a",
      4},
     {R "a", 4}},
    {{"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
      "A",
      9},
     {R R R R "A", 13}}, /* table 3-11 */
    {{"\xc3\xa9\xc3", 3}, {"\xc3\xa9" R, 5}},
};

Test(utf8, repairs_as_unicode_advises)
{
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena = {0};
        struct str s = rows[i].text;
        cr_assert(utf8_repair(&arena, &s));
        cr_expect(str_eq(s, rows[i].want), "row %zu: %.*s", i, STR_ARG(s));
        cr_expect(str_is_utf8(s), "row %zu", i);
        cr_expect(str_eq(rows[i].text, rows[i].want) == (arena.used_bytes == 0), "row %zu: copied",
                  i);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

Test(utf8, finds_one_high_byte_anywhere)
{
    char text[70];
    for (size_t len = 0; len <= sizeof(text); len++) {
        memset(text, 'x', sizeof(text));
        cr_expect(utf8_is_ascii((struct str){text, len}), "length %zu", len);
        for (size_t at = 0; at < len; at++) {
            text[at] = (char)0x80;
            cr_expect(!utf8_is_ascii((struct str){text, len}), "byte %zu of %zu", at, len);
            text[at] = 'x';
        }
    }
}

Test(utf8, repair_without_memory_changes_nothing)
{
    struct arena arena = {0};
    struct str s = STR("\xff");
    mem_fail_after(0);
    cr_expect(!utf8_repair(&arena, &s));
    mem_fail_after(-1);
    cr_expect(str_eq(s, STR("\xff")));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(base64, decodes_both_alphabets)
{
    static const struct {
        const char *text;
        struct str want; /* NULL: refused */
    } good[] = {
        {"", {"", 0}},
        {"Zg==", {"f", 1}},
        {"Zg", {"f", 1}},
        {"Zm8=", {"fo", 2}},
        {"Zm9v", {"foo", 3}},
        {"Zm9vYmFy", {"foobar", 6}},
        {"+/+/", {"\xfb\xff\xbf", 3}},
        {"-_-_", {"\xfb\xff\xbf", 3}},
        {"Z", {NULL, 0}},
        {"Zg=", {NULL, 0}},
        {"Z===", {NULL, 0}},
        {"Zm9v=", {NULL, 0}},
        {"Zm 9v", {NULL, 0}},
        {"====", {NULL, 0}},
        {"Zg==Zg==", {NULL, 0}},
    };
    for (size_t i = 0; i < LEN(good); i++) {
        char out[16];
        size_t len = 0;
        struct str text = str_from_c(good[i].text);
        cr_assert(base64_decoded_max(text.len) <= sizeof(out));
        bool ok = base64_decode(text, out, &len);
        cr_expect(ok == (good[i].want.ptr != NULL), "row '%s'", good[i].text);
        cr_expect(!ok || str_eq((struct str){out, len}, good[i].want), "row '%s'", good[i].text);
    }
}
