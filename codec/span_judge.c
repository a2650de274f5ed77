/* span_judge.c - takes or rejects a span and says why. */
#include "codec/span_judge.h"

#include <stdio.h>

static const enum reject_reason accepted = REJECT_REASON_COUNT;

static enum reject_reason judge_ids(const struct span *span, unsigned faults)
{
    if ((faults & (FAULT_TRACE_ID | FAULT_SPAN_ID)) || trace_id_is_zero(span->trace) ||
        span->id == 0)
        return REJECT_INVALID_ID;
    if (faults & FAULT_PARENT_ID)
        return REJECT_INVALID_PARENT_ID;
    return accepted;
}

static enum reject_reason judge(const struct otlp_trace_rules *rules, const struct span *span,
                                unsigned faults)
{
    enum reject_reason reason = judge_ids(span, faults);
    if (reason != accepted)
        return reason;
    if (faults & FAULT_TOO_MANY_ATTRIBUTES)
        return REJECT_TOO_MANY_ATTRIBUTES;
    if (faults & FAULT_TOO_DEEP)
        return REJECT_TOO_DEEP;
    uint64_t event_ns = span_event_ns(span);
    if (event_ns < rules->oldest_ns)
        return REJECT_TOO_OLD;
    if (rules->newest_ns != 0 && event_ns > rules->newest_ns)
        return REJECT_TOO_NEW;
    return accepted;
}

static const char *const sentences[REJECT_REASON_COUNT] = {
    [REJECT_INVALID_ID] = "trace_id must be 16 bytes and span_id 8 bytes, neither all zero",
    [REJECT_INVALID_PARENT_ID] = "parent_span_id must be empty or 8 bytes",
    [REJECT_TOO_OLD] = "its end time is older than what is kept here",
    [REJECT_TOO_NEW] = "its end time is too far ahead of the clock here",
    [REJECT_TOO_MANY_ATTRIBUTES] = "the span or its resource has more attributes than the limit of",
    [REJECT_TOO_DEEP] = "the span or its resource nests values deeper than the limit of",
};

/* A message that finds no memory is left out: the count tells enough. */
static void explain(struct batch *batch, const struct limits *limits, enum reject_reason reason)
{
    char text[160], limit[16] = "";
    if (reason == REJECT_TOO_MANY_ATTRIBUTES)
        snprintf(limit, sizeof(limit), " %u", limits->attributes);
    else if (reason == REJECT_TOO_DEEP)
        snprintf(limit, sizeof(limit), " %u", limits->depth);
    snprintf(text, sizeof(text), "span %u of the request: %s%s", batch->received, sentences[reason],
             limit);
    batch->reject_message = arena_dup_str(&batch->arena, str_from_c(text));
    if (!batch->reject_message.ptr)
        batch->reject_message.len = 0;
}

bool span_judge(struct batch *batch, const struct otlp_trace_rules *rules, const struct span *span,
                unsigned faults)
{
    batch->received++;
    enum reject_reason reason = judge(rules, span, faults);
    if (LIKELY(reason == accepted))
        return true;
    batch->rejected[reason]++;
    if (batch->reject_message.len == 0)
        explain(batch, rules->limits, reason);
    return false;
}

void span_set_trace_id(struct span *span, struct str bytes, unsigned *faults)
{
    bool right = bytes.len == 16;
    span->trace = right ? trace_id_from_bytes((const uint8_t *)bytes.ptr) : (struct trace_id){0, 0};
    *faults = right ? *faults & ~(unsigned)FAULT_TRACE_ID : *faults | FAULT_TRACE_ID;
}

void span_set_id(struct span *span, struct str bytes, unsigned *faults)
{
    bool right = bytes.len == 8;
    span->id = right ? span_id_from_bytes((const uint8_t *)bytes.ptr) : 0;
    *faults = right ? *faults & ~(unsigned)FAULT_SPAN_ID : *faults | FAULT_SPAN_ID;
}

void span_set_parent_id(struct span *span, struct str bytes, unsigned *faults)
{
    bool right = bytes.len == 8 || bytes.len == 0;
    span->parent = bytes.len == 8 ? span_id_from_bytes((const uint8_t *)bytes.ptr) : 0;
    *faults = right ? *faults & ~(unsigned)FAULT_PARENT_ID : *faults | FAULT_PARENT_ID;
}
