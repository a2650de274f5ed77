/* submission.c - one request on its way: decode, admit, journal, answer. Metrics are answered when
 * the series store has applied them, so that what is acknowledged is seen by the next query.
 *
 * What a loop can do within about a millisecond is done there; larger requests go to the decoding
 * threads, and on from there. */
#include "ingest/ingest_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status_wire.h"
#include "codec/otlp_metric.h"
#include "codec/otlp_trace.h"
#include "codec/pack.h"
#include "codec/remote_write.h"
#include "codec/unpack.h"

#include <stdio.h>

/* Event times may lie this far ahead of their arrival (api.md section 3). */
#define NEWEST_AHEAD_NS (600 * NS_PER_S)
/* Of an unpacked request; up to here a loop decodes it itself. */
enum { SMALL_BYTES = 512 * KIB, SMALL_JSON_BYTES = 128 * KIB };
/* A body of this size is packed for the journal: all others wait while it is written. */
enum { PACKED_BYTES = 2 * MIB };

unsigned ingest_budget_percent(struct str user_agent)
{
    enum { RETRYING = 70, OTHERS = 100 };
    bool never_retries =
        user_agent.len == 0 || str_starts_with(user_agent, STR("OTel-OTLP-Exporter-Envoy/"));
    return never_retries ? OTHERS : RETRYING;
}

/* The most that limits.unpacked can have been. */
#define UNPACKED_EVER GIB

static enum status decode_spans(const struct ingest_config *config, struct batch *b, struct err *e)
{
    uint64_t keep = config->retention.edges_ns;
    struct otlp_trace_rules rules = {
        .limits = &config->limits,
        .oldest_ns = keep && keep < b->arrival_ns ? b->arrival_ns - keep : 0,
        .newest_ns = b->arrival_ns + NEWEST_AHEAD_NS,
    };
    TRY(otlp_trace_decode(b, &rules, e));
    return config->prepare(b, e);
}

/* Age is the series store's business: it knows what it keeps. */
static enum status decode_metrics(const struct ingest_config *config, struct batch *b,
                                  struct err *e)
{
    struct otlp_metric_rules otlp = {
        .limits = &config->limits, .seed = config->seed, .translation = config->translation};
    struct remote_write_rules write = {.limits = &config->limits, .seed = config->seed};
    return batch_account_signal(b) == SIGNAL_SAMPLES ? remote_write_decode(b, &write, e)
                                                     : otlp_metric_decode(b, &otlp, e);
}

/* ST_TOO_BIG: there are more than max_bytes; nothing was kept. */
static enum status unpack_body(struct batch *b, uint64_t max_bytes, struct err *e)
{
    if (b->compression != COMPRESSION_NONE)
        return unpack_paid(b->compression, b->body, max_bytes, &b->arena, &b->plain, e);
    if (b->body.len > max_bytes)
        return err_set(e, ST_TOO_BIG, "the request has %zu bytes unpacked, limits.unpacked is %llu",
                       b->body.len, (unsigned long long)max_bytes);
    b->plain = b->body;
    return ST_OK;
}

static enum status decode_plain(const struct ingest_config *config, struct batch *b, struct err *e)
{
    TRY(b->signal == BATCH_METRICS ? decode_metrics(config, b, e) : decode_spans(config, b, e));
    if (batch_is_own(b))
        b->received = 0;
    return ST_OK;
}

enum status ingest_decode(const struct ingest_config *config, struct batch *b, struct err *e)
{
    struct ingest_config then = *config;
    then.limits.spans = then.limits.samples = UINT32_MAX;
    TRY(unpack_body(b, UNPACKED_EVER, e));
    return decode_plain(&then, b, e);
}

static uint32_t retry_after_ms(void)
{
    /* Spread over 1 to 3 s, so that refused senders do not come back together. */
    return 1000 + (uint32_t)(clock_mono_ns() / NS_PER_MS % 2000);
}

static void finish(struct submission *s, enum status status, const struct err *e)
{
    struct ingest *in = s->ingest;
    bool retry = status != ST_OK && status_wire_get(status)->retryable;
    s->answer(s, status, e, retry ? retry_after_ms() : 0);
    atomic_fetch_sub(&in->in_flight, 1);
    mem_free(s);
}

/* Accepted requests are counted by who applies them, from the journal, so that a replay counts them
 * too. */
