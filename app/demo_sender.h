/* demo_sender.h - the simulated sidecars' exporters: 5 spans a request or 5 seconds, one connection
 * a pod. */
#ifndef WEFT_APP_DEMO_SENDER_H
#define WEFT_APP_DEMO_SENDER_H

#include "app/demo_span.h"
#include "base/err.h"

struct demo_sender; /* one thread */

/* Connects once to see that somebody answers. */
enum status demo_sender_new(const char *addr, struct demo_sender **out, struct err *e);
void demo_sender_free(struct demo_sender *s);
/* A span that its proxy will report when it has ended. False: out of memory. */
bool demo_sender_add(struct demo_sender *s, const struct demo_span *span);
/* Reports what has ended by now_ns, flushes what waited 5 s, moves bytes; waits at most until
 * wake_ns (wall clock). */
void demo_sender_run(struct demo_sender *s, uint64_t now_ns, uint64_t wake_ns);
/* Reports everything, ended or not, and waits for the answers until the deadline (wall clock). */
void demo_sender_drain(struct demo_sender *s, uint64_t deadline_ns);

struct demo_sender_stats {
    uint64_t sent, acknowledged, failed; /* spans */
};
/* What became of the spans so far. */
struct demo_sender_stats demo_sender_stats(const struct demo_sender *s);

#endif
