/* http1_door.c - peeks at new connections of the HTTP ports. */
#include "net/http1_door.h"
#include "net/http1_check.h"
#include "net/wire_guess.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

enum { PEEK_BYTES = HTTP1_HEAD_BYTES };
#define LINGER_NS (2 * NS_PER_S)

struct waiter {
    struct list link;
    uv_poll_t poll;
    struct http1 *owner;
    struct inbound *in; /* owned */
    uint64_t until_ns;
};

static void end_with(struct http1 *h, struct inbound *in, unsigned status, const char *reason,
                     const char *sentence)
{
    char text[400];
    int fd = in->fd;
    snprintf(text, sizeof(text),
             "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
             "X-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\n\r\n%s\n",
             status, reason, strlen(sentence) + 1, sentence);
    in->fd = -1;
    linger_start(h->lingers, fd, in, str_from_c(text), clock_mono_ns() + LINGER_NS);
}

static void end_strange(struct http1 *h, struct inbound *in, enum wire wire)
{
    stat_add(&h->stats->protocol_errors);
    if (wire == WIRE_HTTP2) {
        end_with(h, in, 505, "HTTP Version Not Supported",
                 "this port speaks HTTP/1.1; gRPC (HTTP/2) has a port of its own");
        return;
    }
    log_limited(LOG_WARN, "http: %s on a plain HTTP port, connection closed peer=%s",
                wire == WIRE_TLS ? "TLS" : "unknown bytes", in->peer_text);
    inbound_free(in);
}

static const char *reason_of(unsigned http)
{
    switch (http) {
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Bad Request";
    }
}

static void let_in(struct http1 *h, struct inbound *in, struct str head)
{
    enum wire wire = wire_guess(head);
    if (wire != WIRE_HTTP1) {
        end_strange(h, in, wire);
        return;
    }
    struct http1_fault fault = http1_check_raw(head);
    if (fault.http) {
        http1_count_fault(h->stats, fault);
        end_with(h, in, fault.http, reason_of(fault.http), fault.sentence);
        return;
    }
    http1_add(h, in);
}

/* Bytes that can be looked at without taking them: 0 at the end or after an error, -1 when it is
 * too early to tell. */
static ssize_t peek(int fd, char head[PEEK_BYTES])
{
    int wanted = WIRE_GUESS_BYTES, one = 1;
    ssize_t n = recv(fd, head, PEEK_BYTES, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? -1 : 0;
    if (n >= WIRE_GUESS_BYTES) {
        setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
        return n;
    }
    /* Without the low-water mark the poll would spin on the first byte until the next one comes. */
    return n > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof(wanted)) == 0 ? -1 : 0;
}

static void on_waiter_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void drop_waiter(struct waiter *w)
{
    list_remove(&w->link);
    uv_close((uv_handle_t *)&w->poll, on_waiter_closed);
}

static void decide(struct http1 *h, struct inbound *in, struct str head)
{
    if (head.len)
        let_in(h, in, head);
    else
        inbound_free(in);
}

static void on_first_bytes(uv_poll_t *poll, int status, int events)
{
    struct waiter *w = poll->data;
    struct inbound *in = w->in;
    struct http1 *h = w->owner;
    char head[PEEK_BYTES];
    ssize_t n = status < 0 ? 0 : peek(in->fd, head);
    if (n < 0 && !(events & UV_DISCONNECT))
        return;
    drop_waiter(w);
    decide(h, in, (struct str){head, (size_t)MAX(n, 0)});
}

void http1_door_enter(struct http1 *h, struct inbound *in)
{
    char head[PEEK_BYTES];
    ssize_t n = peek(in->fd, head);
    if (n >= 0) {
        decide(h, in, (struct str){head, (size_t)n});
        return;
    }
    struct waiter *w = mem_alloc(sizeof(*w));
    if (w == NULL || uv_poll_init(h->loop, &w->poll, in->fd) != 0) {
        mem_free(w);
        inbound_free(in);
        return;
    }
    w->poll.data = w;
    w->owner = h;
    w->in = in;
    w->until_ns = clock_mono_ns() + h->config->limits.head_ns;
    list_add_tail(&h->waiting, &w->link);
    /* Behind the peer's end the low-water mark holds no longer, and no more bytes will come. */
    uv_poll_start(&w->poll, UV_READABLE | UV_DISCONNECT, on_first_bytes);
}

void http1_door_tick(struct http1 *h, uint64_t now_ns)
{
    LIST_EACH(node, &h->waiting)
    {
        struct waiter *w = CONTAINER_OF(node, struct waiter, link);
        if (now_ns < w->until_ns)
            continue;
        if (now_ns != UINT64_MAX)
            stat_add(&h->stats->slow_heads);
        struct inbound *in = w->in;
        drop_waiter(w);
        inbound_free(in);
    }
}