void submission_answer(struct submission *s, enum status status, const struct err *e)
{
    struct account *account = s->ingest->config.account;
    bool refused = status_wire_get(status)->retryable;
    if (status != ST_OK) {
        if (refused && s->refused.received)
            account_add(account, s->signal, &s->refused);
        account_count_request(account, refused ? REQUEST_REFUSED : REQUEST_REJECTED);
    }
    finish(s, status, e);
}

/* Adds what the series store turned down to what the decoder did. */
static void count_faults(struct submission *s)
{
    uint64_t faults = 0;
    for (unsigned i = 0; i < SAMPLE_FAULT_COUNT; i++)
        faults += s->outcome.faults[i];
    s->rejected = (uint32_t)MIN(s->rejected + faults, (uint64_t)s->received);
    if (faults > 0 && !s->message[0])
        str_to_c(str_from_c(s->outcome.message), s->message, sizeof(s->message));
}

/* Journal and series store are done with it, in either order. */
static void arrived(struct submission *s)
{
    struct err e = {0};
    if (atomic_fetch_sub(&s->awaited, 1) > 1)
        return;
    enum status status = ST_OK;
    if (s->outcome.faults[SAMPLE_NO_MEMORY])
        status = err_set(&e, ST_NO_MEMORY, "%s", s->outcome.message);
    count_faults(s);
    finish(s, status, &e); /* it is in the account already */
}

static void on_journalled(void *user, enum status status, const struct err *e)
{
    struct submission *s = user;
    if (status == ST_OK) {
        arrived(s);
        return;
    }
    /* The journal frees the batch; who gets it otherwise gives this back. */
    budget_give(s->ingest->config.budget, s->charged_bytes);
    submission_answer(s, status, e);
}

static void on_applied(void *user, const struct metric_outcome *outcome)
{
    struct submission *s = user;
    s->outcome = *outcome;
    arrived(s);
}

static struct str span_sender(const struct batch *b, uint64_t *newest_ns)
{
    *newest_ns = 0;
    for (uint32_t i = 0; i < b->span_count; i++)
        *newest_ns = MAX(*newest_ns, b->spans[i].end_ns);
    if (b->span_count == 0)
        return STR("");
    const struct resource *r = b->spans[0].resource;
    for (uint32_t i = 0; i < r->attr_count; i++)
        if (str_eq(r->attrs[i].key, STR("service.name")))
            return r->attrs[i].text;
    return STR("");
}

/* One series stands for all: its job names the sender, its last sample tells the sender's clock. */
static struct str metric_sender(const struct batch *b, uint64_t *newest_ns)
{
    const struct metric_batch *m = b->metrics;
    *newest_ns = 0;
    if (m->series_count == 0)
        return STR("");
    const struct metric_series *last = &m->series[m->series_count - 1];
    if (last->sample_count > 0 && last->samples[last->sample_count - 1].time_ms > 0)
        *newest_ns = (uint64_t)last->samples[last->sample_count - 1].time_ms * NS_PER_MS;
    return label_set_get(last->labels, STR("job"));
}

static void note_sender(struct ingest *in, const struct batch *b)
{
    uint64_t newest;
    if (batch_is_own(b))
        return;
    struct str name =
        b->signal == BATCH_METRICS ? metric_sender(b, &newest) : span_sender(b, &newest);
    senders_note(in->config.senders, b->sender, name, b->user_agent, batch_account_signal(b),
                 b->received, 0, b->arrival_ns, newest);
}

/* Bytes that the batch holds until the collector has absorbed it. */
static uint64_t batch_bytes(const struct batch *b)
{
    uint64_t plain = b->plain.ptr == b->body.ptr ? 0 : b->plain.len;
    return b->body.len + plain + arena_held_bytes(&b->arena) + sizeof(*b);
}

/* Takes what the batch is to have of the budget by now, less what it has; or gives back what it has
 * too much. */
static enum status charge(struct ingest *in, struct batch *b, uint64_t bytes, struct err *e)
{
    if (bytes < b->charged_bytes)
        budget_give(in->config.budget, b->charged_bytes - bytes);
    else if (!budget_take(in->config.budget, bytes - b->charged_bytes,
                          ingest_budget_percent(b->user_agent)))
        return budget_is_used_up(e);
    b->charged_bytes = bytes;
    return ST_OK;
}

/* Unpacking and decoding make ten times the body and more: of a large request the budget pays that
 * while it grows, and a shutdown ends it. */
