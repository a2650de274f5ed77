/* stored_series.h - the series store as a source of PromQL's samples. Private to query/. */
#ifndef WEFT_QUERY_STORED_SERIES_H
#define WEFT_QUERY_STORED_SERIES_H

#include "query/series_source.h"

/* The source of the series that were sent to weft. The view is borrowed, and everything that is
 * selected may point into it. Blocks that were lost to damage become a warning. */
struct series_source stored_series_source(struct series_view *view);

#endif
