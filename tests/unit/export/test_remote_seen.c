/* test_remote_seen.c - readings that overlap: new, late, out of order, forgotten. */
#include "export/remote_seen.h"

#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

#include <criterion/criterion.h>

enum { LATE = 100 };

static struct remote_news take(struct remote_seen *s, uint64_t hash, int64_t to_ms,
                               const int64_t *times, uint32_t count)
{
    struct remote_reading reading = {
        .hash = hash, .times_ms = times, .count = count, .next_start_ms = to_ms - LATE};
    struct remote_news news;
    cr_assert(remote_seen_take(s, &reading, &news));
    return news;
}

#define TIMES(...) (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / 8
#define EXPECT_NEWS(news, at, lost)                                                                \
    do {                                                                                           \
        struct remote_news news_ = (news);                                                         \
        cr_expect_eq(news_.first, (at), "first %u", news_.first);                                  \
        cr_expect_eq(news_.out_of_order, (lost), "out of order %u", news_.out_of_order);           \
    } while (0)

Test(remote_seen, only_what_is_newer_is_news)
{
    struct remote_seen s = {0};
    EXPECT_NEWS(take(&s, 1, 50, TIMES(10, 20, 50)), 0u, 0u);
    EXPECT_NEWS(take(&s, 1, 70, TIMES(10, 20, 50, 60)), 3u, 0u);
    EXPECT_NEWS(take(&s, 1, 80, TIMES(10, 20, 50, 60)), 4u, 0u);
    /* Late, but behind nothing that was sent. */
    EXPECT_NEWS(take(&s, 1, 120, TIMES(10, 20, 50, 60, 65, 110)), 4u, 0u);
    /* The next reading begins after 20. */
    EXPECT_NEWS(take(&s, 1, 130, TIMES(50, 60, 65, 110)), 4u, 0u);
    remote_seen_deinit(&s);
    EXPECT_NO_LEAK();
}

Test(remote_seen, what_came_out_of_order_is_counted_once)
{
    struct remote_seen s = {0};
    EXPECT_NEWS(take(&s, 1, 50, TIMES(10, 50)), 0u, 0u);
    EXPECT_NEWS(take(&s, 1, 60, TIMES(10, 30, 40, 50, 60)), 4u, 2u);
    EXPECT_NEWS(take(&s, 1, 70, TIMES(10, 30, 40, 50, 60, 70)), 5u, 0u);
    EXPECT_NEWS(take(&s, 1, 140, TIMES(10, 30, 35, 40, 50, 60, 70)), 7u, 1u);
    EXPECT_NEWS(take(&s, 1, 150, TIMES(50, 60, 70)), 3u, 0u);
    remote_seen_deinit(&s);
    EXPECT_NO_LEAK();
}

Test(remote_seen, a_short_reading_knows_nothing)
{
    struct remote_seen s = {0};
    struct remote_reading reading = {
        .hash = 1, .times_ms = (const int64_t[]){60}, .count = 1, .is_short = true};
    struct remote_news news;
    EXPECT_NEWS(take(&s, 1, 50, TIMES(10, 50)), 0u, 0u);
    cr_assert(remote_seen_take(&s, &reading, &news));
    EXPECT_NEWS(take(&s, 1, 70, TIMES(10, 50, 60, 70)), 3u, 0u);
    remote_seen_deinit(&s);
    EXPECT_NO_LEAK();
}

Test(remote_seen, the_floor_was_sent_before)
{
    struct remote_seen s = {0};
    struct remote_reading reading = {
        .hash = 1, .times_ms = (const int64_t[]){10, 20, 30}, .count = 3, .floor_ms = 20};
    struct remote_news news;
    cr_assert(remote_seen_take(&s, &reading, &news));
    EXPECT_NEWS(news, 2u, 0u);
    remote_seen_deinit(&s);
    EXPECT_NO_LEAK();
}

Test(remote_seen, silent_series_are_forgotten)
{
    struct remote_seen s = {0};
    for (uint64_t hash = 0; hash < 1000; hash++)
        take(&s, hash, 50, TIMES(10));
    remote_seen_end_round(&s, -50);
    for (uint64_t hash = 0; hash < 1000; hash += 10)
        take(&s, hash, 60, TIMES(10, 60));
    remote_seen_end_round(&s, 10);
    cr_expect_eq(s.series.len, 100u);
    cr_expect_eq(s.places.count, 100u);
    EXPECT_NEWS(take(&s, 990, 70, TIMES(10, 60, 70)), 2u, 0u);
    EXPECT_NEWS(take(&s, 991, 70, TIMES(70)), 0u, 0u);
    remote_seen_deinit(&s);
    EXPECT_NO_LEAK();
}

/* A round without a look back meets few series; the next one may look back again. */
Test(remote_seen, what_can_be_read_again_is_remembered)
{
    struct remote_seen s = {0};
    for (uint64_t hash = 0; hash < 10; hash++)
        take(&s, hash, 50, TIMES(10, 50));
    remote_seen_end_round(&s, -50);
    take(&s, 0, 60, TIMES(60));
    remote_seen_end_round(&s, -40);
    cr_expect_eq(s.series.len, 10u);
    EXPECT_NEWS(take(&s, 1, 70, TIMES(10, 50, 70)), 2u, 0u);
    remote_seen_deinit(&s);
    EXPECT_NO_LEAK();
}

Test(remote_seen, short_memory_changes_nothing)
{
    for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
        struct remote_seen s = {0};
        static const int64_t times[] = {10};
        struct remote_reading reading = {.times_ms = times, .count = 1};
        for (reading.hash = 1; reading.hash < 100; reading.hash++) {
            struct remote_news news;
            while (!remote_seen_take(&s, &reading, &news))
                ;
            cr_expect(news.first == 0);
        }
        cr_expect_eq(s.series.len, 99u);
        remote_seen_deinit(&s);
    }
    EXPECT_NO_LEAK();
}
