/* err.h - one status enum and one message, set once where the fault is found. */
#ifndef WEFT_BASE_ERR_H
#define WEFT_BASE_ERR_H

#include "base/compiler.h"

enum status {
    ST_OK,
    ST_INVALID, /* the peer sent something wrong */
    ST_QUERY,   /* valid, but cannot be run */
    ST_NOT_FOUND,
    ST_UNSUPPORTED, /* an encoding or method we do not speak */
    ST_TOO_BIG,     /* over a limit; sending it again will not help */
    ST_BUSY,        /* try again later */
    ST_TIMEOUT,
    ST_IO,
    ST_NO_MEMORY,
    ST_CORRUPT, /* our own bytes on disk are damaged */
    ST_INTERNAL,
    ST_STATUS_COUNT,
};

struct err {
    enum status status;
    char msg[400]; /* one sentence for a person, NUL-ended */
};

/* Fills *e (may be NULL) and returns status, so that `return err_set(...)` reads well. Any thread.
 */
enum status err_set(struct err *e, enum status status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Lower-case word of a status, static storage: "ok", "invalid", ... */
const char *status_name(enum status status);

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum status try_status_ = (call);                                                          \
        if (try_status_ != ST_OK)                                                                  \
            return try_status_;                                                                    \
    } while (0)

#endif
