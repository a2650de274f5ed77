/* loop.c - runs one libuv loop on a thread and delivers posted mail to it, a whole batch per
 * wake-up. */
#include "net/loop.h"
#include "base/mem.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>

static void deliver_mail(struct loop *l)
{
    struct list mails;
    list_init(&mails);
    if (mailbox_take(l->box, &mails) == 0)
        return;
    for (struct list *node; (node = list_pop(&mails)) != NULL;)
        l->hooks.mail(CONTAINER_OF(node, struct mail, link), l->hooks.user);
    if (l->hooks.batch_end)
        l->hooks.batch_end(l->hooks.user);
}

static void on_wake(uv_async_t *wake)
{
    deliver_mail(wake->data);
}

static void wake_loop(void *user)
{
    struct loop *l = user;
    uv_async_send(&l->wake);
}

enum status loop_init(struct loop *l, const struct loop_hooks *hooks, struct err *e)
{
    *l = (struct loop){.hooks = *hooks};
    int rc = uv_loop_init(&l->uv);
    if (rc != 0)
        return err_set(e, ST_IO, "cannot make an event loop: %s", uv_strerror(rc));
    rc = uv_async_init(&l->uv, &l->wake, on_wake);
    if (rc != 0) {
        uv_loop_close(&l->uv);
        return err_set(e, ST_IO, "cannot make a wake-up handle: %s", uv_strerror(rc));
    }
    l->wake.data = l;
    l->box = mailbox_new(0, wake_loop, l);
    if (l->box == NULL) {
        loop_deinit(l);
        return err_set(e, ST_NO_MEMORY, "no memory for a mailbox");
    }
    return ST_OK;
}

static void *run(void *user)
{
    struct loop *l = user;
    uv_run(&l->uv, UV_RUN_DEFAULT);
    return NULL;
}

enum status loop_start(struct loop *l, const char *name, struct err *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&l->thread, NULL, run, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set(e, ST_IO, "cannot start thread %s: %s", name, strerror(rc));
    pthread_setname_np(l->thread, name);
    l->started = true;
    return ST_OK;
}

void loop_post(struct loop *l, struct mail *mail)
{
    mailbox_post(l->box, mail);
}

bool loop_is_current(const struct loop *l)
{
    return l->started && pthread_equal(l->thread, pthread_self());
}

void loop_stop(struct loop *l)
{
    if (!uv_is_closing((uv_handle_t *)&l->wake))
        uv_close((uv_handle_t *)&l->wake, NULL);
}

void loop_deinit(struct loop *l)
{
    if (l->started) {
        pthread_join(l->thread, NULL);
    } else {
        loop_stop(l);
        uv_run(&l->uv, UV_RUN_DEFAULT);
    }
    if (l->box) {
        deliver_mail(l);
        mailbox_free(l->box);
    }
    uv_loop_close(&l->uv);
}
