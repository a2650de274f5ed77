/* test_series_postings.c - matchers against the index give what trying every series gives; sets of
 * numbers; the index's log on disk. */
#include "base/fileio.h"
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

enum { SEED = 7, SERIES = 3000, GOLDEN_BYTES = 593 };

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
            eq(int, series_index_add(x, 2 * n + 1, set, label_set_hash(set, SEED), NULL), ST_OK));
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
            eq(int, series_index_add(x, 2 * n + 1, set, label_set_hash(set, SEED), NULL), ST_OK));
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
        cr_assert(eq(int, series_index_add(x, i + 1, set, label_set_hash(set, SEED), NULL), ST_OK));
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
        cr_assert(eq(u32, series_index_find(y, a, label_set_hash(a, SEED)), ids[i]));
    }
}

Test(series_index_file, a_log_gives_back_what_was_appended, .timeout = 60)
{
    struct arena arena = {0};
    char *dir = temp_dir_make(), path[256];
    snprintf(path, sizeof(path), "%s/x.index", dir);
    struct series_index *x = filled(&arena, 6000), *y = series_index_new(SEED);
    uint64_t bytes = 0, lost = 0, kept;
    cr_assert(eq(int, series_index_append(x, path, 3, 1, 100, &bytes, NULL), ST_OK));
    kept = bytes;
    cr_assert(eq(int, series_index_append(x, path, 3, 100, 500, &bytes, NULL), ST_OK));
    /* That one was never committed: it is written over. */
    cr_assert(eq(int, series_index_append(x, path, 3, 100, 12001, &kept, NULL), ST_OK));
    cr_assert(eq(int, series_index_load(y, path, 3, kept, &lost, NULL), ST_OK));
    cr_expect(eq(u64, lost, 0));
    expect_same(x, y, &arena);
    series_index_unref(x);
    series_index_unref(y);
    arena_deinit(&arena);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

Test(series_index_file, a_damaged_block_costs_its_series_only, .timeout = 60)
{
    struct arena arena = {0};
    char *dir = temp_dir_make(), path[256], *content;
    size_t len;
    snprintf(path, sizeof(path), "%s/x.index", dir);
    struct series_index *x = filled(&arena, 300);
    uint64_t bytes = 0;
    cr_assert(eq(int, series_index_append(x, path, 3, 1, 201, &bytes, NULL), ST_OK));
    cr_assert(eq(int, series_index_append(x, path, 3, 201, 401, &bytes, NULL), ST_OK));
    cr_assert(eq(int, series_index_append(x, path, 3, 401, 601, &bytes, NULL), ST_OK));
    cr_assert(eq(int, file_read_all(path, MIB, &content, &len, NULL), ST_OK));
    for (size_t at = 0; at < len; at += 7) {
        struct series_index *y = series_index_new(SEED);
        uint64_t lost = 0;
        content[at] ^= 0x10;
        cr_assert(eq(int, file_replace(path, (struct str){content, len}, NULL), ST_OK));
        enum status st = series_index_load(y, path, 3, bytes, &lost, NULL);
        uint32_t count;
        series_index_all(y, &count);
        if (at < 24) {
            cr_expect(st == ST_CORRUPT || st == ST_UNSUPPORTED, "byte %zu", at);
        } else {
            cr_expect(eq(int, st, ST_OK), "byte %zu", at);
            cr_expect(eq(u64, lost, 1), "byte %zu", at);
            cr_expect(eq(u32, count, 200), "byte %zu", at);
        }
        content[at] ^= 0x10;
        series_index_unref(y);
    }
    mem_free(content);
    series_index_unref(x);
    arena_deinit(&arena);
    temp_dir_remove(dir);
    EXPECT_NO_LEAK();
}

/* The file of version 1 that is kept in the repository: every later weft reads it. */
Test(series_index_file, golden)
{
    struct arena arena = {0};
    struct series_index *x = filled(&arena, 40), *y = series_index_new(SEED);
    const char *path = WEFT_SOURCE_DIR "/tests/golden/series_index_v1.bin";
    uint64_t bytes = 0, lost = 0;
    if (getenv("WEFT_UPDATE_GOLDEN")) {
        unlink(path);
        cr_assert(eq(int, series_index_append(x, path, 1, 1, 30, &bytes, NULL), ST_OK));
        cr_assert(eq(int, series_index_append(x, path, 1, 30, 80, &bytes, NULL), ST_OK));
        cr_expect(eq(u64, bytes, GOLDEN_BYTES));
    }
    struct err e = {0};
    cr_assert(eq(int, series_index_load(y, path, 1, GOLDEN_BYTES, &lost, &e), ST_OK), "%s", e.msg);
    cr_expect(eq(u64, lost, 0));
    expect_same(x, y, &arena);
    series_index_unref(x);
    series_index_unref(y);
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
        added += series_index_add(x, n + 1, sets[n], label_set_hash(sets[n], SEED), NULL) == ST_OK;
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
    cr_expect(gt(int, (int)walk.failures, 50));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
