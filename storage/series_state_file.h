/* series_state_file.h - a checkpoint's state of all series as one checksummed, packed file. Format:
 * docs/formats/series_state.md. Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_STATE_FILE_H
#define WEFT_STORAGE_SERIES_STATE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Writes and syncs it; *bytes is its length. `file` is the number in its name. ST_IO, ST_NO_MEMORY.
 */
enum status series_state_write(const char *path, uint64_t file, struct str content, uint64_t *bytes,
                               struct err *e);
/* The content; the caller ends *out with buf_deinit(). ST_CORRUPT, ST_UNSUPPORTED (newer), ST_IO,
 * ST_NO_MEMORY. */
enum status series_state_read(const char *path, uint64_t file, struct buf *out, struct err *e);

#endif
