/* series_delete.h - tombstones as the catalogue keeps them. Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_DELETE_H
#define WEFT_STORAGE_SERIES_DELETE_H

#include "base/buf.h"
#include "storage/catalogue_series.h"
#include "storage/series_set.h"

/* Series numbers as bytes: docs/formats/catalogue.md. */
void series_tombstone_encode(struct id_list series, struct buf *out);
/* A tombstone with one reference. ST_CORRUPT, ST_NO_MEMORY. */
enum status series_tombstone_decode(const struct catalogue_tombstone *row, struct tombstone **out,
                                    struct err *e);

#endif
