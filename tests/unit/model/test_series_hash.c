/* test_series_hash.c - the hash of a series is that of its labels on the wire, short or long. */
#include "model/series_hash.h"

#include "base/mem.h"
#include "tests/support/leak.h"
#include "tests/support/otlp_build.h"

enum { SEED = 11 };

static uint64_t wire_hash(struct label_set s)
{
    struct buf wire = {0}, label = {0};
    for (uint32_t i = 0; i < s.count; i++) {
        pb_put_bytes(&label, 1, s.items[i].name);
        pb_put_bytes(&label, 2, s.items[i].value);
        pb_put_message(&wire, 1, &label);
    }
    uint64_t hash = series_hash_wire(buf_str(&wire), SEED);
    buf_deinit(&wire);
    buf_deinit(&label);
    return hash;
}

Test(series_hash, is_that_of_the_wire)
{
    static const size_t lengths[] = {1, 2, 60, 110, 127, 128, 129, 480, 900, 1023, 1024, 20000};
    char *text = mem_need(20000);
    memset(text, 'x', 20000);
    for (size_t i = 0; i < LEN(lengths); i++)
        for (size_t k = 0; k < LEN(lengths); k++) {
            struct label items[] = {{LABEL_METRIC_NAME, STR("up")},
                                    {{text, lengths[i]}, {text, lengths[k]}},
                                    {STR("zone"), STR("east")}};
            struct label_set s = {items, LEN(items)};
            cr_expect_eq(series_hash(s, SEED), wire_hash(s), "%zu and %zu bytes", lengths[i],
                         lengths[k]);
        }
    mem_free(text);
    EXPECT_NO_LEAK();
}

Test(series_hash, tells_series_apart)
{
    struct label a[] = {{STR("ab"), STR("c")}}, b[] = {{STR("a"), STR("bc")}};
    struct label_set none = {NULL, 0}, x = {a, 1}, y = {b, 1};
    cr_expect_neq(series_hash(x, 1), series_hash(y, 1));
    cr_expect_neq(series_hash(x, 1), series_hash(x, 2));
    cr_expect_neq(series_hash(none, 1), series_hash(x, 1));
}
