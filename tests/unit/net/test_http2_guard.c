/* test_http2_guard.c - the abuse table: every flood ends its connection, honest traffic of the same
 * frames does not. */
#include "tests/unit/net/h2_rig.h"
#include "net/token_bucket.h"
#include "tests/support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { FLOOD = 3000 };

/* One frame (or a few) of each kind of flood, for stream id `id`. */
static void rapid_reset(struct buf *out, uint32_t id)
{
    h2_frame(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, h2_call_head());
    h2_frame(out, NGHTTP2_RST_STREAM, 0, id, STR("\0\0\0\10"));
}

/* A head without :path is malformed: we reset that stream. */
static void server_reset(struct buf *out, uint32_t id)
{
    h2_frame(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id,
             STR("\x83\x86"));
}

static void closed_stream_data(struct buf *out, uint32_t id)
{
    if (id == 1)
        rapid_reset(out, id);
    h2_frame(out, NGHTTP2_DATA, 0, 1, STR(""));
}

static void ping(struct buf *out, uint32_t id)
{
    (void)id;
    h2_frame(out, NGHTTP2_PING, 0, 0, STR("12345678"));
}

static void settings(struct buf *out, uint32_t id)
{
    (void)id;
    h2_frame(out, NGHTTP2_SETTINGS, 0, 0, STR(""));
}

static void priority(struct buf *out, uint32_t id)
{
    h2_frame(out, NGHTTP2_PRIORITY, 0, id, STR("\0\0\0\0\20"));
}

static void unknown(struct buf *out, uint32_t id)
{
    (void)id;
    h2_frame(out, 0x77, 0, 0, STR("what"));
}

static void window_update(struct buf *out, uint32_t id)
{
    (void)id;
    h2_frame(out, NGHTTP2_WINDOW_UPDATE, 0, 0, STR("\0\0\0\1"));
}

static void open_once(struct buf *out, uint32_t id)
{
    if (id == 1)
        h2_frame(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, h2_call_head());
}

static void empty_data(struct buf *out, uint32_t id)
{
    open_once(out, id);
    h2_frame(out, NGHTTP2_DATA, 0, 1, STR(""));
}

static void padding(struct buf *out, uint32_t id)
{
    static const char mostly_padding[64] = {60};
    open_once(out, id);
    h2_frame(out, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, (struct str){mostly_padding, 64});
}

static void continuation(struct buf *out, uint32_t id)
{
    if (id == 1)
        h2_frame(out, NGHTTP2_HEADERS, 0, 1, h2_call_head());
    h2_frame(out, NGHTTP2_CONTINUATION, 0, 1, id % 4 == 1 ? STR("") : STR("\20\1a\1b"));
}

static void large_head(struct buf *out, uint32_t id)
{
    static char block[16 * KIB];
    if (id == 1)
        h2_frame(out, NGHTTP2_HEADERS, 0, 1, h2_call_head());
    memset(block, 0x82, sizeof(block)); /* ":method: GET", again and again */
    h2_frame(out, NGHTTP2_CONTINUATION, 0, 1, (struct str){block, sizeof(block)});
}

static const struct {
    const char *name;
    void (*make)(struct buf *out, uint32_t id);
    size_t allowed; /* rounds that an unlucky honest client may need */
    size_t most;    /* the limits of the guard: 200 resets, 1,000 useless frames, 8 CONTINUATIONs */
} floods[] = {
    {"rapid reset", rapid_reset, 100, 250},
    {"server reset", server_reset, 100, 250},
    {"ping", ping, 500, 1100},
    {"settings", settings, 500, 1100},
    {"priority", priority, 500, 1100},
    {"unknown frames", unknown, 500, 1100},
    {"window update", window_update, 500, 1100},
    {"empty data", empty_data, 500, 1100},
    {"padding", padding, 500, 1100},
    {"continuation", continuation, 0, 9},
    {"large head", large_head, 0, 2},
    {"data for a closed stream", closed_stream_data, 500, 1100},
};

Test(http2_guard, ends_every_flood)
{
    for (size_t i = 0; i < LEN(floods); i++) {
        struct h2_rig rig;
        size_t round = 0;
        h2_rig_init(&rig);
        h2_rig_connect(&rig);
        for (; round < FLOOD && rig.alive; round++) {
            struct buf bytes = {0};
            floods[i].make(&bytes, (uint32_t)(2 * round + 1));
            h2_rig_raw(&rig, buf_str(&bytes));
            buf_deinit(&bytes);
        }
        cr_expect(not(rig.alive), "%s goes on", floods[i].name);
        cr_expect(round > floods[i].allowed && round <= floods[i].most, "%s after %zu",
                  floods[i].name, round);
        cr_expect(eq(u64, stat_get(&rig.stats.abusive), 1), "%s is counted", floods[i].name);
        cr_expect(eq(int, rig.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM), "%s", floods[i].name);
        h2_rig_deinit(&rig);
    }
    EXPECT_NO_LEAK();
}

