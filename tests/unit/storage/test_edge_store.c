/* test_edge_store.c - who reads waits for a picture that is young enough. */
#include "storage/edge_store.h"

#include "base/clock.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void publish_soon(void *user)
{
    edge_store_publish(user, &(struct edge_head){.complete_until_ns = 42});
}

Test(edge_store, a_young_view_is_asked_for)
{
    char folder[] = "/tmp/weft-test-XXXXXX", command[64];
    struct store_config config = {.directory = str_from_c(mkdtemp(folder))};
    const struct edge_view *first, *same, *next;
    struct store *s;
    cr_assert_eq(store_open(&config, &s, NULL), ST_OK);
    edge_store_set_refresh(s, publish_soon, s);
    cr_assert_eq(edge_store_view(s, 0, &first, NULL), ST_OK, "the hook publishes");
    cr_assert_eq(first->complete_until_ns, 42);
    cr_assert_eq(edge_store_view(s, 3600 * NS_PER_S, &same, NULL), ST_OK);
    cr_assert_eq(first, same, "young enough");
    cr_assert_eq(edge_store_view(s, 0, &next, NULL), ST_OK);
    cr_assert_neq(first, next);
    edge_view_unref(first);
    edge_view_unref(same);
    edge_view_unref(next);
    edge_view_unref(NULL);
    store_close(s);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    EXPECT_NO_LEAK();
}
