/* promql_histogram_total.c - sum and average of many native histograms. */
#include "query/promql_histogram.h"
#include "query/promql_notes.h"

/* As a plain sum as long as none overflows; the mean so far from then on. */
static enum status add_to_average(struct histogram_total *t, const struct native_histogram *h)
{
    if (!t->is_mean && t->count > 1) {
        bool fits;
        TRY(native_sum_try_add(&t->sum, h, 1, &fits));
        if (fits)
            return ST_OK;
        t->is_mean = true;
        native_sum_scale(&t->sum, 1 / (t->count - 1));
    }
    if (!t->is_mean)
        return native_sum_add(&t->sum, h, 1);
    /* Divided, not multiplied with an inverse: opposite numbers have to cancel out. */
    const struct native_histogram *part = native_histogram_divide(h, t->count, t->sum.arena);
    if (!part)
        return ST_NO_MEMORY;
    native_sum_scale(&t->sum, (t->count - 1) / t->count);
    return native_sum_add(&t->sum, part, 1);
}

enum status histogram_total_add(struct histogram_total *t, const struct native_histogram *h)
{
    if (t->is_mixed)
        return ST_OK;
    t->count++;
    enum status status = t->is_average ? add_to_average(t, h) : native_sum_add(&t->sum, h, 1);
    if (status != ST_INVALID)
        return status;
    t->is_mixed = true;
    return ST_OK;
}

void histogram_note_mixed(const struct histogram_ask *ask)
{
    histogram_note(ask, ANNOTATION_WARNING,
                   "vector contains a mix of histograms with exponential and custom buckets "
                   "schemas");
}

enum status histogram_total_take(const struct histogram_total *t, const struct histogram_ask *ask,
                                 struct native_histogram **out)
{
    *out = NULL;
    if (t->sum.is_reconciled)
        promql_note_reconciled(ask->notes, ask->at, "aggregation");
    if (t->is_mixed || t->count == 0)
        return ST_OK;
    if (t->sum.reset_seen && t->sum.no_reset_seen)
        annotations_add(ask->notes, ANNOTATION_WARNING, ask->at,
                        "conflicting counter resets during histogram aggregation");
    *out = native_sum_take(&t->sum);
    if (*out && t->is_average && !t->is_mean)
        *out = native_histogram_divide(*out, t->count, ask->arena);
    return *out ? ST_OK : ST_NO_MEMORY;
}
