/* inbound.h - one accepted socket on its way to a worker, and its seat in the counts for as long as
 * it is open. */
#ifndef WEFT_NET_INBOUND_H
#define WEFT_NET_INBOUND_H

#include "net/listener.h"
#include "net/net_stats.h"
#include "net/peer_table.h"
#include "base/mailbox.h"

struct inbound {
    struct mail mail; /* first: posted by the acceptor to a worker */
    int fd;           /* owned until it is handed to libuv or libmicrohttpd; -1 afterwards */
    enum port_kind port;
    struct peer *peer;       /* counted in */
    _Atomic uint32_t *load;  /* of the worker that has it; counted in */
    struct net_stats *stats; /* counted in as open */
    char peer_text[ADDR_TEXT_BYTES];
};

/* Gives the seat back, closes fd when it is still owned, frees it. Any thread. */
void inbound_free(struct inbound *in);

#endif
