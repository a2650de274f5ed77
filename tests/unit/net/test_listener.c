/* test_listener.c - which of a host's addresses is listened on. */
#include "net/listener.h"
#include "tests/support/fake_hosts.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

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
