/* pb_fault.h - sentences about what is wrong in a protobuf body, with the byte. */
#ifndef WEFT_CODEC_PB_FAULT_H
#define WEFT_CODEC_PB_FAULT_H

#include "base/err.h"
#include "codec/pb_walk.h"

/* The body that readers walk. */
struct pb_body {
    struct str bytes;     /* borrowed */
    const char *protocol; /* "OTLP"; static storage */
    struct err *err;      /* borrowed */
};

/* ST_INVALID: `message` is broken where r stands. */
enum status pb_broken(const struct pb_body *body, const char *message, const struct pb_reader *r);
/* What the default case of a message's fields does: those of a later version are skipped (ST_OK),
 * known ones came with the wrong wire type. */
enum status pb_skip_unknown(const struct pb_body *body, const char *message, struct pb_reader *r,
                            uint32_t tag, uint32_t last_known);

/* What every loop over the fields of a message ends with. */
static inline enum status pb_finish(const struct pb_body *body, const char *message,
                                    const struct pb_reader *r)
{
    return LIKELY(!r->fault) ? ST_OK : pb_broken(body, message, r);
}

static inline double pb_double(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

static inline int64_t pb_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif
