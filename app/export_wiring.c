/* export_wiring.c - the sources of remote write out, and how long each waits until its samples are
 * final. */
#include "app/export_wiring.h"

#include "app/config_remote_write.h"
#include "base/mem.h"
#include "query/query_series.h"

#include <stdio.h>

/* Samples of edges come every 15 s; stored ones are sent as often, after those of a scrape are
 * there. What comes later still goes out in order of its series for five minutes. */
enum { STEP_MS = 15000, STORED_LAG_MS = 10000, LATE_MS = 5 * 60 * 1000 };

struct export_wiring {
    struct series_store *series; /* borrowed */
    struct query *query;         /* borrowed */
    struct remote_senders *senders;
};

/* --- stored series --- */

static enum status select_stored(void *user, const struct series_request *request,
                                 struct series_list *out, void **held, struct err *e)
{
    struct export_wiring *x = user;
    struct series_view *view;
    uint64_t lost = 0; /* named in the log */
    TRY(series_view_take(x->series, &view, e));
    *held = view;
    enum status status = series_view_select(view, request, out, &lost, e);
    series_view_release_parts(view); /* a receiver may be away for days */
    return status;
}

static void release_stored(void *user, void *held)
{
    (void)user;
    if (held)
        series_view_unref(held);
}

/* --- series of edges --- */

static enum status select_derived(void *user, const struct series_request *request,
                                  struct series_list *out, void **held, struct err *e)
{
    struct export_wiring *x = user;
    (void)held; /* all of it is in the arena */
    return query_derived_select(x->query, request, out, e);
}

static void release_derived(void *user, void *held)
{
    (void)user, (void)held;
}

/* --- metadata --- */

static void each_metadata(void *user, bool (*each)(const struct metric_metadata *m, void *arg),
                          void *arg)
{
    struct export_wiring *x = user;
    struct series_view *view;
    struct err ignored;
    query_derived_metadata(each, arg);
    if (series_view_take(x->series, &view, &ignored) != ST_OK)
        return;
    series_view_metadata(view, STR(""), each, arg);
    series_view_unref(view);
}

/* --- life --- */

enum status export_start(const struct config *config, struct series_store *series, struct query *q,
                         struct export_wiring **out, struct err *e)
{
    const struct config_remote_write *list = config->remote_write;
    char directory[CONFIG_TEXT_BYTES + 16];
    *out = NULL;
    if (!list || list->count == 0)
        return ST_OK;
    struct export_wiring *x = *out = mem_calloc(1, sizeof(*x));
    if (!x)
        return err_set(e, ST_NO_MEMORY, "out of memory");
    *x = (struct export_wiring){.series = series, .query = q};
    const struct remote_source sources[] = {
        {.name = "stored",
         .select = select_stored,
         .release = release_stored,
         .user = x,
         .lag_ms = STORED_LAG_MS,
         .step_ms = STEP_MS,
         .late_ms = LATE_MS,
         .retention_ms = (int64_t)(config->retention.series_ns / NS_PER_MS)},
        {.name = "derived",
         .select = select_derived,
         .release = release_derived,
         .user = x,
         .lag_ms = (int64_t)(config->graph.wait_ns / NS_PER_MS) + STEP_MS,
         .step_ms = STEP_MS,
         .late_ms = LATE_MS,
         .retention_ms = (int64_t)(config->retention.edges_ns / NS_PER_MS)},
    };
    snprintf(directory, sizeof(directory), "%s/export", config->data);
    struct remote_senders_config senders = {.directory = directory,
                                            .targets = list->targets,
                                            .target_count = list->count,
                                            .sources = sources,
                                            .source_count = LEN(sources),
                                            .metadata = {each_metadata, x}};
    return remote_senders_start(&senders, &x->senders, e);
}

uint32_t export_stats(struct export_wiring *x, struct remote_stats *out, uint32_t cap)
{
    return x ? remote_senders_stats(x->senders, out, cap) : 0;
}

void export_stop(struct export_wiring *x)
{
    if (x)
        remote_senders_stop(x->senders);
}

void export_free(struct export_wiring *x)
{
    if (!x)
        return;
    remote_senders_free(x->senders);
    mem_free(x);
}
