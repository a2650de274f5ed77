/* series_part_file.h - what an opened series part knows of itself, and going over its runs one by
 * one. Private to storage/series_part*. */
#ifndef WEFT_STORAGE_SERIES_PART_FILE_H
#define WEFT_STORAGE_SERIES_PART_FILE_H

#include "storage/series_block.h"
#include <stdatomic.h>

struct series_part {
    atomic_uint references;
    char *path; /* owned */
    int fd;     /* owned */
    struct series_part_info info;
    struct series_block_entry *blocks; /* owned; by first key */
    uint32_t block_count;
};

/* Reads the bytes of a block into r and checks their checksum. ST_CORRUPT, ST_IO, ST_NO_MEMORY. */
enum status series_part_fetch(const struct series_part *p, const struct series_block_entry *entry,
                              struct series_block_reader *r, struct err *e);
/* Reads and checks a block into r, ready to run. ST_CORRUPT, ST_IO, ST_NO_MEMORY. */
enum status series_part_load(const struct series_part *p, const struct series_block_entry *entry,
                             struct series_block_reader *r, struct err *e);
/* Warns of a block that cannot be read, naming part, block and reason. */
void series_part_log_lost(const struct series_part *p, const struct series_block_entry *entry,
                          const struct err *e);

#endif
