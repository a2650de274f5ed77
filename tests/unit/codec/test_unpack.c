/* test_unpack.c - each compression: round trips, several frames, damage at every byte, bombs, lies,
 * failed allocations. */
#include "codec/unpack.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/crc32c.h"
#include "tests/support/leak.h"

#include <libdeflate.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zstd.h>

enum { CAP = 4 * MIB };

static const enum batch_compression all[] = {
    COMPRESSION_GZIP,         COMPRESSION_ZLIB,          COMPRESSION_ZSTD,
    COMPRESSION_SNAPPY_BLOCK, COMPRESSION_SNAPPY_FRAMED, COMPRESSION_LZ4_FRAME,
};

/* ---- packing, by the libraries themselves ---- */

static void pack_deflate(struct buf *out, struct str plain, bool gzip)
{
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
    buf_reserve(out, libdeflate_gzip_compress_bound(c, plain.len));
    out->len += (gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress)(
        c, plain.ptr, plain.len, out->ptr + out->len, out->cap - out->len);
    libdeflate_free_compressor(c);
}

static void pack_zstd(struct buf *out, struct str plain)
{
    buf_reserve(out, ZSTD_compressBound(plain.len));
    out->len += ZSTD_compress(out->ptr + out->len, out->cap - out->len, plain.ptr, plain.len, 1);
}

static void pack_lz4(struct buf *out, struct str plain)
{
    LZ4F_preferences_t p = {.frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled,
                                          .blockChecksumFlag = LZ4F_blockChecksumEnabled}};
    buf_reserve(out, LZ4F_compressFrameBound(plain.len, &p));
    out->len +=
        LZ4F_compressFrame(out->ptr + out->len, out->cap - out->len, plain.ptr, plain.len, &p);
}

static void pack_block(struct buf *out, struct str plain)
{
    size_t len = snappy_max_compressed_length(plain.len);
    buf_reserve(out, len);
    snappy_compress(plain.ptr, plain.len, out->ptr + out->len, &len);
    out->len += len;
}

static void put_chunk(struct buf *out, unsigned type, struct str plain)
{
    struct buf data = {0};
    uint32_t crc = crc32c(plain);
    buf_append_u32(&data, (crc >> 15 | crc << 17) + 0xa282ead8);
    if (type == 0)
        pack_block(&data, plain);
    else
        buf_append_str(&data, plain);
    buf_append_u32(out, (uint32_t)data.len << 8 | type);
    buf_append_str(out, buf_str(&data));
    buf_deinit(&data);
}

/* Compressed, plain and skippable chunks in turn. */
static void pack_framed(struct buf *out, struct str plain)
{
    buf_append(out, "\xff\x06\x00\x00sNaPpY", 10);
    for (size_t at = 0, n = 0; at < plain.len; at += 65536, n++) {
        put_chunk(out, n % 2, str_sub(plain, at, at + 65536));
        buf_append(out, "\xfe\x02\x00\x00..", 6);
    }
}

static void pack(enum batch_compression how, struct buf *out, struct str plain)
{
    switch (how) {
    case COMPRESSION_GZIP:
    case COMPRESSION_ZLIB:
        pack_deflate(out, plain, how == COMPRESSION_GZIP);
        break;
    case COMPRESSION_ZSTD:
        pack_zstd(out, plain);
        break;
    case COMPRESSION_LZ4_FRAME:
        pack_lz4(out, plain);
        break;
    case COMPRESSION_SNAPPY_BLOCK:
        pack_block(out, plain);
        break;
    default:
        pack_framed(out, plain);
    }
}

/* Text that packs well but not to nothing. */
static struct buf plain_of(size_t len)
{
    struct buf b = {0};
    for (uint64_t n = 1; b.len < len; n++)
        buf_printf(&b, "span %llu of service %llu, ", (unsigned long long)(n * n),
                   (unsigned long long)(n % 17));
    b.len = len;
    return b;
}

static void expect_plain(enum batch_compression how, struct str packed, struct str plain,
                         const char *row)
{
    struct err e = {0};
    struct str out;
    enum status status = unpack(how, packed, CAP, &out, &e);
    cr_assert(status == ST_OK, "%s %d: %s", row, (int)how, e.msg);
    cr_expect(str_eq(out, plain), "%s %d: %zu bytes, not %zu", row, (int)how, out.len, plain.len);
    mem_free((void *)(uintptr_t)out.ptr);
}

static enum status expect_error(enum batch_compression how, struct str packed, size_t cap,
                                struct err *e)
{
    struct str out;
    enum status status = unpack(how, packed, cap, &out, e);
    if (status == ST_OK)
        mem_free((void *)(uintptr_t)out.ptr);
    return status;
}

