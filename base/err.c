/* err.c - filling an error and naming a status. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

enum status err_set(struct err *e, enum status status, const char *fmt, ...)
{
    if (!e)
        return status;
    e->status = status;
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->msg, sizeof(e->msg), fmt, args);
    va_end(args);
    return status;
}

const char *status_name(enum status status)
{
    static const char *const names[ST_STATUS_COUNT] = {
        [ST_OK] = "ok",
        [ST_INVALID] = "invalid",
        [ST_QUERY] = "query",
        [ST_NOT_FOUND] = "not_found",
        [ST_UNSUPPORTED] = "unsupported",
        [ST_TOO_BIG] = "too_big",
        [ST_BUSY] = "busy",
        [ST_TIMEOUT] = "timeout",
        [ST_IO] = "io",
        [ST_NO_MEMORY] = "no_memory",
        [ST_CORRUPT] = "corrupt",
        [ST_INTERNAL] = "internal",
    };
    return (unsigned)status < ST_STATUS_COUNT ? names[status] : "unknown";
}
