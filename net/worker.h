/* worker.h - one loop thread with everything it serves: gRPC connections, HTTP/1.1 connections,
 * lingering ones. */
#ifndef WEFT_NET_WORKER_H
#define WEFT_NET_WORKER_H

#include "net/acceptor.h"
#include "net/http1.h"
#include "net/http2_conn.h"

enum worker_mail { WORKER_SOCKET, WORKER_GRPC, WORKER_HTTP, WORKER_DRAIN, WORKER_STOP };

struct worker {
    struct loop loop;
    struct net_stats *stats; /* borrowed */
    struct grpc_host grpc;
    struct h2_conns h2;
    struct http1 http1;
    struct linger_set lingers;
    uv_timer_t tick;
    bool draining, stopping, http_answered;
    uint64_t grace_end_ns; /* set by the draining thread before it posts */
    uv_sem_t drained;      /* posted once: no connection is left */
    bool is_drained;
    struct mail drain_mail, stop_mail;
};

/* Prepares a worker in the caller's memory, which must not move. `http_addr`: where OTLP over HTTP
 * is; borrowed. ST_IO, ST_NO_MEMORY; nothing is left behind then. Ends with worker_deinit. */
enum status worker_init(struct worker *w, const struct net_config *config, struct net_stats *stats,
                        const char *http_addr, struct err *e);
enum status worker_start(struct worker *w, unsigned index, struct err *e);
/* Asks every connection to end, by force from grace_end_ns (monotonic) on; worker_wait_drained()
 * blocks until none is left. */
void worker_drain(struct worker *w, uint64_t grace_end_ns);
void worker_wait_drained(struct worker *w);
/* Ends the thread and frees everything; every exchange and call must have been answered. */
void worker_deinit(struct worker *w);

#endif
