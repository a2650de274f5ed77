/* series_apply.c - one batch of metrics becomes series, samples, exemplars and metadata. */
#include "model/stale.h"
#include "storage/series_store_private.h"
#include <stdio.h>
#include <stdlib.h>

enum { AHEAD = 8, TOO_NEW_MS = 600000, SORT_MIN = 64 };

/* Without a retention: no difference of two times overflows, INT64_MIN stays the mark of none. */
static const int64_t oldest_time_ms = INT64_MIN / 4;

struct apply {
    struct series_store *s;
    struct metric_outcome *outcome;
    struct account_row *delta;
    int64_t newest_ms, oldest_ms; /* what is taken */
    uint32_t *ids;                /* by series of the batch; 0: turned down */
    enum sample_fault refused;    /* of the series whose id is 0 */
    uint16_t sender;
};

/* --- what is said to the sender --- */

static void explain(struct apply *a, enum sample_fault fault, const struct metric_series *m,
                    int64_t time_ms)
{
    struct str metric = str_sub(label_set_metric(m->labels), 0, 80);
    char *out = a->outcome->message;
    size_t cap = sizeof(a->outcome->message);
    switch (fault) {
    case SAMPLE_DUPLICATE_OTHER_VALUE:
        snprintf(out, cap, "duplicate sample for timestamp: %.*s at %lld has another value",
                 STR_ARG(metric), (long long)time_ms);
        break;
    case SAMPLE_TOO_OLD:
        snprintf(out, cap, "too old sample: %.*s at %lld", STR_ARG(metric), (long long)time_ms);
        break;
    case SAMPLE_TOO_NEW:
        snprintf(out, cap, "sample of %.*s at %lld is more than 10 minutes ahead", STR_ARG(metric),
                 (long long)time_ms);
        break;
    case SAMPLE_SERIES_LIMIT:
        snprintf(out, cap, "the limit of series is reached: %.*s is new and not taken",
                 STR_ARG(metric));
        break;
    default:
        snprintf(out, cap, "no memory for samples of %.*s", STR_ARG(metric));
        break;
    }
}

static void note_fault(struct apply *a, enum sample_fault fault, const struct metric_series *m,
                       uint32_t count, int64_t time_ms)
{
    if (count && a->outcome->message[0] == '\0')
        explain(a, fault, m, time_ms);
    a->outcome->faults[fault] += count;
}

/* The account counts points: those of a series are the samples that went wrong, as far as it stands
 * for that many. */
static void count_items(struct apply *a, const struct metric_series *m, const uint32_t *faults)
{
    static const int reasons[SAMPLE_FAULT_COUNT] = {
        [SAMPLE_DUPLICATE_OTHER_VALUE] = REJECT_DUPLICATE_SAMPLE,
        [SAMPLE_TOO_OLD] = REJECT_TOO_OLD,
        [SAMPLE_TOO_NEW] = REJECT_TOO_NEW,
        [SAMPLE_SERIES_LIMIT] = REJECT_SERIES_LIMIT,
    };
    uint32_t left = m->item_count;
    for (int f = SAMPLE_OK + 1; f < SAMPLE_FAULT_COUNT && left; f++) {
        uint32_t wrong = MIN(faults[f], left);
        left -= wrong;
        if (f == SAMPLE_NO_MEMORY)
            a->delta->dropped[DROP_MEMORY] += wrong;
        else
            a->delta->rejected[reasons[f]] += wrong;
    }
    a->delta->stored += left;
}

/* --- series --- */

static bool is_over_limit(struct apply *a)
{
    const struct series_settings *limits = &a->s->config.settings;
    const struct series_states *states = &a->s->states;
    if (limits->max_active && series_active_count(states, &states->active) >= limits->max_active)
        return true;
    return limits->max_per_sender && a->sender &&
           series_active_count(states, &states->senders.items[a->sender].active) >=
               limits->max_per_sender;
}

