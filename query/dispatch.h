/* dispatch.h - from a request line to an answer, without a socket: what the loop decides at once,
 * and what the pool computes. */
#ifndef WEFT_QUERY_DISPATCH_H
#define WEFT_QUERY_DISPATCH_H

#include "query/api.h"
#include <pthread.h>

/* As it came; borrowed. */
struct question {
    struct str method, path, query;
    struct str form; /* the body, when it is one */
    struct str origin;
    struct str accept, accept_encoding, if_none_match;
};

struct dispatcher {
    struct query_config config; /* constant, but for `graph` */
    pthread_mutex_t lock;       /* guards config.graph */
    struct live_view live;
    atomic_bool ending; /* questions end with 503 from now on, also those that are computed */
};

/* The lock's life; config and live are the caller's to fill. */
void dispatcher_init(struct dispatcher *d);
void dispatcher_deinit(struct dispatcher *d);
/* Any thread. */
void dispatcher_set_graph(struct dispatcher *d, const struct graph_settings *graph);
/* True: *out is the answer. False: dispatch_full() must be called where blocking is allowed. Never
 * blocks. Any thread. */
bool dispatch_quick(struct dispatcher *d, const struct question *q, struct http_response *out);
/* The whole answer; blocks. What it holds, its body too, is charged to the arena: once that is
 * reset, the body is nobody's until http_reply() counts it. Pool thread. */
void dispatch_full(struct dispatcher *d, const struct question *q, struct arena *arena,
                   struct http_response *out);

#endif
