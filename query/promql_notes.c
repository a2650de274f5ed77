/* promql_notes.c - texts of notes that several functions leave. */
#include "query/promql_notes.h"
#include "base/number_text.h"
#include "query/promql_quote.h"

void promql_note_name(struct annotations *notes, enum annotation_level level,
                      const struct promql_span *at, const char *text, struct str name)
{
    struct buf quoted = {0};
    promql_quote(name, &quoted);
    annotations_add(notes, level, at, "%s %.*s", text, STR_ARG(quoted));
    buf_deinit(&quoted);
}

void promql_note_quantile(struct annotations *notes, const struct promql_span *at, double q)
{
    struct buf number = {0};
    if (q >= 0 && q <= 1)
        return;
    number_append_general(&number, q);
    annotations_add(notes, ANNOTATION_WARNING, at,
                    "quantile value should be between 0 and 1, got %.*s", STR_ARG(number));
    buf_deinit(&number);
}

void promql_note_mixed(struct annotations *notes, const struct promql_span *at, struct str metric)
{
    promql_note_name(notes, ANNOTATION_WARNING, at,
                     "encountered a mix of histograms and floats for metric name", metric);
}

void promql_note_ignored_in_range(struct annotations *notes, const struct promql_span *at,
                                  struct str metric)
{
    promql_note_name(notes, ANNOTATION_INFO, at,
                     "ignored histograms in a range containing both floats and histograms for "
                     "metric name",
                     metric);
}

void promql_note_reconciled(struct annotations *notes, const struct promql_span *at,
                            const char *operation)
{
    annotations_add(notes, ANNOTATION_INFO, at,
                    "mismatched custom buckets were reconciled during %s", operation);
}

void promql_note_overlap(struct annotations *notes, const struct promql_span *at, struct str metric)
{
    promql_note_name(notes, ANNOTATION_WARNING, at,
                     "sample has start time that overlaps with previous sample timestamp for "
                     "metric",
                     metric);
}
