/* remote_seen.c - a table by hash; readings overlap, so that late samples are found by looking at
 * the last minutes again. */
#include "export/remote_seen.h"
#include "base/ascending.h"

static struct remote_seen_series *find_or_add(struct remote_seen *s,
                                              const struct remote_reading *reading)
{
    bool added;
    if (!vec_reserve(&s->series, 1))
        return NULL;
    uint64_t *place = map64_put(&s->places, reading->hash, &added);
    if (!place)
        return NULL;
    if (!added)
        return &s->series.items[*place];
    *place = s->series.len;
    struct remote_seen_series *series = &s->series.items[s->series.len++];
    *series = (struct remote_seen_series){
        .hash = reading->hash, .last_ms = reading->floor_ms, .known = REMOTE_SEEN_UNKNOWN};
    return series;
}

bool remote_seen_take(struct remote_seen *s, const struct remote_reading *reading,
                      struct remote_news *out)
{
    struct remote_seen_series *series = find_or_add(s, reading);
    *out = (struct remote_news){0};
    if (!series)
        return false;
    out->first = above_i64(reading->times_ms, 0, reading->count, series->last_ms);
    if (series->known != REMOTE_SEEN_UNKNOWN && out->first > series->known)
        out->out_of_order = out->first - series->known;
    if (reading->count > out->first)
        series->last_ms = reading->times_ms[reading->count - 1];
    series->known = reading->is_short
                        ? (uint32_t)REMOTE_SEEN_UNKNOWN
                        : reading->count - above_i64(reading->times_ms, 0, reading->count,
                                                     reading->next_start_ms);
    series->round = s->round;
    return true;
}

static void forget_old(struct remote_seen *s, int64_t next_start_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->series.len; i++) {
        struct remote_seen_series series = s->series.items[i];
        if (series.round != s->round && series.last_ms <= next_start_ms) {
            map64_remove(&s->places, series.hash);
            continue;
        }
        *map64_find(&s->places, series.hash) = kept;
        s->series.items[kept++] = series;
    }
    s->series.len = kept;
}

void remote_seen_end_round(struct remote_seen *s, int64_t next_start_ms)
{
    size_t met = 0;
    for (size_t i = 0; i < s->series.len; i++)
        met += s->series.items[i].round == s->round;
    if (s->series.len > 2 * met)
        forget_old(s, next_start_ms);
    s->round++;
}

void remote_seen_deinit(struct remote_seen *s)
{
    map64_deinit(&s->places);
    vec_deinit(&s->series);
    *s = (struct remote_seen){0};
}
