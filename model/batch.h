/* batch.h - one accepted request on its way: the body as it came, what was decoded from it, what
 * must be journalled. */
#ifndef WEFT_MODEL_BATCH_H
#define WEFT_MODEL_BATCH_H

#include "base/arena.h"
#include "base/mailbox.h"
#include "model/account.h"
#include "model/span.h"

struct metric_batch;
struct metric_outcome;

/* Stored in the journal: never renumber. */
enum batch_signal { BATCH_SPANS = 1, BATCH_METRICS = 2, BATCH_LOGS = 3 };
enum batch_encoding {
    ENCODING_PROTOBUF = 1,
    ENCODING_JSON = 2,
    ENCODING_REMOTE_WRITE_1 = 3, /* prometheus.WriteRequest */
    ENCODING_REMOTE_WRITE_2 = 4, /* io.prometheus.write.v2.Request */
};
enum batch_compression {
    COMPRESSION_NONE = 0,
    COMPRESSION_GZIP = 1,
    COMPRESSION_ZLIB = 2,
    COMPRESSION_ZSTD = 3,
    COMPRESSION_SNAPPY_BLOCK = 4,
    COMPRESSION_SNAPPY_FRAMED = 5,
    COMPRESSION_LZ4_FRAME = 6,
};

/* Heap object, made by batch_new, moved from ingest to the journal to the collector, ended by
 * batch_free. One thread at a time. */
struct batch {
    struct mail mail; /* free for the current holder */
    struct str
        body; /* owned (mem_alloc): as it came, still compressed, without gRPC's 5 bytes; a plain
                 one of megabytes may be packed instead, with `compression` saying so */
    struct str plain;      /* body or, when it was compressed, the unpacked bytes (owned then) */
    struct str sender;     /* owned by arena: "127.0.0.1:4242", the connection's peer */
    struct str user_agent; /* owned by arena; may be empty */
    enum batch_signal signal;
    enum batch_encoding encoding;
    enum batch_compression compression;
    uint64_t arrival_ns;   /* wall clock, when the body was complete */
    uint64_t sequence;     /* journal sequence number; set at commit */
    uint64_t clock_ns;     /* pipeline clock; set at commit */
    struct arena *scratch; /* borrowed, NULL: `arena`. Attributes lie in it, so they are gone once
                              its owner resets it: after prepare, `spans` are read without them */
    struct arena arena;    /* everything decoded lives here */
    struct span *spans;    /* the accepted ones */
    uint32_t span_count;
    uint32_t received; /* items (spans, points, samples) in the body, rejected ones included */
    uint32_t rejected[REJECT_REASON_COUNT];
    struct str
        reject_message; /* one sentence about the first rejected span, for partial_success; arena */
    void *observations; /* what collector_prepare made of it; arena */
    struct metric_batch *metrics; /* of BATCH_METRICS: what was decoded; arena. Else NULL */
    /* Of BATCH_METRICS: called once by the series store after the batch was applied, before it is
     * freed; the sender is answered by it. NULL: nobody waits (a replay). */
    void (*applied)(void *user, const struct metric_outcome *outcome);
    void *applied_user;
    uint64_t charged_bytes; /* taken from the budget for it */
};

/* An empty batch, or NULL when memory is short; the caller owns it. Any thread. */
struct batch *batch_new(void);
/* Gives back the batch with all it owns; NULL is allowed. */
void batch_free(struct batch *b);

static inline struct arena *batch_scratch(struct batch *b)
{
    return b->scratch ? b->scratch : &b->arena;
}

/* The row of the account that its items belong to. */
static inline enum account_signal batch_account_signal(const struct batch *b)
{
    switch (b->signal) {
    case BATCH_METRICS:
        return b->encoding == ENCODING_REMOTE_WRITE_1 || b->encoding == ENCODING_REMOTE_WRITE_2
                   ? SIGNAL_SAMPLES
                   : SIGNAL_METRIC_POINTS;
    case BATCH_LOGS:
        return SIGNAL_LOG_RECORDS;
    default:
        return SIGNAL_SPANS;
    }
}

/* The sender of weft's own samples. Peers are called "address:port". */
#define BATCH_OWN_SENDER STR("weft")

/* Nobody sent it: it stands in no account. */
static inline bool batch_is_own(const struct batch *b)
{
    return str_eq(b->sender, BATCH_OWN_SENDER);
}

static inline uint32_t batch_rejected_total(const struct batch *b)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < REJECT_REASON_COUNT; i++)
        n += b->rejected[i];
    return n;
}

#endif
