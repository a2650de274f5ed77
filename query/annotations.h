/* annotations.h - warnings and infos that a query collects on its way; each text once. Texts and
 * their places are Prometheus' ("PromQL warning: ... (1:5)"). Private to query/. */
#ifndef WEFT_QUERY_ANNOTATIONS_H
#define WEFT_QUERY_ANNOTATIONS_H

#include "base/arena.h"
#include "base/json_write.h"

enum annotation_level { ANNOTATION_WARNING, ANNOTATION_INFO };

/* Bytes [start, end) of the query text. */
struct promql_span {
    uint32_t start, end;
};

/* What was mended of all samples that a note is about. */
struct annotation_mended {
    double low, high; /* the buckets in question */
    double most;      /* by which a count was changed */
    int64_t from_ms, to_ms;
    uint64_t samples;
};

struct annotation {
    struct str text; /* arena */
    enum annotation_level level;
    size_t said;                      /* bytes of the text before its place */
    uint32_t end;                     /* of the place, in the query */
    struct annotation_mended *mended; /* arena; NULL: the note tells no such thing */
};

enum { ANNOTATIONS_MAX = 200 };

/* `query` is needed to tell line and column; one thread at a time. */
struct annotations {
    struct arena *arena; /* borrowed */
    struct str query;    /* borrowed */
    struct annotation items[ANNOTATIONS_MAX];
    size_t count;
    bool overflowed;
};

/* Empty; both are borrowed as long as `a`. */
void annotations_init(struct annotations *a, struct arena *arena, struct str query);
/* Adds the text once, whatever its places are: the one that ends last, and so is run last, is told,
 * as " (line:column)" of at->start. The prefix "PromQL warning: " or "PromQL info: " is written
 * here.
 */
void annotations_add(struct annotations *a, enum annotation_level level,
                     const struct promql_span *at, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Adds an info about what was mended, told once for all samples at the first of its places. `text`
 * is copied. */
void annotations_add_mended(struct annotations *a, const struct promql_span *at,
                            const struct annotation_mended *mended, struct str text);
/* The same with the text as it is: what has no place in the query. `text` is copied. */
void annotations_add_plain(struct annotations *a, enum annotation_level level, struct str text);
/* Appends the whole text of a note. */
void annotation_append(const struct annotation *n, struct buf *out);
/* The members "warnings" and "infos" of the object that is open, each only when there are any: at
 * most ten, then one line that tells how many were left out. */
void annotations_write(const struct annotations *a, struct json_writer *w);

#endif
