/* test_series_part.c - what a part was given is read back bit by bit, whole or in pieces; damage is
 * found. */
#include "storage/series_part.h"

#include "base/fileio.h"
#include "base/log.h"
#include "support/alloc_walk.h"
#include "support/leak.h"
#include "tests/unit/storage/journal_rig.h"
#include "tests/unit/storage/series_rig.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEP_MS = 15000 };
static const int64_t START_MS = INT64_C(1700000000000);
static const double BOUNDS[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

static struct series_rig everything(uint64_t seed, uint32_t count)
{
    struct series_rig r = series_rig_new(seed);
    int64_t *times = series_rig_times(&r, count, START_MS, STEP_MS);
    int64_t *late = series_rig_times(&r, count, START_MS + 7, STEP_MS);
    for (uint32_t i = 0; i < count; i++)
        late[i] += (int64_t)(series_rig_random(&r) % 100);
    series_rig_add_floats(&r, times, count);
    series_rig_add_classic(&r, times, count, BOUNDS, LEN(BOUNDS));
    series_rig_add_classic(&r, late, count, BOUNDS, LEN(BOUNDS) - 2);
    series_rig_add_floats(&r, late, count);
    series_rig_add_native(&r, times, count, false);
    series_rig_add_native(&r, late, count, true);
    series_rig_add_floats(&r, times, 1);
    return r;
}

Test(series_part, everything_comes_back)
{
    static const uint32_t counts[] = {1, 2, 3, 8, 9, 10, 17, 64, 65, 300, 960, 5000};
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    for (size_t i = 0; i < LEN(counts); i++)
        for (enum series_effort effort = EFFORT_FAST; effort <= EFFORT_SEALED; effort++) {
            struct series_rig r = everything(i + 1, counts[i]);
            struct series_part *p = series_rig_part(&r, path, effort);
            int64_t end_ms = START_MS + (int64_t)counts[i] * STEP_MS;
            series_rig_expect(&r, p, INT64_MIN, INT64_MAX);
            series_rig_expect(&r, p, START_MS + (end_ms - START_MS) / 3, end_ms - 2 * STEP_MS);
            struct series_part_info info = series_part_info(p);
            cr_assert_eq(info.series, r.runs.len);
            cr_assert_eq(info.min_time_ms, START_MS);
            series_part_unref(series_part_ref(p));
            series_part_unref(p);
            series_rig_free(&r);
        }
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

static enum status count_run(const struct series_run *run, void *user, struct err *e)
{
    (void)run, (void)e;
    ++*(size_t *)user;
    return ST_OK;
}

struct one_run {
    const struct series_run *want;
    unsigned seen;
};

static enum status expect_one(const struct series_run *run, void *user, struct err *e)
{
    struct one_run *x = user;
    (void)e;
    series_rig_expect_run(x->want, run, INT64_MIN, INT64_MAX);
    x->seen++;
    return ST_OK;
}

Test(series_part, each_series_alone)
{
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    struct series_rig r = everything(5, 700);
    struct series_part *p = series_rig_part(&r, path, EFFORT_SEALED);
    for (size_t i = 0; i < r.runs.len; i++) {
        struct one_run x = {.want = &r.runs.items[i]};
        struct series_key keys[] = {{r.runs.items[i].key.family, 0, NAN},
                                    r.runs.items[i].key,
                                    {UINT32_MAX, UINT32_MAX, NAN}};
        struct series_part_read read = {.keys = keys,
                                        .key_count = LEN(keys),
                                        .start_ms = INT64_MIN,
                                        .end_ms = INT64_MAX,
                                        .each = expect_one,
                                        .user = &x};
        uint64_t lost = 0;
        cr_assert_eq(series_part_read(p, &read, &lost, NULL), ST_OK);
        cr_assert(x.seen == 1 && lost == 0, "series %zu", i);
    }
    size_t runs = 0;
    uint64_t lost = 0;
    struct series_part_read none = {.keys = &r.runs.items[0].key,
                                    .start_ms = INT64_MIN,
                                    .end_ms = INT64_MAX,
                                    .each = count_run,
                                    .user = &runs};
    cr_assert_eq(series_part_read(p, &none, &lost, NULL), ST_OK);
    cr_assert_eq(runs, 0, "no keys are not all keys");
    series_part_unref(p);
    series_rig_free(&r);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

Test(series_part, a_run_goes_on_through_blocks)
{
    enum { LONG = 200000 };
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    struct series_rig r = series_rig_new(3);
    int64_t *times = series_rig_times(&r, LONG, START_MS, 1000);
    series_rig_add_floats(&r, times, 100);
    series_rig_add_floats(&r, times, LONG);
    series_rig_add_native(&r, times, 20000, false);
    struct series_part *p = series_rig_part(&r, path, EFFORT_FAST);
    series_rig_expect(&r, p, INT64_MIN, INT64_MAX);
    series_rig_expect(&r, p, START_MS + 65000 * 1000, START_MS + 140000 * 1000);
    series_rig_expect(&r, p, START_MS + 199999 * 1000, INT64_MAX);
    cr_assert_eq(series_part_info(p).series, r.runs.len);
    series_part_unref(p);
    series_rig_free(&r);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

Test(series_part, keys_must_ascend)
{
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    struct series_part_writer *w;
    struct err e;
    int64_t time = 1;
    double value = 2;
    struct series_run run = {
        .key = {5, 5, NAN}, .sample_count = 1, .times_ms = &time, .values = &value};
    cr_assert_eq(series_part_writer_new(path, EFFORT_FAST, &w, &e), ST_OK);
    cr_assert_eq(series_part_writer_add(w, &run, &e), ST_OK);
    cr_assert_eq(series_part_writer_add(w, &run, &e), ST_INTERNAL);
    run.key = (struct series_key){4, 9, INFINITY};
    cr_assert_eq(series_part_writer_add(w, &run, &e), ST_INTERNAL);
    series_part_writer_free(w);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

Test(series_part, an_empty_part_is_a_part)
{
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    struct series_rig r = series_rig_new(1);
    struct series_part *p = series_rig_part(&r, path, EFFORT_SEALED);
    series_rig_expect(&r, p, INT64_MIN, INT64_MAX);
    cr_assert_eq(series_part_info(p).series, 0);
    series_part_unref(p);
    cr_assert_eq(series_part_open("/nonexistent/x", &p, NULL), ST_NOT_FOUND);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

/* Checks that what comes is right, and counts it. */
struct survivors {
    const struct series_rig *rig;
    size_t count;
};

static enum status expect_survivor(const struct series_run *run, void *user, struct err *e)
{
    struct survivors *s = user;
    const struct series_run *want = s->rig->runs.items;
    (void)e;
    while (want->key.id != run->key.id)
        want++;
    series_rig_expect_run(want, run, INT64_MIN, INT64_MAX);
    s->count++;
    return ST_OK;
}

static void write_bytes(const char *path, struct str bytes)
{
    int fd;
    cr_assert_eq(file_open(path, O_WRONLY | O_TRUNC | O_CREAT, &fd, NULL), ST_OK);
    cr_assert_eq(file_write_at(fd, bytes, 0, NULL), ST_OK);
    file_close(fd);
}

/* Opens the bytes and reads all: what is read is right. False when it cannot be opened. */
static bool read_damaged(const struct series_rig *r, const char *path, struct str bytes,
                         struct survivors *s, uint64_t *lost)
{
    struct series_part *p;
    struct err e = {0};
    *s = (struct survivors){r, 0};
    *lost = 0;
    write_bytes(path, bytes);
    enum status status = series_part_open(path, &p, &e);
    if (status != ST_OK) {
        cr_assert(status == ST_CORRUPT || status == ST_UNSUPPORTED, "%s", e.msg);
        return false;
    }
    struct series_part_read read = {
        .start_ms = INT64_MIN, .end_ms = INT64_MAX, .each = expect_survivor, .user = s};
    cr_assert_eq(series_part_read(p, &read, lost, &e), ST_OK, "%s", e.msg);
    series_part_unref(p);
    return true;
}

/* Flips one byte after the other: at most one block is lost, and nothing is wrong. */
static void flip_bytes(const struct series_rig *r, size_t step, enum series_effort effort)
{
    char *dir = temp_dir_make(), path[256], *bytes;
    snprintf(path, sizeof(path), "%s/a.part", dir);
    size_t len, opened = 0;
    cr_assert_eq(series_rig_write(r, path, effort, NULL), ST_OK);
    cr_assert_eq(file_read_all(path, 1 << 24, &bytes, &len, NULL), ST_OK);
    for (size_t at = 0; at < len; at += step) {
        struct survivors s;
        uint64_t lost;
        bytes[at] = (char)(bytes[at] ^ 0x10);
        if (read_damaged(r, path, (struct str){bytes, len}, &s, &lost)) {
            cr_assert_leq(lost, 1, "byte %zu", at);
            cr_assert(lost == 1 || s.count == r->runs.len, "byte %zu", at);
            cr_assert(s.count >= r->runs.len - MIN(r->runs.len, 512u), "byte %zu", at);
            opened++;
        }
        bytes[at] = (char)(bytes[at] ^ 0x10);
        if (at % 16 == 0)
            cr_assert(!read_damaged(r, path, (struct str){bytes, at}, &s, &lost), "cut at %zu", at);
    }
    cr_assert_gt(opened, len / step / 2, "the blocks are most of the file");
    mem_free(bytes);
    temp_dir_remove(dir);
}

Test(series_part, damage_costs_one_block)
{
    log_set_level(LOG_ERROR); /* each loss is a warning */
    for (enum series_effort effort = EFFORT_FAST; effort <= EFFORT_SEALED; effort++) {
        struct series_rig small = everything(1, 12), many = series_rig_new(2);
        const int64_t *times = series_rig_times(&many, 2, START_MS, STEP_MS);
        for (unsigned i = 0; i < 1500; i++)
            *(double *)series_rig_add(&many, times, 2)->values = i;
        flip_bytes(&small, effort == EFFORT_SEALED ? 1 : 3, effort);
        flip_bytes(&many, 37, effort);
        series_rig_free(&small);
        series_rig_free(&many);
    }
    log_set_level(LOG_INFO);
    EXPECT_NO_LEAK();
}

static enum status count_samples(const struct series_run *run, void *user, struct err *e)
{
    uint32_t *samples = user;
    (void)e;
    for (uint32_t i = 1; i < run->sample_count; i++)
        cr_assert(run->times_ms[i - 1] < run->times_ms[i]);
    *samples += run->sample_count;
    return ST_OK;
}

Test(series_part, a_run_does_not_go_back_in_the_next_block)
{
    enum { LONG = 200000, PIECE = 64 * KIB };
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    struct series_rig r = series_rig_new(3);
    int64_t *times = series_rig_times(&r, LONG, START_MS, 1000);
    for (uint32_t i = PIECE; i < 2 * PIECE; i++)
        times[i] -= 1000; /* the second of four pieces begins with the last time of the first */
    (void)series_rig_add(&r, times, LONG);
    struct series_part *p = series_rig_part(&r, path, EFFORT_FAST);
    uint32_t samples = 0;
    uint64_t lost = 0;
    struct series_part_read read = {
        .start_ms = INT64_MIN, .end_ms = INT64_MAX, .each = count_samples, .user = &samples};
    log_set_level(LOG_ERROR);
    cr_assert_eq(series_part_read(p, &read, &lost, NULL), ST_OK);
    log_set_level(LOG_INFO);
    cr_expect_eq(lost, 1);
    cr_expect_eq(samples, LONG - PIECE);
    series_part_unref(p);
    series_rig_free(&r);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

static enum status write_and_read(const struct series_rig *r, const char *path)
{
    struct series_part *p;
    size_t runs = 0;
    uint64_t lost = 0;
    struct series_part_read read = {
        .start_ms = INT64_MIN, .end_ms = INT64_MAX, .each = count_run, .user = &runs};
    TRY(series_rig_write(r, path, EFFORT_SEALED, NULL));
    TRY(series_part_open(path, &p, NULL));
    enum status status = series_part_read(p, &read, &lost, NULL);
    if (status == ST_OK)
        cr_assert(lost > 0 || runs == r->runs.len);
    series_part_unref(p);
    return lost > 0 ? ST_IO : status; /* both are told */
}

Test(series_part, survives_short_memory)
{
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    struct series_rig r = everything(4, 24);
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        enum status status = write_and_read(&r, path);
        cr_assert(status == ST_NO_MEMORY || (status == ST_OK && !mem_did_fail()),
                  "a failed allocation is told");
    }
    cr_assert_gt(walk.failures, 50);
    series_rig_free(&r);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

static unsigned calls, fail_at;

static bool fails_now(void)
{
    errno = EIO;
    return calls++ == fail_at;
}

static ssize_t bad_pread(int fd, void *bytes, size_t len, off_t at)
{
    return fails_now() ? -1 : file_real_ops()->pread(fd, bytes, len, at);
}

static ssize_t bad_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return fails_now() ? -1 : file_real_ops()->pwrite(fd, bytes, len, at);
}

static int bad_fdatasync(int fd)
{
    return fails_now() ? -1 : file_real_ops()->fdatasync(fd);
}

Test(series_part, every_bad_call_is_told)
{
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    struct series_rig r = everything(4, 24);
    struct file_ops ops = *file_real_ops();
    ops.pread = bad_pread;
    ops.pwrite = bad_pwrite;
    ops.fdatasync = bad_fdatasync;
    file_set_ops(&ops);
    enum status status = ST_IO;
    for (fail_at = 0; status != ST_OK; fail_at++) {
        calls = 0;
        status = write_and_read(&r, path);
        cr_assert(status == ST_IO || calls <= fail_at, "call %u", fail_at);
    }
    file_set_ops(NULL);
    cr_assert_gt(fail_at, 5);
    series_rig_free(&r);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

/* Bytes of version 1, which every later weft must read. WEFT_GOLDEN_WRITE=1 writes them anew. */
Test(series_part, golden)
{
    char path[512];
    struct series_rig r = everything(7, 40);
    struct series_part *p;
    struct err e = {0};
    snprintf(path, sizeof(path), "%s/tests/golden/series_part_v1.bin", WEFT_SOURCE_DIR);
    if (getenv("WEFT_GOLDEN_WRITE"))
        cr_assert_eq(series_rig_write(&r, path, EFFORT_SEALED, NULL), ST_OK);
    cr_assert_eq(series_part_open(path, &p, &e), ST_OK, "%s", e.msg);
    series_rig_expect(&r, p, INT64_MIN, INT64_MAX);
    series_part_unref(p);
    series_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(series_part, a_monstrous_histogram_is_refused)
{
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    struct series_part_writer *w;
    struct err e;
    int64_t time = 1;
    double value = 0;
    struct native_histogram h = {.positive = {.count = SERIES_BUCKETS_MAX + 1}};
    const struct native_histogram *slot = &h;
    struct series_run run = {.key = {5, 5, NAN},
                             .sample_count = 1,
                             .times_ms = &time,
                             .values = &value,
                             .histograms = &slot};
    cr_assert_eq(series_part_writer_new(path, EFFORT_FAST, &w, &e), ST_OK);
    cr_assert_eq(series_part_writer_add(w, &run, &e), ST_TOO_BIG);
    series_part_writer_free(w);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

/* Counts the runs that have other times than the first one's pointer. */
struct same_times {
    const int64_t *first;
    size_t runs, others;
};

static enum status note_times(const struct series_run *run, void *user, struct err *e)
{
    struct same_times *t = user;
    (void)e;
    t->first = t->first ? t->first : run->times_ms;
    t->others += run->times_ms != t->first;
    t->runs++;
    return ST_OK;
}

Test(series_part, equal_times_are_one_column)
{
    enum { RUNS = 2000, SAMPLES = 20 };
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    struct series_rig r = series_rig_new(8);
    for (unsigned i = 0; i < RUNS; i++) /* more than a block, each with times of its own */
        series_rig_add(&r, series_rig_times(&r, SAMPLES, START_MS, STEP_MS), SAMPLES);
    struct series_part *p = series_rig_part(&r, path, EFFORT_FAST);
    struct same_times t = {0};
    struct arena arena = {0};
    uint64_t lost = 0;
    struct series_part_read read = {.start_ms = START_MS + 3 * STEP_MS,
                                    .end_ms = START_MS + 9 * STEP_MS,
                                    .arena = &arena,
                                    .each = note_times,
                                    .user = &t};
    cr_assert_eq(series_part_read(p, &read, &lost, NULL), ST_OK);
    cr_assert(t.runs == RUNS && t.others == 0);
    arena_deinit(&arena);
    series_part_unref(p);
    series_rig_free(&r);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

/* A gauge of that many buckets, each `apart` indices from the next, of noise. */
static const struct native_histogram *sparse_one(struct series_rig *r, uint32_t buckets,
                                                 int32_t first, int32_t apart)
{
    struct native_histogram *h = arena_calloc(&r->arena, 1, sizeof(*h));
    h->hint = RESET_GAUGE;
    h->positive.count = buckets;
    h->positive.items = arena_calloc(&r->arena, buckets, sizeof(*h->positive.items));
    for (uint32_t k = 0; k < buckets; k++)
        h->positive.items[k] =
            (struct native_bucket){first + (int32_t)k * apart,
                                   ldexp(1 + (double)(series_rig_random(r) % 1000003) / 1000003,
                                         (int)(series_rig_random(r) % 1000) - 500)};
    return h;
}

/* Each bucket of it is empty in most samples: the more there are between the filled ones, the more
 * bytes of a stream does one of these take. */
Test(series_part, sparse_histograms_make_no_block_too_large_to_read, .timeout = 120)
{
    enum { COLUMNS = 512, APART = 17, SAMPLES = 64 * 1024, WIDE = 256 };
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    for (unsigned wide = 0; wide < 2; wide++) {
        struct series_rig r = series_rig_new(3);
        uint32_t count = wide ? WIDE : SAMPLES;
        struct series_run *run = series_rig_add(&r, series_rig_times(&r, count, 1, 1), count);
        const struct native_histogram **slots = arena_calloc(&r.arena, count, sizeof(*slots));
        for (uint32_t i = 0; i < count; i++) {
            uint32_t at = i % 1024, turn = at / APART % 60;
            slots[i] = wide             ? sparse_one(&r, 16000, (int32_t)i % 5, 5)
                       : at == 0        ? sparse_one(&r, COLUMNS, 0, 1)
                       : at % APART > 0 ? sparse_one(&r, 0, 0, 1)
                                        : sparse_one(&r, COLUMNS / 64, (int32_t)turn, 60);
        }
        run->histograms = slots;
        struct series_part *p = series_rig_part(&r, path, EFFORT_SEALED);
        series_rig_expect(&r, p, INT64_MIN, INT64_MAX);
        series_part_unref(p);
        series_rig_free(&r);
    }
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}
