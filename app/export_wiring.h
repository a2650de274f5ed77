/* export_wiring.h - joins remote write out to what it sends: stored series and those of edges. */
#ifndef WEFT_APP_EXPORT_WIRING_H
#define WEFT_APP_EXPORT_WIRING_H

#include "app/config.h"
#include "export/remote_sender.h"
#include "query/query.h"
#include "storage/series_store.h"

struct export_wiring;

/* Starts a thread for each receiver of the configuration; with none, *out is NULL. All three are
 * borrowed until export_free(). ST_INVALID, ST_IO, ST_NO_MEMORY. */
enum status export_start(const struct config *config, struct series_store *series, struct query *q,
                         struct export_wiring **out, struct err *e);
/* As remote_senders_stats(); NULL: 0. Any thread. */
uint32_t export_stats(struct export_wiring *x, struct remote_stats *out, uint32_t cap);
/* Joins the threads; the numbers stay. NULL is allowed. */
void export_stop(struct export_wiring *x);
void export_free(struct export_wiring *x); /* NULL is allowed */

#endif
