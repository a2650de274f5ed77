/* test_grpc_client.c - opening a connection while signals come. What is sent is ./dev demo's test.
 */
#include "net/grpc_client.h"
#include "net/listener.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int listener;
static atomic_uint signals;

/* From the second on there is room for the connection that waits. */
static void on_alarm(int signal_number)
{
    (void)signal_number;
    if (atomic_fetch_add(&signals, 1) > 0)
        (void)accept(listener, NULL, NULL);
}

/* Others fill the backlog, so that the kernel drops who asks next until one is accepted. */
static void fill_backlog(const struct sockaddr_in *at)
{
    for (int i = 0; i < 4; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fd, (const struct sockaddr *)at, sizeof(*at));
    }
}

Test(grpc_client, a_signal_does_not_end_connecting, .timeout = 60)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{.tv_usec = 50000}, {.tv_usec = 50000}}, never = {0};
    struct grpc_client *client;
    struct err e = {0};
    char addr[32];
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert(bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(listener, 0) == 0);
    getsockname(listener, (struct sockaddr *)&at, &len);
    fill_backlog(&at);
    snprintf(addr, sizeof(addr), "127.0.0.1:%u", ntohs(at.sin_port));
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    enum status status = grpc_client_open(addr, &client, &e);
    setitimer(ITIMER_REAL, &never, NULL);
    cr_assert(eq(int, status, ST_OK), "%s", e.msg);
    cr_expect(signals > 1, "%u signals", signals);
    grpc_client_close(client);
    close(listener);
}

/* `localhost` is ::1 and 127.0.0.1 on many machines, and weft listens on the second only.
 * test_listener.c makes the name. */
Test(grpc_client, connects_to_any_address_of_a_name, .timeout = 60)
{
    struct listener l;
    struct grpc_client *client;
    struct err e = {0};
    char addr[64];
    cr_assert(eq(int, listener_open(STR("127.0.0.1:0"), &l, &e), ST_OK), "%s", e.msg);
    snprintf(addr, sizeof(addr), "both.test%s", strrchr(l.addr, ':'));
    cr_assert(eq(int, grpc_client_open(addr, &client, &e), ST_OK), "%s", e.msg);
    grpc_client_close(client);
    listener_close(&l);
}
