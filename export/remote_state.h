/* remote_state.h - what a sender's thread and everybody else share: the numbers, and the word to
 * stop. */
#ifndef WEFT_EXPORT_REMOTE_STATE_H
#define WEFT_EXPORT_REMOTE_STATE_H

#include "base/compiler.h"
#include "model/remote_stats.h"
#include <pthread.h>
#include <stdatomic.h>

struct remote_state {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stopping;
    struct remote_stats stats; /* guarded by lock */
};

/* *s is all zero before; the caller ends it with remote_state_deinit(). */
void remote_state_init(struct remote_state *s);
/* When no thread uses it any more. */
void remote_state_deinit(struct remote_state *s);
/* Waits up to `ms`; false when it is time to stop. Sender's thread. */
bool remote_state_wait(struct remote_state *s, uint32_t ms);
/* Ends waits and requests. Any thread. */
void remote_state_stop(struct remote_state *s);
/* A copy of the numbers. Any thread. */
void remote_state_read(struct remote_state *s, struct remote_stats *out);
/* Access to the numbers: s->stats is the caller's between the two. */
struct remote_stats *remote_state_lock(struct remote_state *s);
void remote_state_unlock(struct remote_state *s);

#endif
