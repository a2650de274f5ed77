/* reply.h - the shapes that all answers share: the error envelope, JSON headers, latency objects,
 * counts, warnings. */
#ifndef WEFT_QUERY_REPLY_H
#define WEFT_QUERY_REPLY_H

#include "base/json_write.h"
#include "model/histogram.h"
#include "net/server.h"

/* Fills *out with status_wire's code and {"status":"error","error_type":...,"error":...}. Any
 * thread; *out's body is freed first. */
void reply_error(struct http_response *out, const struct err *e);
/* 405 with Allow. `allow` is static. */
void reply_method_not_allowed(struct http_response *out, const char *allow);
/* 200, application/json, not to be cached. The body is written by the caller. */
void reply_json_begin(struct http_response *out);
/* 200 and a line of text. */
void reply_text(struct http_response *out, const char *line);
/* Adds a header; the strings are static. At most 7. */
void reply_header(struct http_response *out, const char *name, const char *value);

/* {"count":..,"mean":..,...} in ms, or null when nothing was observed (NULL is allowed). */
void reply_latency(struct json_writer *w, const struct histogram *h);
/* One quantile in ms, or null. */
void reply_quantile(struct json_writer *w, const struct histogram *h, double q);
/* A quantile that is known, in ms. */
void reply_quantile_ns(struct json_writer *w, double ns);
/* Exact ns as ms. */
void reply_ms(struct json_writer *w, uint64_t ns);
/* The member "error" of the object that is open: the relative bound of its quantiles. */
void reply_error_bound(struct json_writer *w);
/* Weight in whole requests, rounded to the nearest. */
uint64_t reply_count(uint64_t weight);
/* part / whole, 0 when whole is 0. */
double reply_ratio(uint64_t part, uint64_t whole);
/* Unix seconds, or null for 0. */
void reply_time(struct json_writer *w, uint64_t time_ns);

enum { WARNINGS_MAX = 8 };

/* What an answer had to leave out. All-zero is valid and empty. */
struct warnings {
    char text[WARNINGS_MAX][160];
    size_t len;
    bool truncated;
};
/* Beyond WARNINGS_MAX a warning is not kept (truncated still tells). */
void warnings_add(struct warnings *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The members "warnings" and "truncated" of the object that is open. */
void reply_warnings(struct json_writer *w, const struct warnings *warnings);

#endif
