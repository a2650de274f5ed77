/* ingest_private.h - what the transports of ingest/ share. */
#ifndef WEFT_INGEST_INGEST_PRIVATE_H
#define WEFT_INGEST_INGEST_PRIVATE_H

#include "ingest/decode_pool.h"
#include "ingest/ingest.h"
#include "model/metric_batch.h"
#include <pthread.h>
#include <stdatomic.h>

/* As many as workers decode at a time; a larger one than this is not kept. */
enum { SCRATCH_KEPT = 64, SCRATCH_BYTES_KEPT = 4 * MIB };

struct ingest {
    struct ingest_config config;
    struct grpc_method methods[2];
    struct decode_pool *decoders; /* owned; of large requests */
    pthread_mutex_t scratch_lock;
    struct arena
        scratch[SCRATCH_KEPT]; /* idle ones: what a request is decoded into, warm from the last */
    unsigned scratch_count;
    atomic_bool draining;
    _Atomic uint64_t in_flight;
};

struct submission;

/* Sends the answer on its transport; frees nothing but the call or exchange. Any thread.
 * ST_OK: success, or partial success when something was turned down. */
typedef void answer_fn(struct submission *s, enum status status, const struct err *e,
                       uint32_t retry_after_ms);

/* One request whose answer waits for the journal, and when it has metrics for the series store.
 * Exactly one of call and exchange is set. */
struct submission {
    struct ingest *ingest; /* borrowed */
    struct grpc_call *call;
    struct http_exchange *exchange;
    answer_fn *answer;
    enum batch_encoding encoding;  /* of the answer */
    uint32_t received, rejected;   /* items; rejected ones are told as partial success */
    char message[200];             /* about the first that was turned down; empty: none was */
    struct metric_outcome outcome; /* of metrics, once they are applied */
    _Atomic int awaited;           /* of journal and series store; the last one answers */
    enum batch_signal kind;        /* what was sent, and the account's row for it */
    enum account_signal signal;
    struct account_row refused; /* what to book when the journal cannot keep it */
    uint64_t charged_bytes;     /* of the budget, for a batch that the journal has */
};

/* Decodes the batch (taken over in every case), on the decoding threads when it is large, and hands
 * it to the journal; the answer is sent from there, or at once when something is wrong. s is not
 * the caller's any more. Any thread. */
void submission_run(struct submission *s, struct batch *b);
/* Answers and frees s. ST_OK: success or partial success. Any thread. */
void submission_answer(struct submission *s, enum status status, const struct err *e);

/* An empty arena for the attributes of one request, and its way back. Any thread. */
struct arena ingest_scratch_take(struct ingest *in);
void ingest_scratch_give(struct ingest *in, struct arena *scratch);

/* Answers of the transports. */
answer_fn ingest_grpc_answer, ingest_http_answer, ingest_write_answer;

/* Handlers of TraceService/Export and MetricsService/Export; user is the ingest. Loop thread. */
grpc_handler ingest_grpc_traces, ingest_grpc_metrics;
/* OTLP/HTTP: the body is of `signal`. Loop thread. */
void ingest_otlp_http(struct ingest *in, struct http_exchange *x, enum batch_signal signal);
/* POST /api/v1/write on the API listener. Loop thread. */
void ingest_write_http(struct ingest *in, struct http_exchange *x);

/* A batch with sender, user agent and body (taken over) filled in; NULL when memory is short (the
 * body is freed). */
struct batch *ingest_batch_new(struct str body, struct str sender, struct str user_agent);
/* The same of an exchange, with the submission that waits for it; NULL: neither is there. */
struct submission *ingest_submission_of(struct ingest *in, struct http_exchange *x,
                                        answer_fn *answer, struct batch **out);

/* How much of the memory budget a sender may fill, in percent: all of it when it never sends again
 * what was refused (Envoy), so that it is refused last; less when it tries again. Any thread. */
unsigned ingest_budget_percent(struct str user_agent);

#endif