/* The same in one read: nothing may wait for bytes that never come. */
Test(http2_guard, ends_every_flood_that_comes_at_once)
{
    for (size_t i = 0; i < LEN(floods); i++) {
        struct h2_rig rig;
        struct buf bytes = {0};
        h2_rig_init(&rig);
        h2_rig_connect(&rig);
        for (uint32_t round = 0; round < FLOOD; round++)
            floods[i].make(&bytes, 2 * round + 1);
        h2_rig_raw(&rig, buf_str(&bytes));
        cr_expect(not(rig.alive), "%s goes on", floods[i].name);
        /* Too many streams at once is a PROTOCOL_ERROR to nghttp2 before it is a flood to us. */
        cr_expect(rig.goaway_code > NGHTTP2_NO_ERROR, "%s", floods[i].name);
        buf_deinit(&bytes);
        h2_rig_deinit(&rig);
    }
    EXPECT_NO_LEAK();
}

/* One field of 3,000 bytes goes into the table, and each further byte of the block names it again:
 * nobody unpacks a megabyte of that, let alone a hundred times. */
Test(http2_guard, a_head_far_over_the_limit_is_not_unpacked)
{
    static const struct {
        unsigned times; /* of 3,001 bytes; the limit is 32 KiB */
        bool is_alive;
    } rows[] = {{20, true}, {40, true}, {44, false}, {400, false}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct h2_rig rig;
        struct buf head = {0}, bytes = {0};
        h2_rig_init(&rig);
        h2_rig_connect(&rig);
        buf_append_str(&head, STR("\x40\x01x\x7f\xb9\x16"));
        for (int k = 0; k < 3000; k++)
            buf_append_u8(&head, 'y');
        for (unsigned k = 1; k < rows[i].times; k++)
            buf_append_u8(&head, 0xbe);
        h2_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
                 buf_str(&head));
        h2_rig_raw(&rig, buf_str(&bytes));
        cr_expect(eq(int, rig.alive, rows[i].is_alive), "%u times", rows[i].times);
        cr_expect(eq(u64, stat_get(&rig.stats.abusive), !rows[i].is_alive), "%u times",
                  rows[i].times);
        buf_deinit(&head);
        buf_deinit(&bytes);
        h2_rig_deinit(&rig);
    }
    EXPECT_NO_LEAK();
}

/* grpc-go: a PING after each answer, a WINDOW_UPDATE now and then, and some calls are cancelled. */
Test(http2_guard, lets_honest_clients_work)
{
    struct h2_rig rig;
    h2_rig_init(&rig);
    h2_rig_connect(&rig);
    for (uint32_t i = 0; i < FLOOD; i++) {
        struct buf bytes = {0};
        uint32_t id = 2 * i + 1;
        rig.now_ns += NS_PER_MS;
        ping(&bytes, id);
        window_update(&bytes, id);
        if (i % 100 == 0) {
            rapid_reset(&bytes, id);
        } else {
            h2_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, h2_call_head());
            h2_frame(&bytes, NGHTTP2_DATA, 0, id, STR("\0\0\0\0\3"));
            h2_frame(&bytes, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, STR("abc"));
        }
        h2_rig_raw(&rig, buf_str(&bytes));
        buf_deinit(&bytes);
        cr_assert(rig.alive, "closed at call %u", i);
    }
    cr_expect(eq(sz, rig.handled, FLOOD - FLOOD / 100));
    cr_expect(eq(u64, stat_get(&rig.stats.abusive), 0));
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_guard, bucket_refills_with_time_up_to_its_burst)
{
    struct token_bucket b = token_bucket_of(2, 10, 0);
    cr_expect(token_bucket_take(&b, 0));
    cr_expect(token_bucket_take(&b, 0));
    cr_expect(not(token_bucket_take(&b, 0)));
    cr_expect(not(token_bucket_take(&b, 99 * NS_PER_MS)), "a tenth of a second is not over");
    cr_expect(token_bucket_take(&b, 100 * NS_PER_MS));
    cr_expect(token_bucket_take(&b, 100 * NS_PER_S));
    cr_expect(token_bucket_take(&b, 100 * NS_PER_S));
    cr_expect(not(token_bucket_take(&b, 100 * NS_PER_S)), "never more than the burst");
    token_bucket_give(&b, 5);
    cr_expect(token_bucket_take(&b, 0), "a clock that goes back takes nothing away");
}
