/* derived_settings.c - the defaults. */
#include "model/derived_settings.h"

#include <string.h>

struct derived_settings derived_settings_default(void)
{
    static const double seconds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
    struct derived_settings s = {.bucket_count = LEN(seconds)};
    memcpy(s.buckets, seconds, sizeof(seconds));
    return s;
}
