/* age_clock.h - the time from which age is counted when old data is thinned out or dropped.
 *
 * It follows the wall clock, but not a leap ahead: a wrong time server or an empty battery would
 * take everything that is kept. A clock that leaps by more than a day, while weft runs or since the
 * newest data of the last run, is believed once it has stood for a day; until then age goes on from
 * where it was. Private to storage/. */
#ifndef WEFT_STORAGE_AGE_CLOCK_H
#define WEFT_STORAGE_AGE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* All 0: whatever the clock says first is believed. The caller guards it. */
struct age_clock {
    uint64_t wall_ns, mono_ns; /* what was believed last; 0: nothing yet */
    bool leapt;                /* the wall clock is ahead of what it should be */
    uint64_t leapt_mono_ns;    /* since then */
};

/* There is data of this time: the clock was there before. */
void age_clock_saw(struct age_clock *c, uint64_t wall_ns, uint64_t mono_ns);
/* Nanoseconds since 1970 from which age is counted, given what the clocks say now. *leapt: a leap
 * was noticed by this call. */
uint64_t age_clock_tell(struct age_clock *c, uint64_t wall_ns, uint64_t mono_ns, bool *leapt);

#endif
