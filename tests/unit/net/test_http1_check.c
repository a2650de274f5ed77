/* test_http1_check.c - what must not pass though libmicrohttpd lets it. */
#include "net/http1_check.h"
#include "net/wire_guess.h"
#include "base/buf.h"
#include "tests/support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { LIST_BYTES = 1024 };

Test(http1_check, head)
{
    static const struct {
        const char *name, *uri;
        const char *fields[7]; /* name, value, ... */
        unsigned want;
    } rows[] = {
        {"plain", "/v1/traces", {"Host", "a"}, 0},
        {"query is not a path", "/x?p=../..&q=%00", {"Host", "a"}, 0},
        {"length", "/", {"Content-Length", "5"}, 0},
        {"chunked", "/", {"transfer-encoding", "Chunked"}, 0},
        {"length and coding", "/", {"Content-Length", "5", "Transfer-Encoding", "chunked"}, 400},
        {"two lengths", "/", {"Content-Length", "5", "content-length", "6"}, 400},
        {"same length twice", "/", {"Content-Length", "5", "content-length", "5"}, 400},
        {"list of lengths", "/", {"Content-Length", "5, 5"}, 400},
        {"signed length", "/", {"Content-Length", "+5"}, 400},
        {"blank before colon", "/", {"Content-Length ", "5"}, 400},
        {"two hosts", "/", {"Host", "a", "host", "b"}, 400},
        {"unknown coding", "/", {"Transfer-Encoding", "xchunked"}, 501},
        {"two codings", "/", {"Transfer-Encoding", "gzip, chunked"}, 501},
        {"dots", "/a/../b", {"Host", "a"}, 400},
        {"dots at the end", "/a/..", {"Host", "a"}, 400},
        {"encoded dots", "/%2e%2E/etc", {"Host", "a"}, 400},
        {"encoded slash", "/a%2f..%2fb", {"Host", "a"}, 400},
        {"backslash", "/a\\..\\b", {"Host", "a"}, 400},
        {"three dots are a name", "/a/.../b", {"Host", "a"}, 0},
        {"dots in a name", "/a..b", {"Host", "a"}, 0},
        {"NUL", "/a%00b", {"Host", "a"}, 400},
        {"half an escape", "/a%4", {"Host", "a"}, 400},
        {"wrong escape", "/a%zz", {"Host", "a"}, 400},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct fields f = {0};
        bool has_host = false;
        for (size_t k = 0; rows[i].fields[k]; k += 2) {
            has_host = has_host || strcmp(rows[i].fields[k], "Host") == 0;
            fields_add(&f, str_from_c(rows[i].fields[k]), str_from_c(rows[i].fields[k + 1]));
        }
        if (!has_host)
            fields_add(&f, STR("Host"), STR("a"));
        struct http1_fault got =
            http1_check_head(&f, STR("HTTP/1.1"), str_from_c(rows[i].uri), LIST_BYTES);
        cr_expect(eq(uint, got.http, rows[i].want), "row %s: %s", rows[i].name,
                  got.sentence ? got.sentence : "");
        fields_deinit(&f);
    }
    EXPECT_NO_LEAK();
}

Test(http1_check, sizes_and_versions)
{
    static char long_uri[9000], value[LIST_BYTES];
    struct fields f = {0};
    memset(long_uri, '/', sizeof(long_uri));
    memset(value, 'v', sizeof(value));
    struct str uri = {long_uri, sizeof(long_uri)};
    cr_expect(eq(uint, http1_check_head(&f, STR("HTTP/1.1"), uri, LIST_BYTES).http, 414));
    cr_expect(eq(uint, http1_check_head(&f, STR("HTTP/2.0"), STR("/"), LIST_BYTES).http, 505));
    cr_expect(eq(uint, http1_check_head(&f, STR("HTTP/1.0"), STR("/"), LIST_BYTES).http, 0));
    cr_expect(eq(uint, http1_check_head(&f, STR("HTTP/1.1"), STR("/"), LIST_BYTES).http, 400));
    fields_add(&f, STR("x"), (struct str){value, sizeof(value)});
    cr_expect(eq(uint, http1_check_head(&f, STR("HTTP/1.1"), STR("/"), LIST_BYTES).http, 431));
    fields_reset(&f);
    fields_add(&f, STR("x"), (struct str){"a\0b", 3});
    cr_expect(eq(uint, http1_check_head(&f, STR("HTTP/1.1"), STR("/"), LIST_BYTES).http, 400));
    fields_deinit(&f);
    EXPECT_NO_LEAK();
}