/* It counts as active at once, so that one batch cannot bring more than the limit. */
static bool state_make(struct apply *a, uint32_t id)
{
    struct series_store *s = a->s;
    pthread_mutex_lock(&s->head_lock);
    struct series_state *state = series_state_put(&s->states, id);
    if (state) {
        state->sender = a->sender;
        series_state_touch(&s->states, state);
    }
    pthread_mutex_unlock(&s->head_lock);
    return state;
}

/* Number of a series that the look-up of the whole batch did not know; 0: turned down. */
static uint32_t series_new(struct apply *a, const struct metric_series *m)
{
    struct series_store *s = a->s;
    uint32_t known = series_index_find(s->index, m->labels, m->hash); /* twice in one batch */
    if (known)
        return known;
    a->refused = SAMPLE_SERIES_LIMIT;
    if (is_over_limit(a) || s->next_id == UINT32_MAX)
        return 0;
    a->refused = SAMPLE_NO_MEMORY;
    if (!state_make(a, s->next_id) ||
        series_index_add(s->index, s->next_id, m->labels, m->hash, NULL) != ST_OK)
        return 0;
    return s->next_id++;
}

/* --- samples --- */

static enum sample_fault fault_of(enum head_put put)
{
    return put == HEAD_DIFFERS     ? SAMPLE_DUPLICATE_OTHER_VALUE
           : put == HEAD_NO_MEMORY ? SAMPLE_NO_MEMORY
                                   : SAMPLE_OK;
}

