/* test_series_state.c - the state file of version 1 that is kept in the repository is read, and
 * written again byte by byte. */
#include "base/fileio.h"
#include "model/account.h"
#include "storage/series_exemplars.h"
#include "storage/series_histogram_image.h"
#include "storage/series_metadata.h"
#include "storage/series_state_file.h"
#include "storage/series_states.h"
#include "tests/support/leak.h"
#include "tests/unit/storage/series_store_rig.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEED = 7, FILE_NUMBER = 5 };

static const uint64_t arrival_ns = 1700000000 * NS_PER_S;

struct content {
    struct account_totals totals;
    struct series_states states;
    struct exemplar_ring exemplars;
    struct metadata_table metadata;
};

static void content_init(struct content *c)
{
    *c = (struct content){0};
    series_states_init(&c->states, SEED);
}

static void content_deinit(struct content *c)
{
    series_states_deinit(&c->states);
    exemplars_deinit(&c->exemplars);
    metadata_deinit(&c->metadata);
}

static void put_state(struct content *c, uint32_t id, int64_t first_ms, int64_t last_ms,
                      double value, bool is_histogram)
{
    struct series_state *s = series_state_put(&c->states, id);
    cr_assert(s != NULL);
    s->first_ms = first_ms;
    s->last_ms = last_ms;
    s->last_value = value;
    s->last_is_histogram = is_histogram;
    series_state_touch(&c->states, s);
}

static void fill(struct content *c)
{
    struct label labels[] = {{STR("trace_id"), STR("00ff")}};
    struct metric_exemplar x = {{labels, 1}, 0.25, 1700000000000};
    struct metric_metadata m = {STR("x_total"), STR("How many."), STR("bytes"), 1};
    c->totals.rows[SIGNAL_SAMPLES] = (struct account_row){.received = 7, .stored = 7};
    series_states_clock(&c->states, arrival_ns);
    put_state(c, 1, 1000, 1700000000000, 42, false);
    put_state(c, 2, 1000, 1700000015000, 0.125, false);
    put_state(c, 9, -5, 1700000015000, 0, true);
    cr_assert(eq(int, exemplars_add(&c->exemplars, 2, &x, NULL), ST_OK));
    cr_assert(eq(int, metadata_put(&c->metadata, &m, NULL), ST_OK));
}

static void encode(const struct content *c, struct buf *out)
{
    static const uint32_t ids[] = {1, 2, 9};
    account_encode(&c->totals, out);
    series_states_encode(&c->states, ids, LEN(ids), out);
    exemplars_encode(&c->exemplars, out);
    metadata_encode(&c->metadata, out);
}

static bool has_all(uint32_t id, void *user)
{
    (void)id, (void)user;
    return true;
}

static void decode(struct content *c, struct str bytes)
{
    struct cursor in = cursor_of(bytes);
    cr_assert(eq(int, account_decode(&in, &c->totals, NULL), ST_OK));
    cr_assert(eq(int, series_states_decode(&c->states, &in, has_all, NULL, NULL), ST_OK));
    cr_assert(eq(int, exemplars_decode(&c->exemplars, &in, NULL), ST_OK));
    cr_assert(eq(int, metadata_decode(&c->metadata, &in, NULL), ST_OK));
    cr_expect(in.at == in.end);
}

/* Numbers are told as gaps: one that wraps, or is none, is damage. */
Test(series_state, numbers_ascend)
{
    static const struct {
        const char *name;
        uint64_t gap;
        enum status want;
    } rows[] = {{"next", 1, ST_OK}, {"same", 0, ST_CORRUPT}, {"back", UINT64_MAX, ST_CORRUPT}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct series_states states;
        struct buf bytes = {0};
        buf_append_u32(&bytes, 1);
        buf_append_varint(&bytes, 0); /* senders */
        buf_append_varint(&bytes, 2); /* series, neither with samples */
        buf_append_varint(&bytes, 7);
        buf_append(&bytes, "\0\0\0", 3);
        buf_append_varint(&bytes, rows[i].gap);
        buf_append(&bytes, "\0\0\0", 3);
        buf_append(&bytes, "\0\0", 2); /* no totals */
        struct cursor in = cursor_of(buf_str(&bytes));
        series_states_init(&states, 1);
        enum status status = series_states_decode(&states, &in, has_all, NULL, NULL);
        cr_expect_eq(status, rows[i].want, "%s", rows[i].name);
        series_states_deinit(&states);
        buf_deinit(&bytes);
    }
    EXPECT_NO_LEAK();
}

