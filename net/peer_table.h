/* peer_table.h - how many connections each peer address has open. */
#ifndef WEFT_NET_PEER_TABLE_H
#define WEFT_NET_PEER_TABLE_H

#include "base/map64.h"
#include <stdatomic.h>
#include <sys/socket.h>

/* One address (IPv6: one /64, which is what one host owns; IPv4 also as ::ffff:a.b.c.d). */
struct peer {
    _Atomic uint32_t open; /* raised by the acceptor only, lowered by any thread */
};

/* All-zero but for the seed is a valid empty table. Acceptor thread only. */
struct peer_table {
    struct map64 peers; /* address hash -> struct peer *, owned */
    size_t sweep_at;    /* count at which unused entries are looked for */
};

/* Frees the table; every connection must have left. */
void peer_table_deinit(struct peer_table *t);
/* Counts one connection of the address in; NULL when it has `limit` already (or memory is short).
 * The result stays valid until peer_leave(). */
struct peer *peer_table_enter(struct peer_table *t, const struct sockaddr *addr, uint32_t limit);
/* Counts one connection out; the peer may be freed from now on. Any thread. */
void peer_leave(struct peer *p);

#endif
