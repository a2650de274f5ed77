/* patience.h - polling in tests: for as long as it takes, and half a minute at most. */
#ifndef WEFT_TESTS_SUPPORT_PATIENCE_H
#define WEFT_TESTS_SUPPORT_PATIENCE_H

#include <stdbool.h>
#include <time.h>
#include <unistd.h>

/* for (struct patience p = {0}; !came && patience_left(&p);)
 *     ;
 * What is polled and changes again afterwards is to be read in the condition only. */
struct patience {
    time_t end_s; /* 0: not begun */
};

/* Sleeps a millisecond; false when it is over. By the system's own clock, whatever clock_set_ns()
 * says. */
static inline bool patience_left(struct patience *p)
{
    enum { MOST_S = 30 };
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!p->end_s)
        p->end_s = now.tv_sec + MOST_S;
    usleep(1000);
    return now.tv_sec < p->end_s;
}

#endif
