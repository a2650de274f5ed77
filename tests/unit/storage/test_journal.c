/* test_journal.c - commit order, torn tails, damage, failing disks, trimming and the clock of the
 * journal. */
#include "base/clock.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "storage/journal_format.h"
#include "tests/unit/storage/journal_rig.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- commit --- */

Test(journal, round_trip_keeps_every_field_and_the_order)
{
    static const size_t sizes[] = {0, 1, 100, 32 * KIB - 1, 32 * KIB, 300 * KIB, 9 * MIB};
    struct rig r;
    rig_init(&r, ACK_DISK, 0);
    cr_expect(eq(u64, rig_open(&r, 0), 0));
    rig_start(&r);
    for (unsigned i = 0; i < LEN(sizes); i++)
        cr_assert(eq(int, rig_append(&r, sizes[i], i, NULL), ST_OK));
    cr_assert(rig_wait_answers(&r, LEN(sizes)));
    cr_expect(eq(sz, r.answered_ok, LEN(sizes)));
    cr_expect(not(r.order_broken), "an answer came before the sink");
    rig_close(&r, false);

    cr_expect(eq(u64, rig_open(&r, 1), LEN(sizes)));
    cr_assert(eq(sz, r.heard.len, LEN(sizes)));
    for (unsigned i = 0; i < LEN(sizes); i++) {
        const struct heard *h = &r.heard.items[i];
        cr_expect(eq(u64, h->sequence, i + 1));
        cr_expect(eq(u64, h->wall_ns, 1700000000000000000ull + i));
        cr_expect(eq(sz, h->body_bytes, sizes[i]));
        cr_expect(eq(u64, h->body_sum, rig_body_sum(sizes[i], i)), "size %zu", sizes[i]);
    }
    rig_deinit(&r);
}

static void keep_fields(struct batch *b, void *user)
{
    cr_expect(str_eq(b->sender, STR("127.0.0.1:4242")));
    cr_expect(str_eq(b->user_agent, STR("OTel-OTLP-Exporter-Envoy")));
    cr_expect(eq(int, b->signal, BATCH_SPANS));
    cr_expect(eq(int, b->encoding, ENCODING_PROTOBUF));
    cr_expect(eq(int, b->compression, COMPRESSION_GZIP));
    ++*(int *)user;
    batch_free(b);
}

Test(journal, replay_gives_the_sender_and_the_encoding)
{
    struct rig r;
    int count = 0;
    uint64_t last;
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    rig_append_and_wait(&r, 10, 1);
    rig_close(&r, true);
    cr_assert(eq(int, journal_open(&r.config, &r.j, NULL), ST_OK));
    struct journal_sink sink = {.batch = keep_fields, .user = &count};
    cr_assert(eq(int, journal_replay(r.j, 1, &sink, &last, NULL), ST_OK));
    cr_expect(eq(int, count, 1));
    rig_deinit(&r);
}

Test(journal, what_waits_during_a_sync_is_one_group)
{
    struct rig r;
    struct journal_stats stats;
    disk_reset();
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    rig_append_and_wait(&r, 10, 0);
    rig_append_then_hold(&r, 10, 1);
    for (unsigned i = 2; i < 12; i++)
        cr_assert(eq(int, rig_append(&r, 10, i, NULL), ST_OK));
    cr_expect(eq(sz, r.answered_ok, 1), "nothing is answered before its sync");
    disk_hold_syncs(false);
    cr_assert(rig_wait_answers(&r, 12));
    journal_stats(r.j, 0, &stats);
    cr_expect(eq(u64, stats.groups, 3), "first, second, the ten together");
    cr_expect(eq(u64, stats.syncs, 3));
    cr_expect(eq(long, disk_calls(DISK_WRITE), 4), "segment head and one write a group");
    rig_expect_bodies(&r, 12, 10, 0);
    rig_deinit(&r);
}

Test(journal, kernel_and_memory_acks_do_not_sync)
{
    static const enum ack_mode modes[] = {ACK_KERNEL, ACK_MEMORY};
    for (size_t i = 0; i < LEN(modes); i++) {
        struct rig r;
        struct journal_stats stats;
        rig_init(&r, modes[i], 0);
        rig_open(&r, 0);
        rig_start(&r);
        rig_append_and_wait(&r, 10, 0);
        rig_close(&r, false);
        rig_open(&r, 1);
        journal_stats(r.j, 0, &stats);
        rig_expect_bodies(&r, 1, 10, 0);
        cr_expect(eq(u64, stats.syncs, 0));
        rig_deinit(&r);
    }
}