Test(unpack, round_trips_of_all_sizes)
{
    static const size_t sizes[] = {0, 1, 2, 100, 4600, 65535, 65536, 65537, 300000, CAP};
    for (size_t i = 0; i < LEN(all); i++) {
        for (size_t k = 0; k < LEN(sizes); k++) {
            struct buf plain = plain_of(sizes[k]), packed = {0};
            pack(all[i], &packed, buf_str(&plain));
            expect_plain(all[i], buf_str(&packed), buf_str(&plain), "round trip");
            buf_deinit(&plain);
            buf_deinit(&packed);
        }
    }
    EXPECT_NO_LEAK();
}

Test(unpack, the_cap_is_exact)
{
    for (size_t i = 0; i < LEN(all); i++) {
        struct buf plain = plain_of(100000), packed = {0};
        struct err e;
        struct str out;
        pack(all[i], &packed, buf_str(&plain));
        cr_assert(unpack(all[i], buf_str(&packed), 100000, &out, &e) == ST_OK, "%d: %s",
                  (int)all[i], e.msg);
        mem_free((void *)(uintptr_t)out.ptr);
        cr_expect(expect_error(all[i], buf_str(&packed), 99999, &e) == ST_TOO_BIG, "%d",
                  (int)all[i]);
        cr_expect(strstr(e.msg, "limit of 99999 bytes"), "%s", e.msg);
        buf_deinit(&plain);
        buf_deinit(&packed);
    }
    EXPECT_NO_LEAK();
}

Test(unpack, the_payer_is_asked_before_the_output_grows)
{
    for (size_t i = 0; i < LEN(all); i++) {
        struct buf plain = plain_of(300000), packed = {0};
        struct budget budget = {.limit = 10 * MIB};
        struct arena payer = {.budget = &budget, .budget_percent = 100};
        struct err e;
        struct str out;
        pack(all[i], &packed, buf_str(&plain));
        cr_assert(unpack_paid(all[i], buf_str(&packed), MIB, &payer, &out, &e) == ST_OK);
        mem_free((void *)(uintptr_t)out.ptr);
        cr_expect(budget_used(&budget) >= 300000 && budget_used(&budget) <= MIB + 1, "%d",
                  (int)all[i]);
        arena_reset(&payer);
        budget_force(&budget, 10 * MIB - 200000);
        cr_expect(unpack_paid(all[i], buf_str(&packed), MIB, &payer, &out, &e) == ST_BUSY, "%d",
                  (int)all[i]);
        cr_expect(payer.is_refused && payer.held_bytes == 0);
        arena_deinit(&payer);
        cr_expect(budget_used(&budget) == 10 * MIB - 200000);
        buf_deinit(&plain);
        buf_deinit(&packed);
    }
    EXPECT_NO_LEAK();
}

Test(unpack, several_frames_are_one_text)
{
    for (size_t i = 0; i < LEN(all); i++) {
        struct buf plain = {0}, packed = {0};
        if (all[i] == COMPRESSION_ZLIB || all[i] == COMPRESSION_SNAPPY_BLOCK)
            continue; /* these have no second frame */
        for (size_t n = 0; n < 4; n++) {
            struct buf part = plain_of(n * 70000);
            pack(all[i], &packed, buf_str(&part));
            buf_append_str(&plain, buf_str(&part));
            buf_deinit(&part);
        }
        expect_plain(all[i], buf_str(&packed), buf_str(&plain), "frames");
        buf_deinit(&plain);
        buf_deinit(&packed);
    }
    EXPECT_NO_LEAK();
}

Test(unpack, zstd_takes_a_large_window_only_when_it_needs_none)
{
    struct buf plain = {0}, packed = {0};
    struct err e;
    struct str out;
    ZSTD_CCtx *c = ZSTD_createCCtx();
    buf_reserve(&plain, 20 * MIB);
    memset(plain.ptr, 'x', 20 * MIB);
    plain.len = 20 * MIB;
    /* one segment of 20 MiB that names its size: written straight into the output */
    pack_zstd(&packed, buf_str(&plain));
    cr_expect(unpack(COMPRESSION_ZSTD, buf_str(&packed), 64 * MIB, &out, &e) == ST_OK, "%s", e.msg);
    mem_free((void *)(uintptr_t)out.ptr);
    /* 16 MiB of window, size unknown */
    ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 24);
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    packed.len = ZSTD_compress2(c, packed.ptr, packed.cap, plain.ptr, plain.len);
    cr_expect(expect_error(COMPRESSION_ZSTD, buf_str(&packed), 64 * MIB, &e) == ST_TOO_BIG);
    cr_expect(strstr(e.msg, "window"), "%s", e.msg);
    ZSTD_freeCCtx(c);
    buf_deinit(&plain);
    buf_deinit(&packed);
    EXPECT_NO_LEAK();
}

