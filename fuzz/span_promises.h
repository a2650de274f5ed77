/* span_promises.h - decodes a body twice and aborts when a span breaks a promise. */
#ifndef WEFT_FUZZ_SPAN_PROMISES_H
#define WEFT_FUZZ_SPAN_PROMISES_H

#include "base/mem.h"
#include "codec/otlp_trace.h"

#include <stdlib.h>

#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Reads every byte (ASan tells when one is not ours) and wants UTF-8. */
static void promise_text(struct str s)
{
    PROMISE(str_is_utf8(s));
}

static void promise_attrs(const struct attr *attrs, uint32_t count, const struct limits *limits)
{
    PROMISE(count <= limits->attributes);
    for (uint32_t i = 0; i < count; i++) {
        unsigned char sum = 0;
        PROMISE(attrs[i].key.len > 0 && attrs[i].type <= VALUE_NESTED);
        promise_text(attrs[i].key);
        if (attrs[i].type == VALUE_STRING)
            promise_text(attrs[i].text);
        for (size_t k = 0; k < attrs[i].text.len; k++)
            sum = (unsigned char)(sum + (unsigned char)attrs[i].text.ptr[k]);
        __asm__ volatile("" : : "r"(sum)); /* the reads must not be optimised away */
    }
}

static void promise_span(const struct span *s, const struct otlp_trace_rules *rules)
{
    PROMISE(!trace_id_is_zero(s->trace) && s->id != 0);
    PROMISE(s->kind <= SPAN_CONSUMER && s->status <= SPAN_STATUS_ERROR);
    PROMISE(span_event_ns(s) >= rules->oldest_ns && span_event_ns(s) <= rules->newest_ns);
    PROMISE(s->resource && s->scope);
    promise_text(s->name);
    promise_text(s->trace_state);
    promise_text(s->status_message);
    promise_text(s->scope->name);
    promise_text(s->scope->version);
    promise_attrs(s->attrs, s->attr_count, rules->limits);
    promise_attrs(s->resource->attrs, s->resource->attr_count, rules->limits);
}

/* Decodes `body`; with fail_at >= 0 that allocation fails. Returns how many spans were accepted. */
static uint32_t promise_body(struct str body, enum batch_encoding encoding, long fail_at)
{
    struct limits limits = {.spans = 300, .attributes = 20, .depth = 5};
    struct otlp_trace_rules rules = {
        .limits = &limits, .oldest_ns = 1000, .newest_ns = UINT64_MAX >> 2};
    struct batch b = {.plain = body, .encoding = encoding};
    struct err e;
    mem_fail_after(fail_at);
    enum status status = otlp_trace_decode(&b, &rules, &e);
    bool failed = mem_did_fail();
    mem_fail_after(-1);
    PROMISE(status == ST_OK || status == ST_INVALID || status == ST_TOO_BIG ||
            (failed && status == ST_NO_MEMORY));
    PROMISE(status != ST_OK || b.received == b.span_count + batch_rejected_total(&b));
    PROMISE(status == ST_OK || (b.received == 0 && b.span_count == 0));
    PROMISE(b.arena.used_bytes <= 16 * body.len + 64 * KIB);
    for (uint32_t i = 0; i < b.span_count; i++)
        promise_span(&b.spans[i], &rules);
    arena_deinit(&b.arena);
    return b.span_count;
}

static void span_promises_check(struct str body, enum batch_encoding encoding)
{
    promise_body(body, encoding, -1);
    promise_body(body, encoding, (long)(body.len % 7));
}

#endif
