/* test_series_part_merge.c - merged parts are the union of their samples; the newest part wins. */
#include "storage/series_part_file.h"

#include "base/hash.h"
#include "base/mem.h"
#include "support/leak.h"
#include "tests/unit/storage/journal_rig.h"
#include "tests/unit/storage/series_rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { PARTS = 5, STEP_MS = 1000, COUNT = 3000 };

/* Samples of the run that fall to part `part`. */
struct split {
    struct series_rig parts[PARTS];
    struct series_rig whole;
};

static void add_some(struct series_rig *to, const struct series_run *run, const uint32_t *which,
                     uint32_t count)
{
    if (count == 0)
        return;
    int64_t *times = arena_alloc(&to->arena, count * sizeof(*times));
    double *values = arena_alloc(&to->arena, count * sizeof(*values));
    int64_t *starts = arena_alloc(&to->arena, count * sizeof(*starts));
    const struct native_histogram **histograms =
        arena_alloc(&to->arena, count * sizeof(*histograms));
    for (uint32_t i = 0; i < count; i++) {
        times[i] = run->times_ms[which[i]];
        values[i] = run->values[which[i]];
        starts[i] = run->starts_ms ? run->starts_ms[which[i]] : 0;
        histograms[i] = run->histograms ? run->histograms[which[i]] : NULL;
    }
    struct series_run copy = {.key = run->key,
                              .sample_count = count,
                              .times_ms = times,
                              .values = values,
                              .starts_ms = run->starts_ms ? starts : NULL,
                              .histograms = run->histograms ? histograms : NULL};
    cr_assert(vec_push(&to->runs, copy));
}

/* Deals the samples out to the parts: whole series, pieces of time, or one by one. */
static struct split split_of(uint32_t count, bool mixed)
{
    struct split s = {.whole = series_rig_new(count)};
    static const double bounds[] = {0.1, 1, 10};
    int64_t *times = series_rig_times(&s.whole, count, 5000000, STEP_MS);
    uint32_t *which = mem_need(count * sizeof(*which));
    series_rig_add_floats(&s.whole, times, count);
    series_rig_add_classic(&s.whole, times, count, bounds, LEN(bounds));
    series_rig_add_native(&s.whole, times, count / 8, true);
    for (size_t k = 0; k < s.whole.runs.len; k++) {
        const struct series_run *run = &s.whole.runs.items[k];
        unsigned home = (unsigned)(series_rig_random(&s.whole) % (PARTS * 2));
        for (unsigned part = 0; part < PARTS; part++) {
            uint32_t n = 0;
            for (uint32_t i = 0; i < run->sample_count; i++) {
                unsigned of = home < PARTS ? home
                              : mixed      ? (unsigned)((i * 2654435761u) >> 16) % PARTS
                                           : i / (run->sample_count / PARTS + 1);
                if (of == part)
                    which[n++] = i;
            }
            add_some(&s.parts[part], run, which, n);
        }
    }
    mem_free(which);
    return s;
}

static void split_free(struct split *s)
{
    for (unsigned part = 0; part < PARTS; part++)
        series_rig_free(&s->parts[part]);
    series_rig_free(&s->whole);
}

static struct series_part *merge_of(struct series_rig *parts, unsigned count, const char *dir,
                                    const struct series_merge *how)
{
    struct series_part *open[PARTS], *merged;
    char path[256];
    struct err e = {0};
    uint64_t lost = 0;
    for (unsigned part = 0; part < count; part++) {
        snprintf(path, sizeof(path), "%s/%u.part", dir, part);
        open[part] = series_rig_part(&parts[part], path, part % 2 ? EFFORT_SEALED : EFFORT_FAST);
    }
    snprintf(path, sizeof(path), "%s/merged.part", dir);
    struct series_merge merge = *how;
    merge.parts = open;
    merge.part_count = count;
    merge.path = path;
    cr_assert_eq(series_part_merge(&merge, &lost, &e), ST_OK, "%s", e.msg);
    cr_assert_eq(lost, 0);
    cr_assert_eq(series_part_open(path, &merged, &e), ST_OK, "%s", e.msg);
    for (unsigned part = 0; part < count; part++)
        series_part_unref(open[part]);
    return merged;
}

