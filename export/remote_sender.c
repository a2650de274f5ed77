/* remote_sender.c - the threads: round after round of each source, metadata once a minute. */
#include "export/remote_sender.h"

#include "base/clock.h"
#include "base/fileio.h"
#include "base/log.h"
#include "export/remote_round.h"

#include <stdio.h>

enum { IDLE_MS = 250, AGAIN_MS = 1000, METADATA_MS = 60000, METADATA_SEND = 2000 };

struct sender {
    const struct remote_senders_config *config; /* of the list */
    struct remote_state state;
    struct remote_post *post; /* owned */
    struct remote_batch batch;
    struct remote_families families;
    uint64_t families_mono_ns; /* when they were read; 0 = never */
    struct remote_round rounds[REMOTE_SOURCES_MAX];
    int64_t until_ms[REMOTE_SOURCES_MAX]; /* of the rounds' cursors; guarded by state.lock */
    uint32_t round_count;
    pthread_t thread;
    bool runs;
};

struct remote_senders {
    struct remote_senders_config config;
    struct remote_source sources[REMOTE_SOURCES_MAX];
    uint32_t count;
    struct sender items[];
};

void remote_url_show(const char *url, char *out)
{
    struct str text = str_from_c(url);
    size_t scheme = str_search(text, STR("://"));
    size_t host = scheme < text.len ? scheme + 3 : 0;
    struct str authority = str_sub(text, host, text.len);
    authority.len = str_find(authority, '/');
    size_t at = str_find_last(authority, '@');
    size_t skipped = at < authority.len ? at + 1 : 0;
    struct str rest = str_sub(text, host + skipped, text.len);
    rest.len = str_find(rest, '?'); /* keys travel there, too */
    snprintf(out, REMOTE_URL_BYTES, "%.*s%.*s", (int)host, text.ptr, STR_ARG(rest));
    for (char *c = out; *c; c++)
        if (*c < 0x21 || *c > 0x7e || *c == '"' || *c == '\\')
            *c = '_';
}

/* --- the thread --- */

static int64_t now_ms(void)
{
    return (int64_t)(clock_wall_ns() / NS_PER_MS);
}

static void send_metadata(struct sender *s)
{
    const struct remote_families *f = &s->families;
    for (size_t at = 0; at < f->items.len && !s->state.stopping; at += METADATA_SEND)
        remote_post_metadata(s->post, f->items.items + at,
                             MIN(f->items.len - at, (size_t)METADATA_SEND));
}

static void refresh_families(struct sender *s)
{
    uint64_t now = clock_mono_ns();
    if (s->families_mono_ns && now - s->families_mono_ns < METADATA_MS * NS_PER_MS)
        return;
    s->families_mono_ns = now;
    if (remote_families_load(&s->families, &s->config->metadata) && !remote_post_is_2(s->post))
        send_metadata(s);
}

/* True when another round is due at once. */
static bool run_round(struct sender *s, struct remote_round *round, bool *failed)
{
    bool more = false;
    struct err e = {0};
    enum status status = remote_round_run(round, now_ms(), &more, &e);
    if (status == ST_OK || s->state.stopping)
        return more;
    log_limited(LOG_WARN, "remote_write: a round failed url=%s source=%s reason=\"%s\"",
                s->state.stats.url, round->source->name, e.msg);
    *failed = true;
    return false;
}

/* A round may last for as long as a receiver is away: how far behind that is others work out. */
static void show_progress(struct sender *s)
{
    (void)remote_state_lock(&s->state);
    for (uint32_t i = 0; i < s->round_count; i++)
        s->until_ms[i] = s->rounds[i].cursor.until_ms;
    remote_state_unlock(&s->state);
}

static void *run(void *arg)
{
    struct sender *s = arg;
    while (!s->state.stopping) {
        bool more = false, failed = false;
        refresh_families(s);
        for (uint32_t i = 0; i < s->round_count && !s->state.stopping; i++) {
            more |= run_round(s, &s->rounds[i], &failed);
            show_progress(s);
        }
        if (failed || !more)
            (void)remote_state_wait(&s->state, failed ? AGAIN_MS : IDLE_MS);
    }
    return NULL;
}

