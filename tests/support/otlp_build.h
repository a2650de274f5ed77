/* otlp_build.h - writes OTLP requests of our own making: messages field by field, and spans like
 * those of an Envoy sidecar. */
#ifndef WEFT_TESTS_SUPPORT_OTLP_BUILD_H
#define WEFT_TESTS_SUPPORT_OTLP_BUILD_H

#include "base/buf.h"

/* Fields of any message, appended to `out`. */
void pb_put_varint(struct buf *out, unsigned field, uint64_t v);
void pb_put_fixed64(struct buf *out, unsigned field, uint64_t v);
void pb_put_fixed32(struct buf *out, unsigned field, uint32_t v);
void pb_put_bytes(struct buf *out, unsigned field, struct str bytes);
/* Bytes written as pairs of hex digits and blanks. */
void pb_put_hex(struct buf *out, const char *hex);
/* Appends `message` as field and empties it for the next use. */
void pb_put_message(struct buf *out, unsigned field, struct buf *message);
/* A KeyValue with a string value, as field. */
void pb_put_attr(struct buf *out, unsigned field, struct str key, struct str value);

/* An ExportTraceServiceRequest of `spans` CLIENT and SERVER spans of one Envoy sidecar: 16 string
 * attributes, 758 bytes a span, ids and times from `seed`. Appends to out. */
void otlp_build_envoy(struct buf *out, unsigned spans, uint64_t seed);

#endif
