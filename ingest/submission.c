/* submission.c - one request on its way: decode, admit, journal, answer. */
#include "ingest/ingest_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status_wire.h"
#include "codec/otlp_trace.h"
#include "codec/unpack.h"

#include <stdio.h>

/* Event times may lie this far ahead of their arrival (api.md section 3). */
#define NEWEST_AHEAD_NS (600 * NS_PER_S)

unsigned ingest_budget_percent(struct str user_agent)
{
    enum { RETRYING = 70, OTHERS = 100 };
    bool never_retries =
        user_agent.len == 0 || str_starts_with(user_agent, STR("OTel-OTLP-Exporter-Envoy/"));
    return never_retries ? OTHERS : RETRYING;
}

enum status ingest_decode(const struct ingest_config *config, struct batch *b, struct err *e)
{
    if (b->compression == COMPRESSION_NONE)
        b->plain = b->body;
    else
        TRY(unpack(b->compression, b->body, config->limits.unpacked_bytes, &b->plain, e));
    if (b->plain.len > config->limits.unpacked_bytes)
        return err_set(e, ST_TOO_BIG, "the request has %zu bytes unpacked, limits.unpacked is %llu",
                       b->plain.len, (unsigned long long)config->limits.unpacked_bytes);
    uint64_t keep = config->retention.edges_ns;
    struct otlp_trace_rules rules = {
        .limits = &config->limits,
        .oldest_ns = keep && keep < b->arrival_ns ? b->arrival_ns - keep : 0,
        .newest_ns = b->arrival_ns + NEWEST_AHEAD_NS,
    };
    TRY(otlp_trace_decode(b, &rules, e));
    return config->prepare(b, e);
}

static uint32_t retry_after_ms(void)
{
    /* Spread over 1 to 3 s, so that refused senders do not come back together. */
    return 1000 + (uint32_t)(clock_mono_ns() / NS_PER_MS % 2000);
}

void submission_answer(struct submission *s, enum status status, const struct err *e)
{
    struct ingest *in = s->ingest;
    const struct status_wire *wire = status_wire_get(status);
    enum request_outcome outcome = s->rejected ? REQUEST_PARTIAL : REQUEST_ACCEPTED;
    if (status != ST_OK)
        outcome = wire->retryable ? REQUEST_REFUSED : REQUEST_REJECTED;
    if (outcome == REQUEST_REFUSED && s->refused.received)
        account_add(in->config.account, SIGNAL_SPANS, &s->refused);
    /* Accepted requests are counted by the collector, from the journal, so that a replay counts
     * them too. */
    if (status != ST_OK)
        account_count_request(in->config.account, outcome);
    uint32_t retry_ms = status != ST_OK && wire->retryable ? retry_after_ms() : 0;
    if (s->call)
        ingest_grpc_answer(s, status, e, retry_ms);
    else
        ingest_http_answer(s, status, e, retry_ms);
    atomic_fetch_sub(&in->in_flight, 1);
    mem_free(s);
}

static void on_journalled(void *user, enum status status, const struct err *e)
{
    submission_answer(user, status, e);
}

static struct str resource_name(const struct batch *b)
{
    if (b->span_count == 0)
        return STR("");
    const struct resource *r = b->spans[0].resource;
    for (uint32_t i = 0; i < r->attr_count; i++)
        if (str_eq(r->attrs[i].key, STR("service.name")))
            return r->attrs[i].text;
    return STR("");
}

static void note_sender(struct ingest *in, const struct batch *b)
{
    uint64_t newest = 0;
    for (uint32_t i = 0; i < b->span_count; i++)
        newest = MAX(newest, b->spans[i].end_ns);
    senders_note(in->config.senders, b->sender, resource_name(b), b->user_agent, b->signal,
                 b->received, 0, b->arrival_ns, newest);
}

/* Bytes that the batch holds until the collector has absorbed it. */
static uint64_t batch_bytes(const struct batch *b)
{
    uint64_t plain = b->plain.ptr == b->body.ptr ? 0 : b->plain.len;
    return b->body.len + plain + arena_held_bytes(&b->arena) + sizeof(*b);
}

static enum status admit(struct ingest *in, struct batch *b, struct err *e)
{
    uint64_t bytes = batch_bytes(b);
    if (!budget_take(in->config.budget, bytes, ingest_budget_percent(b->user_agent)))
        return err_set(e, ST_BUSY, "the memory budget is used up; send it again later");
    b->charged_bytes = bytes;
    return ST_OK;
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
    senders_note(s->ingest->config.senders, b->sender, STR(""), b->user_agent, b->signal, 0,
                 b->received, b->arrival_ns, 0);
    if (b->charged_bytes)
        budget_give(s->ingest->config.budget, b->charged_bytes);
    batch_free(b);
    submission_answer(s, status, e);
}

/* Decodes, and notes who sent it while the attributes are there. */
static enum status decode(struct ingest *in, struct batch *b, struct err *e)
{
    struct arena scratch = ingest_scratch_take(in);
    b->scratch = &scratch;
    enum status status = ingest_decode(&in->config, b, e);
    if (status == ST_OK)
        note_sender(in, b);
    b->scratch = NULL;
    ingest_scratch_give(in, &scratch);
    return status;
}

void submission_run(struct submission *s, struct batch *b)
{
    struct ingest *in = s->ingest;
    struct err e = {0};
    atomic_fetch_add(&in->in_flight, 1);
    enum status status = decode(in, b, &e);
    if (status != ST_OK) {
        log_limited(LOG_WARN, "ingest: request not taken peer=%.*s status=%s reason=\"%s\"",
                    STR_ARG(b->sender), status_name(status), e.msg);
        batch_free(b);
        submission_answer(s, status, &e);
        return;
    }
    status = admit(in, b, &e);
    if (status != ST_OK) {
        refuse(s, b, status, &e, REFUSE_MEMORY);
        return;
    }
    s->rejected = batch_rejected_total(b);
    str_to_c(b->reject_message, s->message, sizeof(s->message));
    /* Booked by submission_answer() when the journal fails after it took the batch. */
    s->refused = (struct account_row){.received = b->received};
    s->refused.refused[REFUSE_DISK] = b->received;
    status = journal_append(in->config.journal, b, on_journalled, s, &e);
    if (status != ST_OK)
        refuse(s, b, status, &e, refuse_reason_of(status));
}
