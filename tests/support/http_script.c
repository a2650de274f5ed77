/* http_script.c - one thread, one connection at a time, blocking. */
#include "tests/support/http_script.h"

#include "base/clock.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct asked {
    struct buf bytes;
    size_t head_len;
    uint64_t time_ns;
};

struct http_script {
    const char *const *answers;
    int listener;
    char url[64];
    pthread_t thread;
    atomic_bool stopping;
    pthread_mutex_t lock;
    struct asked asked[SCRIPT_ASKED_MAX]; /* guarded by lock */
    unsigned count;
};

static bool readable(struct http_script *s, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!atomic_load(&s->stopping))
        if (poll(&p, 1, 20) > 0)
            return true;
    return false;
}

static size_t body_length(struct str head)
{
    size_t at = str_search(head, STR("Content-Length: "));
    return at == head.len ? 0 : strtoul(head.ptr + at + 16, NULL, 10);
}

/* False: the client went away before it had asked. */
static bool read_request(struct http_script *s, int fd, struct asked *out)
{
    char chunk[65536];
    for (;;) {
        struct str all = buf_str(&out->bytes);
        size_t end = str_search(all, STR("\r\n\r\n"));
        out->head_len = end + 4;
        if (end < all.len && all.len >= end + 4 + body_length(str_sub(all, 0, end)))
            return true;
        ssize_t n = readable(s, fd) ? read(fd, chunk, sizeof(chunk)) : 0;
        if (n <= 0)
            return false;
        buf_append(&out->bytes, chunk, (size_t)n);
    }
}

static const char *remember(struct http_script *s, struct asked *asked)
{
    pthread_mutex_lock(&s->lock);
    unsigned i = s->count++;
    asked->time_ns = clock_mono_ns();
    if (i < SCRIPT_ASKED_MAX)
        s->asked[i] = *asked;
    else
        buf_deinit(&asked->bytes);
    const char *const *answer = s->answers;
    for (unsigned at = 0; at < i && answer[1]; at++)
        answer++;
    pthread_mutex_unlock(&s->lock);
    return *answer;
}

static void serve(struct http_script *s, int fd)
{
    struct asked asked = {0};
    char byte;
    if (!read_request(s, fd, &asked)) {
        buf_deinit(&asked.bytes);
        return;
    }
    const char *answer = remember(s, &asked);
    if (strcmp(answer, "hang") == 0)
        while (readable(s, fd) && read(fd, &byte, 1) > 0)
            ;
    else if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
        return;
}

static void *run(void *arg)
{
    struct http_script *s = arg;
    while (readable(s, s->listener)) {
        int fd = accept(s->listener, NULL, NULL);
        serve(s, fd);
        close(fd);
    }
    return NULL;
}

struct http_script *http_script_start(const char *const *answers)
{
    struct http_script *s = mem_calloc(1, sizeof(*s));
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    if (!s)
        abort();
    s->answers = answers;
    pthread_mutex_init(&s->lock, NULL);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(s->listener, (struct sockaddr *)&addr, len) || listen(s->listener, 16) ||
        getsockname(s->listener, (struct sockaddr *)&addr, &len) ||
        pthread_create(&s->thread, NULL, run, s))
        abort();
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/write", ntohs(addr.sin_port));
    return s;
}

void http_script_stop(struct http_script *s)
{
    atomic_store(&s->stopping, true);
    pthread_join(s->thread, NULL);
    close(s->listener);
    for (unsigned i = 0; i < MIN(s->count, (unsigned)SCRIPT_ASKED_MAX); i++)
        buf_deinit(&s->asked[i].bytes);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

const char *http_script_url(const struct http_script *s)
{
    return s->url;
}

unsigned http_script_count(struct http_script *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned count = s->count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

struct str http_script_head(struct http_script *s, unsigned i)
{
    return str_sub(buf_str(&s->asked[i].bytes), 0, s->asked[i].head_len);
}

struct str http_script_body(struct http_script *s, unsigned i)
{
    struct str all = buf_str(&s->asked[i].bytes);
    return str_sub(all, s->asked[i].head_len, all.len);
}

uint64_t http_script_time_ns(struct http_script *s, unsigned i)
{
    return s->asked[i].time_ns;
}
