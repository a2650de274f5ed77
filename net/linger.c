/* linger.c - half-closed sockets that are drained until their peer has closed too. */
#include "net/linger.h"
#include "base/mem.h"
#include <sys/socket.h>
#include <unistd.h>

enum { DISCARD_BYTES = MIB }; /* a wake-up */

struct lingering {
    struct list link;
    uv_poll_t poll;
    struct inbound *in; /* owned */
    int fd;             /* owned */
    uint64_t until_ns;
};

void linger_set_init(struct linger_set *set, uv_loop_t *loop)
{
    set->loop = loop;
    list_init(&set->open);
}

static void on_closed(uv_handle_t *handle)
{
    struct lingering *l = handle->data;
    close(l->fd);
    inbound_free(l->in);
    mem_free(l);
}

static void end(struct lingering *l)
{
    list_remove(&l->link);
    uv_close((uv_handle_t *)&l->poll, on_closed);
}

/* MSG_TRUNC: TCP throws the bytes away without copying them. */
static void on_input(uv_poll_t *poll, int status, int events)
{
    struct lingering *l = poll->data;
    (void)events;
    if (status < 0 || recv(l->fd, NULL, DISCARD_BYTES, MSG_TRUNC | MSG_DONTWAIT) <= 0)
        end(l);
}

void linger_start(struct linger_set *set, int fd, struct inbound *in, struct str answer,
                  uint64_t until_ns)
{
    if (answer.len)
        (void)!send(fd, answer.ptr, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    struct lingering *l = mem_alloc(sizeof(*l));
    if (l == NULL || uv_poll_init(set->loop, &l->poll, fd) != 0) {
        mem_free(l);
        close(fd);
        inbound_free(in);
        return;
    }
    l->poll.data = l;
    l->in = in;
    l->fd = fd;
    l->until_ns = until_ns;
    list_add_tail(&set->open, &l->link);
    uv_poll_start(&l->poll, UV_READABLE, on_input);
}

void linger_tick(struct linger_set *set, uint64_t now_ns)
{
    LIST_EACH(node, &set->open)
    {
        struct lingering *l = CONTAINER_OF(node, struct lingering, link);
        if (now_ns >= l->until_ns)
            end(l);
    }
}

void linger_close_all(struct linger_set *set)
{
    linger_tick(set, UINT64_MAX);
}