static void pay_for_growth(struct ingest *in, const struct batch *b, struct arena *arena)
{
    arena_enter_budget(arena, in->config.budget, ingest_budget_percent(b->user_agent));
    arena->cancelled = &in->draining;
}

/* The batch has what its arena took. Without pay_for_growth() that is nothing. */
static void stop_growth(struct batch *b)
{
    if (b->arena.budget)
        b->charged_bytes += arena_leave_budget(&b->arena);
}

static void drop(struct ingest *in, struct batch *b)
{
    stop_growth(b);
    if (b->charged_bytes)
        budget_give(in->config.budget, b->charged_bytes);
    batch_free(b);
}

static enum refuse_reason refuse_reason_of(enum status status)
{
    switch (status) {
    case ST_IO:
        return REFUSE_DISK;
    case ST_BUSY:
        return REFUSE_JOURNAL_FULL;
    default:
        return REFUSE_MEMORY;
    }
}

static void refuse(struct submission *s, struct batch *b, enum status status, const struct err *e,
                   enum refuse_reason reason)
{
    s->refused = (struct account_row){.received = b->received};
    s->refused.refused[reason] = b->received;
    senders_note(s->ingest->config.senders, b->sender, STR(""), b->user_agent, s->signal, 0,
                 b->received, b->arrival_ns, 0);
    drop(s->ingest, b);
    submission_answer(s, status, e);
}

/* Decodes what is unpacked, and notes who sent it while the attributes are there. */
static enum status decode(struct ingest *in, struct batch *b, struct err *e)
{
    struct arena scratch = ingest_scratch_take(in);
    bool is_large = b->arena.budget != NULL;
    if (is_large)
        pay_for_growth(in, b, &scratch);
    b->scratch = &scratch;
    /* Metrics grow by decoding: a few bytes of the body can become a series. */
    if (b->signal == BATCH_METRICS)
        b->arena.limit_bytes = in->config.budget->limit / 2;
    enum status status = decode_plain(&in->config, b, e);
    if (status == ST_OK)
        note_sender(in, b);
    if (status != ST_OK && (b->arena.is_refused || scratch.is_refused))
        status = budget_is_used_up(e);
    b->scratch = NULL;
    if (is_large)
        budget_give(in->config.budget, arena_leave_budget(&scratch));
    ingest_scratch_give(in, &scratch);
    return status;
}

static void take_over(struct submission *s, struct batch *b)
{
    s->received = b->received;
    s->rejected = batch_rejected_total(b);
    str_to_c(b->reject_message, s->message, sizeof(s->message));
    /* Booked by submission_answer() when the journal fails after it took the batch. */
    s->refused = (struct account_row){.received = b->received};
    s->refused.refused[REFUSE_DISK] = b->received;
    s->charged_bytes = b->charged_bytes;
    bool metrics = b->signal == BATCH_METRICS;
    atomic_store(&s->awaited, metrics ? 2 : 1);
    if (metrics) {
        b->applied = on_applied;
        b->applied_user = s;
    }
}

static void reject(struct submission *s, struct batch *b, enum status status, const struct err *e)
{
    log_limited(LOG_WARN, "ingest: request not taken peer=%.*s status=%s reason=\"%s\"",
                STR_ARG(b->sender), status_name(status), e->msg);
    drop(s->ingest, b);
    submission_answer(s, status, e);
}

static void refuse_draining(struct submission *s, struct batch *b)
{
    struct err e;
    err_set(&e, ST_BUSY, "weft is shutting down; send it again later");
    refuse(s, b, ST_BUSY, &e, REFUSE_DRAINING);
}

/* The way of what is unpacked; `status` and *e say whether it is. */
static void submit(struct submission *s, struct batch *b, enum status status, struct err *e)
{
    struct ingest *in = s->ingest;
    if (status == ST_OK)
        status = decode(in, b, e);
    if (status != ST_OK && b->arena.budget && atomic_load(&in->draining)) {
        refuse_draining(s, b);
        return;
    }
    if (status != ST_OK) {
        reject(s, b, status, e);
        return;
    }
    stop_growth(b);
    status = charge(in, b, batch_bytes(b), e);
    if (status != ST_OK) {
        refuse(s, b, status, e, REFUSE_MEMORY);
        return;
    }
    take_over(s, b);
    status = journal_append(in->config.journal, b, on_journalled, s, e);
    if (status != ST_OK)
        refuse(s, b, status, e, refuse_reason_of(status));
}