Test(journal, memory_ack_comes_before_the_write_and_lives_on_without_it)
{
    struct rig r;
    disk_reset();
    disk_plans[DISK_WRITE] = (struct disk_plan){0, 1000, EIO};
    rig_init(&r, ACK_MEMORY, 0);
    rig_open(&r, 0);
    rig_start(&r);
    rig_append_and_wait(&r, 10, 0);
    cr_expect(eq(sz, r.answered_ok, 1));
    cr_assert(rig_wait_heard(&r, 1), "the pipeline gets it all the same");
    rig_deinit(&r);
}

/* --- room, trimming, clean stop --- */

Test(journal, over_max_is_busy_but_a_flush_still_fits)
{
    struct rig r;
    struct err e = {0};
    rig_init(&r, ACK_KERNEL, 64 * KIB);
    r.config.max_bytes = 1 * MIB;
    rig_open(&r, 0);
    rig_start(&r);
    enum status st = ST_OK;
    unsigned sent = 0;
    while (sent < 200 && (st = rig_append(&r, 10 * KIB, sent, &e)) == ST_OK)
        sent++;
    cr_expect(eq(int, st, ST_BUSY), "%s", e.msg);
    /* 76 would fit; what groups leave unused at the end of these short segments counts too. */
    cr_expect(sent > 30);
    cr_assert(rig_wait_answers(&r, sent));
    cr_expect(eq(sz, r.answered_ok, sent));
    cr_expect(eq(int, journal_append_flush(r.j, &e), ST_OK));
    cr_assert(rig_wait_heard(&r, sent + 1));
    cr_expect(eq(int, rig_append(&r, 2 * MIB, 0, &e), ST_TOO_BIG));
    struct journal_stats stats;
    journal_stats(r.j, 0, &stats);
    cr_expect(le(u64, stats.bytes, r.config.max_bytes));
    /* A checkpoint makes room. */
    journal_trim(r.j, stats.last_sequence + 1);
    cr_expect(eq(int, rig_append(&r, 10 * KIB, 0, &e), ST_OK), "%s", e.msg);
    rig_deinit(&r);
}

Test(journal, trim_drops_only_what_lies_wholly_before)
{
    struct rig r;
    rig_init(&r, ACK_KERNEL, 64 * KIB);
    rig_open(&r, 0);
    rig_start(&r);
    for (unsigned i = 0; i < 20; i++)
        rig_append_and_wait(&r, 20 * KIB, i);
    struct journal_stats before, from_twelve, after;
    journal_stats(r.j, 0, &before);
    journal_stats(r.j, 12, &from_twelve);
    journal_trim(r.j, 12);
    journal_stats(r.j, 0, &after);
    cr_expect(lt(u64, after.replay_bytes, before.replay_bytes));
    cr_expect(eq(u64, after.replay_bytes, from_twelve.replay_bytes));
    cr_expect(eq(u64, before.oldest_ns, 1700000000000000000ull));
    cr_expect(after.oldest_ns > before.oldest_ns);
    rig_close(&r, false);
    cr_expect(eq(u64, rig_open(&r, 12), 20));
    cr_assert(eq(sz, r.heard.len, 9));
    cr_expect(eq(u64, r.heard.items[0].sequence, 12));
    rig_close(&r, false);
    /* Trimming everything keeps the newest segment, and with it the sequence. */
    rig_open(&r, 21);
    journal_trim(r.j, 1000);
    rig_close(&r, false);
    cr_expect(eq(u64, rig_open(&r, 21), 20));
    cr_expect(eq(sz, r.heard.len, 0));
    rig_deinit(&r);
}

