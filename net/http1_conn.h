/* http1_conn.h - one HTTP/1.1 connection's seat, current exchange and time limits. Private to net/.
 */
#ifndef WEFT_NET_HTTP1_CONN_H
#define WEFT_NET_HTTP1_CONN_H

#include "net/http1_exchange.h"

struct MHD_Connection;

struct http1_conn {
    struct list link; /* in http1.open */
    struct http1 *owner;
    struct inbound *in;         /* owned */
    struct MHD_Connection *mhd; /* MHD's; valid until it says closed */
    int fd;                     /* MHD's */
    struct http_exchange *x;    /* the request in work; owned unless it is held */
    uint64_t deadline_ns;       /* of the head, the body or the sending, as x says */
    uint64_t idle_until_ns;     /* between requests */
    uint64_t heard_bytes;       /* received from the peer when the last request was complete */
    uint64_t body_bytes;        /* of this request, kept or not */
    uint64_t stuck_at;          /* bytes MHD has read of the peer when more lay there; else 0 */
    bool head_begun;            /* something of the next head came */
    bool end_unheard;           /* the last bytes may have come with the peer's end */
    bool linger;                /* answered before its body was read */
    bool ended;                 /* shut down by us */
};

/* A request's head is awaited from now on; idle_ns = 0: of the connection's first, which has begun.
 */
void http1_conn_await(struct http1_conn *c, uint64_t now_ns, uint64_t idle_ns);
/* The whole request is here: what comes from now on belongs to the next one. */
void http1_conn_heard_request(struct http1_conn *c);
/* The body is awaited; the pace of 16 KiB/s extends the time. */
void http1_conn_await_body(struct http1_conn *c, uint64_t now_ns);
void http1_conn_await_reader(struct http1_conn *c, uint64_t now_ns);
/* Ends what is too slow, with 408 where nothing was answered yet, what waits for a peer that has
 * left, and, with 400, what libmicrohttpd can read no further. */
void http1_conn_tick(struct http1_conn *c, uint64_t now_ns);
/* 414, and the end: MHD could not read on in this head. */
void http1_conn_end_crowded(struct http1_conn *c);
/* Both directions are shut down: MHD sees the end and closes. */
void http1_conn_end(struct http1_conn *c);

#endif
