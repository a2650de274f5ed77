/* stored_series.c - asks a view of the series store, and warns of what the view lost to damage. */
#include "query/stored_series.h"
#include <stdio.h>

static void warn_of_loss(struct annotations *notes, uint64_t lost)
{
    char text[100];
    if (!lost)
        return;
    snprintf(text, sizeof(text), "%llu damaged blocks were left out: values may be missing",
             (unsigned long long)lost);
    annotations_add_plain(notes, ANNOTATION_WARNING, str_from_c(text));
}

static enum status select_stored(void *self, const struct series_request *request,
                                 struct series_list *out, struct query_budget *budget,
                                 struct annotations *notes, struct err *e)
{
    uint64_t lost = 0;
    TRY(query_budget_check(budget, e));
    TRY(series_view_select(self, request, out, &lost, e));
    warn_of_loss(notes, lost);
    return ST_OK;
}

struct series_source stored_series_source(struct series_view *view)
{
    return (struct series_source){.select = select_stored, .self = view};
}
