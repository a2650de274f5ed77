/* stale.h - the NaN that ends a series. Source: Prometheus, pkg/value: bits 0x7ff0000000000002; it
 * is signalling, so it is compared and copied as bits, never computed with. */
#ifndef WEFT_MODEL_STALE_H
#define WEFT_MODEL_STALE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define STALE_NAN_BITS UINT64_C(0x7ff0000000000002)

static inline bool value_is_stale(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits == STALE_NAN_BITS;
}

static inline double value_stale(void)
{
    uint64_t bits = STALE_NAN_BITS;
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

#endif
