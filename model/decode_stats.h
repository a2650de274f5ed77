/* decode_stats.h - large requests beside the network threads, as ingest counts and query shows
 * them. */
#ifndef WEFT_MODEL_DECODE_STATS_H
#define WEFT_MODEL_DECODE_STATS_H

#include <stdint.h>

/* Requests since the start, and at the moment. */
struct decode_stats {
    uint64_t taken, turned_away;
    uint64_t waiting, waiting_bytes, running;
};

#endif
