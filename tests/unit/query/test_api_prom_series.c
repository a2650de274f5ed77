/* test_api_prom_series.c - names of labels in a path, escaped as Prometheus' UTF-8 proposal has it.
 */
#include "query/api_prom_series.c"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const struct {
    const char *raw, *label; /* label NULL: refused */
} rows[] = {
    {"job", "job"},
    {"http.path", "http.path"},
    {"a/b", "a/b"},
    {"U__http_2e_path", "http.path"},
    {"U__a__b", "a_b"},
    {"U__a_e9_b", "a\xc3\xa9"
                  "b"},
    {"U___20ac_", "\xe2\x82\xac"},
    {"U___1F600_", "\xf0\x9f\x98\x80"},
    {"U__", NULL},
    {"U__a_b", "U__a_b"},             /* no escape, so the name itself */
    {"U__a_2e", "U__a_2e"},           /* cut */
    {"U___d800_", "U___d800_"},       /* a surrogate */
    {"U___110000_", "U___110000_"},   /* beyond Unicode */
    {"U___0000061_", "U___0000061_"}, /* too long */
    {"", NULL},
    {"\xff", NULL},
};

Test(api_prom_series, reads_labels_out_of_paths)
{
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena = {0};
        struct request r = {.arena = &arena};
        struct str label;
        struct err e = {0};
        enum status status = read_label(&r, str_from_c(rows[i].raw), &label, &e);
        cr_expect(eq(int, status, rows[i].label ? ST_OK : ST_INVALID), "%s", rows[i].raw);
        if (rows[i].label)
            cr_expect(str_eq(label, str_from_c(rows[i].label)), "%s: %.*s", rows[i].raw,
                      STR_ARG(label));
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}
