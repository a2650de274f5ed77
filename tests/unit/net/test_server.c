/* test_server.c - the ports as a peer sees them: HTTP/1.1 rows, wrong protocols, caps, deadlines,
 * draining. */
#include "tests/unit/net/server_rig.h"
#include "base/clock.h"
#include "net/acceptor.h"
#include "tests/support/leak.h"
#include <zstd.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES = 400 * KIB };

static char answer[ANSWER_BYTES];

static bool said(const char *text)
{
    return strstr(answer, text) != NULL;
}

/* Sends, then reads until the wanted text is there. */
static bool ask(int fd, struct str request, const char *wanted)
{
    bool closed;
    say(fd, request);
    hear(fd, answer, sizeof(answer), QUIET_MS, wanted, &closed);
    return said(wanted);
}

static unsigned count_answers(void)
{
    unsigned n = 0;
    for (const char *p = answer; (p = strstr(p, "HTTP/1.1 ")) != NULL; p++)
        n++;
    return n;
}

Test(server, http_rows)
{
    static const struct {
        const char *name, *request, *status;
        bool closes;
    } rows[] = {
        {"get", "GET /a?b=c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200", true},
        {"post",
         "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
         "200", true},
        {"no host", "GET / HTTP/1.1\r\n\r\n", "400", true},
        {"CL and TE",
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
         "400", true},
        {"two CL",
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\naGET /b "
         "HTTP/1.1\r\nHost: x\r\n\r\n",
         "400", true},
        {"CL with a blank", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello", "400",
         true},
        {"xchunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", "501",
         true},
        {"two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400", true},
        {"bare LF", "GET / HTTP/1.1\nHost: x\n\n", "400", true},
        {"folded", "GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", "400", true},
        {"dots", "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "400", true},
        {"NUL in the path", "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", "400", true},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", true},
        {"too large", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", "413",
         true},
        {"too large, polite",
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nExpect: "
         "100-continue\r\n\r\n",
         "413", true},
    };
    struct server_rig rig;
    server_rig_init(&rig);
    server_rig_start(&rig);
    for (size_t i = 0; i < LEN(rows); i++) {
        char want[32];
        bool closed;
        int fd = dial(net_server_http_addr(rig.server));
        say(fd, str_from_c(rows[i].request));
        hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
        snprintf(want, sizeof(want), "HTTP/1.1 %s ", rows[i].status);
        cr_expect(strncmp(answer, want, strlen(want)) == 0, "row %s: %.60s", rows[i].name, answer);
        cr_expect(said("nosniff"), "row %s", rows[i].name);
        cr_expect(eq(uint, count_answers(), 1), "row %s: nothing behind it is run", rows[i].name);
        cr_expect(eq(int, closed, rows[i].closes), "row %s", rows[i].name);
        close(fd);
    }
    cr_expect(eq(sz, rig.handled, 2));
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

Test(server, long_heads_get_414_and_431)
{
    struct server_rig rig;
    struct buf b = {0};
    server_rig_init(&rig);
    server_rig_start(&rig);
    buf_append_str(&b, STR("GET /"));
    for (int i = 0; i < 64 * KIB; i++)
        buf_append_u8(&b, 'a');
    buf_append_str(&b, STR(" HTTP/1.1\r\nHost: x\r\n\r\n"));
    int fd = dial(net_server_http_addr(rig.server));
    cr_expect(ask(fd, buf_str(&b), "HTTP/1.1 414 "), "%.80s", answer);
    close(fd);
    buf_reset(&b);
    buf_append_str(&b, STR("GET / HTTP/1.1\r\nHost: x\r\n"));
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "x-%d: value\r\n", i);
    buf_append_str(&b, STR("\r\n"));
    fd = dial(net_server_http_addr(rig.server));
    cr_expect(ask(fd, buf_str(&b), "HTTP/1.1 431 "), "%.80s", answer);
    close(fd);
    buf_deinit(&b);
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

/* The answer reaches a client that goes on sending: the socket lingers instead of resetting. */
Test(server, bodies_over_the_limit_get_413)
{
    struct server_rig rig;
    static char big[2 * MIB];
    server_rig_init(&rig);
    rig.config.limits.body_bytes = MIB;
    server_rig_start(&rig);
    int fd = dial(net_server_otlp_http_addr(rig.server));
    say(fd, STR("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n\r\n"));
    cr_expect(ask(fd, (struct str){big, sizeof(big)}, "HTTP/1.1 413 "), "declared: %.80s", answer);
    cr_expect(said("{\"code\":8,\"message\":"), "google.rpc.Status: %.300s", answer);
    close(fd);
    fd = dial(net_server_http_addr(rig.server));
    say(fd, STR("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n"));
    say(fd, (struct str){big, sizeof(big)});
    cr_expect(ask(fd, STR("\r\n0\r\n\r\n"), "HTTP/1.1 413 "), "chunked: %.80s", answer);
    cr_expect(said("\"error_type\":\"bad_data\""));
    cr_expect(said("the request is larger than 1048576 bytes"), "%.400s", answer);
    close(fd);
    cr_expect(eq(u64, server_rig_counters(&rig).too_big, 2));
    cr_expect(eq(sz, rig.handled, 0));
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

Test(server, keeps_connections_and_answers_from_other_threads)
{
    struct server_rig rig;
    server_rig_init(&rig);
    server_rig_start(&rig);
    int fd = dial(net_server_http_addr(rig.server));
    for (int i = 0; i < 3; i++) {
        say(fd, STR("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
        cr_assert(server_rig_wait_held(&rig, 1, 0));
        rig.held_count = 0;
        cr_expect(str_eq(http_header(rig.held[0], "HOST"), STR("x")));
        server_rig_answer(rig.held[0], "held answer");
        cr_expect(ask(fd, STR(""), "held answer"), "round %d", i);
    }
    cr_expect(
        ask(fd, STR("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"), "/2"));
    cr_expect(said("GET /1 [] 0"), "pipelined");
    close(fd);
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

Test(server, head_and_gzip)
{
    struct server_rig rig;
    bool closed;
    server_rig_init(&rig);
    server_rig_start(&rig);
    int fd = dial(net_server_http_addr(rig.server));
    say(fd, STR("HEAD /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    size_t len = hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(said("Content-Length: 204800"));
    cr_expect(str_ends_with((struct str){answer, len}, STR("\r\n\r\n")), "no body");
    close(fd);
    fd = dial(net_server_http_addr(rig.server));
    say(fd,
        STR("GET /long HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"));
    len = hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(said("Content-Encoding: gzip"));
    cr_expect(said("Vary: Accept-Encoding"));
    cr_expect(lt(sz, len, 20000));
    close(fd);
    fd = dial(net_server_http_addr(rig.server));
    say(fd, STR("GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    len = hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(len > 204800);
    close(fd);
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

/* The body that came behind the header fields, unpacked; 0 when it is no zstd. */
static size_t unzstd(size_t answer_len, char *to, size_t cap)
{
    struct str all = {answer, answer_len}, end = STR("\r\n\r\n");
    size_t at = 0;
    while (at < all.len && !str_starts_with(str_sub(all, at, all.len), end))
        at++;
    struct str body = str_sub(all, at + end.len, all.len);
    size_t len = ZSTD_decompress(to, cap, body.ptr, body.len);
    return ZSTD_isError(len) ? 0 : len;
}

Test(server, zstd_when_it_is_liked_best)
{
    static char unpacked[300000];
    struct server_rig rig;
    bool closed;
    server_rig_init(&rig);
    server_rig_start(&rig);
    int fd = dial(net_server_http_addr(rig.server));
    say(fd, STR("GET /long HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br, zstd\r\n"
                "Connection: close\r\n\r\n"));
    size_t len = hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(said("Content-Encoding: zstd"));
    cr_expect(lt(sz, len, 20000));
    cr_expect(eq(sz, unzstd(len, unpacked, sizeof(unpacked)), 204800));
    close(fd);
    fd = dial(net_server_http_addr(rig.server));
    say(fd, STR("GET /long HTTP/1.1\r\nHost: x\r\nAccept-Encoding: zstd;q=0.5, gzip\r\n"
                "Connection: close\r\n\r\n"));
    hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(said("Content-Encoding: gzip"));
    close(fd);
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

Test(server, wrong_protocols_are_told_where_to_go)
{
    struct server_rig rig;
    bool closed;
    server_rig_init(&rig);
    server_rig_start(&rig);
    int fd = dial(net_server_otlp_grpc_addr(rig.server));
    cr_expect(
        ask(fd, STR("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), net_server_otlp_http_addr(rig.server)));
    cr_expect(strncmp(answer, "HTTP/1.1 400 ", 13) == 0);
    close(fd);
    const char *ports[] = {net_server_otlp_grpc_addr(rig.server), net_server_http_addr(rig.server)};
    for (size_t i = 0; i < LEN(ports); i++) {
        fd = dial(ports[i]);
        say(fd, STR("\x16\x03\x01\x02\x00\x01\x00"));
        cr_expect(eq(sz, hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed), 0));
        cr_expect(closed);
        close(fd);
    }
    cr_expect(eq(u64, server_rig_counters(&rig).protocol_errors, 3));
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

Test(server, caps_connections_in_all_and_per_peer)
{
    struct server_rig rig;
    int fds[4];
    server_rig_init(&rig);
    rig.config.limits.per_peer = 3;
    server_rig_start(&rig);
    for (size_t i = 0; i < 3; i++) {
        fds[i] = dial(net_server_http_addr(rig.server));
        cr_expect(ask(fds[i], STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "200"), "%zu", i);
    }
    fds[3] = dial(net_server_http_addr(rig.server));
    cr_expect(ask(fds[3], STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "503"), "%s", answer);
    cr_expect(eq(u64, server_rig_counters(&rig).refused_per_peer, 1));
    cr_expect(eq(u64, server_rig_counters(&rig).connections_open, 3));
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
    server_rig_stop(&rig, NS_PER_S);

    server_rig_init(&rig);
    rig.config.limits.connections = 0;
    server_rig_start(&rig);
    fds[0] = dial(net_server_otlp_grpc_addr(rig.server));
    cr_expect(not(ask(fds[0], STR("PRI"), "any")));
    cr_expect(eq(u64, server_rig_counters(&rig).refused_connections, 1));
    close(fds[0]);
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

static uint64_t counter_at(struct server_rig *rig, size_t offset)
{
    struct net_counters counters = server_rig_counters(rig);
    uint64_t value;
    memcpy(&value, (const char *)&counters + offset, sizeof(value));
    return value;
}

/* Each row stalls in another place; every connection must be gone in time, and be counted. */
Test(server, ends_who_is_slow)
{
    enum { HEAD = offsetof(struct net_counters, slow_heads) };
    static const struct {
        const char *name, *first, *later, *want;
        size_t counter; /* in struct net_counters */
    } rows[] = {
        {"says nothing", "", "", "", HEAD},
        {"one byte", "G", "", "", HEAD},
        {"half a head", "GET / HTTP/1.1\r\nHos", "", "HTTP/1.1 408 ", HEAD},
        {"half a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", "",
         "HTTP/1.1 408 ", offsetof(struct net_counters, slow_bodies)},
        {"half a second head", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HT", "HTTP/1.1 408 ",
         HEAD},
        {"idle", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", "HTTP/1.1 200 ",
         offsetof(struct net_counters, idle)},
    };
    struct server_rig rig;
    uint64_t before[LEN(rows)];
    int fds[LEN(rows)];
    server_rig_init(&rig);
    rig.config.limits.head_ns = rig.config.limits.body_time_ns = 2 * NS_PER_S;
    rig.config.limits.idle_ns = 4 * NS_PER_S;
    server_rig_start(&rig);
    for (size_t i = 0; i < LEN(rows); i++) {
        before[i] = counter_at(&rig, rows[i].counter);
        fds[i] = dial(net_server_http_addr(rig.server));
        say(fds[i], str_from_c(rows[i].first));
        if (rows[i].later[0])
            cr_expect(ask(fds[i], STR(""), "200 OK"));
        say(fds[i], str_from_c(rows[i].later));
    }
    for (size_t i = 0; i < LEN(rows); i++) {
        bool closed;
        hear(fds[i], answer, sizeof(answer), QUIET_MS, NULL, &closed);
        cr_expect(closed, "row %s", rows[i].name);
        cr_expect(said(rows[i].want), "row %s: %s", rows[i].name, answer);
        close(fds[i]);
    }
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t wanted = before[i];
        for (size_t k = 0; k < LEN(rows); k++)
            wanted += rows[k].counter == rows[i].counter;
        cr_expect(eq(u64, counter_at(&rig, rows[i].counter), wanted), "row %s", rows[i].name);
    }
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

/* A head that begins late in the time of its connection has all of its own. */
Test(server, a_late_head_has_its_time)
{
    struct server_rig rig;
    bool closed;
    server_rig_init(&rig);
    rig.config.limits.head_ns = 3 * NS_PER_S;
    server_rig_start(&rig);
    int fd = dial(net_server_http_addr(rig.server));
    cr_expect(ask(fd, STR("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"), "200 OK"));
    usleep(2000 * 1000);
    say(fd, STR("GET /b HTTP/1.1\r\nHo"));
    usleep(1500 * 1000);
    say(fd, STR("st: x\r\n\r\n"));
    hear(fd, answer, sizeof(answer), QUIET_MS, "/b", &closed);
    cr_expect(said("200 OK") && said("/b"), "%s", answer);
    close(fd);
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

Test(server, drains_when_the_held_answer_comes)
{
    struct server_rig rig;
    bool closed;
    server_rig_init(&rig);
    server_rig_start(&rig);
    int idle = dial(net_server_http_addr(rig.server)), fd = dial(net_server_http_addr(rig.server));
    cr_expect(ask(idle, STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "200"));
    say(fd, STR("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
    cr_assert(server_rig_wait_held(&rig, 1, 0));
    rig.held_count = 0;
    uint64_t begun_ns = clock_mono_ns();
    server_rig_answer(rig.held[0], "in time");
    server_rig_stop(&rig, 60 * NS_PER_S);
    cr_expect(lt(u64, clock_mono_ns() - begun_ns, 30 * NS_PER_S), "long before the grace ends");
    hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(said("in time"));
    cr_expect(closed);
    hear(idle, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(closed);
    close(fd);
    close(idle);
    EXPECT_NO_LEAK();
}

Test(server, closes_by_force_when_the_grace_is_over)
{
    struct server_rig rig;
    bool closed;
    server_rig_init(&rig);
    server_rig_start(&rig);
    int fd = dial(net_server_http_addr(rig.server));
    say(fd, STR("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
    cr_assert(server_rig_wait_held(&rig, 1, 0));
    server_rig_stop(&rig, 100 * NS_PER_MS); /* answers it afterwards */
    hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(closed);
    close(fd);
    EXPECT_NO_LEAK();
}

/* As when something that starts before it fails. */
Test(server, may_end_before_it_was_started, .timeout = 60)
{
    struct server_rig rig;
    struct net_server *server;
    struct err e;
    server_rig_init(&rig);
    rig.config.workers = 2;
    cr_assert(eq(int, net_server_new(&rig.config, &server, &e), ST_OK));
    net_server_drain(server, NS_PER_S);
    net_server_free(server);
    EXPECT_NO_LEAK();
}

Test(server, an_acceptor_that_cannot_start_ends, .timeout = 60)
{
    struct net_stats stats = {0};
    struct listener listeners[PORT_COUNT];
    struct acceptor_config config = {.listeners = listeners, .stats = &stats};
    struct acceptor *acceptor;
    struct err e;
    for (size_t i = 0; i < PORT_COUNT; i++)
        cr_assert(eq(int, listener_open(STR("127.0.0.1:0"), &listeners[i], &e), ST_OK));
    close(listeners[1].fd);
    listeners[1].fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* epoll does not take it */
    cr_assert(eq(int, acceptor_new(&config, &acceptor, &e), ST_OK));
    cr_expect(eq(int, acceptor_start(acceptor, &e), ST_IO));
    acceptor_free(acceptor);
    EXPECT_NO_LEAK();
}

/* What the first request of a connection is told before libmicrohttpd sees it. */
Test(server, too_many_parameters_on_a_kept_connection_are_refused_at_once)
{
    struct server_rig rig;
    struct buf request = {0};
    bool closed;
    server_rig_init(&rig);
    server_rig_start(&rig);
    int fd = dial(net_server_http_addr(rig.server));
    cr_assert(ask(fd, STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "200"));
    buf_printf(&request, "GET /?a=1");
    for (int i = 0; i < 600; i++)
        buf_printf(&request, "&a=%d", i);
    buf_printf(&request, " HTTP/1.1\r\nHost: x\r\n\r\n");
    say(fd, buf_str(&request));
    hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(said("HTTP/1.1 414") && closed);
    cr_expect(eq(u64, server_rig_counters(&rig).large_heads, 1));
    close(fd);
    buf_deinit(&request);
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

/* libmicrohttpd closes without a word about the request. The door saw the connection's first head
 * only. */
Test(server, a_wrong_length_on_a_kept_connection_leaves_nothing)
{
    struct server_rig rig;
    bool closed;
    server_rig_init(&rig);
    server_rig_start(&rig);
    int fd = dial(net_server_http_addr(rig.server));
    cr_assert(ask(fd, STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "200"));
    say(fd, STR("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"));
    hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
    cr_expect(closed);
    cr_expect(eq(u64, server_rig_counters(&rig).protocol_errors, 1));
    close(fd);
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Not even the descriptor that is kept for it can be had back. */
Test(server, waits_for_descriptors_without_spinning, .timeout = 60)
{
    struct server_rig rig;
    struct rlimit usual, none;
    bool closed;
    server_rig_init(&rig);
    server_rig_start(&rig);
    const char *port = strrchr(net_server_http_addr(rig.server), ':') + 1;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(getrlimit(RLIMIT_NOFILE, &usual) == 0);
    none = (struct rlimit){3, usual.rlim_max}; /* those three are there */
    cr_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
    cr_assert(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    uint64_t before = cpu_ns();
    hear(fd, answer, sizeof(answer), 1000, NULL, &closed);
    cr_expect(lt(u64, cpu_ns() - before, 300 * NS_PER_MS));
    cr_assert(setrlimit(RLIMIT_NOFILE, &usual) == 0);
    cr_expect(ask(fd, STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "200"));
    close(fd);
    int next = dial(net_server_http_addr(rig.server));
    cr_expect(ask(next, STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "200"));
    close(next);
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

/* No byte can come behind it that would tell what it was to be. */
Test(server, ends_at_once_who_leaves_after_a_byte)
{
    struct server_rig rig;
    bool closed;
    server_rig_init(&rig);
    server_rig_start(&rig);
    const char *ports[] = {net_server_http_addr(rig.server), net_server_otlp_http_addr(rig.server),
                           net_server_otlp_grpc_addr(rig.server)};
    uint64_t before = cpu_ns();
    for (size_t i = 0; i < LEN(ports); i++) {
        int fd = dial(ports[i]);
        say(fd, STR("G"));
        shutdown(fd, SHUT_WR);
        hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
        cr_expect(closed, "port %zu", i);
        close(fd);
    }
    cr_expect(lt(u64, cpu_ns() - before, 300 * NS_PER_MS));
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

Test(server, names_the_port_that_is_taken)
{
    struct server_rig rig;
    struct net_server *second;
    struct err e;
    server_rig_init(&rig);
    server_rig_start(&rig);
    rig.config.http_addr = str_from_c(net_server_http_addr(rig.server));
    cr_expect(eq(int, net_server_new(&rig.config, &second, &e), ST_IO));
    cr_expect(strstr(e.msg, net_server_http_addr(rig.server)) != NULL, "%s", e.msg);
    rig.config.http_addr = STR("nonsense");
    cr_expect(eq(int, net_server_new(&rig.config, &second, &e), ST_INVALID));
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}
