/* remote_stats.h - what became of the samples for one receiver of remote write: for the account,
 * /metrics and the UI. */
#ifndef WEFT_MODEL_REMOTE_STATS_H
#define WEFT_MODEL_REMOTE_STATS_H

#include <stdint.h>

/* Samples that a receiver will never get. */
enum remote_loss {
    REMOTE_LOST_REJECTED,     /* a 4xx: wrong in the receiver's eyes */
    REMOTE_LOST_TOO_BIG,      /* a 413 for a single series */
    REMOTE_LOST_OUT_OF_ORDER, /* came behind a newer sample of the same series that was sent */
    REMOTE_LOST_HISTOGRAM,    /* native, and the receiver is not known to take any */
    REMOTE_LOSS_COUNT,
};

enum { REMOTE_URL_BYTES = 512, REMOTE_NAME_BYTES = 64, REMOTE_ERROR_BYTES = 200 };

struct remote_stats {
    char url[REMOTE_URL_BYTES];   /* without user, password and query; no quotes in it */
    char name[REMOTE_NAME_BYTES]; /* of the configuration; empty: none */
    uint32_t protocol;            /* 1 or 2, as it is spoken now */
    uint64_t sent, requests;      /* samples and requests that were delivered */
    uint64_t failed, retries;     /* requests without success; and those that were sent again */
    uint64_t lost[REMOTE_LOSS_COUNT];
    uint64_t expired_ms;                 /* of time that retention took before it was sent */
    uint64_t pending;                    /* samples of the request under way */
    double lag_s;                        /* age of the oldest that could have been sent by now */
    char last_error[REMOTE_ERROR_BYTES]; /* empty: the last request went well */
};

/* "rejected", ...: static storage. */
static inline const char *remote_loss_name(enum remote_loss loss)
{
    static const char *const names[] = {"rejected", "too_big", "out_of_order", "native_histogram"};
    return names[loss];
}

#endif
