/* linger.h - ends a connection so that the peer still reads its last answer.
 *
 * Closing a socket with unread input makes the kernel send RST, and the answer in flight is lost. A
 * lingering socket has sent its answer and FIN; what still comes is thrown away unread, for a
 * bounded time. */
#ifndef WEFT_NET_LINGER_H
#define WEFT_NET_LINGER_H

#include "net/inbound.h"
#include <uv.h>

/* One a worker. Loop thread only. */
struct linger_set {
    uv_loop_t *loop;  /* borrowed */
    struct list open; /* struct lingering */
};

/* An empty set on a loop that must outlive it. */
void linger_set_init(struct linger_set *set, uv_loop_t *loop);
/* Sends `answer` (may be empty) without waiting, then FIN, then discards input until the peer
 * closes or until_ns (monotonic). Takes over fd and the seat. */
void linger_start(struct linger_set *set, int fd, struct inbound *in, struct str answer,
                  uint64_t until_ns);
/* Closes those whose time is over. */
void linger_tick(struct linger_set *set, uint64_t now_ns);
void linger_close_all(struct linger_set *set);

#endif
