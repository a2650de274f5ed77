/* token_bucket.h - how often something is tolerated: a burst, then a steady rate. */
#ifndef WEFT_NET_TOKEN_BUCKET_H
#define WEFT_NET_TOKEN_BUCKET_H

#include "base/compiler.h"

/* Tokens are kept as the time it takes to earn them, so that refilling is one addition. One thread
 * at a time. */
struct token_bucket {
    uint64_t cost_ns;   /* time that earns one token */
    uint64_t full_ns;   /* burst * cost_ns */
    uint64_t credit_ns; /* <= full_ns */
    uint64_t seen_ns;   /* monotonic time of the last refill */
};

static inline struct token_bucket token_bucket_of(unsigned burst, unsigned per_second,
                                                  uint64_t now_ns)
{
    uint64_t cost = NS_PER_S / per_second;
    return (struct token_bucket){cost, burst * cost, burst * cost, now_ns};
}

/* Takes one token; false when there is none. */
static inline bool token_bucket_take(struct token_bucket *b, uint64_t now_ns)
{
    uint64_t earned = now_ns > b->seen_ns ? now_ns - b->seen_ns : 0;
    b->seen_ns = MAX(b->seen_ns, now_ns);
    b->credit_ns = MIN(b->credit_ns + earned, b->full_ns);
    if (b->credit_ns < b->cost_ns)
        return false;
    b->credit_ns -= b->cost_ns;
    return true;
}

/* Gives tokens for useful work, never above the burst. */
static inline void token_bucket_give(struct token_bucket *b, unsigned tokens)
{
    b->credit_ns = MIN(b->credit_ns + tokens * b->cost_ns, b->full_ns);
}

#endif
