/* test_json_read.c - what is JSON, what is not, and what hostile text may cost. */
#include "base/json_read.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

#include <stdio.h>

enum { DEPTH = 8 };

/* Reads all tokens into a short notation: { } [ ] k:key s:text n:text t f 0, "." at the end, "!"
 * for an error. */
static void notate(struct str input, char *out, size_t cap)
{
    static const char marks[] = {
        [JSON_OBJECT_BEGIN] = '{', [JSON_OBJECT_END] = '}', [JSON_ARRAY_BEGIN] = '[',
        [JSON_ARRAY_END] = ']',    [JSON_KEY] = 'k',        [JSON_STRING] = 's',
        [JSON_NUMBER] = 'n',       [JSON_TRUE] = 't',       [JSON_FALSE] = 'f',
        [JSON_NULL_VALUE] = '0',   [JSON_END] = '.',        [JSON_ERROR] = '!'};
    struct arena arena = {0};
    struct json_reader r;
    size_t len = 0;
    enum json_token token;
    json_reader_init(&r, input, &arena, DEPTH);
    do {
        token = json_next(&r);
        bool has_text = token == JSON_KEY || token == JSON_STRING || token == JSON_NUMBER;
        len += (size_t)snprintf(out + len, cap - len, has_text ? "%c:%.*s " : "%c", marks[token],
                                STR_ARG(r.text));
    } while (token != JSON_END && token != JSON_ERROR && len + 1 < cap);
    if (token == JSON_ERROR)
        cr_expect_eq(json_next(&r), JSON_ERROR, "an error sticks");
    arena_deinit(&arena);
}

Test(json_read, reads_values)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{}", "{}."},
        {" [ ] ", "[]."},
        {"null", "0."},
        {"[true,false,null]", "[tf0]."},
        {"{\"a\":1,\"b\":[2,{}]}", "{k:a n:1 k:b [n:2 {}]}."},
        {"\"x\"", "s:x ."},
        {"\t\r\n -0.5e+3 ", "n:-0.5e+3 ."},
        {"[0,-0,10,1.5,1e5,1E-5]", "[n:0 n:-0 n:10 n:1.5 n:1e5 n:1E-5 ]."},
        {"\"\\u0041\\n\\\"\\/\\\\\"", "s:A\n\"/\\ ."},
        {"\"\\ud83d\\ude00\\u20ac\\u00e9\"", "s:\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9 ."},
        {"\"\\ud800\"", "s:\xef\xbf\xbd ."},
        {"\"\\udc00\"", "s:\xef\xbf\xbd ."},
        {"\"\\ud800\\u0041\"", "s:\xef\xbf\xbd\x41 ."},
        {"\"\\ud800\\n\"", "s:\xef\xbf\xbd\n ."},
        {"\"\\ud800\\ud83d\\ude00\"", "s:\xef\xbf\xbd\xf0\x9f\x98\x80 ."},
        {"\"\\ud800x\"", "s:\xef\xbf\xbdx ."},
        {"{\"\\u0061\":{\"\":0}}", "{k:a {k: n:0 }}."},
        {"[[[[[[[[1]]]]]]]]", "[[[[[[[[n:1 ]]]]]]]]."},
    };
    char got[256];
    for (size_t i = 0; i < LEN(rows); i++) {
        notate(str_from_c(rows[i].text), got, sizeof(got));
        cr_expect_str_eq(got, rows[i].want, "%s: %s", rows[i].text, got);
    }
    EXPECT_NO_LEAK();
}

static const char *const not_json[] = {
    "",
    " ",
    "{",
    "[",
    "}",
    "]",
    "[}",
    "{]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "{,}",
    "1 2",
    "{}{}",
    "nul",
    "nulL",
    "truefalse",
    "True",
    "01",
    "-",
    "+1",
    ".5",
    "1.",
    "1e",
    "1e+",
    "0x1",
    "1_0",
    "NaN",
    "Infinity",
    "-Infinity",
    "'a'",
    "\"a",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\n\"",
    "\"\x01\"",
    "\"\xff\"",
    "\"\xed\xa0\x80\"",
    "\"\\ud800\\u12\"",
    "\"\\ud800\\x\"",
    "\xef\xbb\xbf{}",
    "/* */1",
    "[1]//",
    "\"\\",
    "\"\\u",
    "\"\\ud83d\\",
    "[[[[[[[[[1]]]]]]]]]",
};

