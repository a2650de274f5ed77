/* server_rig.c - the server side and the client side of the loopback tests. */
#include "tests/unit/net/server_rig.h"
#include "base/mem.h"
#include "base/unit.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LONG_TEXT = 200 * KIB };

void server_rig_answer(struct http_exchange *x, const char *text)
{
    struct http_response r = {.status = 200, .content_type = "text/plain"};
    buf_append_str(&r.body, str_from_c(text));
    http_reply(x, &r);
}

static void answer_long(struct http_exchange *x)
{
    struct http_response r = {.status = 200, .content_type = "text/plain"};
    for (int i = 0; i < LONG_TEXT / 16; i++)
        buf_append_str(&r.body, STR("sixteen letters\n"));
    http_reply(x, &r);
}

static void on_http(struct http_exchange *x, void *user)
{
    struct server_rig *rig = user;
    char text[256];
    pthread_mutex_lock(&rig->lock);
    rig->handled++;
    bool hold = str_eq(http_path(x), STR("/hold")) && rig->held_count < RIG_MAX_HELD;
    if (hold)
        rig->held[rig->held_count++] = x;
    pthread_cond_signal(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
    if (hold)
        return;
    if (str_eq(http_path(x), STR("/long"))) {
        answer_long(x);
        return;
    }
    snprintf(text, sizeof(text), "%.*s %.*s [%.*s] %zu\n", STR_ARG(http_method(x)),
             STR_ARG(http_path(x)), STR_ARG(http_query(x)), http_body(x).len);
    server_rig_answer(x, text);
}

static void on_call(struct grpc_call *call, void *user)
{
    struct server_rig *rig = user;
    pthread_mutex_lock(&rig->lock);
    rig->handled++;
    rig->calls[rig->call_count++ % RIG_MAX_HELD] = call;
    pthread_cond_signal(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

void server_rig_init(struct server_rig *rig)
{
    static struct grpc_method methods[1];
    *rig = (struct server_rig){.config = {
                                   .limits = limits_default(),
                                   .http_addr = STR("127.0.0.1:0"),
                                   .otlp_http_addr = STR("127.0.0.1:0"),
                                   .otlp_grpc_addr = STR("127.0.0.1:0"),
                                   .workers = 2,
                                   .http = on_http,
                                   .otlp_http = on_http,
                                   .methods = methods,
                                   .method_count = LEN(methods),
                                   .grpc_accept_encoding = "identity",
                               }};
    methods[0] = (struct grpc_method){"/rig/Hold", on_call, rig};
    rig->config.http_user = rig->config.otlp_http_user = rig;
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
}

void server_rig_start(struct server_rig *rig)
{
    struct err e;
    cr_assert(net_server_new(&rig->config, &rig->server, &e) == ST_OK, "%s", e.msg);
    cr_assert(net_server_start(rig->server, &e) == ST_OK, "%s", e.msg);
}

void server_rig_stop(struct server_rig *rig, uint64_t grace_ns)
{
    net_server_drain(rig->server, grace_ns);
    cr_expect(server_rig_counters(rig).connections_open == 0, "drained means closed");
    for (size_t i = 0; i < rig->held_count; i++)
        server_rig_answer(rig->held[i], "too late");
    for (size_t i = 0; i < rig->call_count; i++)
        grpc_reply(rig->calls[i], STR("too late"));
    net_server_free(rig->server);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
}

bool server_rig_wait_held(struct server_rig *rig, size_t exchanges, size_t calls)
{
    struct timespec until;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&rig->lock);
    while (rc == 0 && (rig->held_count < exchanges || rig->call_count < calls))
        rc = pthread_cond_timedwait(&rig->changed, &rig->lock, &until);
    pthread_mutex_unlock(&rig->lock);
    return rc == 0;
}

struct net_counters server_rig_counters(struct server_rig *rig)
{
    struct net_counters c;
    net_server_counters(rig->server, &c);
    return c;
}

int dial(const char *addr)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct str host;
    uint16_t port;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(unit_parse_addr(str_from_c(addr), &host, &port, NULL) == ST_OK);
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

void say(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the server may have closed: what it said is what counts */
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
}

size_t hear(int fd, char *out, size_t cap, int wait_ms, const char *until, bool *closed)
{
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    *closed = false;
    out[0] = '\0';
    while (len + 1 < cap && poll(&p, 1, wait_ms) > 0) {
        ssize_t n = recv(fd, out + len, cap - 1 - len, 0);
        if (n <= 0) {
            *closed = true;
            break;
        }
        len += (size_t)n;
        out[len] = '\0';
        if (until && strstr(out, until))
            break;
    }
    return len;
}
