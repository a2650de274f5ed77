/* test_buf.c - what buf writes, cursor reads. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/mem.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

static const uint64_t varints[] = {
    0, 1, 127, 128, 16383, 16384, UINT32_MAX, (uint64_t)1 << 63, 300, UINT64_MAX, UINT64_MAX / 2};
static const int64_t zigzags[] = {0, -1, 1, 63, -64, 64, INT64_MAX, INT64_MIN};

static void write_all(struct buf *b)
{
    buf_append_u8(b, 0xfe);
    buf_append_u16(b, 0xbeef);
    buf_append_u32(b, 0xdeadbeef);
    buf_append_u64(b, 0x0123456789abcdef);
    for (size_t i = 0; i < LEN(varints); i++)
        buf_append_varint(b, varints[i]);
    for (size_t i = 0; i < LEN(zigzags); i++)
        buf_append_zigzag(b, zigzags[i]);
    buf_append_lenstr(b, STR("name"));
    buf_append_lenstr(b, (struct str){0});
}

static void read_all(struct cursor *c)
{
    cr_expect_eq(cursor_u8(c), 0xfe);
    cr_expect_eq(cursor_u16(c), 0xbeef);
    cr_expect_eq(cursor_u32(c), 0xdeadbeef);
    cr_expect_eq(cursor_u64(c), 0x0123456789abcdef);
    for (size_t i = 0; i < LEN(varints); i++)
        cr_expect_eq(cursor_varint(c), varints[i], "varint %zu", i);
    for (size_t i = 0; i < LEN(zigzags); i++)
        cr_expect_eq(cursor_zigzag(c), zigzags[i], "zigzag %zu", i);
    cr_expect(str_eq(cursor_lenstr(c), STR("name")));
    cr_expect_eq(cursor_lenstr(c).len, 0);
}

Test(buf, round_trip)
{
    struct buf b = {0};
    write_all(&b);
    cr_assert_not(b.failed);
    struct cursor c = cursor_of(buf_str(&b));
    read_all(&c);
    cr_expect_not(c.failed);
    cr_expect_eq(c.at, c.end);
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(buf, is_little_endian_and_minimal)
{
    struct buf b = {0};
    buf_append_u32(&b, 0x01020304);
    buf_append_varint(&b, 300);
    buf_append_zigzag(&b, -1);
    cr_expect(str_eq(buf_str(&b), (struct str){"\x04\x03\x02\x01\xac\x02\x01", 7}));
    buf_deinit(&b);
}

Test(buf, printf_and_take)
{
    struct buf b = {0};
    buf_printf(&b, "%d-%s", 7, "x");
    buf_printf(&b, "%0500d", 1);
    cr_expect_eq(b.len, 503);
    size_t len;
    char *bytes = buf_take(&b, &len);
    cr_expect_eq(len, 503);
    cr_expect_eq(b.ptr, NULL);
    cr_expect(str_starts_with((struct str){bytes, len}, STR("7-x000")));
    mem_free(bytes);
    EXPECT_NO_LEAK();
}

Test(buf, failure_sticks_until_reset)
{
    struct buf b = {0};
    buf_append_str(&b, STR("ab"));
    mem_fail_after(0);
    buf_append(&b, (char[1000]){0}, 1000);
    mem_fail_after(-1);
    cr_expect(b.failed);
    buf_append_str(&b, STR("c"));
    cr_expect_eq(b.len, 2, "nothing is written behind a hole");
    buf_reset(&b);
    buf_append_str(&b, STR("d"));
    cr_expect(str_eq(buf_str(&b), STR("d")));
    cr_expect_not(buf_reserve(&b, SIZE_MAX), "sizes do not wrap");
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(buf, its_payer_is_charged_and_sets_its_length)
{
    struct budget budget = {.limit = MIB};
    struct arena payer = {.budget = &budget, .budget_percent = 100, .limit_bytes = 64 * KIB};
    struct buf b = {.payer = &payer};
    for (int i = 0; i < 8000; i++)
        buf_append_u64(&b, 0);
    cr_expect(!b.failed && budget_used(&budget) == b.cap);
    for (int i = 0; i < 1000; i++)
        buf_append_u64(&b, 0);
    cr_expect(b.failed && b.len == 64 * KIB && !payer.is_refused, "as long as its payer may be");
    struct buf other = {.payer = &payer};
    buf_append_u64(&other, 0);
    cr_expect(budget_used(&budget) == b.cap + other.cap, "of one payer two buffers");
    buf_deinit(&b);
    size_t len;
    cr_expect(budget_used(&budget) == other.cap);
    mem_free(buf_take(&other, &len));
    cr_expect(budget_used(&budget) == 0, "what was taken is another's to count");
    budget_force(&budget, MIB - KIB);
    b.payer = &payer;
    for (int i = 0; i < 8000; i++)
        buf_append_u64(&b, 0);
    cr_expect(b.failed && b.cap <= KIB && payer.is_refused, "the budget has no more");
    buf_deinit(&b);
    arena_deinit(&payer);
    EXPECT_NO_LEAK();
}

Test(cursor, every_cut_fails_and_stays_in_bounds)
{
    struct buf b = {0};
    write_all(&b);
    for (size_t len = 0; len < b.len; len++) {
        /* A copy of exactly that size, so that ASan sees a byte too far. */
        char *cut = mem_alloc(len + 1);
        memcpy(cut, b.ptr, len);
        char *exact = mem_realloc(cut, len ? len : 1);
        struct cursor c = cursor_of((struct str){exact, len});
        for (size_t i = 0; i < 4 + LEN(varints) + LEN(zigzags) && !c.failed; i++)
            (void)(i == 0   ? cursor_u8(&c)
                   : i == 1 ? cursor_u16(&c)
                   : i == 2 ? cursor_u32(&c)
                   : i == 3 ? cursor_u64(&c)
                            : cursor_varint(&c));
        cursor_lenstr(&c);
        cursor_lenstr(&c);
        cr_expect(c.failed, "cut at %zu", len);
        mem_free(exact);
    }
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(cursor, refuses_long_varints_and_lengths)
{
    static const struct {
        const char *name;
        struct str bytes;
    } rows[] = {
        {"eleven bytes", {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}},
        {"65 bits", {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10}},
        {"unended", {"\x80\x80", 2}},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct cursor c = cursor_of(rows[i].bytes);
        cr_expect_eq(cursor_varint(&c), 0, "row %s", rows[i].name);
        cr_expect(c.failed, "row %s", rows[i].name);
        cr_expect_eq(cursor_u8(&c), 0, "row %s: it sticks", rows[i].name);
    }
    struct cursor c = cursor_of((struct str){"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01xy", 12});
    cr_expect_eq(cursor_lenstr(&c).len, 0, "a length of 2^64-1");
    cr_expect(c.failed);
}
