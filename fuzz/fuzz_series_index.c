/* fuzz_series_index.c - loads blocks of the label index's log, and states of series, of arbitrary
 * bytes. The first byte says which. No crash, and what is taken is a whole index: every series is
 * found by its labels and listed by each of its label pairs. States are written again, read back as
 * the same, and live on. */
#include "base/log.h"
#include "base/mem.h"
#include "model/series_hash.h"
#include "storage/series_exemplars.h"
#include "storage/series_index_file.h"
#include "storage/series_metadata.h"
#include "storage/series_postings.h"
#include "storage/series_states.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { SEED = 1 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check_series(struct series_index *x, uint32_t id, struct arena *arena)
{
    struct label_set set;
    must(series_index_labels(x, id, arena, &set, NULL) == ST_OK);
    struct metric_series series = {.labels = set, .hash = series_hash(set, SEED)};
    uint32_t found_id;
    must(series_index_find(x, set, series.hash) == id);
    series_index_find_many(x, &series, 1, &found_id);
    must(series_index_value(x, id, STR("no label")).len == 0 ||
         label_set_get(set, STR("no label")).len > 0);
    must(found_id == id && series_index_has(x, id) && series_index_key(x, id).id == id);
    for (uint32_t i = 0; i < set.count; i++) {
        must(str_eq(series_index_value(x, id, set.items[i].name), set.items[i].value));
        struct label_matcher m = {set.items[i].name, set.items[i].value, NULL, MATCH_EQ};
        struct id_list found;
        must(series_postings_match(x, &m, 1, arena, &found, NULL) == ST_OK);
        must(ids_contain(found, id));
    }
}

static void load_index(struct str bytes)
{
    struct series_index *x = series_index_new(SEED);
    struct arena arena = {0};
    uint32_t count;
    enum status st = series_index_load_block(x, bytes, NULL);
    must(st == ST_OK || st == ST_CORRUPT);
    struct series_index_stats stats;
    const uint32_t *ids = series_index_all(x, &count);
    series_index_stats(x, &stats);
    must(stats.series == count);
    series_index_lock(x);
    for (uint32_t i = 0; i < count && i < 64; i++)
        check_series(x, ids[i], &arena);
    series_index_unlock(x);
    arena_deinit(&arena);
    series_index_unref(x);
}

/* All that the image of series holds. */
struct state {
    struct series_states series;
    struct exemplar_ring ring;
    struct metadata_table table;
    VEC(uint32_t) ids; /* of series, ascending */
};

static bool is_low(uint32_t id, void *user)
{
    struct state *s = user;
    if (id >= 100000)
        return false;
    if (s->ids.len == 0 || s->ids.items[s->ids.len - 1] != id)
        must(vec_push(&s->ids, id));
    return true;
}

static enum status state_decode(struct state *s, struct str bytes)
{
    struct cursor in = cursor_of(bytes);
    *s = (struct state){0};
    series_states_init(&s->series, SEED);
    enum status st = series_states_decode(&s->series, &in, is_low, s, NULL);
    if (st == ST_OK)
        st = exemplars_decode(&s->ring, &in, NULL);
    if (st == ST_OK)
        st = metadata_decode(&s->table, &in, NULL);
    must(st == ST_OK || st == ST_CORRUPT);
    return st;
}

static void state_deinit(struct state *s)
{
    series_states_deinit(&s->series);
    exemplars_deinit(&s->ring);
    metadata_deinit(&s->table);
    vec_deinit(&s->ids);
}

static void state_encode(const struct state *s, struct buf *out)
{
    series_states_encode(&s->series, s->ids.items, (uint32_t)s->ids.len, out);
    exemplars_encode(&s->ring, out);
    metadata_encode(&s->table, out);
    must(!out->failed);
}

/* Numbers of series ascend: tables of hashes may be written in another order. */
static void expect_same(const struct state *a, const struct state *b)
{
    must(a->ids.len == b->ids.len && a->ring.count == b->ring.count &&
         a->table.items.len == b->table.items.len &&
         a->series.totals.count == b->series.totals.count);
    for (size_t i = 0; i < a->ids.len; i++) {
        const struct series_state *x = series_state_find(&a->series, a->ids.items[i]);
        const struct series_state *y = series_state_find(&b->series, a->ids.items[i]);
        must(x->first_ms > x->last_ms ? y->first_ms > y->last_ms
                                      : x->first_ms == y->first_ms && x->last_ms == y->last_ms &&
                                            memcmp(&x->last_value, &y->last_value, 8) == 0);
        must(x->sender == y->sender && x->last_is_histogram == y->last_is_histogram);
    }
    for (size_t i = 0; i < a->table.items.len; i++)
        must(str_eq(a->table.items.items[i].help, b->table.items.items[i].help));
}

