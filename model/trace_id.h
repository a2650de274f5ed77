/* trace_id.h - trace and span ids as W3C Trace Context and OTLP carry them. */
#ifndef WEFT_MODEL_TRACE_ID_H
#define WEFT_MODEL_TRACE_ID_H

#include "base/str.h"

struct trace_id {
    uint64_t hi, lo; /* big-endian words of the 16 bytes; both 0 = none */
};

static inline bool trace_id_is_zero(struct trace_id id)
{
    return (id.hi | id.lo) == 0;
}

static inline bool trace_id_eq(struct trace_id a, struct trace_id b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

/* From 16 (8) raw bytes. Span ids are a plain uint64_t, big endian, 0 = none. */
struct trace_id trace_id_from_bytes(const uint8_t bytes[16]);
uint64_t span_id_from_bytes(const uint8_t bytes[8]);
void trace_id_to_bytes(struct trace_id id, uint8_t bytes[16]);
void span_id_to_bytes(uint64_t id, uint8_t bytes[8]);
/* Hex of either case; exactly 32 (16) digits, else false. */
bool trace_id_from_hex(struct str hex, struct trace_id *out);
bool span_id_from_hex(struct str hex, uint64_t *out);
/* Lower-case hex, NUL-ended: out holds 33 (17) bytes. */
char *trace_id_to_hex(struct trace_id id, char out[33]);
char *span_id_to_hex(uint64_t id, char out[17]);

#endif
