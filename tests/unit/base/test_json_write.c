/* test_json_write.c - commas, escapes, numbers. */
#include "base/json_write.h"
#include "base/mem.h"
#include "tests/support/leak.h"

#include <math.h>
#include <stdlib.h>

static void expect_text(struct buf *b, const char *want)
{
    cr_expect(str_eq(buf_str(b), str_from_c(want)), "'%.*s' is not '%s'", STR_ARG(buf_str(b)),
              want);
    buf_reset(b);
}

Test(json_write, puts_commas_where_they_belong)
{
    struct buf b = {0};
    struct json_writer w = json_writer_of(&b);
    json_object_begin(&w);
    json_key(&w, "empty");
    json_object_begin(&w);
    json_object_end(&w);
    json_key(&w, "list");
    json_array_begin(&w);
    json_array_begin(&w);
    json_array_end(&w);
    json_u64(&w, 1);
    json_object_begin(&w);
    JSON_STR(&w, "a", STR("b"));
    JSON_NULL(&w, "c");
    json_object_end(&w);
    json_array_end(&w);
    JSON_BOOL(&w, "yes", true);
    json_key(&w, "raw");
    json_raw(&w, STR("[1]"));
    json_object_end(&w);
    expect_text(&b,
                "{\"empty\":{},\"list\":[[],1,{\"a\":\"b\",\"c\":null}],\"yes\":true,\"raw\":[1]}");
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(json_write, escapes)
{
    static const struct {
        struct str text;
        const char *want;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"\"\\", 2}, "\"\\\"\\\\\""},
        {{"\b\f\n\r\t\v", 6}, "\"\\b\\f\\n\\r\\t\\u000b\""},
        {{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\x7f\""},
        {{"</script>&", 10}, "\"\\u003c/script\\u003e\\u0026\""},
        {{"\xe2\x80\xa8\xe2\x80\xa9", 6}, "\"\\u2028\\u2029\""},
        {{"\xe2\x82\xac", 3}, "\"\xe2\x82\xac\""},
        {{"\xc3\xa9\xf0\x9f\x98\x80", 6}, "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {{"a\xffz", 3}, "\"a\xef\xbf\xbdz\""},
        {{"\xe2\x80", 2}, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    struct buf b = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct json_writer w = json_writer_of(&b);
        json_str(&w, rows[i].text);
        expect_text(&b, rows[i].want);
    }
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(json_write, integers)
{
    struct buf b = {0};
    struct json_writer w = json_writer_of(&b);
    json_array_begin(&w);
    json_u64(&w, UINT64_MAX);
    json_i64(&w, INT64_MIN);
    json_array_end(&w);
    expect_text(&b, "[18446744073709551615,-9223372036854775808]");
    buf_deinit(&b);
}

Test(json_write, doubles_are_short)
{
    static const struct {
        double value;
        const char *want;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {0.1, "0.1"},
        {0.04, "0.04"},
        {1700000000.5, "1700000000.5"},
        {42, "42"},
        {-3, "-3"},
        {1e22, "1e+22"},
        {0.0055, "0.0055"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
        {0.1 + 0.2, "0.30000000000000004"},
        {9007199254740993.0, "9007199254740992"},
    };
    struct buf b = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct json_writer w = json_writer_of(&b);
        json_double(&w, rows[i].value);
        expect_text(&b, rows[i].want);
    }
    buf_deinit(&b);
}

Test(json_write, doubles_read_back_equal)
{
    struct buf b = {0};
    uint64_t bits = 88172645463325252ull;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        struct json_writer w = json_writer_of(&b);
        json_double(&w, value);
        buf_append_u8(&b, 0);
        cr_assert_eq(strtod(b.ptr, NULL), value, "%s", b.ptr);
        buf_reset(&b);
    }
    buf_deinit(&b);
}
