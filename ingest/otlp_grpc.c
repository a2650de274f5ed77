/* otlp_grpc.c - TraceService/Export and MetricsService/Export on gRPC: message encoding in, empty
 * answer, partial success or status out. */
#include "ingest/ingest_private.h"

#include "base/mem.h"
#include "codec/otlp_reply.h"
#include "codec/unpack.h"

static void fail(struct grpc_call *call, const struct err *e, uint32_t retry_after_ms)
{
    struct buf details = {0};
    if (retry_after_ms)
        otlp_reply_status(&details, ENCODING_PROTOBUF, e, retry_after_ms);
    grpc_fail(call, e, buf_str(&details));
    buf_deinit(&details);
}

void ingest_grpc_answer(struct submission *s, enum status status, const struct err *e,
                        uint32_t retry_after_ms)
{
    if (status != ST_OK) {
        fail(s->call, e, retry_after_ms);
        return;
    }
    struct buf body = {0};
    otlp_reply_success(&body, ENCODING_PROTOBUF, s->kind, s->rejected, str_from_c(s->message));
    grpc_reply(s->call, buf_str(&body));
    buf_deinit(&body);
}

/* The gRPC compression document: flag 0 is plain whatever the header says; flag 1 without an
 * encoding is our INTERNAL. */
static enum status message_compression(struct grpc_call *call, enum batch_compression *out,
                                       struct err *e)
{
    *out = COMPRESSION_NONE;
    if (!grpc_message_compressed(call))
        return ST_OK;
    struct str encoding = grpc_header(call, "grpc-encoding");
    if (!unpack_from_grpc(encoding, out))
        return err_set(e, ST_UNSUPPORTED, "grpc-encoding %.*s is not spoken here; accepted: %s",
                       (int)MIN(encoding.len, (size_t)40), encoding.ptr, UNPACK_GRPC_ACCEPT);
    if (*out == COMPRESSION_NONE)
        return err_set(e, ST_INTERNAL,
                       "the message is flagged compressed but grpc-encoding names nothing");
    return ST_OK;
}

static void refuse_early(struct ingest *in, struct grpc_call *call, const struct err *e)
{
    account_count_request(in->config.account, REQUEST_REJECTED);
    fail(call, e, 0);
}

static void take_export(struct ingest *in, struct grpc_call *call, enum batch_signal signal)
{
    struct err e = {0};
    enum batch_compression compression;
    if (message_compression(call, &compression, &e) != ST_OK) {
        refuse_early(in, call, &e);
        return;
    }
    struct submission *s = mem_calloc(1, sizeof(*s));
    struct batch *b = s ? ingest_batch_new(grpc_take_message(call), grpc_peer(call),
                                           grpc_header(call, "user-agent"))
                        : NULL;
    if (!b) {
        mem_free(s);
        err_set(&e, ST_NO_MEMORY, "out of memory; send it again later");
        account_count_request(in->config.account, REQUEST_REFUSED);
        fail(call, &e, 1000);
        return;
    }
    b->signal = signal;
    b->compression = compression;
    b->encoding = ENCODING_PROTOBUF;
    s->ingest = in;
    s->call = call;
    s->answer = ingest_grpc_answer;
    s->encoding = ENCODING_PROTOBUF;
    submission_run(s, b);
}

void ingest_grpc_traces(struct grpc_call *call, void *user)
{
    take_export(user, call, BATCH_SPANS);
}

void ingest_grpc_metrics(struct grpc_call *call, void *user)
{
    take_export(user, call, BATCH_METRICS);
}
