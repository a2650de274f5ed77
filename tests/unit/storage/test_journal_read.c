/* test_journal_read.c - torn tails, flipped bits, missing segments: what is delivered is true, what
 * is lost is counted. */
#include "base/fileio.h"
#include "base/hash.h"
#include "storage/journal_format.h"
#include "tests/unit/storage/journal_rig.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A journal of six records in groups of 1, 2, 1, 2. Returns the segment's committed length. */
static uint64_t small_journal(struct rig *r)
{
    struct journal_stats stats;
    disk_reset();
    rig_init(r, ACK_DISK, 0);
    rig_open(r, 0);
    rig_start(r);
    for (unsigned i = 0; i < 6; i += 3) {
        rig_append_then_hold(r, 20, i);
        rig_append(r, 20, i + 1, NULL);
        rig_append(r, 20, i + 2, NULL);
        disk_hold_syncs(false);
        cr_assert(rig_wait_answers(r, i + 3));
    }
    journal_stats(r->j, 0, &stats);
    cr_assert(eq(u64, stats.groups, 4));
    rig_close(r, true);
    return stats.replay_bytes;
}

Test(journal_read, a_tail_torn_at_any_byte_leaves_the_whole_groups)
{
    struct rig r;
    uint64_t end = small_journal(&r);
    size_t len;
    char *bytes = rig_read_segment(&r, 1, &len);
    cr_assert(eq(u64, len, end), "a clean stop cuts the preallocated rest");
    size_t seen_before = 0;
    for (size_t cut = 0; cut <= len; cut++) {
        if (cut > 2 * SEGMENT_HEAD_BYTES && cut < SEGMENT_DATA_AT)
            continue;
        rig_write_segments(&r, (struct str){bytes, cut}, (struct str){0});
        uint64_t last = rig_open(&r, 1);
        size_t whole = r.heard.len;
        rig_expect_bodies(&r, whole, 20, 0);
        cr_expect(ge(sz, whole, seen_before));
        cr_expect(eq(u64, last, whole));
        struct journal_stats stats;
        journal_stats(r.j, 0, &stats);
        cr_expect(eq(u64, stats.bad_records, 0));
        /* The journal goes on behind the cut. */
        if (cut % 16 == 0) {
            rig_start(&r);
            rig_append_and_wait(&r, 20, (unsigned)whole);
            rig_close(&r, false);
            rig_open(&r, 1);
            rig_expect_bodies(&r, whole + 1, 20, 0);
        }
        rig_close(&r, false);
        seen_before = whole;
    }
    cr_expect(eq(sz, seen_before, 6));
    mem_free(bytes);
    rig_deinit(&r);
}

Test(journal_read, torn_bytes_are_counted)
{
    struct rig r;
    struct journal_stats stats;
    uint64_t end = small_journal(&r);
    size_t len;
    char *bytes = rig_read_segment(&r, 1, &len);
    rig_write_segments(&r, (struct str){bytes, end - 1}, (struct str){0});
    rig_open(&r, 1);
    journal_stats(r.j, 0, &stats);
    cr_expect(stats.torn_bytes > 0);
    cr_expect(lt(u64, stats.torn_bytes, end - SEGMENT_DATA_AT));
    mem_free(bytes);
    rig_deinit(&r);
}

static void expect_only_true_records(const struct rig *r, size_t at, unsigned bit)
{
    uint64_t last = 0;
    for (size_t i = 0; i < r->heard.len; i++) {
        const struct heard *h = &r->heard.items[i];
        cr_assert(h->sequence > last, "never twice, never backwards: byte %zu bit %u", at, bit);
        cr_assert(eq(u64, h->body_sum, rig_body_sum(20, (unsigned)h->sequence - 1)),
                  "byte %zu bit %u", at, bit);
        last = h->sequence;
    }
}

