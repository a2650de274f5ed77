/* prom_params.h - parameters as Prometheus' HTTP API reads them, with its own sentences for what it
 * does not take. Source: Prometheus 3.x, web/api/v1. Private to query/. */
#ifndef WEFT_QUERY_PROM_PARAMS_H
#define WEFT_QUERY_PROM_PARAMS_H

#include "query/params.h"
#include "query/promql_parse.h"

/* Times further from 1970 are cut to these, so that arithmetic with ranges never overflows. */
#define PROM_TIME_MAX_MS INT64_C(9000000000000000)
#define PROM_TIME_MIN_MS (-PROM_TIME_MAX_MS)

/* The errors of all of these are ST_INVALID ("invalid parameter \"time\": ...") or ST_NO_MEMORY. */

/* A time that has to be there, in ms since 1970: float seconds or RFC 3339. */
enum status prom_param_time(const struct params *p, const char *name, int64_t *out_ms,
                            struct err *e);
/* The same where it may be missing or empty. */
enum status prom_param_time_or(const struct params *p, const char *name, int64_t fallback_ms,
                               int64_t *out_ms, struct err *e);
/* "start" and "end" of calls that have all of time without them. */
enum status prom_param_range(const struct params *p, int64_t *start_ms, int64_t *end_ms,
                             struct err *e);
/* Seconds as a float or a duration ("5m"), in ns; may be negative. ST_INVALID: "cannot parse ...".
 */
enum status prom_read_duration(struct str text, int64_t *out_ns, struct err *e);
/* The same of a parameter that has to be there. */
enum status prom_param_duration(const struct params *p, const char *name, int64_t *out_ns,
                                struct err *e);
/* The same where it may be missing or empty; 0 then. */
enum status prom_param_duration_or_0(const struct params *p, const char *name, int64_t *out_ns,
                                     struct err *e);
/* "limit": 0 = none. */
enum status prom_param_limit(const struct params *p, uint64_t *out, struct err *e);

/* The selectors of all match[] parameters; each asks for a set of series, together for their
 * union. */
struct prom_selectors {
    struct promql_node **items; /* arena; PROMQL_SELECTOR each */
    size_t len;
    size_t
        regex_bytes; /* of their matchers: at most PROMQL_REGEX_BYTES_MAX, as one expression has */
};
/* The caller ends *out with prom_selectors_deinit(), whatever was returned. */
enum status prom_param_selectors(const struct params *p, struct prom_selectors *out, struct err *e);
/* ST_INVALID: one of them is wide (promql_selector_is_wide), which most calls do not take. */
enum status prom_selectors_check(const struct prom_selectors *s, struct err *e);
void prom_selectors_deinit(struct prom_selectors *s);

#endif