/* With and without the trim: a crash may come between both. */
Test(journal, a_clean_stop_lets_every_record_go)
{
    for (unsigned trims = 0; trims < 2; trims++) {
        struct rig r;
        rig_init(&r, ACK_DISK, 64 * KIB);
        rig_open(&r, 0);
        rig_start(&r);
        for (unsigned i = 0; i < 6; i++)
            rig_append_and_wait(&r, 20 * KIB, i);
        struct journal_stats before, after;
        journal_stop(r.j, true);
        journal_stats(r.j, 0, &before);
        journal_let_go(r.j);
        if (trims)
            journal_trim(r.j, 7);
        journal_stats(r.j, 0, &after);
        if (trims)
            cr_expect(eq(u64, after.bytes, SEGMENT_DATA_AT), "an empty segment alone is left");
        rig_close(&r, false);
        cr_expect(eq(u64, rig_open(&r, trims ? 7 : 1), 6), "the sequence goes on");
        cr_expect(eq(sz, r.heard.len, trims ? 0 : 6));
        rig_start(&r);
        journal_stats(r.j, 0, &after);
        cr_expect(ge(u64, after.clock_ns, before.clock_ns));
        cr_expect(eq(u64, after.bad_records + after.torn_bytes, 0));
        rig_append_and_wait(&r, 20, 6);
        rig_close(&r, true);
        cr_expect(eq(u64, rig_open(&r, 7), 7));
        cr_assert(eq(sz, r.heard.len, 1));
        cr_expect(eq(u64, r.heard.items[0].sequence, 7));
        cr_expect(eq(u64, r.heard.items[0].body_sum, rig_body_sum(20, 6)));
        rig_deinit(&r);
    }
}

/* A trimmed file becomes a later segment; nothing of its first life is ever delivered again. */
Test(journal, a_recycled_segment_holds_only_its_second_life)
{
    static const struct {
        const char *name;
        bool clean_stop;
    } rows[] = {{"clean stop", true}, {"killed", false}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct rig r;
        struct journal_stats stats;
        rig_init(&r, ACK_DISK, 64 * KIB);
        disk_reset();
        rig_open(&r, 0);
        rig_start(&r);
        for (unsigned k = 0; k < 20; k++)
            rig_append_and_wait(&r, 20 * KIB, k);
        journal_trim(r.j, 21);
        long allocated = disk_calls(DISK_ALLOCATE);
        for (unsigned k = 20; k < 27; k++)
            rig_append_and_wait(&r, 20 * KIB, k);
        cr_expect(eq(sz, (size_t)(disk_calls(DISK_ALLOCATE) - allocated), 0), "row %s",
                  rows[i].name);
        rig_close(&r, rows[i].clean_stop);
        cr_expect(eq(u64, rig_open(&r, 21), 27), "row %s", rows[i].name);
        rig_expect_bodies(&r, 7, 20 * KIB, 20);
        journal_stats(r.j, 0, &stats);
        cr_expect(eq(u64, stats.bad_records, 0), "row %s", rows[i].name);
        cr_expect(eq(u64, stats.torn_bytes, 0), "row %s", rows[i].name);
        rig_deinit(&r);
    }
}

Test(journal, a_replay_beyond_what_is_there_goes_on_behind_it)
{
    struct rig r;
    rig_init(&r, ACK_DISK, 0);
    cr_expect(eq(u64, rig_open(&r, 500), 499));
    rig_start(&r);
    rig_append_and_wait(&r, 10, 0);
    cr_expect(eq(u64, r.heard.items[0].sequence, 500));
    rig_deinit(&r);
}

Test(journal, stop_commits_what_is_queued)
{
    struct rig r;
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    for (unsigned i = 0; i < 50; i++)
        cr_assert(eq(int, rig_append(&r, 100, i, NULL), ST_OK));
    journal_stop(r.j, true);
    cr_expect(eq(sz, r.answered_ok, 50));
    cr_expect(eq(int, rig_append(&r, 100, 0, NULL), ST_BUSY));
    rig_deinit(&r);
}

/* --- the clock --- */

