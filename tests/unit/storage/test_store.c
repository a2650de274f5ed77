/* test_store.c - the data directory: lock, checkpoints that are whole or not at all, images, parts,
 * retention. */
#include "base/clock.h"
#include "base/fileio.h"
#include "storage/catalogue.h"
#include "storage/edge_base.h"
#include "storage/edge_part_file.h"
#include "storage/edge_store.h"
#include "storage/store_parts.h"
#include "tests/support/patience.h"
#include "tests/unit/storage/journal_rig.h"
#include "tests/unit/storage/store_rig.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

Test(store, seed_stays_and_a_second_weft_is_refused)
{
    char *dir = temp_dir_make(), pid[24];
    struct store *s = store_rig_open(dir, (struct retention){0}), *second = NULL;
    struct err e = {0};
    uint64_t seed = store_seed(s);
    struct store_config config = {str_from_c(dir), {0}};
    cr_expect(eq(int, store_open(&config, &second, &e), ST_BUSY));
    snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
    cr_expect(ne(ptr, strstr(e.msg, pid), NULL), "%s", e.msg);
    store_close(s);
    s = store_rig_open(dir, (struct retention){0});
    cr_expect(eq(u64, store_seed(s), seed));
    struct image_seen seen;
    cr_expect(eq(u64, store_rig_position(s, &seen), 0), "no checkpoint yet");
    cr_expect(eq(sz, seen.count, 0));
    store_close(s);
    temp_dir_remove(dir);
}

Test(store, checkpoint_is_there_after_a_restart)
{
    static const size_t chunks[] = {1, 1 * MIB, 2 * MIB + 5, 3};
    static const size_t want[] = {1, 1 * MIB, 1 * MIB, 1 * MIB, 5, 3};
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    cr_assert(eq(int, store_rig_checkpoint(s, 40, chunks, LEN(chunks), tile_s), ST_OK));
    cr_assert(eq(int, store_rig_checkpoint(s, 50, chunks, LEN(chunks), 0), ST_OK));
    cr_expect(eq(sz, store_rig_files(dir, "image"), 2));
    cr_assert(eq(int, store_rig_checkpoint(s, 50, chunks, LEN(chunks), 0), ST_OK));
    cr_expect(eq(sz, store_rig_files(dir, "image"), 3), "the oldest is the next one's file");
    cr_assert(eq(int, store_rig_checkpoint(s, 50, chunks, LEN(chunks), 0), ST_OK));
    cr_expect(eq(sz, store_rig_files(dir, "image"), 3));
    store_close(s);
    cr_expect(eq(sz, store_rig_files(dir, "image"), 2), "the last and the one before");
    s = store_rig_open(dir, (struct retention){0});
    struct image_seen seen;
    cr_expect(eq(u64, store_rig_position(s, &seen), 50));
    cr_assert(eq(sz, seen.count, LEN(want)));
    for (size_t i = 0; i < LEN(want); i++)
        cr_expect(eq(sz, seen.lengths[i], want[i]));
    cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), 1));
    struct store_stats stats;
    store_stats(s, &stats);
    cr_expect(eq(u64, stats.edge_files, 1));
    cr_expect(eq(u64, stats.edge_oldest_ns, tile_s * NS_PER_S));
    store_close(s);
    temp_dir_remove(dir);
}

Test(store, a_part_shows_only_when_the_head_has_let_it_go)
{
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, tile_s), ST_OK));
    cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), 0));
    cr_expect(eq(sz, store_rig_showing(s, 9), 0));
    cr_expect(eq(sz, store_rig_showing(s, 10), 1));
    cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), 1), "it stays");
    store_close(s);
    temp_dir_remove(dir);
}

Test(store, one_checkpoint_at_a_time_and_abort_leaves_nothing)
{
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    struct image_writer *w, *second;
    cr_assert(eq(int, store_checkpoint_begin(s, &w, NULL), ST_OK));
    cr_expect(eq(int, store_checkpoint_begin(s, &second, NULL), ST_BUSY));
    cr_expect(eq(int, image_write(w, STR("abc"), NULL), ST_OK));
    store_checkpoint_abort(w);
    cr_expect(eq(sz, store_rig_files(dir, "image"), 0));
    cr_expect(eq(int, store_rig_checkpoint(s, 5, store_rig_image, 2, 0), ST_OK));
    store_close(s);
    temp_dir_remove(dir);
}

