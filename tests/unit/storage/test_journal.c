/* test_journal.c - commit order, torn tails, damage, failing disks, trimming and the clock of the
 * journal. */
#include "base/clock.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "storage/journal_format.h"
#include "unit/storage/journal_rig.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void append_and_wait(struct rig *r, size_t bytes, unsigned salt)
{
    struct err e = {0};
    size_t before = r->answered_ok + r->answered_error;
    cr_assert(eq(int, rig_append(r, bytes, salt, &e), ST_OK), "%s", e.msg);
    cr_assert(rig_wait_answers(r, before + 1));
}

/* Queues one batch and returns when its group is written but its sync is held. */
static void append_then_hold(struct rig *r, size_t bytes, unsigned salt)
{
    disk_hold_syncs(true);
    long writes = disk_calls(DISK_WRITE);
    cr_assert(eq(int, rig_append(r, bytes, salt, NULL), ST_OK));
    for (int i = 0; i < 5000 && disk_calls(DISK_WRITE) == writes; i++)
        usleep(1000);
    cr_assert(gt(long, disk_calls(DISK_WRITE), writes));
}

static void expect_bodies(const struct rig *r, size_t count, size_t bytes, unsigned first_salt)
{
    cr_assert(eq(sz, r->heard.len, count));
    for (size_t i = 0; i < count; i++)
        cr_expect(
            eq(u64, r->heard.items[i].body_sum, rig_body_sum(bytes, first_salt + (unsigned)i)),
            "record %zu", i);
}

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
    append_and_wait(&r, 10, 1);
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
    append_and_wait(&r, 10, 0);
    append_then_hold(&r, 10, 1);
    for (unsigned i = 2; i < 12; i++)
        cr_assert(eq(int, rig_append(&r, 10, i, NULL), ST_OK));
    cr_expect(eq(sz, r.answered_ok, 1), "nothing is answered before its sync");
    disk_hold_syncs(false);
    cr_assert(rig_wait_answers(&r, 12));
    journal_stats(r.j, &stats);
    cr_expect(eq(u64, stats.groups, 3), "first, second, the ten together");
    cr_expect(eq(u64, stats.syncs, 3));
    cr_expect(eq(long, disk_calls(DISK_WRITE), 4), "segment head and one write a group");
    expect_bodies(&r, 12, 10, 0);
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
        append_and_wait(&r, 10, 0);
        rig_close(&r, false);
        rig_open(&r, 1);
        journal_stats(r.j, &stats);
        expect_bodies(&r, 1, 10, 0);
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
    append_and_wait(&r, 10, 0);
    cr_expect(eq(sz, r.answered_ok, 1));
    cr_assert(rig_wait_heard(&r, 1), "the pipeline gets it all the same");
    rig_deinit(&r);
}

/* --- damage --- */

/* A journal of six records in groups of 1, 2, 1, 2. Returns the segment's committed length. */
static uint64_t small_journal(struct rig *r)
{
    struct journal_stats stats;
    disk_reset();
    rig_init(r, ACK_DISK, 0);
    rig_open(r, 0);
    rig_start(r);
    for (unsigned i = 0; i < 6; i += 3) {
        append_then_hold(r, 20, i);
        rig_append(r, 20, i + 1, NULL);
        rig_append(r, 20, i + 2, NULL);
        disk_hold_syncs(false);
        cr_assert(rig_wait_answers(r, i + 3));
    }
    journal_stats(r->j, &stats);
    cr_assert(eq(u64, stats.groups, 4));
    rig_close(r, true);
    return stats.bytes_since_trim;
}

static void segment_name(const struct rig *r, unsigned number, char *out, size_t cap)
{
    snprintf(out, cap, "%s/%016x.journal", r->directory, number);
}

static char *read_segment(const struct rig *r, unsigned number, size_t *len)
{
    char path[256], *bytes;
    segment_name(r, number, path, sizeof(path));
    cr_assert(eq(int, file_read_all(path, 64 * MIB, &bytes, len, NULL), ST_OK));
    return bytes;
}