Test(unpack, every_cut_is_noticed)
{
    for (size_t i = 0; i < LEN(all); i++) {
        struct buf plain = plain_of(5000), packed = {0};
        pack(all[i], &packed, buf_str(&plain));
        for (size_t len = 0; len < packed.len; len++) {
            struct err e;
            struct buf cut = {0};
            buf_append(&cut, packed.ptr, len);
            enum status status = expect_error(all[i], buf_str(&cut), CAP, &e);
            /* framed snappy may end behind any chunk */
            bool whole =
                all[i] == COMPRESSION_SNAPPY_FRAMED && (len == 10 || len == packed.len - 6);
            cr_expect(status == (whole ? ST_OK : ST_INVALID), "%d cut at %zu: %s", (int)all[i], len,
                      status_name(status));
            buf_deinit(&cut);
        }
        buf_deinit(&plain);
        buf_deinit(&packed);
    }
    EXPECT_NO_LEAK();
}

Test(unpack, garbage_behind_the_end_is_refused)
{
    for (size_t i = 0; i < LEN(all); i++) {
        struct buf plain = plain_of(5000), packed = {0};
        struct err e;
        pack(all[i], &packed, buf_str(&plain));
        buf_append(&packed, "rubbish", 7);
        cr_expect(expect_error(all[i], buf_str(&packed), CAP, &e) == ST_INVALID, "%d", (int)all[i]);
        buf_deinit(&plain);
        buf_deinit(&packed);
    }
    EXPECT_NO_LEAK();
}

/* Formats with a checksum notice any damage; the others must at least stay inside their memory (run
 * with ASan). */
Test(unpack, damage_is_noticed)
{
    for (size_t i = 0; i < LEN(all); i++) {
        struct buf plain = plain_of(3000), packed = {0};
        bool summed = all[i] != COMPRESSION_ZSTD && all[i] != COMPRESSION_SNAPPY_BLOCK;
        pack(all[i], &packed, buf_str(&plain));
        for (size_t at = 0; at < packed.len; at++) {
            struct err e;
            struct str out = {NULL, 0};
            packed.ptr[at] = (char)(packed.ptr[at] ^ 0x20);
            enum status status = unpack(all[i], buf_str(&packed), CAP, &out, &e);
            if (status == ST_OK && summed)
                cr_expect(str_eq(out, buf_str(&plain)), "%d damaged at %zu", (int)all[i], at);
            if (status == ST_OK)
                mem_free((void *)(uintptr_t)out.ptr);
            packed.ptr[at] = (char)(packed.ptr[at] ^ 0x20);
        }
        buf_deinit(&plain);
        buf_deinit(&packed);
    }
    EXPECT_NO_LEAK();
}

Test(unpack, bombs_stop_at_the_cap)
{
    for (size_t i = 0; i < LEN(all); i++) {
        struct buf plain = {0}, packed = {0};
        struct err e;
        buf_reserve(&plain, 64 * MIB);
        memset(plain.ptr, 0, 64 * MIB);
        plain.len = 64 * MIB;
        pack(all[i], &packed, buf_str(&plain));
        buf_deinit(&plain);
        cr_expect(expect_error(all[i], buf_str(&packed), MIB, &e) == ST_TOO_BIG, "%d: %s",
                  (int)all[i], e.msg);
        buf_deinit(&packed);
    }
    EXPECT_NO_LEAK();
}

