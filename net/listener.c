/* listener.c - turns the text of an address into a listening socket, with a plain sentence when
 * that fails. */
#include "net/listener.h"
#include "base/unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

char *addr_format(const struct sockaddr *addr, char out[ADDR_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN];
    if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)addr;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, ADDR_TEXT_BYTES, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const void *)addr;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, ADDR_TEXT_BYTES, "%s:%u", host, ntohs(in->sin_port));
    }
    return out;
}

static int open_socket(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* No IPv6 in the kernel, or not this address: a name may have others. */
static bool is_not_here(int error)
{
    return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

/* The first of a host's addresses that this machine has. Names are resolved here, before any loop
 * runs. ST_NOT_FOUND: it has none of them. */
static enum status open_host(const char *host, uint16_t port, struct str addr, int *fd,
                             struct err *e)
{
    struct addrinfo *found = NULL;
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    snprintf(service, sizeof(service), "%u", port);
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0)
        return err_set(e, ST_INVALID, "cannot resolve %.*s: %s", STR_ARG(addr), gai_strerror(rc));
    *fd = open_socket(found);
    for (const struct addrinfo *ai = found->ai_next; ai && *fd < 0 && is_not_here(errno);
         ai = ai->ai_next)
        *fd = open_socket(ai);
    int why = errno;
    freeaddrinfo(found);
    if (*fd >= 0)
        return ST_OK;
    return err_set(e, is_not_here(why) ? ST_NOT_FOUND : ST_IO, "cannot listen on %.*s: %s",
                   STR_ARG(addr), strerror(why));
}

enum status listener_open(struct str addr, struct listener *out, struct err *e)
{
    struct str host;
    uint16_t port;
    char name[256];
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    int fd = -1;
    out->fd = -1;
    TRY(unit_parse_addr(addr, &host, &port, e));
    /* An empty host is every interface, IPv4 and IPv6 alike, or IPv4 where there is nothing else.
     */
    enum status st =
        open_host(host.len ? str_to_c(host, name, sizeof(name)) : "::", port, addr, &fd, e);
    if (st == ST_NOT_FOUND && host.len == 0)
        st = open_host("0.0.0.0", port, addr, &fd, e);
    if (st != ST_OK)
        return st == ST_NOT_FOUND ? ST_IO : st;
    getsockname(fd, (struct sockaddr *)&bound, &len);
    addr_format((struct sockaddr *)&bound, out->addr);
    out->fd = fd;
    return ST_OK;
}

void listener_close(struct listener *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