/* The directory then holds this segment 1 (and 2 when given) and nothing else. */
static void write_segments(const struct rig *r, struct str first, struct str second)
{
    char path[256];
    for (unsigned n = 1; n < 6; n++) {
        segment_name(r, n, path, sizeof(path));
        unlink(path);
    }
    struct str contents[] = {first, second};
    for (unsigned n = 0; n < 2; n++) {
        if (!contents[n].ptr)
            continue;
        segment_name(r, n + 1, path, sizeof(path));
        int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        cr_assert(write(fd, contents[n].ptr, contents[n].len) == (ssize_t)contents[n].len);
        close(fd);
    }
}

Test(journal, a_tail_torn_at_any_byte_leaves_the_whole_groups)
{
    struct rig r;
    uint64_t end = small_journal(&r);
    size_t len;
    char *bytes = read_segment(&r, 1, &len);
    cr_assert(eq(u64, len, end), "a clean stop cuts the preallocated rest");
    size_t seen_before = 0;
    for (size_t cut = 0; cut <= len; cut++) {
        if (cut > 2 * SEGMENT_HEAD_BYTES && cut < SEGMENT_DATA_AT)
            continue;
        write_segments(&r, (struct str){bytes, cut}, (struct str){0});
        uint64_t last = rig_open(&r, 1);
        size_t whole = r.heard.len;
        expect_bodies(&r, whole, 20, 0);
        cr_expect(ge(sz, whole, seen_before));
        cr_expect(eq(u64, last, whole));
        struct journal_stats stats;
        journal_stats(r.j, &stats);
        cr_expect(eq(u64, stats.bad_records, 0));
        /* The journal goes on behind the cut. */
        if (cut % 16 == 0) {
            rig_start(&r);
            append_and_wait(&r, 20, (unsigned)whole);
            rig_close(&r, false);
            rig_open(&r, 1);
            expect_bodies(&r, whole + 1, 20, 0);
        }
        rig_close(&r, false);
        seen_before = whole;
    }
    cr_expect(eq(sz, seen_before, 6));
    mem_free(bytes);
    rig_deinit(&r);
}

Test(journal, torn_bytes_are_counted)
{
    struct rig r;
    struct journal_stats stats;
    uint64_t end = small_journal(&r);
    size_t len;
    char *bytes = read_segment(&r, 1, &len);
    write_segments(&r, (struct str){bytes, end - 1}, (struct str){0});
    rig_open(&r, 1);
    journal_stats(r.j, &stats);
    cr_expect(gt(u64, stats.torn_bytes, 0));
    cr_expect(lt(u64, stats.torn_bytes, end - SEGMENT_DATA_AT));
    mem_free(bytes);
    rig_deinit(&r);
}

static void expect_only_true_records(const struct rig *r, size_t at, unsigned bit)
{
    uint64_t last = 0;
    for (size_t i = 0; i < r->heard.len; i++) {
        const struct heard *h = &r->heard.items[i];
        cr_assert(gt(u64, h->sequence, last), "never twice, never backwards: byte %zu bit %u", at,
                  bit);
        cr_assert(eq(u64, h->body_sum, rig_body_sum(20, (unsigned)h->sequence - 1)),
                  "byte %zu bit %u", at, bit);
        last = h->sequence;
    }
}

