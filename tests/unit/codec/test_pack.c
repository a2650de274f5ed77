/* test_pack.c - what is packed unpacks to the same; what would save little is left alone. */
#include "codec/pack.h"

#include "base/mem.h"
#include "codec/unpack.h"
#include "tests/support/leak.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { BYTES = 300000, CAP = MIB };

static void fill(char *out, size_t len, bool is_random)
{
    uint64_t state = 88172645463325252ull;
    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out[i] = is_random ? (char)(state >> 24) : (char)('a' + i / 7 % 20);
    }
}

Test(pack, comes_back_as_it_was)
{
    char *plain = mem_need(BYTES);
    struct str packed, again;
    struct err e;
    fill(plain, BYTES, false);
    cr_assert(pack_zstd((struct str){plain, BYTES}, &packed));
    cr_expect(packed.len < BYTES / 4);
    cr_assert(eq(int, unpack(COMPRESSION_ZSTD, packed, CAP, &again, &e), ST_OK));
    cr_expect(str_eq(again, (struct str){plain, BYTES}));
    mem_free((char *)again.ptr);
    mem_free((char *)packed.ptr);
    mem_free(plain);
    EXPECT_NO_LEAK();
}

Test(pack, what_saves_little_stays)
{
    char *plain = mem_need(BYTES);
    struct str packed;
    fill(plain, BYTES, true);
    cr_expect(not(pack_zstd((struct str){plain, BYTES}, &packed)));
    fill(plain, BYTES, false);
    mem_fail_after(0);
    cr_expect(not(pack_zstd((struct str){plain, BYTES}, &packed)), "no memory");
    mem_fail_after(1);
    cr_expect(pack_zstd((struct str){plain, BYTES}, &packed), "not trimmed");
    mem_fail_after(-1);
    mem_free((char *)packed.ptr);
    mem_free(plain);
    EXPECT_NO_LEAK();
}