/* --- damage --- */

/* Of the newest. */
static char *image_path(const char *dir, char *out, size_t cap)
{
    for (unsigned id = 20; id > 0; id--) {
        snprintf(out, cap, "%s/image/%016x.image", dir, id);
        if (access(out, F_OK) == 0)
            return out;
    }
    cr_fatal("no image");
}

Test(store, an_image_over_a_longer_one_ends_where_it_ends)
{
    static const size_t big[] = {1 * MIB, 1 * MIB}, small[] = {7};
    char *dir = temp_dir_make(), path[512], *bytes;
    size_t len;
    struct store *s = store_rig_open(dir, (struct retention){0});
    cr_assert(eq(int, store_rig_checkpoint(s, 10, big, LEN(big), 0), ST_OK));
    cr_assert(eq(int, store_rig_checkpoint(s, 20, big, LEN(big), 0), ST_OK));
    cr_assert(eq(int, store_rig_checkpoint(s, 25, big, LEN(big), 0), ST_OK));
    cr_assert(eq(int, store_rig_checkpoint(s, 30, small, LEN(small), 0), ST_OK));
    store_close(s);
    s = store_rig_open(dir, (struct retention){0});
    struct image_seen seen;
    cr_expect(eq(u64, store_rig_position(s, &seen), 30));
    cr_assert(eq(sz, seen.count, 1));
    cr_expect(eq(sz, seen.lengths[0], 7));
    image_path(dir, path, sizeof(path));
    cr_assert(eq(int, file_read_all(path, MIB, &bytes, &len, NULL), ST_OK), "no longer than it is");
    mem_free(bytes);
    store_close(s);
    temp_dir_remove(dir);
}

static enum status read_last(struct store *s, struct image_seen *seen)
{
    *seen = (struct image_seen){0};
    return store_image_read(s, STORE_IMAGE_LAST, store_rig_chunk, seen, NULL);
}

static void overwrite(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    cr_assert(write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

/* Damage in the head costs nothing: each chunk says itself which image it is of. */
static _Atomic uint64_t started_bytes;

static int count_started(int fd, off_t at, off_t len)
{
    (void)fd, (void)at;
    started_bytes += (uint64_t)len;
    return 0;
}

/* Else the last sync of an image of many MiB keeps those of the journal waiting. */
Test(store, an_image_goes_to_the_disk_while_it_is_written)
{
    char *dir = temp_dir_make();
    struct file_ops ops = *file_real_ops();
    ops.start_writing = count_started;
    file_set_ops(&ops);
    struct store *s = store_rig_open(dir, (struct retention){0});
    const size_t chunks[] = {MIB, MIB, MIB, 100};
    cr_assert(eq(int, store_rig_checkpoint(s, 10, chunks, 4, 0), ST_OK));
    cr_expect(ge(u64, started_bytes, 3 * MIB));
    store_close(s);
    file_set_ops(NULL);
    temp_dir_remove(dir);
}

Test(store, a_damaged_chunk_of_an_image_is_found, .timeout = 60)
{
    enum { HEAD_BYTES = 24 };
    char *dir = temp_dir_make(), path[512], *bytes;
    struct store *s = store_rig_open(dir, (struct retention){0});
    struct image_seen seen;
    cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, 0), ST_OK));
    store_close(s);
    s = store_rig_open(dir, (struct retention){0});
    size_t len;
    image_path(dir, path, sizeof(path));
    cr_assert(eq(int, file_read_all(path, MIB, &bytes, &len, NULL), ST_OK));
    for (size_t at = 0; at < len; at++) {
        bytes[at] = (char)(bytes[at] ^ 4);
        overwrite(path, bytes, len);
        cr_expect(eq(int, read_last(s, &seen), at < HEAD_BYTES ? ST_OK : ST_CORRUPT), "byte %zu",
                  at);
        bytes[at] = (char)(bytes[at] ^ 4);
    }
    for (size_t cut = 0; cut < len; cut++) {
        overwrite(path, bytes, cut);
        cr_expect(eq(int, read_last(s, &seen), ST_CORRUPT), "cut to %zu", cut);
    }
    mem_free(bytes);
    store_close(s);
    temp_dir_remove(dir);
}