Test(journal, a_flipped_bit_costs_at_most_one_group_and_is_counted, .timeout = 120)
{
    struct rig r;
    uint64_t end = small_journal(&r);
    rig_open(&r, 1);
    rig_start(&r);
    append_and_wait(&r, 20, 6);
    rig_close(&r, true);
    size_t len, len2;
    char *bytes = read_segment(&r, 1, &len), *bytes2 = read_segment(&r, 2, &len2);
    cr_assert(eq(u64, len, end));
    for (size_t at = 0; at < len; at++) {
        if (at >= 2 * SEGMENT_HEAD_BYTES && at < SEGMENT_DATA_AT)
            continue;
        unsigned bit = (unsigned)(at * 5 % 8);
        bytes[at] = (char)(bytes[at] ^ (1 << bit));
        write_segments(&r, (struct str){bytes, len}, (struct str){bytes2, len2});
        rig_open(&r, 1);
        struct journal_stats stats;
        journal_stats(r.j, &stats);
        expect_only_true_records(&r, at, bit);
        cr_expect(ge(sz, r.heard.len, 5), "byte %zu: one group of two at most", at);
        cr_expect(eq(u64, stats.bad_records, 7 - r.heard.len), "byte %zu: counted", at);
        cr_expect(eq(u64, r.heard.items[r.heard.len - 1].sequence, 7), "the next segment is whole");
        rig_close(&r, false);
        bytes[at] = (char)(bytes[at] ^ (1 << bit));
    }
    mem_free(bytes);
    mem_free(bytes2);
    rig_deinit(&r);
}

Test(journal, a_missing_segment_is_counted_and_a_newer_format_refused)
{
    struct rig r;
    struct err e = {0};
    small_journal(&r);
    rig_open(&r, 1);
    rig_start(&r);
    append_and_wait(&r, 20, 6);
    rig_close(&r, true);
    size_t len, len2;
    char *bytes = read_segment(&r, 1, &len), *bytes2 = read_segment(&r, 2, &len2);
    write_segments(&r, (struct str){0}, (struct str){bytes2, len2});
    rig_open(&r, 1);
    struct journal_stats stats;
    journal_stats(r.j, &stats);
    cr_expect(eq(u64, stats.bad_records, 6));
    cr_expect(eq(sz, r.heard.len, 1));
    rig_close(&r, false);

    bytes[8] = 2; /* version, with its checksum made to fit */
    uint64_t sum = hash_bytes(bytes, SEGMENT_HEAD_BYTES - 8, 0);
    memcpy(bytes + SEGMENT_HEAD_BYTES - 8, &sum, 8);
    write_segments(&r, (struct str){bytes, len}, (struct str){0});
    cr_expect(eq(int, journal_open(&r.config, &r.j, &e), ST_UNSUPPORTED));
    cr_expect(ne(ptr, strstr(e.msg, "newer"), NULL), "%s", e.msg);
    r.j = NULL;
    mem_free(bytes);
    mem_free(bytes2);
    rig_deinit(&r);
}

/* --- failing disks --- */

enum { RUN = 12 };

/* A run of RUN small appends, one after the other, in small segments; then a replay of what is
 * there. Every OK is there once, every failure is not. */
static void run_with_plan(enum disk_call call, struct disk_plan plan)
{
    struct rig r;
    bool ok[RUN] = {false};
    disk_reset();
    rig_init(&r, ACK_DISK, 64 * KIB);
    rig_open(&r, 0);
    disk_plans[call] = plan;
    rig_start(&r);
    for (unsigned i = 0; i < RUN; i++) {
        size_t before = r.answered_ok, answers = before + r.answered_error;
        if (rig_append(&r, 20 * KIB, i, NULL) != ST_OK)
            continue;
        cr_assert(rig_wait_answers(&r, answers + 1));
        ok[i] = r.answered_ok > before;
    }
    cr_expect(not(r.order_broken));
    rig_close(&r, false);
    disk_reset();
    rig_open(&r, 1);
    size_t at = 0;
    for (unsigned i = 0; i < RUN; i++) {
        bool there = at < r.heard.len && r.heard.items[at].body_sum == rig_body_sum(20 * KIB, i);
        cr_assert(eq(int, there, ok[i]), "call %d from %ld for %ld: record %u", (int)call,
                  plan.first, plan.count, i);
        at += there;
    }
    cr_assert(eq(sz, at, r.heard.len), "nothing else is replayed");
    rig_deinit(&r);
}

