/* series_index_file.h - the label index on disk: a log that grows by the new series of each
 * checkpoint. Format: docs/formats/series_index.md. Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_INDEX_FILE_H
#define WEFT_STORAGE_SERIES_INDEX_FILE_H

#include "storage/series_index.h"

/* Appends the series [first_id, end_id) to the log at *bytes, the length of it that counts (0: a
 * new one, its head is written), syncs it and moves *bytes. What lies behind *bytes is overwritten.
 * `file` is the number in the file's name. Locks the index now and then: not the owner. ST_IO,
 * ST_NO_MEMORY. */
enum status series_index_append(struct series_index *x, const char *path, uint64_t file,
                                uint32_t first_id, uint32_t end_id, uint64_t *bytes, struct err *e);

struct series_index_loaded {
    uint64_t lost_blocks;
    bool is_damaged; /* blocks are lost, or only the head, which costs nothing */
    bool is_old;     /* of version 1, whose head has no checksum */
};

/* Adds the series of the first `bytes` of the log to the index, whose owner calls. A damaged block
 * is named in the log of weft, counted and left out. ST_NOT_FOUND; ST_UNSUPPORTED: a newer weft
 * wrote it; ST_IO, ST_NO_MEMORY. */
enum status series_index_load(struct series_index *x, const char *path, uint64_t file,
                              uint64_t bytes, struct series_index_loaded *out, struct err *e);

/* For tests and the fuzzer: the block at the cursor's content, unpacked. ST_CORRUPT. */
enum status series_index_load_block(struct series_index *x, struct str raw, struct err *e);

#endif
