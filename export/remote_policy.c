/* remote_policy.c - the table of answers, and exponential backoff with jitter. */
#include "export/remote_policy.h"

enum remote_verdict remote_judge(unsigned status, bool is_2, bool has_written)
{
    if (status >= 200 && status < 300)
        return is_2 && !has_written ? REMOTE_DOWNGRADE : REMOTE_DELIVERED;
    if (status == 413)
        return REMOTE_SPLIT;
    if (status == 415 && is_2)
        return REMOTE_DOWNGRADE;
    /* Without an answer, overloaded, broken; or a redirect, which is never followed: somebody moved
     * the receiver, and its data waits until the address is put right. */
    if (status < 400 || status == 429 || status >= 500)
        return REMOTE_RETRY;
    return REMOTE_DROP;
}

uint32_t remote_backoff_next(struct remote_backoff *b, uint32_t retry_after_ms, uint64_t random)
{
    uint32_t step = b->last_ms ? MIN(b->last_ms * 2, (uint32_t)BACKOFF_MAX_MS) : BACKOFF_MIN_MS;
    b->last_ms = step;
    uint32_t wait = step / 2 + (uint32_t)(random % (step / 2 + 1));
    return MAX(wait, MIN(retry_after_ms, (uint32_t)RETRY_AFTER_MAX_MS));
}

void remote_backoff_reset(struct remote_backoff *b)
{
    b->last_ms = 0;
}