static bool bits_eq(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Not behind the series' last sample. The last one itself is known by heart; what the heads do not
 * have any more may be in a part: then the newer one wins when it is read, which costs the sender
 * of another value his answer, but nobody a look into files. */
static enum head_put put_late(struct apply *a, const struct series_state *state,
                              struct head_slot *slot, const struct sample *x)
{
    if (x->time_ms == state->last_ms && !x->histogram && !state->last_is_histogram)
        return bits_eq(x->value, state->last_value) ? HEAD_KNOWN : HEAD_DIFFERS;
    if (a->s->frozen) {
        enum head_put frozen = series_head_compare(series_head_find(a->s->frozen, slot->id), x);
        if (frozen != HEAD_STORED)
            return frozen;
    }
    return series_head_put(a->s->head, slot, x);
}

static void note_stored(struct series_state *state, const struct sample *x)
{
    if (x->time_ms >= state->last_ms) {
        state->last_ms = x->time_ms;
        state->last_value = x->value;
        state->last_is_histogram = x->histogram;
    }
    state->first_ms = MIN(state->first_ms, x->time_ms);
}

static enum sample_fault put_sample(struct apply *a, struct series_state *state,
                                    struct head_slot *slot, const struct sample *x)
{
    if (x->time_ms > a->newest_ms)
        return SAMPLE_TOO_NEW;
    if (x->time_ms < a->oldest_ms)
        return SAMPLE_TOO_OLD;
    enum head_put put = LIKELY(x->time_ms > state->last_ms) ? series_head_put(a->s->head, slot, x)
                                                            : put_late(a, state, slot, x);
    if (put == HEAD_STORED)
        note_stored(state, x);
    return fault_of(put);
}

/* --- increases --- */

/* A moment that is there already is the same request once more; one before the last cannot be added
 * to the total that was already told. */
static enum sample_fault late_increase(struct apply *a, const struct series_state *state,
                                       const struct head_slot *slot, const struct sample *x)
{
    const struct head_slot *frozen = a->s->frozen ? series_head_find(a->s->frozen, slot->id) : NULL;
    bool known = x->time_ms == state->last_ms || series_head_compare(slot, x) != HEAD_STORED ||
                 series_head_compare(frozen, x) != HEAD_STORED;
    return known ? SAMPLE_OK : SAMPLE_TOO_OLD;
}

/* A total counts once it is stored: what is turned down comes again. */
static enum sample_fault put_histogram_increase(struct apply *a, struct series_state *state,
                                                struct head_slot *slot, const struct sample *x)
{
    struct series_states *states = &a->s->states;
    struct sample total = {.time_ms = x->time_ms};
    if (series_histogram_add(states, slot->id, x->histogram, &total.histogram, NULL) != ST_OK)
        return SAMPLE_NO_MEMORY;
    enum sample_fault fault = put_sample(a, state, slot, &total);
    if (fault == SAMPLE_OK)
        series_histogram_keep(states, slot->id, total.histogram);
    return fault;
}

static enum sample_fault put_float_increase(struct apply *a, struct series_state *state,
                                            struct head_slot *slot, const struct sample *x)
{
    bool added;
    uint64_t *bits = map64_put(&a->s->states.totals, slot->id, &added);
    if (!bits)
        return SAMPLE_NO_MEMORY;
    double sum;
    memcpy(&sum, bits, sizeof(sum));
    struct sample total = {.time_ms = x->time_ms, .value = sum + x->value};
    enum sample_fault fault = put_sample(a, state, slot, &total);
    if (fault == SAMPLE_OK)
        memcpy(bits, &total.value, sizeof(*bits));
    return fault;
}

static enum sample_fault put_increase(struct apply *a, struct series_state *state,
                                      struct head_slot *slot, const struct sample *x)
{
    if (x->time_ms <= state->last_ms)
        return late_increase(a, state, slot, x);
    bool stale = x->histogram ? native_histogram_is_stale(x->histogram) : value_is_stale(x->value);
    if (stale || x->time_ms > a->newest_ms || x->time_ms < a->oldest_ms)
        return put_sample(a, state, slot, x);
    return x->histogram ? put_histogram_increase(a, state, slot, x)
                        : put_float_increase(a, state, slot, x);
}

/* --- one series --- */

static void refuse_series(struct apply *a, const struct metric_series *m, enum sample_fault fault)
{
    uint32_t faults[SAMPLE_FAULT_COUNT] = {0};
    faults[fault] = MAX(m->sample_count, m->item_count);
    count_items(a, m, faults);
    note_fault(a, fault, m, m->sample_count, m->sample_count ? m->samples[0].time_ms : 0);
}

static void put_exemplars(struct apply *a, const struct metric_series *m, uint32_t id)
{
    for (uint32_t i = 0; i < m->exemplar_count; i++)
        a->outcome->exemplars +=
            exemplars_add(&a->s->exemplars, id, &m->exemplars[i], NULL) == ST_OK;
}

static int by_time(const void *a, const void *b, void *samples)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int64_t s = ((const struct sample *)samples)[x].time_ms;
    int64_t t = ((const struct sample *)samples)[y].time_ms;
    return s != t ? (s < t ? -1 : 1) : (x > y) - (x < y);
}

/* Many samples in order of time, those of one moment as they came; NULL: so they are already, or
 * memory is short. Increases stay as they are: a late one is not taken. */
static uint32_t *order_of(struct apply *a, const struct metric_series *m)
{
    uint32_t sorted = 1;
    while (sorted < m->sample_count && m->samples[sorted - 1].time_ms <= m->samples[sorted].time_ms)
        sorted++;
    if (LIKELY(sorted >= m->sample_count) || m->sample_count < SORT_MIN || m->is_delta)
        return NULL;
    uint32_t *order = arena_alloc(&a->s->scratch, m->sample_count * sizeof(*order));
    for (uint32_t i = 0; order && i < m->sample_count; i++)
        order[i] = i;
    if (order)
        qsort_r(order, m->sample_count, sizeof(*order), by_time, (void *)m->samples);
    return order;
}

