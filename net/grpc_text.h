/* grpc_text.h - the text forms of gRPC over HTTP/2: grpc-message, -bin values, grpc-timeout.
 * Source: grpc/doc/PROTOCOL-HTTP2.md. */
#ifndef WEFT_NET_GRPC_TEXT_H
#define WEFT_NET_GRPC_TEXT_H

#include "base/buf.h"

/* Appends `message` percent-encoded: everything outside 0x20-0x7E, and '%'. */
void grpc_message_encode(struct buf *out, struct str message);
/* Appends base64 without padding, as -bin header values are written. */
void grpc_base64_encode(struct buf *out, struct str bytes);
/* "100m" -> ns; false when malformed (at most 8 digits, then one of H M S m u n). */
bool grpc_timeout_parse(struct str text, uint64_t *ns);
/* Appends google.rpc.Status{code, message, details: RetryInfo{seconds}} (protobuf); without details
 * when seconds is 0. */
void grpc_status_encode(struct buf *out, unsigned code, struct str message, unsigned retry_seconds);

#endif
