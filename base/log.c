/* log.c - one write per line, so that lines of several threads never mix. */
#include "base/log.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_BYTES = 2048, LIMIT_LINES = 5 };
#define LIMIT_WINDOW_NS (10 * NS_PER_S)

static _Atomic int max_level = LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* innermost: nothing is locked under it */

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

/* U+0080 to U+009F, of which terminals take some for an escape and what follows it. */
static bool is_c1(const char *at, size_t left)
{
    return left > 1 && (uint8_t)at[0] == 0xc2 && (uint8_t)at[1] >= 0x80 && (uint8_t)at[1] < 0xa0;
}

/* A peer's text must not be able to start a line of its own or to steer a terminal. */
static void blank_control_bytes(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = ' ';
        else if (is_c1(text + i, len - i))
            text[i] = text[i + 1] = ' ';
}

void log_line(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
        return;
    char line[LINE_BYTES], stamp[32];
    int head = snprintf(line, sizeof(line), "%s %s ",
                        clock_format_rfc3339(clock_wall_ns(), stamp, sizeof(stamp)), names[level]);
    va_list args;
    va_start(args, fmt);
    int body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, args);
    va_end(args);
    size_t len = MIN((size_t)head + (size_t)MAX(body, 0), sizeof(line) - 2);
    blank_control_bytes(line, len);
    line[len++] = '\n';
    pthread_mutex_lock(&lock);
    /* Nobody is left to tell when stderr is gone. */
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
    pthread_mutex_unlock(&lock);
}

bool log_limit_allow(struct log_limit *limit, unsigned *held_before)
{
    uint64_t now = clock_mono_ns();
    bool allowed = false;
    pthread_mutex_lock(&lock);
    *held_before = 0;
    if (limit->window_start_ns == 0 || now - limit->window_start_ns >= LIMIT_WINDOW_NS) {
        limit->window_start_ns = MAX(now, (uint64_t)1);
        limit->in_window = 0;
    }
    if (limit->in_window < LIMIT_LINES) {
        limit->in_window++;
        *held_before = limit->held;
        limit->held = 0;
        allowed = true;
    } else {
        limit->held++;
    }
    pthread_mutex_unlock(&lock);
    return allowed;
}
