/* status_wire.h - the one table from enum status to HTTP, gRPC and API words. */
#ifndef WEFT_BASE_STATUS_WIRE_H
#define WEFT_BASE_STATUS_WIRE_H

#include "base/err.h"

struct status_wire {
    unsigned http;        /* RFC 9110 status code */
    unsigned grpc;        /* grpc-status, https://grpc.io/docs/guides/status-codes/ */
    const char *api_type; /* errorType of Prometheus' API, error_type of ours */
    bool retryable;       /* OTLP specification: the client may send it again */
};

/* Static storage, never NULL. Any thread. */
const struct status_wire *status_wire_get(enum status status);

#endif
