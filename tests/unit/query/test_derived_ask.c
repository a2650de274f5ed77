/* test_derived_ask.c - which buckets a selection of derived series has. */
#include "query/derived_ask.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { SECONDS, MILLISECONDS };

/* A bound that is asked for in ms and one that is configured in s may differ in their last bit. */
Test(derived_ask, a_bound_that_is_configured_and_asked_for_is_one)
{
    static const struct {
        double seconds;
        const char *le;
        unsigned unit;
    } rows[] = {{0.005, "5", MILLISECONDS},
                {0.0021, "2.1", MILLISECONDS},
                {0.0041, "4.1", MILLISECONDS},
                {0.0021, "0.0021", SECONDS}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct derived_settings settings = {.buckets = {rows[i].seconds}, .bucket_count = 1};
        struct arena arena = {0};
        struct label_matcher le = {
            .name = STR("le"), .value = str_from_c(rows[i].le), .op = MATCH_EQ};
        struct series_request r = {.matchers = &le, .matcher_count = 1, .arena = &arena};
        struct derived_ask ask;
        bool wanted;
        cr_assert(eq(int, derived_ask_make(&settings, &r, &ask, &wanted, NULL), ST_OK));
        cr_expect(eq(u32, ask.bound_count[rows[i].unit], 1), "le %s", rows[i].le);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}
