/* account.h - every item has exactly one end: received = stored + sampled_out + rejected + dropped
 * + refused + pending. Source: api.md section 4. The totals belong to the data directory: the
 * collector saves and restores them. */
#ifndef WEFT_MODEL_ACCOUNT_H
#define WEFT_MODEL_ACCOUNT_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"

enum account_signal {
    SIGNAL_SPANS,
    SIGNAL_LOG_RECORDS,
    SIGNAL_METRIC_POINTS,
    SIGNAL_SAMPLES,
    SIGNAL_COUNT
};

/* The sender was told it is wrong. */
enum reject_reason {
    REJECT_INVALID_ID,
    REJECT_INVALID_PARENT_ID,
    REJECT_TOO_OLD,
    REJECT_TOO_NEW,
    REJECT_TOO_MANY_ATTRIBUTES,
    REJECT_TOO_DEEP,
    REJECT_INVALID_LABELS,   /* a series without a name, a label twice, not UTF-8 */
    REJECT_INVALID_POINT,    /* a point or histogram that contradicts itself */
    REJECT_DUPLICATE_SAMPLE, /* the time has another value already */
    REJECT_SERIES_LIMIT,     /* a new series over a limit */
    REJECT_REASON_COUNT,
};
/* Accepted, then lost for a named reason. */
enum drop_reason {
    DROP_DUPLICATE,
    DROP_LATE,
    DROP_MEMORY,
    DROP_CORRUPT_JOURNAL,
    DROP_CORRUPT_IMAGE, /* open when the image of a checkpoint was damaged */
    DROP_REASON_COUNT
};
/* The sender was told to try again. */
enum refuse_reason {
    REFUSE_MEMORY,
    REFUSE_DISK,
    REFUSE_JOURNAL_FULL,
    REFUSE_BUSY,
    REFUSE_DRAINING,
    REFUSE_REASON_COUNT
};
enum request_outcome {
    REQUEST_ACCEPTED,
    REQUEST_PARTIAL,
    REQUEST_REFUSED,
    REQUEST_REJECTED,
    REQUEST_ABORTED,
    REQUEST_OUTCOME_COUNT,
};

struct account_row {
    uint64_t received, stored, sampled_out, pending;
    uint64_t rejected[REJECT_REASON_COUNT], dropped[DROP_REASON_COUNT],
        refused[REFUSE_REASON_COUNT];
};

/* A snapshot, or a change to be added (unsigned wrap-around makes -1 possible). */
struct account_totals {
    struct account_row rows[SIGNAL_COUNT];
    uint64_t requests[REQUEST_OUTCOME_COUNT];
    uint64_t metric_requests[REQUEST_OUTCOME_COUNT]; /* those of requests[] that the series store
                                                        counted and saves */
};

struct account; /* one mutex inside: each change is one step, so that every snapshot balances */

/* All zero; the caller ends it with account_free(). NULL when memory is short. */
struct account *account_new(void);
void account_free(struct account *a);
/* Adds one row's change, which must itself balance. Any thread; once a batch, not once a span. */
void account_add(struct account *a, enum account_signal signal, const struct account_row *delta);
void account_count_request(struct account *a, enum request_outcome outcome);
/* One that the series store has applied. */
void account_count_metric_request(struct account *a, enum request_outcome outcome);
void account_read(struct account *a, struct account_totals *out);
/* Used when a data directory is opened. */
void account_restore(struct account *a, const struct account_totals *totals);
/* Replaces what the series store saves: the rows of points and samples, and metric_requests with
 * their share of requests. After account_restore(). */
void account_restore_metrics(struct account *a, const struct account_totals *totals);
/* received minus all ends: 0 unless weft is broken. */
int64_t account_difference(const struct account_row *row);

/* Words of api.md; static storage. */
const char *account_signal_name(enum account_signal s);
const char *reject_reason_name(enum reject_reason r);
const char *drop_reason_name(enum drop_reason r);
const char *refuse_reason_name(enum refuse_reason r);
const char *request_outcome_name(enum request_outcome o);

/* Self-describing (names, not positions), so that a newer weft reads an older image; see
 * docs/formats/registry.md. */
void account_encode(const struct account_totals *totals, struct buf *out);
enum status account_decode(struct cursor *in, struct account_totals *out, struct err *e);

#endif
