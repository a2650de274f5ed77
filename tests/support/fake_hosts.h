/* fake_hosts.h - names with two addresses, and a machine without IPv6. For one file of an
 * executable: getaddrinfo() and socket() are replaced in all of it. */
#ifndef WEFT_TESTS_SUPPORT_FAKE_HOSTS_H
#define WEFT_TESTS_SUPPORT_FAKE_HOSTS_H

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* socket() refuses IPv6. */
static bool fake_no_ipv6;

int socket(int domain, int type, int protocol)
{
    if (fake_no_ipv6 && domain == AF_INET6)
        return errno = EAFNOSUPPORT, -1;
    return (int)syscall(SYS_socket, domain, type, protocol);
}

typedef int resolve_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* `both.test` is ::1 and 127.0.0.1, in that order; `elsewhere.test` is no address of this machine,
 * then 127.0.0.1. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    const char *first = NULL;
    resolve_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (host && strcmp(host, "both.test") == 0)
        first = "::1";
    else if (host && strcmp(host, "elsewhere.test") == 0)
        first = "2001:db8::1";
    int rc = real(first ? first : host, service, hints, out);
    return first && rc == 0 ? real("127.0.0.1", service, hints, &(*out)->ai_next) : rc;
}

#endif
