/* test_senders.c - rows per peer, bounded, newest first. */
#include "model/senders.h"
#include "base/mem.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

#include <stdio.h>

#define AT(s) ((s)*NS_PER_S)

static struct sender_row rows[SENDERS_MAX];

static void note(struct senders *s, const char *peer, uint64_t arrival_ns)
{
    senders_note(s, str_from_c(peer), STR(""), STR(""), 1, 1, 0, arrival_ns, 0);
}

Test(senders, sums_up_per_peer)
{
    struct senders *s = senders_new();
    senders_note(s, STR("a:1"), STR("cart"), STR("OTel"), 1, 5, 0, AT(10), AT(9));
    senders_note(s, STR("b:1"), STR("web"), STR(""), 2, 7, 0, AT(11), AT(13));
    senders_note(s, STR("a:1"), STR(""), STR(""), 3, 5, 2, AT(12), AT(12));
    cr_assert_eq(senders_read(s, rows, SENDERS_MAX), 2);
    cr_expect_str_eq(rows[0].peer, "a:1");
    cr_expect_str_eq(rows[0].name, "cart", "an empty name does not erase a known one");
    cr_expect_str_eq(rows[0].client, "OTel");
    cr_expect_eq(rows[0].signals, 1u << 1 | 1u << 3);
    cr_expect_eq(rows[0].items, 10);
    cr_expect_eq(rows[0].refused, 2);
    cr_expect_eq(rows[0].last_seen_ns, AT(12));
    cr_expect_eq(rows[0].clock_offset_ms, 0, "the smallest offset: 1 s, then 0");
    cr_expect_str_eq(rows[1].peer, "b:1");
    cr_expect_eq(rows[1].clock_offset_ms, -2000, "its clock is ahead");
    cr_expect_eq(senders_read(s, rows, 1), 1);
    senders_free(s);
    EXPECT_NO_LEAK();
}

Test(senders, the_longest_silent_makes_room)
{
    struct senders *s = senders_new();
    char peer[32];
    for (uint64_t i = 0; i < SENDERS_MAX; i++) {
        snprintf(peer, sizeof(peer), "p:%u", (unsigned)i);
        note(s, peer, AT(100 + i));
    }
    note(s, "p:0", AT(5000));
    note(s, "new:1", AT(5001));
    note(s, "new:2", AT(5002));
    cr_assert_eq(senders_read(s, rows, SENDERS_MAX), SENDERS_MAX);
    cr_expect_str_eq(rows[0].peer, "new:2");
    cr_expect_str_eq(rows[1].peer, "new:1");
    cr_expect_str_eq(rows[2].peer, "p:0", "seen again, so it stays");
    cr_expect_str_eq(rows[SENDERS_MAX - 1].peer, "p:3", "p:1 and p:2 went");
    note(s, "p:1", AT(6000));
    cr_assert_eq(senders_read(s, rows, SENDERS_MAX), SENDERS_MAX);
    cr_expect_eq(rows[0].items, 1, "a peer that was forgotten starts anew");
    senders_free(s);
    EXPECT_NO_LEAK();
}

Test(senders, long_texts_are_cut)
{
    char text[300];
    memset(text, 'x', sizeof(text));
    struct str s = {text, sizeof(text)};
    struct senders *senders = senders_new();
    senders_note(senders, s, s, s, 1, 1, 0, AT(1), 0);
    senders_read(senders, rows, 1);
    cr_expect_eq(strlen(rows[0].peer), sizeof(rows[0].peer) - 1);
    cr_expect_eq(strlen(rows[0].name), sizeof(rows[0].name) - 1);
    cr_expect_eq(strlen(rows[0].client), sizeof(rows[0].client) - 1);
    senders_free(senders);
}

Test(senders, survives_each_failing_allocation)
{
    struct alloc_walk walk = {0};
    char peer[32];
    while (alloc_walk_next(&walk)) {
        struct senders *s = senders_new();
        for (uint64_t i = 1; s && i < 100; i++) {
            snprintf(peer, sizeof(peer), "p:%u", (unsigned)i);
            note(s, peer, AT(i));
        }
        cr_assert(!s || senders_read(s, rows, SENDERS_MAX) >= 98);
        senders_free(s);
    }
    cr_expect_gt(walk.failures, 2);
    EXPECT_NO_LEAK();
}
