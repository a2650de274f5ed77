/* otlp_check.h - walks OTLP messages that stay encoded (events, links, nested values) to prove that
 * readers may trust them. Source: opentelemetry-proto trace/v1/trace.proto, common/v1/common.proto.
 */
#ifndef WEFT_CODEC_OTLP_CHECK_H
#define WEFT_CODEC_OTLP_CHECK_H

#include "codec/pb_walk.h"

enum otlp_shape {
    SHAPE_EVENT,
    SHAPE_LINK,
    SHAPE_KEY_VALUE,
    SHAPE_VALUE,
    SHAPE_ARRAY,
    SHAPE_KVLIST,
    SHAPE_COUNT
};

enum { OTLP_DEPTH_MAX = 64 }; /* limits.depth above it counts as it */

/* Checks every field below `message`, iteratively: lengths, varints, wire types of known fields.
 * Values nested more than max_depth deep are skipped and set *too_deep. False at a broken message:
 * *fault has `fault` and `at`. Any thread. */
bool otlp_check(struct str message, enum otlp_shape shape, unsigned max_depth, bool *too_deep,
                struct pb_reader *fault);

#endif