/* Another version whose chunks are not ours was written by a newer weft. */
Test(store, an_image_of_a_newer_version_is_refused)
{
    char *dir = temp_dir_make(), path[512], *bytes;
    struct store *s = store_rig_open(dir, (struct retention){0});
    struct image_seen seen;
    size_t len;
    cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, 0), ST_OK));
    image_path(dir, path, sizeof(path));
    cr_assert(eq(int, file_read_all(path, MIB, &bytes, &len, NULL), ST_OK));
    bytes[8] = 2;
    bytes[40] ^= 1;
    overwrite(path, bytes, len);
    cr_expect(eq(int, read_last(s, &seen), ST_UNSUPPORTED));
    mem_free(bytes);
    store_close(s);
    temp_dir_remove(dir);
}

/* Whatever happens between: after each restart there is one to fall back to, and the damaged file
 * stays under another name. */
Test(store, the_image_before_the_last_is_kept_and_a_damaged_one_is_not)
{
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    static const size_t first[] = {1}, second[] = {2}, third[] = {3};
    struct image_seen seen = {0};
    cr_expect(store_image_exists(s, STORE_IMAGE_OLDER) == false);
    cr_assert(eq(int, store_rig_checkpoint(s, 10, first, 1, 0), ST_OK));
    cr_assert(eq(int, store_rig_checkpoint(s, 20, second, 1, 0), ST_OK));
    store_close(s);
    s = store_rig_open(dir, (struct retention){0});
    cr_assert(eq(int, store_image_read(s, STORE_IMAGE_OLDER, store_rig_chunk, &seen, NULL), ST_OK));
    cr_expect(eq(sz, seen.lengths[0], 1));
    store_image_damaged(s, STORE_IMAGE_LAST);
    cr_expect(eq(sz, store_rig_files(dir, "image"), 3), "two, and the second name");
    cr_assert(eq(int, store_rig_checkpoint(s, 30, third, 1, 0), ST_OK));
    store_close(s);
    s = store_rig_open(dir, (struct retention){0});
    seen = (struct image_seen){0};
    cr_assert(eq(int, store_image_read(s, STORE_IMAGE_OLDER, store_rig_chunk, &seen, NULL), ST_OK));
    cr_expect(eq(sz, seen.lengths[0], 1), "not the damaged one");
    cr_expect(eq(u64, store_rig_position(s, &seen), 30));
    cr_expect(eq(sz, seen.lengths[0], 3));
    store_close(s);
    cr_expect(eq(sz, store_rig_files(dir, "image"), 3));
    temp_dir_remove(dir);
}

Test(store, golden_image)
{
    char *dir = temp_dir_make(), path[512], golden_path[512], *bytes, *golden;
    struct store *s = store_rig_open(dir, (struct retention){0});
    cr_assert(eq(int, store_rig_checkpoint(s, 65, store_rig_image, 2, 0), ST_OK));
    store_close(s);
    size_t len, golden_len;
    cr_assert(eq(int, file_read_all(image_path(dir, path, sizeof(path)), MIB, &bytes, &len, NULL),
                 ST_OK));
    snprintf(golden_path, sizeof(golden_path), "%s/tests/golden/image_v1.bin", WEFT_SOURCE_DIR);
    if (getenv("WEFT_GOLDEN_WRITE"))
        cr_assert(eq(int, file_replace(golden_path, (struct str){bytes, len}, NULL), ST_OK));
    cr_assert(eq(int, file_read_all(golden_path, MIB, &golden, &golden_len, NULL), ST_OK));
    cr_expect(len == golden_len && memcmp(bytes, golden, len) == 0,
              "written bytes differ from image_v1.bin");
    mem_free(bytes);
    mem_free(golden);
    temp_dir_remove(dir);
}

Test(store, what_is_not_listed_goes_and_what_is_listed_but_damaged_stays)
{
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, tile_s), ST_OK));
    cr_assert(eq(int, store_rig_checkpoint(s, 11, store_rig_image, 2, tile_s), ST_OK));
    store_close(s);
    store_rig_touch(dir, "edges/00000000000000aa.part", "half a part");
    store_rig_touch(dir, "image/00000000000000bb.image", "half an image");
    store_rig_touch(dir, "edges/readme.txt", "not ours");
    store_rig_touch(dir, "edges/0000000000000002.part", "damaged");
    s = store_rig_open(dir, (struct retention){0});
    struct store_stats stats;
    store_stats(s, &stats);
    cr_expect(eq(u64, stats.lost_blocks, 1));
    cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), 1));
    cr_expect(eq(sz, store_rig_files(dir, "edges"), 3), "two listed, one not ours");
    cr_expect(eq(sz, store_rig_files(dir, "image"), 2));
    store_close(s);
    temp_dir_remove(dir);
}

