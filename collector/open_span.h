/* open_span.h - what is kept of a span while the requests that it took part in are open. */
#ifndef WEFT_COLLECTOR_OPEN_SPAN_H
#define WEFT_COLLECTOR_OPEN_SPAN_H

#include <stdint.h>

/* Pipeline time in steps of 2^27 ns (0.134 s): 32 bits last for 18 years after the data directory
 * was made. */
enum { CLOCK_SHIFT = 27, NAME_BITS = (1 << 24) - 1, DURATION_BITS = 49 };
/* Longer durations count as this one: 6.5 days. */
#define DURATION_MAX ((UINT64_C(1) << DURATION_BITS) - 1)

struct open_span {
    uint32_t next;    /* of the trace's open spans */
    uint32_t arrival; /* clock steps */
    uint64_t id, parent;
    uint64_t end_ns;
    union {
        struct {
            uint64_t duration_ns : DURATION_BITS, http_code : 10, grpc_code : 5;
        };
        uint64_t outcome;
    };
    union {
        struct {
            uint32_t owner : 24, role : 3, kind : 3;
            uint32_t in_done : 1;  /* the request that it answered is counted (or there is none) */
            uint32_t out_done : 1; /* the request that it made is counted (or there is none) */
            uint32_t dest : 24, retries : 8;
            uint32_t operation : 24, protocol : 3;
            uint32_t error : 1, mirror : 1, denied : 1, end_before_start : 1;
            uint32_t is_new : 1; /* not yet in the published view */
        };
        uint32_t what[3];
    };
    uint32_t request_bytes, response_bytes; /* SIZE_NONE */
    uint16_t flags, weight;
};
_Static_assert(sizeof(struct open_span) == 64, "one cache line");

#endif
