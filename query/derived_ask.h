/* derived_ask.h - one selection of derived series: which families, names and bounds it wants.
 * Private to query/derived_*. */
#ifndef WEFT_QUERY_DERIVED_ASK_H
#define WEFT_QUERY_DERIVED_ASK_H

#include "query/derived_buckets.h"
#include "query/derived_family.h"
#include "query/derived_series.h"

/* What a family's name may carry behind it. */
enum derived_part { PART_PLAIN = 1, PART_BUCKET = 2, PART_SUM = 4, PART_COUNT = 8 };

enum { DERIVED_FAMILIES_MAX = 32 };

struct derived_ask {
    const struct series_request *request; /* borrowed */
    unsigned parts[DERIVED_FAMILIES_MAX]; /* of each family, enum derived_part bits; 0: unwanted */
    bool native[DERIVED_FAMILIES_MAX];
    /* Those that the le matchers accept, by unit: seconds, milliseconds. Ascending, +Inf last.
     * Arena. */
    struct derived_bound *bounds[2];
    uint32_t bound_count[2];
    bool cuts_buckets; /* a bound lies on no border */
    /* Buckets that the bounds tell apart, ascending; NULL: all (native histograms are wanted).
     * Arena. */
    int32_t *apart;
    size_t apart_count;
};

/* *wanted is false when nothing can match. ST_NO_MEMORY. */
enum status derived_ask_make(const struct derived_settings *settings,
                             const struct series_request *request, struct derived_ask *out,
                             bool *wanted, struct err *e);
/* Matchers other than those on __name__ and le hold for the labels. */
bool derived_ask_accepts(const struct derived_ask *ask, const struct label *labels, uint32_t count);
/* The le matchers hold for the text. */
bool derived_ask_accepts_le(const struct derived_ask *ask, struct str le);
/* Sections and rows of cells that a kind of rows needs; 0: no family of it is wanted. */
unsigned derived_ask_sections(const struct derived_ask *ask, enum derived_rows rows);

#endif
