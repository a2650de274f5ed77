/* span_judge.h - which decoded spans are taken and which are rejected one by one: the rules that
 * protobuf and JSON share. Source: docs/otlp-input.md, section "Spans". */
#ifndef WEFT_CODEC_SPAN_JUDGE_H
#define WEFT_CODEC_SPAN_JUDGE_H

#include "codec/otlp_trace.h"

/* What a decoder found wrong with a span (or its resource) while it read it. */
enum span_fault {
    FAULT_TRACE_ID =
        1, /* wrong length or not hex; an id that is missing or all zero is found by the judge */
    FAULT_SPAN_ID = 2,
    FAULT_PARENT_ID = 4,
    FAULT_TOO_MANY_ATTRIBUTES = 8,
    FAULT_TOO_DEEP = 16,
};

/* Counts one more span as received and, when a rule or `faults` (bits of enum span_fault) is
 * against it, as rejected; the first rejected one is explained in batch->reject_message. True: take
 * it. One thread at a time. */
bool span_judge(struct batch *batch, const struct otlp_trace_rules *rules, const struct span *span,
                unsigned faults);

/* The ids of a span from raw bytes: right ones are set and clear their fault, wrong ones set it, so
 * that the last wins. */
void span_set_trace_id(struct span *span, struct str bytes, unsigned *faults);
void span_set_id(struct span *span, struct str bytes, unsigned *faults);
void span_set_parent_id(struct span *span, struct str bytes, unsigned *faults);

/* Numbers the sender may have from a later version become unspecified and unset. */
static inline enum span_kind span_kind_of(uint64_t number)
{
    return number <= SPAN_CONSUMER ? (enum span_kind)number : SPAN_UNSPECIFIED;
}

static inline enum span_status span_status_of(uint64_t number)
{
    return number <= SPAN_STATUS_ERROR ? (enum span_status)number : SPAN_STATUS_UNSET;
}

#endif