Test(journal_read, a_flipped_bit_costs_at_most_one_group_and_is_counted, .timeout = 120)
{
    struct rig r;
    uint64_t end = small_journal(&r);
    rig_open(&r, 1);
    rig_start(&r);
    rig_append_and_wait(&r, 20, 6);
    rig_close(&r, true);
    size_t len, len2;
    char *bytes = rig_read_segment(&r, 1, &len), *bytes2 = rig_read_segment(&r, 2, &len2);
    cr_assert(eq(u64, len, end));
    for (size_t at = 0; at < len; at++) {
        if (at >= 2 * SEGMENT_HEAD_BYTES && at < SEGMENT_DATA_AT)
            continue;
        unsigned bit = (unsigned)(at * 5 % 8);
        bytes[at] = (char)(bytes[at] ^ (1 << bit));
        rig_write_segments(&r, (struct str){bytes, len}, (struct str){bytes2, len2});
        rig_open(&r, 1);
        struct journal_stats stats;
        journal_stats(r.j, 0, &stats);
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

/* Where each of the four groups begins, and the end. */
static void find_groups(const char *bytes, size_t len, size_t at[5])
{
    struct group_head g;
    at[0] = SEGMENT_DATA_AT;
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(group_head_decode(bytes + at[i], (struct journal_place){1, at[i]}, &g));
        at[i + 1] = at[i] + g.bytes;
    }
    cr_assert(eq(sz, at[4], len));
}

static void expect_all_but(const struct rig *r, const size_t group_at[5], size_t from, size_t to)
{
    static const unsigned first[] = {1, 2, 4, 5, 7};
    size_t heard = 0;
    for (unsigned g = 0; g < 4; g++) {
        bool hit = from < group_at[g + 1] && to > group_at[g];
        for (unsigned sequence = first[g]; sequence < first[g + 1]; sequence++) {
            while (heard < r->heard.len && r->heard.items[heard].sequence < sequence)
                heard++;
            bool there = heard < r->heard.len && r->heard.items[heard].sequence == sequence;
            cr_expect(there || hit, "record %u, damage from %zu to %zu", sequence, from, to);
        }
    }
}

/* A page of a disk is more than the heads of a group: what lies behind it is found all the same, in
 * the newest segment too, which would be cut there. */
Test(journal_read, a_hole_costs_the_groups_that_it_hits, .timeout = 120)
{
    enum { HOLE = 150 };
    struct rig r;
    size_t len, len2, group_at[5];
    small_journal(&r);
    rig_open(&r, 1);
    rig_start(&r);
    rig_append_and_wait(&r, 20, 6);
    rig_close(&r, true);
    char *bytes = rig_read_segment(&r, 1, &len), *bytes2 = rig_read_segment(&r, 2, &len2);
    char *copy = mem_alloc(len);
    find_groups(bytes, len, group_at);
    for (size_t from = 0; from < len; from += from < SEGMENT_DATA_AT ? SEGMENT_DATA_AT / 2 : 8) {
        size_t to = MIN(MAX(from, (size_t)SEGMENT_DATA_AT) + HOLE, len);
        for (unsigned newest = 0; newest < 2; newest++) {
            memcpy(copy, bytes, len);
            memset(copy + from, 0, to - from);
            rig_write_segments(&r, (struct str){copy, len},
                               newest ? (struct str){0} : (struct str){bytes2, len2});
            rig_open(&r, 1);
            expect_only_true_records(&r, from, 0);
            if (!newest || to < group_at[3])
                expect_all_but(&r, group_at, from, to);
            rig_close(&r, false);
        }
    }
    mem_free(copy);
    mem_free(bytes);
    mem_free(bytes2);
    rig_deinit(&r);
}

Test(journal_read, a_missing_segment_is_counted_and_a_newer_format_refused)
{
    struct rig r;
    struct err e = {0};
    small_journal(&r);
    rig_open(&r, 1);
    rig_start(&r);
    rig_append_and_wait(&r, 20, 6);
    rig_close(&r, true);
    size_t len, len2;
    char *bytes = rig_read_segment(&r, 1, &len), *bytes2 = rig_read_segment(&r, 2, &len2);
    rig_write_segments(&r, (struct str){0}, (struct str){bytes2, len2});
    rig_open(&r, 1);
    struct journal_stats stats;
    journal_stats(r.j, 0, &stats);
    cr_expect(eq(u64, stats.bad_records, 6));
    cr_expect(eq(sz, r.heard.len, 1));
    rig_close(&r, false);

    bytes[8] = 2; /* version, with its checksum made to fit */
    uint64_t sum = hash_bytes(bytes, SEGMENT_HEAD_BYTES - 8, 0);
    memcpy(bytes + SEGMENT_HEAD_BYTES - 8, &sum, 8);
    rig_write_segments(&r, (struct str){bytes, len}, (struct str){0});
    cr_expect(eq(int, journal_open(&r.config, &r.j, &e), ST_UNSUPPORTED));
    cr_expect(ne(ptr, strstr(e.msg, "newer"), NULL), "%s", e.msg);
    r.j = NULL;
    mem_free(bytes);
    mem_free(bytes2);
    rig_deinit(&r);
}

static enum status open_and_replay(struct rig *r, struct err *e)
{
    uint64_t last;
    struct journal_sink sink = rig_sink(r);
    r->heard.len = 0;
    TRY(journal_open(&r->config, &r->j, e));
    enum status st = journal_replay(r->j, 1, &sink, &last, e);
    rig_close(r, false);
    return st;
}

/* What cannot be read right now is not taken for damage, and nothing of it is thrown away. */
Test(journal_read, a_failing_read_is_an_error_and_loses_nothing)
{
    static const enum disk_call calls[] = {DISK_OPEN, DISK_READ};
    struct rig r;
    struct err e = {0};
    small_journal(&r);
    size_t len;
    char *bytes = rig_read_segment(&r, 1, &len);
    memset(bytes, 0xff, 2 * SEGMENT_HEAD_BYTES); /* so that open must look at the first record */
    rig_write_segments(&r, (struct str){bytes, len}, (struct str){0});
    for (size_t c = 0; c < LEN(calls); c++) {
        for (long n = 0; n < 3; n++) {
            disk_reset();
            disk_plans[calls[c]] = (struct disk_plan){n, 1, EIO};
            cr_expect(eq(int, open_and_replay(&r, &e), ST_IO), "call %d number %ld", (int)calls[c],
                      n);
            disk_reset();
            cr_expect(eq(int, open_and_replay(&r, &e), ST_OK), "%s", e.msg);
            cr_expect(eq(sz, r.heard.len, 6));
        }
    }
    mem_free(bytes);
    rig_deinit(&r);
}
