/* connect.c - resolves, and tries one address after the other. */
#include "net/connect.h"

#include "base/unit.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A signal does not end it: asked again, the kernel goes on waiting for the same connection. */
static bool connect_whole(int fd, const struct addrinfo *to)
{
    int failed;
    do
        failed = connect(fd, to->ai_addr, to->ai_addrlen);
    while (failed && errno == EINTR);
    return !failed;
}

static int connect_one(const struct addrinfo *to, unsigned limit_s)
{
    struct timeval limit = {.tv_sec = (time_t)limit_s}; /* 0 is none */
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect_whole(fd, to))
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

enum status net_connect(struct str addr, unsigned limit_s, int *fd, struct err *e)
{
    struct str host;
    uint16_t port;
    char name[256], service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    TRY(unit_parse_addr(addr, &host, &port, e));
    str_to_c(host, name, sizeof(name));
    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(*name ? name : "127.0.0.1", service, &hints, &found) != 0)
        return err_set(e, ST_INVALID, "%.*s is no address", STR_ARG(addr));
    *fd = -1;
    for (const struct addrinfo *to = found; to && *fd < 0; to = to->ai_next)
        *fd = connect_one(to, limit_s);
    int why = errno;
    freeaddrinfo(found);
    if (*fd < 0)
        return err_set(e, ST_IO, "nobody answers at %.*s: %s", STR_ARG(addr), strerror(why));
    return ST_OK;
}
