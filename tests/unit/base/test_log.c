/* test_log.c - lines on stderr: form, level, no forged lines, rate limit. */
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

static char captured[16384];

static const char *capture(void (*fn)(void))
{
    int pipe_fds[2], saved = dup(STDERR_FILENO);
    cr_assert_eq(pipe(pipe_fds), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    close(pipe_fds[1]);
    fn();
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t len = read(pipe_fds[0], captured, sizeof(captured) - 1);
    captured[len > 0 ? len : 0] = '\0';
    close(pipe_fds[0]);
    return captured;
}

static void log_three(void)
{
    clock_set_ns(1700000000ull * NS_PER_S, 1);
    log_set_level(LOG_WARN);
    log_warn("net: refused peer=%s", "x\nerror net: forged \x1b[31m");
    log_info("net: not shown");
    log_error("net: broken n=%d", 1);
}

Test(log, writes_one_line_per_event)
{
    cr_expect_str_eq(capture(log_three),
                     "2023-11-14T22:13:20.000Z warn net: refused peer=x error net: forged  [31m\n"
                     "2023-11-14T22:13:20.000Z error net: broken n=1\n");
}

static void log_c1(void)
{
    clock_set_ns(1700000000ull * NS_PER_S, 1);
    log_warn("net: name=%s", "\xc2\x9b"
                             "31m caf\xc3\x9b \xc2\xa0 \xe2\x9b\x84 \xc2");
}

/* U+009B is ESC [ in one character. */
Test(log, takes_no_commands_of_terminals)
{
    cr_expect_str_eq(capture(log_c1), "2023-11-14T22:13:20.000Z warn net: name=  31m caf\xc3\x9b "
                                      "\xc2\xa0 \xe2\x9b\x84 \xc2\n");
}

static void log_long(void)
{
    log_warn("%05000d", 1);
}

Test(log, cuts_long_lines)
{
    const char *text = capture(log_long);
    cr_expect_eq(strlen(text), 2047);
    cr_expect_eq(text[2046], '\n');
}

static void log_often(void)
{
    for (uint64_t i = 0; i < 20; i++) {
        clock_set_ns(1, (i < 12 ? 1 : 11) * NS_PER_S);
        log_limited(LOG_WARN, "net: peer is noisy i=%u", (unsigned)i);
    }
}

Test(log, holds_back_what_a_peer_provokes)
{
    const char *text = capture(log_often);
    unsigned lines = 0;
    for (const char *p = text; (p = strstr(p, "noisy")); p++)
        lines++;
    cr_expect_eq(lines, 10, "five in each window: %s", text);
    cr_expect_not_null(strstr(text, "held back count=7"));
    cr_expect_not_null(strstr(text, "i=4\n"));
    cr_expect_null(strstr(text, "i=5\n"));
    cr_expect_not_null(strstr(text, "i=12\n"));
}
