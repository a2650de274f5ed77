/* self_series.h - what /metrics shows, as time series: job="weft", instance=the address of the API.
 */
#ifndef WEFT_APP_SELF_SERIES_H
#define WEFT_APP_SELF_SERIES_H

#include "codec/remote_write_encode.h"
#include "ingest/ingest.h"
#include "query/query.h"

enum { SELF_SERIES_STEP_MS = 15000 };

struct self_series;

/* Starts a thread that sends weft's numbers through `in`, at multiples of 15 s of wall time. Both
 * are borrowed until self_series_stop(); `instance` is copied. ST_NO_MEMORY, ST_IO. */
enum status self_series_start(struct query *q, struct ingest *in, struct str instance,
                              struct self_series **out, struct err *e);
/* Joins the thread and frees. NULL is allowed. */
void self_series_stop(struct self_series *s);

/* Appends one request of remote write 1.0: every number of /metrics at time_ms, types and help too
 * when with_metadata is set. `w` is between requests. Any thread; ST_NO_MEMORY. */
enum status self_series_encode(struct query *q, struct str instance, int64_t time_ms,
                               bool with_metadata, struct write_encoder *w, struct buf *out,
                               struct err *e);

#endif
