/* remote_policy.h - what an answer of a receiver means for the request, and how long to wait before
 * it is sent again. Source: Prometheus, docs/specs/prw (1.0 and 2.0). */
#ifndef WEFT_EXPORT_REMOTE_POLICY_H
#define WEFT_EXPORT_REMOTE_POLICY_H

#include "base/compiler.h"

enum { BACKOFF_MIN_MS = 30, BACKOFF_MAX_MS = 5000, RETRY_AFTER_MAX_MS = 10 * 60 * 1000 };

enum remote_verdict {
    REMOTE_DELIVERED,
    REMOTE_RETRY,     /* the same request again, later */
    REMOTE_DROP,      /* the receiver will never take it */
    REMOTE_SPLIT,     /* in two halves, or dropped when there is only one series in it */
    REMOTE_DOWNGRADE, /* the receiver does not know 2.0: again as 1.0, and for good */
};

/* `status`: of the answer, 0 = there was none. `is_2`: the request was 2.0. `has_written`: the
 * answer told how many samples were written, as 2.0 demands. */
enum remote_verdict remote_judge(unsigned status, bool is_2, bool has_written);

/* Doubles from BACKOFF_MIN_MS to BACKOFF_MAX_MS. All-zero is a valid start. */
struct remote_backoff {
    uint32_t last_ms; /* 0 = the last request went well */
};
/* The time to wait now, between half of the step and all of it by `random`. What the receiver asked
 * for (0 = nothing), up to ten minutes, is never cut short. */
uint32_t remote_backoff_next(struct remote_backoff *b, uint32_t retry_after_ms, uint64_t random);
void remote_backoff_reset(struct remote_backoff *b);

#endif
