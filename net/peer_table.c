/* peer_table.c - counts connections per peer address without a lock: entries are freed by the
 * acceptor alone, and only when nobody is counted in. */
#include "net/peer_table.h"
#include "base/hash.h"
#include "base/mem.h"
#include <netinet/in.h>

enum { SWEEP_MIN = 1024 };

static uint64_t address_key(const struct sockaddr *addr, uint64_t seed)
{
    if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)addr;
        const uint8_t *bytes = in6->sin6_addr.s6_addr;
        /* IPv4 on a listener of both: all of it is in one /64. */
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
            return hash_bytes(bytes + 12, 4, seed);
        return hash_bytes(bytes, 8, seed);
    }
    const struct sockaddr_in *in = (const void *)addr;
    return hash_bytes(&in->sin_addr, sizeof(in->sin_addr), seed);
}

/* Keeps the entries that have connections, frees the others. Without memory for the new table all
 * stay. */
static void sweep(struct peer_table *t)
{
    struct map64 used = {.seed = t->peers.seed};
    uint64_t key, value;
    bool added;
    for (size_t at = 0; map64_next(&t->peers, &at, &key, &value);) {
        struct peer *p = (struct peer *)(uintptr_t)value;
        uint64_t *slot = atomic_load(&p->open) ? map64_put(&used, key, &added) : &value;
        if (slot == NULL) {
            map64_deinit(&used);
            return;
        }
        *slot = value;
    }
    for (size_t at = 0; map64_next(&t->peers, &at, &key, &value);) {
        if (map64_find(&used, key) == NULL)
            mem_free((struct peer *)(uintptr_t)value);
    }
    map64_deinit(&t->peers);
    t->peers = used;
    t->sweep_at = MAX((size_t)SWEEP_MIN, used.count * 2);
}

void peer_table_deinit(struct peer_table *t)
{
    size_t at = 0;
    uint64_t key, value;
    while (map64_next(&t->peers, &at, &key, &value))
        mem_free((struct peer *)(uintptr_t)value);
    map64_deinit(&t->peers);
}

static struct peer *find_or_add(struct peer_table *t, uint64_t key)
{
    bool added;
    uint64_t *slot = map64_put(&t->peers, key, &added);
    if (slot == NULL)
        return NULL;
    if (added) {
        struct peer *p = mem_calloc(1, sizeof(*p));
        if (p == NULL) {
            map64_remove(&t->peers, key);
            return NULL;
        }
        *slot = (uintptr_t)p;
    }
    return (struct peer *)(uintptr_t)*slot;
}

struct peer *peer_table_enter(struct peer_table *t, const struct sockaddr *addr, uint32_t limit)
{
    if (t->peers.count >= MAX(t->sweep_at, (size_t)SWEEP_MIN))
        sweep(t);
    struct peer *p = find_or_add(t, address_key(addr, t->peers.seed));
    if (p == NULL || atomic_load(&p->open) >= limit)
        return NULL;
    atomic_fetch_add(&p->open, 1);
    return p;
}

void peer_leave(struct peer *p)
{
    atomic_fetch_sub(&p->open, 1);
}
