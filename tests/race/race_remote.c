/* race_remote.c - senders of remote write while samples come, numbers are read and all of it ends:
 * every sample is delivered to every receiver once. Plain program for TSan. */
#include "base/clock.h"
#include "export/remote_sender.h"
#include "tests/support/http_script.h"
#include "tests/support/temp_dir.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#define GOOD "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define NO   "HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
enum { TARGETS = 3, SAMPLES = 300, LAG_MS = 40, DEADLINE_S = 60 };

struct store {
    pthread_mutex_t lock;
    int64_t times_ms[SAMPLES];
    int64_t last_ms; /* at first: when the senders had begun, who skip what is not after it */
    uint32_t count;
};

static const struct label name[] = {{{"__name__", 8}, {"a", 1}}};
static const struct label_set labels = {name, 1};
static atomic_bool done;

static int64_t now_ms(void)
{
    return (int64_t)(clock_wall_ns() / NS_PER_MS);
}

/* One sample a millisecond. The time is read under the lock: whoever waits there between the two
 * for longer than LAG_MS would come too late. */
static void *put_all(void *user)
{
    struct store *s = user;
    while (s->count < SAMPLES) {
        pthread_mutex_lock(&s->lock);
        int64_t now = now_ms();
        if (s->last_ms < now)
            s->times_ms[s->count++] = s->last_ms = now;
        pthread_mutex_unlock(&s->lock);
        sched_yield();
    }
    return NULL;
}

static enum status select_store(void *user, const struct series_request *r, struct series_list *out,
                                void **held, struct err *e)
{
    struct store *s = user;
    struct series_data d = {.labels = labels};
    int64_t *times = arena_calloc(r->arena, SAMPLES, sizeof(*times));
    (void)held;
    d.times_ms = times;
    d.values = arena_calloc(r->arena, SAMPLES, sizeof(*d.values));
    out->items = out->items ? out->items : arena_calloc(r->arena, 1, sizeof(*out->items));
    if (!times || !d.values || !out->items)
        return err_set(e, ST_NO_MEMORY, "no memory");
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->count; i++)
        if (s->times_ms[i] >= r->start_ms && s->times_ms[i] <= r->end_ms)
            times[d.sample_count++] = s->times_ms[i];
    pthread_mutex_unlock(&s->lock);
    out->count = d.sample_count > 0;
    out->items[0] = d;
    return ST_OK;
}

static void release_store(void *user, void *held)
{
    (void)user, (void)held;
}

static void tell_metadata(void *user, bool (*each)(const struct metric_metadata *m, void *user),
                          void *arg)
{
    (void)user;
    (void)each(&(struct metric_metadata){.metric = STR("a"), .help = STR("samples")}, arg);
}

static void *read_stats(void *senders)
{
    struct remote_stats stats[TARGETS];
    while (!atomic_load(&done)) {
        (void)remote_senders_stats(senders, stats, TARGETS);
        sched_yield();
    }
    return NULL;
}

/* How many receivers have not got each sample once. */
static uint32_t count_wrong(struct remote_senders *senders)
{
    struct remote_stats stats[TARGETS];
    uint32_t wrong = 0, count = remote_senders_stats(senders, stats, TARGETS);
    for (uint32_t i = 0; i < count; i++)
        wrong += stats[i].sent != SAMPLES;
    return wrong + TARGETS - count;
}

static uint32_t race(const struct remote_senders_config *config, struct store *store)
{
    struct remote_senders *senders;
    pthread_t poster, reader;
    struct err e;
    uint64_t end_ns = clock_mono_ns() + DEADLINE_S * NS_PER_S;
    if (remote_senders_start(config, &senders, &e) != ST_OK) {
        fprintf(stderr, "race_remote: %s\n", e.msg);
        return TARGETS;
    }
    store->last_ms = now_ms();
    pthread_create(&poster, NULL, put_all, store);
    pthread_create(&reader, NULL, read_stats, senders);
    while (count_wrong(senders) && clock_mono_ns() < end_ns)
        sched_yield();
    remote_senders_stop(senders);
    pthread_join(poster, NULL);
    atomic_store(&done, true);
    pthread_join(reader, NULL);
    uint32_t wrong = count_wrong(senders);
    remote_senders_free(senders);
    return wrong;
}

int main(void)
{
    static const char *const answers[] = {GOOD /* metadata */, NO, GOOD, NULL};
    static const char *const names[TARGETS] = {"a", "b", "c"};
    struct store store = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct temp_dir dir = temp_dir_make();
    struct http_script *scripts[TARGETS];
    struct remote_target targets[TARGETS];
    struct remote_source source = {.name = "test",
                                   .select = select_store,
                                   .release = release_store,
                                   .user = &store,
                                   .lag_ms = LAG_MS,
                                   .step_ms = 1,
                                   .late_ms = 1000};
    for (uint32_t i = 0; i < TARGETS; i++) {
        scripts[i] = http_script_start(answers);
        targets[i] = (struct remote_target){.url = http_script_url(scripts[i]),
                                            .name = names[i],
                                            .protocol = 1,
                                            .timeout_ms = 5000};
    }
    struct remote_senders_config config = {.directory = dir.path,
                                           .targets = targets,
                                           .sources = &source,
                                           .metadata = {.each = tell_metadata},
                                           .target_count = TARGETS,
                                           .source_count = 1};
    uint32_t wrong = race(&config, &store);
    for (uint32_t i = 0; i < TARGETS; i++)
        http_script_stop(scripts[i]);
    temp_dir_remove(&dir);
    printf("race_remote: %d samples to %d receivers, %u wrong\n", SAMPLES, TARGETS, wrong);
    return wrong != 0;
}