/* Version 1 of the catalogue knew no series. */
Test(store, an_older_catalogue_is_brought_up_to_date)
{
    char *dir = temp_dir_make(), path[512];
    struct store *s = store_rig_open(dir, (struct retention){0});
    struct image_seen seen;
    cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, tile_s), ST_OK));
    store_close(s);
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/catalogue.db", dir);
    sqlite3_open(path, &db);
    cr_assert(eq(int,
                 sqlite3_exec(db,
                              "DROP TABLE series_state; DROP TABLE series_part; DROP TABLE "
                              "series_tombstone; PRAGMA user_version=1",
                              NULL, NULL, NULL),
                 SQLITE_OK));
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) {
        s = store_rig_open(dir, (struct retention){0});
        cr_expect(eq(u64, store_rig_position(s, &seen), 10));
        cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), 1));
        store_close(s);
    }
    temp_dir_remove(dir);
}

Test(store, a_catalogue_that_is_missing_damaged_or_newer_is_refused)
{
    char *dir = temp_dir_make(), path[512];
    struct store *s = store_rig_open(dir, (struct retention){0});
    cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, tile_s), ST_OK));
    store_close(s);
    struct store_config config = {str_from_c(dir), {0}};
    struct err e = {0};
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/catalogue.db", dir);
    sqlite3_open(path, &db);
    sqlite3_exec(db, "PRAGMA user_version=999", NULL, NULL, NULL);
    sqlite3_close(db);
    cr_expect(eq(int, store_open(&config, &s, &e), ST_UNSUPPORTED));
    cr_expect(ne(ptr, strstr(e.msg, "newer"), NULL), "%s", e.msg);

    store_rig_touch(dir, "catalogue.db", "this is no database, it only stands where one should be");
    cr_expect(eq(int, store_open(&config, &s, &e), ST_CORRUPT));
    unlink(path);
    cr_expect(eq(int, store_open(&config, &s, &e), ST_CORRUPT));
    cr_expect(ne(ptr, strstr(e.msg, "missing"), NULL), "%s", e.msg);
    cr_expect(eq(sz, store_rig_files(dir, "edges"), 1), "nothing was deleted");
    temp_dir_remove(dir);
}

/* --- parts --- */

Test(store, readers_keep_what_was_replaced)
{
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, tile_s), ST_OK));
    const uint64_t other_day_s = tile_s + 86400; /* the writer thread would merge two of one day */
    cr_assert(eq(int, store_rig_checkpoint(s, 11, store_rig_image, 2, other_day_s), ST_OK));
    struct stored_part *parts;
    size_t count;
    cr_assert(eq(int, store_parts_snapshot(s, 11, &parts, &count, NULL), ST_OK));
    cr_assert(eq(sz, count, 2));
    uint64_t ids[] = {parts[0].id, parts[1].id};
    struct buf merged = store_rig_part(tile_s);
    cr_assert(eq(int, store_parts_replace(s, ids, 2, &merged, NULL), ST_OK));
    cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), 1));
    cr_expect(eq(sz, store_rig_files(dir, "edges"), 1));
    cr_expect(eq(u64, edge_part_start_s(parts[1].part), other_day_s), "still readable");
    stored_parts_free(parts, count);
    struct buf rubbish = {0};
    buf_append_str(&rubbish, STR("no part"));
    cr_expect(eq(int, store_parts_replace(s, NULL, 0, &rubbish, NULL), ST_CORRUPT));
    cr_expect(eq(sz, store_rig_files(dir, "edges"), 1));
    store_close(s);
    temp_dir_remove(dir);
}

static uint32_t all_in_one(const struct cell_row *row, void *user)
{
    (void)row;
    (void)user;
    return 0;
}

static bool becomes(struct store *s, size_t parts)
{
    struct patience p = {0};
    while (store_rig_showing(s, UINT64_MAX) != parts)
        if (!patience_left(&p))
            return false;
    return true;
}

