/* pb_fault.c - sentences about what is wrong in a protobuf body. */
#include "codec/pb_fault.h"

enum status pb_broken(const struct pb_body *body, const char *message, const struct pb_reader *r)
{
    size_t offset = (size_t)(r->at - (const uint8_t *)body->bytes.ptr);
    return err_set(body->err, ST_INVALID, "%s %s: %s at byte %zu", body->protocol, message,
                   r->fault, offset);
}

enum status pb_skip_unknown(const struct pb_body *body, const char *message, struct pb_reader *r,
                            uint32_t tag, uint32_t last_known)
{
    if (tag >> 3 > last_known)
        return ST_OK;
    r->fault = "a field has the wrong wire type";
    return pb_broken(body, message, r);
}
