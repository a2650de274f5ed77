/* http2_conn.h - the gRPC port's sockets of one worker: libuv streams around HTTP/2 sessions.
 * Private to net/. */
#ifndef WEFT_NET_HTTP2_CONN_H
#define WEFT_NET_HTTP2_CONN_H

#include "net/grpc_call.h"
#include "net/inbound.h"
#include "net/linger.h"
#include <uv.h>

/* One a worker. Loop thread only. */
struct h2_conns {
    uv_loop_t *loop; /* borrowed, as the next three */
    struct grpc_host *host;
    struct linger_set *lingers;
    const char *http_addr; /* where OTLP over HTTP is, for those who speak it here */
    struct list open;      /* struct h2_conn */
    struct list dirty;     /* those with output to flush */
    char *read_buf;        /* one for all: nothing stays in it after a read callback */
    struct buf out;        /* one for all: filled and written in one go */
    bool draining;
};

/* ST_NO_MEMORY. */
enum status h2_conns_init(struct h2_conns *set, struct err *e);
/* After every connection is closed. */
void h2_conns_deinit(struct h2_conns *set);
/* Takes over the socket and its seat. */
void h2_conns_adopt(struct h2_conns *set, struct inbound *in);
/* Writes what answers left behind: one write a connection. */
void h2_conns_flush(struct h2_conns *set);
/* Time limits of every connection. */
void h2_conns_tick(struct h2_conns *set, uint64_t now_ns);
/* GOAWAY on every connection; each closes when its calls are answered. */
void h2_conns_drain(struct h2_conns *set);
void h2_conns_close_all(struct h2_conns *set);

#endif