Test(journal, any_failing_call_loses_nothing_acknowledged, .timeout = 300)
{
    static const int errors[] = {EIO, ENOSPC};
    enum { CALLS = 24 }; /* the run makes fewer of each kind */
    for (int c = 0; c < DISK_CALLS; c++) {
        for (long n = 0; n < CALLS; n++) {
            for (long length = 1; length <= 4; length += 1 + (length > 1))
                run_with_plan((enum disk_call)c, (struct disk_plan){n, length, errors[n % 2]});
        }
    }
}

Test(journal, one_failing_sync_is_retried_in_a_new_segment)
{
    struct rig r;
    disk_reset();
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    append_and_wait(&r, 20, 0);
    disk_plans[DISK_SYNC] = (struct disk_plan){disk_calls(DISK_SYNC), 1, EIO};
    disk_plans[DISK_TRUNCATE] =
        (struct disk_plan){0, 1000, EIO}; /* and the abandoned bytes stay on disk */
    append_and_wait(&r, 20, 1);
    cr_expect(eq(sz, r.answered_ok, 2));
    rig_close(&r, false);
    rig_open(&r, 1);
    expect_bodies(&r, 2, 20, 0);
    rig_deinit(&r);
}

Test(journal, a_voided_group_is_never_replayed_even_when_its_bytes_stay)
{
    struct rig r;
    struct err e = {0};
    disk_reset();
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    append_and_wait(&r, 20, 0);
    /* The group's sync and that of the next segment's head. */
    disk_plans[DISK_SYNC] = (struct disk_plan){disk_calls(DISK_SYNC), 2, EIO};
    disk_plans[DISK_TRUNCATE] = (struct disk_plan){0, 1000, EIO};
    append_and_wait(&r, 20, 99);
    cr_expect(eq(sz, r.answered_error, 1));
    cr_expect(eq(int, rig_append(&r, 20, 98, &e), ST_IO), "refused at once while the disk fails");
    for (int i = 0; i < 300 && rig_append(&r, 20, 1, &e) != ST_OK; i++)
        usleep(10000);
    cr_assert(rig_wait_answers(&r, 3), "it comes back by itself");
    cr_expect(eq(sz, r.answered_ok, 2));
    rig_close(&r, false);
    rig_open(&r, 1);
    expect_bodies(&r, 2, 20, 0);
    rig_deinit(&r);
}

