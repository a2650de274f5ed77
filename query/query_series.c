/* query_series.c - derived series' metadata and selectors, for users other than PromQL. */
#include "query/query_series.h"

#include "query/derived_family.h"
#include "query/promql_parse.h"

void query_derived_metadata(bool (*each)(const struct metric_metadata *m, void *user), void *user)
{
    for (size_t i = 0; i < derived_family_count; i++) {
        const struct derived_family *f = &derived_families[i];
        struct metric_metadata m = {
            .metric = str_from_c(f->name), .help = str_from_c(f->help), .type = derived_type(f)};
        if (!each(&m, user))
            return;
    }
}

enum status query_parse_selector(struct str text, struct arena *arena, struct label_matcher **out,
                                 uint32_t *count, struct err *e)
{
    struct promql_node *node;
    TRY(promql_parse_selector(text, arena, &node, e));
    if (promql_selector_is_wide(&node->selector)) {
        promql_free(node);
        return err_set(e, ST_INVALID, "a selector must contain at least one non-empty matcher");
    }
    *out = node->selector.matchers; /* theirs now: promql_free() is not called */
    *count = node->selector.matcher_count;
    return ST_OK;
}
