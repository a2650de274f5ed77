/* http1_conn.c - whole-request deadlines, and ends of connections that libmicrohttpd does not see:
 * its own timeout only notices silence. */
#include "net/http1_conn.h"
#include "net/tcp_received.h"
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { SLOW_BYTES_PER_S = 16 * KIB };

static uint64_t earned_ns(uint64_t bytes)
{
    return bytes * (NS_PER_S / SLOW_BYTES_PER_S);
}

void http1_conn_await(struct http1_conn *c, uint64_t now_ns, uint64_t idle_ns)
{
    uint64_t head_ns = c->owner->config->limits.head_ns;
    c->head_begun = idle_ns == 0;
    c->deadline_ns = now_ns + (c->head_begun ? head_ns : MIN(head_ns, idle_ns));
    c->idle_until_ns = now_ns + idle_ns;
    c->body_bytes = 0;
    c->end_unheard = true;
}

void http1_conn_heard_request(struct http1_conn *c)
{
    c->heard_bytes = tcp_received_bytes(c->fd);
}

void http1_conn_await_body(struct http1_conn *c, uint64_t now_ns)
{
    c->deadline_ns = now_ns + c->owner->config->limits.body_time_ns;
}

void http1_conn_await_reader(struct http1_conn *c, uint64_t now_ns)
{
    /* Now, not when the answer is out: a quick peer has begun its next head by then. */
    c->heard_bytes = tcp_received_bytes(c->fd);
    c->deadline_ns = now_ns + c->owner->config->limits.idle_ns + earned_ns(c->x->answer_bytes);
}

void http1_conn_end(struct http1_conn *c)
{
    c->ended = true;
    shutdown(c->fd, SHUT_RDWR);
}

/* Past libmicrohttpd, which takes no answer in the middle of a request. */
static void end_with(struct http1_conn *c, struct str answer)
{
    (void)!send(c->fd, answer.ptr, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    http1_conn_end(c);
}

#define EMPTY_ANSWER(status)                                                                       \
    STR("HTTP/1.1 " status "\r\nContent-Length: 0\r\n"                                             \
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n")

void http1_conn_end_crowded(struct http1_conn *c)
{
    stat_add(&c->owner->stats->large_heads);
    c->linger = true;
    end_with(c, EMPTY_ANSWER("414 URI Too Long"));
}

static void end_slow(struct http1_conn *c, _Atomic uint64_t *counter, bool may_answer)
{
    stat_add(counter);
    if (may_answer)
        end_with(c, EMPTY_ANSWER("408 Request Timeout"));
    else
        http1_conn_end(c);
}

static void end_idle(struct http1_conn *c)
{
    stat_add(&c->owner->stats->idle);
    http1_conn_end(c);
}

static void check_head(struct http1_conn *c, uint64_t now_ns)
{
    uint64_t head_ns = c->owner->config->limits.head_ns;
    bool begun = tcp_received_bytes(c->fd) > c->heard_bytes; /* MHD shows nothing of a half head */
    if (begun && c->head_begun) {
        end_slow(c, &c->owner->stats->slow_heads, true);
    } else if (begun) {
        c->head_begun = true;
        c->deadline_ns = now_ns + head_ns;
    } else if (now_ns >= c->idle_until_ns) {
        end_idle(c);
    } else {
        c->deadline_ns = MIN(now_ns + head_ns, c->idle_until_ns);
    }
}

/* MHD's epoll is edge-triggered: told of data and of the peer's end at once, it reads the data and
 * waits for more. An end that comes by itself it hears of, so that one look behind a request is
 * enough; within a body any bytes may be the last. */
static bool peer_has_left(struct http1_conn *c, enum exchange_stage stage)
{
    char byte;
    if (stage != EX_BODY && (stage != EX_HEAD || !c->end_unheard))
        return false;
    c->end_unheard = false;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A chunk's size line that is longer than its buffer fills it for good: 0.9.75 neither reads on nor
 * gives up, and asks to be run again at once. Nothing read between two ticks, though it lay there,
 * tells. */
static bool is_stuck(struct http1_conn *c)
{
    int unread = 0;
    uint64_t before = c->stuck_at, received = 0;
    if (ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0)
        received = tcp_received_bytes(c->fd);
    c->stuck_at = received > (uint64_t)unread ? received - (uint64_t)unread : 0;
    return c->stuck_at > 0 && c->stuck_at == before;
}

static void end_stuck(struct http1_conn *c)
{
    stat_add(&c->owner->stats->protocol_errors);
    end_with(c, EMPTY_ANSWER("400 Bad Request"));
}

void http1_conn_tick(struct http1_conn *c, uint64_t now_ns)
{
    enum exchange_stage stage = c->x ? c->x->stage : EX_HEAD;
    if (!c->ended && peer_has_left(c, stage))
        shutdown(c->fd, SHUT_RDWR); /* not ended by us: the request is counted as aborted */
    if (!c->ended && stage == EX_BODY && is_stuck(c)) {
        end_stuck(c);
        return;
    }
    if (c->ended || stage == EX_HELD || now_ns < c->deadline_ns)
        return;
    if (stage == EX_HEAD)
        check_head(c, now_ns);
    else if (stage == EX_ANSWERED)
        end_slow(c, &c->owner->stats->idle, false);
    else if (c->x->refused.status != ST_OK || now_ns >= c->deadline_ns + earned_ns(c->body_bytes))
        end_slow(c, &c->owner->stats->slow_bodies, true);
}