Test(journal, probing_a_dead_disk_backs_off)
{
    struct rig r;
    disk_reset();
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    disk_plans[DISK_ALLOCATE] = (struct disk_plan){0, 100000, ENOSPC};
    rig_start(&r);
    append_and_wait(&r, 20, 0);
    cr_expect(eq(sz, r.answered_error, 1));
    long before = disk_calls(DISK_ALLOCATE);
    usleep(1000 * 1000);
    long probes = disk_calls(DISK_ALLOCATE) - before;
    cr_expect(ge(long, probes, 2));
    cr_expect(le(long, probes, 6), "100, 200, 400, 800 ms");
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
    cr_expect(gt(uint, sent, 60));
    cr_assert(rig_wait_answers(&r, sent));
    cr_expect(eq(sz, r.answered_ok, sent));
    cr_expect(eq(int, journal_append_flush(r.j, &e), ST_OK));
    cr_assert(rig_wait_heard(&r, sent + 1));
    cr_expect(eq(int, rig_append(&r, 2 * MIB, 0, &e), ST_TOO_BIG));
    struct journal_stats stats;
    journal_stats(r.j, &stats);
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
        append_and_wait(&r, 20 * KIB, i);
    struct journal_stats before, after;
    journal_stats(r.j, &before);
    journal_trim(r.j, 12);
    journal_stats(r.j, &after);
    cr_expect(lt(u64, after.bytes, before.bytes));
    cr_expect(eq(u64, before.oldest_ns, 1700000000000000000ull));
    cr_expect(gt(u64, after.oldest_ns, before.oldest_ns));
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

Test(journal, a_replay_beyond_what_is_there_goes_on_behind_it)
{
    struct rig r;
    rig_init(&r, ACK_DISK, 0);
    cr_expect(eq(u64, rig_open(&r, 500), 499));
    rig_start(&r);
    append_and_wait(&r, 10, 0);
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
    append_and_wait(&r, 10, 0);
    uint64_t first = r.heard.items[0].clock_ns;
    clock_set_ns(wall + 3600 * NS_PER_S, 5001 * NS_PER_S); /* the wall leaps, one second passes */
    append_and_wait(&r, 10, 1);
    clock_set_ns(1, 5002 * NS_PER_S);
    append_and_wait(&r, 10, 2);
    cr_expect(eq(u64, r.heard.items[1].clock_ns - first, NS_PER_S));
    cr_expect(eq(u64, r.heard.items[2].clock_ns - first, 2 * NS_PER_S));
    uint64_t last = r.heard.items[2].clock_ns;
    rig_close(&r, false);

    clock_set_ns(wall + 7200 * NS_PER_S, 10 * NS_PER_S); /* the machine was started again */
    rig_open(&r, 1);
    rig_start(&r);
    append_and_wait(&r, 10, 3);
    cr_expect(eq(u64, r.heard.items[0].clock_ns, last));
    /* While ticks are on, a stopped process is not 30 s of nothing coming in. */
    journal_set_ticking(r.j, true);
    clock_set_ns(wall, 40 * NS_PER_S);
    append_and_wait(&r, 10, 4);
    const struct heard *h = &r.heard.items[r.heard.len - 1];
    cr_expect(le(u64, h->clock_ns - last, 2 * NS_PER_S));
    rig_deinit(&r);
}

Test(journal, ticks_come_each_second_while_they_are_on)
{
    struct rig r;
    rig_init(&r, ACK_DISK, 0);
    rig_open(&r, 0);
    rig_start(&r);
    journal_set_ticking(r.j, true);
    uint64_t start = clock_mono_ns();
    cr_assert(rig_wait_heard(&r, 2));
    uint64_t took = clock_mono_ns() - start;
    cr_expect(ge(u64, took, 1900 * NS_PER_MS));
    cr_expect(le(u64, took, 4000 * NS_PER_MS));
    journal_set_ticking(r.j, false);
    size_t count = r.heard.len;
    usleep(1300 * 1000);
    cr_expect(le(sz, r.heard.len, count + 1));
    cr_expect(eq(int, r.heard.items[0].kind, HEARD_TICK));
    uint64_t step = r.heard.items[1].clock_ns - r.heard.items[0].clock_ns;
    cr_expect(ge(u64, step, 900 * NS_PER_MS));
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
    append_and_wait(&r, 20, 0);
    append_and_wait(&r, 0, 1);
    cr_assert(eq(int, journal_append_flush(r.j, NULL), ST_OK));
    cr_assert(rig_wait_heard(&r, 3));
    rig_close(&r, true);
    char *bytes = read_segment(&r, 1, &len);
    snprintf(golden_path, sizeof(golden_path), "%s/tests/golden/journal_v1.bin", WEFT_SOURCE_DIR);
    if (getenv("WEFT_GOLDEN_WRITE"))
        cr_assert(eq(int, file_replace(golden_path, (struct str){bytes, len}, NULL), ST_OK));
    cr_assert(eq(int, file_read_all(golden_path, MIB, &golden, &golden_len, NULL), ST_OK));
    cr_expect(eq(sz, len, golden_len));
    cr_expect(len == golden_len && memcmp(bytes, golden, len) == 0,
              "written bytes differ from journal_v1.bin");
    write_segments(&r, (struct str){golden, golden_len}, (struct str){0});
    cr_expect(eq(u64, rig_open(&r, 1), 3));
    cr_expect(eq(sz, r.heard.len, 3));
    cr_expect(eq(int, r.heard.items[2].kind, HEARD_FLUSH));
    mem_free(bytes);
    mem_free(golden);
    rig_deinit(&r);
}
