/* command_demo.c - weft demo: a simulated mesh that pushes real OTLP/gRPC, so that there is
 * something to look at. */
#include "app/command.h"

#include "app/demo_sender.h"
#include "app/demo_traffic.h"
#include "base/clock.h"
#include "base/unit.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_NS    (3 * NS_PER_S)
#define PROGRESS_NS (10 * NS_PER_S)
enum { RATE_MAX = 20000 };

struct demo {
    const char *to, *truth;
    double rate;
    uint64_t seed, duration_ns; /* 0: until a signal */
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static enum status parse_one(struct demo *d, const char *name, const char *value, struct err *e)
{
    struct str text = str_from_c(value);
    struct str host;
    uint16_t port;
    if (strcmp(name, "--to") == 0) {
        d->to = value;
        return unit_parse_addr(text, &host, &port, e);
    }
    if (strcmp(name, "--truth") == 0)
        d->truth = value;
    else if (strcmp(name, "--duration") == 0)
        return unit_parse_duration(text, &d->duration_ns, e);
    else if (strcmp(name, "--seed") == 0 && !str_to_u64(text, &d->seed))
        return err_set(e, ST_INVALID, "--seed %s is not a whole number", value);
    else if (strcmp(name, "--rate") == 0 &&
             (!str_to_double(text, &d->rate) || !(d->rate > 0) || d->rate > RATE_MAX))
        return err_set(e, ST_INVALID, "--rate %s is not a number of requests per second (up to %d)",
                       value, RATE_MAX);
    return ST_OK;
}

static enum status parse(int argc, char **argv, struct demo *d, struct err *e)
{
    static const char *const names[] = {"--to", "--rate", "--seed", "--duration", "--truth"};
    for (int i = 1; i < argc; i++) {
        const char *value = NULL, *missing = NULL;
        size_t n = 0;
        while (n < LEN(names) && !(value = option_value(argc, argv, &i, names[n], &missing)) &&
               !missing)
            n++;
        if (missing)
            return err_set(e, ST_INVALID, "%s needs a value", missing);
        if (!value)
            return err_set(e, ST_INVALID, "%s is no option of `weft demo`; see `weft demo --help`",
                           argv[i]);
        TRY(parse_one(d, names[n], value, e));
    }
    return ST_OK;
}

static bool emit(void *user, const struct demo_span *span)
{
    return demo_sender_add(user, span);
}

static void print_progress(const struct demo_sender *s, uint64_t requests)
{
    struct demo_sender_stats stats = demo_sender_stats(s);
    fprintf(stderr, "demo: %llu requests, %llu spans acknowledged, %llu not taken\n",
            (unsigned long long)requests, (unsigned long long)stats.acknowledged,
            (unsigned long long)stats.failed);
}

/* Poisson arrivals at the asked rate until the end or a signal. Returns the number of requests. */
static uint64_t generate(const struct demo *d, struct demo_traffic *t, struct demo_sender *s)
{
    uint64_t requests = 0, next = t->began_ns, progress = t->began_ns + PROGRESS_NS;
    uint64_t end = d->duration_ns ? t->began_ns + d->duration_ns : UINT64_MAX;
    struct demo_random arrivals = {d->seed ^ 0x5eed};
    while (!stopped && !t->failed) {
        uint64_t now = clock_wall_ns();
        for (; next <= now && next < end; requests++) {
            demo_traffic_request(t, next);
            next += (uint64_t)(-log(1.0 - demo_random_unit(&arrivals)) / d->rate * 1e9) + 1;
        }
        if (now >= end)
            break;
        demo_sender_run(s, now, MIN(next, end));
        if (now >= progress) {
            print_progress(s, requests);
            progress += PROGRESS_NS;
        }
    }
    return requests;
}

/* Told before hours of traffic, not behind them. */
static enum status check_folder(const char *path, struct err *e)
{
    struct str folder = str_from_c(path);
    size_t slash = str_find_last(folder, '/');
    char name[PATH_MAX] = ".";
    if (slash < folder.len)
        str_to_c(str_sub(folder, 0, MAX(slash, (size_t)1)), name, sizeof(name));
    if (access(name, W_OK) == 0)
        return ST_OK;
    return err_set(e, ST_IO, "cannot write %s: %s", path, strerror(errno));
}

static enum status run(const struct demo *d, struct err *e)
{
    struct demo_sender *sender = NULL;
    if (d->truth)
        TRY(check_folder(d->truth, e));
    struct demo_truth *truth = demo_truth_new(d->seed, d->truth != NULL);
    if (!truth)
        return err_set(e, ST_NO_MEMORY, "out of memory");
    enum status st = demo_sender_new(d->to, &sender, e);
    if (st == ST_OK) {
        struct demo_traffic traffic = {.random = {d->seed},
                                       .truth = truth,
                                       .began_ns = clock_wall_ns(),
                                       .emit = emit,
                                       .user = sender};
        uint64_t requests = generate(d, &traffic, sender);
        demo_sender_drain(sender, clock_wall_ns() + DRAIN_NS);
        print_progress(sender, requests);
        struct demo_sender_stats stats = demo_sender_stats(sender);
        if (traffic.failed)
            st = err_set(e, ST_NO_MEMORY, "out of memory");
        else if (d->truth)
            st = demo_truth_write(truth, d->truth, e);
        if (st == ST_OK && stats.acknowledged != stats.sent)
            st = err_set(e, ST_IO,
                         "%llu spans were not acknowledged: the truth holds more than was taken",
                         (unsigned long long)(stats.sent - stats.acknowledged));
    }
    demo_sender_free(sender);
    demo_truth_free(truth);
    return st;
}

int command_demo(int argc, char **argv)
{
    struct demo d = {.to = "127.0.0.1:4317", .rate = 40, .seed = clock_wall_ns()};
    struct err e = {0};
    if (parse(argc, argv, &d, &e) != ST_OK) {
        fprintf(stderr, "weft demo: %s\n", e.msg);
        return EXIT_USAGE;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (run(&d, &e) != ST_OK) {
        fprintf(stderr, "weft demo: %s\n", e.msg);
        return EXIT_FAILED;
    }
    return EXIT_WELL;
}