/* All requests of the parts that end in [start_s, end_s). */
static uint64_t observed(struct store *s, uint64_t start_s, uint64_t end_s)
{
    struct stored_part *parts;
    struct edge_part *list[8];
    struct edge_result result;
    struct edge_view view = {.parts = list};
    struct edge_query query = {.start_s = start_s,
                               .end_s = end_s,
                               .sections = SECTION_ALL,
                               .group = all_in_one,
                               .max_points = 1};
    size_t count;
    cr_assert(eq(int, store_parts_snapshot(s, UINT64_MAX, &parts, &count, NULL), ST_OK));
    for (view.part_count = 0; view.part_count < count; view.part_count++)
        list[view.part_count] = parts[view.part_count].part;
    cr_assert(eq(int, edge_query_run(&view, &query, &result, NULL), ST_OK));
    uint64_t sum =
        result.series_count && result.series[0].len ? result.series[0].points[0].cell.observed : 0;
    edge_result_deinit(&result);
    stored_parts_free(parts, count);
    return sum;
}

Test(store, retention_drops_old_parts_and_keeps_for_ever_with_0)
{
    uint64_t now_s = clock_wall_ns() / NS_PER_S;
    static const uint64_t hours[] = {0, 24};
    for (size_t i = 0; i < LEN(hours); i++) {
        char *dir = temp_dir_make();
        struct store *s =
            store_rig_open(dir, (struct retention){.edges_ns = hours[i] * 3600 * NS_PER_S});
        cr_assert(
            eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, now_s - 25 * 3600), ST_OK));
        cr_assert(eq(int, store_rig_checkpoint(s, 11, store_rig_image, 2, now_s), ST_OK));
        cr_expect(eq(sz, store_rig_showing(s, 11), 2), "what does not show yet is never dropped");
        uint64_t all = observed(s, 0, UINT64_MAX);
        cr_expect(eq(int, store_compact(s, NULL), ST_OK));
        cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), 2), "sums of what was dropped stay");
        cr_expect(eq(u64, observed(s, BASE_END_S, now_s - 24 * 3600), hours[i] ? 0 : all / 2));
        cr_expect(eq(u64, observed(s, 0, UINT64_MAX), all), "a running total never falls");
        store_close(s);
        temp_dir_remove(dir);
    }
}

/* A wrong time server or an empty battery: all would be older than the retention. */
Test(store, a_clock_that_leaps_ahead_drops_nothing_for_a_day)
{
    static const uint64_t day_ns = 86400 * NS_PER_S;
    char *dir = temp_dir_make();
    struct retention keep = {.edges_ns = 90 * day_ns};
    for (int while_off = 0; while_off < 2; while_off++) {
        clock_set_ns(tile_s * NS_PER_S, day_ns);
        struct store *s = store_rig_open(dir, keep);
        cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, tile_s), ST_OK));
        cr_expect(eq(sz, store_rig_showing(s, 10), 1));
        cr_expect(eq(int, store_compact(s, NULL), ST_OK));
        if (while_off) {
            store_close(s);
            s = store_rig_open(dir, keep);
        }
        uint64_t ahead_ns = (tile_s + 400 * 86400) * NS_PER_S;
        for (uint64_t days = 0; days < 2; days++) {
            clock_set_ns(ahead_ns + days * day_ns, (1 + days) * day_ns);
            cr_expect(eq(int, store_compact(s, NULL), ST_OK));
            cr_expect(eq(u64, observed(s, BASE_END_S, UINT64_MAX) > 0, days == 0));
        }
        store_close(s);
        temp_dir_remove(dir);
        dir = temp_dir_make();
    }
    clock_set_ns(0, 0);
    temp_dir_remove(dir);
}

/* Nobody repairs what would be dropped, and each start named it and counted it as lost. */
Test(store, a_damaged_part_goes_when_it_is_too_old)
{
    static const uint64_t hours[] = {24, 48};
    for (size_t i = 0; i < LEN(hours); i++) {
        char *dir = temp_dir_make();
        struct retention keep = {.edges_ns = hours[i] * 3600 * NS_PER_S};
        struct store *s = store_rig_open(dir, keep);
        struct store_stats stats;
        uint64_t old_s = clock_wall_ns() / NS_PER_S - 25 * 3600;
        cr_assert(eq(int, store_rig_checkpoint(s, 10, store_rig_image, 2, old_s), ST_OK));
        store_close(s);
        store_rig_touch(dir, "edges/0000000000000002.part", "damaged");
        for (uint64_t start = 0; start < 2; start++) {
            s = store_rig_open(dir, keep);
            store_stats(s, &stats);
            cr_expect(eq(u64, stats.lost_blocks, start == 0 || hours[i] == 48));
            cr_expect(eq(int, store_compact(s, NULL), ST_OK));
            store_close(s);
            cr_expect(eq(sz, store_rig_files(dir, "edges"), hours[i] == 48));
        }
        temp_dir_remove(dir);
    }
}

