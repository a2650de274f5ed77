/* race_mailbox.c - four senders, one receiver, a box that is often full; run under TSan (preset
 * tsan). Criterion does not run under TSan, so this is a plain program: exit 0 when every promise
 * held. */
#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { SENDERS = 4, MAILS = 20000, CAP = 64 };

struct letter {
    struct mail mail; /* kind: the sender */
    unsigned number; /* written before the post, read by the receiver: the box must order the two */
};

struct sender {
    pthread_t thread;
    struct mailbox *box;
    unsigned id;
};

static void need(bool promise, const char *what)
{
    if (promise)
        return;
    fprintf(stderr, "race_mailbox: broken: %s\n", what);
    exit(1);
}

static void *send_all(void *user)
{
    struct sender *s = user;
    for (unsigned i = 0; i < MAILS; i++) {
        struct letter *letter = mem_need(sizeof(*letter));
        letter->mail.kind = s->id;
        letter->number = i;
        while (!mailbox_post(s->box, &letter->mail))
            sched_yield();
    }
    return NULL;
}

/* Each sender's letters must come once and in its order. */
static size_t receive(struct list *mails, unsigned next[SENDERS])
{
    size_t count = 0;
    for (struct list *node; (node = list_pop(mails)); count++) {
        struct letter *letter = CONTAINER_OF(node, struct letter, mail.link);
        need(letter->number == next[letter->mail.kind]++, "order of one sender");
        mem_free(letter);
    }
    return count;
}

static void start(struct sender senders[SENDERS], struct mailbox *box)
{
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.box = box, .id = i};
        need(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]) == 0, "thread");
    }
}

static void join(struct sender senders[SENDERS])
{
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
}

static void run_waiting_receiver(void)
{
    struct sender senders[SENDERS];
    unsigned next[SENDERS] = {0};
    struct mailbox *box = mailbox_new(CAP, NULL, NULL);
    struct list mails;
    list_init(&mails);
    start(senders, box);
    for (size_t got = 0; got < SENDERS * MAILS; got += receive(&mails, next)) {
        size_t count = mailbox_wait(box, &mails, clock_mono_ns() + 60 * NS_PER_S);
        need(count > 0 && count <= CAP, "bound of the box");
    }
    join(senders);
    need(mailbox_count(box) == 0, "empty at the end");
    mailbox_free(box);
}

/* What uv_async_send is to a loop: a flag that the receiver clears before it takes. */
struct waker {
    pthread_mutex_t lock;
    pthread_cond_t raised;
    bool flag;
};

static void raise_flag(void *user)
{
    struct waker *w = user;
    pthread_mutex_lock(&w->lock);
    w->flag = true;
    pthread_cond_signal(&w->raised);
    pthread_mutex_unlock(&w->lock);
}

static void wait_for_flag(struct waker *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->flag)
        pthread_cond_wait(&w->raised, &w->lock);
    w->flag = false;
    pthread_mutex_unlock(&w->lock);
}

/* No wake may be lost: a box that gets mail after it was emptied wakes again, or this never ends.
 */
static void run_woken_receiver(void)
{
    struct sender senders[SENDERS];
    unsigned next[SENDERS] = {0};
    struct waker waker = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct mailbox *box = mailbox_new(CAP, raise_flag, &waker);
    struct list mails;
    list_init(&mails);
    start(senders, box);
    for (size_t got = 0; got < SENDERS * MAILS; got += receive(&mails, next)) {
        wait_for_flag(&waker);
        mailbox_take(box, &mails);
    }
    join(senders);
    mailbox_free(box);
}

int main(void)
{
    run_waiting_receiver();
    run_woken_receiver();
    puts("2 passed, 0 failed, 0 skipped");
    return 0;
}
