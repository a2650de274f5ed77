/* test_promql_function.c - the table is complete, in order, and found by name. */
#include "query/promql_function.h"
#include "tests/support/leak.h"

Test(promql_function, table_is_in_order)
{
    const char *before = "";
    for (int id = 0; id < FN_COUNT; id++) {
        const struct promql_function *f = promql_function_of((enum promql_function_id)id);
        cr_assert_not_null(f->name, "function %d", id);
        cr_expect_eq((int)f->id, id, "%s", f->name);
        cr_expect(strcmp(before, f->name) < 0, "%s stands behind %s", f->name, before);
        cr_expect_eq(promql_function_find(str_from_c(f->name)), f, "%s", f->name);
        cr_expect(f->arg_count == 0 || f->args[f->arg_count - 1] != TYPE_NONE, "%s", f->name);
        before = f->name;
    }
    cr_expect_null(promql_function_find(STR("Rate")));
    cr_expect_null(promql_function_find(STR("rat")));
    cr_expect_null(promql_function_find(STR("")));
}
