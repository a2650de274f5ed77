/* net_stats.h - the counters behind net_server_counters(): written by any loop, read by any thread.
 */
#ifndef WEFT_NET_NET_STATS_H
#define WEFT_NET_NET_STATS_H

#include <stdatomic.h>
#include <stdint.h>

/* All-zero is a valid start. Meaning of each as in struct net_counters. */
struct net_stats {
    _Atomic uint64_t connections_open, connections_total;
    _Atomic uint64_t refused_connections, refused_per_peer;
    _Atomic uint64_t refused_streams, too_big, large_heads;
    _Atomic uint64_t slow_heads, slow_bodies, idle;
    _Atomic uint64_t abusive, protocol_errors, aborted;
};

static inline void stat_add(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static inline void stat_sub(_Atomic uint64_t *counter)
{
    atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

static inline uint64_t stat_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
