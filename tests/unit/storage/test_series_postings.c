/* test_series_postings.c - matchers against the index give what trying every series gives; sets of
 * numbers; the index's log on disk. */
#include "base/fileio.h"
#include "base/hash.h"
#include "model/series_hash.h"
#include "storage/series_index_file.h"
#include "storage/series_postings.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"
#include "tests/unit/storage/series_store_rig.h"
#include <criterion/new/assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SEED = 7, SERIES = 3000, GOLDEN_BYTES = 601, GOLDEN_V1_BYTES = 593 };

static struct label_set labels_of(struct arena *arena, unsigned n)
{
    struct label *l = arena_calloc(arena, 5, sizeof(*l));
    struct label_set set;
    char text[5][24];
    snprintf(text[0], sizeof(text[0]), "metric_%u", n % 5);
    snprintf(text[1], sizeof(text[1]), n % 3 ? "job-%u" : "", n % 7);
    snprintf(text[2], sizeof(text[2]), "pod-%05u", n);
    snprintf(text[3], sizeof(text[3]), n % 11 ? "" : "rare");
    snprintf(text[4], sizeof(text[4]), n % 4 ? "%u" : "", n % 6);
    static const char *const names[5] = {"__name__", "job", "pod", "tag", "le"};
    for (int i = 0; i < 5; i++)
        l[i] = (struct label){str_from_c(names[i]), arena_dup_str(arena, str_from_c(text[i]))};
    cr_assert(eq(int, label_set_sort(l, 5, &set, NULL), ST_OK));
    return set;
}

static struct series_index *filled(struct arena *arena, unsigned count)
{
    struct series_index *x = series_index_new(SEED);
    for (unsigned n = 0; n < count; n++) {
        struct label_set set = labels_of(arena, n);
        cr_assert(
            eq(int, series_index_add(x, 2 * n + 1, set, series_hash(set, SEED), NULL), ST_OK));
    }
    return x;
}

/* What trying all of them finds. */
static void expect_match(struct series_index *x, struct arena *arena, const char *text)
{
    struct label_matcher m[8];
    struct id_list found;
    uint32_t count = series_store_rig_matchers(text, arena, m), at = 0;
    series_index_lock(x);
    cr_assert(eq(int, series_postings_match(x, m, count, arena, &found, NULL), ST_OK));
    for (unsigned n = 0; n < SERIES; n++) {
        if (!label_matchers_accept(m, count, labels_of(arena, n)))
            continue;
        cr_assert(lt(u32, at, found.count), "%s: series %u is missing", text, n);
        cr_assert(eq(u32, found.ids[at++], 2 * n + 1), "%s", text);
    }
    cr_expect(eq(u32, at, found.count), "%s: too many", text);
    series_index_unlock(x);
    for (uint32_t i = 0; i < count; i++)
        label_matcher_deinit(&m[i]);
}

