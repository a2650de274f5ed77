/* command_run.c - weft run: flags over file over defaults, then serve until a signal says stop. */
#include "app/command.h"

#include "app/config.h"
#include "app/wiring.h"
#include "base/fileio.h"
#include "base/log.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct run {
    const char *config_file; /* NULL: none */
    int argc;
    char **argv; /* flags override the file again at each reload */
    struct config config;
    struct app *app;
    pthread_mutex_t lock; /* SIGHUP and POST /-/reload may come together */
};

/* Flags that are settings: the flag overrides the file. */
static const struct {
    const char *flag, *path;
} flags[] = {
    {"--data", "data"},
    {"--http", "listen.http"},
    {"--otlp-grpc", "listen.otlp_grpc"},
    {"--otlp-http", "listen.otlp_http"},
};

/* True when argv[*at] is one of `flags`; *st tells whether its value is good. */
static bool take_flag(int argc, char **argv, int *at, struct config *c, enum status *st,
                      struct err *e)
{
    for (size_t f = 0; f < LEN(flags); f++) {
        const char *missing = NULL;
        const char *value = option_value(argc, argv, at, flags[f].flag, &missing);
        if (missing)
            *st = err_set(e, ST_INVALID, "%s needs a value", missing);
        else if (value)
            *st = config_set(c, config_find(str_from_c(flags[f].path), NULL), str_from_c(value),
                             STR(""), e);
        else
            continue;
        return true;
    }
    return false;
}

static enum status parse(int argc, char **argv, struct run *run, struct err *e)
{
    const char *missing = NULL;
    config_defaults(&run->config);
    for (int i = 1; i < argc; i++) {
        const char *file = option_value(argc, argv, &i, "--config", &missing);
        if (missing)
            return err_set(e, ST_INVALID, "--config needs a file");
        if (file)
            run->config_file = file;
    }
    bool insecure_flag = false;
    for (int i = 1; i < argc; i++)
        insecure_flag |= strcmp(argv[i], "--insecure") == 0;
    run->config.insecure = insecure_flag; /* the file's own check must know it */
    if (run->config_file)
        TRY(config_read(run->config_file, &run->config, e));
    for (int i = 1; i < argc; i++) {
        enum status st = ST_OK;
        if (strcmp(argv[i], "--insecure") == 0)
            run->config.insecure = true;
        else if (option_value(argc, argv, &i, "--config", &missing))
            continue;
        else if (!take_flag(argc, argv, &i, &run->config, &st, e))
            return err_set(e, ST_INVALID, "%s is no option of `weft run`; see `weft run --help`",
                           argv[i]);
        TRY(st);
    }
    const char *setting;
    return config_check(&run->config, &setting, e);
}

/* The file must be good as a whole, or nothing changes. */
static enum status reload(void *user, struct err *e)
{
    struct run *run = user;
    struct run fresh = {0};
    struct buf waiting = {0};
    enum status status = parse(run->argc, run->argv, &fresh, e);
    if (status != ST_OK) {
        config_deinit(&fresh.config);
        /* A file that is gone is a bad one; not found would be the path that was asked. */
        return e->status = status == ST_NOT_FOUND ? ST_INVALID : status;
    }
    pthread_mutex_lock(&run->lock);
    config_take_live(&run->config, &fresh.config, &waiting);
    app_apply(run->app, &run->config);
    pthread_mutex_unlock(&run->lock);
    log_info("app: configuration read again file=%s", run->config_file ? run->config_file : "none");
    if (waiting.len)
        log_warn("app: these settings wait for a restart: %.*s", STR_ARG(buf_str(&waiting)));
    buf_deinit(&waiting);
    config_deinit(&fresh.config);
    return ST_OK;
}

static void serve(struct run *run, const sigset_t *signals)
{
    for (;;) {
        int signal = 0;
        sigwait(signals, &signal);
        if (signal != SIGHUP) {
            log_info("app: stopping signal=%s", strsignal(signal));
            return;
        }
        struct err e = {0};
        if (reload(run, &e) != ST_OK)
            log_error("app: reload refused, nothing changed reason=\"%s\"", e.msg);
    }
}

/* Bodies of a few hundred KiB come and go a thousand times a second. By default each is mapped and
 * unmapped by itself, and its pages are cleared each time: a quarter of all CPU time. Kept, they
 * are reused. What a worker allocates another thread frees, so heaps by thread (arenas) only add
 * to what is kept: each gives back a part that the next one asks for, one page fault at a time. */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 * MIB);
    mallopt(M_TRIM_THRESHOLD, 8 * MIB);
    mallopt(M_TOP_PAD, MIB);
    mallopt(M_ARENA_MAX, 1);
}

int command_run(int argc, char **argv)
{
    struct run run = {.argc = argc, .argv = argv, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct err e = {0};
    if (parse(argc, argv, &run, &e) != ST_OK) {
        fprintf(stderr, "weft: %s\n", e.msg);
        config_deinit(&run.config);
        return EXIT_USAGE;
    }
    /* Before any thread starts, so that only serve() sees them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is one more full disk */
    keep_memory();
    file_faults_init();
    enum status st = app_start(&run.config, reload, &run, &run.app, &e);
    if (st != ST_OK) {
        fprintf(stderr, "weft: %s\n", e.msg);
        config_deinit(&run.config);
        return st == ST_BUSY || st == ST_INVALID ? EXIT_USAGE : EXIT_FAILED;
    }
    app_print_listening(run.app);
    serve(&run, &signals);
    app_stop(run.app);
    config_deinit(&run.config);
    return EXIT_WELL;
}
