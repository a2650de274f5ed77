/* remote_state.c - a lock, a condition on the monotonic clock, and the numbers between them. */
#include "export/remote_state.h"

#include <errno.h>
#include <time.h>

void remote_state_init(struct remote_state *s)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void remote_state_deinit(struct remote_state *s)
{
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
}

bool remote_state_wait(struct remote_state *s, uint32_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + ms * NS_PER_MS;
    until.tv_sec += (time_t)(ns / NS_PER_S);
    until.tv_nsec = (long)(ns % NS_PER_S);
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && pthread_cond_timedwait(&s->wake, &s->lock, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&s->lock);
    return !s->stopping;
}

void remote_state_stop(struct remote_state *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

struct remote_stats *remote_state_lock(struct remote_state *s)
{
    pthread_mutex_lock(&s->lock);
    return &s->stats;
}

void remote_state_unlock(struct remote_state *s)
{
    pthread_mutex_unlock(&s->lock);
}

void remote_state_read(struct remote_state *s, struct remote_stats *out)
{
    *out = *remote_state_lock(s);
    remote_state_unlock(s);
}
