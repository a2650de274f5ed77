/* mailbox.h - bounded queue, many senders, one receiver; after a post the sender may not touch the
 * mail. */
#ifndef WEFT_BASE_MAILBOX_H
#define WEFT_BASE_MAILBOX_H

#include "base/list.h"

/* Embedded first in whatever is sent; `kind` tells the receiver what it is. */
struct mail {
    struct list link;
    unsigned kind;
};

struct mailbox;

/* At most `cap` mails (0: no bound, for senders that are bounded by something else). `wake`, when
 * not NULL, is called by the posting thread each time an empty box gets its first mail (a loop
 * passes uv_async_send), with the box locked: it must not call back into the box, and none is under
 * way once mailbox_close() has returned. Without it mailbox_wait() sleeps on a condition.
 * The caller ends the box with mailbox_free(). NULL when memory is short. */
struct mailbox *mailbox_new(size_t cap, void (*wake)(void *user), void *user);
/* The box must be empty. */
void mailbox_free(struct mailbox *m);
/* Any thread. False: full or closed, the mail is still the caller's. */
bool mailbox_post(struct mailbox *m, struct mail *mail);
/* Receiver only: moves all mails to *out (an initialised list) in posting order, without waiting.
 * Returns how many. */
size_t mailbox_take(struct mailbox *m, struct list *out);
/* Receiver only: as take, but sleeps until there is mail, or deadline_mono_ns passes (0: no
 * deadline), or it is closed. */
size_t mailbox_wait(struct mailbox *m, struct list *out, uint64_t deadline_mono_ns);
/* Later posts fail; a waiting receiver wakes. Any thread. */
void mailbox_close(struct mailbox *m);
size_t mailbox_count(struct mailbox *m);

#endif
