/* remote_seen.h - up to which time each series was sent: what came late is sent once and in order,
 * and what came out of order is counted. */
#ifndef WEFT_EXPORT_REMOTE_SEEN_H
#define WEFT_EXPORT_REMOTE_SEEN_H

#include "base/map64.h"
#include "base/vec.h"

enum { REMOTE_SEEN_UNKNOWN = UINT32_MAX };

struct remote_seen_series {
    uint64_t hash;
    int64_t last_ms; /* sent up to here */
    uint32_t known;  /* samples up to last_ms that the next round will read again */
    uint32_t round;
};

/* 24 bytes a series, and the map. All-zero is valid and empty. One thread at a time. */
struct remote_seen {
    struct map64 places; /* hash -> index in series */
    VEC(struct remote_seen_series) series;
    uint32_t round;
};

/* One reading of a series: its samples in the range that the round reads, ascending. */
struct remote_reading {
    uint64_t hash;
    const int64_t *times_ms;
    uint32_t count;
    int64_t floor_ms;      /* for a series not seen before: what is not newer was sent before */
    int64_t next_start_ms; /* the next round reads what is newer than this */
    bool is_short;         /* it begins later than that: what it does not show is not known */
};
struct remote_news {
    uint32_t first;        /* samples from here on are to be sent */
    uint32_t out_of_order; /* samples that came behind what was sent, and can never be */
};

/* Remembers that everything of the reading is sent. False when memory is short: nothing changed. */
bool remote_seen_take(struct remote_seen *s, const struct remote_reading *reading,
                      struct remote_news *out) NODISCARD;
/* A round is over: series that it did not meet are forgotten once they are many, but for those of
 * which the next round may read samples again: it reads what is newer than next_start_ms. */
void remote_seen_end_round(struct remote_seen *s, int64_t next_start_ms);
void remote_seen_deinit(struct remote_seen *s);

#endif