/* The version is the one number that the checksum does not cover: flipped bits of it cost nothing,
 * and before content that does not hold it is a newer weft's. */
Test(series_state, flipped_bits_of_the_head)
{
    enum { HEAD_BYTES = 48, VERSION_AT = 8, VERSION_BYTES = 4 };
    const char *golden = WEFT_SOURCE_DIR "/tests/golden/series_state_v1.bin";
    char *dir = temp_dir_make(), path[256], *bytes;
    snprintf(path, sizeof(path), "%s/state", dir);
    size_t len;
    cr_assert(eq(int, file_read_all(golden, MIB, &bytes, &len, NULL), ST_OK));
    for (size_t bit = 0; bit < HEAD_BYTES * 8; bit++) {
        size_t at = bit / 8;
        char last = bytes[len - 1];
        bool is_version = at >= VERSION_AT && at < VERSION_AT + VERSION_BYTES;
        bytes[at] = (char)(bytes[at] ^ 1 << bit % 8);
        for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
            struct buf out = {0};
            enum status want = !is_version ? ST_CORRUPT : is_damaged ? ST_UNSUPPORTED : ST_OK;
            bytes[len - 1] = (char)(is_damaged ? ~last : last);
            cr_assert(eq(int, file_write_synced(path, (struct str){bytes, len}, NULL), ST_OK));
            cr_expect_eq(series_state_read(path, FILE_NUMBER, &out, NULL), want, "bit %zu, %d", bit,
                         is_damaged);
            buf_deinit(&out);
        }
        bytes[len - 1] = last;
        bytes[at] = (char)(bytes[at] ^ 1 << bit % 8);
    }
    mem_free(bytes);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

/* Running totals of histograms that are sent as increases. */
Test(series_state, histograms_are_read_as_they_were)
{
    struct native_bucket positive[] = {{-3, 1}, {0, 2.5}, {40, 7}}, negative[] = {{5, 1}};
    double bounds[] = {-0.5, 1, 10};
    const struct native_histogram histograms[] = {
        {.schema = 3,
         .hint = RESET_GAUGE,
         .count = 12.5,
         .sum = -3,
         .zero_count = 1,
         .zero_threshold = 0.001,
         .positive = {positive, LEN(positive)},
         .negative = {negative, LEN(negative)}},
        {.schema = NATIVE_SCHEMA_CUSTOM,
         .count = 10.5,
         .sum = 99,
         .positive = {positive + 1, 1},
         .bounds = bounds,
         .bound_count = LEN(bounds)},
        {.schema = -4},
    };
    for (size_t i = 0; i < LEN(histograms); i++) {
        struct buf bytes = {0};
        struct arena arena = {0};
        const struct native_histogram *got = NULL;
        series_histogram_encode(&histograms[i], &bytes);
        struct cursor in = cursor_of(buf_str(&bytes));
        cr_assert(eq(int, series_histogram_decode(&in, &arena, &got, NULL), ST_OK), "row %zu", i);
        cr_expect(native_histogram_equal(got, &histograms[i]) == true, "row %zu", i);
        cr_expect(got->hint == histograms[i].hint, "row %zu", i);
        cr_expect(in.at == in.end, "row %zu", i);
        buf_deinit(&bytes);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

Test(series_state, golden)
{
    const char *path = WEFT_SOURCE_DIR "/tests/golden/series_state_v1.bin";
    struct content want, got;
    struct buf bytes = {0}, read = {0}, again = {0};
    uint64_t len;
    struct err e = {0};
    content_init(&want);
    fill(&want);
    encode(&want, &bytes);
    if (getenv("WEFT_UPDATE_GOLDEN"))
        cr_assert(
            eq(int, series_state_write(path, FILE_NUMBER, buf_str(&bytes), &len, NULL), ST_OK));
    cr_assert(eq(int, series_state_read(path, FILE_NUMBER, &read, &e), ST_OK), "%s", e.msg);
    cr_expect(str_eq(buf_str(&read), buf_str(&bytes)) == true, "the content is what it was");
    content_init(&got);
    decode(&got, buf_str(&read));
    encode(&got, &again);
    cr_expect(str_eq(buf_str(&again), buf_str(&bytes)) == true, "what was read says the same");
    const struct series_state *s = series_state_find(&got.states, 2);
    cr_expect(s && s->last_value == 0.125 && s->last_ms == 1700000015000);
    cr_expect(metadata_find(&got.metadata, STR("x_total")) != NULL);
    buf_deinit(&bytes);
    buf_deinit(&read);
    buf_deinit(&again);
    content_deinit(&want);
    content_deinit(&got);
    EXPECT_NO_LEAK();
}
