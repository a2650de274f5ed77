/* clock.h - wall and monotonic time in ns; tests may set both. */
#ifndef WEFT_BASE_CLOCK_H
#define WEFT_BASE_CLOCK_H

#include "base/str.h"

/* Nanoseconds since 1970 (never negative) and since an arbitrary start. Any thread. */
uint64_t clock_wall_ns(void);
uint64_t clock_mono_ns(void);
/* Tests only: both clocks stand at these values until the next call; 0, 0 lets them run again. */
void clock_set_ns(uint64_t wall_ns, uint64_t mono_ns);
/* RFC 3339 ("2026-11-23T10:00:00.5Z", offsets allowed) to ns since 1970; false when malformed or
 * before 1970. */
bool clock_parse_rfc3339(struct str s, uint64_t *wall_ns);
/* The same to ms since 1970, negative before it: the years 1 to 9999. What is below 1 ms is cut off
 * towards the past. */
bool clock_parse_rfc3339_ms(struct str s, int64_t *unix_ms);
/* "2026-11-23T10:00:00.123Z" into out (at least 25 bytes); returns out. */
char *clock_format_rfc3339(uint64_t wall_ns, char *out, size_t cap);

#endif
