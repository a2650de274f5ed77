/* acceptor.h - one thread accepts every connection, counts it, and hands it to the least loaded
 * worker. */
#ifndef WEFT_NET_ACCEPTOR_H
#define WEFT_NET_ACCEPTOR_H

#include "net/inbound.h"
#include "net/loop.h"

struct acceptor_worker {
    struct loop *loop;     /* borrowed; gets each struct inbound as mail of kind `mail_kind` */
    _Atomic uint32_t load; /* connections it has */
};

struct acceptor_config {
    struct listener *listeners;      /* PORT_COUNT of them, borrowed; closed by acceptor_close */
    struct acceptor_worker *workers; /* borrowed */
    unsigned worker_count, mail_kind;
    uint32_t max_connections, max_per_peer;
    struct net_stats *stats; /* borrowed */
};

struct acceptor;

/* The caller ends it with acceptor_free. ST_IO, ST_NO_MEMORY. */
enum status acceptor_new(const struct acceptor_config *config, struct acceptor **out,
                         struct err *e);
enum status acceptor_start(struct acceptor *a, struct err *e);
/* Stops listening and ends the thread; no worker gets a socket afterwards. Idempotent. Not on the
 * acceptor's thread. */
void acceptor_close(struct acceptor *a);
/* After every connection has been closed. */
void acceptor_free(struct acceptor *a);

#endif