Test(series_part_merge, parts_add_up)
{
    static const uint32_t counts[] = {10, 300, COUNT, 70000};
    char *dir = temp_dir_make();
    for (unsigned i = 0; i < 2 * LEN(counts); i++) {
        struct split s = split_of(counts[i / 2], i % 2);
        struct series_merge how = {.effort = EFFORT_SEALED};
        struct series_part *p = merge_of(s.parts, PARTS, dir, &how);
        series_rig_expect(&s.whole, p, INT64_MIN, INT64_MAX);
        series_part_unref(p);
        split_free(&s);
    }
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

Test(series_part_merge, the_newest_part_wins)
{
    enum { OLD = 100 };
    struct series_rig rigs[3];
    char *dir = temp_dir_make();
    for (unsigned part = 0; part < 3; part++) {
        struct series_rig *r = &rigs[part];
        *r = series_rig_new(part + 1);
        /* Every second time of the oldest part is in the middle one too, every third in the last.
         */
        int64_t *times = series_rig_times(r, OLD / (part + 1), 0, STEP_MS * (part + 1));
        struct series_run *run = series_rig_add(r, times, OLD / (part + 1));
        for (uint32_t i = 0; i < run->sample_count; i++)
            ((double *)run->values)[i] = part;
    }
    struct series_rig want = series_rig_new(9);
    struct series_run *run = series_rig_add(&want, series_rig_times(&want, OLD, 0, STEP_MS), OLD);
    for (uint32_t i = 0; i < OLD; i++)
        ((double *)run->values)[i] = i % 3 == 0 && i / 3 < OLD / 3 ? 2 : i % 2 == 0 ? 1 : 0;
    struct series_merge how = {.effort = EFFORT_SEALED};
    struct series_part *p = merge_of(rigs, 3, dir, &how);
    series_rig_expect(&want, p, INT64_MIN, INT64_MAX);
    series_part_unref(p);
    for (unsigned part = 0; part < 3; part++)
        series_rig_free(&rigs[part]);
    series_rig_free(&want);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

/* Drops series 2 and every sample but the first ten, whose values become -1. */
static void keep_ten(struct series_run *run, int64_t *times_ms, double *values, void *user)
{
    (void)times_ms, (void)user;
    run->sample_count = run->key.id == 2 ? 0 : MIN(run->sample_count, 10u);
    for (uint32_t i = 0; i < run->sample_count; i++)
        values[i] = -1;
}

Test(series_part_merge, keep_cuts)
{
    char *dir = temp_dir_make();
    struct split s = split_of(COUNT, false);
    struct series_merge how = {.effort = EFFORT_FAST, .keep = keep_ten};
    struct series_part *p = merge_of(s.parts, PARTS, dir, &how);
    size_t runs = 0;
    for (size_t i = 0; i < s.whole.runs.len; i++) {
        struct series_run *run = &s.whole.runs.items[i];
        keep_ten(run, NULL, (double *)run->values, NULL);
        if (run->sample_count > 0)
            s.whole.runs.items[runs++] = *run;
    }
    s.whole.runs.len = runs;
    series_rig_expect(&s.whole, p, INT64_MIN, INT64_MAX);
    series_part_unref(p);
    split_free(&s);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

/* --- the pass over a whole block that a merge makes --- */

struct digest {
    uint64_t sum;
    size_t runs;
};

static enum status digest_run(const struct series_run *run, void *user, struct err *e)
{
    struct digest *d = user;
    (void)e;
    d->runs++;
    d->sum = hash_bytes(&run->key, sizeof(run->key), d->sum);
    d->sum = hash_bytes(run->times_ms, run->sample_count * sizeof(int64_t), d->sum);
    for (uint32_t i = 0; i < run->sample_count; i++) {
        const struct native_histogram *h = run->histograms ? run->histograms[i] : NULL;
        d->sum = hash_bytes(h ? &h->sum : &run->values[i], sizeof(double), d->sum);
        if (run->starts_ms)
            d->sum = hash_bytes(&run->starts_ms[i], sizeof(int64_t), d->sum);
    }
    return ST_OK;
}

static enum status in_two_passes(struct series_block_reader *r,
                                 const struct series_block_entry *entry, struct digest *d)
{
    struct arena arena = {0};
    r->shared_count = 0;
    enum status status = series_block_reader_parse(r, entry, NULL);
    for (size_t i = 0; status == ST_OK && i < r->series.len; i++)
        r->series.items[i].wanted = true;
    if (status == ST_OK)
        status = series_block_reader_run(r, &arena, digest_run, d, NULL);
    arena_deinit(&arena);
    return status;
}

static enum status in_one_pass(struct series_block_reader *r,
                               const struct series_block_entry *entry, struct digest *d)
{
    struct arena arena = {0};
    r->shared_count = 0;
    enum status status = series_block_reader_all(r, entry, &arena, digest_run, d, NULL);
    arena_deinit(&arena);
    return status;
}

/* Each byte of the block in turn damaged, as if its checksum still fitted. */
static void compare_passes(struct series_block_reader *r, const struct series_block_entry *entry)
{
    size_t good = 0, bad = 0;
    for (size_t at = 0; at <= r->bytes.len; at++) {
        struct digest one = {0}, two = {0};
        if (at < r->bytes.len)
            r->bytes.ptr[at] = (char)(r->bytes.ptr[at] ^ 0x11);
        enum status want = in_two_passes(r, entry, &two), got = in_one_pass(r, entry, &one);
        cr_assert_eq(got, want, "byte %zu", at);
        cr_assert(got != ST_OK || (one.sum == two.sum && one.runs == two.runs), "byte %zu", at);
        good += got == ST_OK;
        bad += got != ST_OK;
        if (at < r->bytes.len)
            r->bytes.ptr[at] = (char)(r->bytes.ptr[at] ^ 0x11);
        else
            cr_assert(got == ST_OK && one.runs == entry->series);
    }
    cr_assert(good > 10 && bad > 10, "%zu good, %zu bad", good, bad);
}

Test(series_part_merge, one_pass_reads_what_two_read)
{
    static const double bounds[] = {0.1, 1, 10};
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/a.part", dir);
    for (enum series_effort effort = EFFORT_FAST; effort <= EFFORT_SEALED; effort++) {
        struct series_rig rig = series_rig_new(7);
        struct series_block_reader r = {0};
        const int64_t *times = series_rig_times(&rig, 40, 5000000, STEP_MS);
        series_rig_add_floats(&rig, times, 40);
        series_rig_add_floats(&rig, times, 40); /* of which the sealed part has copies */
        series_rig_add_classic(&rig, times, 40, bounds, LEN(bounds));
        series_rig_add_classic(&rig, times, 2, bounds, LEN(bounds));
        series_rig_add_native(&rig, times, 20, true);
        struct series_part *p = series_rig_part(&rig, path, effort);
        cr_assert_eq(p->block_count, 1);
        cr_assert_eq(series_part_fetch(p, &p->blocks[0], &r, NULL), ST_OK);
        compare_passes(&r, &p->blocks[0]);
        series_block_reader_deinit(&r);
        series_part_unref(p);
        series_rig_free(&rig);
    }
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}
