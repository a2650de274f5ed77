/* demo_traffic.h - one request through the simulated mesh: its spans and its truth. */
#ifndef WEFT_APP_DEMO_TRAFFIC_H
#define WEFT_APP_DEMO_TRAFFIC_H

#include "app/demo_truth.h"

struct demo_traffic {
    struct demo_random random;
    struct demo_truth *truth;                               /* borrowed */
    uint64_t began_ns;                                      /* the weather counts from here */
    bool (*emit)(void *user, const struct demo_span *span); /* takes a copy; false: out of memory */
    void *user;
    bool failed; /* memory ran out somewhere; sticks */
};

/* A person does something in the shop at start_ns. */
void demo_traffic_request(struct demo_traffic *t, uint64_t start_ns);

#endif
