/* inbound.c - the end of an accepted socket's seat in the counts. */
#include "net/inbound.h"
#include "base/mem.h"
#include <unistd.h>

void inbound_free(struct inbound *in)
{
    if (in->fd >= 0)
        close(in->fd);
    stat_sub(&in->stats->connections_open);
    atomic_fetch_sub(in->load, 1);
    peer_leave(in->peer);
    mem_free(in);
}