/* --- large requests --- */

struct large {
    struct decode_job job;
    struct submission *submission; /* owned until the job runs, as the next */
    struct batch *batch;
};

/* As if its sender had packed it; what was decoded points into the plain body. */
static void pack_body(struct batch *b)
{
    struct str packed;
    if (b->compression != COMPRESSION_NONE || b->body.len < PACKED_BYTES ||
        !pack_zstd(b->body, &packed))
        return;
    b->body = packed;
    b->compression = COMPRESSION_ZSTD;
}

static void run_large(struct decode_job *job, bool in_time)
{
    struct large *large = CONTAINER_OF(job, struct large, job);
    struct submission *s = large->submission;
    struct batch *b = large->batch;
    struct err e = {0};
    mem_free(large);
    if (!in_time) {
        refuse_draining(s, b);
        return;
    }
    pay_for_growth(s->ingest, b, &b->arena);
    enum status status = unpack_body(b, s->ingest->config.limits.unpacked_bytes, &e);
    if (status == ST_OK && !atomic_load(&s->ingest->draining))
        pack_body(b);
    submit(s, b, status, &e);
}

/* The address without the port: who opens more connections has no more turns. */
static struct str client_of(struct str sender)
{
    size_t len = sender.len;
    while (len > 0 && sender.ptr[len - 1] != ':')
        len--;
    return len > 0 ? str_sub(sender, 0, len - 1) : sender;
}

static bool post_large(struct submission *s, struct batch *b)
{
    struct large *large = mem_calloc(1, sizeof(*large));
    if (!large)
        return false;
    *large = (struct large){
        .job = {.client = client_of(b->sender), .bytes = b->body.len, .run = run_large},
        .submission = s,
        .batch = b};
    if (decode_pool_post(s->ingest->decoders, &large->job))
        return true;
    mem_free(large);
    return false;
}

static void submit_large(struct submission *s, struct batch *b)
{
    struct err e = {0};
    enum status status = charge(s->ingest, b, b->body.len, &e);
    if (status != ST_OK) {
        refuse(s, b, status, &e, REFUSE_MEMORY);
    } else if (!post_large(s, b)) {
        err_set(&e, ST_BUSY, "as many large requests wait already as may; send it again later");
        refuse(s, b, ST_BUSY, &e, REFUSE_BUSY);
    }
}

void submission_run(struct submission *s, struct batch *b)
{
    struct ingest *in = s->ingest;
    struct err e = {0};
    uint64_t most = in->config.limits.unpacked_bytes;
    uint64_t small = MIN(b->encoding == ENCODING_JSON ? SMALL_JSON_BYTES : SMALL_BYTES, most);
    s->kind = b->signal;
    s->signal = batch_account_signal(b);
    atomic_fetch_add(&in->in_flight, 1);
    /* How much it is when it is unpacked only unpacking tells: as much as is small is tried. */
    bool is_small = b->body.len <= small;
    enum status status = is_small ? unpack_body(b, small, &e) : ST_TOO_BIG;
    if (status == ST_TOO_BIG && small < most)
        submit_large(s, b);
    else
        submit(s, b, status, &e);
}

/* Refusals are in the account and the log already. */
static void answer_nobody(struct submission *s, enum status status, const struct err *e,
                          uint32_t retry_after_ms)
{
    (void)s, (void)status, (void)e, (void)retry_after_ms;
}

enum status ingest_own_series(struct ingest *in, struct str body, struct err *e)
{
    struct submission *s = mem_calloc(1, sizeof(*s));
    char *copy = mem_alloc(body.len);
    struct batch *b = NULL;
    if (copy) {
        memcpy(copy, body.ptr, body.len);
        b = ingest_batch_new((struct str){copy, body.len}, BATCH_OWN_SENDER, BATCH_OWN_SENDER);
    }
    if (!s || !b) {
        batch_free(b);
        mem_free(s);
        return err_set(e, ST_NO_MEMORY, "no memory for weft's own series");
    }
    b->signal = BATCH_METRICS;
    b->encoding = ENCODING_REMOTE_WRITE_1;
    b->compression = COMPRESSION_SNAPPY_BLOCK;
    s->ingest = in;
    s->answer = answer_nobody;
    submission_run(s, b);
    return ST_OK;
}
