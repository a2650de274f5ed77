/* test_grpc_text.c - percent-encoding, base64, timeouts, google.rpc.Status. */
#include "net/grpc_text.h"
#include "tests/support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void expect_text(struct buf *b, const char *want)
{
    cr_expect(str_eq(buf_str(b), str_from_c(want)), "%.*s, not %s", STR_ARG(buf_str(b)), want);
    buf_reset(b);
}

Test(grpc_text, message_is_percent_encoded)
{
    struct buf b = {0};
    grpc_message_encode(&b, STR("plain ~ text"));
    expect_text(&b, "plain ~ text");
    grpc_message_encode(&b, STR("100%\r\n\x7f\xc3\xa9"));
    expect_text(&b, "100%25%0D%0A%7F%C3%A9");
    grpc_message_encode(&b, STR(""));
    expect_text(&b, "");
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

/* RFC 4648 section 10, without the padding. */
Test(grpc_text, base64)
{
    static const char *const rows[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
    struct buf b = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        grpc_base64_encode(&b, str_from_c(rows[i][0]));
        expect_text(&b, rows[i][1]);
    }
    grpc_base64_encode(&b, STR("\xfb\xff"));
    expect_text(&b, "+/8");
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(grpc_text, timeout)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t ns;
    } rows[] = {
        {"100m", true, 100000000},
        {"1S", true, NS_PER_S},
        {"2M", true, 120 * NS_PER_S},
        {"1H", true, 3600 * NS_PER_S},
        {"5u", true, 5000},
        {"0n", true, 0},
        {"99999999H", true, UINT64_MAX},
        {"", false, 0},
        {"S", false, 0},
        {"1", false, 0},
        {"1x", false, 0},
        {"-1S", false, 0},
        {"123456789S", false, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t ns = 0;
        cr_expect(eq(int, grpc_timeout_parse(str_from_c(rows[i].text), &ns), rows[i].ok), "%s",
                  rows[i].text);
        cr_expect(eq(u64, ns, rows[i].ns), "%s", rows[i].text);
    }
}

Test(grpc_text, status_has_code_and_message)
{
    struct buf b = {0};
    grpc_status_encode(&b, 3, STR("no"), 0);
    expect_text(&b, "\x08\x03\x12\x02no");
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}
