/* test_http2_session.c - gRPC calls over HTTP/2: framing, refusals, held calls, time limits, the
 * end. */
#include "tests/unit/net/h2_rig.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"
#include "base/status_wire.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define HELLO "\0\0\0\0\5hello"

static struct h2_upload upload_of(struct str bytes)
{
    return (struct h2_upload){.bytes = bytes};
}

Test(http2_session, answers_a_call_in_pieces_of_any_size)
{
    static const size_t pieces[] = {0, 1, 3, 4, 5, 6, 9};
    for (size_t i = 0; i < LEN(pieces); i++) {
        struct h2_rig rig;
        struct h2_seen seen;
        struct h2_upload up = {.bytes = STR(HELLO), .piece = pieces[i]};
        h2_rig_init(&rig);
        h2_rig_connect(&rig);
        h2_rig_call(&rig, EXPORT_PATH, "application/grpc+proto", &up, &seen);
        h2_rig_pump(&rig);
        cr_expect(eq(int, seen.http_status, 200), "piece %zu", pieces[i]);
        cr_expect(eq(int, seen.grpc_status, 0), "piece %zu", pieces[i]);
        cr_expect(eq(sz, seen.data_len, 9));
        cr_expect(seen.data_len == 9 && memcmp(seen.data, "\0\0\0\0\4done", 9) == 0);
        cr_expect(eq(str, seen.accept, "identity,gzip"));
        cr_expect(rig.received_len == 5 && memcmp(rig.received, "hello", 5) == 0);
        h2_rig_deinit(&rig);
    }
    EXPECT_NO_LEAK();
}

