/* account.c - the totals of api.md section 4 behind one mutex, and their names. */
#include "model/account.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdio.h>

struct account {
    pthread_mutex_t lock; /* innermost: nothing is locked under it */
    struct account_totals totals;
};

struct account *account_new(void)
{
    struct account *a = mem_calloc(1, sizeof(*a));
    if (a)
        pthread_mutex_init(&a->lock, NULL);
    return a;
}

void account_free(struct account *a)
{
    if (!a)
        return;
    pthread_mutex_destroy(&a->lock);
    mem_free(a);
}

static void add_all(uint64_t *to, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

static uint64_t sum(const uint64_t *values, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += values[i];
    return total;
}

void account_add(struct account *a, enum account_signal signal, const struct account_row *delta)
{
    struct account_row *row = &a->totals.rows[signal];
    pthread_mutex_lock(&a->lock);
    row->received += delta->received;
    row->stored += delta->stored;
    row->sampled_out += delta->sampled_out;
    row->pending += delta->pending;
    add_all(row->rejected, delta->rejected, REJECT_REASON_COUNT);
    add_all(row->dropped, delta->dropped, DROP_REASON_COUNT);
    add_all(row->refused, delta->refused, REFUSE_REASON_COUNT);
    pthread_mutex_unlock(&a->lock);
}

void account_count_request(struct account *a, enum request_outcome outcome)
{
    pthread_mutex_lock(&a->lock);
    a->totals.requests[outcome]++;
    pthread_mutex_unlock(&a->lock);
}

void account_count_metric_request(struct account *a, enum request_outcome outcome)
{
    pthread_mutex_lock(&a->lock);
    a->totals.requests[outcome]++;
    a->totals.metric_requests[outcome]++;
    pthread_mutex_unlock(&a->lock);
}

void account_read(struct account *a, struct account_totals *out)
{
    pthread_mutex_lock(&a->lock);
    *out = a->totals;
    pthread_mutex_unlock(&a->lock);
}

void account_restore(struct account *a, const struct account_totals *totals)
{
    pthread_mutex_lock(&a->lock);
    a->totals = *totals;
    pthread_mutex_unlock(&a->lock);
}

void account_restore_metrics(struct account *a, const struct account_totals *totals)
{
    pthread_mutex_lock(&a->lock);
    a->totals.rows[SIGNAL_METRIC_POINTS] = totals->rows[SIGNAL_METRIC_POINTS];
    a->totals.rows[SIGNAL_SAMPLES] = totals->rows[SIGNAL_SAMPLES];
    for (size_t i = 0; i < REQUEST_OUTCOME_COUNT; i++) {
        a->totals.requests[i] += totals->metric_requests[i] - a->totals.metric_requests[i];
        a->totals.metric_requests[i] = totals->metric_requests[i];
    }
    pthread_mutex_unlock(&a->lock);
}

int64_t account_difference(const struct account_row *row)
{
    uint64_t ends = row->stored + row->sampled_out + row->pending +
                    sum(row->rejected, REJECT_REASON_COUNT) + sum(row->dropped, DROP_REASON_COUNT) +
                    sum(row->refused, REFUSE_REASON_COUNT);
    return (int64_t)(row->received - ends);
}

const char *account_signal_name(enum account_signal s)
{
    static const char *const names[SIGNAL_COUNT] = {
        [SIGNAL_SPANS] = "spans",
        [SIGNAL_LOG_RECORDS] = "log_records",
        [SIGNAL_METRIC_POINTS] = "metric_points",
        [SIGNAL_SAMPLES] = "samples",
    };
    return names[s];
}

const char *reject_reason_name(enum reject_reason r)
{
    static const char *const names[REJECT_REASON_COUNT] = {
        [REJECT_INVALID_ID] = "invalid_id",
        [REJECT_INVALID_PARENT_ID] = "invalid_parent_id",
        [REJECT_TOO_OLD] = "too_old",
        [REJECT_TOO_NEW] = "too_new",
        [REJECT_TOO_MANY_ATTRIBUTES] = "too_many_attributes",
        [REJECT_TOO_DEEP] = "too_deep",
        [REJECT_INVALID_LABELS] = "invalid_labels",
        [REJECT_INVALID_POINT] = "invalid_point",
        [REJECT_DUPLICATE_SAMPLE] = "duplicate_sample",
        [REJECT_SERIES_LIMIT] = "series_limit",
    };
    return names[r];
}

const char *drop_reason_name(enum drop_reason r)
{
    static const char *const names[DROP_REASON_COUNT] = {
        [DROP_DUPLICATE] = "duplicate",
        [DROP_LATE] = "late",
        [DROP_MEMORY] = "memory",
        [DROP_CORRUPT_JOURNAL] = "corrupt_journal",
        [DROP_CORRUPT_IMAGE] = "corrupt_image",
    };
    return names[r];
}

const char *refuse_reason_name(enum refuse_reason r)
{
    static const char *const names[REFUSE_REASON_COUNT] = {
        [REFUSE_MEMORY] = "memory",
        [REFUSE_DISK] = "disk",
        [REFUSE_JOURNAL_FULL] = "journal_full",
        [REFUSE_BUSY] = "busy",
        [REFUSE_DRAINING] = "draining",
    };
    return names[r];
}

const char *request_outcome_name(enum request_outcome o)
{
    static const char *const names[REQUEST_OUTCOME_COUNT] = {
        [REQUEST_ACCEPTED] = "accepted", [REQUEST_PARTIAL] = "partial",
        [REQUEST_REFUSED] = "refused",   [REQUEST_REJECTED] = "rejected",
        [REQUEST_ABORTED] = "aborted",
    };
    return names[o];
}

/* One counter and the name it has in an image, as "spans.rejected.too_old". */
struct counter {
    char name[64];
    uint64_t *value; /* in the totals it was listed from */
};

enum {
    ROW_COUNTERS = 4 + REJECT_REASON_COUNT + DROP_REASON_COUNT + REFUSE_REASON_COUNT,
    COUNTERS = SIGNAL_COUNT * ROW_COUNTERS + 2 * REQUEST_OUTCOME_COUNT,
};

static struct counter *name_counter(struct counter *c, uint64_t *value, const char *group,
                                    const char *end, const char *reason)
{
    c->value = value;
    snprintf(c->name, sizeof(c->name), "%s.%s%s%s", group, end, *reason ? "." : "", reason);
    return c + 1;
}

static struct counter *list_row(struct counter *c, struct account_row *row, const char *signal)
{
    c = name_counter(c, &row->received, signal, "received", "");
    c = name_counter(c, &row->stored, signal, "stored", "");
    c = name_counter(c, &row->sampled_out, signal, "sampled_out", "");
    c = name_counter(c, &row->pending, signal, "pending", "");
    for (unsigned i = 0; i < REJECT_REASON_COUNT; i++)
        c = name_counter(c, &row->rejected[i], signal, "rejected", reject_reason_name(i));
    for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
        c = name_counter(c, &row->dropped[i], signal, "dropped", drop_reason_name(i));
    for (unsigned i = 0; i < REFUSE_REASON_COUNT; i++)
        c = name_counter(c, &row->refused[i], signal, "refused", refuse_reason_name(i));
    return c;
}

static void list_counters(struct account_totals *totals, struct counter counters[COUNTERS])
{
    struct counter *c = counters;
    for (unsigned s = 0; s < SIGNAL_COUNT; s++)
        c = list_row(c, &totals->rows[s], account_signal_name(s));
    for (unsigned o = 0; o < REQUEST_OUTCOME_COUNT; o++)
        c = name_counter(c, &totals->requests[o], "requests", request_outcome_name(o), "");
    for (unsigned o = 0; o < REQUEST_OUTCOME_COUNT; o++)
        c = name_counter(c, &totals->metric_requests[o], "metric_requests", request_outcome_name(o),
                         "");
}

void account_encode(const struct account_totals *totals, struct buf *out)
{
    struct account_totals copy = *totals;
    struct counter counters[COUNTERS];
    list_counters(&copy, counters);
    buf_append_varint(out, COUNTERS);
    for (size_t i = 0; i < COUNTERS; i++) {
        buf_append_lenstr(out, str_from_c(counters[i].name));
        buf_append_varint(out, *counters[i].value);
    }
}

static bool set_counter(struct counter counters[COUNTERS], struct str name, uint64_t value)
{
    for (size_t i = 0; i < COUNTERS; i++) {
        if (!str_eq(name, str_from_c(counters[i].name)))
            continue;
        *counters[i].value = value;
        return true;
    }
    return false;
}

enum status account_decode(struct cursor *in, struct account_totals *out, struct err *e)
{
    struct counter counters[COUNTERS];
    *out = (struct account_totals){0};
    list_counters(out, counters);
    uint64_t count = cursor_varint(in);
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        struct str name = cursor_lenstr(in);
        uint64_t value = cursor_varint(in);
        /* Names are only ever added: an unknown one would leave the account out of balance. */
        if (!in->failed && !set_counter(counters, name, value))
            return err_set(e, ST_CORRUPT, "account: unknown counter '%.*s'",
                           (int)MIN(name.len, (size_t)64), name.ptr);
    }
    return in->failed ? err_set(e, ST_CORRUPT, "account: the image ends too early") : ST_OK;
}
