/* log.h - one line per event on stderr: "2026-11-23T10:00:00.123Z warn otlp_http: request refused
 * peer=...". */
#ifndef WEFT_BASE_LOG_H
#define WEFT_BASE_LOG_H

#include "base/compiler.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* error: we are broken; warn: someone else is; info: life cycle; debug: the rest. Any thread. */
void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* Whatever a peer can provoke: at most 5 lines in 10 s from this place, then a count of what was
 * held back. */
struct log_limit {
    uint64_t window_start_ns; /* guarded by the log lock */
    unsigned in_window, held;
};
bool log_limit_allow(struct log_limit *limit, unsigned *held_before);
#define log_limited(level, ...)                                                                    \
    do {                                                                                           \
        static struct log_limit limit_;                                                            \
        unsigned held_;                                                                            \
        if (log_limit_allow(&limit_, &held_)) {                                                    \
            if (held_)                                                                             \
                log_line(level, "log: held back count=%u of the next line's kind", held_);         \
            log_line(level, __VA_ARGS__);                                                          \
        }                                                                                          \
    } while (0)

#endif
