/* acceptor.c - accepts, caps connections in all and per peer, and balances them over the workers.
 *
 * One acceptor instead of SO_REUSEPORT: the kernel's hash split 8 connections 7:1, and a mesh has
 * few, long ones. */
#include "net/acceptor.h"
#include "base/log.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_WAKE = 64, PAUSE_MS = 100 };

struct gate {
    uv_poll_t poll;
    struct acceptor *owner;
    enum port_kind port;
};

struct acceptor {
    struct acceptor_config config;
    struct loop loop;
    struct gate gates[PORT_COUNT];
    unsigned watched; /* gates that have a handle */
    struct peer_table peers;
    int spare_fd; /* given up for a moment when descriptors run out, so that accept can still clear
                     the backlog; -1: it could not be had back */
    uv_timer_t pause; /* while it runs, no gate is watched */
    struct mail close_mail;
    bool closed;
};

/* What a client over a limit is told: HTTP gets a sentence, gRPC sees the connection end. Never
 * waits. */
static void refuse(int fd, enum port_kind port)
{
    static const char busy[] =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
    if (port != PORT_OTLP_GRPC)
        (void)!send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

static struct acceptor_worker *least_loaded(struct acceptor *a)
{
    struct acceptor_worker *best = &a->config.workers[0];
    for (unsigned i = 1; i < a->config.worker_count; i++) {
        struct acceptor_worker *w = &a->config.workers[i];
        if (atomic_load(&w->load) < atomic_load(&best->load))
            best = w;
    }
    return best;
}

static bool is_full(const struct acceptor *a)
{
    return stat_get(&a->config.stats->connections_open) >= a->config.max_connections;
}

static void hand_over(struct acceptor *a, struct inbound *in)
{
    struct acceptor_worker *w = least_loaded(a);
    atomic_fetch_add(&w->load, 1);
    stat_add(&a->config.stats->connections_open);
    stat_add(&a->config.stats->connections_total);
    in->load = &w->load;
    in->stats = a->config.stats;
    in->mail.kind = a->config.mail_kind;
    loop_post(w->loop, &in->mail);
}

static void admit(struct acceptor *a, enum port_kind port, int fd, const struct sockaddr *addr)
{
    struct net_stats *stats = a->config.stats;
    if (is_full(a)) {
        stat_add(&stats->refused_connections);
        log_limited(LOG_WARN, "net: connection refused limit=%u", a->config.max_connections);
        refuse(fd, port);
        return;
    }
    struct peer *peer = peer_table_enter(&a->peers, addr, a->config.max_per_peer);
    struct inbound *in = peer ? mem_calloc(1, sizeof(*in)) : NULL;
    if (in == NULL) {
        char text[ADDR_TEXT_BYTES];
        if (peer)
            peer_leave(peer);
        stat_add(&stats->refused_per_peer);
        log_limited(LOG_WARN, "net: connection refused peer=%s limit_per_peer=%u",
                    addr_format(addr, text), a->config.max_per_peer);
        refuse(fd, port);
        return;
    }
    in->fd = fd;
    in->port = port;
    in->peer = peer;
    addr_format(addr, in->peer_text);
    hand_over(a, in);
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Out of descriptors: the waiting connection is taken with the spare one and closed, or the
 * level-triggered poll would spin on it. False: it waits still. */
static bool shed_one(struct acceptor *a, int listen_fd)
{
    if (a->spare_fd < 0)
        return false;
    close(a->spare_fd);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        log_limited(LOG_WARN, "net: out of file descriptors, connection refused");
        stat_add(&a->config.stats->refused_connections);
        close(fd);
    }
    a->spare_fd = open_spare();
    return fd >= 0;
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_pause_over(uv_timer_t *timer);

/* Another thread was quicker with the last descriptor: what waits in the backlog is looked at again
 * in a moment. */
static void pause_gates(struct acceptor *a)
{
    log_limited(LOG_WARN, "net: out of file descriptors or memory, connections wait");
    for (unsigned i = 0; i < a->watched; i++)
        uv_poll_stop(&a->gates[i].poll);
    uv_timer_start(&a->pause, on_pause_over, PAUSE_MS, 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct gate *g = poll->data;
    struct acceptor *a = g->owner;
    int listen_fd = a->config.listeners[g->port].fd, on = 1;
    (void)status, (void)events;
    for (int i = 0; i < ACCEPTS_PER_WAKE; i++) {
        struct sockaddr_storage addr;
        socklen_t len = sizeof(addr);
        int fd = accept4(listen_fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (is_shortage(errno) && !shed_one(a, listen_fd))
                pause_gates(a);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        admit(a, g->port, fd, (struct sockaddr *)&addr);
    }
}

static void on_pause_over(uv_timer_t *timer)
{
    struct acceptor *a = timer->data;
    if (a->spare_fd < 0)
        a->spare_fd = open_spare();
    for (unsigned i = 0; i < a->watched; i++)
        uv_poll_start(&a->gates[i].poll, UV_READABLE, on_connection);
}

static void stop(struct acceptor *a)
{
    for (unsigned i = 0; i < a->watched; i++)
        uv_close((uv_handle_t *)&a->gates[i].poll, NULL);
    uv_close((uv_handle_t *)&a->pause, NULL);
    loop_stop(&a->loop);
}

/* The only mail the acceptor gets: end. */
static void on_mail(struct mail *mail, void *user)
{
    (void)mail;
    stop(user);
}

enum status acceptor_new(const struct acceptor_config *config, struct acceptor **out, struct err *e)
{
    struct acceptor *a = mem_calloc(1, sizeof(*a));
    if (a == NULL)
        return err_set(e, ST_NO_MEMORY, "no memory for the acceptor");
    a->config = *config;
    (void)!getrandom(&a->peers.peers.seed, sizeof(a->peers.peers.seed), 0);
    enum status st = loop_init(&a->loop, &(struct loop_hooks){.mail = on_mail, .user = a}, e);
    if (st != ST_OK) {
        mem_free(a);
        return st;
    }
    uv_timer_init(&a->loop.uv, &a->pause);
    a->pause.data = a;
    a->spare_fd = open_spare();
    *out = a;
    return ST_OK;
}

enum status acceptor_start(struct acceptor *a, struct err *e)
{
    for (unsigned i = 0; i < PORT_COUNT; i++) {
        struct gate *g = &a->gates[i];
        g->owner = a;
        g->port = (enum port_kind)i;
        g->poll.data = g;
        int rc = uv_poll_init(&a->loop.uv, &g->poll, a->config.listeners[i].fd);
        a->watched += rc == 0;
        if (rc == 0)
            rc = uv_poll_start(&g->poll, UV_READABLE, on_connection);
        if (rc != 0)
            return err_set(e, ST_IO, "cannot watch a listening socket: %s", uv_strerror(rc));
    }
    return loop_start(&a->loop, "accept", e);
}

void acceptor_close(struct acceptor *a)
{
    if (a->closed)
        return;
    a->closed = true;
    if (a->loop.started)
        loop_post(&a->loop, &a->close_mail);
    else
        stop(a);
    loop_deinit(&a->loop);
    for (size_t i = 0; i < PORT_COUNT; i++)
        listener_close(&a->config.listeners[i]);
}

void acceptor_free(struct acceptor *a)
{
    if (a == NULL)
        return;
    acceptor_close(a);
    if (a->spare_fd >= 0)
        close(a->spare_fd);
    peer_table_deinit(&a->peers);
    mem_free(a);
}