Test(json_read, refuses_what_is_not_json)
{
    char got[256];
    for (size_t i = 0; i < LEN(not_json); i++) {
        notate(str_from_c(not_json[i]), got, sizeof(got));
        cr_expect_eq(got[strlen(got) - 1], '!', "row %zu '%s': %s", i, not_json[i], got);
    }
    notate((struct str){"\"a\0b\"", 5}, got, sizeof(got));
    cr_expect_str_eq(got, "!", "NUL is a control character");
    notate((struct str){"1\0", 2}, got, sizeof(got));
    cr_expect_str_eq(got, "n:1 !");
    EXPECT_NO_LEAK();
}

Test(json_read, says_where)
{
    struct json_reader r;
    struct arena arena = {0};
    json_reader_init(&r, STR("[1, x]"), &arena, DEPTH);
    cr_expect_eq(json_next(&r), JSON_ARRAY_BEGIN);
    cr_expect_eq(json_next(&r), JSON_NUMBER);
    cr_expect_eq(json_next(&r), JSON_ERROR);
    cr_expect_eq(r.err.status, ST_INVALID);
    cr_expect_not_null(strstr(r.err.msg, "byte 4"), "%s", r.err.msg);
}

Test(json_read, strings_without_escapes_are_slices_of_the_input)
{
    static const char text[] = "[\"plain\",\"esc\\t\"]";
    struct json_reader r;
    struct arena arena = {0};
    json_reader_init(&r, str_from_c(text), &arena, DEPTH);
    json_next(&r);
    json_next(&r);
    cr_expect_eq(r.text.ptr, text + 2);
    cr_expect_eq(arena.used_bytes, 0);
    json_next(&r);
    cr_expect(str_eq(r.text, STR("esc\t")));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(json_read, skips_whole_values)
{
    struct json_reader r;
    struct arena arena = {0};
    json_reader_init(&r, STR("{\"a\":[1,{\"b\":[]}],\"c\":\"\\u0041\",\"d\":{\"e\":1},\"f\":2}"),
                     &arena, DEPTH);
    cr_expect_eq(json_next(&r), JSON_OBJECT_BEGIN);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(json_next(&r), JSON_KEY);
        cr_expect(json_skip(&r), "%s", r.err.msg);
    }
    cr_expect_eq(json_next(&r), JSON_KEY);
    cr_expect(str_eq(r.text, STR("d")));
    cr_expect_eq(json_next(&r), JSON_OBJECT_BEGIN);
    cr_expect(json_skip(&r), "to the end of what just began");
    cr_expect_eq(json_next(&r), JSON_KEY);
    cr_expect(str_eq(r.text, STR("f")));
    cr_expect(json_skip(&r));
    cr_expect_eq(json_next(&r), JSON_OBJECT_END);
    cr_expect_eq(json_next(&r), JSON_END);
    arena_deinit(&arena);

    static const char *const broken[] = {"{\"a\":[1,{\"b\":}],\"c\":1}", "{\"a\":}",
                                         "{\"a\":[[[[[[[[["};
    for (size_t i = 0; i < LEN(broken); i++) {
        json_reader_init(&r, str_from_c(broken[i]), &arena, DEPTH);
        json_next(&r);
        json_next(&r);
        cr_expect_not(json_skip(&r), "row %zu", i);
        cr_expect_eq(json_next(&r), JSON_ERROR, "row %zu", i);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

/* OTLP/JSON reads lists after their owners: its strings are skipped up to five times. */
Test(json_read, what_is_skipped_takes_no_memory)
{
    enum { STRINGS = 1000 };
    struct buf text = {0};
    struct arena arena = {0};
    struct json_reader r;
    buf_append_u8(&text, '[');
    for (int i = 0; i < STRINGS; i++)
        buf_append_str(&text, STR("\"a quoted \\\"word\\\" of forty-two characters\","));
    buf_append_str(&text, STR("\"\\u00e9\"]"));
    json_reader_init(&r, buf_str(&text), &arena, DEPTH);
    cr_expect(json_skip(&r));
    cr_expect_lt(arena.used_bytes, 1000u);
    /* Skipping does not last. */
    json_reader_init(&r, STR("{\"a\":\"\\n\",\"b\":\"\\t\"}"), &arena, DEPTH);
    cr_expect(json_next(&r) == JSON_OBJECT_BEGIN && json_next(&r) == JSON_KEY && json_skip(&r));
    cr_expect(json_next(&r) == JSON_KEY && json_next(&r) == JSON_STRING);
    cr_expect(str_eq(r.text, STR("\t")));
    arena_deinit(&arena);
    buf_deinit(&text);
    EXPECT_NO_LEAK();
}

Test(json_read, depth_is_bounded_whatever_is_asked)
{
    char deep[1000];
    memset(deep, '[', sizeof(deep));
    struct json_reader r;
    struct arena arena = {0};
    json_reader_init(&r, (struct str){deep, sizeof(deep)}, &arena, 1000);
    unsigned depth = 0;
    while (json_next(&r) == JSON_ARRAY_BEGIN)
        depth++;
    cr_expect_eq(depth, 63);
    cr_expect_not_null(strstr(r.err.msg, "nesting"));
    json_reader_init(&r, STR("1"), &arena, 0);
    cr_expect_eq(json_next(&r), JSON_NUMBER, "a scalar has no depth");
    json_reader_init(&r, STR("[]"), &arena, 0);
    cr_expect_eq(json_next(&r), JSON_ERROR);
}

Test(json_read, every_cut_is_an_error_within_bounds)
{
    static const char text[] = " {\"a\\u0041\":[1.5e-3,\"\\ud83d\\ude00x\",true,false,null,-12],"
                               "\"\xc3\xa9\":{\"b\":\"c\\\\\"}} ";
    char got[256];
    for (size_t len = 0; len < sizeof(text) - 2; len++) {
        /* Exactly so many bytes on the heap: ASan sees one too far. */
        char *cut = mem_alloc(len ? len : 1);
        memcpy(cut, text, len);
        notate((struct str){cut, len}, got, sizeof(got));
        cr_expect_eq(got[strlen(got) - 1], '!', "cut at %zu: %s", len, got);
        mem_free(cut);
    }
    notate(str_from_c(text), got, sizeof(got));
    cr_expect_eq(got[strlen(got) - 1], '.', "%s", got);
    EXPECT_NO_LEAK();
}

Test(json_read, every_byte_changed_ends_somehow)
{
    static const char text[] = "{\"a\":[1.5,\"\\u00e9\",true],\"b\":{\"c\":null}}";
    char changed[sizeof(text)], got[256];
    for (size_t at = 0; at < sizeof(text) - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(changed, text, sizeof(text));
            changed[at] = (char)byte;
            notate((struct str){changed, sizeof(text) - 1}, got, sizeof(got));
        }
    }
    EXPECT_NO_LEAK();
}

Test(json_read, nothing_is_no_value)
{
    struct arena arena = {0};
    struct json_reader r;
    json_reader_init(&r, (struct str){NULL, 0}, &arena, DEPTH);
    cr_expect_eq(json_next(&r), JSON_ERROR);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(json_read, no_memory_is_told_apart)
{
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct arena arena = {0};
        struct json_reader r;
        json_reader_init(&r, STR("\"\\n\""), &arena, DEPTH);
        if (json_next(&r) == JSON_ERROR)
            cr_expect_eq(r.err.status, ST_NO_MEMORY);
        arena_deinit(&arena);
    }
    cr_expect_eq(walk.failures, 1);
    EXPECT_NO_LEAK();
}
