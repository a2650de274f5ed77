/* prom_names.h - one question about names (series, labels) from its parameters to the sources.
 * Private to query/. */
#ifndef WEFT_QUERY_PROM_NAMES_H
#define WEFT_QUERY_PROM_NAMES_H

#include "query/api.h"
#include "query/prom_sources.h"

/* Longest time that any question of Prometheus' API may take, as its query.timeout. */
#define PROM_TIMEOUT_NS ((int64_t)QUERY_TIMEOUT_NS)

/* Everything that such a question holds. All-zero is valid and empty. */
struct prom_ask {
    struct prom_selectors selectors;
    struct prom_sources sources;
    struct query_budget budget;
    struct annotations *notes; /* arena */
    struct prom_names_request request;
    uint64_t limit; /* 0 = none */
};

/* Reads limit, start, end and match[] (at least one with `needs_selector`) and opens the sources.
 * The caller ends *ask with prom_ask_end(), whatever was returned. ST_INVALID, ST_NO_MEMORY. */
enum status prom_ask_begin(struct request *r, bool needs_selector, struct prom_ask *ask,
                           struct err *e);
/* The same for calls that look at a time of their own and know none but match[], which may be wide:
 * whatever else is given is ignored. */
enum status prom_ask_begin_within(struct request *r, int64_t start_ms, int64_t end_ms,
                                  struct prom_ask *ask, struct err *e);
void prom_ask_end(struct prom_ask *ask);
/* How many of `count` results are shown; warns when that is not all. */
uint32_t prom_ask_cut(struct prom_ask *ask, uint32_t count);

#endif