Test(http2_session, keeps_interleaved_calls_apart)
{
    struct h2_rig rig;
    struct h2_seen seen[3];
    struct h2_upload up[3];
    h2_rig_init(&rig);
    h2_rig_connect(&rig);
    for (size_t i = 0; i < 3; i++) {
        up[i] = (struct h2_upload){.bytes = STR(HELLO), .piece = 2};
        h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up[i], &seen[i]);
    }
    h2_rig_pump(&rig);
    for (size_t i = 0; i < 3; i++)
        cr_expect(eq(int, seen[i].grpc_status, 0), "call %zu", i);
    cr_expect(eq(sz, rig.handled, 3));
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, refuses_wrong_calls_with_a_sentence)
{
    static const struct {
        const char *name, *path, *type;
        struct str bytes;
        int http, grpc;
        const char *message;
    } rows[] = {
        {"no message", EXPORT_PATH, "application/grpc", {"", 0}, 200, 3, "without a message"},
        {"short prefix", EXPORT_PATH, "application/grpc", {"\0\0", 2}, 200, 3, "without a message"},
        {"cut", EXPORT_PATH, "application/grpc", {"\0\0\0\0\5hel", 8}, 200, 3, "in the middle"},
        {"two",
         EXPORT_PATH,
         "application/grpc",
         {"\0\0\0\0\1a\0\0\0\0\1b", 12},
         200,
         3,
         "one message"},
        {"flag", EXPORT_PATH, "application/grpc", {"\2\0\0\0\1a", 6}, 200, 3, "flag"},
        {"too big", EXPORT_PATH, "application/grpc", {"\0\xff\xff\xff\xff", 5}, 200, 8, "limit"},
        {"no method", "/a.B/%C", "application/grpc", {HELLO, 10}, 200, 12, "/a.B/%25C"},
        {"json", EXPORT_PATH, "application/json", {HELLO, 10}, 415, -1, ""},
        {"web", EXPORT_PATH, "application/grpc-web", {HELLO, 10}, 415, -1, ""},
        {"format", EXPORT_PATH, "application/grpc+x;a=b", {"\0\0\0\0\1", 5}, 200, 3, "middle"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct h2_rig rig;
        struct h2_seen seen;
        struct h2_upload up = upload_of(rows[i].bytes);
        h2_rig_init(&rig);
        h2_rig_connect(&rig);
        h2_rig_call(&rig, rows[i].path, rows[i].type, &up, &seen);
        h2_rig_pump(&rig);
        cr_expect(eq(int, seen.http_status, rows[i].http), "row %s", rows[i].name);
        cr_expect(eq(int, seen.grpc_status, rows[i].grpc), "row %s", rows[i].name);
        cr_expect(strstr(seen.message, rows[i].message) != NULL, "row %s: %s", rows[i].name,
                  seen.message);
        cr_expect(seen.closed, "row %s", rows[i].name);
        cr_expect(eq(sz, rig.handled, 0), "row %s", rows[i].name);
        cr_expect(rig.alive, "row %s: the connection goes on", rows[i].name);
        h2_rig_deinit(&rig);
    }
    EXPECT_NO_LEAK();
}

/* The promise costs nothing, and what still arrives is discarded while the windows keep moving. */
Test(http2_session, discards_the_rest_of_a_message_over_the_limit)
{
    struct h2_rig rig;
    struct h2_seen seen, next;
    static char big[3 * MIB];
    memcpy(big, "\0\0\x2f\xff\xfb", 5);
    struct h2_upload up = upload_of((struct str){big, sizeof(big)}), hello = upload_of(STR(HELLO));
    h2_rig_init(&rig);
    rig.config.limits.body_bytes = MIB;
    h2_rig_connect(&rig);
    h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
    h2_rig_pump(&rig);
    cr_expect(eq(int, seen.grpc_status, 8));
    cr_expect(eq(u32, seen.close_code, NGHTTP2_NO_ERROR));
    cr_expect(strstr(seen.details, "RetryInfo") == NULL);
    cr_expect(eq(u64, stat_get(&rig.stats.too_big), 1));
    h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &hello, &next);
    h2_rig_pump(&rig);
    cr_expect(eq(int, next.grpc_status, 0), "the connection goes on");
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, carries_messages_larger_than_the_windows)
{
    struct h2_rig rig;
    struct h2_seen seen;
    static char big[5 * MIB + 5];
    memcpy(big, "\0\0\x50\0\0", 5);
    struct h2_upload up = upload_of((struct str){big, sizeof(big)});
    struct budget budget = {.limit = 64 * MIB};
    h2_rig_init(&rig);
    rig.config.budget = &budget;
    h2_rig_connect(&rig);
    h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
    h2_rig_pump(&rig);
    cr_expect(eq(int, seen.grpc_status, 0));
    cr_expect(eq(u64, budget_used(&budget), 0), "given back");
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

static bool say_no(uint64_t bytes, struct str agent, struct err *e, void *user)
{
    (void)bytes, (void)agent, (void)user;
    err_set(e, ST_BUSY, "full");
    return false;
}

Test(http2_session, refuses_with_retry_advice_when_not_admitted)
{
    struct h2_rig rig;
    struct h2_seen seen;
    struct h2_upload up = {.bytes = STR(HELLO), .no_end = true};
    h2_rig_init(&rig);
    rig.config.admit = say_no;
    h2_rig_connect(&rig);
    h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
    h2_rig_pump(&rig);
    cr_expect(eq(int, seen.grpc_status, 14));
    cr_expect(eq(str, seen.message, "full"));
    /* base64 of Status{14, "full", [Any{RetryInfo, {{1 s}}}]}, unpadded */
    cr_expect(eq(str, seen.details,
                 "CA4SBGZ1bGwaMAoodHlwZS5nb29nbGVhcGlzLmNv"
                 "bS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIAQ"));
    cr_expect(seen.closed, "answered before the client's end: RST_STREAM(NO_ERROR)");
    cr_expect(eq(int, rig.rst_code, NGHTTP2_NO_ERROR));
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, keeps_a_held_call_when_its_stream_is_reset)
{
    struct h2_rig rig;
    struct h2_seen seen;
    struct h2_upload up = upload_of(STR(HELLO));
    h2_rig_init(&rig);
    rig.hold = true;
    h2_rig_connect(&rig);
    int32_t id = h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
    h2_rig_pump(&rig);
    cr_assert(eq(sz, rig.held_count, 1));
    nghttp2_submit_rst_stream(rig.client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    h2_rig_pump(&rig);
    cr_expect(eq(u64, stat_get(&rig.stats.aborted), 1));
    cr_expect(str_eq(grpc_peer(rig.held[0]), STR("127.0.0.1:4242")));
    cr_expect(str_eq(grpc_header(rig.held[0], "te"), STR("trailers")));
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, keeps_to_the_callers_deadline)
{
    static const struct {
        const char *timeout;
        int grpc;
    } rows[] = {{"0n", 4}, {"1u", 4}, {"1H", 0}, {"nonsense", 0}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct h2_rig rig;
        struct h2_seen seen;
        struct h2_upload up = {.bytes = STR("\0\0\0\0\5he"), .no_end = true};
        h2_rig_init(&rig);
        h2_rig_connect(&rig);
        rig.timeout = rows[i].timeout;
        int32_t id = h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
        h2_rig_pump(&rig);
        rig.now_ns += NS_PER_S;
        up = upload_of(STR("llo"));
        nghttp2_session_resume_data(rig.client, id);
        h2_rig_pump(&rig);
        cr_expect(eq(int, seen.grpc_status, rows[i].grpc), "row %s", rows[i].timeout);
        cr_expect(eq(sz, rig.handled, rows[i].grpc == 0), "row %s", rows[i].timeout);
        h2_rig_deinit(&rig);
    }
    EXPECT_NO_LEAK();
}

Test(http2_session, fails_a_slow_body_and_goes_on)
{
    struct h2_rig rig;
    struct h2_seen seen;
    struct h2_upload up = {.bytes = STR("\0\0\0\0\5he"), .no_end = true};
    h2_rig_init(&rig);
    h2_rig_connect(&rig);
    h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
    h2_rig_pump(&rig);
    h2_rig_tick(&rig, rig.config.limits.body_time_ns - NS_PER_S);
    cr_expect(eq(int, seen.grpc_status, -1), "still in time");
    h2_rig_tick(&rig, 2 * NS_PER_S);
    cr_expect(eq(int, seen.grpc_status, 4));
    cr_expect(eq(u64, stat_get(&rig.stats.slow_bodies), 1));
    cr_expect(rig.alive);
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, closes_who_does_not_greet_or_finish_a_head)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct h2_rig rig;
    h2_rig_init(&rig);
    rig.server = h2_session_new(&rig.host, "peer", NULL, NULL, rig.now_ns);
    h2_session_receive(rig.server, str_from_c(preface), rig.now_ns);
    cr_expect(h2_session_tick(rig.server, rig.now_ns + 9 * NS_PER_S));
    cr_expect(not(h2_session_tick(rig.server, rig.now_ns + 11 * NS_PER_S)), "no SETTINGS");
    h2_session_free(rig.server);

    struct buf half = {0};
    buf_append_str(&half, str_from_c(preface));
    h2_frame(&half, NGHTTP2_SETTINGS, 0, 0, STR(""));
    h2_frame(&half, NGHTTP2_HEADERS, 0, 1, h2_call_head()); /* without END_HEADERS */
    rig.server = h2_session_new(&rig.host, "peer", NULL, NULL, rig.now_ns);
    cr_expect(h2_session_receive(rig.server, buf_str(&half), rig.now_ns));
    cr_expect(h2_session_tick(rig.server, rig.now_ns + 9 * NS_PER_S));
    cr_expect(not(h2_session_tick(rig.server, rig.now_ns + 11 * NS_PER_S)), "half a head");
    buf_deinit(&half);
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, pings_the_idle_and_closes_the_silent)
{
    struct h2_rig rig;
    h2_rig_init(&rig);
    h2_rig_connect(&rig);
    for (int i = 0; i < 10; i++)
        h2_rig_tick(&rig, 30 * NS_PER_S);
    cr_expect(rig.alive, "an answered PING keeps it for ever");
    cr_expect(rig.pings > 2);
    rig.now_ns += 31 * NS_PER_S;
    cr_expect(h2_session_tick(rig.server, rig.now_ns), "PING goes out, nobody answers");
    cr_expect(h2_session_tick(rig.server, rig.now_ns + 19 * NS_PER_S));
    cr_expect(not(h2_session_tick(rig.server, rig.now_ns + 21 * NS_PER_S)));
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, closes_who_does_not_read_the_answer)
{
    struct h2_rig rig;
    struct h2_seen seen;
    struct h2_upload up = upload_of(STR(HELLO));
    nghttp2_settings_entry none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    h2_rig_init(&rig);
    h2_rig_connect(&rig);
    nghttp2_submit_settings(rig.client, NGHTTP2_FLAG_NONE, &none, 1);
    h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
    h2_rig_pump(&rig);
    cr_expect(eq(int, seen.grpc_status, -1), "no window for the answer");
    h2_rig_tick(&rig, 59 * NS_PER_S);
    cr_expect(rig.alive);
    h2_rig_tick(&rig, 2 * NS_PER_S);
    cr_expect(not(rig.alive));
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, drains_gracefully)
{
    struct h2_rig rig;
    struct h2_seen seen, late;
    struct h2_upload up = upload_of(STR(HELLO)), up2 = upload_of(STR(HELLO));
    h2_rig_init(&rig);
    rig.hold = true;
    h2_rig_connect(&rig);
    h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
    h2_rig_pump(&rig);
    h2_session_drain(rig.server);
    h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up2, &late);
    h2_rig_pump(&rig);
    cr_expect(eq(int, rig.goaways, 1), "the notice");
    cr_expect(eq(sz, rig.held_count, 2), "a call that was on its way is served");
    for (int i = 0; i < 3; i++)
        h2_rig_tick(&rig, NS_PER_MS);
    cr_expect(eq(int, rig.goaways, 2), "the final GOAWAY");
    cr_expect(not(h2_session_is_done(rig.server)), "two calls are held");
    rig.held_count = 0;
    grpc_reply(rig.held[0], STR(""));
    grpc_reply(rig.held[1], STR(""));
    h2_rig_pump(&rig);
    cr_expect(eq(int, seen.grpc_status, 0));
    cr_expect(eq(int, late.grpc_status, 0));
    cr_expect(h2_session_is_done(rig.server));
    cr_expect(eq(int, rig.goaway_code, NGHTTP2_NO_ERROR));
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, answers_431_when_the_header_list_is_too_large)
{
    struct h2_rig rig;
    struct h2_seen seen;
    struct h2_upload up = upload_of(STR(HELLO));
    h2_rig_init(&rig);
    rig.config.limits.header_list_bytes = 256;
    h2_rig_connect(&rig);
    h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
    h2_rig_pump(&rig);
    cr_expect(eq(int, seen.http_status, 431));
    h2_rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(http2_session, survives_every_failed_allocation)
{
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct h2_rig rig;
        struct h2_seen seen = {0};
        struct h2_upload up = upload_of(STR(HELLO));
        h2_rig_init(&rig);
        h2_rig_connect(&rig);
        if (rig.server) {
            h2_rig_call(&rig, EXPORT_PATH, "application/grpc", &up, &seen);
            h2_rig_pump(&rig);
        }
        h2_rig_deinit(&rig);
    }
    cr_expect(walk.failures > 10);
    EXPECT_NO_LEAK();
}
