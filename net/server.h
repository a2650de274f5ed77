/* server.h - the network side of weft: one acceptor, n worker loops, HTTP/1.1 and gRPC (HTTP/2)
 * connections on them. */
#ifndef WEFT_NET_SERVER_H
#define WEFT_NET_SERVER_H

#include "base/budget.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "model/limits.h"

/* --- HTTP/1.1 --- */

struct http_exchange; /* one request and its answer; ends when the answer is sent or the peer is
                         gone */

/* Called on a worker loop when a whole request is there (body included). Must not block; answers
 * now or later with http_reply(). */
typedef void http_handler(struct http_exchange *x, void *user);

/* Valid until http_reply(). Loop thread, or the one thread that the handler passed the exchange to.
 */
struct str http_method(const struct http_exchange *x);
struct str http_path(const struct http_exchange *x);  /* as sent, not decoded, without the query */
struct str http_query(const struct http_exchange *x); /* as sent, without '?' */
struct str http_header(const struct http_exchange *x,
                       const char *name); /* case-insensitive; the first; empty when absent */
unsigned http_header_count(const struct http_exchange *x, const char *name);
struct str http_body(const struct http_exchange *x);
/* Moves the body out (mem_alloc'ed, the caller owns it). */
struct str http_take_body(struct http_exchange *x);
struct str http_peer(const struct http_exchange *x); /* "127.0.0.1:4242" */

struct http_header {
    const char *name, *value; /* borrowed for the call */
};

struct http_response {
    unsigned status;
    const char *content_type;      /* NULL: none */
    struct http_header headers[8]; /* ended by a NULL name */
    struct buf body;               /* taken over */
};

/* Answers. Any thread, exactly once an exchange; x is gone afterwards. Adds Date, Content-Length,
 * X-Content-Type-Options, and gzip when the peer accepts it and the body is large text. A peer that
 * left meanwhile is not an error. */
void http_reply(struct http_exchange *x, struct http_response *response);

/* --- gRPC (unary) --- */

struct grpc_call; /* one unary call; ends with grpc_reply or grpc_fail */

/* Called on a worker loop with one whole message. Must not block; answers now or later. */
typedef void grpc_handler(struct grpc_call *call, void *user);

/* Valid until grpc_reply() or grpc_fail(). Loop thread, or the one thread that the handler passed
 * the call to; so for the three below. */
struct str grpc_peer(const struct grpc_call *call);
/* `name` in any case; empty when absent. */
struct str grpc_header(const struct grpc_call *call, const char *name);
/* The flag byte before the message. */
bool grpc_message_compressed(const struct grpc_call *call);
/* Moves the message out (mem_alloc'ed, without the 5-byte prefix; the caller owns it). */
struct str grpc_take_message(struct grpc_call *call);
/* Answers. Any thread, exactly once; the call is gone afterwards. `message` is borrowed for the
 * call. */
void grpc_reply(struct grpc_call *call, struct str message);
/* Trailers-only answer: grpc-status and grpc-message from *e (status_wire), grpc-status-details-bin
 * from `details` (google.rpc.Status bytes, may be empty). */
void grpc_fail(struct grpc_call *call, const struct err *e, struct str details);

struct grpc_method {
    const char *path; /* "/opentelemetry.proto.collector.trace.v1.TraceService/Export" */
    grpc_handler *handler;
    void *user;
};

/* --- the server --- */

struct net_counters { /* one consistent-enough reading, for /metrics and tests */
    uint64_t connections_open, connections_total;
    uint64_t refused_connections,
        refused_per_peer; /* over limits.connections, over limits.per_peer */
    uint64_t refused_streams, too_big, large_heads; /* over limits.streams, .body, .header_list */
    uint64_t slow_heads, slow_bodies, idle;         /* over limits.head, .body_time, .idle */
    uint64_t abusive, protocol_errors;              /* floods, the rest */
    uint64_t aborted;                               /* requests whose peer left before their end */
};

struct net_config {
    struct limits limits;
    struct str http_addr, otlp_http_addr, otlp_grpc_addr; /* "127.0.0.1:9600"; port 0 = any */
    unsigned workers;                                     /* >= 1 */
    http_handler *http, *otlp_http;                       /* all requests of that listener */
    void *http_user, *otlp_http_user;
    const struct grpc_method
        *methods; /* borrowed for the server's life; others answer UNIMPLEMENTED */
    size_t method_count;
    const char *grpc_accept_encoding; /* sent with every gRPC answer */
    /* Asked with Content-Length (0 = not known) before a body is read; false refuses it early with
     * `e` (ST_BUSY) at little cost. NULL: always true. */
    bool (*admit)(uint64_t body_bytes, struct str user_agent, struct err *e, void *user);
    void *admit_user;
    /* Told of each request on the OTLP ports that no handler sees: refused here for this reason, or
     * ST_OK when the client left before it was complete. Worker threads. NULL: nobody is told. */
    void (*unseen)(enum status why, void *user);
    void *unseen_user;
    struct budget *budget; /* borrowed, may be NULL: bodies are counted in while they arrive, until
                              the handler is called, and those of answers until they are sent */
};

struct net_server;

/* Binds and listens; ST_INVALID for a bad address, ST_IO when a port is taken (the sentence names
 * it). The caller ends it with net_server_free. */
enum status net_server_new(const struct net_config *config, struct net_server **out, struct err *e);
/* Starts the worker threads; requests come from now on. */
enum status net_server_start(struct net_server *s, struct err *e);
/* The bound addresses with real ports, "127.0.0.1:9600"; valid as long as the server. */
const char *net_server_http_addr(const struct net_server *s);
const char *net_server_otlp_http_addr(const struct net_server *s);
const char *net_server_otlp_grpc_addr(const struct net_server *s);
void net_server_counters(struct net_server *s, struct net_counters *out);
/* Stops accepting, sends GOAWAY, lets running requests end for at most grace_ns, then closes.
 * Blocks. */
void net_server_drain(struct net_server *s, uint64_t grace_ns);
/* After drain: joins the workers and frees everything. Every exchange and call that a handler kept
 * must have been answered before. */
void net_server_free(struct net_server *s);

#endif
