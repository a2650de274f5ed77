/* derived_series.c - edges to series: rows to tracks, the time before the range into their totals,
 * the tiles of the range into their samples. */
#include "query/derived_series.h"

#include "query/derived_ask.h"
#include "query/derived_rows.h"

static enum status select_rows(const struct derived_ask *ask, const struct edge_view *view,
                               struct series_list *out, struct query_budget *budget, uint64_t *lost,
                               struct err *e)
{
    for (unsigned rows = 0; rows < ROWS_COUNT; rows++) {
        unsigned sections = derived_ask_sections(ask, (enum derived_rows)rows);
        if (sections)
            TRY(derived_rows_select(ask, (enum derived_rows)rows, sections, view, out, budget, lost,
                                    e));
    }
    return ST_OK;
}

static enum status select_series(void *self, const struct series_request *request,
                                 struct series_list *out, struct query_budget *budget,
                                 struct annotations *notes, struct err *e)
{
    struct derived_series *d = self;
    struct derived_ask ask;
    bool wanted;
    uint64_t lost = 0;
    TRY(derived_ask_make(&d->settings, request, &ask, &wanted, e));
    if (!wanted)
        return ST_OK;
    if (!d->view)
        TRY(live_view_get_closed(d->live, &d->view, e));
    struct edge_view closed = edge_view_closed(d->view);
    uint32_t before = out->count;
    enum status status = select_rows(&ask, &closed, out, budget, &lost, e);
    if (lost > 0)
        annotations_add(notes, ANNOTATION_WARNING, NULL, "%llu damaged blocks are left out",
                        (unsigned long long)lost);
    if (status == ST_OK && out->count > before && ask.cuts_buckets && !request->names_only)
        annotations_add(notes, ANNOTATION_INFO, NULL,
                        "buckets of derived histograms are interpolated: their bounds are no "
                        "borders of the cells they are made of");
    return status;
}

struct series_source derived_series_source(struct derived_series *d)
{
    return (struct series_source){.select = select_series, .self = d};
}

void derived_series_close(struct derived_series *d)
{
    if (d->view)
        edge_view_unref(d->view);
    d->view = NULL;
}
