/* native_text.h - native histograms in the notation of Prometheus' test scripts, for tables. */
#ifndef WEFT_TESTS_SUPPORT_NATIVE_TEXT_H
#define WEFT_TESTS_SUPPORT_NATIVE_TEXT_H

#include "model/native_histogram.h"

/* {{schema:0 count:4 sum:5 buckets:[1 2 1]}}, all members may be left out; lives in `arena`. Ends
 * the test program when the text is wrong or memory is short. Calling thread. */
struct native_histogram *native_from_text(struct arena *arena, const char *text);
/* Equal, numbers within 1e-9 of each other; the hint too. */
bool native_is_near(const struct native_histogram *a, const struct native_histogram *b);
/* What a failed test prints of it, in the arena; `h` may be NULL. */
const char *native_to_text(struct arena *arena, const struct native_histogram *h);

#endif