static void put_series(struct apply *a, const struct metric_series *m, uint32_t id)
{
    uint32_t faults[SAMPLE_FAULT_COUNT] = {0};
    struct series_state *state = series_state_put(&a->s->states, id);
    struct head_slot *slot =
        state && m->sample_count ? series_head_slot(a->s->head, id, m->sample_count) : NULL;
    put_exemplars(a, m, id);
    if (!state || (!slot && m->sample_count)) {
        refuse_series(a, m, SAMPLE_NO_MEMORY);
        return;
    }
    series_state_touch(&a->s->states, state);
    const uint32_t *order = order_of(a, m);
    for (uint32_t i = 0; i < m->sample_count; i++) {
        const struct sample *x = &m->samples[order ? order[i] : i];
        enum sample_fault fault =
            m->is_delta ? put_increase(a, state, slot, x) : put_sample(a, state, slot, x);
        if (LIKELY(fault == SAMPLE_OK)) {
            a->outcome->histograms += x->histogram != NULL;
            a->outcome->samples += x->histogram == NULL;
        } else {
            faults[fault]++;
            note_fault(a, fault, m, 1, x->time_ms);
        }
    }
    series_head_settle(a->s->head);
    count_items(a, m, faults);
}

/* The next ones' memory is asked for while this one is worked on. */
static void prefetch(const struct apply *a, uint32_t id)
{
    __builtin_prefetch(pages_find(&a->s->states.states, id), 1);
    __builtin_prefetch(pages_find(&a->s->head->slot_of, id), 1);
}

static void prefetch_slot(const struct apply *a, uint32_t id)
{
    const struct head_slot *slot = series_head_find(a->s->head, id);
    if (slot)
        __builtin_prefetch(slot, 1);
}

static void put_all(struct apply *a, const struct metric_batch *m)
{
    for (uint32_t i = 0; i < m->series_count; i++) {
        if (i + AHEAD < m->series_count)
            prefetch(a, a->ids[i + AHEAD]);
        if (i + AHEAD / 2 < m->series_count)
            prefetch_slot(a, a->ids[i + AHEAD / 2]);
        if (a->ids[i])
            put_series(a, &m->series[i], a->ids[i]);
    }
    for (uint32_t i = 0; i < m->metadata_count; i++)
        (void)metadata_put(&a->s->metadata, &m->metadata[i], NULL);
}

static bool find_all(struct apply *a, const struct metric_batch *m)
{
    a->ids = arena_alloc(&a->s->scratch, m->series_count * sizeof(*a->ids));
    if (!a->ids)
        return false;
    series_index_find_many(a->s->index, m->series, m->series_count, a->ids);
    for (uint32_t i = 0; i < m->series_count; i++) {
        if (a->ids[i])
            continue;
        a->ids[i] = series_new(a, &m->series[i]);
        if (!a->ids[i])
            refuse_series(a, &m->series[i], a->refused);
    }
    return true;
}

void series_apply(struct series_store *s, const struct batch *b, struct metric_outcome *outcome,
                  struct account_row *delta)
{
    const struct metric_batch *m = b->metrics;
    int64_t arrival_ms = (int64_t)(b->arrival_ns / NS_PER_MS);
    int64_t keep_ms = (int64_t)(s->config.retention_ns / NS_PER_MS);
    struct apply a = {.s = s, .outcome = outcome, .delta = delta};
    a.newest_ms = arrival_ms + TOO_NEW_MS;
    a.oldest_ms = keep_ms ? arrival_ms - keep_ms : oldest_time_ms;
    arena_reset(&s->scratch);
    pthread_mutex_lock(&s->head_lock);
    series_states_clock(&s->states, b->arrival_ns);
    a.sender = series_sender_get(&s->states, b->sender);
    pthread_mutex_unlock(&s->head_lock);
    if (!find_all(&a, m)) {
        for (uint32_t i = 0; i < m->series_count; i++)
            refuse_series(&a, &m->series[i], SAMPLE_NO_MEMORY);
        return;
    }
    pthread_mutex_lock(&s->head_lock);
    put_all(&a, m);
    pthread_mutex_unlock(&s->head_lock);
    s->dirty = true;
}
