/* test_listener.c - which of a host's addresses is listened on. */
#include "net/listener.h"
#include "tests/support/fake_hosts.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool listens(const char *asked, const char *on)
{
    struct listener l;
    struct err e;
    cr_assert(eq(int, listener_open(str_from_c(asked), &l, &e), ST_OK), "%s", e.msg);
    bool does = strncmp(l.addr, on, strlen(on)) == 0;
    listener_close(&l);
    return does;
}

Test(listener, takes_an_address_that_is_here)
{
    cr_expect(listens("elsewhere.test:0", "127.0.0.1:"));
    fake_no_ipv6 = true;
    cr_expect(listens("both.test:0", "127.0.0.1:"));
}

Test(listener, every_interface_is_those_of_ipv4_where_there_are_no_others)
{
    fake_no_ipv6 = true;
    cr_expect(listens(":0", "0.0.0.0:"));
}

/* A program on the port that takes IPv6 alone is no reason to go without IPv6. */
Test(listener, every_interface_is_not_those_of_ipv4_because_the_others_are_taken)
{
    struct listener l;
    struct err e = {0};
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    socklen_t len = sizeof(any);
    char every[16];
    int other = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
    if (other < 0 || setsockopt(other, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0 ||
        bind(other, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(other, 1) < 0)
        cr_skip_test("there is no IPv6 here");
    getsockname(other, (struct sockaddr *)&any, &len);
    snprintf(every, sizeof(every), ":%u", ntohs(any.sin6_port));
    cr_expect(eq(int, listener_open(str_from_c(every), &l, &e), ST_IO));
    cr_expect(strstr(e.msg, "in use") != NULL, "%s", e.msg);
    close(other);
}

Test(listener, a_port_that_is_taken_is_told)
{
    struct listener first, second;
    struct err e = {0};
    char both[ADDR_TEXT_BYTES];
    if (listener_open(STR("[::1]:0"), &first, &e) != ST_OK)
        cr_skip_test("there is no IPv6 here");
    snprintf(both, sizeof(both), "both.test%s", strrchr(first.addr, ':'));
    cr_expect(eq(int, listener_open(str_from_c(both), &second, &e), ST_IO), "not the other one");
    cr_expect(strstr(e.msg, "in use") != NULL, "%s", e.msg);
    listener_close(&first);
}
