/* remote_target.h - the settings of one receiver, and where its samples come from. Plain data. */
#ifndef WEFT_EXPORT_REMOTE_TARGET_H
#define WEFT_EXPORT_REMOTE_TARGET_H

#include "export/relabel.h"
#include "model/label_matcher.h"
#include "storage/series_view.h"

enum { REMOTE_MATCH_MAX = 64, REMOTE_SOURCES_MAX = 4, REMOTE_TARGETS_MAX = 16 };

/* One selector: all matchers must hold. */
struct remote_match {
    const struct label_matcher *matchers; /* borrowed */
    uint32_t count;
};
struct remote_header {
    const char *name, *value; /* NUL-ended, borrowed */
};

/* Texts are NUL-ended and borrowed as long as the sender; NULL or empty: not set. */
struct remote_target {
    const char *url;
    const char *name;                       /* tells targets of the same URL apart */
    const char *ca_file, *user, *password;  /* basic authentication */
    const char *password_file, *token_file; /* read anew for each request */
    const struct remote_header *headers;
    const struct remote_match *match; /* a series that any of them selects; none: every series */
    const struct relabel_rule *relabel;
    struct label_set external_labels; /* for series that do not have them */
    uint32_t header_count, match_count, relabel_count;
    uint32_t protocol, timeout_ms;
    bool sends_histograms; /* native ones */
};

/* One kind of series: stored, derived, ... The sender asks for all of them up to now - lag. */
struct remote_source {
    const char *name; /* part of the cursor's name: never change it */
    /* Appends series that match, as series_view_select(). What is returned lives until release(),
     * which is called after each select, successful or not, with what it left in *held. May block.
     * ST_QUERY, ST_NO_MEMORY: a shorter time is asked for then. */
    enum status (*select)(void *user, const struct series_request *request, struct series_list *out,
                          void **held, struct err *e);
    void (*release)(void *user, void *held);
    void *user;
    int64_t lag_ms;       /* younger samples are not final */
    int64_t step_ms;      /* rounds end at multiples of it */
    int64_t late_ms;      /* how far back a round looks for samples that came late */
    int64_t retention_ms; /* older ones are gone; 0 = none are */
};

/* Calls `each` with what is known of every metric; strings are valid during the call. */
struct remote_metadata {
    void (*each)(void *user, bool (*each)(const struct metric_metadata *m, void *user), void *arg);
    void *user;
};

#endif