Test(journal, the_clock_follows_monotonic_time_and_stands_still_while_down)
{
    const uint64_t wall = 1700000000 * NS_PER_S;
    struct rig r;
    clock_set_ns(wall, 5000 * NS_PER_S);
    rig_init(&r, ACK_KERNEL, 0);
    rig_open(&r, 0);
    rig_start(&r);
    rig_append_and_wait(&r, 10, 0);
    uint64_t first = r.heard.items[0].clock_ns;
    clock_set_ns(wall + 3600 * NS_PER_S, 5001 * NS_PER_S); /* the wall leaps, one second passes */
    rig_append_and_wait(&r, 10, 1);
    clock_set_ns(1, 5002 * NS_PER_S);
    rig_append_and_wait(&r, 10, 2);
    cr_expect(eq(u64, r.heard.items[1].clock_ns - first, NS_PER_S));
    cr_expect(eq(u64, r.heard.items[2].clock_ns - first, 2 * NS_PER_S));
    uint64_t last = r.heard.items[2].clock_ns;
    rig_close(&r, false);

    clock_set_ns(wall + 7200 * NS_PER_S, 10 * NS_PER_S); /* the machine was started again */
    rig_open(&r, 1);
    rig_start(&r);
    rig_append_and_wait(&r, 10, 3);
    cr_expect(eq(u64, r.heard.items[0].clock_ns, last));
    /* While ticks are on, a stopped process is not 30 s of nothing coming in. */
    journal_set_ticking(r.j, true);
    clock_set_ns(wall, 40 * NS_PER_S);
    rig_append_and_wait(&r, 10, 4);
    const struct heard *h = &r.heard.items[r.heard.len - 1];
    cr_expect(le(u64, h->clock_ns - last, 2 * NS_PER_S));
    rig_deinit(&r);
}

Test(journal, a_tick_comes_at_once_when_asked_for)
{
    struct rig r;
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    uint64_t start = clock_mono_ns();
    journal_set_ticking(r.j, true);
    for (size_t i = 1; i <= 5; i++) {
        journal_tick_soon(r.j);
        cr_assert(rig_wait_heard(&r, i));
    }
    cr_expect(lt(u64, clock_mono_ns() - start, 3 * NS_PER_S), "those of five seconds take longer");
    /* The one of the second comes all the same, and not another one. */
    cr_assert(rig_wait_heard(&r, 6));
    cr_expect(ge(u64, clock_mono_ns() - start, NS_PER_S));
    rig_deinit(&r);
}

Test(journal, ticks_come_each_second_while_they_are_on)
{
    struct rig r;
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    uint64_t start = clock_mono_ns();
    journal_set_ticking(r.j, true);
    cr_assert(rig_wait_heard(&r, 2));
    uint64_t took = clock_mono_ns() - start;
    /* The second one may come half a second behind the first, when that was late. */
    cr_expect(ge(u64, took, 1500 * NS_PER_MS));
    journal_set_ticking(r.j, false);
    size_t count = r.heard.len;
    usleep(1300 * 1000);
    cr_expect(le(sz, r.heard.len, count + 1));
    cr_expect(eq(int, r.heard.items[0].kind, HEARD_TICK));
    uint64_t step = r.heard.items[1].clock_ns - r.heard.items[0].clock_ns;
    cr_expect(step > 0 && step <= took, "%llu ns", (unsigned long long)step);
    rig_deinit(&r);
}

/* --- the format --- */

Test(journal, golden_segment)
{
    struct rig r;
    char golden_path[512], *golden;
    size_t len, golden_len;
    clock_set_ns(1700000000 * NS_PER_S, 77 * NS_PER_S);
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    rig_append_and_wait(&r, 20, 0);
    rig_append_and_wait(&r, 0, 1);
    cr_assert(eq(int, journal_append_flush(r.j, NULL), ST_OK));
    cr_assert(rig_wait_heard(&r, 3));
    rig_close(&r, true);
    char *bytes = rig_read_segment(&r, 1, &len);
    snprintf(golden_path, sizeof(golden_path), "%s/tests/golden/journal_v1.bin", WEFT_SOURCE_DIR);
    if (getenv("WEFT_GOLDEN_WRITE"))
        cr_assert(eq(int, file_replace(golden_path, (struct str){bytes, len}, NULL), ST_OK));
    cr_assert(eq(int, file_read_all(golden_path, MIB, &golden, &golden_len, NULL), ST_OK));
    cr_expect(eq(sz, len, golden_len));
    cr_expect(len == golden_len && memcmp(bytes, golden, len) == 0,
              "written bytes differ from journal_v1.bin");
    rig_write_segments(&r, (struct str){golden, golden_len}, (struct str){0});
    cr_expect(eq(u64, rig_open(&r, 1), 3));
    cr_expect(eq(sz, r.heard.len, 3));
    cr_expect(eq(int, r.heard.items[2].kind, HEARD_FLUSH));
    mem_free(bytes);
    mem_free(golden);
    rig_deinit(&r);
}