/* Hours later nothing is active but what is fed; what is forgotten is not. */
static void live_on(struct state *s)
{
    enum { STEPS_MAX = 30000000 }; /* of 10 minutes, in 64 bits of ns */
    struct series_states *x = &s->series;
    static const char *const senders[] = {"10.0.0.1:4317", "10.0.0.2:1", "10.0.0.1:2"};
    uint16_t positions[LEN(senders)];
    for (size_t i = 0; i < LEN(senders); i++)
        positions[i] = series_sender_get(x, str_from_c(senders[i]));
    must(positions[0] == positions[2]);
    if (x->step > STEPS_MAX)
        return;
    series_states_clock(x, (x->step + UINT64_C(10)) * 600 * NS_PER_S);
    must(series_active_count(x, &x->active) == 0);
    for (size_t i = 0; i < s->ids.len; i++)
        series_state_touch(x, series_state_put(x, s->ids.items[i]));
    must(series_active_count(x, &x->active) == s->ids.len);
    for (size_t i = 0; i < s->ids.len; i += 2)
        series_state_forget(x, s->ids.items[i]);
    must(series_active_count(x, &x->active) == s->ids.len / 2);
}

/* A clock that is set back by hours begins anew; of all series but one nothing is left. */
static void set_back_and_tidy(struct state *s)
{
    struct series_states *x = &s->series;
    size_t count = s->ids.len;
    if (count == 0)
        return;
    uint32_t last = s->ids.items[count - 1];
    series_states_clock(x, UINT64_C(100) * 600 * NS_PER_S);
    series_states_clock(x, 600 * NS_PER_S);
    must(series_active_count(x, &x->active) == 0);
    for (size_t i = 0; i + 1 < count; i++)
        series_state_forget(x, s->ids.items[i]);
    series_state_touch(x, series_state_put(x, last));
    series_states_tidy(x, &last, 1, last + 1);
    must(series_state_find(x, last) && series_active_count(x, &x->active) == 1);
    must(s->ids.items[0] >> PAGE_SHIFT == last >> PAGE_SHIFT ||
         !series_state_find(x, s->ids.items[0]));
}

/* One that is not newer than the last of its series is known already. */
static void tell_exemplars(struct exemplar_ring *ring, struct str bytes)
{
    struct label label = {STR("trace_id"), bytes};
    struct metric_exemplar x = {.labels = {&label, bytes.len > 0}, .time_ms = INT64_MAX};
    uint32_t before = ring->count;
    for (int i = 0; i < 2; i++) {
        enum status st = exemplars_add(ring, 200000, &x, NULL);
        must(st == ST_OK || (st == ST_INVALID && bytes.len > EXEMPLAR_LABEL_BYTES_MAX / 2));
        must(ring->count <= before + 1);
    }
    for (int after = 0; after < 4; after++) {
        mem_fail_after(after);
        enum status st = exemplars_add(ring, 200001 + (uint32_t)after, &x, NULL);
        must(st == ST_OK || st == ST_INVALID || (st == ST_NO_MEMORY && mem_did_fail()));
        mem_fail_after(-1);
    }
}

static void grow_totals(struct state *s, struct str bytes)
{
    struct native_bucket bucket = {(int32_t)bytes.len, 1};
    struct native_histogram increase = {.count = 1, .schema = 3, .positive = {&bucket, 1}};
    const struct native_histogram *total;
    struct err e;
    for (size_t i = 0; i < s->ids.len && i < 4; i++) {
        enum status st = series_histogram_add(&s->series, s->ids.items[i], &increase, &total, &e);
        must(st == ST_OK || st == ST_INVALID);
        if (st == ST_OK)
            series_histogram_keep(&s->series, s->ids.items[i], total);
    }
}

/* The newest words count, and a metric that is known takes no place of its own. */
static void tell_metadata(struct metadata_table *t, struct str help)
{
    static char room[METADATA_TEXT_MAX + 8];
    memcpy(room, help.ptr, MIN(help.len, sizeof(room)));
    struct str texts[] = {STR("as before"), STR("as before"), {room, sizeof(room)}};
    for (size_t i = 0; i < LEN(texts); i++) {
        struct metric_metadata m = {
            .metric = STR("told"), .help = texts[i], .type = METRIC_COUNTER};
        if (metadata_put(t, &m, NULL) != ST_OK)
            abort();
        const struct kept_metadata *kept = metadata_find(t, m.metric);
        must(kept && kept->help.len <= METADATA_TEXT_MAX && str_starts_with(m.help, kept->help));
    }
}

static void load_states(struct str bytes)
{
    struct state s, back;
    struct buf out = {0};
    if (state_decode(&s, bytes) == ST_OK) {
        grow_totals(&s, bytes);
        state_encode(&s, &out);
        must(state_decode(&back, buf_str(&out)) == ST_OK);
        expect_same(&s, &back);
        live_on(&back);
        set_back_and_tidy(&back);
        tell_exemplars(&back.ring, bytes);
        tell_metadata(&back.table, bytes);
        state_deinit(&back);
    }
    buf_deinit(&out);
    state_deinit(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    log_set_level(LOG_ERROR);
    struct str bytes = {(const char *)data + 1, len - 1};
    if (data[0] & 1)
        load_states(bytes);
    else
        load_index(bytes);
    return 0;
}
