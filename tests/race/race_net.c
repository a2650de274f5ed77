/* race_net.c - two workers, an answering thread, clients that ask over both protocols or just
 * leave, and a drain in the middle of it; run under TSan. Every request that was taken is answered
 * once, and nothing stays open. */
#include "net/server.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/unit.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* libuv closes descriptors by a raw system call that TSan does not see; a number that is used again
 * then looks like a race. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:^dup$\nrace:^accept4$\nrace:^epoll_ctl$\n";
}

enum { CLIENTS = 4, ROUNDS = 60 };

/* A request on its way to the answering thread. */
struct errand {
    struct mail mail;
    struct grpc_call *call; /* one of the two */
    struct http_exchange *exchange;
};

static struct mailbox *errands;
static struct net_server *server;
static atomic_uint taken, answered, heard;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "race_net: %s\n", what);
    exit(1);
}

static void send_on(struct grpc_call *call, struct http_exchange *exchange)
{
    struct errand *errand = mem_need(sizeof(*errand));
    errand->call = call;
    errand->exchange = exchange;
    taken++;
    mailbox_post(errands, &errand->mail);
}

static void on_call(struct grpc_call *call, void *user)
{
    (void)user;
    send_on(call, NULL);
}

static void on_http(struct http_exchange *x, void *user)
{
    (void)user;
    send_on(NULL, x);
}

static void answer(struct errand *errand)
{
    struct http_response r = {.status = 200, .content_type = "text/plain"};
    if (errand->call) {
        must(grpc_header(errand->call, "content-type").len > 0, "the head is gone");
        grpc_reply(errand->call, STR("ok"));
    } else {
        buf_append_str(&r.body, http_path(errand->exchange));
        http_reply(errand->exchange, &r);
    }
    answered++;
    mem_free(errand);
}

static void *answer_all(void *user)
{
    struct list mails;
    (void)user;
    list_init(&mails);
    while (mailbox_wait(errands, &mails, 0) > 0) {
        for (struct list *node; (node = list_pop(&mails)) != NULL;)
            answer(CONTAINER_OF(node, struct errand, mail.link));
    }
    return NULL;
}

/* --- clients --- */

static int dial(const char *addr)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = 2};
    struct str host;
    uint16_t port;
    must(unit_parse_addr(str_from_c(addr), &host, &port, NULL) == ST_OK, "address");
    in.sin_port = htons(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void hear_something(int fd)
{
    char bytes[4096];
    if (recv(fd, bytes, sizeof(bytes), 0) > 0)
        heard++;
}

static void ask_http(unsigned round)
{
    static const char get[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = dial(net_server_http_addr(server));
    for (int i = 0; i < 2 && fd >= 0; i++) {
        (void)!send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL);
        if (round % 3)
            hear_something(fd);
    }
    if (fd >= 0)
        close(fd);
}

static void ask_grpc(unsigned round)
{
    static const char call[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                               "\0\0\0\4\0\0\0\0\0"
                               "\0\0\x2a\1\4\0\0\0\1"
                               "\x83\x86\x44\x04/a/B\x41\x01x"
                               "\x40\x0c"
                               "content-type\x10"
                               "application/grpc"
                               "\0\0\x06\0\1\0\0\0\1"
                               "\0\0\0\0\1m";
    int fd = dial(net_server_otlp_grpc_addr(server));
    if (fd < 0)
        return;
    (void)!send(fd, call, sizeof(call) - 1, MSG_NOSIGNAL);
    if (round % 3)
        hear_something(fd);
    close(fd);
}

static void *ask(void *user)
{
    (void)user;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct net_counters counters;
        ask_http(round);
        ask_grpc(round);
        net_server_counters(server, &counters);
    }
    return NULL;
}

static void start(void)
{
    static const struct grpc_method methods[] = {{"/a/B", on_call, NULL}};
    struct net_config config = {.limits = limits_default(),
                                .http_addr = STR("127.0.0.1:0"),
                                .otlp_http_addr = STR("127.0.0.1:0"),
                                .otlp_grpc_addr = STR("127.0.0.1:0"),
                                .workers = 2,
                                .http = on_http,
                                .otlp_http = on_http,
                                .methods = methods,
                                .method_count = LEN(methods),
                                .grpc_accept_encoding = "identity"};
    struct err e;
    must(net_server_new(&config, &server, &e) == ST_OK, e.msg);
    must(net_server_start(server, &e) == ST_OK, e.msg);
}

int main(void)
{
    pthread_t answering, clients[CLIENTS];
    struct net_counters counters;
    errands = mailbox_new(0, NULL, NULL);
    start();
    pthread_create(&answering, NULL, answer_all, NULL);
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_create(&clients[i], NULL, ask, NULL);
    for (size_t i = 0; i + 1 < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    net_server_drain(server, NS_PER_S); /* the last client may still be at it */
    pthread_join(clients[CLIENTS - 1], NULL);
    mailbox_close(errands);
    pthread_join(answering, NULL);
    net_server_counters(server, &counters);
    must(counters.connections_open == 0, "a connection is still open");
    must(taken == answered && heard > 2 * (CLIENTS - 1) * ROUNDS / 3, "requests were lost");
    net_server_free(server);
    mailbox_free(errands);
    printf("race_net: %u requests, %u heard\n", taken, heard);
    puts("1 passed, 0 failed, 0 skipped");
    return 0;
}
