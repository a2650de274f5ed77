/* http1.h - the HTTP/1.1 sockets of one worker: libmicrohttpd driven by the worker's libuv loop.
 * Private to net/. */
#ifndef WEFT_NET_HTTP1_H
#define WEFT_NET_HTTP1_H

#include "net/inbound.h"
#include "net/linger.h"
#include "net/server.h"
#include <uv.h>

struct MHD_Daemon;
struct http1_conn;

/* One a worker. Loop thread only, but for what is said otherwise. */
struct http1 {
    const struct net_config *config; /* borrowed, as the next three */
    struct net_stats *stats;
    struct linger_set *lingers;
    uv_loop_t *loop;
    /* Brings an answered exchange back to its loop thread, which then calls http1_deliver(). Any
     * thread. */
    void (*deliver)(struct http_exchange *x, void *user);
    void *user;

    struct MHD_Daemon *mhd;      /* owned */
    struct http1_conn *adopting; /* the one MHD_add_connection is busy with */
    uv_poll_t poll;              /* of MHD's epoll descriptor */
    uv_timer_t again;            /* runs MHD once more when it has work that no descriptor shows */
    uv_idle_t at_once;           /* the same without a wait, after all others had their turn */
    struct list waiting;         /* http1_door.c's: nothing received yet */
    struct list open;            /* struct http1_conn */
    bool draining;
};

/* The fields above `mhd` are set by the caller. ST_IO; nothing is left behind then. */
enum status http1_init(struct http1 *h, struct err *e);
/* Starts closing; the handles are closed when the loop has run. Every connection must be closed
 * before. */
void http1_stop(struct http1 *h);
/* After the loop has ended. */
void http1_deinit(struct http1 *h);
/* Takes over a socket on which an HTTP/1 request has begun, and its seat. */
void http1_add(struct http1 *h, struct inbound *in);
/* An answered exchange is back: queues the response, or frees it when the peer is gone. */
void http1_deliver(struct http_exchange *x);
/* Lets MHD work on what changed. After a batch of deliveries. */
void http1_pump(struct http1 *h);
void http1_tick(struct http1 *h, uint64_t now_ns);
/* Closes idle connections; the others close with their answer. */
void http1_drain(struct http1 *h);
void http1_close_all(struct http1 *h);
bool http1_is_empty(const struct http1 *h);

#endif