static const struct {
    const char *name;
    enum batch_compression how;
    struct str packed;
    enum status want;
} lies[] = {
    {"snappy block of 4 GiB in 6 bytes",
     COMPRESSION_SNAPPY_BLOCK,
     {"\xff\xff\xff\xff\x0f\x00", 6},
     ST_INVALID},
    {"snappy block of 3 MiB in 6 bytes",
     COMPRESSION_SNAPPY_BLOCK,
     {"\x80\x80\xc0\x01\x00\x00", 6},
     ST_INVALID},
    {"snappy preamble too long",
     COMPRESSION_SNAPPY_BLOCK,
     {"\xff\xff\xff\xff\xff\xff", 6},
     ST_INVALID},
    {"framed without identifier",
     COMPRESSION_SNAPPY_FRAMED,
     {"\x01\x05\x00\x00\x00\x00\x00\x00x", 9},
     ST_INVALID},
    {"framed with a wrong identifier",
     COMPRESSION_SNAPPY_FRAMED,
     {"\xff\x06\x00\x00sNaPpX", 10},
     ST_INVALID},
    {"framed with an unknown chunk",
     COMPRESSION_SNAPPY_FRAMED,
     {"\xff\x06\x00\x00sNaPpY\x02\x00\x00\x00", 14},
     ST_INVALID},
    {"framed without checksum",
     COMPRESSION_SNAPPY_FRAMED,
     {"\xff\x06\x00\x00sNaPpY\x01\x03\x00\x00xyz", 17},
     ST_INVALID},
    {"framed with a wrong checksum",
     COMPRESSION_SNAPPY_FRAMED,
     {"\xff\x06\x00\x00sNaPpY\x01\x05\x00\x00....x", 19},
     ST_INVALID},
    {"gzip of another kind",
     COMPRESSION_GZIP,
     {"\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20},
     ST_INVALID},
    {"zstd that claims 1 TiB",
     COMPRESSION_ZSTD,
     {"\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x00\x01\x00\x00\x01\x00\x00", 16},
     ST_TOO_BIG},
};

Test(unpack, lies_allocate_nothing_and_are_refused)
{
    for (size_t i = 0; i < LEN(lies); i++) {
        struct err e;
        enum status status = expect_error(lies[i].how, lies[i].packed, CAP, &e);
        cr_expect(status == lies[i].want, "row %s: %s %s", lies[i].name, status_name(status),
                  e.msg);
    }
    EXPECT_NO_LEAK();
}

Test(unpack, survives_failed_allocations)
{
    for (size_t i = 0; i < LEN(all); i++) {
        struct buf plain = plain_of(200000), packed = {0};
        pack(all[i], &packed, buf_str(&plain));
        bool failed = true;
        for (long n = 0; failed; n++) {
            struct err e;
            struct str out;
            mem_fail_after(n);
            enum status status = unpack(all[i], buf_str(&packed), CAP, &out, &e);
            failed = mem_did_fail();
            mem_fail_after(-1);
            /* giving room back may fail without harm */
            cr_expect(status == ST_OK || (failed && status == ST_NO_MEMORY), "%d allocation %ld",
                      (int)all[i], n);
            if (status == ST_OK)
                mem_free((void *)(uintptr_t)out.ptr);
        }
        buf_deinit(&plain);
        buf_deinit(&packed);
    }
    EXPECT_NO_LEAK();
}

Test(unpack, tokens_of_http_and_grpc)
{
    static const struct {
        const char *token;
        int http, grpc; /* -1: not spoken */
    } rows[] = {
        {"", COMPRESSION_NONE, COMPRESSION_NONE},
        {"identity", COMPRESSION_NONE, COMPRESSION_NONE},
        {"gzip", COMPRESSION_GZIP, COMPRESSION_GZIP},
        {"GZIP", COMPRESSION_GZIP, COMPRESSION_GZIP},
        {" gzip ", COMPRESSION_GZIP, COMPRESSION_GZIP},
        {"x-gzip", COMPRESSION_GZIP, -1},
        {"zstd", COMPRESSION_ZSTD, COMPRESSION_ZSTD},
        {"deflate", COMPRESSION_ZLIB, -1},
        {"zlib", COMPRESSION_ZLIB, -1},
        {"snappy", COMPRESSION_SNAPPY_BLOCK, COMPRESSION_SNAPPY_FRAMED},
        {"x-snappy-framed", COMPRESSION_SNAPPY_FRAMED, -1},
        {"lz4", COMPRESSION_LZ4_FRAME, -1},
        {"br", -1, -1},
        {"gzip, gzip", -1, -1},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        enum batch_compression got;
        struct str token = str_from_c(rows[i].token);
        int http = unpack_from_http(token, &got) ? (int)got : -1;
        int grpc = unpack_from_grpc(token, &got) ? (int)got : -1;
        cr_expect(http == rows[i].http && grpc == rows[i].grpc, "row %s", rows[i].token);
    }
}

Test(crc32c, check_values_of_rfc_3720)
{
    static const char zeros[32];
    char ones[32], up[32];
    memset(ones, 0xff, sizeof(ones));
    for (size_t i = 0; i < sizeof(up); i++)
        up[i] = (char)i;
    cr_expect(crc32c(STR("123456789")) == 0xe3069283);
    cr_expect(crc32c((struct str){zeros, 32}) == 0x8a9136aa);
    cr_expect(crc32c((struct str){ones, 32}) == 0x62a8ab43);
    cr_expect(crc32c((struct str){up, 32}) == 0x46dd794e);
    cr_expect(crc32c(STR("")) == 0);
}
