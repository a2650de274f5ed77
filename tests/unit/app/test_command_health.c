/* test_command_health.c - whom weft health asks. */
#include "app/command.h"

#include "tests/support/fake_hosts.h"
#include "tests/support/http_script.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>

static int ask(const char *host, const struct http_script *script)
{
    char option[64];
    int port = atoi(strrchr(http_script_url(script), ':') + 1);
    snprintf(option, sizeof(option), "--http=%s:%d", host, port);
    return command_health(2, (char *[]){(char[]){"health"}, option});
}

Test(command_health, finds_weft_at_any_address_of_a_name)
{
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL};
    struct http_script *script = http_script_start(answers);
    cr_expect(eq(int, ask("127.0.0.1", script), EXIT_WELL));
    cr_expect(eq(int, ask("both.test", script), EXIT_WELL));
    cr_expect(eq(int, ask("", script), EXIT_WELL), "as weft's own `listen: :9600`");
    http_script_stop(script);
}

Test(command_health, tells_that_weft_is_not_ready)
{
    static const char *const answers[] = {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", NULL};
    struct http_script *script = http_script_start(answers);
    cr_expect(eq(int, ask("127.0.0.1", script), EXIT_FAILED));
    http_script_stop(script);
}