Test(series_postings, find_what_trying_every_series_finds, .timeout = 60)
{
    static const char *const rows[] = {
        "",
        "__name__=metric_1",
        "__name__=metric_1,job=job-2",
        "__name__=metric_9",
        "nothing=x",
        "nothing=",
        "nothing!=x",
        "job=",
        "job!=",
        "job!=job-1",
        "tag=rare,le!=3",
        "tag!=rare",
        "pod=~pod-0000[0-9]",
        "pod=~pod-00001|pod-00002|pod-99999|pod-00002",
        "pod!~pod-0.*",
        "pod=~.*7",
        "pod!~.*7,job=job-3",
        "job=~job-[13]",
        "job=~(job-1)?",
        "job!~(job-1)?",
        "job=~.+,le=~.*,tag=~|rare",
        "job=~|job-4",
        "job!~|job-4",
        "le=~[0-3],__name__=~metric_(1|2),pod!=pod-00001",
        "le!=,le!=1,le!~2|3",
        "pod=~.*",
        "pod!~.*",
        "pod=~.+",
        "pod!~.+",
        "tag=rare,pod=~pod-00[01].*",
        "__name__=metric_1,__name__=metric_2",
        "__name__=~metric_1|metric_2,__name__!=metric_2",
    };
    struct arena arena = {0};
    struct series_index *x = filled(&arena, SERIES);
    for (size_t i = 0; i < LEN(rows); i++)
        expect_match(x, &arena, rows[i]);
    series_index_unref(x);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

/* Values are sorted when they are first looked through; later ones go to their places. */
Test(series_postings, values_that_come_later_are_found_in_order)
{
    struct arena arena = {0};
    struct series_index *x = filled(&arena, 1);
    for (unsigned n = 1; n < SERIES; n++) {
        struct label_set set = labels_of(&arena, n);
        cr_assert(
            eq(int, series_index_add(x, 2 * n + 1, set, series_hash(set, SEED), NULL), ST_OK));
        struct label_matcher m[8];
        struct id_list found;
        if (n % 100 && n % 277)
            continue;
        cr_assert(eq(u32, series_store_rig_matchers("pod=~pod-.*", &arena, m), 1));
        cr_assert(eq(int, series_postings_match(x, m, 1, &arena, &found, NULL), ST_OK));
        cr_expect(eq(u32, found.count, n + 1));
        label_matcher_deinit(&m[0]);
    }
    expect_match(x, &arena, "pod=~pod-0[0-2].*");
    series_index_unref(x);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(series_postings, series_that_differ_in_le_only_are_a_family)
{
    struct arena arena = {0};
    struct series_index *x = series_index_new(SEED);
    static const char *const rows[] = {"a", "1",   "b", "+Inf", "a", "+Inf",
                                       "a", "0.5", "a", "",     "a", "word"};
    for (uint32_t i = 0; i < LEN(rows) / 2; i++) {
        struct label l[] = {{LABEL_METRIC_NAME, str_from_c(rows[2 * i])},
                            {STR("le"), str_from_c(rows[2 * i + 1])}};
        struct label_set set;
        cr_assert(eq(int, label_set_sort(l, 2, &set, NULL), ST_OK));
        cr_assert(eq(int, series_index_add(x, i + 1, set, series_hash(set, SEED), NULL), ST_OK));
    }
    static const uint32_t families[] = {1, 2, 1, 1, 5, 6};
    for (uint32_t i = 0; i < LEN(families); i++)
        cr_expect(eq(u32, series_index_key(x, i + 1).family, families[i]), "series %u", i + 1);
    cr_expect(eq(dbl, series_index_key(x, 1).le, 1.0));
    cr_expect(isinf(series_index_key(x, 3).le) != 0);
    cr_expect(isnan(series_index_key(x, 5).le) != 0);
    cr_expect(isnan(series_index_key(x, 6).le) != 0);
    series_index_unref(x);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(series_postings, sets)
{
    static const uint32_t a[] = {1, 2, 3, 900000}, b[] = {2, 900000, 900001}, c[] = {5};
    const struct id_list lists[] = {{a, 4}, {NULL, 0}, {b, 3}, {c, 1}};
    struct arena arena = {0};
    struct id_list out;
    cr_assert(ids_union(lists, 4, &arena, &out) && out.count == 6);
    cr_expect(out.ids[3] == 5 && out.ids[4] == 900000 && out.ids[5] == 900001);
    cr_assert(ids_union(lists, 2, &arena, &out) && out.count == 4);
    cr_expect(eq(ptr, (void *)out.ids, (void *)a), "nothing is copied");
    cr_assert(ids_intersect(lists[0], lists[2], &arena, &out) && out.count == 2);
    cr_expect(out.ids[0] == 2 && out.ids[1] == 900000);
    cr_assert(ids_subtract(lists[0], lists[2], &arena, &out) && out.count == 2);
    cr_expect(out.ids[0] == 1 && out.ids[1] == 3);
    cr_expect(ids_contain(lists[0], 3) && !ids_contain(lists[0], 4) && !ids_contain(lists[1], 1));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

/* --- the log --- */

static void expect_same(struct series_index *x, struct series_index *y, struct arena *arena)
{
    uint32_t count, other;
    const uint32_t *ids = series_index_all(x, &count), *others = series_index_all(y, &other);
    cr_assert(eq(u32, count, other));
    for (uint32_t i = 0; i < count; i++) {
        struct label_set a, b;
        cr_assert(eq(u32, ids[i], others[i]));
        cr_assert(eq(int, series_index_labels(x, ids[i], arena, &a, NULL), ST_OK));
        cr_assert(eq(int, series_index_labels(y, ids[i], arena, &b, NULL), ST_OK));
        cr_assert(label_set_eq(a, b) == true);
        cr_assert(eq(u32, series_index_find(y, a, series_hash(a, SEED)), ids[i]));
    }
}

Test(series_index_file, a_log_gives_back_what_was_appended, .timeout = 60)
{
    struct arena arena = {0};
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/x.index", dir);
    struct series_index *x = filled(&arena, 6000), *y = series_index_new(SEED);
    struct series_index_loaded loaded;
    uint64_t bytes = 0, kept;
    cr_assert(eq(int, series_index_append(x, path, 3, 1, 100, &bytes, NULL), ST_OK));
    kept = bytes;
    cr_assert(eq(int, series_index_append(x, path, 3, 100, 500, &bytes, NULL), ST_OK));
    /* That one was never committed: it is written over. */
    cr_assert(eq(int, series_index_append(x, path, 3, 100, 12001, &kept, NULL), ST_OK));
    cr_assert(eq(int, series_index_load(y, path, 3, kept, &loaded, NULL), ST_OK));
    cr_expect(eq(u64, loaded.lost_blocks, 0));
    cr_expect(eq(int, loaded.is_damaged + loaded.is_old, 0));
    expect_same(x, y, &arena);
    series_index_unref(x);
    series_index_unref(y);
    arena_deinit(&arena);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

/* Three blocks of 100 series, read back after the byte at `at` was changed. */
struct flipped_log {
    char *dir, path[256], *content;
    size_t len;
    uint64_t bytes;
};

static struct flipped_log three_blocks(void)
{
    struct arena arena = {0};
    struct flipped_log f = {.dir = temp_dir_make()};
    snprintf(f.path, sizeof(f.path), "%s/x.index", f.dir);
    struct series_index *x = filled(&arena, 300);
    for (uint32_t first = 1; first < 601; first += 200)
        cr_assert(
            eq(int, series_index_append(x, f.path, 3, first, first + 200, &f.bytes, NULL), ST_OK));
    cr_assert(eq(int, file_read_all(f.path, MIB, &f.content, &f.len, NULL), ST_OK));
    series_index_unref(x);
    arena_deinit(&arena);
    return f;
}

static uint32_t load_flipped(struct flipped_log *f, size_t at, char mask,
                             struct series_index_loaded *loaded)
{
    struct series_index *y = series_index_new(SEED);
    uint32_t count;
    f->content[at] ^= mask;
    cr_assert(eq(int, file_replace(f->path, (struct str){f->content, f->len}, NULL), ST_OK));
    f->content[at] ^= mask;
    cr_expect(eq(int, series_index_load(y, f->path, 3, f->bytes, loaded, NULL), ST_OK), "byte %zu",
              at);
    cr_expect(loaded->is_damaged, "byte %zu", at);
    series_index_all(y, &count);
    series_index_unref(y);
    return count;
}

static void flipped_log_end(struct flipped_log *f)
{
    mem_free(f->content);
    temp_dir_remove(f->dir);
}

enum { HEAD_BYTES = 32, BLOCKS_HEAD_BYTES = 24 };

Test(series_index_file, a_damaged_block_costs_its_series_only, .timeout = 120)
{
    struct flipped_log f = three_blocks();
    for (size_t at = HEAD_BYTES; at < f.len; at++) {
        struct series_index_loaded loaded;
        uint32_t count = load_flipped(&f, at, 0x10, &loaded);
        cr_expect(eq(u32, count, 200), "byte %zu", at);
        cr_expect(eq(u64, loaded.lost_blocks, 1), "byte %zu", at);
    }
    flipped_log_end(&f);
    EXPECT_NO_LEAK();
}

Test(series_index_file, a_damaged_head_costs_nothing, .timeout = 60)
{
    struct flipped_log f = three_blocks();
    for (size_t at = 0; at < HEAD_BYTES; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct series_index_loaded loaded;
            uint32_t count = load_flipped(&f, at, (char)(1 << bit), &loaded);
            cr_expect(eq(u32, count, 300), "byte %zu bit %u", at, bit);
            cr_expect(eq(u64, loaded.lost_blocks, 0), "byte %zu bit %u", at, bit);
        }
    flipped_log_end(&f);
    EXPECT_NO_LEAK();
}

/* The worst place: head and first block begin in one bad sector. */
Test(series_index_file, a_bad_beginning_costs_the_first_block)
{
    struct flipped_log f = three_blocks();
    struct series_index_loaded loaded;
    memset(f.content, 0xa5, HEAD_BYTES + BLOCKS_HEAD_BYTES);
    cr_expect(eq(u32, load_flipped(&f, 0, 1, &loaded), 200));
    cr_expect(eq(u64, loaded.lost_blocks, 1));
    flipped_log_end(&f);
    EXPECT_NO_LEAK();
}

/* A newer weft's log is refused, not taken for damage and rewritten. */
Test(series_index_file, a_newer_version_is_refused)
{
    struct flipped_log f = three_blocks();
    struct series_index_loaded loaded;
    struct series_index *y = series_index_new(SEED);
    f.content[8] = 3;
    uint64_t sum = hash_bytes(f.content, HEAD_BYTES - sizeof(sum), 0);
    memcpy(f.content + HEAD_BYTES - sizeof(sum), &sum, sizeof(sum));
    cr_assert(eq(int, file_replace(f.path, (struct str){f.content, f.len}, NULL), ST_OK));
    cr_expect(eq(int, series_index_load(y, f.path, 3, f.bytes, &loaded, NULL), ST_UNSUPPORTED));
    series_index_unref(y);
    flipped_log_end(&f);
    EXPECT_NO_LEAK();
}

static void expect_golden(const struct series_index *x, const char *path, uint64_t bytes,
                          bool is_old)
{
    struct arena arena = {0};
    struct series_index *y = series_index_new(SEED);
    struct series_index_loaded loaded;
    struct err e = {0};
    cr_assert(eq(int, series_index_load(y, path, 1, bytes, &loaded, &e), ST_OK), "%s", e.msg);
    cr_expect(eq(u64, loaded.lost_blocks, 0));
    cr_expect(loaded.is_old == is_old && !loaded.is_damaged);
    expect_same((struct series_index *)x, y, &arena);
    series_index_unref(y);
    arena_deinit(&arena);
}

/* The files of both versions that are kept in the repository: every later weft reads them. */
Test(series_index_file, golden)
{
    struct arena arena = {0};
    struct series_index *x = filled(&arena, 40);
    const char *path = WEFT_SOURCE_DIR "/tests/golden/series_index_v2.bin";
    uint64_t bytes = 0;
    if (getenv("WEFT_UPDATE_GOLDEN")) {
        unlink(path);
        cr_assert(eq(int, series_index_append(x, path, 1, 1, 30, &bytes, NULL), ST_OK));
        cr_assert(eq(int, series_index_append(x, path, 1, 30, 80, &bytes, NULL), ST_OK));
        cr_expect(eq(u64, bytes, GOLDEN_BYTES));
    }
    expect_golden(x, path, GOLDEN_BYTES, false);
    expect_golden(x, WEFT_SOURCE_DIR "/tests/golden/series_index_v1.bin", GOLDEN_V1_BYTES, true);
    series_index_unref(x);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

/* --- memory --- */

enum { FEW = 40 };

static void build_and_search(const struct label_set *sets)
{
    struct series_index *x = series_index_new(SEED);
    if (!x)
        return;
    uint32_t added = 0, count;
    for (unsigned n = 0; n < FEW; n++)
        added += series_index_add(x, n + 1, sets[n], series_hash(sets[n], SEED), NULL) == ST_OK;
    series_index_all(x, &count);
    cr_expect(eq(u32, count, added), "what failed is not there");
    cr_expect(ge(u32, count, FEW - 1));
    struct arena arena = {0};
    struct id_list found;
    struct label_matcher m = {.name = STR("pod"), .value = STR("pod-00001"), .op = MATCH_NE};
    (void)series_postings_match(x, &m, 1, &arena, &found, NULL);
    arena_deinit(&arena);
    series_index_unref(x);
}

Test(series_postings, short_memory_is_an_error_and_nothing_is_lost, .timeout = 60)
{
    struct arena arena = {0};
    struct label_set sets[FEW];
    for (unsigned n = 0; n < FEW; n++)
        sets[n] = labels_of(&arena, n);
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk))
        build_and_search(sets);
    cr_expect(walk.failures > 50);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
