/* status_wire.c - what each status is called on the wire. */
#include "base/status_wire.h"

/* grpc-status numbers as https://grpc.io/docs/guides/status-codes/ lists them. */
enum {
    GRPC_OK = 0,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
};

/* Damage is INTERNAL, never DATA_LOSS: OTLP clients send again on DATA_LOSS, for ever. */
static const struct status_wire wire[ST_STATUS_COUNT] = {
    [ST_OK] = {200, GRPC_OK, "", false},
    [ST_INVALID] = {400, GRPC_INVALID_ARGUMENT, "bad_data", false},
    [ST_QUERY] = {422, GRPC_INVALID_ARGUMENT, "execution", false},
    [ST_NOT_FOUND] = {404, GRPC_NOT_FOUND, "not_found", false},
    [ST_UNSUPPORTED] = {415, GRPC_UNIMPLEMENTED, "bad_data", false},
    [ST_TOO_BIG] = {413, GRPC_RESOURCE_EXHAUSTED, "bad_data", false},
    [ST_BUSY] = {429, GRPC_UNAVAILABLE, "unavailable", true},
    [ST_TIMEOUT] = {503, GRPC_DEADLINE_EXCEEDED, "timeout", true},
    [ST_IO] = {503, GRPC_UNAVAILABLE, "unavailable", true},
    [ST_NO_MEMORY] = {503, GRPC_UNAVAILABLE, "unavailable", true},
    [ST_CORRUPT] = {500, GRPC_INTERNAL, "internal", false},
    [ST_INTERNAL] = {500, GRPC_INTERNAL, "internal", false},
};

const struct status_wire *status_wire_get(enum status status)
{
    return &wire[(unsigned)status < ST_STATUS_COUNT ? status : ST_INTERNAL];
}
