/* prom_sources.h - the one list of what PromQL can ask about, and the questions about names that
 * go to all of it. A new kind of series joins in prom_sources_open(). Private to query/. */
#ifndef WEFT_QUERY_PROM_SOURCES_H
#define WEFT_QUERY_PROM_SOURCES_H

#include "query/derived_series.h"
#include "query/prom_params.h"
#include "query/query.h"
#include "query/series_source.h"

enum { PROM_SOURCES_MAX = 4 };

/* Everything of one moment. One query, one thread; what was selected may point into it. */
struct prom_sources {
    struct series_view *view;      /* of the stored series; NULL without a series store */
    struct derived_series derived; /* without `live`: there are none */
    struct series_source items[PROM_SOURCES_MAX];
    size_t count;
};

/* `live` may be NULL or without a store: then edges make no series. *out may not move afterwards.
 * ST_NO_MEMORY. The caller ends *out with prom_sources_close(), whatever was returned. */
enum status prom_sources_open(const struct query_config *config, struct live_view *live,
                              struct prom_sources *out, struct err *e);
void prom_sources_close(struct prom_sources *s);
/* As promql_eval() takes them; borrows from s. */
struct series_sources prom_sources_list(const struct prom_sources *s);

/* A question about series rather than samples. */
struct prom_names_request {
    const struct prom_selectors *selectors; /* borrowed; the union of them; none: every series */
    int64_t start_ms, end_ms;
    struct arena *arena; /* of everything that is returned */
    struct query_budget *budget;
    struct annotations *notes;
};

struct prom_names {
    struct str *items; /* ascending, distinct */
    uint32_t count;
};

/* The series, labels only: sorted, distinct. ST_TIMEOUT, ST_NO_MEMORY. */
enum status prom_sources_series(const struct prom_sources *s, const struct prom_names_request *ask,
                                struct series_list *out, struct err *e);
/* Names of labels (label.len == 0), or the values of one. ST_TIMEOUT, ST_NO_MEMORY. */
enum status prom_sources_labels(const struct prom_sources *s, const struct prom_names_request *ask,
                                struct str label, struct prom_names *out, struct err *e);

#endif
