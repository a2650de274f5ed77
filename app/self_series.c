/* self_series.c - weft writes its own metrics to itself, on the path of every other sender: limits,
 * journal and replay are theirs too. The account is of what others sent. */
#include "app/self_series.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "query/query_series.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#define STEP_NS ((uint64_t)SELF_SERIES_STEP_MS * NS_PER_MS)
enum { LABELS_MAX = 8, INSTANCE_BYTES = 256 };

struct self_series {
    struct query *query;   /* borrowed */
    struct ingest *ingest; /* borrowed */
    char instance[INSTANCE_BYTES];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* lock */
};

/* --- one request --- */

struct encoding {
    struct write_encoder *encoder;
    struct str instance;
    int64_t time_ms;
    bool with_metadata;
    struct str metric; /* the last one whose metadata was written */
};

static void add_sample(void *user, const struct metric_metadata *m, struct label_set own,
                       double value)
{
    struct encoding *n = user;
    struct label labels[LABELS_MAX] = {
        {LABEL_METRIC_NAME, m->metric}, {STR("instance"), n->instance}, {STR("job"), STR("weft")}};
    uint32_t count = 3;
    for (uint32_t i = 0; i < own.count && count < LABELS_MAX; i++)
        labels[count++] = own.items[i];
    struct label_set set;
    struct err ignored; /* the names of the table are distinct: a test holds it to that */
    if (label_set_sort(labels, count, &set, &ignored) != ST_OK)
        return;
    struct sample sample = {.time_ms = n->time_ms, .value = value};
    struct metric_series series = {.labels = set, .samples = &sample, .sample_count = 1};
    write_encoder_series(n->encoder, &series, NULL);
    if (n->with_metadata && !str_eq(n->metric, m->metric))
        write_encoder_metadata(n->encoder, m);
    n->metric = m->metric;
}

enum status self_series_encode(struct query *q, struct str instance, int64_t time_ms,
                               bool with_metadata, struct write_encoder *w, struct buf *out,
                               struct err *e)
{
    struct arena arena = {0};
    struct encoding n = {
        .encoder = w, .instance = instance, .time_ms = time_ms, .with_metadata = with_metadata};
    write_encoder_begin(w);
    enum status status = query_metrics_each(q, &arena, add_sample, &n, e);
    arena_deinit(&arena);
    if (status == ST_OK && !write_encoder_finish(w, out))
        status = err_set(e, ST_NO_MEMORY, "no memory for weft's own series");
    return status;
}

/* --- the thread --- */

/* False: weft stops. By the monotonic clock: a wall clock that is set back meanwhile must not lead
 * to a long silence. */
static bool wait_for(struct self_series *s, uint64_t ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    ns += (uint64_t)until.tv_nsec;
    until.tv_sec += (time_t)(ns / NS_PER_S);
    until.tv_nsec = (long)(ns % NS_PER_S);
    pthread_mutex_lock(&s->lock);
    while (!s->stopping)
        if (pthread_cond_timedwait(&s->wake, &s->lock, &until) == ETIMEDOUT)
            break;
    bool goes_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

/* Metadata goes along until it was taken once: the store keeps it. */
static bool write_once(struct self_series *s, uint64_t wall_ns, bool with_metadata)
{
    struct write_encoder encoder;
    struct buf body = {0};
    struct err e = {0};
    write_encoder_init(&encoder, ENCODING_REMOTE_WRITE_1, 0);
    enum status status =
        self_series_encode(s->query, str_from_c(s->instance), (int64_t)(wall_ns / NS_PER_MS),
                           with_metadata, &encoder, &body, &e);
    if (status == ST_OK)
        status = ingest_own_series(s->ingest, buf_str(&body), &e);
    if (status != ST_OK)
        log_limited(LOG_WARN, "app: own metrics were not stored reason=\"%s\"", e.msg);
    buf_deinit(&body);
    write_encoder_deinit(&encoder);
    return status == ST_OK;
}

static void *run(void *user)
{
    struct self_series *s = user;
    bool described = false;
    for (;;) {
        uint64_t now_ns = clock_wall_ns(), next_ns = (now_ns / STEP_NS + 1) * STEP_NS;
        if (!wait_for(s, next_ns - now_ns))
            return NULL;
        described |= write_once(s, next_ns, !described);
    }
}

enum status self_series_start(struct query *q, struct ingest *in, struct str instance,
                              struct self_series **out, struct err *e)
{
    pthread_condattr_t monotonic;
    struct self_series *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ST_NO_MEMORY, "no memory for weft's own series");
    s->query = q;
    s->ingest = in;
    str_to_c(instance, s->instance, sizeof(s->instance));
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        mem_free(s);
        return err_set(e, ST_IO, "no thread for weft's own series");
    }
    *out = s;
    return ST_OK;
}

void self_series_stop(struct self_series *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}
