/* series_scan.h - searches all values of a label for a text. Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_SCAN_H
#define WEFT_STORAGE_SERIES_SCAN_H

#include "base/text_search.h"
#include "storage/series_index_private.h"

/* Sets the bit of every position in name->pairs from `from` on whose value contains the text; bits
 * below may be set too. `bits` has one for each pair. Any thread with series_index_lock() held, or
 * the owner. */
void series_scan(const struct series_index *x, const struct label_name *name, size_t from,
                 struct text_search text, uint64_t *bits);

#endif
