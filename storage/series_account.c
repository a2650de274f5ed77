/* series_account.c - what of metrics is received, pending, stored and turned down. */
#include "storage/series_store_private.h"

static enum account_signal signal_of(const struct batch *b)
{
    bool samples = b->encoding == ENCODING_REMOTE_WRITE_1 || b->encoding == ENCODING_REMOTE_WRITE_2;
    return samples ? SIGNAL_SAMPLES : SIGNAL_METRIC_POINTS;
}

static struct account_row row_of(const struct batch *b)
{
    struct account_row row = {.received = b->received,
                              .pending = b->received - batch_rejected_total(b)};
    for (size_t i = 0; i < REJECT_REASON_COUNT; i++)
        row.rejected[i] = b->rejected[i];
    return row;
}

/* sign: 1 or, by wrap-around, -1. */
static void add_row(struct account_row *to, const struct account_row *row, uint64_t sign)
{
    to->received += sign * row->received;
    to->pending += sign * row->pending;
    for (size_t i = 0; i < REJECT_REASON_COUNT; i++)
        to->rejected[i] += sign * row->rejected[i];
}

void series_account_posted(struct series_store *s, const struct batch *b)
{
    struct account_row row = row_of(b);
    pthread_mutex_lock(&s->posted_lock);
    account_add(s->config.account, signal_of(b), &row);
    add_row(&s->posted[signal_of(b)], &row, 1);
    s->outstanding++;
    s->told = MAX(s->told, b->sequence);
    pthread_mutex_unlock(&s->posted_lock);
}

/* Whatever the decoder's counts of items add up to: what was pending has exactly one end. */
static void balance(struct account_row *delta, uint64_t pending)
{
    uint64_t ends = delta->dropped[DROP_MEMORY];
    for (size_t i = 0; i < REJECT_REASON_COUNT; i++)
        ends += delta->rejected[i];
    delta->stored = pending - MIN(ends, pending);
    delta->pending = -pending;
}

void series_account_settle(struct series_store *s, const struct batch *b,
                           const struct account_row *delta, bool has_faults)
{
    struct account_row row = row_of(b), change = *delta;
    bool partial = has_faults || batch_rejected_total(b);
    balance(&change, row.pending);
    pthread_mutex_lock(&s->posted_lock);
    add_row(&s->posted[signal_of(b)], &row, (uint64_t)-1);
    if (!batch_is_own(b)) {
        account_add(s->config.account, signal_of(b), &change);
        account_count_metric_request(s->config.account,
                                     partial ? REQUEST_PARTIAL : REQUEST_ACCEPTED);
    }
    s->outstanding--;
    s->applied = b->sequence;
    pthread_mutex_unlock(&s->posted_lock);
}

void series_account_applied(struct series_store *s, struct account_totals *out)
{
    struct account_totals all;
    *out = (struct account_totals){0};
    pthread_mutex_lock(&s->posted_lock);
    account_read(s->config.account, &all);
    static const enum account_signal own[] = {SIGNAL_METRIC_POINTS, SIGNAL_SAMPLES};
    for (size_t i = 0; i < LEN(own); i++) {
        out->rows[own[i]] = all.rows[own[i]];
        add_row(&out->rows[own[i]], &s->posted[own[i]], (uint64_t)-1);
    }
    memcpy(out->metric_requests, all.metric_requests, sizeof(out->metric_requests));
    pthread_mutex_unlock(&s->posted_lock);
}
