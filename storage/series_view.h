/* series_view.h - reading stored series: a consistent moment of the head and of all parts. */
#ifndef WEFT_STORAGE_SERIES_VIEW_H
#define WEFT_STORAGE_SERIES_VIEW_H

#include "base/buf.h"
#include "model/label_matcher.h"
#include "model/metric_batch.h"

struct series_store;
struct series_view; /* immutable for its holder; counted */

/* Histograms of one series that are made when they are looked at: all at once they would fill what
 * a query may hold. */
struct series_later {
    /* A slot a sample, in `arena`; the same every time. NULL when memory is short. */
    const struct native_histogram *const *(*make)(const struct series_later *self,
                                                  struct arena *arena);
    uint64_t weight; /* samples as which it counts until then */
};

/* The samples of one series in ascending time, one per time. Arrays are the arena's or the view's,
 * and live as long as both. Series that arrived together may share `times_ms` (the same pointer).
 */
struct series_data {
    struct label_set labels;
    uint32_t sample_count;
    const int64_t *times_ms;
    const double *values; /* slots of histogram samples are undefined; stale NaNs are kept */
    const struct native_histogram *const *histograms; /* NULL: only floats; else a slot a sample,
                                                          NULL where the sample is a float */
    const int64_t *starts_ms;                         /* NULL: no sample has one; 0 = not told */
    const uint32_t *ordinals; /* NULL: nothing was left out (struct series_windows); else how many
                                 samples that are no stale markers the series has before each */
    const struct series_later *later; /* NULL, or: what belongs into `histograms` */
};

struct series_list {
    struct series_data *items; /* arena */
    uint32_t count, cap;
};

/* What the asker looks at in each window. Stale markers are not counted, but those behind a sample
 * that is needed, and in the window, are needed too. */
enum series_need {
    NEED_ALL,
    NEED_ENDS,     /* the first and the last sample, and how many there are between them */
    NEED_LAST,     /* the last sample */
    NEED_LAST_TWO, /* the last two samples */
};

/* Windows (end - range, end], one a step. A source may leave out what no window needs; with
 * NEED_ENDS only where no sample that it leaves out is below the one before it. */
struct series_windows {
    enum series_need need; /* NEED_ALL: the rest says nothing */
    uint32_t count;        /* at least 1 */
    int64_t first_end_ms, step_ms, range_ms;
};

struct series_request {
    const struct label_matcher *matchers; /* borrowed; all must hold */
    uint32_t matcher_count;
    int64_t start_ms, end_ms;      /* inclusive */
    struct arena *arena;           /* of everything that is returned */
    uint64_t samples_max;          /* ST_QUERY when more would be returned; 0 = no limit */
    bool names_only;               /* labels, no samples: series that may have one in the range */
    bool takes_later;              /* the asker knows series_data.later */
    struct series_windows windows; /* all-zero: every sample of the range is looked at */
};

/* Everything applied before the call is in it. Any thread; the caller ends *out with
 * series_view_unref(). ST_NO_MEMORY. */
enum status series_view_take(struct series_store *s, struct series_view **out, struct err *e);
void series_view_unref(struct series_view *v);
/* Gives the parts back, so that who keeps an answer for long does not keep dropped files on the
 * disk: what was selected stays whole until series_view_unref(), nothing more may be asked. Without
 * memory they are kept. The view's owner. */
void series_view_release_parts(struct series_view *v);
/* Appends what matches to *out. Blocks that are damaged or cannot be read are named in the log,
 * counted in *lost and left out. Any thread, may block. ST_QUERY, ST_NO_MEMORY. */
enum status series_view_select(struct series_view *v, const struct series_request *request,
                               struct series_list *out, uint64_t *lost, struct err *e);

/* Names of labels (name.len == 0) or values of one label, over series that match (matcher_count 0:
 * all) and may have a sample in the range; sorted, distinct, at most `limit` (0 = all; *truncated
 * tells). Arena's. */
enum status series_view_labels(struct series_view *v, const struct series_request *request,
                               struct str name, uint32_t limit, struct str **out, uint32_t *count,
                               bool *truncated, struct err *e);

struct series_exemplars {
    struct label_set labels;
    struct metric_exemplar *items; /* ascending time */
    uint32_t count;
};
/* Exemplars of the series that match, in [start_ms, end_ms]. Arena's. */
enum status series_view_exemplars(struct series_view *v, const struct series_request *request,
                                  struct series_exemplars **out, uint32_t *count, struct err *e);

/* Calls for each metric's metadata, sorted by metric; `metric` empty = all. The strings are valid
 * during the call. */
void series_view_metadata(struct series_view *v, struct str metric,
                          bool (*each)(const struct metric_metadata *m, void *user), void *user);

#endif
