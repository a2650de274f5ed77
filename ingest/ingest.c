/* ingest.c - life of the ingest side and the early admission before a body is read. */
#include "ingest/ingest_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/status_wire.h"

/* Large requests that may wait; a Collector sends ten at a time unless told otherwise. */
enum { LARGE_WAITING = 128, LARGE_WAITING_OF_CLIENT = 16 };

void ingest_stop(struct ingest *in)
{
    decode_pool_free(in->decoders);
    in->decoders = NULL;
}

void ingest_free(struct ingest *in)
{
    ingest_stop(in);
    while (in->scratch_count > 0)
        arena_deinit(&in->scratch[--in->scratch_count]);
    pthread_mutex_destroy(&in->scratch_lock);
    mem_free(in);
}

/* At least two threads, so that one client's requests leave one to the others'. */
static enum status start_decoders(struct ingest *in, struct err *e)
{
    uint64_t budget = in->config.budget->limit;
    const struct decode_bounds bounds = {
        .jobs = LARGE_WAITING,
        .jobs_of_client = LARGE_WAITING_OF_CLIENT,
        .bytes = budget / 4,
        .bytes_of_client = budget / 8,
    };
    return decode_pool_new(MAX(in->config.decoders, 2u), &bounds, &in->decoders, e);
}

enum status ingest_new(const struct ingest_config *config, struct ingest **out, struct err *e)
{
    struct ingest *in = *out = mem_calloc(1, sizeof(*in));
    if (!in)
        return err_set(e, ST_NO_MEMORY, "out of memory");
    in->config = *config;
    pthread_mutex_init(&in->scratch_lock, NULL);
    in->methods[0] = (struct grpc_method){
        .path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        .handler = ingest_grpc_traces,
        .user = in,
    };
    in->methods[1] = (struct grpc_method){
        .path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        .handler = ingest_grpc_metrics,
        .user = in,
    };
    enum status status = start_decoders(in, e);
    if (status != ST_OK) {
        ingest_free(in);
        *out = NULL;
    }
    return status;
}

void ingest_drain(struct ingest *in)
{
    atomic_store(&in->draining, true);
    decode_pool_end(in->decoders);
}

uint64_t ingest_in_flight(struct ingest *in)
{
    return atomic_load(&in->in_flight);
}

void ingest_decode_stats(struct ingest *in, struct decode_stats *out)
{
    decode_pool_stats(in->decoders, out);
}

const struct grpc_method *ingest_grpc_methods(struct ingest *in, size_t *count)
{
    *count = LEN(in->methods);
    return in->methods;
}

struct arena ingest_scratch_take(struct ingest *in)
{
    struct arena scratch = {0};
    pthread_mutex_lock(&in->scratch_lock);
    if (in->scratch_count > 0)
        scratch = in->scratch[--in->scratch_count];
    pthread_mutex_unlock(&in->scratch_lock);
    return scratch;
}

void ingest_scratch_give(struct ingest *in, struct arena *scratch)
{
    bool kept = false;
    if (scratch->used_bytes <= SCRATCH_BYTES_KEPT) {
        arena_reset(scratch);
        pthread_mutex_lock(&in->scratch_lock);
        kept = in->scratch_count < SCRATCH_KEPT;
        if (kept)
            in->scratch[in->scratch_count++] = *scratch;
        pthread_mutex_unlock(&in->scratch_lock);
    }
    if (!kept)
        arena_deinit(scratch);
    *scratch = (struct arena){0};
}

struct batch *ingest_batch_new(struct str body, struct str sender, struct str user_agent)
{
    struct batch *b = batch_new();
    if (!b) {
        mem_free((char *)body.ptr);
        return NULL;
    }
    b->body = body;
    b->sender = arena_dup_str(&b->arena, sender);
    b->user_agent = arena_dup_str(&b->arena, str_sub(user_agent, 0, 256));
    b->signal = BATCH_SPANS;
    b->arrival_ns = clock_wall_ns();
    return b;
}

struct submission *ingest_submission_of(struct ingest *in, struct http_exchange *x,
                                        answer_fn *answer, struct batch **out)
{
    struct submission *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    *out = ingest_batch_new(http_take_body(x), http_peer(x), http_header(x, "user-agent"));
    if (!*out) {
        mem_free(s);
        return NULL;
    }
    s->ingest = in;
    s->exchange = x;
    s->answer = answer;
    return s;
}

static const struct str write_path = {"/api/v1/write", sizeof("/api/v1/write") - 1};
static const struct str otlp_path = {"/api/v1/otlp/v1/metrics",
                                     sizeof("/api/v1/otlp/v1/metrics") - 1};

bool ingest_takes_path(struct str path)
{
    return str_eq(path, write_path) || str_eq(path, otlp_path);
}

void ingest_api_http(struct http_exchange *x, void *user)
{
    if (str_eq(http_path(x), write_path))
        ingest_write_http(user, x);
    else
        ingest_otlp_http(user, x, BATCH_METRICS);
}

bool ingest_admit(uint64_t body_bytes, struct str user_agent, struct err *e, void *user)
{
    struct ingest *in = user;
    const struct budget *budget = in->config.budget;
    /* Nothing is taken yet: this only keeps a body out that would be refused after the work of
     * decoding it. */
    uint64_t share = ingest_budget_percent(user_agent);
    bool fits = budget_used(in->config.budget) + body_bytes <= budget->limit / 100 * share;
    if (atomic_load(&in->draining))
        err_set(e, ST_BUSY, "weft is shutting down; send it again later");
    else if (!fits)
        budget_is_used_up(e);
    else
        return true;
    return false;
}

void ingest_unseen(enum status why, void *user)
{
    struct ingest *in = user;
    enum request_outcome outcome = REQUEST_ABORTED;
    if (why != ST_OK)
        outcome = status_wire_get(why)->retryable ? REQUEST_REFUSED : REQUEST_REJECTED;
    account_count_request(in->config.account, outcome);
}
