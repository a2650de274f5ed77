/* series_order.h - a label's pairs in the order of their values, made when it is asked for. The
 * pairs that come later are ordered apart and then merged. Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_ORDER_H
#define WEFT_STORAGE_SERIES_ORDER_H

#include "storage/series_index_private.h"

/* Orders all pairs of the name: name->order then holds each, until the next add. Any thread with
 * series_index_lock() held, or the owner. ST_NO_MEMORY. */
enum status series_order_all(struct series_index *x, struct label_name *name, struct err *e);

/* Holds still what is ordered by now, which is all when only few pairs were missing:
 * name->order.len pairs, the first so many of name->pairs. No error: memory may be short, then
 * fewer are in order. Ends with series_order_release(). Threads as above. */
void series_order_hold(struct series_index *x, struct label_name *name);
void series_order_release(struct series_index *x);

/* First position in name->order whose value is not below the text. While it is held. */
size_t series_order_find(const struct series_index *x, const struct label_name *name,
                         struct str text);

#endif
