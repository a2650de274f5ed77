/* http1_exchange.h - one HTTP/1.1 request, copied out of libmicrohttpd, and its answer. Private to
 * net/. */
#ifndef WEFT_NET_HTTP1_EXCHANGE_H
#define WEFT_NET_HTTP1_EXCHANGE_H

#include "net/body.h"
#include "net/fields.h"
#include "net/http1.h"

enum exchange_stage {
    EX_HEAD,        /* the request line was read */
    EX_BODY,        /* the body arrives */
    EX_DISPATCHING, /* inside the handler's call */
    EX_HELD,        /* the handler has it, MHD's side is suspended */
    EX_ANSWERED,    /* the response is queued, or there was no memory for one */
};

struct http1_conn;

struct http_exchange {
    struct mail mail; /* first: travels to the loop with the answer */
    struct http1 *owner;
    struct http1_conn *conn;   /* borrowed; NULL once the connection is gone; loop thread only */
    enum exchange_stage stage; /* loop thread only */
    bool answered_at_once;     /* the handler replied inside its call */
    struct err refused;        /* why the body is read on but not kept; ST_OK = it is kept */
    enum port_kind port;
    struct buf uri; /* as sent, with the query */
    char method[16];
    struct fields fields;
    struct body body;
    char peer[ADDR_TEXT_BYTES];
    unsigned status; /* of the answer */
    uint64_t answer_bytes;
    struct MHD_Response *response; /* owned until it is queued */
};

/* NULL: no memory. */
struct http_exchange *http_exchange_new(struct http1 *owner, struct http1_conn *conn,
                                        const char *uri);
void http_exchange_free(struct http_exchange *x);
/* Makes x->response out of *r (taken over). Any thread. */
void http_exchange_fill(struct http_exchange *x, struct http_response *r);

#endif
