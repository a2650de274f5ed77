/* mailbox.c - a list under one lock; the receiver takes all of it at once. */
#include "base/mailbox.h"
#include "base/mem.h"

#include <pthread.h>
#include <time.h>

struct mailbox {
    pthread_mutex_t lock; /* innermost, but for what `wake` takes */
    pthread_cond_t filled;
    struct list mails; /* borrowed until taken */
    size_t count, cap;
    bool closed;
    void (*wake)(void *user);
    void *user;
};

struct mailbox *mailbox_new(size_t cap, void (*wake)(void *user), void *user)
{
    struct mailbox *m = mem_calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    /* Deadlines are monotonic, so that setting the wall clock neither wakes nor strands a receiver.
     */
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->filled, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&m->lock, NULL);
    list_init(&m->mails);
    m->cap = cap;
    m->wake = wake;
    m->user = user;
    return m;
}

void mailbox_free(struct mailbox *m)
{
    if (!m)
        return;
    pthread_cond_destroy(&m->filled);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

bool mailbox_post(struct mailbox *m, struct mail *mail)
{
    pthread_mutex_lock(&m->lock);
    bool posted = !m->closed && (m->cap == 0 || m->count < m->cap);
    if (posted) {
        list_add_tail(&m->mails, &mail->link);
        if (m->count++ == 0) {
            /* Under the lock: once mailbox_close() has returned, no wake is on its way to a handle
             * that the receiver is about to free. */
            if (m->wake)
                m->wake(m->user);
            pthread_cond_signal(&m->filled);
        }
    }
    pthread_mutex_unlock(&m->lock);
    return posted;
}

/* The lock is held. */
static size_t move_all(struct mailbox *m, struct list *out)
{
    size_t count = m->count;
    if (count) {
        struct list *first = m->mails.next, *last = m->mails.prev;
        first->prev = out->prev;
        out->prev->next = first;
        last->next = out;
        out->prev = last;
        list_init(&m->mails);
        m->count = 0;
    }
    return count;
}

size_t mailbox_take(struct mailbox *m, struct list *out)
{
    pthread_mutex_lock(&m->lock);
    size_t count = move_all(m, out);
    pthread_mutex_unlock(&m->lock);
    return count;
}

size_t mailbox_wait(struct mailbox *m, struct list *out, uint64_t deadline_mono_ns)
{
    struct timespec until = {(time_t)(deadline_mono_ns / NS_PER_S),
                             (long)(deadline_mono_ns % NS_PER_S)};
    pthread_mutex_lock(&m->lock);
    int timed_out = 0;
    while (m->count == 0 && !m->closed && !timed_out)
        timed_out = deadline_mono_ns ? pthread_cond_timedwait(&m->filled, &m->lock, &until)
                                     : pthread_cond_wait(&m->filled, &m->lock);
    size_t count = move_all(m, out);
    pthread_mutex_unlock(&m->lock);
    return count;
}

void mailbox_close(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    m->closed = true;
    pthread_cond_broadcast(&m->filled);
    pthread_mutex_unlock(&m->lock);
}

size_t mailbox_count(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    size_t count = m->count;
    pthread_mutex_unlock(&m->lock);
    return count;
}
