/* promql_notes.h - notes that several functions leave. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_NOTES_H
#define WEFT_QUERY_PROMQL_NOTES_H

#include "query/annotations.h"

/* Adds `text`, a space and the name as Go's %q writes it. */
void promql_note_name(struct annotations *notes, enum annotation_level level,
                      const struct promql_span *at, const char *text, struct str name);
/* "quantile value should be between 0 and 1, got 1.5" when it is not. */
void promql_note_quantile(struct annotations *notes, const struct promql_span *at, double q);
/* "encountered a mix of histograms and floats for metric name "x"". */
void promql_note_mixed(struct annotations *notes, const struct promql_span *at, struct str metric);
/* "ignored histograms in a range containing both floats and histograms for metric name "x"". */
void promql_note_ignored_in_range(struct annotations *notes, const struct promql_span *at,
                                  struct str metric);
/* "mismatched custom buckets were reconciled during subtraction". */
void promql_note_reconciled(struct annotations *notes, const struct promql_span *at,
                            const char *operation);
/* "sample has start time that overlaps with previous sample timestamp for metric "x"". */
void promql_note_overlap(struct annotations *notes, const struct promql_span *at,
                         struct str metric);

#endif
