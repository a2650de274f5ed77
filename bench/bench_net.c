/* bench_net.c - the network side alone: a net_server whose handlers only answer, from a thread of
 * their own as the journal does. `bench_net run` serves until SIGTERM, with weft's own line at
 * start, so that the abuse tests and load generators can be pointed at it; without arguments it
 * measures itself with load_grpc and prints one JSON line. */
#include "net/server.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DRAIN_S = 2 };

/* A call on its way to the answering thread and back. */
struct errand {
    struct mail mail;
    struct grpc_call *call;
};

static struct mailbox *errands;

static void on_call(struct grpc_call *call, void *user)
{
    (void)user;
    mem_free((void *)(uintptr_t)grpc_take_message(call).ptr);
    struct errand *errand = mem_need(sizeof(*errand));
    errand->call = call;
    mailbox_post(errands, &errand->mail);
}

static void *answer_calls(void *user)
{
    struct list mails;
    (void)user;
    list_init(&mails);
    while (mailbox_wait(errands, &mails, 0) > 0) {
        for (struct list *node; (node = list_pop(&mails)) != NULL;) {
            struct errand *errand = CONTAINER_OF(node, struct errand, mail.link);
            grpc_reply(errand->call, (struct str){NULL, 0});
            mem_free(errand);
        }
    }
    return NULL;
}

static void on_http(struct http_exchange *x, void *user)
{
    struct http_response r = {.status = 200, .content_type = "text/plain"};
    (void)user;
    buf_printf(&r.body, "%zu bytes\n", http_body(x).len);
    http_reply(x, &r);
}

static struct net_server *start(void)
{
    static const struct grpc_method methods[] = {
        {"/opentelemetry.proto.collector.trace.v1.TraceService/Export", on_call, NULL},
    };
    struct net_config config = {
        .limits = limits_default(),
        .http_addr = STR("127.0.0.1:0"),
        .otlp_http_addr = STR("127.0.0.1:0"),
        .otlp_grpc_addr = STR("127.0.0.1:0"),
        .workers = 1,
        .http = on_http,
        .otlp_http = on_http,
        .methods = methods,
        .method_count = LEN(methods),
        .grpc_accept_encoding = "identity",
    };
    struct net_server *server;
    struct err e;
    if (net_server_new(&config, &server, &e) != ST_OK || net_server_start(server, &e) != ST_OK) {
        fprintf(stderr, "bench_net: %s\n", e.msg);
        exit(1);
    }
    return server;
}

static void serve(struct net_server *server)
{
    sigset_t set;
    int got;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("listening http=%s otlp_grpc=%s otlp_http=%s\n", net_server_http_addr(server),
           net_server_otlp_grpc_addr(server), net_server_otlp_http_addr(server));
    fflush(stdout);
    sigwait(&set, &got);
}

/* Runs the load generator beside this program as a child. */
static void run_load(struct net_server *server, const char *self, const char *spans,
                     const char *conns)
{
    char path[4096];
    pid_t child = fork();
    if (child == 0) {
        snprintf(path, sizeof(path), "%.*sload_grpc", (int)(strrchr(self, '/') - self + 1), self);
        execl(path, path, "--to", net_server_otlp_grpc_addr(server), "--conns", conns,
              "--spans-per-request", spans, "--seconds", "2", (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    errands = mailbox_new(0, NULL, NULL);
    struct net_server *server = start();
    pthread_create(&thread, NULL, answer_calls, NULL);
    if (argc > 1) {
        serve(server);
    } else {
        double before = cpu_seconds();
        run_load(server, argv[0], "5", "64");
        printf("{\"bench\":\"net\",\"spans_per_request\":5,\"cpu_s\":%.3f}\n",
               cpu_seconds() - before);
    }
    net_server_drain(server, DRAIN_S * NS_PER_S);
    mailbox_close(errands);
    pthread_join(thread, NULL);
    net_server_free(server);
    mailbox_free(errands);
    return 0;
}