/* --- life --- */

static enum status begin_rounds(struct sender *s, const struct remote_target *target, struct err *e)
{
    for (uint32_t i = 0; i < s->config->source_count; i++) {
        s->rounds[i] = (struct remote_round){.target = target,
                                             .source = &s->config->sources[i],
                                             .families = &s->families,
                                             .post = s->post,
                                             .state = &s->state,
                                             .batch = &s->batch};
        s->round_count++;
        TRY(remote_round_begin(&s->rounds[i], s->config->directory, now_ms(), e));
    }
    return ST_OK;
}

static enum status start(struct sender *s, const struct remote_target *target, struct err *e)
{
    remote_url_show(target->url, s->state.stats.url);
    snprintf(s->state.stats.name, REMOTE_NAME_BYTES, "%s", target->name ? target->name : "");
    TRY(remote_post_new(target, &s->state, &s->post, e));
    TRY(begin_rounds(s, target, e));
    show_progress(s);
    s->runs = pthread_create(&s->thread, NULL, run, s) == 0;
    return s->runs ? ST_OK : err_set(e, ST_IO, "no thread for remote write");
}

static void deinit(struct sender *s)
{
    for (uint32_t i = 0; i < s->round_count; i++)
        remote_round_deinit(&s->rounds[i]);
    remote_families_deinit(&s->families);
    remote_batch_deinit(&s->batch);
    remote_post_free(s->post);
    remote_state_deinit(&s->state);
}

enum status remote_senders_start(const struct remote_senders_config *config,
                                 struct remote_senders **out, struct err *e)
{
    uint32_t count = MIN(config->target_count, (uint32_t)REMOTE_TARGETS_MAX);
    TRY(dir_make(config->directory, e));
    struct remote_senders *s = mem_calloc(1, sizeof(*s) + count * sizeof(s->items[0]));
    if (!s)
        return err_set(e, ST_NO_MEMORY, "no memory for remote write");
    s->config = *config;
    s->config.source_count = MIN(config->source_count, (uint32_t)REMOTE_SOURCES_MAX);
    memcpy(s->sources, config->sources, s->config.source_count * sizeof(s->sources[0]));
    s->config.sources = s->sources;
    for (uint32_t i = 0; i < count; i++) {
        s->items[i].config = &s->config;
        remote_state_init(&s->items[i].state);
        s->count++;
        enum status status = start(&s->items[i], &config->targets[i], e);
        if (status != ST_OK) {
            remote_senders_free(s);
            return status;
        }
    }
    *out = s;
    return ST_OK;
}

static void read_stats(struct sender *s, struct remote_stats *out)
{
    int64_t lag_ms = 0, now = now_ms();
    remote_state_read(&s->state, out);
    (void)remote_state_lock(&s->state);
    for (uint32_t i = 0; i < s->round_count; i++)
        lag_ms = MAX(lag_ms, remote_round_lag_ms(&s->config->sources[i], s->until_ms[i], now));
    remote_state_unlock(&s->state);
    out->lag_s = (double)lag_ms / 1000;
}

uint32_t remote_senders_stats(struct remote_senders *s, struct remote_stats *out, uint32_t cap)
{
    uint32_t count = s ? MIN(s->count, cap) : 0;
    for (uint32_t i = 0; i < count; i++)
        read_stats(&s->items[i], &out[i]);
    return count;
}

void remote_senders_stop(struct remote_senders *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->count; i++)
        remote_state_stop(&s->items[i].state);
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->items[i].runs)
            pthread_join(s->items[i].thread, NULL);
        s->items[i].runs = false;
    }
}

void remote_senders_free(struct remote_senders *s)
{
    if (!s)
        return;
    remote_senders_stop(s);
    for (uint32_t i = 0; i < s->count; i++)
        deinit(&s->items[i]);
    mem_free(s);
}
