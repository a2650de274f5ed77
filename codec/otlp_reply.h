/* otlp_reply.h - the answers OTLP prescribes: Export*ServiceResponse, google.rpc.Status, RetryInfo.
 * Source: opentelemetry-proto docs/specification.md, google/rpc/status.proto and
 * error_details.proto. */
#ifndef WEFT_CODEC_OTLP_REPLY_H
#define WEFT_CODEC_OTLP_REPLY_H

#include "base/buf.h"
#include "base/err.h"
#include "model/batch.h"

/* Success body for a request of `signal`: empty (protobuf) or {} (JSON), with
 * partial_success{rejected, message} when rejected > 0 or message is not empty. */
void otlp_reply_success(struct buf *out, enum batch_encoding encoding, enum batch_signal signal,
                        uint64_t rejected, struct str message);
/* google.rpc.Status of *e, with RetryInfo when retry_after_ms > 0; protobuf or JSON. */
void otlp_reply_status(struct buf *out, enum batch_encoding encoding, const struct err *e,
                       uint32_t retry_after_ms);

#endif
