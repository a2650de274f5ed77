/* test_metrics.c - one table, three promises: well-formed exposition, the numbers that were read,
 * and docs/metrics.md. */
#include "query/metrics_table.h"
#include "support/leak.h"
#include "tests/unit/query/world.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* Trap 11 of peers' code: metrics that are documented and absent, or the other way round. */
Test(metrics, docs_are_made_from_the_table)
{
    struct buf text = {0};
    metrics_describe(&text);
    expect_file(buf_str(&text), "docs/metrics.md");
    buf_deinit(&text);
}

Test(metrics, names_are_ours_and_say_their_kind)
{
    for (const struct metric *m = metrics; m->name; m++) {
        struct str name = str_from_c(m->name);
        bool is_counter = str_eq(str_from_c(m->type), STR("counter"));
        cr_expect(str_starts_with(name, STR("weft_")), "%s", m->name);
        cr_expect(eq(int, str_ends_with(name, STR("_total")), is_counter), "%s", m->name);
        cr_expect(str_ends_with(str_from_c(m->help), STR(".")), "%s", m->name);
        for (const struct metric *other = m + 1; other->name; other++)
            cr_expect(ne(str, (char *)m->name, (char *)other->name));
    }
}

Test(metrics, shows_what_was_read_and_nothing_else)
{
    struct metric_facts f = {.known = FROM_WEFT | FROM_NET, .ready = 1, .uptime_s = 1.5};
    struct buf text = {0};
    f.account.rows[SIGNAL_SPANS].received = 10;
    f.account.rows[SIGNAL_SPANS].stored = 7;
    f.account.rows[SIGNAL_SPANS].rejected[REJECT_TOO_OLD] = 2;
    f.net.aborted = 3;
    metrics_write(&text, &f);
    static const char *const there[] = {
        "\nweft_ready 1\n",
        "\nweft_uptime_seconds 1.500\n",
        "\nweft_items_received_total{signal=\"spans\"} 10\n",
        "\nweft_items_rejected_total{reason=\"too_old\",signal=\"spans\"} 2\n",
        "\nweft_items_difference{signal=\"spans\"} 1\n",
        "\nweft_transport_failures_total{reason=\"aborted\"} 3\n",
        "# TYPE weft_ready gauge\n"};
    for (size_t i = 0; i < LEN(there); i++)
        cr_expect(str_search(buf_str(&text), str_from_c(there[i])) < text.len, "%s", there[i]);
    cr_expect(str_search(buf_str(&text), STR("weft_journal")) == text.len,
              "nobody could read the journal");
    buf_deinit(&text);
    EXPECT_NO_LEAK();
}
