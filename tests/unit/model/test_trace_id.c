/* test_trace_id.c - ids between bytes, words and hex. */
#include "model/trace_id.h"

#include <criterion/criterion.h>

Test(trace_id, bytes_are_big_endian)
{
    const uint8_t bytes[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                               1,    2,    3,    4,    5,    6,    7,    8};
    uint8_t back[16];
    struct trace_id id = trace_id_from_bytes(bytes);
    cr_expect(id.hi == 0x0123456789abcdefu);
    cr_expect(id.lo == 0x0102030405060708u);
    trace_id_to_bytes(id, back);
    cr_expect(memcmp(bytes, back, 16) == 0);
    cr_expect(span_id_from_bytes(bytes) == 0x0123456789abcdefu);
    span_id_to_bytes(0x0123456789abcdefu, back);
    cr_expect(memcmp(bytes, back, 8) == 0);
}

Test(trace_id, hex_of_either_case)
{
    char text[33];
    struct trace_id id;
    cr_assert(trace_id_from_hex(STR("0123456789ABCDEFfedcba9876543210"), &id));
    cr_expect(id.hi == 0x0123456789abcdefu);
    cr_expect(id.lo == 0xfedcba9876543210u);
    cr_expect_str_eq(trace_id_to_hex(id, text), "0123456789abcdeffedcba9876543210");
    uint64_t span;
    cr_assert(span_id_from_hex(STR("00000000000000fF"), &span));
    cr_expect(span == 0xff);
    cr_expect_str_eq(span_id_to_hex(span, text), "00000000000000ff");
}

Test(trace_id, refuses_what_is_not_hex)
{
    static const char *const rows[] = {
        "",
        "0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0",
        "0123456789abcdef0123456789abcdeg",
        "0123456789abcdef0123456789abcde ",
        "0x23456789abcdef0123456789abcdef",
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct trace_id id = {7, 7};
        cr_expect(!trace_id_from_hex(str_from_c(rows[i]), &id), "row %s", rows[i]);
        cr_expect(id.hi == 7, "row %s", rows[i]);
    }
    uint64_t span = 7;
    cr_expect(!span_id_from_hex(STR("0123456789abcdef0"), &span));
    cr_expect(!span_id_from_hex(STR("0123456789abcde-"), &span));
    cr_expect(span == 7);
}