Test(http1_check, raw_head)
{
    static const struct {
        const char *name;
        struct str head;
        unsigned want;
    } rows[] = {
        {"good", {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27}, 0},
        {"cut", {"GET / HTTP/1.1\r\nHo", 18}, 0},
        {"body is not looked at", {"P / HTTP/1.0\r\nA: b\r\n\r\n\0\n\n", 25}, 0},
        {"bare LF", {"GET / HTTP/1.1\nHost: a\r\n\r\n", 26}, 400},
        {"bare LF at the end", {"GET / HTTP/1.1\r\nHost: a\n\r\n", 26}, 400},
        {"CR inside", {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 29}, 400},
        {"NUL", {"GET / HTTP/1.1\r\nHost: \0\r\n\r\n", 27}, 400},
        {"list of lengths", {"P / HTTP/1.1\r\ncontent-length: 5, 5\r\n\r\n", 38}, 400},
        {"length", {"P / HTTP/1.0\r\nContent-Length:  15 \r\n\r\n", 38}, 0},
        {"no host", {"P / HTTP/1.1\r\nA: b\r\n\r\n", 22}, 400},
        {"no host yet", {"P / HTTP/1.1\r\nA: b\r\n", 20}, 0},
        {"two hosts", {"P / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n", 34}, 400},
        {"two lengths",
         {"P / HTTP/1.0\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 54},
         400},
        {"length and coding",
         {"P / HTTP/1.0\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 63},
         400},
        {"coding", {"P / HTTP/1.0\r\nTransfer-Encoding: Chunked\r\n\r\n", 44}, 0},
        {"unknown coding", {"P / HTTP/1.0\r\nTransfer-Encoding: br\r\n\r\n", 39}, 501},
        {"blank before the colon", {"P / HTTP/1.0\r\nContent-Length : 1\r\n\r\n", 36}, 400},
        {"colon in the first line", {"P /a : HTTP/1.0\r\n\r\n", 19}, 0},
        {"folded", {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 31}, 400},
        {"no colon", {"P / HTTP/1.0\r\nabc\r\n\r\n", 21}, 400},
        {"half a line", {"P / HTTP/1.0\r\nabc", 17}, 0},
        {"version 2", {"P / HTTP/2.0\r\n", 14}, 505},
        {"version 1.10", {"P / HTTP/1.10\r\n", 15}, 400},
        {"no version", {"P /\r\n", 5}, 400},
        {"one word", {"P\r\n", 3}, 400},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct http1_fault got = http1_check_raw(rows[i].head);
        cr_expect(eq(uint, got.http, rows[i].want), "row %s", rows[i].name);
    }
}

/* `count` parameters of `bytes` each, and `fields` beside Host. */
static unsigned raw_with_parameters(unsigned count, unsigned bytes, unsigned fields)
{
    struct buf head = {0};
    buf_printf(&head, "GET /");
    for (unsigned i = 0; i < count; i++)
        buf_printf(&head, "%ca=%0*u", i ? '&' : '?', (int)bytes - 3, i);
    buf_printf(&head, " HTTP/1.1\r\nHost: x\r\n");
    for (unsigned i = 0; i < fields; i++)
        buf_printf(&head, "x: %u\r\n", i);
    buf_printf(&head, "\r\n");
    unsigned http = http1_check_raw(buf_str(&head)).http;
    buf_deinit(&head);
    return http;
}

Test(http1_check, parameters_fit_the_pool)
{
    static const struct {
        unsigned count, bytes, fields, want;
    } rows[] = {{0, 0, 96, 0},    {1, 8000, 30, 0},  {250, 8, 5, 0},    {200, 30, 5, 0},
                {300, 8, 5, 414}, {256, 30, 5, 414}, {230, 8, 60, 414}, {2000, 4, 0, 414}};
    for (size_t i = 0; i < LEN(rows); i++)
        cr_expect(eq(uint, raw_with_parameters(rows[i].count, rows[i].bytes, rows[i].fields),
                     rows[i].want),
                  "row %zu", i);
    EXPECT_NO_LEAK();
}

Test(wire_guess, tells_the_first_bytes_apart)
{
    static const struct {
        struct str first;
        enum wire want;
    } rows[] = {
        {{"", 0}, WIRE_SHORT},           {{"PO", 2}, WIRE_SHORT},
        {{"POST /", 6}, WIRE_HTTP1},     {{"PRI * HTTP/2.0", 14}, WIRE_HTTP2},
        {{"\x16\x03\x01", 3}, WIRE_TLS}, {{"\0\0\0", 3}, WIRE_UNKNOWN},
        {{"get", 3}, WIRE_UNKNOWN},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        cr_expect(eq(int, (int)wire_guess(rows[i].first), (int)rows[i].want), "row %zu", i);
}