Test(store, retention_keeps_to_its_bytes_and_drops_the_oldest)
{
    char *dir = temp_dir_make();
    struct store_stats stats;
    struct store *s = store_rig_open(dir, (struct retention){0});
    for (uint64_t i = 0; i < 4; i++)
        cr_assert(eq(int,
                     store_rig_checkpoint(s, 10 + i, store_rig_image, 2, tile_s + 86400 * (4 - i)),
                     ST_OK));
    store_stats(s, &stats);
    cr_expect(eq(sz, store_rig_showing(s, 13), 4));
    uint64_t all = observed(s, 0, UINT64_MAX);
    store_close(s);
    s = store_rig_open(dir, (struct retention){.disk_bytes = stats.edge_bytes * 2 / 4});
    store_maintain(s);
    cr_expect(becomes(s, 3), "two that stay, and the sums of the two that went");
    cr_expect(eq(u64, observed(s, 0, UINT64_MAX), all));
    store_stats(s, &stats);
    cr_expect(eq(u64, stats.edge_oldest_ns, (tile_s + 86400 * 3) / 15 * 15 * NS_PER_S));
    store_close(s);
    temp_dir_remove(dir);
}

/* A sector of the first part cannot be read: its merge must not be tried before all others for
 * ever. */
Test(store, a_part_that_cannot_be_read_is_set_aside, .timeout = 60)
{
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    for (uint64_t i = 0; i < 4; i++)
        cr_assert(eq(
            int,
            store_rig_checkpoint(s, 1 + i, store_rig_image, 2, tile_s + 86400 * (i / 2) + 15 * i),
            ST_OK));
    struct stored_part *parts;
    size_t count;
    cr_assert(eq(int, store_parts_snapshot(s, 4, &parts, &count, NULL), ST_OK));
    cr_assert(eq(sz, count, 4));
    int fd = parts[0].part->fd, good = dup(fd), bad = open("/dev/null", O_WRONLY);
    cr_assert(dup2(bad, fd) == fd);
    cr_expect(eq(u64, observed(s, 0, UINT64_MAX), 3), "what can be read is answered");
    for (int i = 0; i < 500 && store_rig_showing(s, UINT64_MAX) != 3; i++) {
        store_maintain(s);
        usleep(10000);
    }
    cr_expect(eq(sz, store_rig_showing(s, UINT64_MAX), 3), "the other day is one part");
    cr_assert(dup2(good, fd) == fd);
    stored_parts_free(parts, count);
    clock_set_ns(clock_wall_ns(), clock_mono_ns() + 3601 * NS_PER_S);
    store_maintain(s);
    cr_expect(becomes(s, 2), "an hour later it is tried again");
    cr_expect(eq(u64, observed(s, 0, UINT64_MAX), 4));
    store_close(s);
    close(good);
    close(bad);
    temp_dir_remove(dir);
}

Test(store, at_rest_it_merges_no_more, .timeout = 60)
{
    char *dir = temp_dir_make();
    struct store *s = store_rig_open(dir, (struct retention){0});
    struct err e = {0};
    for (uint64_t position = 1; position <= 2; position++)
        cr_assert(eq(int, store_rig_checkpoint(s, position, store_rig_image, 2, tile_s), ST_OK));
    store_rest(s);
    cr_expect(eq(sz, store_rig_showing(s, 2), 2));
    cr_expect(eq(int, store_compact(s, &e), ST_BUSY));
    cr_expect(eq(str, e.msg, "weft is stopping"));
    cr_expect(eq(sz, store_rig_showing(s, 2), 2));
    cr_expect(eq(int, store_rig_checkpoint(s, 3, store_rig_image, 2, tile_s), ST_OK));
    store_close(s);
    temp_dir_remove(dir);
}
