/* loop.h - one thread with its libuv loop and the mailbox through which other threads reach it. */
#ifndef WEFT_NET_LOOP_H
#define WEFT_NET_LOOP_H

#include "base/err.h"
#include "base/mailbox.h"
#include <uv.h>

struct loop_hooks {
    void (*mail)(struct mail *mail, void *user); /* each mail, in posting order */
    void (*batch_end)(void *user);               /* after all mails of one wake-up; may be NULL */
    void *user;                                  /* borrowed */
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    pthread_t thread; /* valid while started */
    struct mailbox *box;
    struct loop_hooks hooks;
    bool started;
};

/* Prepares a loop in the caller's memory, which must not move; loop_deinit ends it. ST_IO,
 * ST_NO_MEMORY. */
enum status loop_init(struct loop *l, const struct loop_hooks *hooks, struct err *e);
/* Starts the thread. All signals are blocked in it: they belong to the main thread. ST_IO. */
enum status loop_start(struct loop *l, const char *name, struct err *e);
/* Any thread. The box has no bound: senders are bounded by connections and running requests. */
void loop_post(struct loop *l, struct mail *mail);
/* True on the loop's own thread. Any thread. */
bool loop_is_current(const struct loop *l);
/* Loop thread, once every other handle is closing: the thread ends when the last close callback has
 * run. Idempotent. Of a loop that was never started: the thread that made it. */
void loop_stop(struct loop *l);
/* Waits for the thread (or, when it never started, until every handle has closed), hands over mail
 * that came too late, frees the loop. Not on the loop thread. */
void loop_deinit(struct loop *l);

#endif
